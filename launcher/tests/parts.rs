//! Story: the parts of one ticker, each with its own days, in the state machine.

use launcher::facts::ending::Ending;
use launcher::facts::{Fact, Outcome, Word};
use launcher::plan::weights::Weight;
use launcher::supervise::machine::RunState;
use launcher::supervise::totals::Totals;
use shared::run::workdir::BatchId;

use crate::machine::{Story, exited, opened, planned, planned_part, report, rules, ticker};

#[test]
fn parts_of_a_ticker_are_charged_each_for_itself_and_the_ticker_counts_once() {
    let mut story = Story::of(rules(3, 1), &[]);
    for (number, part) in [(1, "..2020-04-30"), (2, "2020-05-01..2020-08-31"), (3, "2020-09-01..")]
    {
        story.hear(planned_part(number, "MAMTH", part));
    }
    story.hear(planned(4, &["A"]));
    assert_eq!(story.launch(), ["1.1", "2.1", "3.1"]);
    let failed = || exited(10, 0, &[("MAMTH", Word::Begun)]);
    story.end(1, exited(0, 1, &[]));
    assert_eq!(story.machine.totals(), Totals::default(), "a third of it is done");
    assert_eq!(story.launch(), ["4.1"]);
    story.end(4, exited(0, 1, &[]));
    story.end(2, failed());
    story.end(3, failed());
    story.pass(60);
    assert_eq!(story.launch(), ["2.2", "3.2"]);
    story.end(2, exited(0, 1, &[]));
    story.end(3, failed());
    assert_eq!(story.machine.totals(), Totals { verified: 1, reported: 0, failed: 1 });
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }));
    story.hear(Fact::Closed { outcome: Outcome::Incomplete { failed: 1 } });
    story.hear(opened());
    assert_eq!(story.launch(), ["3.3"], "only what failed is tried again");
    story.end(3, exited(0, 1, &[]));
    assert_eq!(story.machine.totals().verified, 2);
    assert_eq!(story.closes(), Some(Outcome::Complete));
}

#[test]
fn a_crashing_part_is_not_halved_and_two_failed_parts_are_one_failed_ticker() {
    let mut story = Story::of(rules(2, 0), &[]);
    story.hear(planned_part(1, "MAMTH", "..2020-04-30"));
    story.hear(planned_part(2, "MAMTH", "2020-05-01.."));
    story.launch();
    for batch in [1, 2] {
        story.end(
            batch,
            report(Ending::TooLarge { rss_bytes: 1 }, 0, &[("MAMTH", Word::Untouched)]),
        );
        assert_eq!(story.failures(batch).len(), 1);
    }
    assert_eq!(story.closes(), Some(Outcome::Incomplete { failed: 1 }));
}

#[test]
fn the_trouble_of_one_ticker_in_all_of_its_parts_is_not_everybody_s() {
    let mut story = Story::of(rules(1, 9), &[]);
    for (number, part) in [(1, "..2020-04-30"), (2, "2020-05-01..2020-08-31"), (3, "2020-09-01..")]
    {
        story.hear(planned_part(number, "MAMTH", part));
    }
    for batch in [1, 2, 3] {
        story.launch();
        story.end(batch, exited(10, 0, &[("MAMTH", Word::Begun)]));
        assert_eq!(*story.machine.run(), RunState::Open, "after batch {batch}");
    }
}

#[test]
fn a_part_is_of_one_ticker() {
    let mut story = Story::of(rules(1, 0), &[]);
    let tickers = vec![ticker("A"), ticker("B")];
    let part = "..2020-04-30".parse().expect("a part");
    assert!(
        story
            .try_hear(Fact::Planned { batch: BatchId(1), tickers, part, weight: Weight::Unknown })
            .is_err()
    );
}
