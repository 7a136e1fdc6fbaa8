//! Any bytes as a `.env` or as the state of a series of bars: a key or an error, a state or an
//! error.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::dataset::coverage::DateRange;
use shared::market::bar::Mode;
use shared::run::api_key::ApiKey;
use shared::series::proof::{SeriesFolder, SeriesState};
use tempfile::TempDir;
use worker::bars::series::Point;

static FOLDER: LazyLock<TempDir> = LazyLock::new(fuzz::folder);

fuzz_target!(|bytes: &[u8]| {
    fs::write(FOLDER.path().join(".env"), bytes).expect("written");
    if let Ok(key) = ApiKey::find(|_| None, FOLDER.path()) {
        assert!(
            key.expose().len() >= 8 && key.expose().bytes().all(|byte| byte.is_ascii_graphic())
        );
    }
    let body = bytes.trim_ascii_end();
    let body = body.strip_suffix(b"}").unwrap_or(body);
    let crc = format!(",\"crc\":\"{:08x}\"}}", crc32fast::hash(body));
    for content in [bytes, &[body, crc.as_bytes()].concat()] {
        state(content);
    }
});

fn state(content: &[u8]) {
    let ticker = "AIG".parse().expect("a ticker");
    let folder = SeriesFolder::new(FOLDER.path(), &ticker, Mode::ALL[0]);
    fs::create_dir_all(folder.path()).expect("made");
    fs::write(folder.state(), content).expect("written");
    if let Ok(Some(state)) = SeriesState::<Point>::read(&folder) {
        let day = |text: &str| text.parse().expect("a day");
        let days = DateRange::new(day("2023-01-03"), day("2024-02-09")).expect("in order");
        let _ = (state.covers(days), state.came_to_nothing(), state.first_damaged(&folder));
        let again = SeriesState::<Point>::read(&folder);
        assert!(matches!(again, Ok(Some(_))));
    }
}
