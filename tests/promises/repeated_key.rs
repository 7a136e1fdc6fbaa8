//! Promise: a server that repeats the key, in whatever spelling and wherever, gets it into nothing
//! that we say or keep.

use std::fs;
use std::path::PathBuf;

use tests::harness::place::{Place, days};
use tests::harness::program::{SECRET, run};
use tests::harness::repeater::{Answer, Repeater};
use tests::harness::says::says;
use tests::harness::tree;

/// Plain base64, as servers do it.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| -> String {
        let byte = |at: usize| usize::from(*chunk.get(at).unwrap_or(&0));
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        (0..=chunk.len()).map(|at| char::from(ALPHABET[number >> (18 - 6 * at) & 63])).collect()
    };
    text.as_bytes().chunks(3).map(group).collect()
}

fn each(spell: impl Fn(u8) -> String) -> String {
    SECRET.bytes().map(spell).collect()
}

/// Every spelling of the key, and what of it would tell the key.
fn spellings() -> Vec<(&'static str, String)> {
    vec![
        ("as it is", SECRET.to_owned()),
        ("as a host", format!("http://{}.example/x", SECRET.to_lowercase())),
        ("percent-encoded", each(|byte| format!("%{byte:02x}"))),
        ("as in JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("as in HTML", each(|byte| format!("&#{byte};"))),
        ("in hexadecimal", each(|byte| format!("{byte:02X}"))),
        ("base64", base64(SECRET)),
        ("base64 of the header", base64(&format!("Bearer {SECRET}"))),
        ("base64 of a user", base64(&format!("me:{SECRET}"))),
        ("base64 of another user", base64(&format!("user:{SECRET}"))),
    ]
}

/// Any eight characters in the middle of the key or of its spelling.
#[track_caller]
fn check(what: &str, text: &[u8], spelled: &str) {
    let text = String::from_utf8_lossy(text).to_lowercase();
    let middle = &spelled[spelled.len() / 2 - 4..spelled.len() / 2 + 4];
    let parts = SECRET.as_bytes().windows(8).map(|part| String::from_utf8_lossy(part).into_owned());
    for part in parts.chain([middle.to_owned()]) {
        assert!(!text.contains(&part.to_lowercase()), "{what}: {part} in {text}");
    }
}

/// Everything that there is below a place, but for the files that come from here.
fn files(place: &Place) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |path: PathBuf| (path.clone(), fs::read(&path).expect("read"));
    tree::files(place.path()).into_iter().map(read).collect()
}

fn answer(status: &'static str, body: String) -> Answer {
    Answer { status, body }
}

#[test]
fn whatever_a_server_repeats_of_the_key_in_whatever_spelling_is_in_no_error_log_event_or_page() {
    let asked = days("2022-01-03", "2022-12-29");
    let repeater = Repeater::start(answer("200 OK", "{}".to_owned()));
    for (name, spelled) in spellings() {
        // So that what is said is cut inside it, and that it is the only thing there.
        let filled = format!("{}{spelled}", "no ".repeat(95));
        let quoted = format!(r#"{{"error":"{filled}"}}"#);
        let places = [
            ("a refusal", answer("401 Unauthorized", quoted.clone()), 12),
            ("a refusal in no JSON", answer("403 Forbidden", format!("<p>{spelled}</p>")), 12),
            (
                "a bad request",
                answer("400 Bad Request", format!(r#"{{"message":"{spelled}"}}"#)),
                11,
            ),
            ("a page", answer("200 OK", format!(r#"{{"status":"{spelled}","results":[]}}"#)), 10),
            (
                "no page",
                answer("200 OK", format!(r#"{{"status":"OK","results":[{{"t":"{spelled}"}}]}}"#)),
                10,
            ),
        ];
        for (what, answer, code) in places {
            repeater.says(&answer);
            let place = Place::with_tickers(["A"]);
            let mut worker = place.worker(repeater.base_url(), asked);
            worker.arg("--events").arg(place.path().join("events.jsonl")).args(["--tries", "2"]);
            let ended = run(&mut worker).expect_code(code);
            check(&format!("{what}, {name}"), ended.stderr.as_bytes(), &spelled);
            let found = files(&place);
            let is_kept =
                found.iter().any(|(path, _)| path.to_string_lossy().contains("_quarantine"));
            assert_eq!(is_kept, code == 10, "{what}, {name}: {}", ended.stderr);
            for (path, bytes) in found {
                check(&format!("{what}, {name}, {}", path.display()), &bytes, &spelled);
            }
        }
        repeater.says(&answer("401 Unauthorized", quoted));
        let place = Place::with_tickers(["A"]);
        let ended = run(&mut place.launcher_start(repeater.base_url(), asked));
        assert_ne!(ended.code(), Some(0));
        says(&ended.stderr, &["refuses the API key (HTTP 401)"]);
        check(&format!("start, {name}"), ended.stderr.as_bytes(), &spelled);
    }
}

#[test]
fn what_a_run_keeps_of_a_server_or_a_script_holds_neither_the_key_nor_what_a_terminal_obeys() {
    let asked = days("2022-01-03", "2022-12-29");
    let body = format!(r#"{{"error":"\u001b[2J\u202e{} "}}"#, base64(&format!("Bearer {SECRET}")));
    let repeater = Repeater::start(answer("404 Not Found", body));
    let place = Place::with_tickers(["A", "B"]);
    let mut start = place.launcher_start(repeater.base_url(), asked);
    let ended = run(start.args(["--foreground", "--retries", "0"]));
    check("start", ended.stderr.as_bytes(), SECRET);
    check("start", ended.stdout.as_bytes(), SECRET);
    let journal = fs::read_to_string(place.workdir().join("journal.jsonl")).expect("kept");
    says(&journal, &["404", "(key)"]);
    let say = |arguments: &[&str]| {
        let mut command = place.launcher(arguments[0]);
        run(command.args(&arguments[1..])).stdout
    };
    for said in [say(&["status"]), say(&["status", "--json"]), say(&["why", "A"]), journal] {
        let is_obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(is_obeyed), "{said:?}");
        check("a view", said.as_bytes(), &base64(&format!("Bearer {SECRET}")));
    }
    for (path, bytes) in files(&place) {
        check(&path.display().to_string(), &bytes, &base64(&format!("Bearer {SECRET}")));
        assert!(
            !bytes.contains(&0x1b) || path.extension().is_some_and(|it| it == "parquet"),
            "{path:?}"
        );
    }
}

#[test]
fn what_a_script_says_of_the_key_stays_in_its_own_log() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with_tickers(["A"]);
    let script = place.path().join("script");
    let text = "#!/bin/sh\necho \"error: bad key $POLYGON_API_KEY\"; exit 3\n";
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("allowed");
    let repeater = Repeater::start(answer("200 OK", "{}".to_owned()));
    let mut start = place.launcher_start(repeater.base_url(), days("2022-01-03", "2022-12-29"));
    start.args(["--foreground", "--retries", "0", "--ingest-script"]).arg(&script);
    check("start", run(&mut start).stderr.as_bytes(), SECRET);
    let journal = fs::read_to_string(place.workdir().join("journal.jsonl")).expect("kept");
    says(&journal, &["bad key (key)"]);
    let own_log = place.workdir().join("logs/batch_0001.log");
    assert!(fs::read_to_string(&own_log).expect("kept").contains(SECRET), "it is the script's");
    for (path, bytes) in files(&place).into_iter().filter(|(path, _)| *path != own_log) {
        check(&path.display().to_string(), &bytes, SECRET);
    }
}

#[test]
fn a_key_that_is_part_of_many_words_is_refused() {
    let place = Place::with_tickers(["A"]);
    let asked = days("2022-01-03", "2022-12-29");
    for mut command in [
        place.worker("http://127.0.0.1:9", asked),
        place.launcher_start("http://127.0.0.1:9", asked),
    ] {
        let said = run(command.env("POLYGON_API_KEY", "k")).expect_code(2).stderr;
        assert!(
            said.ends_with(
                "error: POLYGON_API_KEY holds fewer than 8 characters, which no API key does; is it truncated?\n"
            ),
            "{said}"
        );
    }
}

#[test]
fn an_address_with_a_password_is_not_repeated() {
    let place = Place::with_tickers(["A"]);
    let asked = days("2022-01-03", "2022-12-29");
    let base = "http://someone:passw0rd@127.0.0.1:9";
    for mut command in [place.worker(base, asked), place.launcher_start(base, asked)] {
        let said = run(&mut command).expect_code(2).stderr;
        assert!(said.contains("--base-url") && !said.contains("passw0rd"), "{said}");
    }
    let mut help = place.worker("http://127.0.0.1:9", asked);
    let said = run(help.env("POLYGON_BASE_URL", base).arg("--help")).expect_code(0).stdout;
    assert!(said.contains("POLYGON_BASE_URL") && !said.contains("passw0rd"), "{said}");
}

#[test]
fn a_proxy_that_repeats_its_password_gets_it_into_nothing_that_is_said() {
    let proxy = Repeater::start(answer(
        "407 Basic bWU6cGFzc3cwcmQxMjM= for me:passw0rd123",
        "passw0rd123".to_owned(),
    ));
    for address in [proxy.base_url(), "http://127.0.0.1:9"] {
        let address = address.replace("http://", "http://me:passw0rd123@");
        let place = Place::with_tickers(["A"]);
        let asked = days("2022-01-03", "2022-12-29");
        let base = "https://data.example";
        let mut worker = place.worker(base, asked);
        worker.arg("--events").arg(place.path().join("events.jsonl")).args(["--tries", "2"]);
        for mut command in [worker, place.launcher_start(base, asked)] {
            let ended = run(command.env("HTTPS_PROXY", &address));
            assert_ne!(ended.code(), Some(0));
            let said = ended.stdout + &ended.stderr;
            assert!(said.contains("proxy") || address.ends_with(":9"), "it was asked: {said}");
            for secret in ["passw0rd123", "bWU6cGFzc3cwcmQxMjM"] {
                assert!(!said.contains(secret), "{said}");
            }
        }
        for (path, bytes) in files(&place) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(
                !text.contains("passw0rd123") && !text.contains("bWU6cGFzc3"),
                "{}: {text}",
                path.display()
            );
        }
    }
}
