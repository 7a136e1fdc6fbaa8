//! What an audit says it proves.

use shared::dataset::difference::Difference;
use shared::dataset::entry::FileProof;
use shared::dataset::partition::Partition;
use shared::dataset::writer::Fingerprint;

use super::*;

fn sample(month: i8, draws: u64) -> Sample {
    let partition = Partition::Month(2024, month);
    let fingerprint = Fingerprint { bytes: 7, sha256: String::new() };
    let proof = FileProof::new(1, 0, 0, fingerprint);
    let ticker = "AIG".parse().expect("a ticker");
    Sample { ticker, partition, draws, proof, days: partition.span().into() }
}

fn revised() -> Found {
    let first = Some("2024-02-05 09:31: c is 17.25 here and 17.3 there".to_owned());
    Found::Revised(Difference { changed: 2, first, ..Difference::default() })
}

fn outcome(by: By, samples: Vec<(Sample, Found)>) -> Outcome {
    let draws = samples.iter().map(|(sample, _)| sample.draws).sum();
    let (tree, root) = (TreeKind::Minute, PathBuf::from("/out"));
    let (partitions, rows, seed) = (23_000, 12_345_678, 42);
    Outcome { tree, root, by, seed, draws, partitions, rows, samples }
}

#[test]
fn where_nothing_differs_the_sentence_gives_the_bound_and_of_what_it_is_one() {
    let same = |draws| vec![(sample(1, draws), Found::Same)];
    assert_eq!(
        outcome(By::Rows, same(1_000)).text(),
        "audit of minute: 1,000 of 12,345,678 rows drawn by chance (--seed 42) stand in 1 partition of 23,000; asked for again and compared row by row
  1 the same
with 95 % confidence at most 0.30 % of the rows stand in partitions that differ from what the source says now (0 of 1,000 draws met one)
"
    );
    assert_eq!(
        outcome(By::Partitions, same(1_000)).sentence(),
        "with 95 % confidence at most 0.30 % of the partitions differ from what the source says now: 67 of 23,000 (0 of 1,000 drawn do)"
    );
}

#[test]
fn a_revision_is_named_with_its_first_row_and_raises_the_bound() {
    let outcome = outcome(By::Rows, vec![(sample(1, 298), Found::Same), (sample(2, 2), revised())]);
    assert!(outcome.differs() && !outcome.is_partial());
    let text = outcome.text();
    for expected in [
        "  1 the same\n  1 revised by the source since (the file is what its ledger line says)\n",
        "    AIG 2024-02: revised: 2 rows changed; the first: 2024-02-05 09:31: c is 17.25 here and 17.3 there\n",
        "at most 2.1 % of the rows",
        "(2 of 300 draws met one)",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let json = outcome.json();
    assert_eq!(json["differing"][0]["partition"], "year=2024/month=02");
    assert_eq!(json["differing"][0]["rows_changed"], 2);
    assert_eq!((&json["draws_same"], &json["draws_revised"]), (&298.into(), &2.into()));
}

#[test]
fn what_was_damaged_here_is_told_from_what_the_source_has_revised() {
    let what = "its content is not what was written (SHA-256)".to_owned();
    let damaged = Found::Damaged { what, difference: None };
    let outcome = outcome(By::Rows, vec![(sample(2, 1), damaged)]);
    assert!(outcome.text().contains(
        "1 damaged here (the file is not what its ledger line says)\n    AIG 2024-02: damaged: its content is not what was written (SHA-256)\n"
    ), "{}", outcome.text());
}

#[test]
fn what_did_not_come_counts_as_if_it_differed() {
    let not_asked = || Found::NotAsked { why: "the source answered 500".to_owned() };
    let partial = outcome(By::Rows, vec![(sample(1, 9), Found::Same), (sample(2, 1), not_asked())]);
    let with_one = outcome(By::Rows, vec![(sample(1, 9), Found::Same), (sample(2, 1), revised())]);
    assert!(partial.is_partial() && !partial.differs());
    assert!((partial.share_at_most() - with_one.share_at_most()).abs() < 1e-12);
    let sentence = partial.sentence();
    assert!(
        sentence.ends_with("(0 of 10 draws met one; 1 not compared count as if they differed)"),
        "{sentence}"
    );
}

#[test]
fn a_draw_of_everything_needs_no_confidence() {
    let mut whole = outcome(By::Rows, vec![(sample(1, 9), Found::Same), (sample(2, 1), revised())]);
    whole.partitions = 2;
    assert_eq!(
        whole.sentence(),
        "every partition with rows was drawn: 1 of 2 differ from what the source says now"
    );
    let nothing = Outcome { partitions: 0, ..outcome(By::Rows, Vec::new()) };
    assert!(nothing.proves_nothing());
    assert_eq!(
        nothing.text(),
        "audit of minute: there is no partition with rows to draw; the audit proves nothing, and the command does not end as complete (exit code 4)\n"
    );
}

#[test]
fn where_every_draw_differs_no_bound_is_given() {
    for by in [By::Rows, By::Partitions] {
        let all = outcome(by, vec![(sample(1, 2), revised()), (sample(2, 1), revised())]);
        assert_eq!(
            all.sentence(),
            "no draw met a partition that is the same, so the sample gives no upper bound (3 of 3 draws met one that differs)"
        );
        assert!(!all.proves_nothing() && !all.text().contains("100 %"));
    }
}

#[test]
fn what_a_repair_has_replaced_since_is_not_told_again() {
    let audit = outcome(By::Rows, vec![(sample(1, 298), Found::Same), (sample(2, 2), revised())]);
    assert_eq!(
        audit.before_repair(),
        "audit of minute before the repair (--seed 42): 1 of 2 partitions drawn differed; an audit without --repair shows what is there now\n"
    );
}

#[test]
fn where_nothing_could_be_compared_the_audit_proves_nothing_and_says_so() {
    let not_asked = || Found::NotAsked { why: "the source answered 500".to_owned() };
    let mut none = outcome(By::Rows, vec![(sample(1, 2), not_asked())]);
    let said = "nothing could be compared; the audit proves nothing, and the command does not end as complete (exit code 4)";
    assert!(none.proves_nothing());
    assert_eq!(none.sentence(), said);
    none.partitions = 1;
    assert_eq!(none.sentence(), said, "also where everything was drawn");
    let one = outcome(By::Rows, vec![(sample(1, 2), not_asked()), (sample(2, 1), revised())]);
    assert!(!one.proves_nothing());
}

#[test]
fn a_bound_is_rounded_so_that_it_stays_true() {
    for (share, expected) in [
        (0.002_991_2, "0.30 %"),
        (0.003, "0.30 %"),
        (0.003_000_1, "0.31 %"),
        (0.020_1, "2.1 %"),
        (0.394_1, "40 %"),
        (0.000_03, "0.0030 %"),
        (1.0, "100 %"),
        (0.0, "0.0000 %"),
    ] {
        assert_eq!(percent_up(share), expected, "{share}");
    }
}
