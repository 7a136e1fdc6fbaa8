//! Nothing of a run escapes it: not by leaving its session and its environment behind, not when its
//! shim or its supervisor is killed.

use launcher::process::cgroup::RunGroup;
use nix::sys::signal::Signal;
use shared::run::identity::ProcessIdentity;

use crate::recovery::kill_supervisor;
use crate::scene::{Scene, run, send, wait_for};

/// Leaves something behind that neither its marker nor its group tells of, and notes its pid; then
/// waits.
const FUGITIVE: &str = r#"
if [ ! -e fugitive ]; then
  env -i PATH="$PATH" setsid sh -c 'echo $$ > fugitive.new; mv fugitive.new fugitive; exec sleep 600' < /dev/null > /dev/null 2>&1 &
fi
while [ ! -e fugitive ]; do sleep 0.02; done
kill -0 "$(cat fugitive)" && echo x >> beside
echo begun >> begun
while [ ! -e go ]; do sleep 0.02; done
"#;

fn at_work() -> (Scene, ProcessIdentity) {
    let scene = Scene::of(&["A"]);
    scene.script("job", FUGITIVE);
    scene.detach("job", &["--retries", "3"]);
    wait_for("the worker", || scene.count("begun") == 1);
    let fugitive = scene.read("fugitive").trim().parse().expect("a pid");
    (scene, ProcessIdentity::of(fugitive).expect("it sleeps"))
}

fn kill_shim(scene: &Scene) {
    let shim: ProcessIdentity =
        serde_json::from_str(&scene.read("w/pids/batch_0001.pid")).expect("a pid file");
    send(shim.pid, Signal::SIGKILL);
}

/// Says so where the kernel gives no groups.
fn has_groups() -> bool {
    let group = RunGroup::create(&format!("test-{}", std::process::id()));
    if let Some(group) = &group {
        group.dissolve();
    } else {
        eprintln!(
            "skipped: no cgroup v2 is writable here, and nothing else tells whose such a process is"
        );
    }
    group.is_some()
}

#[test]
fn what_a_worker_left_in_hiding_ends_with_its_shim_before_anybody_else_begins() {
    let (scene, fugitive) = at_work();
    kill_shim(&scene);
    wait_for("another attempt", || scene.count("begun") == 2);
    assert!(!fugitive.is_alive());
    assert_eq!(scene.count("beside"), 1, "the first attempt, which left it");
    scene.write("go", "");
    scene.wait().expect_code(0);
}

/// On this way the fugitive of a run that nobody supervises is ended.
fn ends(scene: &Scene, fugitive: &ProcessIdentity, way_on: &str) {
    match way_on {
        "stop" => run(&mut scene.launcher("stop", &["--now"])).expect_code(0),
        _ => run(&mut scene.launcher("start", &["--resume"])).expect_code(0),
    };
    wait_for("its end", || !fugitive.is_alive());
    scene.write("go", "");
    run(&mut scene.launcher("stop", &[])).expect_code(0);
}

#[test]
fn what_a_worker_left_in_hiding_is_found_when_shim_and_supervisor_are_dead() {
    if !has_groups() {
        return;
    }
    for way_on in ["stop", "start"] {
        let (scene, fugitive) = at_work();
        kill_supervisor(&scene);
        kill_shim(&scene);
        ends(&scene, &fugitive, way_on);
        let group = scene.read("w/pids/cgroup");
        assert!(!std::path::Path::new(group.trim()).exists(), "{group}");
    }
}

#[test]
fn what_a_shim_has_seen_below_it_is_found_without_a_group_when_shim_and_supervisor_are_dead() {
    for way_on in ["stop", "start"] {
        let (scene, fugitive) = at_work();
        let noted = format!("\"pid\":{},", fugitive.pid);
        wait_for("a note of it", || scene.read("w/pids/batch_0001.1.seen").contains(&noted));
        kill_supervisor(&scene);
        kill_shim(&scene);
        // Where groups are to be had, nobody finds that of this run.
        drop(std::fs::remove_file(scene.path("w/pids/cgroup")));
        assert!(fugitive.is_alive());
        ends(&scene, &fugitive, way_on);
        assert!(!scene.path("w/pids/batch_0001.1.seen").exists());
    }
}

#[test]
fn a_group_that_a_supervisor_made_before_it_was_killed_is_the_group_of_the_next_one() {
    if !has_groups() {
        return;
    }
    let name = format!("twice-{}", std::process::id());
    let first = RunGroup::create(&name).expect("made");
    assert_eq!(RunGroup::create(&name).as_ref(), Some(&first));
    first.dissolve();
    assert_eq!(RunGroup::at(first.path(), &name), None);
}

#[test]
fn a_run_that_ends_leaves_no_control_group() {
    if !has_groups() {
        return;
    }
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", "cat /proc/self/cgroup >> groups");
    scene.detach("job", &["--batch-size", "1"]);
    scene.wait().expect_code(0);
    let group = scene.read("w/pids/cgroup");
    let name = group.trim().rsplit('/').next().expect("a name");
    assert_eq!(name, format!("launcher-{}", scene.name()));
    let own: Vec<String> = scene.read("groups").lines().map(str::to_owned).collect();
    assert!(
        own.iter().filter(|line| line.starts_with("0::")).all(|line| line.contains(name)),
        "{own:?}"
    );
    assert!(!std::path::Path::new(group.trim()).exists(), "{group}");
}
