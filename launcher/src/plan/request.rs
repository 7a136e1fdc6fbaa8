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
use shared::formats::{self, Format, UnknownVersion};
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
    /// Which, and how.
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
    /// How many.
    pub tickers: usize,
    /// SHA-256 of the user's CSV, lower-case hex.
    pub tickers_sha256: String,
}

/// What every version of `run.json` says.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "formats::first")]
    format: u32,
}

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// `run.json` is of another version.
    #[error("{path}: {source}", path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Which.
        source: UnknownVersion,
    },
    /// `run.json` is damaged.
    #[error("{path}: not a run of this launcher ({what}); choose another --workdir", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The frozen list is gone or damaged.
    #[error(transparent)]
    Tickers(#[from] TickerListError),
    /// No day of the range is settled yet.
    #[error(
        "no day from {from} on is settled yet: the last one is {settled} (a day counts {settle} after 20:00 New York, see --settle); choose an earlier --from"
    )]
    NothingSettled {
        /// First day asked.
        from: TradingDay,
        /// Last settled day.
        settled: TradingDay,
        /// The delay.
        settle: String,
    },
}

/// A ticker CSV as read from the user.
#[derive(Debug)]
pub struct Input {
    /// The tickers in it.
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
mod tests {
    use super::*;
    use crate::cli::StartArgs;

    fn settings(from: &str, to: &str) -> Settings {
        let args = StartArgs {
            job: Some(Job::Daily),
            tickers_csv: Some("small.csv".into()),
            outdir: Some("out".into()),
            from: Some(from.parse().expect(from)),
            to: Some(to.parse().expect(to)),
            ..StartArgs::default()
        };
        Settings::resolve(&args, Path::new("/home/me")).expect("complete")
    }

    fn request(from: &str, to: &str) -> Result<Request, RequestError> {
        let list =
            TickerList { tickers: vec!["AIG".parse().expect("a ticker")], repeated: Vec::new() };
        let input = Input { list, oddities: Oddities::default(), sha256: "00".to_owned() };
        let now = "2024-07-02T15:00:00Z".parse().expect("an instant");
        Request::new("ab12".to_owned(), now, settings(from, to), &input)
    }

    #[test]
    fn the_range_ends_at_the_last_settled_day() {
        let clipped = request("2024-01-01", "2030-12-31").expect("some days are settled");
        assert_eq!(clipped.days().to_string(), "2024-01-01..2024-07-01");
        assert_eq!(
            clipped.covered_since(),
            Some(clipped.created_at),
            "not asked to trust what is there"
        );
    }

    #[test]
    fn what_the_ledgers_tell_by_the_sources_clock_is_not_old_for_a_clock_that_is_ahead() {
        let now: Timestamp = "2024-07-02T15:00:00Z".parse().expect("an instant");
        let clocks = SourceClock::heard("Sun, 30 Jun 2024 15:00:00 GMT", now).expect("a date");
        let request = request("2024-01-01", "2030-12-31").expect("settled").settled_by(clocks, now);
        let request = request.expect("settled");
        assert_eq!(request.days().to_string(), "2024-01-01..2024-06-29");
        assert_eq!(
            request.trust(now, now).recheck_at,
            clocks.earlier(now),
            "an empty answer is a day old then"
        );
        assert_eq!(request.trust(now, now).now, now);
    }

    #[test]
    fn a_range_that_lies_in_the_future_is_refused() {
        let error = request("2024-07-02", "2024-07-03").expect_err("nothing is settled");
        assert_eq!(
            error.to_string(),
            "no day from 2024-07-02 on is settled yet: the last one is 2024-07-01 (a day counts 15h after 20:00 New York, see --settle); choose an earlier --from"
        );
    }

    #[test]
    fn where_nothing_was_said_few_sessions_of_many_tickers_are_one_batch() {
        let mut request = request("2024-06-03", "2024-06-14").expect("settled");
        assert_eq!(
            (request.by_session(), request.batching()),
            (None, Batching::Size(batches::DEFAULT_SIZE))
        );
        request.tickers = 300;
        assert_eq!(request.by_session(), None, "nobody asked for it");
        request.settings.via = shared::run::via::Via::Auto;
        assert_eq!(
            (request.by_session(), request.batching()),
            (Some(10), Batching::Shards(NonZeroU32::MIN))
        );
        request.settings.program = Program::Script("/bin/own".into());
        assert_eq!(request.by_session(), None);
        request.settings.program = Program::Worker;
        let said = Batching::Size(NonZeroU32::MIN);
        request.settings.batching = Some(said);
        assert_eq!((request.by_session(), request.batching()), (None, said));
    }

    #[test]
    fn a_frozen_run_is_read_back_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let workdir = Workdir::new(folder.path());
        assert!(Request::read(&workdir).expect("read").is_none());
        let request = request("2024-01-01", "2024-06-28").expect("settled");
        let tickers = ["AIG".parse().expect("a ticker")];
        request.freeze(&workdir, &tickers).expect("frozen");
        assert_eq!(Request::read(&workdir).expect("read").as_ref(), Some(&request));
        assert_eq!(request.frozen_tickers(&workdir).expect("read"), tickers);
    }

    #[test]
    fn a_run_that_makes_no_sense_is_refused_and_panics_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let workdir = Workdir::new(folder.path());
        let sound = request("2024-01-01", "2024-06-28").expect("settled");
        let backwards =
            Request { settled_to: "2023-12-31".parse().expect("a day"), ..sound.clone() };
        let mut without_order = sound;
        without_order.settings.job = Job::Bars;
        for (run, what) in [(backwards, "2023-12-31"), (without_order, "which")] {
            run.freeze(&workdir, &[]).expect("written");
            let error = Request::read(&workdir).expect_err("refused").to_string();
            assert!(
                error.contains("not a run of this launcher") && error.contains(what),
                "{error}"
            );
        }
    }

    #[test]
    fn the_list_of_an_extension_that_crashed_before_run_json_does_not_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let workdir = Workdir::new(folder.path());
        let request = request("2024-01-01", "2024-06-28").expect("settled");
        let longer: [Ticker; 2] = ["AIG", "BA"].map(|name| name.parse().expect("a ticker"));
        request.freeze(&workdir, &longer[..1]).expect("frozen");
        publish::publish(&frozen_list(&workdir), TickerList::text(&longer).as_bytes())
            .expect("the crash is next");
        assert_eq!(request.frozen_tickers(&workdir).expect("read"), longer[..1]);
        let extended = Request { tickers: 2, ..request };
        assert_eq!(extended.frozen_tickers(&workdir).expect("read"), longer);
        let said = Request { tickers: 3, ..extended }
            .frozen_tickers(&workdir)
            .expect_err("one is gone")
            .to_string();
        assert!(
            said.contains("tickers.csv: ") && said.contains("2 tickers where run.json says 3"),
            "{said}"
        );
    }
}
