//! Bystanders: a pid comes back as somebody else's. Whatever a stale file says, only processes of the run are signalled.

use std::process::{Child, Command};

use launcher::process::watch::{self, Marker};
use nix::sys::signal::Signal;
use shared::run::identity::ProcessIdentity;

use crate::scene::{Scene, run, send, wait_for};

/// Where a run keeps pids.
const FILES: [&str; 3] =
    ["w/pids/launcher.pid", "w/pids/batch_0001.pid", "w/attempts/batch_0001.1/shim.lock"];

/// What looks at them.
const COMMANDS: [(&str, &[&str]); 3] = [("stop", &[]), ("stop", &["--now"]), ("start", &["--resume"])];

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
        self.0.kill().expect("our child");
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
            assert_eq!(bystander.0.try_wait().expect("our child"), None, "{verb} {arguments:?} {stale}");
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

/// A shim lives and holds its lock, but another name is in it. That somebody alive was named by mistake is beyond this.
#[test]
fn of_a_run_whose_shim_is_not_who_its_lock_says() {
    nobody_else_is_signalled(&[Named::Predecessor], || {
        let scene = working();
        kill_supervisor(&scene);
        scene
    });
}
