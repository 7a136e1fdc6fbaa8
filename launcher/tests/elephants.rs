//! Elephants: a ticker that is too heavy for one worker is split by date, and still is one ticker
//! for people.

use std::path::Path;

use jiff::Timestamp;
use launcher::cli::StartArgs;
use launcher::facts::{Fact, JournalEntry};
use launcher::job::Job;
use launcher::plan::request::Request;
use launcher::plan::weights::Weight;
use launcher::supervise::machine::Machine;
use launcher::supervise::{prepare, sizes};
use serde_json::Value;
use shared::dataset::answers::Said;
use shared::dataset::descriptor::{self, Adjusted, Descriptor};
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::{Entry, FileProof};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::dataset::writer::Fingerprint;
use shared::disk::publish::publish;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;

use crate::frozen::frozen;
use crate::machine::ticker;
use crate::says::says;
use crate::scene::{Ended, Scene, run, service, wait_for};

/// Proves a month of minutes of `name`, with so many rows as its line says.
fn know(outdir: &Path, name: &str, month: &str, rows: u64) {
    know_of(Kind::Minute, outdir, name, month, rows);
}

/// The same of a partition of any kind.
fn know_of(kind: Kind, outdir: &Path, name: &str, partition: &str, rows: u64) {
    let partition: Partition = partition.parse().expect("a partition");
    let ticker: Ticker = ticker(name);
    let file = partition.file(outdir, &ticker, kind);
    publish(&file, b"parquet").expect("published");
    let mut entry = Entry::new(&ticker, partition);
    entry.answers.record(partition.span(), Said::Data, Timestamp::UNIX_EPOCH);
    entry.file = Some(FileProof::new(rows, 0, 0, Fingerprint::of_file(&file).expect("read")));
    let mut ledger = OpenLedger::open(outdir, kind, &ticker, partition.span()).expect("opened");
    ledger.commit(vec![entry]).expect("committed");
}

const NOW: &str = "2024-07-02T15:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

/// A run of 2020 that trusts ledgers, on three workers.
fn request(outdir: &Path, change: impl FnOnce(&mut StartArgs)) -> Request {
    publish(&outdir.join("tickers.csv"), b"ticker\nMAMTH\nA\n").expect("published");
    frozen(Job::Minute, ["MAMTH", "A"].map(ticker).to_vec(), NOW, |args| {
        args.tickers_csv = Some(outdir.join("tickers.csv"));
        args.outdir = Some(outdir.to_owned());
        args.to = Some("2020-12-20".parse().expect("a day"));
        args.max_concurrent = 3.try_into().ok();
        args.resume = true;
        change(args);
    })
}

/// A tree in which January is known of both: much of MAMTH, little of A.
fn known() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    know(folder.path(), "MAMTH", "year=2020/month=01", 155_000);
    know(folder.path(), "A", "year=2020/month=01", 31);
    folder
}

fn plan(machine: &Machine, request: &Request) -> Vec<Fact> {
    let tickers = [ticker("MAMTH"), ticker("A")];
    let sizes = sizes::read(request, &tickers).expect("read");
    prepare::prepare(machine, request, &tickers, &sizes, now()).facts
}

fn take(machine: &mut Machine, facts: &[Fact]) {
    for fact in facts {
        machine.apply(&JournalEntry { at: now(), fact: fact.clone() }).expect("legal");
    }
}

fn planned(facts: &[Fact]) -> Vec<String> {
    let line = |fact: &Fact| match fact {
        Fact::Planned { batch, tickers, part, .. } => {
            let names = tickers.iter().map(Ticker::as_str).collect::<Vec<_>>().join(" ");
            Some(format!("{} {names} {part}", batch.0))
        }
        _ => None,
    };
    facts.iter().filter_map(line).collect()
}

const PARTS: [&str; 7] = [
    "1 MAMTH 2020-04-01..2020-05-31",
    "2 MAMTH 2020-06-01..2020-07-31",
    "3 MAMTH 2020-08-01..2020-09-30",
    "4 MAMTH 2020-10-01..2020-11-30",
    "5 MAMTH ..2020-03-31",
    "6 MAMTH 2020-12-01..",
    "7 A ..",
];

#[test]
fn an_elephant_gets_a_batch_for_each_part_and_everybody_else_what_they_always_had() {
    let folder = known();
    let request = request(folder.path(), |_| ());
    let mut machine = Machine::new(request.first_rules());
    let facts = plan(&machine, &request);
    assert_eq!(planned(&facts), PARTS, "what is proven already goes with the first part");
    take(&mut machine, &facts);
    assert_eq!(
        planned(&plan(&machine, &request)),
        [] as [&str; 0],
        "preparing again changes nothing"
    );
}

/// A tree that an earlier run might have left, in which as much is known of a partition of 2019 as
/// in `known` of one.
fn earlier_tree(kind: Kind, partition: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let dataset =
        Descriptor::new(kind, Adjusted::No, Columns::Narrow, Zone::NewYork, "massive.com");
    descriptor::claim(folder.path(), &dataset).expect("new");
    know_of(kind, folder.path(), "MAMTH", partition, 155_000);
    know_of(kind, folder.path(), "A", partition, 31);
    folder
}

fn earlier_minutes() -> tempfile::TempDir {
    earlier_tree(Kind::Minute, "year=2019/month=01")
}

#[test]
fn a_new_tree_is_weighed_and_cut_by_an_earlier_one_of_the_same_kind() {
    let (folder, earlier) = (tempfile::tempdir().expect("a folder"), earlier_minutes());
    let request = request(folder.path(), |args| args.weights = Some(earlier.path().to_owned()));
    let mut machine = Machine::new(request.first_rules());
    let facts = plan(&machine, &request);
    let cut = planned(&facts);
    assert_eq!((cut.len(), cut[7].as_str()), (8, "8 A .."), "{cut:?}");
    assert!(
        cut[..7].iter().all(|line| line.contains(" MAMTH ") && !line.ends_with(" ..")),
        "{cut:?}"
    );
    take(&mut machine, &facts);
    assert!(machine.batches().all(|(_, batch)| matches!(batch.weight(), Weight::Known(_))));
}

#[test]
fn a_tree_of_another_kind_or_a_csv_tells_who_comes_first_and_cuts_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let earlier = earlier_tree(Kind::Trades, "year=2019/month=01/day=2019-01-02");
    let csv = folder.path().join("caps.csv");
    publish(&csv, b"ticker,market_cap\nA,1\nMAMTH,1e12\n").expect("published");
    for weights in [earlier.path().to_owned(), csv] {
        let request = request(folder.path(), |args| args.weights = Some(weights.clone()));
        let mut machine = Machine::new(request.first_rules());
        let facts = plan(&machine, &request);
        assert_eq!(planned(&facts), ["1 MAMTH ..", "2 A .."]);
        take(&mut machine, &facts);
        assert!(machine.batches().all(|(_, batch)| matches!(batch.weight(), Weight::Guessed(_))));
    }
}

#[test]
fn what_the_own_ledgers_know_goes_before_a_second_source() {
    let (folder, earlier) = (known(), earlier_minutes());
    know(earlier.path(), "A", "year=2019/month=02", 9_000_000);
    let request = request(folder.path(), |args| args.weights = Some(earlier.path().to_owned()));
    assert_eq!(planned(&plan(&Machine::new(request.first_rules()), &request)), PARTS);
}

#[test]
fn who_has_nobody_to_share_with_or_said_how_to_cut_gets_no_parts() {
    let folder = known();
    let whole = |change: fn(&mut StartArgs)| {
        let request = request(folder.path(), change);
        let facts = plan(&Machine::new(request.first_rules()), &request);
        planned(&facts).iter().all(|line| line.ends_with(" .."))
    };
    assert!(whole(|args| args.max_concurrent = 1.try_into().ok()), "one worker");
    assert!(whole(|args| args.shards = 2.try_into().ok()), "two batches were asked for");
    assert!(whole(|args| args.ingest_script = Some("job".into())), "a script may know no claims");
    assert!(whole(|args| args.from = "2020-11-15".parse().ok()), "a small run");
}

#[test]
fn a_plan_that_a_crash_has_torn_off_is_made_whole() {
    let folder = known();
    let request = request(folder.path(), |_| ());
    let whole = plan(&Machine::new(request.first_rules()), &request);
    for kept in 2..whole.len() {
        let mut machine = Machine::new(request.first_rules());
        take(&mut machine, &whole[..kept]);
        let rest = plan(&machine, &request);
        take(&mut machine, &rest);
        let of = |name: &str| {
            let batches = machine.batches().filter(|(_, batch)| batch.members() == [ticker(name)]);
            let mut days: Vec<_> =
                batches.map(|(_, batch)| batch.part().days(request.days())).collect();
            days.sort_unstable();
            days
        };
        let days = of("MAMTH");
        assert_eq!(
            (days[0].from(), days[days.len() - 1].to()),
            (request.days().from(), request.days().to())
        );
        assert!(
            days.windows(2).all(|pair| pair[0].to().next() == pair[1].from()),
            "{kept}: {days:?}"
        );
        assert_eq!(of("A"), [request.days()]);
    }
}

#[test]
fn an_extension_takes_the_first_and_the_last_part_with_it() {
    let folder = known();
    let frozen = request(folder.path(), |_| ());
    let mut machine = Machine::new(frozen.first_rules());
    let facts = plan(&machine, &frozen);
    take(&mut machine, &facts);
    let mut longer = frozen.clone();
    longer.settings.from = "2019-07-01".parse().expect("a day");
    longer.settled_to = "2021-03-03".parse().expect("a day");
    assert_eq!(planned(&plan(&machine, &longer)), [] as [&str; 0], "no new batches");
    let days = |batch| {
        machine
            .batch(shared::run::workdir::BatchId(batch))
            .expect("planned")
            .part()
            .days(longer.days())
    };
    assert_eq!(
        [days(5), days(6)].map(|days| days.to_string()),
        ["2019-07-01..2020-03-31", "2020-12-01..2021-03-03"]
    );
    assert_eq!(days(2).to_string(), "2020-06-01..2020-07-31");
}

/// Notes its days and its tickers; fails on the days of `fail`, and waits for `go`.
const NOTED: &str = r#"echo "$7..$9 $(tail -n +2 "$3" | tr '\n' ' ')" >> asked
echo "$7..$9 of interest"
[ "$7" = 2020-06-01 ] && { echo "2024-07-01T12:00:00Z ERROR MAMTH: a hailstorm"; exit 11; }
while [ ! -e go ]; do sleep 0.05; done; exit 11"#;

fn at_work() -> Scene {
    let scene = Scene::with_worker(&["MAMTH", "A"], NOTED);
    know(&scene.path("out"), "MAMTH", "year=2020/month=01", 155_000);
    know(&scene.path("out"), "A", "year=2020/month=01", 31);
    let base = service("200 OK", "{}");
    let range =
        ["--from", "2020-01-01", "--to", "2020-12-20", "--base-url", &base, "--retries", "0"];
    let input = "--job minute --tickers-csv tickers.csv --outdir out --max-concurrent 3";
    let input: Vec<&str> = input.split(' ').collect();
    let mut start = scene.launcher("start", &[&input[..], &range, &["--resume"]].concat());
    let said = run(start.env("POLYGON_API_KEY", "open-sesame")).expect_code(0).stdout;
    says(
        &said,
        &[
            "work     2 tickers in 7 batches; ",
            "\nheavy    MAMTH is split by date into 6 batches\n",
        ],
    );
    scene
}

fn ask(scene: &Scene, verb: &str, arguments: &[&str]) -> Ended {
    run(&mut scene.launcher(verb, arguments))
}

#[test]
fn a_split_ticker_is_one_ticker_in_status_why_and_logs() {
    let scene = at_work();
    wait_for("three workers after a failure", || scene.count("asked") == 4);
    let asked = scene.read("asked");
    for line in [
        "2020-04-01..2020-05-31 MAMTH \n",
        "2020-06-01..2020-07-31 MAMTH \n",
        "2020-10-01..2020-11-30 MAMTH \n",
    ] {
        says(&asked, &[line]);
    }
    wait_for("its failure", || scene.status().contains("1 failed"));
    let status = scene.status();
    says(
        &status,
        &[
            "tickers     0 / 2 verified, 1 failed, 1 left",
            " for example MAMTH 2020-06-01..2020-07-31: ",
            "  batch_0003.1  ",
            " 2020-08-01..2020-09-30  ",
        ],
    );
    let json: Value =
        serde_json::from_str(&ask(&scene, "status", &["--json"]).stdout).expect("JSON");
    assert_eq!(json["running"][0]["days"]["from"], "2020-04-01");
    assert_eq!(json["failures"][0]["days"]["to"], "2020-07-31");

    let why = ask(&scene, "why", &["MAMTH"]).expect_code(0).stdout;
    let head = "MAMTH: split by date into 6 batches, 0 of them done; 2020-06-01..2020-07-31 given up after attempt 1: ";
    assert!(why.starts_with(head), "{why}");
    let parts: Vec<&str> = why.lines().filter(|line| line.starts_with("batch ")).collect();
    assert_eq!(parts.len(), 6, "{why}");
    assert!(parts[0].starts_with("batch       batch_0005 (2020-01-01..2020-03-31): "), "{why}");
    says(&why, &["      > 2024-07-01T12:00:00Z ERROR MAMTH: a hailstorm\n"]);
    let json: Value =
        serde_json::from_str(&ask(&scene, "why", &["--json", "MAMTH"]).stdout).expect("JSON");
    assert_eq!((&json["batch"], &json["now"]["state"]), (&"batch_0002".into(), &"failed".into()));
    assert_eq!(json["parts"][0]["part"]["to"], "2020-03-31");
    let json: Value =
        serde_json::from_str(&ask(&scene, "why", &["--json", "A"]).stdout).expect("JSON");
    assert_eq!((&json["batch"], json.get("parts")), (&"batch_0007".into(), None));

    let logs = ask(&scene, "logs", &["MAMTH"]).expect_code(0).stdout;
    let title = |batch: &str, days: &str| {
        let log = scene.path(&format!("w/logs/{batch}.log"));
        format!("==> {batch} ({days}): {} <==\n", log.display())
    };
    assert!(
        logs.starts_with(&title("batch_0005", "2020-01-01..2020-03-31, not begun yet")),
        "{logs}"
    );
    let (_, own) =
        logs.split_once(&title("batch_0002", "2020-06-01..2020-07-31")).expect("its title");
    assert!(own.contains("2020-06-01..2020-07-31 of interest\n"), "{logs}");
    let said = ask(&scene, "logs", &["-f", "MAMTH"]).expect_code(2).stderr;
    assert!(said.starts_with("error: MAMTH was split by date and is in several batches; follow one of them: batch_0005, batch_0001, "), "{said}");
}

#[test]
fn each_part_is_worked_on_with_its_own_days_and_the_ticker_fails_once() {
    let scene = at_work();
    wait_for("three workers after a failure", || scene.count("asked") == 4);
    scene.write("go", "");
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &["tickers     0 / 2 verified, 2 failed, 0 left"]);
    let first: std::collections::BTreeSet<String> =
        scene.read("asked").lines().map(str::to_owned).collect();
    assert_eq!(first.len(), 7, "each part once: {first:?}");
    assert!(
        scene
            .read("w/launcher.log")
            .contains("batch_0001.1 starts with MAMTH 2020-04-01..2020-05-31\n")
    );
}
