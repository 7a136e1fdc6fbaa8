//! Bad surroundings: what a command needs is missing, taken, full, damaged or somebody else's. One
//! clear sentence each.

use std::net::TcpListener;

use crate::bad_input::refused;
use crate::says::says;
use crate::scene::{Scene, run, service};

#[test]
fn a_missing_key_is_said_with_the_ways_to_set_it() {
    let scene = Scene::of(&["A"]);
    assert_eq!(
        refused(&scene, 2, &[], false),
        "error: no API key: set POLYGON_API_KEY (or MASSIVE_API_KEY) in the environment, or write POLYGON_API_KEY=... into a file called .env in this folder\n"
    );
}

#[test]
fn a_missing_worker_is_named_with_its_place() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    std::fs::remove_file(scene.path("worker")).expect("removed");
    assert_eq!(
        refused(&scene, 2, &[], true),
        "error: worker: the worker is missing; build it (cargo build -p worker) or put it beside `launcher`\n"
    );
}

#[test]
fn a_script_that_can_not_run_is_named() {
    let scene = Scene::of(&["A"]);
    assert_eq!(
        refused(&scene, 2, &["--ingest-script", "nothing"], false),
        "error: --ingest-script nothing: no such file\n"
    );
    assert_eq!(
        refused(&scene, 2, &["--ingest-script", "tickers.csv"], false),
        "error: --ingest-script tickers.csv: not executable; chmod +x makes it so\n"
    );
}

#[test]
fn an_outdir_that_can_not_be_written_is_named_with_the_reason() {
    let scene = Scene::of(&["A"]);
    scene.write("out", "a file, no folder");
    let said = refused(&scene, 13, &["--ingest-script", "/bin/true"], false);
    assert!(said.starts_with("error: --outdir out can't be written: "), "{said}");
    says(&said, &["choose another folder or correct its permissions"]);
}

#[test]
fn the_work_directory_of_another_run_is_named_with_both_ways_on() {
    let scene = Scene::of_ended_run();
    let said = run(&mut scene.start(&["--ingest-script", "job"])).expect_code(2).stderr;
    says(
        &said,
        &[
            "w is the work directory of run ",
            "daily of 1 ticker, 2020-01-01..2020-12-31",
            "launcher start --workdir ",
            "--resume`, or choose another --workdir",
        ],
    );
}

#[test]
fn an_outdir_of_another_dataset_is_refused_with_both_values() {
    let scene = Scene::of_ended_run();
    std::fs::rename(scene.path("w"), scene.path("first")).expect("moved away");
    let said = refused(&scene, 2, &["--ingest-script", "job", "--adjusted"], false);
    assert_eq!(
        said,
        "error: out/_dataset.json: this tree has adjusted false, but adjusted true was requested; choose another --outdir\n"
    );
}

#[test]
fn a_refused_key_is_told_in_the_services_words() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let base = service("401 Unauthorized", r#"{"status":"ERROR","error":"Unknown API Key"}"#);
    let said = refused(&scene, 12, &["--base-url", &base], true);
    let expected = format!(
        "error: {base} refuses the API key (HTTP 401): Unknown API Key; check POLYGON_API_KEY (or MASSIVE_API_KEY) and --base-url\n"
    );
    assert_eq!(said, expected);
    assert!(!said.contains("open-sesame"));
}

#[test]
fn a_service_that_can_not_be_reached_is_named_with_the_reason() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let said = refused(&scene, 10, &["--base-url", &base], true);
    assert!(said.starts_with(&format!("error: {base} can't be reached (")), "{said}");
    says(&said, &["Connection refused", "check the network and --base-url"]);
}

#[test]
fn a_work_directory_that_meets_the_output_is_refused() {
    let scene = Scene::of(&["A"]);
    for (workdir, outdir, relation) in [
        ("out", "out", "is the same folder as"),
        ("out/run", "out", "lies inside"),
        ("w", "w/out", "lies around"),
    ] {
        let words = ["--job", "daily", "--tickers-csv", "tickers.csv", "--outdir", outdir];
        let range = ["--from", "2020-01-01", "--to", "2020-12-31", "--ingest-script", "/bin/true"];
        let words = [&words[..], &range[..]].concat();
        let said = run(&mut scene.launcher_in(workdir, "start", &words)).expect_code(2).stderr;
        let at = |name: &str| scene.path(name).display().to_string();
        let (workdir, outdir) = (at(workdir), at(outdir));
        let expected = format!(
            "error: --workdir {workdir} {relation} --outdir {outdir}; choose two folders side by side\n"
        );
        assert_eq!(said, expected);
    }
    assert!(!scene.path("out").exists() && !scene.path("w").exists(), "nothing was made");
}

#[test]
fn a_refused_start_leaves_nothing_behind() {
    let scene = Scene::with_worker(&["A"], "exit 0");
    let base = service("401 Unauthorized", "{}");
    refused(&scene, 12, &["--base-url", &base], true);
    assert!(!scene.path("out").exists() && !scene.path("w").exists());
    scene.script("job", "sleep 600");
    scene.detach("job", &[]);
    let more = Scene::usual(&["--ingest-script", "job"]);
    run(&mut scene.launcher_in("other", "start", &more)).expect_code(2);
    run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
    let more = Scene::usual(&["--ingest-script", "job", "--adjusted"]);
    run(&mut scene.launcher_in("other", "start", &more)).expect_code(2);
    assert!(!scene.path("other").exists());
}

#[test]
fn what_stands_in_the_place_of_the_rate_budget_is_found_before_anything_runs() {
    let scene = Scene::with_worker(&["A"], "echo x >> begun");
    scene.write("ingest-pace", "somebody else's");
    let mut start = scene.start(&["--rate", "5/min", "--base-url", "http://127.0.0.1:9"]);
    let place = scene.path("ingest-pace").parent().expect("a folder").to_owned();
    start.env("XDG_RUNTIME_DIR", &place).env("POLYGON_API_KEY", "open-sesame");
    let said = run(&mut start).expect_code(13).stderr;
    says(
        &said,
        &["ingest-pace is not a folder, so the rate budget can't be kept there; remove it"],
    );
    assert!(
        !scene.path("w").exists() && !scene.path("out").exists() && !scene.path("begun").exists()
    );
}

#[test]
fn a_status_that_could_not_be_said_is_no_success() {
    let scene = Scene::of_ended_run();
    let full =
        std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is always there");
    let status =
        scene.launcher("status", &[]).stdout(full).stderr(std::process::Stdio::piped()).output();
    let status = status.expect("run");
    assert_eq!(status.status.code(), Some(13));
    let said = String::from_utf8_lossy(&status.stderr).into_owned();
    assert!(said.starts_with("error: can't write to standard output: No space left"), "{said}");
}

#[test]
fn a_disk_without_the_room_that_must_stay_free_is_refused_before_anything_is_made() {
    let scene = Scene::of(&["A"]);
    let arguments = ["--ingest-script", "/bin/true", "--min-free-disk", "1000000T"];
    let said = refused(&scene, 13, &arguments, false);
    assert!(said.starts_with("error: only ") && said.contains(" MiB are free in "), "{said}");
    let way_on = "; make room, choose a folder on another disk, or lower --min-free-disk\n";
    assert!(said.contains(", less than 1000000T") && said.ends_with(way_on), "{said}");
    assert!(!scene.path("w").exists() && !scene.path("out").exists());
}

#[test]
fn a_damaged_journal_is_named_with_its_line_and_the_way_on() {
    let scene = Scene::of_ended_run();
    let journal = scene.read("w/journal.jsonl");
    scene.write("w/journal.jsonl", &journal.replacen("at", "AT", 1));
    for verb in ["wait", "status"] {
        let said = run(&mut scene.launcher(verb, &[])).expect_code(2).stderr;
        says(&said, &["w/journal.jsonl:1: not a line of this log (its checksum does not match); "]);
        assert!(
            said.ends_with(
                "with another --workdir and --resume (what the ledgers prove stays proven)\n"
            ),
            "{said}"
        );
    }
    scene.write("w/journal.jsonl", &journal);
}

#[test]
fn a_file_that_can_not_be_used_is_named_with_the_reason_and_the_way_on() {
    let scene = Scene::of(&["A"]);
    std::fs::create_dir_all(scene.path("w/launcher.log")).expect("made");
    let said = run(&mut scene.start(&["--ingest-script", "/bin/true", "--foreground"]))
        .expect_code(13)
        .stderr;
    let expected = "w/launcher.log: it is a folder, not a file; check that its folder exists and its disk is healthy, then continue the run: `";
    assert!(said.starts_with("error: can't open ") && said.contains(expected), "{said}");
    assert!(said.ends_with(" --resume`\n"), "the run is frozen by then: {said}");
}

#[test]
fn who_goes_on_with_a_run_that_is_not_there_is_told_the_name_that_is_near() {
    let scene = Scene::of_ended_run();
    let resume = |workdir: &str| {
        run(&mut scene.launcher_in(workdir, "start", &["--resume"])).expect_code(2).stderr
    };
    let (near, folder) = (resume("ww"), scene.path("").display().to_string());
    let folder = folder.trim_end_matches('/');
    assert_eq!(
        near,
        format!(
            "error: {folder}/ww holds no run to go on with (is {folder}/w meant?); a new run there needs --job, --tickers-csv, --outdir, --from, --to\n"
        )
    );
    let far = resume("elsewhere");
    says(&far, &["/elsewhere holds no run to go on with; a new run there needs --job"]);
    assert!(!scene.path("ww").exists() && !scene.path("elsewhere").exists(), "nothing is made");
}

#[test]
fn a_plan_says_how_much_is_free_where_its_output_will_be_made() {
    let scene = Scene::of(&["A"]);
    let said =
        run(&mut scene.start(&["--ingest-script", "/bin/true", "--dry-run"])).expect_code(0).stdout;
    assert!(!scene.path("out").exists());
    assert!(said.contains("B free); ") && !said.contains("unknown free"), "{said}");
}

#[test]
fn a_run_of_a_newer_launcher_is_refused_by_name_and_left_alone() {
    let scene = Scene::of_ended_run();
    let newer = scene.read("w/run.json").replacen("\"format\": 1", "\"format\": 2", 1);
    says(&newer, &["\"format\": 2"]);
    // Nothing else need be as we know it.
    scene.write("w/run.json", &newer.replace("\"settings\"", "\"wishes\""));
    for verb in ["status", "stop", "wait"] {
        let said = run(&mut scene.launcher(verb, &[])).expect_code(2).stderr;
        let expected = "run.json: a run.json of version 2, and this program reads 1; use the newer program that wrote it\n";
        assert!(said.ends_with(expected), "{verb}: {said}");
    }
    // As it was before it said a version.
    scene.write("w/run.json", &newer.replacen("  \"format\": 2,\n", "", 1));
    assert!(scene.status().starts_with("COMPLETE"), "{}", scene.status());
}
