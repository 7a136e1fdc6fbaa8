//! A server of pages as large as they come: it answers every ticker with the same trades, or
//! minutes, from memory, so that what it does costs next to nothing beside what a worker makes of
//! it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use shared::market::trading_day::TradingDay;

/// Rows of a page: the most that the vendor gives.
pub const PAGE_ROWS: usize = 50_000;

/// What each ticker has.
#[derive(Debug, Clone, Copy)]
pub enum Rows {
    /// Trades of one day, every column filled.
    Trades {
        day: TradingDay,
        count: usize,
        /// Length of an id.
        id_bytes: usize,
        /// How many conditions each has.
        conditions: usize,
    },
    /// Bars of every minute from this day on.
    Minutes {
        /// The first.
        day: TradingDay,
        count: usize,
    },
}

impl Rows {
    fn count(self) -> usize {
        match self {
            Self::Trades { count, .. } | Self::Minutes { count, .. } => count,
        }
    }

    fn row(self, number: usize) -> String {
        match self {
            Self::Trades { day, id_bytes, conditions, .. } => {
                // Nine in the morning: the rows come within the minutes after it.
                let ns =
                    (day.start_utc_ms() + 9 * 3_600_000) * 1_000_000 + signed(number) * 100_003;
                let mix = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let id = format!("{mix:020}").repeat(id_bytes.div_ceil(20));
                let listed: Vec<String> =
                    (0..conditions).map(|at| (12 + (at % 30)).to_string()).collect();
                format!(
                    r#"{{"conditions":[{}],"correction":0,"exchange":{},"id":"{}","participant_timestamp":{},"price":{}.{:04},"sequence_number":{},"sip_timestamp":{ns},"size":{},"tape":3,"trf_id":202,"trf_timestamp":{}}}"#,
                    listed.join(","),
                    1 + mix % 20,
                    &id[..id_bytes],
                    ns - (mix % 400_000).cast_signed(),
                    100 + mix % 7,
                    mix % 9_973,
                    100 + number * 7,
                    1 + mix % 5_000,
                    ns - (mix % 300_000).cast_signed(),
                )
            }
            Self::Minutes { day, .. } => {
                let ms = minute_ms(day, number);
                let mix = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % 9_973;
                format!(
                    r#"{{"v":{mix}.25,"vw":10.{mix:04},"o":10.5,"c":10.25,"h":12.5,"l":9.{mix:04},"t":{ms},"n":{mix}}}"#
                )
            }
        }
    }
}

/// The minute of that number: from four in the morning to eight in the evening, day after day.
fn minute_ms(day: TradingDay, number: usize) -> i64 {
    let (days, minute) = (number / 960, number % 960);
    day.start_utc_ms() + (signed(days) * 24 * 60 + 4 * 60 + signed(minute)) * 60_000
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// Listens until the test ends.
pub struct Wide {
    address: String,
    requests: Arc<AtomicUsize>,
}

struct Shelf {
    address: String,
    rows: Rows,
    pages: Vec<String>,
    /// Said instead of any page.
    packed: Option<Vec<u8>>,
    requests: Arc<AtomicUsize>,
}

impl Wide {
    /// Serves `rows` to whoever asks.
    pub fn serving(rows: Rows) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let page = |begin: usize| {
            let mut page = String::new();
            for number in begin..rows.count().min(begin + PAGE_ROWS) {
                let comma = if page.is_empty() { "" } else { "," };
                write!(page, "{comma}{}", rows.row(number)).expect("a String takes every write");
            }
            page
        };
        let pages = (0..rows.count()).step_by(PAGE_ROWS).map(page).collect();
        Self::from(listener, rows, pages, None)
    }

    /// Serves one page of so many trades, packed: they are all the same one, so that a hundredth of
    /// their length goes over the line.
    pub fn packing(count: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let day = "2025-03-04".parse().expect("a day");
        let rows = Rows::Trades { day, count: 1, id_bytes: 0, conditions: 0 };
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let row = rows.row(0);
        let text = std::iter::once(r#"{"results":["#)
            .chain(std::iter::repeat_n([&*row, ","], count).flatten());
        for piece in text.chain([&*row, r#"],"status":"OK"}"#]) {
            packed.write_all(piece.as_bytes()).expect("a Vec takes everything");
        }
        Self::from(
            listener,
            rows,
            Vec::new(),
            Some(packed.finish().expect("a Vec takes everything")),
        )
    }

    fn from(
        listener: TcpListener,
        rows: Rows,
        pages: Vec<String>,
        packed: Option<Vec<u8>>,
    ) -> Self {
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::new(AtomicUsize::new(0));
        let shelf = Shelf {
            address: address.clone(),
            rows,
            pages,
            packed,
            requests: Arc::clone(&requests),
        };
        let shelf = Arc::new(shelf);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shelf = Arc::clone(&shelf);
                std::thread::spawn(move || shelf.answer(stream));
            }
        });
        Self { address, requests }
    }

    pub fn base_url(&self) -> &str {
        &self.address
    }

    /// Pages that were asked for.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Shelf {
    /// A client that goes away is no trouble.
    fn answer(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            let mut piece = [0; 4096];
            match stream.read(&mut piece) {
                Ok(length @ 1..) => request.extend_from_slice(&piece[..length]),
                Ok(0) | Err(_) => return,
            }
        }
        let text = String::from_utf8_lossy(&request);
        let target = text.split_ascii_whitespace().nth(1).unwrap_or_default();
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(packed) = &self.packed {
            let length = packed.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(packed)).ok();
            return;
        }
        let (before, number, behind) = self.page(target);
        let rows = &self.pages[number];
        let length = before.len() + rows.len() + behind.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        for piece in [&head, &before, rows, &behind] {
            if stream.write_all(piece.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// What stands before the rows, which rows, and what stands behind them.
    fn page(&self, target: &str) -> (String, usize, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let number = query.split('&').find_map(|word| word.strip_prefix("cursor=")?.parse().ok());
        let number: usize = number.unwrap_or(0);
        let is_last = number + 1 == self.pages.len();
        let (before, next) = match self.rows {
            Rows::Trades { .. } => (String::new(), path.to_owned()),
            Rows::Minutes { day, .. } => {
                let ticker = path.split('/').nth(4).unwrap_or_default();
                let (rest, to) = path.rsplit_once('/').unwrap_or((path, ""));
                let begin = rest.rsplit_once('/').map_or(rest, |(begin, _)| begin);
                let from = minute_ms(day, (number + 1) * PAGE_ROWS);
                let count = self.rows.count().min((number + 1) * PAGE_ROWS) - number * PAGE_ROWS;
                let envelope =
                    format!(r#""ticker":"{ticker}","resultsCount":{count},"adjusted":false,"#);
                (envelope, format!("{begin}/{from}/{to}"))
            }
        };
        let next = if is_last {
            String::new()
        } else {
            format!(r#","next_url":"{}{next}?cursor={}""#, self.address, number + 1)
        };
        (format!(r#"{{{before}"results":["#), number, format!(r#"],"status":"OK"{next}}}"#))
    }
}
