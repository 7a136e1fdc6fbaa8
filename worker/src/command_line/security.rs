//! Arguments of `bars` that say whose days are read: those of one security, under all its symbols.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use shared::dataset::reference::Reference;
use shared::market::security::Figi;
use shared::market::security_days::WhichSecurity;
use shared::market::trading_day::TradingDay;

use super::refusal::Refusal;
use crate::bars::batch::OneSecurity;

/// As typed.
#[derive(Debug, Args)]
pub struct SecurityArgs {
    /// Only the days of the security with this FIGI (composite or share class), under all the
    /// symbols that it had; --ticker is one of them and names the bars
    #[arg(long, value_name = "FIGI", requires = "reference", requires = "ticker")]
    security: Option<Figi>,
    /// Only the days of the security that the ticker named on this day, under all the symbols that
    /// it had
    #[arg(long, value_name = "YYYY-MM-DD", requires = "reference", conflicts_with = "security")]
    as_of: Option<TradingDay>,
    /// Output of `worker reference --ticker-events`, which tells the symbols of a security
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
}

impl SecurityArgs {
    /// Reads the reference data, if one security is meant.
    pub fn resolve(&self) -> Result<Option<OneSecurity>, Refusal> {
        let which = match (&self.security, self.as_of) {
            (Some(figi), _) => WhichSecurity::Figi(figi.clone()),
            (None, Some(day)) => WhichSecurity::AsOf(day),
            (None, None) if self.reference.is_some() => {
                let text = "--reference needs --security or --as-of; add one, or leave it out";
                return Err(Refusal::wrong(text.to_owned()));
            }
            (None, None) => return Ok(None),
        };
        let Some(folder) = &self.reference else {
            return Err(Refusal::wrong("--reference is missing".to_owned()));
        };
        let found =
            Reference::newest(folder).map_err(|error| Refusal::flag("--reference", &error))?;
        let Some(Reference { securities, .. }) = found else {
            return Err(Refusal::wrong(format!(
                "--reference {}: no tickers_snapshot in it; `worker reference` makes one",
                folder.display()
            )));
        };
        Ok(Some(OneSecurity { known: Arc::new(securities), which }))
    }
}
