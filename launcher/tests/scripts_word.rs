//! The word of a script that keeps no ledger: when it is taken for done, and when not.

use shared::dataset::ledger::Ledger;

use crate::says::says;
use crate::scene::{Scene, prove, run, wait_for};

/// Says events of its own in shell: `say '"event":"yield","remaining":1'`.
const SAY: &str = r#"
while [ $# -gt 0 ]; do [ "$1" = --events ] && events="$2"; [ "$1" = --tickers-csv ] && csv="$2"; shift; done
say() { echo '{"at":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",'"$1"'}' >> "$events"; }
"#;

const NO_SIGN: &str =
    "exit 0 without a line in its log, an event or a file: nothing shows that anything was done";

#[test]
fn a_script_that_does_nothing_in_silence_has_failed() {
    let scene = Scene::of(&["A", "B"]);
    scene.silent_script("job", "exit 0");
    scene.detach("job", &["--retries", "0"]);
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &[&format!("  2 x {NO_SIGN}\n      for example A: ")]);
}

#[test]
fn a_script_that_does_nothing_in_silence_for_batch_after_batch_pauses_the_run_and_costs_nobody_an_attempt()
 {
    let scene = Scene::of(&["A", "B", "C", "D"]);
    scene.silent_script("job", "[ ! -e fixed ] || echo done");
    scene.detach("job", &["--batch-size", "1", "--max-concurrent", "1", "--retries", "0"]);
    let paused = format!("PAUSED: 3 batches in a row got nothing done: {NO_SIGN}");
    wait_for("the pause", || scene.status().starts_with(&paused));
    scene.write("fixed", "");
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["4 reported by the script, not verified, 0 failed"]);
}

#[test]
fn a_silent_script_is_believed_for_the_tickers_whose_files_it_has_written() {
    let scene = Scene::of(&["A", "B", "C"]);
    std::fs::create_dir_all(scene.path("out/C/year=2020")).expect("made");
    scene.write("out/C/year=2020/daily.parquet", "of long ago");
    crate::scene::let_pass(std::time::Duration::from_millis(100));
    scene.silent_script(
        "job",
        "mkdir -p out/A/year=2020 out/B; echo x > out/A/year=2020/daily.parquet",
    );
    scene.detach("job", &["--retries", "0"]);
    let ended = scene.wait().expect_code(1).stdout;
    says(
        &ended,
        &[
            "1 reported by the script, not verified, 2 failed",
            &format!("  2 x {NO_SIGN}\n      for example B: "),
        ],
    );
}

#[test]
fn what_a_script_says_of_a_ticker_counts_more_than_its_clean_exit() {
    let scene = Scene::of(&["A", "B"]);
    let failed = r#"say '"event":"ticker_failed","ticker":"A","cause":"no such name","persistence":"permanent"'"#;
    scene.silent_script("job", &format!("{SAY}\n{failed}"));
    scene.detach("job", &[]);
    let ended = scene.wait().expect_code(1).stdout;
    says(
        &ended,
        &[
            "1 reported by the script, not verified, 1 failed",
            "  1 x no such name\n      for example A: ",
        ],
    );
}

#[test]
fn after_a_yield_only_what_was_said_to_be_done_is_believed_and_the_rest_gets_another_worker() {
    let scene = Scene::of(&["A", "B", "C"]);
    let first = r#"first=$(tail -n +2 "$csv" | head -n 1); echo "$first" >> worked"#;
    let done = r#"say '"event":"ticker_done","ticker":"'$first'","rows":1,"pages":1'"#;
    let rest = r#"say '"event":"yield","remaining":2'"#;
    scene.silent_script("job", &format!("{SAY}\n{first}\n{done}\n{rest}"));
    scene.detach("job", &["--retries", "0"]);
    scene.wait().expect_code(0);
    assert_eq!(scene.read("worked"), "A\nB\nC\n");
}

#[test]
fn a_script_that_was_asked_to_end_has_not_come_to_its_end_whatever_its_exit_code() {
    let scene = Scene::of(&["A"]);
    scene.script(
        "job",
        "trap 'exit 0' TERM; echo x >> begun; while [ ! -e go ]; do sleep 0.05; done",
    );
    scene.detach("job", &["--batch-timeout", "1s", "--retries", "0"]);
    let ended = scene.wait().expect_code(1).stdout;
    says(&ended, &["1 x ended after 1 s (--batch-timeout)"]);

    let scene = Scene::of(&["A"]);
    scene.script(
        "job",
        "trap 'exit 0' TERM; echo x >> begun; while [ ! -e go ]; do sleep 0.05; done",
    );
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    run(&mut scene.launcher("stop", &[])).expect_code(0);
    assert!(scene.status().contains("0 failed, 1 left"), "{}", scene.status());
    scene.write("go", "");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
    assert_eq!(scene.count("begun"), 2);
}

#[test]
fn a_ledger_that_is_damaged_later_is_seen_though_others_of_its_batch_have_only_a_scripts_word() {
    let scene = Scene::of(&["A", "B"]);
    scene.script(
        "job",
        r#"tail -n +2 "$3" >> worked; [ ! -e proven ] || cp proven out/A/_ledger.jsonl"#,
    );
    prove(&scene.path("elsewhere"), "A", &[("2020-01-01", "2020-12-31")]);
    let proven = std::fs::read_to_string(Ledger::path(
        &scene.path("elsewhere"),
        &"A".parse().expect("a ticker"),
    ));
    scene.write("proven", &proven.expect("a ledger"));
    std::fs::create_dir_all(scene.path("out/A")).expect("made");
    scene.detach("job", &["--resume"]);
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["1 / 2 verified, 1 reported by the script"]);
    prove(&scene.path("out"), "A", &[("2019-01-01", "2019-12-31")]);
    let year_2019 = scene.read("out/A/_ledger.jsonl").lines().last().expect("a line").to_owned();
    scene.write("out/A/_ledger.jsonl", &format!("{year_2019}\n"));
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["1 / 2 verified, 1 reported by the script"]);
    assert_eq!(scene.read("worked"), "A\nB\nA\n", "B's word stands");
}

#[test]
fn a_script_that_tells_of_more_rows_than_can_be_counted_comes_to_an_end_and_its_run_can_be_told_of()
{
    let scene = Scene::of(&["A", "B"]);
    let most = u64::MAX;
    let done = |ticker: &str| {
        format!(r#"say '"event":"ticker_done","ticker":"{ticker}","rows":{most},"pages":{most}'"#)
    };
    scene.silent_script("job", &format!("{SAY}\n{}\n{}", done("A"), done("B")));
    scene.detach("job", &["--batch-size", "2"]);
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["2 reported by the script, not verified, 0 failed"]);
    // Its journal holds it: whoever reads it again comes to the same.
    for (verb, arguments) in [("status", &["--json"][..]), ("status", &[]), ("why", &["A"])] {
        run(&mut scene.launcher(verb, arguments)).expect_code(0);
    }
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
}

#[test]
fn a_script_has_the_usual_reaction_to_a_file_that_grows_too_large() {
    let scene = Scene::of(&["A"]);
    scene.script("job", "grep SigIgn: /proc/self/status > ignored");
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    let said = scene.read("ignored");
    let mask = said.trim().rsplit('\t').next().and_then(|mask| u64::from_str_radix(mask, 16).ok());
    let bit = 1 << (nix::libc::SIGXFSZ - 1);
    assert_eq!(mask.expect("a mask") & bit, 0, "{said}");
}
