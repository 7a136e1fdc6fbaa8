//! Evidence: done is what ledgers prove, and which tickers get work follows from that.

use std::path::Path;

use jiff::Timestamp;
use launcher::facts::{Fact, Partway};
use launcher::job::Job;
use launcher::plan::request::Request;
use launcher::plan::weights::Sizes;
use launcher::process::clock::RunTime;
use launcher::supervise::evidence::{Began, TickerProof, left_behind, proof_of};
use launcher::supervise::machine::Machine;
use launcher::supervise::prepare;
use shared::dataset::answers::Said;

use crate::frozen::frozen;
use crate::machine::ticker;
use crate::scene::{prove, record_at};

const NOW: &str = "2024-07-02T15:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

fn request(outdir: &Path, resume: bool) -> Request {
    frozen(Job::Daily, ["A", "B", "C"].map(ticker).to_vec(), NOW, |args| {
        args.outdir = Some(outdir.to_owned());
        args.to = Some("2021-12-31".parse().expect("a day"));
        args.batch_size = 2.try_into().ok();
        args.resume = resume;
    })
}

#[test]
fn a_ticker_is_proven_only_when_every_day_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(folder.path(), true);
    assert_eq!(proof_of(&request, &ticker("A"), request.days(), now()), TickerProof::NoLedger);
    prove(folder.path(), "A", &[("2020-01-01", "2020-12-31")]);
    assert!(matches!(
        proof_of(&request, &ticker("A"), request.days(), now()),
        TickerProof::Short { .. }
    ));
    prove(folder.path(), "A", &[("2021-01-01", "2021-12-31")]);
    let TickerProof::Proven(summary) = proof_of(&request, &ticker("A"), request.days(), now())
    else {
        panic!("not proven")
    };
    assert_eq!(summary.partitions_empty, 2);
}

#[test]
fn a_run_that_wants_everything_anew_does_not_count_what_was_there_before() {
    let folder = tempfile::tempdir().expect("a folder");
    prove(folder.path(), "A", &[("2020-01-01", "2020-12-31"), ("2021-01-01", "2021-12-31")]);
    let anew = Request { created_at: Timestamp::MAX, ..request(folder.path(), false) };
    assert!(matches!(proof_of(&anew, &ticker("A"), anew.days(), now()), TickerProof::Short { .. }));
}

#[test]
fn only_unproven_tickers_get_batches_and_preparing_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(folder.path(), true);
    let tickers = [ticker("A"), ticker("B"), ticker("C")];
    prove(folder.path(), "B", &[("2020-01-01", "2020-12-31"), ("2021-01-01", "2021-12-31")]);
    let mut machine = Machine::new(request.first_rules());
    let facts = prepare::prepare(&machine, &request, &tickers, &Sizes::default(), now()).facts;
    for fact in facts {
        machine.apply(&launcher::facts::JournalEntry { at: now(), fact }).expect("legal");
    }
    assert_eq!(machine.surveyed().tickers, 1);
    let members: Vec<_> = machine.batches().map(|(_, batch)| batch.members().to_vec()).collect();
    assert_eq!(members, [[ticker("A"), ticker("C")]]);
    let again = prepare::prepare(&machine, &request, &tickers, &Sizes::default(), now()).facts;
    assert_eq!(again, [Fact::Surveyed { proven: machine.surveyed() }]);
}

#[test]
fn days_that_came_after_the_clock_was_set_back_are_headway_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(folder.path(), true);
    // By the time of the run it is tomorrow, and the attempt began a minute ago.
    let wall = launcher::process::clock::now();
    let by_the_run = wall.checked_add(jiff::SignedDuration::from_hours(24)).expect("in range");
    let begun = by_the_run.checked_sub(jiff::SignedDuration::from_mins(1)).expect("in range");
    record_at(wall, folder.path(), "A", &[(("2020-01-01", "2020-12-31"), Said::Empty { asks: 9 })]);
    let began = Began::of(RunTime::of_fact(begun), RunTime::of_fact(by_the_run), wall);
    let (_, got) = left_behind(&request, &ticker("A"), request.days(), began, wall);
    assert_eq!(got, Partway { days: 366, fresh_days: 366 });
}
