//! Any bytes as a body: rows or an error come out, the same however the bytes arrive, and what the
//! chain lets pass can be filed.
#![no_main]

use std::fmt::Debug;
use std::io::{self, Read};
use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::Adjusted;
use shared::dataset::kind::Kind;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trade::Trade;
use shared::market::zone::Zone;
use shared::run::base_url::{BaseUrl, PlainHttp};
use worker::api::chain::Chain;
use worker::api::endpoints::Endpoint;
use worker::api::list::List;
use worker::api::page::{Page, PageError, decode};
use worker::api::range_query::RangeQuery;
use worker::api::wire::Record;
use worker::ingest::partitioner::{Partitioner, Piece};
use worker::ingest::storable::Storable;
use worker::reference::splits;
use worker::reference::tickers::{self, Side};

const BASE: &str = "http://127.0.0.1:9000";

fuzz_target!(|body: &[u8]| {
    for (kind, endpoint) in [
        (Kind::Daily, Endpoint::DailyBars(aig(), Adjusted::No)),
        (Kind::Minute, Endpoint::MinuteBars(aig(), Adjusted::No)),
    ] {
        into_chain::<Ohlcv>(body, kind, endpoint);
    }
    into_chain::<Trade>(body, Kind::Trades, Endpoint::Trades(aig()));
    into_list(body, tickers::list(Side::Active, None));
    into_list(body, splits::list());
});

fn aig() -> Ticker {
    "AIG".parse().expect("a ticker")
}

fn base() -> BaseUrl {
    BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin")
}

/// A page of a download: decoded, believed or not, cut into partitions.
fn into_chain<R: Storable + Debug>(body: &[u8], kind: Kind, endpoint: Endpoint) {
    let Some(page) = decoded::<R>(body) else { return };
    let day = |text: &str| text.parse().expect("a day");
    let asked = DateRange::new(day("2024-01-02"), day("2024-02-09")).expect("in order");
    let window: Range<i64> = R::stamps_of(kind, Zone::NewYork, asked);
    let mut chain = Chain::new(base(), RangeQuery::<R>::new(endpoint, window.clone()));
    let before = chain.url().cloned();
    let Ok(rows) = chain.accept(page.clone()) else {
        assert_eq!(chain.url(), before.as_ref(), "a lie leaves the chain as it was");
        chain.restart();
        return;
    };
    assert!(rows.iter().all(|row| window.contains(row.key())), "nothing that was not asked for");
    assert!(rows.is_sorted_by_key(|row| *row.key()), "oldest first");
    let count = rows.len();
    let mut partitioner = Partitioner::new(kind, Zone::NewYork, asked.into());
    let mut pieces: Vec<_> = partitioner.take(rows).collect();
    // The same page again, wherever it may lead: what it brings twice is not taken twice.
    if let Ok(again) = chain.accept(page) {
        assert!(again.iter().all(|row| window.contains(row.key())));
    }
    chain.restart();
    pieces.extend(partitioner.finish());
    let filed = pieces.iter().map(|piece| match piece {
        Piece::Rows(partition, rows) => {
            let day_of = |row: &R| R::day_of(*row.key(), Zone::NewYork);
            let is_inside = |row: &R| day_of(row).is_some_and(|day| partition.span().contains(day));
            assert!(rows.iter().all(is_inside), "each row in its partition");
            rows.len()
        }
        Piece::Closed(..) => 0,
    });
    assert_eq!(filed.sum::<usize>(), count, "no row is lost");
}

/// A page of a list.
fn into_list<R: Record<Key = str> + Debug>(body: &[u8], list: List<R>) {
    let Some(page) = decoded::<R>(body) else { return };
    let mut chain = Chain::new(base(), list);
    if let Ok(rows) = chain.accept(page.clone()) {
        assert!(rows.len() <= page.rows.len());
        drop(chain.accept(page));
    }
    chain.restart();
}

/// Decodes `body` in every manner of arriving; they must agree.
fn decoded<R: Record + Debug>(body: &[u8]) -> Option<Page<R>> {
    let whole = decode::<R>(body).map_err(|error| error.to_string());
    for piece in [1, 7] {
        let pieces = decode::<R>(Pieces { left: body, piece, end: End::Clean });
        assert_eq!(pieces.map_err(|error| error.to_string()), whole, "in pieces of {piece}");
    }
    let hash = body
        .iter()
        .fold(body.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let cut = hash % (body.len() + 1);
    let broken = decode::<R>(Pieces { left: &body[..cut], piece: 5, end: End::Broken });
    assert!(broken.is_err(), "a body that broke off at {cut} is no page");
    let short = decode::<R>(&body[..cut]);
    match (&whole, short) {
        // All that may be missing of a page is blanks behind it.
        (Ok(whole), Ok(short)) => assert_eq!(*whole, short, "cut at {cut}"),
        (Ok(_), Err(error)) => {
            assert!(matches!(error, PageError::Cut(_) | PageError::Malformed(_)), "{error}");
        }
        // What follows a whole page can spoil it, and what is missing of it too.
        (Err(_), _) => {}
    }
    whole.ok()
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Clean,
    Broken,
}

/// A body that arrives a few bytes at a time.
struct Pieces<'a> {
    left: &'a [u8],
    piece: usize,
    end: End,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() && self.end == End::Broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let length = self.piece.min(self.left.len()).min(buffer.len());
        let (now, later) = self.left.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.left = later;
        Ok(length)
    }
}
