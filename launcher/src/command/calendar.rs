//! `launcher calendar`: prints the sessions of the exchange. Looks at nothing but its arguments.

use shared::dataset::coverage::DateRange;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use crate::cli::calendar::{CalendarArgs, CalendarFormat};
use crate::plan::settings::SettingsError;
use crate::view::calendar::{self, Calendar};
use crate::view::words::say;

/// Prints them.
pub fn calendar(args: &CalendarArgs) -> Result<ExitStatus, Failure> {
    let CalendarArgs { from, to, format } = *args;
    let days = DateRange::new(from, to).ok_or(SettingsError::ToBeforeFrom { from, to })?;
    let calendar = Calendar::of(days);
    let said = match format {
        CalendarFormat::Text => calendar::text(&calendar),
        CalendarFormat::Csv => calendar::csv(&calendar),
        CalendarFormat::Json => calendar::json(&calendar),
    };
    say(&said).map_err(Failure::Output)?;
    Ok(ExitStatus::Well)
}
