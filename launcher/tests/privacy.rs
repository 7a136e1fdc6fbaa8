//! What a run writes about itself is its owner's alone, whatever the umask; what it writes into OUT
//! is as the umask says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::inherited;
use crate::scene::{Scene, run};

/// Every file and folder below `root`, itself too, with its mode.
fn modes(root: &Path) -> BTreeMap<String, u32> {
    let mut modes = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let found = fs::symlink_metadata(&path).expect("there");
        let name = path.strip_prefix(root).expect("below").display().to_string();
        let kind = if found.is_dir() { "/" } else { "" };
        modes.insert(format!("{name}{kind}"), found.mode() & 0o777);
        if found.is_dir() {
            pending
                .extend(fs::read_dir(&path).expect("listed").flatten().map(|entry| entry.path()));
        }
    }
    modes
}

#[track_caller]
fn check(modes: &BTreeMap<String, u32>, what: &str) {
    for (name, mode) in modes {
        let wanted = if name.ends_with('/') { 0o700 } else { 0o600 };
        assert_eq!(*mode, wanted, "{what}: {name} is {mode:o}");
    }
}

/// This command of the launcher with this umask.
#[expect(clippy::disallowed_methods, reason = "a shell to set it")]
fn with_umask(umask: &str, launcher: &Command, scene: &Scene) -> Command {
    let mut shell = Command::new("sh");
    inherited::clean(&mut shell);
    shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]).arg(launcher.get_program());
    shell.args(launcher.get_args()).current_dir(scene.path(""));
    shell
}

/// Leaves a file of its own, and fails until it may succeed.
const SCRIPT: &str = r#"out=; while [ $# -gt 0 ]; do [ "$1" = --outdir ] && out=$2; shift; done
mkdir -p "$out/A/year=2024"; echo x > "$out/A/year=2024/daily.parquet"; echo working
[ -e job.may ]"#;

fn scene() -> Scene {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", SCRIPT);
    scene
}

#[test]
fn everything_in_a_work_directory_is_its_owners_alone_whatever_the_umask() {
    for (umask, of_data) in [("000", 0o666), ("022", 0o644), ("077", 0o600)] {
        let scene = scene();
        let start = scene.start(&["--ingest-script", "job", "--retries", "0"]);
        run(&mut with_umask(umask, &start, &scene)).expect_code(0);
        scene.wait();
        let found = modes(&scene.path("w"));
        for name in ["run.json", "journal.jsonl", "launcher.log", "launcher.lock", "tickers.csv"] {
            assert!(found.contains_key(name), "{name} is there: {found:?}");
        }
        let is_there = |begin: &str, end: &str| {
            found.keys().any(|name| name.starts_with(begin) && name.ends_with(end))
        };
        assert!(is_there("logs/", ".log") && is_there("attempts/", "exit.json"), "{found:?}");
        check(&found, umask);
        let data =
            fs::metadata(scene.path("out/A/year=2024/daily.parquet")).expect("written").mode();
        assert_eq!(data & 0o777, of_data, "data are as umask {umask} says");
    }
}

#[test]
fn in_a_work_directory_that_was_open_to_others_what_is_written_again_is_closed_to_them() {
    let scene = scene();
    scene.detach("job", &["--retries", "0"]);
    scene.wait();
    for (name, _) in modes(&scene.path("w")) {
        let open = if name.ends_with('/') { 0o755 } else { 0o644 };
        fs::set_permissions(scene.path("w").join(&name), fs::Permissions::from_mode(open))
            .expect("opened");
    }
    scene.write("job.may", "");
    let resume = scene.launcher("start", &["--resume", "--retries", "1"]);
    run(&mut with_umask("000", &resume, &scene)).expect_code(0);
    scene.wait();
    let found = modes(&scene.path("w"));
    for name in ["run.json", "tickers.csv", "journal.jsonl", "launcher.log", "launcher.lock"] {
        assert_eq!(found[name], 0o600, "{name}: {:o}", found[name]);
    }
}
