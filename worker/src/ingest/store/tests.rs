use crate::spelled::{day, days};
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::LedgerError;
use shared::dataset::trust::Trust;
use shared::disk::publish::Draft;
use shared::market::ohlcv::Ohlcv;
use shared::market::zone::Zone;

use super::*;

/// A tree with daily bars of one ticker.
struct Tree {
    folder: tempfile::TempDir,
    place: Destination,
}

fn bar(date: &str) -> Ohlcv {
    let t = day(date).start_utc_ms();
    Ohlcv { t, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0, trades: None, vwap: None }
}

fn now() -> Timestamp {
    "2024-07-01T12:00:00Z".parse().expect("a moment")
}

fn place_of(ticker: &str, outdir: PathBuf) -> Destination {
    let (kind, zone, columns) = (Kind::Daily, Zone::NewYork, Columns::Narrow);
    Destination { outdir, kind, zone, columns, ticker: ticker.parse().expect(ticker) }
}

impl Tree {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = place_of("AIG", folder.path().to_owned());
        Self { folder, place }
    }

    fn open(&self, asked: DateRange) -> Store<Ohlcv> {
        Store::open(self.place.clone(), asked, &Coverage::empty()).expect("opened")
    }

    /// The source answers `asked`, days of one year, with bars of `dates`.
    fn try_fetch(&self, asked: DateRange, dates: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut store = self.open(asked);
        let partition = Partition::of(Kind::Daily, asked.from());
        let fetch = Fetch { asking: now().into(), pages: 1 };
        if !dates.is_empty() {
            let rows = dates.iter().map(|date| bar(date)).collect();
            store.keep(Piece::Rows(partition, rows), fetch)?;
        }
        store.keep(Piece::Closed(partition, asked.into()), fetch)?;
        store.prove()?;
        let found = store.found();
        store.spoiled().pop_first().map_or(Ok(found), |(_, error)| Err(error))
    }

    fn fetch(&self, asked: DateRange, dates: &[&str]) -> Vec<String> {
        self.try_fetch(asked, dates).expect("kept")
    }

    fn file(&self) -> PathBuf {
        self.place.file(Partition::Year(2024))
    }

    /// The dates that a reader finds.
    fn dates(&self) -> Vec<String> {
        let rows =
            shared::dataset::reader::read_bars(&self.file(), Kind::Daily, &self.place.ticker);
        rows.expect("readable").iter().map(|row| row.date.to_string()).collect()
    }

    fn missing(&self, asked: DateRange) -> Coverage {
        let trust = Trust::at(now(), 0);
        Ledger::read(self.folder.path(), Kind::Daily, &self.place.ticker)
            .expect("read")
            .missing(asked, &trust)
    }
}

fn spring() -> DateRange {
    days("2024-03-01", "2024-03-31")
}

const BARS: [&str; 3] = ["2024-03-11", "2024-03-12", "2024-03-13"];

#[test]
fn a_file_of_ours_with_a_byte_changed_anywhere_is_fetched_again_whole_and_needs_nobody() {
    let tree = Tree::new();
    tree.fetch(spring(), &BARS);
    let good = fs::read(tree.file()).expect("read");
    for at in (0..good.len()).step_by(5) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(tree.file(), bytes).expect("written");
        tree.fetch(spring(), &BARS);
        assert_eq!(fs::read(tree.file()).expect("read"), good, "byte {at}");
    }
}

#[test]
fn a_file_of_another_ticker_where_one_of_ours_stood_is_set_aside_and_ours_is_fetched_again() {
    let tree = Tree::new();
    let other =
        Tree { place: place_of("BAC", tree.folder.path().to_owned()), folder: Tree::new().folder };
    other.fetch(spring(), &BARS);
    let theirs = fs::read(other.file()).expect("read");
    tree.fetch(spring(), &BARS);
    fs::write(tree.file(), &theirs).expect("swapped");
    let found = tree.fetch(spring(), &BARS).join("\n");
    assert!(found.contains("is not what was written and is now"), "{found}");
    assert_eq!(tree.dates(), BARS);
    assert_eq!(
        fs::read(tree.file().with_file_name("_daily.parquet.damaged")).expect("kept"),
        theirs
    );

    // Where no line tells of one of ours, it is left alone.
    fs::remove_file(Ledger::path(tree.folder.path(), &tree.place.ticker)).expect("removed");
    fs::write(tree.file(), &theirs).expect("swapped");
    let error = tree.try_fetch(spring(), &BARS).expect_err("not ours").to_string();
    assert!(
        error.contains("a row of BAC in a file of AIG") && error.contains("move it away"),
        "{error}"
    );
    assert_eq!(fs::read(tree.file()).expect("left"), theirs);
}

#[test]
fn a_row_of_a_damaged_file_is_never_proven_by_an_answer_that_does_not_bring_it() {
    let tree = Tree::new();
    tree.fetch(spring(), &BARS);
    // As a damaged file would have it: a row of a day that nobody has asked for.
    let phantom = ["2024-03-11", "2024-03-12", "2024-04-13"]
        .map(|date| shared::dataset::merge::DatedBar { date: day(date), bar: bar(date) });
    let ticker = &tree.place.ticker;
    shared::dataset::writer::publish_bars(
        Draft::create(&tree.file()).expect("begun"),
        Kind::Daily,
        Zone::NewYork,
        ticker,
        &phantom,
    )
    .expect("written");
    tree.fetch(spring(), &BARS);
    tree.fetch(days("2024-04-01", "2024-04-30"), &["2024-04-15"]);
    assert_eq!(tree.dates(), ["2024-03-11", "2024-03-12", "2024-03-13", "2024-04-15"]);
}

#[test]
fn a_file_that_no_line_describes_and_nobody_can_read_is_set_aside_and_fetched() {
    let tree = Tree::new();
    tree.fetch(spring(), &BARS);
    let good = fs::read(tree.file()).expect("read");
    let zeros = vec![0; good.len()];
    for bad in [&good[..good.len() / 2], &zeros, &[]] {
        fs::remove_file(Ledger::path(tree.folder.path(), &tree.place.ticker)).expect("removed");
        fs::write(tree.file(), bad).expect("written");
        let found = tree.fetch(spring(), &BARS).join("\n");
        assert!(found.contains("can't be read and is now"), "{found}");
        assert_eq!(fs::read(tree.file()).expect("read"), good);
        assert_eq!(tree.missing(spring()), Coverage::empty());
    }
}

/// The crash between a file and its line: the file stands, the ledger is as it was `before`.
fn forget(tree: &Tree, before: Option<&[u8]>) {
    let ledger = Ledger::path(tree.folder.path(), &tree.place.ticker);
    match before {
        Some(before) => fs::write(ledger, before).expect("written"),
        None => fs::remove_file(ledger).expect("removed"),
    }
}

#[test]
fn rows_that_no_line_tells_of_are_not_called_empty_but_asked_for_until_they_come() {
    let tree = Tree::new();
    tree.fetch(spring(), &BARS);
    forget(&tree, None);
    for _ in 0..2 {
        tree.fetch(spring(), &[]);
        assert_eq!(tree.missing(spring()), spring().into(), "three rows stand there");
        assert_eq!(tree.dates(), BARS, "and stay");
    }
    tree.fetch(spring(), &BARS);
    assert_eq!(
        (tree.missing(spring()), tree.dates()),
        (Coverage::empty(), BARS.map(str::to_owned).to_vec())
    );
}

#[test]
fn of_rows_that_no_line_tells_of_none_is_dropped_in_silence_when_the_source_brings_fewer() {
    let tree = Tree::new();
    tree.fetch(spring(), &BARS);
    forget(&tree, None);
    let found = tree.fetch(spring(), &BARS[..2]).join("\n");
    assert!(found.contains("the source now answers 2 rows where it had 3"), "{found}");
}

#[test]
fn rows_beside_proven_ones_that_no_line_tells_of_are_found_too() {
    let tree = Tree::new();
    let april = days("2024-04-01", "2024-04-30");
    tree.fetch(days("2024-03-01", "2024-04-30"), &["2024-03-11", "2024-04-15"]);
    forget(&tree, None);
    tree.fetch(spring(), &["2024-03-11"]);
    assert_eq!(
        tree.dates(),
        ["2024-03-11", "2024-04-15"],
        "the row of April stands there unproven"
    );
    tree.fetch(april, &[]);
    assert_eq!(tree.missing(april), april.into());
    tree.fetch(april, &["2024-04-15"]);
    assert_eq!(tree.missing(days("2024-03-01", "2024-04-30")), Coverage::empty());
}

#[test]
fn days_that_a_line_calls_empty_are_asked_again_where_a_file_stands() {
    let tree = Tree::new();
    tree.fetch(spring(), &[]);
    assert_eq!(tree.missing(spring()), Coverage::empty());
    let ledger = fs::read(Ledger::path(tree.folder.path(), &tree.place.ticker)).expect("read");
    tree.fetch(spring(), &BARS);
    forget(&tree, Some(&ledger));
    assert_eq!(tree.missing(spring()), spring().into());
    tree.fetch(spring(), &BARS);
    assert_eq!(tree.missing(spring()), Coverage::empty());
}

#[test]
fn a_last_line_whose_first_block_a_power_cut_took_is_cut_off_and_said_and_its_days_are_asked_again()
{
    let tree = Tree::new();
    let april = days("2023-04-01", "2023-04-30");
    tree.fetch(spring(), &BARS);
    let path = Ledger::path(tree.folder.path(), &tree.place.ticker);
    let whole = fs::read(&path).expect("read").len();
    tree.fetch(april, &["2023-04-14"]);
    let mut bytes = fs::read(&path).expect("read");
    bytes[whole..whole + 40].fill(0);
    bytes.extend([0; 4096]);
    fs::write(&path, &bytes).expect("written");
    let found = tree.fetch(april, &["2023-04-14"]).join("\n");
    assert!(
        found.contains(&format!("cut {} torn bytes off the end of", bytes.len() - whole)),
        "{found}"
    );
    assert_eq!(
        [tree.missing(april), tree.missing(spring())],
        [Coverage::empty(), Coverage::empty()]
    );
}

#[test]
fn one_file_that_is_not_ours_costs_its_own_partition_and_no_other() {
    let tree = Tree::new();
    let years = [2022, 2023, 2024].map(Partition::Year);
    let theirs = tree.place.file(years[1]);
    for in_its_place in ["a foreign file", "a file in the place of its folder"] {
        let folder = theirs.parent().expect("a folder");
        if in_its_place == "a foreign file" {
            let other = Tree {
                place: place_of("BAC", Tree::new().folder.keep()),
                folder: Tree::new().folder,
            };
            other.fetch(days("2023-03-01", "2023-03-31"), &["2023-03-10"]);
            fs::create_dir_all(folder).expect("made");
            fs::copy(other.place.file(years[1]), &theirs).expect("copied");
        } else {
            fs::remove_dir_all(folder).expect("removed");
            fs::write(folder, "a file").expect("written");
        }
        let asked = days("2022-01-01", "2024-12-31");
        let mut store = tree.open(asked);
        let fetch = Fetch { asking: now().into(), pages: 1 };
        for (partition, date) in years.into_iter().zip(["2022-03-11", "2023-03-10", "2024-03-11"]) {
            store.keep(Piece::Rows(partition, vec![bar(date)]), fetch).expect("taken");
            let kept = store
                .keep(Piece::Closed(partition, partition.span().into()), fetch)
                .expect("closed");
            let expected = if partition == years[1] { Kept::Spoiled } else { Kept::Whole };
            assert_eq!(kept, expected, "{in_its_place}: {partition}");
        }
        store.prove().expect("proven");
        let spoiled: Vec<Partition> = store.spoiled().into_keys().collect();
        assert_eq!(spoiled, [years[1]], "{in_its_place}");
        drop(store);
        assert_eq!(tree.missing(asked), years[1].span().into(), "{in_its_place}");
    }
}

#[test]
fn a_tree_that_nothing_can_be_written_into_for_a_moment_is_no_trouble_of_one_partition() {
    let tree = Tree::new();
    tree.fetch(spring(), &BARS);
    let mut store = tree.open(spring());
    let partition = Partition::Year(2024);
    let fetch = Fetch { asking: now().into(), pages: 1 };
    store.keep(Piece::Rows(partition, vec![bar(BARS[0])]), fetch).expect("a draft is begun");
    let aside = tree.folder.path().with_extension("aside");
    fs::rename(tree.folder.path(), &aside).expect("the disk goes away");
    fs::write(tree.folder.path(), "").expect("nothing can be written there");
    let ended = store.keep(Piece::Closed(partition, spring().into()), fetch);
    fs::remove_file(tree.folder.path()).expect("removed");
    fs::rename(&aside, tree.folder.path()).expect("the disk is back before anybody looks");

    let error = ended.expect_err("nothing could be written");
    assert!(matches!(error, StoreError::Tree(_)), "{error}");
    assert!(store.spoiled().is_empty(), "no partition is left out for it");
}

#[test]
fn a_ledger_that_was_moved_away_is_missed_also_when_nothing_is_left_to_write() {
    let tree = Tree::new();
    tree.fetch(spring(), &BARS);
    let store = tree.open(spring());
    store.look_for_ledger().expect("it is there");
    let path = Ledger::path(tree.folder.path(), &tree.place.ticker);
    fs::rename(&path, path.with_extension("away")).expect("moved");
    let error = store.look_for_ledger().expect_err("gone");
    assert!(matches!(error, StoreError::Ledger(LedgerError::Gone { .. })), "{error}");
}
