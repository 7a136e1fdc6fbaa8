//! Promise: every bar of every kind is, bit for bit, what a plain reading of the definitions gives.
//!
//! `tests/reference/bars_reference.py` was written from the specification alone, without a look at
//! the Rust.

use std::path::{Path, PathBuf};

use shared::market::session::sessions;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use tests::harness::place::{Place, beside_the_project, days, ticker};
use tests::harness::program::{command, run};
use tests::harness::says::says;
use tests::harness::tree::Print;
use tests::harness::{python, tape, truth};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// What both programs are told: where the rows are and which days are asked for.
struct Asked<'a> {
    source: [&'a str; 2],
    ticker: &'a Ticker,
    days: (&'a str, &'a str),
}

/// Builds with `bars` and compares with the reference; `parameters` are the same words for both.
#[track_caller]
fn agree(place: &Place, asked: &Asked, parameters: &str) {
    let out = tempfile::tempdir_in(place.path()).expect("a folder");
    let common = |program: &mut std::process::Command| {
        program.args(asked.source).args([
            "--ticker",
            asked.ticker.as_str(),
            "--from",
            asked.days.0,
        ]);
        program
            .args(["--to", asked.days.1])
            .arg("--outdir")
            .arg(out.path())
            .args(parameters.split(' '));
    };
    let Some(mut reference) = python::script("reference/bars_reference.py", "pyarrow") else {
        return;
    };
    let mut bars = command("bars");
    common(&mut bars);
    common(&mut reference);
    run(&mut bars).expect_code(0);
    let said = run(&mut reference);
    assert_eq!(
        said.code(),
        Some(0),
        "{} {parameters}\n{}{}",
        asked.ticker,
        said.stdout,
        said.stderr
    );
    says(&said.stdout, &["bars agree"]);
}

/// Every rule with every threshold, with and without the extended columns.
fn three_thresholds(target: &str) -> [String; 4] {
    let imbalance = format!("--mode DIB,VIB,TIB --extended --target {target}");
    [
        format!("--mode all --extended --target {target}"),
        format!("--mode all --threshold stable --expected-ticks 40 --target {target}"),
        format!("{imbalance} --threshold stable --expected-ticks 150 --first-sign -1"),
        format!("{imbalance} --threshold afml --expected-ticks 50 --alpha 0.1"),
    ]
}

#[test]
fn the_reference_agrees_with_bars_worked_out_by_hand() {
    let Some(mut reference) = python::script("reference/bars_reference.py", "pyarrow") else {
        return;
    };
    let said = run(reference.arg("--self-test")).expect_code(0).stdout;
    says(&said, &["22 cases"]);
}

/// Eight days around New Year, one of them a Sunday whose last prints are stamped in the next
/// year's UTC.
fn around_new_year() -> Vec<TradingDay> {
    let asked = days("2023-12-27", "2024-01-05");
    let mut days: Vec<_> = sessions(asked.from(), asked.to()).map(|(day, _)| day).collect();
    days.push("2023-12-31".parse().expect("a day"));
    days.sort_unstable();
    days
}

/// Moves the prints of a New Year's Eve to its end: the last is 1 ns before midnight in New York, 5
/// hours into 2024 in UTC.
fn late(prints: &mut [Print]) {
    let midnight_ns = 1_704_085_200_000_000_000;
    let last = prints.last().expect("prints").0;
    for print in prints {
        print.0 += midnight_ns - 1 - last;
    }
}

/// A tree of one ticker whose walk is `seed`.
fn made_up(root: &Path, ticker: &Ticker, seed: u64, prints_a_day: usize) {
    let eve = "2023-12-31".parse().expect("a day");
    for (day, mut prints) in tape::walk(seed, &around_new_year(), prints_a_day) {
        if day == eve {
            late(&mut prints);
        }
        tape::write_trades(root, ticker, day, &prints);
    }
}

#[track_caller]
fn made_up_trades_agree(seed: u64, prints_a_day: usize, parameters: &[String]) {
    let place = Place::with_tickers(["MADE.UP"]);
    let root = place.path().join("trades");
    made_up(&root, &ticker("MADE.UP"), seed, prints_a_day);
    let asked = Asked {
        source: ["--trades-root", root.to_str().expect("a path")],
        ticker: &ticker("MADE.UP"),
        days: ("2023-12-27", "2024-01-05"),
    };
    for parameters in parameters {
        agree(&place, &asked, parameters);
    }
}

#[test]
fn made_up_trades_give_the_bars_of_the_definition() {
    made_up_trades_agree(1, 1_500, &three_thresholds("50000"));
}

#[test]
fn odd_parameters_give_the_bars_of_the_definition() {
    let odd = [
        // No carry of the last sign and a threshold that never exceeds 1; a target below every
        // trade.
        "--mode all --extended --target 0.5 --alpha 1",
        "--mode all --extended --target 3 --alpha 0.05 --first-sign -1",
        "--mode all --extended --target 60",
        "--mode all --extended --target 1e12",
        "--mode all --extended --threshold stable --expected-ticks 1",
        "--mode all --extended --threshold stable --expected-ticks 2 --first-sign -1",
        "--mode all --extended --threshold stable --expected-ticks 100000",
        "--mode DIB,VIB,TIB --extended --threshold afml --expected-ticks 20 --warmup 1 --min-ticks 2.5 --max-ticks 30.5",
        "--mode DIB,VIB,TIB --extended --threshold afml --expected-ticks 10 --warmup 500 --alpha 0.9",
        "--mode DIB,VIB,TIB --extended --threshold afml --expected-ticks 15 --first-sign -1",
    ];
    made_up_trades_agree(2, 300, &odd.map(str::to_owned));
}

#[test]
fn a_ticker_that_hardly_trades_gives_the_bars_of_the_definition() {
    for seed in 10..14 {
        made_up_trades_agree(seed, 3, &three_thresholds("700")[..2]);
    }
}

#[test]
fn a_range_within_the_tree_gives_the_bars_of_its_days_alone() {
    let place = Place::with_tickers(["MADE.UP"]);
    let root = place.path().join("trades");
    made_up(&root, &ticker("MADE.UP"), 3, 200);
    let source = ["--trades-root", root.to_str().expect("a path")];
    for days in
        [("2023-12-28", "2023-12-28"), ("2023-12-30", "2024-01-02"), ("2024-01-04", "2024-12-31")]
    {
        agree(&place, &Asked { source, ticker: &ticker("MADE.UP"), days }, "--mode all --extended");
    }
}

#[test]
fn made_up_minutes_give_the_bars_of_the_definition_from_average_and_from_closing_prices() {
    let place = Place::with_tickers(["MADE.UP"]);
    let root = place.path().join("minutes");
    let stock = ticker("MADE.UP");
    tape::write_minutes(&root, &stock, &tape::minutes(4, &around_new_year()));
    let source = ["--agg1m-root", root.to_str().expect("a path")];
    for price in ["vw", "close"] {
        for parameters in three_thresholds("5000000") {
            let asked = Asked { source, ticker: &stock, days: ("2023-12-28", "2024-01-04") };
            agree(&place, &asked, &format!("{parameters} --agg1m-price {price}"));
        }
    }
}

/// The real trades and minutes of `names` within `range` as trees, where they are beside the
/// project.
fn real(names: &[&str], range: (&str, &str)) -> Option<(Place, PathBuf, PathBuf)> {
    let exchange = Exchange::start(Config::replay(beside_the_project("market")?)).expect("started");
    let place = Place::with_tickers(names);
    let (trades, minutes) = (place.path().join("trades"), place.path().join("minutes"));
    let asked = days(range.0, range.1);
    for name in names {
        let stock = ticker(name);
        for (day, _) in sessions(asked.from(), asked.to()) {
            let prints = truth::trades(&exchange, &stock, days(&day.to_string(), &day.to_string()));
            tape::write_trades(&trades, &stock, day, &prints);
        }
        tape::write_minutes(&minutes, &stock, &truth::minute_bars(&exchange, &stock, asked));
    }
    Some((place, trades, minutes))
}

#[track_caller]
fn real_tapes_agree(names: &[&str], days: (&str, &str), parameters: &[&str]) {
    let Some((place, trades, minutes)) = real(names, days) else { return };
    for name in names {
        for (flag, root) in [("--trades-root", &trades), ("--agg1m-root", &minutes)] {
            let source = [flag, root.to_str().expect("a path")];
            for parameters in parameters {
                agree(&place, &Asked { source, ticker: &ticker(name), days }, parameters);
            }
        }
    }
}

const AS_RESEARCH_USES_THEM: [&str; 3] = [
    "--mode all --extended",
    "--mode DIB,VIB,TIB --threshold stable --extended",
    "--mode DIB,VIB,TIB --threshold afml --extended",
];

#[test]
fn a_real_day_gives_the_bars_of_the_definition() {
    real_tapes_agree(&["AIG"], ("2013-10-07", "2013-10-07"), &AS_RESEARCH_USES_THEM);
}

#[test]
#[ignore = "780,000 trades in plain Python take minutes: scripts/soak"]
fn the_whole_real_tapes_give_the_bars_of_the_definition() {
    let more = [
        "--mode all --target 5000000",
        "--mode all --target 100 --threshold stable --expected-ticks 200",
    ];
    let parameters = [AS_RESEARCH_USES_THEM.as_slice(), more.as_slice()].concat();
    real_tapes_agree(&["AIG", "BAC"], ("2013-10-04", "2013-10-11"), &parameters);
}
