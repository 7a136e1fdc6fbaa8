//! What whoever starts a run has open is not held by what goes on when `start` has returned.

use std::fs;
use std::io::{PipeReader, Read, pipe};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use launcher::process::watch::{self, Marker};
use shared::disk::lock::Lock;

use crate::inherited;
use crate::scene::{Scene, collect, run, wait_for};

/// The launcher's command in a shell that has the file `lk` open as number 9, locked, and the pipe
/// as number 8.
#[expect(clippy::disallowed_methods, reason = "a shell as a caller")]
fn under_a_lock_and_a_pipe(scene: &Scene, launcher: &Command, out: &OwnedFd) -> Command {
    let mut shell = Command::new("sh");
    inherited::clean(&mut shell);
    let open = format!(
        "exec 9>lk 8>/proc/{}/fd/{}; flock -n 9 || exit 99; \"$@\"; code=$?; exec 9>&- 8>&-; exit $code",
        std::process::id(),
        out.as_raw_fd()
    );
    shell.args(["-c", &open, "sh"]).arg(launcher.get_program()).args(launcher.get_args());
    shell.current_dir(scene.path(""));
    shell
}

/// Waits for the end of the pipe: a caller that does so would hang while anybody holds its other
/// end.
fn read_to_its_end(mut reader: PipeReader) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        reader.read_to_end(&mut said).expect("read");
        said
    })
}

/// Files that a process has open, but for its first three.
fn others_of(pid: i32) -> Vec<PathBuf> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("ours").flatten();
    let others = files.filter(|file| !matches!(file.file_name().to_str(), Some("0" | "1" | "2")));
    others.filter_map(|file| fs::read_link(file.path()).ok()).collect()
}

fn has_flock() -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join("flock").is_file());
    if !found {
        eprintln!("skipped: there is no program `flock` here");
    }
    found
}

#[test]
fn a_lock_and_a_pipe_of_the_caller_are_free_when_start_has_returned_while_the_run_goes_on() {
    if !has_flock() {
        return;
    }
    let scene = Scene::of(&["A"]);
    // A shell has its script open, as number 10 or so; the numbers of the caller are looked at in
    // it.
    scene.script("job", "ls -l /proc/$$/fd > fds.new; mv fds.new fds; exec sleep 600");
    let (reader, writer) = pipe().expect("a pipe");
    let writer = OwnedFd::from(writer);
    let pipe_name = fs::read_link(format!("/proc/self/fd/{}", writer.as_raw_fd())).expect("a pipe");
    let mut start =
        under_a_lock_and_a_pipe(&scene, &scene.start(&["--ingest-script", "job"]), &writer);
    let child = start
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let reading = read_to_its_end(reader);
    // The end of its output is waited for as well.
    collect(child).expect_code(0);
    drop(writer);
    wait_for("the end of the pipe", || reading.is_finished());
    wait_for("the script", || scene.path("fds").exists());
    Lock::acquire(&scene.path("lk"), "the next caller").expect("nobody holds it any more");

    let name = scene.name();
    let marked = [Marker::of_supervisor(&name), Marker::of_run(&name)];
    let everybody: Vec<_> = marked.iter().flat_map(watch::marked).collect();
    assert!(everybody.len() >= 3, "supervisor, shim and script live: {everybody:?}");
    let lock = scene.path("lk");
    for process in everybody {
        let held = others_of(process.pid);
        assert!(!held.contains(&lock) && !held.contains(&pipe_name), "{process:?} has {held:?}");
    }
    let fds = scene.read("fds");
    assert!(!fds.contains("/lk") && !fds.contains(&pipe_name.display().to_string()), "{fds}");
}

#[test]
fn in_the_foreground_workers_do_not_get_what_the_launcher_was_given() {
    if !has_flock() {
        return;
    }
    let scene = Scene::of(&["A"]);
    scene.script("job", "ls -l /proc/$$/fd > fds");
    let (_reader, writer) = pipe().expect("a pipe");
    let writer = OwnedFd::from(writer);
    let launcher = scene.start(&["--ingest-script", "job", "--foreground", "--retries", "0"]);
    run(&mut under_a_lock_and_a_pipe(&scene, &launcher, &writer)).expect_code(0);
    let fds = scene.read("fds");
    assert!(fds.contains("/dev/null") && !fds.contains("/lk"), "{fds}");
    assert_eq!(fds.matches("pipe:").count(), 0, "{fds}");
}
