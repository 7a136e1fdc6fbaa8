//! Serves pages that are built beforehand, gzip'd, from memory: what it costs is the socket alone,
//! so that a benchmark of ingest (`scripts/bench ingest`) measures the client. Over HTTP, or over
//! HTTPS with a certificate that it is given.
//!
//! It answers any range of a ticker `T0`, `T1`, ... with the same chain of pages. Row shapes are
//! the vendor's: trades of about 185 bytes, minutes of about 95.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use shared::disk::publish::publish;
use shared::market::trading_day::TradingDay;

const PAGE_ROWS: usize = 50_000;
const SECOND_NS: i64 = 1_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Trades,
    Minute,
}

/// Serves prebuilt pages until its standard input ends.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long)]
    kind: Kind,
    /// Tickers T0, T1, ...
    #[arg(long, default_value_t = 1)]
    tickers: usize,
    /// Pages of each ticker.
    #[arg(long, default_value_t = 12)]
    pages: usize,
    /// First day of the rows.
    #[arg(long, default_value = "2025-03-03")]
    from: TradingDay,
    /// Write "SCHEME://HOST:PORT" here once listening.
    #[arg(long)]
    url_file: PathBuf,
    /// Speak TLS with this certificate (PEM) and key (PEM).
    #[arg(long, num_args = 2, value_names = ["CERTIFICATE", "KEY"])]
    tls: Option<Vec<PathBuf>>,
}

/// A repeatable mixture of bits.
fn mix(number: usize) -> u64 {
    let mut bits = (number as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits ^= bits >> 29;
    bits.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 16
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// Weekdays from `from` on; the stamps of a day lie in its regular hours.
fn day_of(from: TradingDay, number: usize) -> TradingDay {
    let (weeks, rest) = (number / 5, number % 5);
    from.plus_days(i32::try_from(weeks * 7 + rest).expect("a few days"))
}

fn trade(row: usize, from: TradingDay, rows_a_day: usize) -> String {
    let day = day_of(from, row / rows_a_day);
    let step = 23_000 * SECOND_NS / signed(rows_a_day);
    // 14:30 UTC or later is within the session in winter and in summer.
    let ns = (day.start_utc_ms() / 1_000 + 52_200) * SECOND_NS + signed(row % rows_a_day) * step;
    let bits = mix(row);
    let conditions = ["[12,37]", "[37]", "[14,41]", "[12]"][(bits % 4) as usize];
    let price = 1_000 + bits % 300;
    format!(
        r#"{{"conditions":{conditions},"exchange":{},"id":"{}","participant_timestamp":{},"price":{}.{:02},"sequence_number":{},"sip_timestamp":{ns},"size":{},"tape":3}}"#,
        1 + bits % 20,
        52_983_525_027 + row,
        ns - (bits % 400_000).cast_signed(),
        price / 100,
        price % 100,
        1_064 + row * 3,
        1 + bits % 900,
    )
}

fn minute_ms(row: usize, from: TradingDay) -> i64 {
    day_of(from, row / 960).start_utc_ms() + (9 * 60 + signed(row % 960)) * 60_000
}

fn minute(row: usize, from: TradingDay) -> String {
    let ms = minute_ms(row, from);
    let bits = mix(row);
    let price = 1_000 + bits % 300;
    let at = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    format!(
        r#"{{"v":{},"vw":{}.{:04},"o":{},"c":{},"h":{},"l":{},"t":{ms},"n":{}}}"#,
        100 + bits % 90_000,
        price / 100,
        bits % 10_000,
        at(price),
        at(price + bits % 5),
        at(price + 7),
        at(price - 6),
        1 + bits % 400,
    )
}

/// Bodies by ticker and page.
type Bodies = HashMap<(String, usize), Vec<u8>>;

fn bodies(arguments: &Arguments, url: &str) -> Bodies {
    let Arguments { kind, tickers, pages, from, .. } = arguments;
    // A few sessions, each of several pages, as elephants have.
    let rows_a_day = PAGE_ROWS * pages.div_ceil(4);
    let rows_of = |page: usize| {
        let mut rows = String::new();
        for row in page * PAGE_ROWS..(page + 1) * PAGE_ROWS {
            let row = match kind {
                Kind::Trades => trade(row, *from, rows_a_day),
                Kind::Minute => minute(row, *from),
            };
            write!(rows, "{}{row}", if rows.is_empty() { "" } else { "," })
                .expect("a String takes every write");
        }
        rows
    };
    let pages_of_rows: Vec<String> = (0..*pages).map(rows_of).collect();
    let mut all = Bodies::new();
    for ticker in (0..*tickers).map(|number| format!("T{number}")) {
        for (page, rows) in pages_of_rows.iter().enumerate() {
            let body = body(arguments, url, &ticker, page, rows);
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(body.as_bytes()).expect("a Vec takes everything");
            all.insert((ticker.clone(), page), packed.finish().expect("a Vec takes everything"));
        }
    }
    all
}

fn body(arguments: &Arguments, url: &str, ticker: &str, page: usize, rows: &str) -> String {
    let Arguments { kind, pages, from, .. } = *arguments;
    let path = match kind {
        Kind::Trades => format!("v3/trades/{ticker}"),
        Kind::Minute => {
            let begins = minute_ms((page + 1) * PAGE_ROWS, from);
            format!(
                "v2/aggs/ticker/{ticker}/range/1/minute/{begins}/{}",
                from.plus_days(3_650).start_utc_ms()
            )
        }
    };
    let envelope = match kind {
        Kind::Trades => String::new(),
        Kind::Minute => {
            format!(r#""ticker":"{ticker}","resultsCount":{PAGE_ROWS},"adjusted":false,"#)
        }
    };
    let next = if page + 1 == pages {
        String::new()
    } else {
        format!(r#","next_url":"{url}/{path}?cursor={}""#, page + 1)
    };
    format!(
        r#"{{{envelope}"results":[{rows}],"status":"OK","request_id":"a47d1beb8c11b6ae897ab76cdbbf35a3"{next}}}"#
    )
}

/// Answers one connection until the client closes it.
fn serve(stream: impl Read + Write, bodies: &Bodies) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(16 << 10, stream);
    loop {
        let mut target = String::new();
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 && line != "\r\n" {
            if target.is_empty() {
                line.split(' ').nth(1).unwrap_or_default().clone_into(&mut target);
            }
            line.clear();
        }
        if target.is_empty() {
            return Ok(());
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let ticker = path.split('/').find(|part| part.starts_with('T')).unwrap_or_default();
        let cursor = query.split('&').find_map(|word| word.strip_prefix("cursor=")?.parse().ok());
        let (status, body) = match bodies.get(&(ticker.to_owned(), cursor.unwrap_or(0))) {
            Some(body) => ("200 OK", body.as_slice()),
            None => ("404 Not Found", b"".as_slice()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(body)?;
        stream.get_mut().flush()?;
    }
}

fn tls(paths: &[PathBuf]) -> Arc<ServerConfig> {
    let [certificate, key] = paths else { unreachable!("clap takes two") };
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate (PEM)");
    let key = PrivateKeyDer::from_pem_file(key).expect("a private key (PEM)");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("key and certificate belong together");
    Arc::new(config)
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let tls = arguments.tls.as_deref().map(tls);
    let (scheme, host) = if tls.is_some() { ("https", "localhost") } else { ("http", "127.0.0.1") };
    let url = format!("{scheme}://{host}:{}", listener.local_addr()?.port());
    let bodies = Arc::new(bodies(&arguments, &url));
    let packed: usize = bodies.values().map(Vec::len).sum();
    eprintln!("{} pages, {packed} bytes packed, at {url}", bodies.len());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (bodies, tls) = (Arc::clone(&bodies), tls.clone());
            std::thread::spawn(move || answer(stream, tls, &bodies));
        }
    });
    publish(&arguments.url_file, url.as_bytes()).map_err(io::Error::other)?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// A client that goes away is no trouble.
fn answer(stream: TcpStream, tls: Option<Arc<ServerConfig>>, bodies: &Bodies) {
    stream.set_nodelay(true).ok();
    match tls {
        None => serve(stream, bodies).ok(),
        Some(config) => {
            let connection = ServerConnection::new(config).expect("a valid configuration");
            serve(StreamOwned::new(connection, stream), bodies).ok()
        }
    };
}
