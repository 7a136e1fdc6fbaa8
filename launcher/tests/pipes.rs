//! Named pipes in the place of files: nobody waits for what would never come.

use std::fs;
use std::process::Command;

use nix::sys::stat::Mode;

use crate::scene::{Scene, run};

fn make_pipe(scene: &Scene, name: &str) {
    fs::remove_file(scene.path(name)).ok();
    nix::unistd::mkfifo(&scene.path(name), Mode::S_IRWXU).expect("made");
}

/// `command` ends, and names the pipe if it can't do without the file.
#[track_caller]
fn check(mut command: Command, name: &str, needs_it: bool) {
    let ended = run(&mut command);
    assert_eq!(ended.code != Some(0), needs_it, "{command:?}: {}\n{}", ended.stdout, ended.stderr);
    let names_it =
        ended.stderr.contains(name) && ended.stderr.contains("it is a named pipe, not a file");
    assert!(names_it || !needs_it, "{command:?}: {}", ended.stderr);
}

#[test]
fn every_command_ends_and_names_the_pipe_where_a_file_of_the_run_should_be() {
    const ALL: &[&str] = &["start", "status", "why", "logs", "wait", "stop"];
    let needed_by: [(&str, &[&str]); 11] = [
        ("w/run.json", ALL),
        ("w/journal.jsonl", ALL),
        ("w/tickers.csv", &["start", "why", "logs"]),
        ("w/launcher.lock", &["start", "stop"]),
        ("w/launcher.log", &[]),
        ("w/logs/batch_0001.log", &["logs"]),
        ("w/attempts/batch_0001.1/exit.json", &[]),
        ("w/attempts/batch_0001.1/events.jsonl", &[]),
        ("w/attempts/batch_0001.1/shim.lock", &[]),
        ("w/pids/launcher.pid", &[]),
        ("w/pids/batch_0001.pid", &[]),
    ];
    let scene = Scene::of_ended_run();
    for (name, by) in needed_by {
        let kept = fs::read(scene.path(name)).ok();
        make_pipe(&scene, name);
        for verb in ALL {
            let arguments: &[&str] = match *verb {
                "start" => &["--resume"],
                "why" | "logs" => &["A"],
                _ => &[],
            };
            check(scene.launcher(verb, arguments), name, by.contains(verb));
        }
        fs::remove_file(scene.path(name)).ok();
        if let Some(kept) = kept {
            fs::write(scene.path(name), kept).expect("put back");
        }
    }
}

#[test]
fn a_start_refuses_a_pipe_as_ticker_list_key_file_or_description_of_the_tree() {
    for name in ["tickers.csv", ".env", "out/_dataset.json"] {
        let scene = Scene::of(&["A"]);
        fs::create_dir(scene.path("out")).expect("made");
        make_pipe(&scene, name);
        let worker: &[&str] = if name == ".env" { &[] } else { &["--ingest-script", "/bin/true"] };
        let mut start = scene.start(worker);
        start.env_remove("POLYGON_API_KEY");
        check(start, name, true);
    }
}

#[test]
fn a_script_that_makes_a_pipe_of_its_events_is_attended_to_its_end() {
    let scene = Scene::of(&["A"]);
    scene.script("job", r#"cd "$(dirname "$3")"; rm -f events.jsonl; mkfifo events.jsonl; exit 0"#);
    scene.detach("job", &[]);
    scene.wait().expect_code(0);
    run(&mut scene.launcher("why", &["A"])).expect_code(0);
}
