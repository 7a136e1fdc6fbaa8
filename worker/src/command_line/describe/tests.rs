use std::fs;

use shared::dataset::kind::BarColumns;
use shared::series::parameters::BarRule;

use super::*;
use crate::bars::fixture::{self, Trade};

/// Trades so many seconds after New York's midnight of a day.
fn trades(day: &str, trades: &[(i64, f64, f64)]) -> Vec<Trade> {
    let midnight = day.parse::<TradingDay>().expect("a day").start_utc_ms() * 1_000_000;
    let trade = |(second, price, size): &(i64, f64, f64)| {
        (midnight + second * 1_000_000_000, *price, *size)
    };
    trades.iter().map(trade).collect()
}

/// Five bars of two trades and an open one, over three days of which the second has none.
fn tape() -> Vec<Trade> {
    let mut tape = trades(
        "2024-01-08",
        &[(34_200, 50.0, 100.0), (34_210, 51.0, 100.0), (34_300, 51.0, 300.0)],
    );
    tape.extend(trades(
        "2024-01-08",
        &[(34_330, 50.0, 100.0), (40_000, 52.0, 200.0), (40_020, 52.0, 100.0)],
    ));
    tape.extend(trades(
        "2024-01-10",
        &[(34_200, 53.0, 100.0), (34_260, 54.0, 100.0), (34_400, 54.0, 100.0)],
    ));
    tape.extend(trades("2024-01-10", &[(34_410, 53.0, 100.0), (50_000, 99.0, 100.0)]));
    tape
}

fn tick_bars(outdir: &Path, columns: BarColumns) -> SeriesFolder {
    let parameters = fixture::parameters(BarRule::Fixed { target: 2.0 }, columns);
    fixture::build(outdir, "AIG", mode("TB"), &parameters, &tape())
}

fn mode(name: &str) -> Mode {
    name.parse().expect("a kind of bars")
}

fn args(outdir: &Path) -> DescribeArgs {
    let ticker = "AIG".parse().expect("a ticker");
    DescribeArgs {
        outdir: outdir.to_owned(),
        ticker,
        mode: Vec::new(),
        from: None,
        to: None,
        json: false,
        plot: None,
    }
}

fn refusal_of(args: &DescribeArgs) -> String {
    match answer(args) {
        Err(refusal) | Ok((_, Some(refusal))) => refusal.text,
        Ok((text, None)) => panic!("not refused:\n{text}"),
    }
}

#[test]
fn a_series_is_told_in_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    tick_bars(folder.path(), BarColumns::Extended);
    let (text, refused) = answer(&args(folder.path())).expect("described");
    assert!(refused.is_none());
    let expected = "\
AIG 2024-01-08 to 2024-01-10

                                    TB
bars                                 5
days                                 3
  without a bar                      1
bars a day
  mean                            1.67
  median                           2.0
  fewest                             0
  most                               3
dollars a bar
  mean                          13,480
  median                        10,700
seconds a bar
  mean                           26.00
  median                         20.00
log returns
  deviation                   2.8871 %
  skew                           0.000
  excess kurtosis               -1.998
  autocorrelation               -0.250
log returns within days
  deviation                   2.7566 %
  skew                           0.706
  excess kurtosis               -1.500
  autocorrelation               -0.343
largest bar of a day
  mean share                    41.7 %
  worst share                   50.0 %
  worst day                 2024-01-10
  of the day's                  trades
bars ended by
  target                       100.0 %

TB: target 2, first-sign 1, extended, trades, as traded

The last bar of a series is in no number while it is open.
Days are New York days of a bar's t; sessions that are covered count even without a bar.
Seconds a bar: t_close - t of the bars that ended on the day they began.
Log returns go from close to close of neighbouring bars; within days, between bars that ended
on one day. Skew, kurtosis (0 for the normal) and deviation are those of the population,
autocorrelation is that of neighbours.
";
    assert_eq!(text, expected);
}

#[test]
fn kinds_stand_beside_each_other_with_what_ended_their_bars() {
    let folder = tempfile::tempdir().expect("a folder");
    let tape = fixture::walk("2024-01-08", "2024-01-12", 400, 3);
    let build = |name: &str, rule: BarRule| {
        let parameters = fixture::parameters(rule, BarColumns::Seven);
        fixture::build(folder.path(), "AIG", mode(name), &parameters, &tape);
    };
    build("DIB", BarRule::ImbalanceTarget { target: 60_000.0, alpha: 0.01 });
    build("VRB", BarRule::Runs { expected_ticks: 10 });
    let (alpha, min_ticks, max_ticks) = (0.2, 5.0, 20.0);
    build(
        "TIB",
        BarRule::ImbalanceAfml { alpha, expected_ticks: 10, warmup: 10, min_ticks, max_ticks },
    );
    let (text, _) = answer(&args(folder.path())).expect("described");
    let line =
        |start: &str| text.lines().find(|line| line.starts_with(start)).expect("a line").to_owned();
    let heads: Vec<String> = line("             ").split_whitespace().map(str::to_owned).collect();
    assert_eq!(heads, ["DIB", "TIB", "VRB"]);
    let end = text.find("The last bar").expect("notes");
    let told = &text[text.find("bars ended by").expect("causes")..end];
    let expected = "\
bars ended by
  target                        57.5 %             -             -
  imbalance                     42.5 %        35.1 %             -
  run                                -             -        99.3 %
  first of the series                -             -         0.7 %
  imbalance at a clamp               -        64.9 %             -

DIB: threshold target, target 60000, alpha 0.01, first-sign 1, seven columns, trades, as traded
TIB: threshold afml, alpha 0.2, expected-ticks 10, warmup 10, min-ticks 5, max-ticks 20, first-sign 1, seven columns, trades, as traded
VRB: expected-ticks 10, first-sign 1, seven columns, trades, as traded
DIB: 57.5 % of the bars ended by the target: plain dollar bars
warning: TIB: 64.9 % of the bars ended while the expected trades were held at a clamp
VRB: 0.0 % of the bars ended at the cap of 30 trades

";
    assert_eq!(told, expected, "{text}");
}

#[test]
fn json_has_the_same_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    tick_bars(folder.path(), BarColumns::Seven);
    let (text, _) = answer(&DescribeArgs { json: true, ..args(folder.path()) }).expect("described");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let series = &json["series"][0];
    assert_eq!(
        (&series["mode"], &series["bars"], &series["open_bar"]),
        (&"TB".into(), &5.into(), &true.into())
    );
    assert_eq!(series["bars_a_day"]["empty_days"], 1);
    assert_eq!(
        (&series["seconds"]["bars"], &series["seconds"]["mean"]),
        (&3.into(), &2_000.0.into())
    );
    assert_eq!(
        (&series["largest"]["of"], &series["closed_by"]["target"]),
        (&"dollars".into(), &5.into())
    );
}

#[test]
fn a_range_confines_the_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    tick_bars(folder.path(), BarColumns::Extended);
    let day = |text: &str| text.parse::<TradingDay>().ok();
    let (text, _) =
        answer(&DescribeArgs { to: day("2024-01-09"), ..args(folder.path()) }).expect("described");
    let counted =
        "bars                                 3\ndays                                 2\n";
    assert!(text.starts_with("AIG 2024-01-08 to 2024-01-09\n") && text.contains(counted), "{text}");
    assert!(text.contains("counted over the whole series, whatever the range"), "{text}");
    let none = refusal_of(&DescribeArgs { from: day("2024-02-01"), ..args(folder.path()) });
    assert!(none.ends_with("AIG/tick: no closed bar from 2024-02-01"), "{none}");
    let turned =
        DescribeArgs { from: day("2024-02-01"), to: day("2024-01-01"), ..args(folder.path()) };
    assert_eq!(refusal_of(&turned), "--to 2024-01-01 is before --from 2024-02-01");
}

#[test]
fn what_is_not_there_or_not_proven_is_named_and_the_rest_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = refusal_of(&args(folder.path()));
    assert!(nothing.ends_with("AIG: no series of bars; build one with `bars`"), "{nothing}");
    let asked = refusal_of(&DescribeArgs { mode: vec![mode("DB")], ..args(folder.path()) });
    assert!(
        asked.ends_with("AIG/dollar: no series of bars (no _state.json); build one with `bars`"),
        "{asked}"
    );

    tick_bars(folder.path(), BarColumns::Seven);
    let parameters = fixture::parameters(BarRule::Fixed { target: 200.0 }, BarColumns::Seven);
    let damaged = fixture::build(folder.path(), "AIG", mode("VB"), &parameters, &tape());
    let bytes = fs::read(damaged.file(2024)).expect("read").len();
    let file = fs::OpenOptions::new().write(true).open(damaged.file(2024)).expect("opened");
    file.set_len(100).expect("cut");
    let (text, refused) = answer(&args(folder.path())).expect("described");
    assert!(text.contains("  TB\n") && !text.contains("VB"), "{text}");
    let refused = refused.expect("a damaged file").text;
    let said = format!(
        "bars.parquet: not proven: it has 100 bytes, the state says {bytes}; run `bars` again to rebuild it"
    );
    assert!(refused.contains("AIG/volume/year=2024") && refused.ends_with(&said), "{refused}");

    fs::remove_file(damaged.file(2024)).expect("removed");
    let gone = refusal_of(&args(folder.path()));
    assert!(
        gone.ends_with("bars.parquet: not proven: it is not there; run `bars` again to rebuild it"),
        "{gone}"
    );
}

#[test]
fn a_picture_shows_one_series_whole_and_the_same_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    tick_bars(folder.path(), BarColumns::Extended);
    let ticker: Ticker = "AIG".parse().expect("a ticker");
    let draw = |name: &str| {
        let file = folder.path().join(name);
        plot_series(folder.path(), &ticker, mode("TB"), None, &file)
            .map(|()| fs::read(&file).expect("drawn"))
    };
    let svg = draw("one.svg").expect("drawn");
    assert_eq!(svg, draw("again.svg").expect("drawn"));
    let svg = String::from_utf8(svg).expect("text");
    for words in [
        "AIG TB, 2024-01-08 to 2024-01-10",
        "5 bars; the open last bar is left out",
        "2024-01-09",
        "normal",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(svg.contains(">54.00<") && !svg.contains(">60.00<"), "the open bar is not drawn");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "every shape has its place");
    assert!(draw("one.PNG").expect("drawn").starts_with(b"\x89PNG"));
    let refused = draw("one.gif").expect_err("no such format").to_string();
    assert!(refused.ends_with("one.gif: the extension must be .svg or .png"), "{refused}");

    let parameters = fixture::parameters(BarRule::Fixed { target: 200.0 }, BarColumns::Seven);
    fixture::build(folder.path(), "AIG", mode("VB"), &parameters, &tape());
    let two = DescribeArgs { plot: Some(folder.path().join("two.svg")), ..args(folder.path()) };
    let text = "--plot draws one kind of bars, not TB, VB; choose one with --mode";
    assert_eq!(refusal_of(&two), text);
    let one = DescribeArgs { mode: vec![mode("VB")], ..two };
    assert!(answer(&one).expect("described").1.is_none() && folder.path().join("two.svg").exists());
}

#[test]
fn bars_without_spread_are_drawn_and_that_is_said() {
    for many in [2, 6] {
        let folder = tempfile::tempdir().expect("a folder");
        let flat: Vec<_> = (0..many).map(|second| (34_200 + second, 50.0, 100.0)).collect();
        let parameters = fixture::parameters(BarRule::Fixed { target: 2.0 }, BarColumns::Extended);
        fixture::build(folder.path(), "AIG", mode("TB"), &parameters, &trades("2024-01-08", &flat));
        let file = folder.path().join("flat.svg");
        let ticker = "AIG".parse().expect("a ticker");
        plot_series(folder.path(), &ticker, mode("TB"), None, &file).expect("drawn");
        let svg = fs::read_to_string(&file).expect("text");
        assert!(svg.contains("the returns have no spread") && svg.contains(">50.00<"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn many_days_share_the_steps_of_the_panel_of_days() {
    let folder = tempfile::tempdir().expect("a folder");
    let parameters = fixture::parameters(BarRule::Fixed { target: 10.0 }, BarColumns::Seven);
    let year = fixture::walk("2023-01-03", "2024-03-01", 30, 5);
    fixture::build(folder.path(), "AIG", mode("TB"), &parameters, &year);
    let file = folder.path().join("year.svg");
    plot_series(folder.path(), &"AIG".parse().expect("a ticker"), mode("TB"), None, &file)
        .expect("drawn");
    let svg = fs::read_to_string(&file).expect("text");
    assert!(svg.contains("3 days a step: their mean, pale from fewest to most"), "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}
