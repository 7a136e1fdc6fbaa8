//! What is asked of workers: the days of each partition drawn, and no other. Partitions with the
//! same days share a worker. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::Path;

use jiff::SignedDuration;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::Descriptor;
use shared::dataset::entry::FileProof;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::pace::rate::Rate;
use shared::run::duplicates::Duplicates;

/// A partition that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Whose.
    pub ticker: Ticker,
    /// Which.
    pub partition: Partition,
    /// How often it was drawn, at least once.
    pub draws: u64,
    /// What its ledger line says of the file.
    pub proof: FileProof,
    /// The days that the ledger proves.
    pub days: Coverage,
}

/// What one worker is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Both ends inclusive.
    pub days: DateRange,
    /// What is done with two different bars of one time: what was done before.
    pub duplicates: Duplicates,
    /// What is compared with what comes; one a ticker.
    pub samples: Vec<Sample>,
}

impl Question {
    /// Whose days are asked for.
    pub fn tickers(&self) -> BTreeSet<&Ticker> {
        self.samples.iter().map(|sample| &sample.ticker).collect()
    }
}

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub struct Source {
    /// Checked.
    pub base_url: String,
    /// Was `--allow-http` given?
    pub allow_http: bool,
    /// The rate that all processes with the key share.
    pub rate: Option<Rate>,
    /// Tries of one request, where given.
    pub tries: Option<NonZeroU32>,
    /// First pause between them, where given.
    pub backoff_base: Option<SignedDuration>,
}

/// The questions that bring all `samples`.
pub fn questions(samples: Vec<Sample>) -> Vec<Question> {
    let mut questions: BTreeMap<(DateRange, String), Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        let days = sample.days.hull().unwrap_or(sample.partition.span());
        questions.entry((days, duplicates(&sample).to_string())).or_default().push(sample);
    }
    let question = |((days, kept), samples): ((DateRange, String), Vec<Sample>)| Question {
        days,
        duplicates: kept.parse().unwrap_or_default(),
        samples,
    };
    questions.into_iter().map(question).collect()
}

fn duplicates(sample: &Sample) -> Duplicates {
    let noted = sample.proof.duplicates.as_ref();
    noted.and_then(|noted| noted.kept.parse().ok()).unwrap_or_default()
}

/// Where a question's files are.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The list of its tickers.
    pub csv: &'a Path,
    /// The tree that comes of it.
    pub outdir: &'a Path,
    /// What the worker reports.
    pub events: &'a Path,
}

/// The command line of its worker: rows as those of the tree `of`.
pub fn arguments(
    question: &Question,
    of: &Descriptor,
    source: &Source,
    places: Places<'_>,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![of.kind.name().into()];
    let mut say = |flag: &str, value: OsString| arguments.extend([flag.into(), value]);
    say("--tickers-csv", places.csv.into());
    say("--outdir", places.outdir.into());
    say("--from", question.days.from().to_string().into());
    say("--to", question.days.to().to_string().into());
    say("--events", places.events.into());
    say("--base-url", source.base_url.clone().into());
    // These days were settled when they were downloaded.
    say("--settle", "0s".into());
    say("--tz", of.time_zone.to_string().into());
    if let Some(rate) = source.rate {
        say("--rate", rate.to_string().into());
    }
    if let Some(tries) = source.tries {
        say("--tries", tries.to_string().into());
    }
    if let Some(base) = source.backoff_base {
        say("--backoff-base", format!("{base:#}").replace(' ', "").into());
    }
    match (of.kind, of.columns) {
        (Kind::Trades, Some(columns)) => say("--columns", columns.to_string().into()),
        (Kind::Trades, None) => {}
        (Kind::Daily | Kind::Minute, _) => {
            say("--duplicates", question.duplicates.to_string().into());
        }
    }
    if bool::from(of.adjusted) && of.kind != Kind::Trades {
        arguments.push("--adjusted".into());
    }
    if source.allow_http {
        arguments.push("--allow-http".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::dataset::descriptor::Adjusted;
    use shared::dataset::entry::KeptDuplicates;
    use shared::dataset::kind::Columns;
    use shared::dataset::writer::Fingerprint;
    use shared::market::zone::Zone;

    fn sample(ticker: &str, month: i8, kept: Option<&str>) -> Sample {
        let partition = Partition::Month(2024, month);
        let fingerprint = Fingerprint { bytes: 7, sha256: String::new() };
        let mut proof = FileProof::new(1, 0, 0, fingerprint);
        proof.duplicates = kept.map(|kept| KeptDuplicates { kept: kept.to_owned(), rows: 1 });
        let ticker = ticker.parse().expect("a ticker");
        Sample { ticker, partition, draws: 1, proof, days: partition.span().into() }
    }

    #[test]
    fn partitions_with_the_same_days_share_a_worker_and_nothing_between_is_asked_for() {
        let samples = vec![
            sample("BAC", 2, None),
            sample("AIG", 2, None),
            sample("AIG", 11, None),
            sample("C", 2, Some("keep-last")),
        ];
        let told: Vec<String> = questions(samples)
            .iter()
            .map(|it| {
                let tickers: Vec<&str> = it.tickers().into_iter().map(Ticker::as_str).collect();
                format!("{} {} {}", it.days, it.duplicates, tickers.join(","))
            })
            .collect();
        assert_eq!(
            told,
            [
                "2024-02-01..2024-02-29 keep-last C",
                "2024-02-01..2024-02-29 refuse AIG,BAC",
                "2024-11-01..2024-11-30 refuse AIG",
            ]
        );
    }

    #[test]
    fn rows_are_asked_for_as_the_tree_has_them() {
        let source = Source {
            base_url: "http://127.0.0.1:9".to_owned(),
            allow_http: false,
            rate: Some("100/min".parse().expect("a rate")),
            tries: None,
            backoff_base: None,
        };
        let places = Places {
            csv: Path::new("q.csv"),
            outdir: Path::new("tree"),
            events: Path::new("events.jsonl"),
        };
        let said = |kind, adjusted, columns| {
            let of = Descriptor::new(kind, adjusted, columns, Zone::NewYork, "127.0.0.1");
            let question = &questions(vec![sample("AIG", 2, None)])[0];
            let arguments = arguments(question, &of, &source, places);
            arguments.join(std::ffi::OsStr::new(" ")).into_string().expect("plain")
        };
        assert_eq!(
            said(Kind::Minute, Adjusted::Yes, Columns::Narrow),
            "minute --tickers-csv q.csv --outdir tree --from 2024-02-01 --to 2024-02-29 \
             --events events.jsonl --base-url http://127.0.0.1:9 --settle 0s \
             --tz America/New_York --rate 100/min --duplicates refuse --adjusted"
        );
        let trades = said(Kind::Trades, Adjusted::No, Columns::Full);
        assert!(trades.ends_with("--rate 100/min --columns full"), "{trades}");
    }
}
