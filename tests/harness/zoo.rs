//! A launcher that has the zoo for its `worker`.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::inherited;
use super::place::{Place, days};
use super::program::{SECRET, built};
use crate::sim::config::Config;
use crate::sim::server::Exchange;

/// Days that the runs of the zoo ask for: two partitions.
pub const DAYS: (&str, &str) = ("2020-01-01", "2021-12-31");

/// A folder with `launcher` and, in the place of `worker`, an animal; and a service that answers
/// the launcher's question.
pub struct Zoo {
    programs: TempDir,
    exchange: Exchange,
}

impl Zoo {
    /// Opens it.
    pub fn open() -> Self {
        let launcher = built("launcher");
        // Beside the programs, so that they can be linked: a copy could be "busy" while another
        // test spawns.
        let programs =
            tempfile::tempdir_in(launcher.parent().expect("a folder")).expect("a folder");
        fs::hard_link(&launcher, programs.path().join("launcher")).expect("linked");
        fs::hard_link(built("zoo"), programs.path().join("worker")).expect("linked");
        Self {
            programs,
            exchange: Exchange::start(Config::synthetic(1).with_tickers(1)).expect("started"),
        }
    }

    /// A launcher command on the run of `place`, with workers of this `nature`.
    pub fn launcher(&self, place: &Place, nature: &str, subcommand: &str) -> Command {
        let mut launcher = Command::new(self.programs.path().join("launcher"));
        launcher.current_dir(place.path()).arg(subcommand).arg("--workdir").arg(place.workdir());
        inherited::clean(&mut launcher);
        launcher.env("POLYGON_API_KEY", SECRET).env("ZOO", nature);
        launcher
    }

    /// `launcher start` of a new run over the tickers of `place`.
    pub fn start(&self, place: &Place, nature: &str) -> Command {
        let asked = days(DAYS.0, DAYS.1);
        let mut start = self.launcher(place, nature, "start");
        start.args(["--job", "daily"]).arg("--tickers-csv").arg(place.tickers_csv());
        start.arg("--outdir").arg(place.outdir()).args(["--base-url", &self.exchange.base_url()]);
        start.args(["--from", &asked.from().to_string(), "--to", &asked.to().to_string()]);
        start
    }
}
