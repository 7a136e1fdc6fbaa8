//! Years of daily bars: which sessions without a bar are a gap.

use super::*;

/// A year whose bars are of the days between these two, both among them.
fn bars(year: &str, first: &str, last: &str, answers: &[Answer]) -> Record {
    let mut record = record(year, answers);
    let file = record.file.as_mut().expect("it has rows");
    (file.first, file.last) = (day(first).start_utc_ms(), day(last).start_utc_ms());
    record
}

/// It was listed, and is.
fn listed() -> Listed<'static> {
    Listed { first: Some(day("2010-01-04")), last: Last::Open, ..Listed::UNKNOWN }
}

/// As a download leaves it: one answer for the whole year.
fn downloaded() -> Record {
    let answers = [answer("2017-01-01", "2017-12-31", Said::Data)];
    bars("2017", "2017-01-03", "2017-03-15", &answers)
}

/// The same data as adopt finds them, and a run that went on: answers day by day.
fn adopted() -> Record {
    let answers = [
        answer("2017-01-01", "2017-01-09", Said::Data),
        answer("2017-01-10", "2017-01-11", EMPTY),
        answer("2017-01-12", "2017-03-15", Said::Data),
        answer("2017-03-16", "2017-12-31", EMPTY),
    ];
    bars("2017", "2017-01-03", "2017-03-15", &answers)
}

#[test]
fn the_same_bars_have_the_same_verdict_whether_they_were_downloaded_or_adopted() {
    for record in [downloaded(), adopted()] {
        let files = there(std::slice::from_ref(&record));
        let evidence = evidence(vec![record], files);
        let case = Case { listed: listed(), ..Case::of(Kind::Daily, "2017-01-01", "2017-12-31") };
        case.says(&evidence, &["2017 covered"], "ccceeeeeeeee", &[]);
        assert_eq!(case.judged(&evidence).rows, 7);
        let case = Case::of(Kind::Daily, "2017-01-01", "2017-12-31");
        case.says(&evidence, &["2017 covered"], "ccc---------", &[]);
    }
}

#[test]
fn days_asked_about_without_a_bar_are_empty_though_their_year_has_rows() {
    for record in [downloaded(), adopted()] {
        let files = there(std::slice::from_ref(&record));
        let evidence = evidence(vec![record], files);
        let case = Case { listed: listed(), ..Case::of(Kind::Daily, "2017-06-01", "2017-12-31") };
        let found = ["nothing-traded 2017-06-01..2017-12-29"];
        case.says(&evidence, &["2017 empty, confirmed"], "eeeeeee", &found);
        assert_eq!(case.judged(&evidence).rows, 0, "none is of these days");
        // Where nobody knows until when it was listed, its last bar bounds what is expected.
        let case = Case::of(Kind::Daily, "2017-06-01", "2017-12-31");
        case.says(&evidence, &["2017 outside listing"], "-------", &[]);
    }
}

#[test]
fn a_year_without_a_bar_between_two_with_bars_is_a_confirmed_gap() {
    let records = vec![
        bars("2016", "2016-01-04", "2016-12-30", &[answer("2016-01-01", "2016-12-31", Said::Data)]),
        whole("2017", EMPTY),
        bars("2018", "2018-01-02", "2018-12-31", &[answer("2018-01-01", "2018-12-31", Said::Data)]),
    ];
    let files = there(&records);
    Case::of(Kind::Daily, "2016-01-01", "2018-12-31").says(
        &evidence(records, files),
        &["2016 covered", "2017 empty, confirmed", "2018 covered"],
        "cccccccccccceeeeeeeeeeeecccccccccccc",
        &["nothing-traded 2017-01-03..2017-12-29"],
    );
}
