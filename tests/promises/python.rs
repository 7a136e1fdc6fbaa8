//! Promise: pyarrow reads the tree with nothing but its path.

use tests::harness::market::market;
use tests::harness::place::days;
use tests::harness::program::run;
use tests::harness::python;
use tests::harness::truth::daily_bars;
use tests::sim::config::Config;

#[test]
fn pyarrow_finds_exactly_the_columns_and_types_and_every_row() {
    let Some(mut read_dataset) = python::script("python/read_dataset.py", "pyarrow") else {
        return;
    };
    let (exchange, tickers, place) = market(Config::synthetic(7).with_tickers(8), 8);
    let asked = days("2021-01-01", "2023-12-31");
    run(&mut place.worker(&exchange.base_url(), asked)).expect_code(0);
    let rows: usize = tickers.iter().map(|ticker| daily_bars(&exchange, ticker, asked).len()).sum();

    let ended = run(read_dataset.arg(place.outdir())).expect_code(0);
    let columns = "\
ticker string not null
date string not null
t int64 not null
o double not null
h double not null
l double not null
c double not null
v double not null
n int64 null
vw double null
";
    assert!(ended.stdout.starts_with(&format!("{columns}rows {rows}\n")), "{}", ended.stdout);
}
