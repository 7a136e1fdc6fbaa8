//! `launcher verify` over real folders: what it finds, says, and how it ends.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use launcher::verify::report::Depth;
use launcher::verify::report::{Report, csv, json, text};
use launcher::verify::rule::Rules;
use launcher::verify::state::State;
use launcher::verify::survey::{Asked, Survey};
use launcher::verify::tree::Tree;
use serde_json::Value;
use shared::dataset::answers::Said;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, FileProof};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::dataset::seen::Seen;
use shared::dataset::writer::Fingerprint;
use shared::market::ticker::Ticker;

use crate::scene::{Ended, Scene, run};
use crate::status::keys;

fn ticker(text: &str) -> Ticker {
    text.parse().expect("a ticker")
}

fn range(from: &str, to: &str) -> DateRange {
    DateRange::new(from.parse().expect("a day"), to.parse().expect("a day")).expect("in order")
}

/// A tree of minutes, as a run leaves it: what stands in the files does not matter here.
struct Market {
    scene: Scene,
}

const MONTHS: [&str; 3] = ["2024-01", "2024-02", "2024-03"];

impl Market {
    /// Three months of these tickers.
    fn of(tickers: &[&str]) -> Self {
        let scene = Scene::of(tickers);
        let market = Self { scene };
        fs::create_dir_all(market.out("")).expect("made");
        market.describe();
        for name in tickers {
            for month in MONTHS {
                market.month(name, month, Said::Data);
            }
        }
        market
    }

    fn out(&self, name: &str) -> PathBuf {
        self.scene.path("out").join(name)
    }

    fn describe(&self) {
        let said = r#"{"kind":"minute","schema_version":1,"adjusted":false,"time_zone":"America/New_York","source":"x"}"#;
        fs::write(self.out("_dataset.json"), said).expect("written");
    }

    fn file(&self, name: &str, month: &str) -> PathBuf {
        let (year, month) = month.split_once('-').expect("a month");
        self.out(&format!("{name}/year={year}/month={month}/minute.parquet"))
    }

    /// A month with a file and its line, or with a line alone.
    fn month(&self, name: &str, month: &str, said: Said) {
        let (year, number) = month.split_once('-').expect("a month");
        let partition: Partition =
            format!("year={year}/month={number}").parse().expect("a partition");
        let span = partition.span();
        let mut entry = Entry::new(&ticker(name), partition);
        entry.answers.record(
            span,
            said,
            "2024-09-01T12:00:00Z".parse::<jiff::Timestamp>().expect("an instant"),
        );
        let mut ledger =
            OpenLedger::open(&self.out(""), Kind::Minute, &ticker(name), span).expect("opened");
        if said == Said::Data {
            let path = self.file(name, month);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(&path, format!("rows of {name} in {month}")).expect("written");
            let (first, last) = (span.from().start_utc_ms(), span.to().start_utc_ms());
            let fingerprint = Fingerprint::of_file(&path).expect("read");
            let seen = Some(Seen::at(&path).expect("looked at"));
            entry.file = Some(FileProof { seen, ..FileProof::new(7, first, last, fingerprint) });
        }
        ledger.commit(vec![entry]).expect("committed");
    }

    fn verify(&self, arguments: &[&str]) -> Ended {
        let usual = [
            "--outdir",
            "out",
            "--tickers-csv",
            "tickers.csv",
            "--from",
            "2024-01-01",
            "--to",
            "2024-03-31",
        ];
        run(self.scene.bare("verify").args(usual).args(arguments))
    }

    /// Rule, ticker and partition of all that is found, and the exit code.
    fn found(&self) -> (Vec<String>, i32) {
        let ended = self.verify(&["--json"]);
        let said: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("-").to_owned();
        let findings = said["findings"].as_array().expect("an array").iter();
        let spelled = |it: &Value| {
            format!("{} {} {}", text(it, "rule"), text(it, "ticker"), text(it, "partition"))
        };
        let code = ended.code.expect("it ended by itself");
        assert_eq!(said["exit_code"].as_i64(), Some(i64::from(code)));
        (findings.map(spelled).collect(), code)
    }

    fn survey(&self, tickers: &[&str]) -> Report {
        let survey = Survey {
            trees: vec![Tree::look(&self.out(""), None).expect("a tree")],
            tickers: Asked::These(tickers.iter().map(|name| ticker(name)).collect()),
            days: range("2024-01-01", "2024-03-31"),
            depth: Depth::Ledgers,
            rules: Rules::default(),
            listings: None,
            recheck_empty: 0,
            modes: None,
            threads: 2,
            now: "2024-10-01T12:00:00Z".parse().expect("an instant"),
        };
        survey.run(&|| {})
    }
}

#[test]
fn a_tree_as_a_run_leaves_it_is_complete_and_nothing_is_found() {
    let market = Market::of(&["A", "B"]);
    assert_eq!(market.found(), (Vec::new(), 0));
    let said = market.verify(&[]).expect_code(0);
    assert!(said.stdout.starts_with("COMPLETE: all of 6 partitions\n"), "{}", said.stdout);
    assert_eq!(said.stderr, "");
}

/// What was done to a tree, what is found, and the exit code.
type Harm = (&'static str, fn(&Market), &'static [&'static str], i32);

const HARMS: [Harm; 17] = [
    (
        "a month is gone, and its line with it",
        |it| {
            fs::remove_dir_all(it.out("B")).expect("removed");
            it.month("B", "2024-01", Said::Data);
            it.month("B", "2024-03", Said::Data);
        },
        &["no-proof B 2024-02"],
        4,
    ),
    (
        "a file is gone",
        |it| fs::remove_file(it.file("B", "2024-02")).expect("removed"),
        &["file-gone B 2024-02"],
        4,
    ),
    (
        "a file is cut",
        |it| fs::write(it.file("B", "2024-02"), "rows").expect("written"),
        &["wrong-length B 2024-02"],
        5,
    ),
    (
        "a file is empty",
        |it| fs::write(it.file("B", "2024-02"), "").expect("written"),
        &["wrong-length B 2024-02"],
        5,
    ),
    (
        "a folder stands in the place of a file",
        |it| {
            fs::remove_file(it.file("B", "2024-02")).expect("removed");
            fs::create_dir(it.file("B", "2024-02")).expect("made");
        },
        &["not-a-file B 2024-02"],
        5,
    ),
    (
        "a ledger is deleted",
        |it| fs::remove_file(it.out("B/_ledger.jsonl")).expect("removed"),
        &["no-ledger-line B -"],
        4,
    ),
    (
        "a ledger has a damaged line",
        |it| {
            let path = it.out("B/_ledger.jsonl");
            let mut bytes = fs::read(&path).expect("read");
            bytes[20] ^= 1;
            fs::write(&path, bytes).expect("written");
        },
        &["ledger-unreadable B -"],
        5,
    ),
    (
        "a ledger is that of another ticker",
        |it| drop(fs::copy(it.out("A/_ledger.jsonl"), it.out("B/_ledger.jsonl"))),
        &["ledger-of-another B -"],
        5,
    ),
    (
        "a whole month without a line",
        |it| {
            let path = it.file("B", "2024-04");
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(&path, "rows").expect("written");
            fs::rename(it.out("B/year=2024/month=04"), it.out("C")).expect("moved");
            fs::remove_dir_all(it.out("B")).expect("removed");
            it.month("B", "2024-01", Said::Data);
            it.month("B", "2024-02", Said::Data);
            fs::rename(it.out("C"), it.out("B/year=2024/month=03")).expect("moved");
        },
        &["no-ledger-line B 2024-03"],
        4,
    ),
    (
        "a stray file in a month",
        |it| {
            let stray = it.file("B", "2024-02").with_file_name("minute (1).parquet");
            fs::write(stray, "rows").expect("written");
        },
        &["stray-file B 2024-02"],
        6,
    ),
    (
        "a month is a link to another one",
        |it| {
            let month = it.out("B/year=2024/month=02");
            fs::rename(&month, it.out("B/_aside")).expect("moved");
            std::os::unix::fs::symlink("../_aside", month).expect("linked");
        },
        &["link B -"],
        6,
    ),
    (
        "a killed writer left a draft",
        |it| {
            let draft = it.file("B", "2024-02").with_file_name("_minute.parquet.7.tmp");
            fs::write(draft, "rows").expect("written");
        },
        &["draft-left B 2024-02"],
        0,
    ),
    (
        "_dataset.json is missing",
        |it| fs::remove_file(it.out("_dataset.json")).expect("removed"),
        &["no-descriptor - -"],
        5,
    ),
    (
        "_dataset.json is no JSON",
        |it| fs::write(it.out("_dataset.json"), "{\"kind\":").expect("written"),
        &["descriptor-wrong - -"],
        5,
    ),
    (
        "a copied folder of a ticker",
        |it| {
            fs::create_dir(it.out("B (copy)")).expect("made");
            fs::copy(it.file("B", "2024-02"), it.out("B (copy)/minute.parquet")).expect("copied");
        },
        &["stray-file - -", "unasked-tickers - -"],
        6,
    ),
    (
        "somebody that nobody asked about",
        |it| it.month("Z", "2024-01", Said::Data),
        &["unasked-tickers - -"],
        0,
    ),
    (
        "a month that the plan does not reach, and one without rows",
        |it| {
            fs::remove_dir_all(it.out("B")).expect("removed");
            it.month("B", "2024-01", Said::Data);
            it.month("B", "2024-02", Said::Empty { asks: 1 });
            it.month("B", "2024-03", Said::OutsidePlan);
        },
        &["outside-plan B 2024-03"],
        3,
    ),
];

#[test]
fn a_name_that_would_steer_a_terminal_or_break_a_line_is_spelled_out() {
    let market = Market::of(&["A"]);
    let stray = market.file("A", "2024-02").with_file_name("\u{1b}[2J\nx.parquet");
    fs::write(stray, "rows").expect("written");
    for how in [&[][..], &["--csv"]] {
        let said = market.verify(how).expect_code(6).stdout;
        assert!(said.contains(r"\u{1b}[2J\nx.parquet"), "{how:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{how:?}: {said}");
    }
}

#[test]
fn whatever_is_wrong_is_named_and_decides_the_exit_code() {
    for (what, harm, expected, code) in HARMS {
        let market = Market::of(&["A", "B"]);
        harm(&market);
        assert_eq!(
            market.found(),
            (expected.iter().map(ToString::to_string).collect(), code),
            "{what}"
        );
    }
}

#[test]
fn who_is_listed_and_has_no_folder_is_missed_and_without_a_list_that_is_said() {
    let market = Market::of(&["A", "B"]);
    fs::remove_dir_all(market.out("B")).expect("removed");
    assert_eq!(market.found(), (vec!["no-proof B -".to_owned()], 4));
    let without = ["--outdir", "out", "--from", "2024-01-01", "--to", "2024-03-31"];
    let said = run(market.scene.bare("verify").args(without)).expect_code(0).stdout;
    assert!(said.contains("note: no list of tickers was given"), "{said}");
}

#[test]
fn the_summary_begins_with_the_verdict_and_the_worst() {
    let market = Market::of(&["A", "B", "C"]);
    fs::remove_file(market.file("A", "2024-02")).expect("removed");
    fs::write(market.file("B", "2024-02"), "rows").expect("written");
    fs::write(market.file("C", "2024-02").with_file_name("x.parquet"), "rows").expect("written");
    let report = market.survey(&["A", "B", "C", "D"]);
    let out = market.out("").display().to_string();
    let said = text::render(&report).replace(out.trim_end_matches('/'), "OUT");
    assert_eq!(said, include_str!("verify/summary.txt"), "\n{said}");
    let lines: Vec<String> =
        csv::render(&report).lines().map(|line| line.replace(&out, "OUT/")).collect();
    assert_eq!(lines[0], "tree,ticker,partition,state,rule,from,to,file,reason");
    assert_eq!(
        lines[1],
        "minute,B,2024-02,damaged,wrong-length,2024-02-01,2024-02-29,OUT/B/year=2024/month=02/minute.parquet,4 bytes where the ledger says 20"
    );
    assert_eq!(lines.len(), 5);
}

#[test]
fn cells_stand_by_ticker_and_month_and_the_counts_are_those_of_the_partitions() {
    let market = Market::of(&["A", "B"]);
    fs::remove_file(market.file("B", "2024-02")).expect("removed");
    let report = market.survey(&["B", "A", "B"]);
    assert_eq!(report.tickers, [ticker("A"), ticker("B")]);
    let (covered, missing) = (Some(State::Covered), Some(State::Missing));
    let tree = &report.trees[0];
    assert_eq!(tree.row(0, report.months), [covered; 3]);
    assert_eq!(tree.row(1, report.months), [covered, missing, covered]);
    assert_eq!((tree.counts.of(State::Covered), tree.counts.of(State::Missing)), (5, 1));
    assert_eq!(tree.counts.rows, 35, "what is gone does not count");
}

#[test]
fn every_key_of_the_json_is_documented_and_every_documented_key_is_there() {
    let market = Market::of(&["A"]);
    fs::remove_file(market.file("A", "2024-02")).expect("removed");
    let value: Value = serde_json::from_str(&json::render(&market.survey(&["A"]))).expect("JSON");
    let mut said = BTreeSet::new();
    keys("", &value, &mut said);
    // Arrays of objects are documented beside what is in them.
    said.extend(["trees", "findings"].map(str::to_owned));
    let page = include_str!("../../docs/verify.md");
    let (_, page) = page.split_once("## `--json`").expect("a section");
    let (page, _) = page.split_once("## `--csv`").expect("the next one");
    let documented: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    assert_eq!(said, documented);
}

#[test]
fn what_can_not_be_verified_is_said_with_the_launchers_own_exit_code() {
    let market = Market::of(&["A"]);
    let said =
        |arguments: &[&str]| run(market.scene.bare("verify").args(arguments)).expect_code(2).stderr;
    assert!(said(&["--from", "2024-01-01"]).contains("nothing to verify was named"));
    assert!(said(&["--outdir", "out"]).contains("Give --from DATE"));
    assert!(said(&["--outdir", "no", "--from", "2024-01-01"]).contains("is not there"));
    assert!(said(&["--daily", "out", "--from", "2024-01-01"]).contains("holds minute"));
    assert!(said(&["--outdir", "out", "--from", "2198-01-01"]).contains("is settled yet"));
    let backwards = said(&["--outdir", "out", "--from", "2024-03-02", "--to", "2024-03-01"]);
    assert!(backwards.contains("--to 2024-03-01 is before --from 2024-03-02"), "{backwards}");
    // An empty folder where a disk belongs: nothing would be expected of it.
    fs::create_dir(market.scene.path("empty")).expect("made");
    let empty = said(&["--minute", "empty", "--from", "2024-01-02"]);
    assert!(empty.contains("is the disk mounted?") && empty.contains("--tickers-csv"), "{empty}");
    let twice = ["--outdir", "out", "--minute", "out", "--from", "2024-01-01"];
    assert!(said(&twice).contains("two trees hold minute"));
    let rule = ["--outdir", "out", "--from", "2024-01-01", "--rule", "file-gone=off"];
    assert!(said(&rule).contains("can not be turned off"));
    let rules = run(market.scene.bare("verify").arg("--rules")).expect_code(0).stdout;
    assert!(rules.contains("stray-file\n    suspect: "), "{rules}");
}

#[test]
fn nothing_is_changed_by_looking() {
    let market = Market::of(&["A", "B"]);
    fs::write(market.file("B", "2024-02"), "rows").expect("written");
    let tree = |root: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let mut pending = vec![root.to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(folder).expect("listed") {
                let path = entry.expect("listed").path();
                if path.is_dir() {
                    pending.push(path);
                } else {
                    found.push((path.clone(), fs::read(&path).expect("read")));
                }
            }
        }
        found.sort();
        found
    };
    let before = tree(&market.out(""));
    market.verify(&[]).expect_code(5);
    assert_eq!(tree(&market.out("")), before);
}

#[test]
fn a_page_is_written_beside_the_text_and_replaces_an_earlier_page_but_nothing_else() {
    let market = Market::of(&["A", "B"]);
    let page = || market.scene.read("reports/page.html");
    market.verify(&["--html", "reports/page.html"]).expect_code(0);
    let whole = page();
    assert!(whole.starts_with("<!DOCTYPE html>") && whole.ends_with("</html>\n"), "{whole}");
    fs::remove_file(market.file("B", "2024-02")).expect("removed");
    let said = market.verify(&["--html", "reports/page.html", "--csv"]).expect_code(4);
    assert!(said.stdout.contains(",file-gone,"), "{}", said.stdout);
    assert!(page().contains("file-gone") && !whole.contains("file-gone"));
    market.scene.write("reports/page.html", "<!DOCTYPE html>\n<p>a diary</p>\n");
    let said = market.verify(&["--html", "reports/page.html"]).expect_code(2);
    assert_eq!(said.stdout, "", "it is said before anything is looked at");
    assert_eq!(
        said.stderr,
        "error: --html reports/page.html: a file that is not a page of `launcher verify` is there; \
         name another one\n"
    );
    assert_eq!(page(), "<!DOCTYPE html>\n<p>a diary</p>\n");
}

#[test]
fn a_file_that_was_written_to_since_is_read_and_one_that_is_as_recorded_is_not() {
    let market = Market::of(&["A", "B"]);
    let same_length = |name: &str| {
        let path = market.file(name, "2024-02");
        let bytes = fs::read(&path).expect("read");
        fs::write(&path, bytes.iter().rev().copied().collect::<Vec<u8>>()).expect("written");
    };
    // Its bytes are right, and only its time is another.
    let path = market.file("A", "2024-01");
    fs::write(&path, fs::read(&path).expect("read")).expect("written again");
    assert_eq!(market.found(), (Vec::new(), 0));
    same_length("B");
    assert_eq!(market.found(), (vec!["wrong-checksum B 2024-02".to_owned()], 5));
}
