use super::*;
use crate::dataset::merge::DatedBar;
use crate::dataset::reader::read_table;
use crate::dataset::writer::{TradesFile, publish_bars, publish_table};
use crate::disk::publish::Draft;
use crate::market::ohlcv::Ohlcv;
use crate::market::trade::Trade;
use crate::market::trading_day::TradingDay;
use crate::market::zone::Zone;

#[test]
fn bars_come_back_with_their_labels_and_what_is_not_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("minute.parquet");
    let date: TradingDay = "2024-03-11".parse().expect("a day");
    let bar = |minute: i64| Ohlcv {
        t: date.start_utc_ms() + minute * 60_000,
        open: 1.0,
        high: 2.0,
        low: 0.5,
        close: 1.5,
        volume: minute as f64,
        trades: (minute % 2 == 0).then_some(minute),
        vwap: None,
    };
    let rows: Vec<DatedBar> =
        (570..590).map(|minute| DatedBar { date, bar: bar(minute) }).collect();
    let ticker = "AIG".parse().expect("a ticker");
    let draft = Draft::create(&path).expect("begun");
    let fingerprint =
        publish_bars(draft, Kind::Minute, Zone::NewYork, &ticker, &rows).expect("published");
    for depth in [Depth::EveryColumn, Depth::WhatIsShown] {
        let file = RowFile::open(&path).expect("opened");
        assert_eq!(file.fingerprint(), &fingerprint);
        let mut labels = Vec::new();
        let take = |piece: &Piece<'_>| {
            let Piece::Bars(bars) = piece else { panic!("bars") };
            assert_eq!((bars.t.len(), bars.t[1], bars.volume[1]), (20, rows[1].bar.t, 571.0));
            assert_eq!((bars.trades.get(0), bars.trades.get(1)), (Some(570), None));
            assert!(bars.trades.has_gaps() && bars.vwap.get(0).is_none());
            assert_eq!(bars.tickers.text(bars.tickers.keys()[19]), "AIG");
            let minutes = bars.minutes.as_ref().expect("minutes");
            labels.extend(minutes.keys().iter().map(|key| minutes.text(*key).to_owned()));
        };
        assert_eq!(file.rows(Kind::Minute, depth, take).expect("read"), Columns::Narrow);
        assert_eq!(
            (labels[0].as_str(), labels[19].as_str()),
            ("2024-03-11 09:30", "2024-03-11 09:49")
        );
    }
    let foreign =
        RowFile::open(&path).expect("opened").rows(Kind::Daily, Depth::EveryColumn, |_| {});
    assert!(matches!(foreign, Err(ReadError::Foreign { .. })), "{foreign:?}");
}

#[test]
fn a_file_too_long_to_be_held_is_hashed_and_streamed_and_a_torn_one_is_broken() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trades.parquet");
    let (ticker, day) = ("AIG".parse().expect("a ticker"), "2024-03-11".parse().expect("a day"));
    let columns = Columns::Full;
    let mut file = TradesFile::create(Draft::create(&path).expect("begun"), &ticker, day, columns)
        .expect("begun");
    let trade = |number: i64| Trade {
        sip_ns: day.start_utc_ms() * 1_000_000 + number,
        price: (number.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()) >> 16) as f64,
        size: number as f64 * 1.1,
        sequence_number: number,
        exchange: 4,
        id: number.to_string().as_str().into(),
        conditions: None,
        correction: None,
        tape: 1,
        participant_ns: number * 7_919,
        trf_ns: None,
    };
    let rows = 120_000;
    file.append((0..rows).map(trade).collect()).expect("taken");
    let (_, fingerprint) = file.publish().expect("published").expect("rows");
    assert!(fingerprint.bytes > HELD_BYTES, "{}", fingerprint.bytes);
    let opened = RowFile::open(&path).expect("opened");
    assert_eq!(opened.fingerprint(), &fingerprint);
    let mut next = 0;
    let take = |piece: &Piece<'_>| {
        let Piece::Trades(trades) = piece else { panic!("trades") };
        let identity = trades.identity.as_ref().expect("full");
        for at in 0..trades.sip_ns.len() {
            let expected = trade(next);
            assert_eq!((trades.sip_ns[at], trades.price[at]), (expected.sip_ns, expected.price));
            assert_eq!(identity.ids.value(at), &*expected.id);
            next += 1;
        }
    };
    assert_eq!(opened.rows(Kind::Trades, Depth::WhatIsShown, take).expect("read"), columns);
    assert_eq!(next, rows);

    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
    let torn = RowFile::open(&path).expect("opened").rows(Kind::Trades, Depth::EveryColumn, |_| {});
    assert!(matches!(torn, Err(ReadError::Broken { .. })), "{torn:?}");
}

#[test]
fn a_file_whose_columns_say_the_same_otherwise_shows_the_same_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("daily.parquet");
    let date: TradingDay = "2024-03-11".parse().expect("a day");
    let bar = Ohlcv {
        t: date.start_utc_ms(),
        open: 1.0,
        high: 2.0,
        low: 0.5,
        close: 1.5,
        volume: 70.0,
        trades: Some(17),
        vwap: None,
    };
    let ticker = "AIG".parse().expect("a ticker");
    let draft = Draft::create(&path).expect("begun");
    publish_bars(draft, Kind::Daily, Zone::NewYork, &ticker, &[DatedBar { date, bar }])
        .expect("published");
    let own = read_table(&path).expect("read");
    let table_with = |index: &str| {
        // As pandas: counts as floats, volumes as integers, an index, and any order.
        let of = |name: &str, to: &DataType| {
            cast(own.column_by_name(name).expect(name), to).expect("cast")
        };
        let mut columns: Vec<(&str, _, bool)> = ["vw", "c", "l", "h", "o"]
            .map(|name| (name, of(name, &DataType::Float64), true))
            .to_vec();
        columns.push(("n", of("n", &DataType::Float64), true));
        columns.push(("v", of("v", &DataType::Int64), true));
        columns.extend([("ticker", of("ticker", &DataType::Utf8), true)]);
        columns.extend([("date", of("date", &DataType::LargeUtf8), true)]);
        columns.extend([("t", of("t", &DataType::Int64), true)]);
        columns.push((index, of("t", &DataType::Int64), true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("a table")
    };
    let read = |table: &RecordBatch| {
        publish_table(Draft::create(&path).expect("begun"), table).expect("published");
        let mut seen = Vec::new();
        let file = RowFile::open(&path).expect("opened");
        let rows = file.rows(Kind::Daily, Depth::EveryColumn, |piece: &Piece<'_>| {
            let Piece::Bars(bars) = piece else { panic!("bars") };
            let date = bars.dates.text(bars.dates.keys()[0]).to_owned();
            seen.push((date, bars.t[0], bars.volume[0], bars.trades.get(0), bars.vwap.get(0)));
        });
        rows.map(|columns| (columns, seen))
    };
    let expected = ("2024-03-11".to_owned(), bar.t, 70.0, Some(17), None);
    let (columns, seen) = read(&table_with("__index_level_0__")).expect("read");
    assert_eq!((columns, seen), (Columns::Narrow, vec![expected]));
    let refused = read(&table_with("note"));
    assert!(matches!(refused, Err(ReadError::Foreign { .. })), "{refused:?}");
}
