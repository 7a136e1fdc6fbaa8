//! `--notify-url`: told of pauses, stops and the end; never in the way.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};

use serde_json::Value;

use crate::says::says;
use crate::scene::{LIMIT, Scene, run, wait_for};

/// Answers each request with the next of `statuses` and passes its head and body on.
fn listener(statuses: &'static [&'static str]) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut piece = [0; 4096];
                let length = stream.read(&mut piece).expect("read");
                assert!(length > 0, "the request breaks off");
                request.extend_from_slice(&piece[..length]);
            }
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).expect("written");
            let text = String::from_utf8(request).expect("UTF-8");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head");
            if sender.send((head.to_owned(), body.to_owned())).is_err() {
                break;
            }
        }
    });
    (format!("http://127.0.0.1:{}/hook/secret?token=secret", address.port()), received)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_lowercase();
    let length =
        head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn next(received: &Receiver<(String, String)>) -> (String, Value) {
    let (head, body) = received.recv_timeout(LIMIT).expect("a notification");
    (head, serde_json::from_str(&body).expect("JSON"))
}

#[test]
fn a_pause_and_the_end_are_told_with_reason_and_counts_and_nothing_secret() {
    let (url, received) = listener(&["200 OK", "200 OK"]);
    let scene = Scene::of(&["A"]);
    scene.script("job", "[ -e fixed ] || { echo 'disk full'; exit 13; }");
    let mut start = scene.start(&["--ingest-script", "job", "--notify-url", &url]);
    run(start.env("POLYGON_API_KEY", "open-sesame")).expect_code(0);
    let (head, paused) = next(&received);
    assert!(head.starts_with("POST /hook/secret?token=secret HTTP/1.1"), "{head}");
    assert!(
        !head.contains("open-sesame") && !paused.to_string().contains("open-sesame"),
        "{head} {paused}"
    );
    assert_eq!(paused["state"], "paused");
    assert_eq!(paused["reason"], "a local resource is in the way (exit 13): disk full");
    assert_eq!(paused["tickers"]["left"], 1);
    scene.write("fixed", "");
    let (_, ended) = next(&received);
    assert_eq!((&ended["state"], &ended["run"]), (&Value::from("complete"), &paused["run"]));
    assert_eq!(ended["tickers"]["reported_by_script"], 1);
    scene.wait().expect_code(0);
    for file in ["w/launcher.log", "w/logs/batch_0001.log", "w/journal.jsonl"] {
        assert!(!scene.read(file).is_empty() && !scene.read(file).contains("secret"), "{file}");
    }
}

#[test]
fn a_notification_that_fails_is_tried_again_and_keeps_nobody_waiting() {
    let (url, received) = listener(&["500 Internal Server Error", "200 OK"]);
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    scene.detach("job", &["--notify-url", &url]);
    scene.wait().expect_code(0);
    assert_eq!(next(&received), next(&received), "the same once more");
    wait_for("the supervisor to go", || scene.processes() == 0);
}

#[test]
fn a_notification_that_nobody_takes_is_a_line_in_the_log() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    let nowhere =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let url = format!("http://user:pw@{nowhere}/secret");
    scene.detach("job", &["--notify-url", &url]);
    scene.wait().expect_code(0);
    let expected = format!("a notification did not get to http://{nowhere}/...: ");
    wait_for("the complaint", || scene.read("w/launcher.log").contains(&expected));
    let log = scene.read("w/launcher.log");
    assert!(!log.contains("secret") && !log.contains("pw"), "{log}");
}

#[test]
fn a_run_that_has_ended_is_extended_although_its_last_notification_hangs() {
    // The kernel takes the connection, nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", silent.local_addr().expect("bound"));
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 0");
    scene.detach("job", &["--notify-url", &url]);
    scene.wait().expect_code(0);
    scene.write("more.csv", "ticker\nA\nB\n");
    let more = ["--resume", "--notify-url", "none", "--tickers-csv", "more.csv"];
    let said = run(&mut scene.launcher("start", &more)).expect_code(0).stdout;
    says(&said, &["extends the run: 1 more ticker\n"]);
    scene.wait().expect_code(0);
    let (_hanging, _) = silent.accept().expect("the notification of the first end");
    assert!(scene.read("w/launcher.log").contains("complete"));
}

#[test]
fn another_address_on_resume_is_said_without_showing_either() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "exit 11");
    let said =
        run(&mut scene.start(&["--notify-url", "http://example.com/secret"])).expect_code(2).stderr;
    says(&said, &["--notify-url http://example.com/... is not encrypted"]);
    scene.detach("job", &[]);
    scene.wait().expect_code(1);
    let other = ["--resume", "--notify-url", "https://example.com/secret", "--dry-run"];
    let said = run(&mut scene.launcher("start", &other)).expect_code(0).stdout;
    says(&said, &["changes the run: --notify-url none → https://example.com/...\n"]);
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn a_supervisor_that_can_not_go_on_is_told_with_its_error() {
    let (url, received) = listener(&["200 OK"]);
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo x >> begun; exec sleep 600");
    scene.detach("job", &["--notify-url", &url]);
    wait_for("the worker", || scene.count("begun") == 1);
    std::fs::remove_file(scene.path("out/_launcher.lock")).expect("deleted");
    let (_, died) = next(&received);
    assert_eq!((&died["state"], &died["tickers"]["left"]), (&Value::from("died"), &Value::from(1)));
    let reason = died["reason"].as_str().expect("a reason");
    says(reason, &["_launcher.lock was moved, deleted or replaced during the run"]);
    scene.wait().expect_code(1);
}
