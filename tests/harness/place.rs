//! A folder to work in, a ticker list in it, and the real data beside the project where they are
//! present.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tempfile::TempDir;

use super::program::{command, with_environment};

/// An empty folder that is gone after the test.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// With `tickers` in `tickers.csv`.
    pub fn with_tickers<T: AsRef<str>>(tickers: impl IntoIterator<Item = T>) -> Self {
        let lines = tickers
            .into_iter()
            .fold(String::from("ticker\n"), |text, ticker| text + ticker.as_ref() + "\n");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("tickers.csv"), lines).expect("written");
        Self { folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The dataset.
    pub fn outdir(&self) -> PathBuf {
        self.path().join("out")
    }

    /// The run.
    pub fn workdir(&self) -> PathBuf {
        self.path().join("run")
    }

    /// Processes of the run, found by what they inherit.
    pub fn processes(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.workdir().join("run.json")).unwrap_or_default();
        let request: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let marked = |run| with_environment(&format!("LAUNCHER_RUN={run}"));
        request["run"].as_str().map(marked).unwrap_or_default()
    }

    /// The ticker list.
    pub fn tickers_csv(&self) -> PathBuf {
        self.path().join("tickers.csv")
    }

    /// `worker daily` over the list, with waits short enough for tests.
    pub fn worker(&self, base_url: &str, asked: DateRange) -> Command {
        self.worker_of(Kind::Daily, base_url, asked)
    }

    /// The same for any kind of data.
    pub fn worker_of(&self, kind: Kind, base_url: &str, asked: DateRange) -> Command {
        let mut worker = command("worker");
        worker
            .current_dir(self.path())
            .arg(kind.name())
            .arg("--tickers-csv")
            .arg(self.tickers_csv());
        worker.arg("--outdir").arg(self.outdir());
        worker.args(["--from", &asked.from().to_string(), "--to", &asked.to().to_string()]);
        worker.args(["--base-url", base_url, "--backoff-base", "5ms"]);
        worker
    }

    /// `launcher start --job daily` over the list.
    pub fn launcher_start(&self, base_url: &str, asked: DateRange) -> Command {
        self.launcher_start_of(Kind::Daily, base_url, asked)
    }

    /// The same for any kind of data.
    pub fn launcher_start_of(&self, kind: Kind, base_url: &str, asked: DateRange) -> Command {
        let mut launcher = self.launcher("start");
        launcher.args(["--job", kind.name()]).arg("--tickers-csv").arg(self.tickers_csv());
        launcher.arg("--outdir").arg(self.outdir());
        launcher.args(["--from", &asked.from().to_string(), "--to", &asked.to().to_string()]);
        launcher.args(["--base-url", base_url, "--backoff-base", "5ms"]);
        launcher
    }

    /// A launcher command on the run of this place.
    pub fn launcher(&self, subcommand: &str) -> Command {
        let mut launcher = command("launcher");
        launcher.current_dir(self.path()).arg(subcommand).arg("--workdir").arg(self.workdir());
        launcher
    }
}

#[track_caller]
pub fn days(from: &str, to: &str) -> DateRange {
    DateRange::new(from.parse().expect("a day"), to.parse().expect("a day")).expect("in order")
}

#[track_caller]
pub fn ticker(text: &str) -> Ticker {
    text.parse().expect("a ticker")
}

/// The folder `../shared/NAME` beside the project, with a word where it is absent and its test is
/// skipped.
pub fn beside_the_project(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: ../shared/{name} is not beside the project");
    None
}
