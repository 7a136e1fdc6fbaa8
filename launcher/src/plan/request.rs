//! `run.json`: what was asked, frozen when the run is created. Only an
//! [`extension`](super::extension) or changed [`knobs`](super::knobs) replace it, and they keep its
//! history. Never the API key.

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::dataset::answers::Asker;
use shared::dataset::coverage::DateRange;
use shared::dataset::run_mark::RunMark;
use shared::dataset::trust::Trust;
use shared::disk::audience::Audience;
use shared::disk::publish::{self, DiskError};
use shared::disk::regular;
use shared::formats::{self, Format, UnknownVersion, Versioned};
use shared::hex;
use shared::market::session;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::oddities::Oddities;
use shared::run::source_clock::SourceClock;
use shared::run::ticker_list::{TickerList, TickerListError};
use shared::run::workdir::Workdir;

use super::batches;
use super::knobs::Change;
use super::settings::{Batching, Program, Reuse, Rules, Settings};
use crate::job::Job;

/// One run, as frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Version of the file ([`Format::Run`]).
    #[serde(default = "formats::first")]
    pub format: u32,
    /// Random name of the run, hex.
    pub run: String,
    /// Version of the launcher that created it.
    pub version: String,
    /// UTC.
    pub created_at: Timestamp,
    /// Tickers to work on.
    pub tickers: usize,
    /// SHA-256 of the user's CSV, lower-case hex.
    pub tickers_sha256: String,
    /// The last day that was settled when the run was created or last extended, if that is before
    /// the one asked: what the run really covers. New York, inclusive.
    pub settled_to: TradingDay,
    /// The source's clock at the last `start`, if this machine's was ahead of it: ledgers use the
    /// source's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_clock: Option<SourceClock>,
    /// The arguments.
    pub settings: Settings,
    /// Its extent before each extension, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extended>,
    /// Its changes of knobs, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Changed>,
}

/// One change of knobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// UTC.
    pub at: Timestamp,
    pub knobs: Vec<Change>,
    /// The rules until then.
    pub rules_before: Rules,
}

/// One extension of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    /// UTC.
    pub at: Timestamp,
    /// How far the run went until then.
    pub before: Extent,
}

/// How far a run goes: everything of it that an extension can change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// First day, New York, inclusive.
    pub from: TradingDay,
    /// Last day as asked, New York, inclusive.
    pub to: TradingDay,
    /// Last day really covered, New York, inclusive.
    pub settled_to: TradingDay,
    pub tickers: usize,
    /// SHA-256 of the user's CSV, lower-case hex.
    pub tickers_sha256: String,
}

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("{path}: {source}", path = path.display())]
    Version { path: PathBuf, source: UnknownVersion },
    #[error("{path}: not a run of this launcher ({what}); choose another --workdir", path = path.display())]
    Corrupt { path: PathBuf, what: String },
    /// The frozen list is gone or damaged.
    #[error(transparent)]
    Tickers(#[from] TickerListError),
    #[error(
        "no day from {from} on is settled yet: the last one is {settled} (a day counts {settle} after 20:00 New York, see --settle); choose an earlier --from"
    )]
    NothingSettled { from: TradingDay, settled: TradingDay, settle: String },
}

/// A ticker CSV as read from the user.
#[derive(Debug)]
pub struct Input {
    pub list: TickerList,
    /// Harmless oddities in it.
    pub oddities: Oddities,
    /// SHA-256 of the file.
    pub sha256: String,
}

impl Input {
    /// Reads `path`.
    pub fn read(path: &Path) -> Result<Self, TickerListError> {
        let bytes = regular::read(path).map_err(DiskError::at("read", path))?;
        let list = TickerList::parse_bytes(path, &bytes)?;
        let sha256 = hex::lower(Sha256::digest(&bytes));
        Ok(Self { list, oddities: Oddities::of(&bytes), sha256 })
    }
}

impl Request {
    /// A new run called `run`, created `now`.
    pub fn new(
        run: String,
        now: Timestamp,
        settings: Settings,
        input: &Input,
    ) -> Result<Self, RequestError> {
        let settled = TradingDay::last_settled(now, settings.settle);
        if settled < settings.from {
            let settle = format!("{:#}", settings.settle);
            return Err(RequestError::NothingSettled { from: settings.from, settled, settle });
        }
        Ok(Self {
            run,
            format: Format::Run.version(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: now,
            tickers: input.list.tickers.len(),
            tickers_sha256: input.sha256.clone(),
            settled_to: settings.to.min(settled),
            source_clock: None,
            settings,
            extensions: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// The request by the source's clock: `clocks` say that this machine's, which says `now`, is
    /// ahead.
    pub fn settled_by(mut self, clocks: SourceClock, now: Timestamp) -> Result<Self, RequestError> {
        self.source_clock = Some(clocks);
        let now = clocks.earlier(now);
        let (from, settle) = (self.settings.from, self.settings.settle);
        let settled = TradingDay::last_settled(now, settle);
        if settled < from {
            return Err(RequestError::NothingSettled {
                from,
                settled,
                settle: format!("{settle:#}"),
            });
        }
        self.settled_to = self.settled_to.min(settled);
        Ok(self)
    }

    /// The run in `workdir`; `None` when there is none.
    pub fn read(workdir: &Workdir) -> Result<Option<Self>, RequestError> {
        let path = workdir.request();
        match regular::read(&path) {
            Ok(bytes) => {
                // Looked at first: of another version nothing else need be as we know it.
                if let Ok(Versioned { format }) = serde_json::from_slice(&bytes)
                    && let Err(source) = Format::Run.read(format)
                {
                    return Err(RequestError::Version { path, source });
                }
                let read =
                    serde_json::from_slice::<Self>(&bytes).map_err(|error| error.to_string());
                match read.and_then(Self::that_makes_sense) {
                    Ok(request) => Ok(Some(request)),
                    Err(what) => Err(RequestError::Corrupt { path, what }),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DiskError::at("read", &path)(error).into()),
        }
    }

    /// Checks that its parts fit together, as in every run that a launcher has made.
    fn that_makes_sense(self) -> Result<Self, String> {
        let Settings { from, to, job, ref program, .. } = self.settings;
        if to < from || self.settled_to < from {
            return Err(format!("its days end at {} and begin at {from}", to.min(self.settled_to)));
        }
        if job.kind().is_none() && !matches!(program, Program::Bars(_)) {
            return Err("it makes bars and does not say which".to_owned());
        }
        Ok(self)
    }

    /// Freezes the run: from here on `workdir` belongs to it.
    ///
    /// The list is written first, and `run.json` says how many of its lines count. An extension
    /// appends its tickers, so a crash between the two leaves the run as it was.
    pub fn freeze(&self, workdir: &Workdir, tickers: &[Ticker]) -> Result<(), RequestError> {
        publish::publish_for(
            Audience::Owner,
            &frozen_list(workdir),
            TickerList::text(tickers).as_bytes(),
        )?;
        let text = serde_json::to_string_pretty(self).expect("a request is plain data") + "\n";
        publish::publish_for(Audience::Owner, &workdir.request(), text.as_bytes())?;
        Ok(())
    }

    /// The tickers of the run in `workdir`, in the order in which they joined it.
    pub fn frozen_tickers(&self, workdir: &Workdir) -> Result<Vec<Ticker>, RequestError> {
        let path = frozen_list(workdir);
        let mut tickers = TickerList::read(&path)?.tickers;
        if tickers.len() < self.tickers {
            let what = format!("{} tickers where run.json says {}", tickers.len(), self.tickers);
            return Err(RequestError::Corrupt { path, what });
        }
        tickers.truncate(self.tickers);
        Ok(tickers)
    }

    /// How far it goes.
    pub fn extent(&self) -> Extent {
        let Settings { from, to, .. } = self.settings;
        let (settled_to, tickers) = (self.settled_to, self.tickers);
        Extent { from, to, settled_to, tickers, tickers_sha256: self.tickers_sha256.clone() }
    }

    /// The days that the run is to prove.
    pub fn days(&self) -> DateRange {
        DateRange::new(self.settings.from, self.settled_to)
            .expect("a request is made only with a settled day")
    }

    /// The rules when the run was created. A replay of the journal starts with them; the journal
    /// says when they changed.
    pub fn first_rules(&self) -> Rules {
        self.rules_after(0)
    }

    /// The rules after `changes` changes, until the next one.
    pub fn rules_after(&self, changes: usize) -> Rules {
        let Settings { max_concurrent, retries, limits, .. } = self.settings;
        let now = || Rules { max_concurrent, retries, min_free_memory: limits.min_free_memory };
        self.changes.get(changes).map_or_else(now, |next| next.rules_before)
    }

    /// The request with changed `knobs` from `now` on; `settings` have the changes.
    pub fn changed(mut self, now: Timestamp, knobs: Vec<Change>, settings: Settings) -> Self {
        if !knobs.is_empty() {
            let rules_before = self.rules_after(self.changes.len());
            self.changes.push(Changed { at: now, knobs, rules_before });
            self.settings = settings;
        }
        self
    }

    /// The sessions of its days, if one request per session brings every ticker: then all tickers
    /// form one batch.
    pub fn by_session(&self) -> Option<usize> {
        let Settings { job, via, ref batching, ref program, .. } = self.settings;
        // A user's executable may not know this way.
        if batching.is_some() || job != Job::Daily || *program != Program::Worker {
            return None;
        }
        let sessions = session::sessions(self.settings.from, self.settled_to).count();
        batches::come_by_session(via, sessions, self.tickers).then_some(sessions)
    }

    /// May a heavy ticker be split by date? Not where a year is one file, with a user's executable,
    /// or with a given number of batches.
    pub fn may_split(&self) -> bool {
        let is_sized = matches!(self.batching(), Batching::Size(_));
        is_sized && self.settings.job != Job::Daily && self.settings.program == Program::Worker
    }

    /// How its tickers are cut.
    pub fn batching(&self) -> Batching {
        let fitting = || match self.by_session() {
            Some(_) => Batching::Shards(NonZeroU32::MIN),
            None => Batching::Size(batches::DEFAULT_SIZE),
        };
        self.settings.batching.unwrap_or_else(fitting)
    }

    /// Only answers since then count; `None` if all do.
    pub fn covered_since(&self) -> Option<Timestamp> {
        match self.settings.existing {
            Reuse::Trusted => None,
            Reuse::FetchedAnew => Some(self.created_at),
        }
    }

    /// Which ledger lines count at `now`; empty answers may be asked again from `recheck_at` on.
    pub fn trust(&self, recheck_at: Timestamp, now: Timestamp) -> Trust {
        let recheck_at = self.source_clock.map_or(recheck_at, |clocks| clocks.earlier(recheck_at));
        let (since, mark) = (self.covered_since(), self.mark());
        let run = Some(if since.is_some() { Asker::Anew(mark) } else { Asker::Trusting(mark) });
        Trust { recheck_at, since, run, ..Trust::at(now, self.settings.recheck_empty) }
    }

    /// The mark of its ledger lines.
    pub fn mark(&self) -> RunMark {
        RunMark::of_run(&self.run)
    }
}

fn frozen_list(workdir: &Workdir) -> PathBuf {
    workdir.root().join("tickers.csv")
}

#[cfg(test)]
mod tests;
