//! Bystanders: a pid comes back as somebody else's. Whatever a stale file says, only processes of
//! the run are signalled.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use launcher::process::watch::{self, Marker};
use nix::sys::signal::Signal;
use shared::disk::lock::Lock;
use shared::disk::publish::publish;
use shared::run::identity::ProcessIdentity;

use crate::says::says;
use crate::scene::{Scene, run, send, wait_for};

/// Where a run keeps pids.
const FILES: [&str; 3] =
    ["w/pids/launcher.pid", "w/pids/batch_0001.pid", "w/attempts/batch_0001.1/shim.lock"];

/// What looks at them.
const COMMANDS: [(&str, &[&str]); 3] =
    [("stop", &[]), ("stop", &["--now"]), ("start", &["--resume"])];

/// Somebody else's process, which any signal would end.
struct Bystander(Child);

impl Bystander {
    #[expect(clippy::disallowed_methods, reason = "a process that is not of the run")]
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().expect("started"))
    }

    fn identity(&self) -> ProcessIdentity {
        ProcessIdentity::of(i32::try_from(self.0.id()).expect("a pid")).expect("it lives")
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().expect("reaped");
    }
}

/// Who is named in a stale file.
#[derive(Clone, Copy)]
enum Named {
    Bystander,
    /// Who had its pid before.
    Predecessor,
}

/// Writes who is `named` into every file of what `prepare` makes, and then runs each command.
fn nobody_else_is_signalled(named: &[Named], prepare: impl Fn() -> Scene) {
    let mut bystander = Bystander::new();
    for named in named {
        let own = bystander.identity();
        let stale = match named {
            Named::Bystander => own,
            Named::Predecessor => ProcessIdentity { start_ticks: own.start_ticks - 1, ..own },
        };
        let stale = serde_json::to_string(&stale).expect("plain data");
        for (verb, arguments) in COMMANDS {
            let scene = prepare();
            for file in FILES {
                scene.write(file, &stale);
            }
            run(&mut scene.launcher(verb, arguments)).expect_code(0);
            if verb == "start" {
                // Nor is it what the new supervisor asks to end.
                run(&mut scene.launcher("stop", &[])).expect_code(0);
            }
            assert_eq!(
                bystander.0.try_wait().expect("our child"),
                None,
                "{verb} {arguments:?} {stale}"
            );
        }
    }
}

fn kill_supervisor(scene: &Scene) {
    let supervisor = scene.supervisor();
    send(supervisor.pid, Signal::SIGKILL);
    wait_for("its end", || !supervisor.is_alive());
}

fn working() -> Scene {
    let scene = Scene::of(&["A"]);
    scene.script("job", "echo x >> begun; exec sleep 600");
    scene.detach("job", &[]);
    wait_for("the worker", || scene.count("begun") == 1);
    scene
}

#[test]
fn of_a_run_that_has_ended() {
    nobody_else_is_signalled(&[Named::Bystander, Named::Predecessor], Scene::of_ended_run);
}

#[test]
fn of_a_run_whose_every_process_was_killed() {
    nobody_else_is_signalled(&[Named::Bystander, Named::Predecessor], || {
        let scene = working();
        kill_supervisor(&scene);
        assert_eq!(watch::kill(&Marker::of_run(&scene.name()).into()), []);
        scene
    });
}

/// A shim lives and holds its lock, but another name is in it.
#[test]
fn of_a_run_whose_shim_is_not_who_its_lock_says() {
    nobody_else_is_signalled(&[Named::Bystander, Named::Predecessor], || {
        let scene = working();
        kill_supervisor(&scene);
        scene
    });
}

/// A lock is held, but not by whom the pid file names.
#[test]
fn of_a_work_directory_that_somebody_else_holds() {
    let mut bystander = Bystander::new();
    let scene = Scene::of_ended_run();
    let lock = Lock::acquire(&scene.path("w/launcher.lock"), "somebody else").expect("free");
    scene.write(
        "w/pids/launcher.pid",
        &serde_json::to_string(&bystander.identity()).expect("plain data"),
    );
    let said = run(&mut scene.launcher("stop", &["--now"]));
    assert_ne!(said.code, Some(0));
    let holder = format!("is held by process {} (", std::process::id());
    says(&said.stderr, &[&holder]);
    assert_eq!(bystander.0.try_wait().expect("our child"), None);
    drop(lock);
}

/// What calls itself the run's control group is a folder like any other, or the group of somebody
/// else.
#[test]
fn in_what_only_calls_itself_the_control_group_of_the_run() {
    let mut bystander = Bystander::new();
    let pid = bystander.identity().pid;
    for name in ["launcher-RUN", "launcher-another", "w/../launcher-RUN"] {
        let scene = working();
        kill_supervisor(&scene);
        let name = name.replace("RUN", &scene.name());
        let group = scene.path(name.trim_start_matches("w/../"));
        fs::create_dir_all(group.join("shim-1-1")).expect("made");
        for file in ["cgroup.procs", "shim-1-1/cgroup.procs"] {
            publish(&group.join(file), format!("{pid}\n").as_bytes()).expect("written");
        }
        scene.write("w/pids/cgroup", &format!("{}\n", scene.path(&name).display()));
        run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
        assert_eq!(bystander.0.try_wait().expect("our child"), None, "{name}");
        assert_eq!(scene.processes(), 0);
    }
}

/// A process of a third user has the name of the run that somebody has written into his own work
/// directory.
#[test]
#[expect(clippy::disallowed_methods, reason = "processes that are not of the run")]
fn of_a_third_user_whose_run_is_named_in_a_work_directory_of_another_than_us() {
    const OWNER: u32 = 65_534;
    const THIRD: u32 = 65_533;
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root has to do with processes of others");
        return;
    }
    let scene = Scene::of_ended_run();
    let marked = |user: u32| {
        let mut command = Command::new("sleep");
        Bystander(
            command
                .arg("600")
                .env("LAUNCHER_RUN", scene.name())
                .uid(user)
                .spawn()
                .expect("started"),
        )
    };
    let (mut third, mut of_owner) = (marked(THIRD), marked(OWNER));
    chown(scene.path("w/run.json"), Some(OWNER), Some(OWNER)).expect("we are root");
    run(&mut scene.launcher("stop", &["--now"])).expect_code(0);
    assert_eq!(third.0.try_wait().expect("our child"), None, "it is nobody's business");
    wait_for("its end", || of_owner.0.try_wait().expect("our child").is_some());
}
