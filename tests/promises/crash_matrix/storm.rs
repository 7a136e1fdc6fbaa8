//! Strikes: every signal to every victim of a run, one cell after the other. When to strike is the
//! storm's own business.

use std::path::PathBuf;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tests::harness::place::Place;
use tests::harness::program::{Running, with_environment};

/// A small generator of our own: the same seed gives the same kills.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("small")]
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Victim {
    Launcher,
    Shim,
    Worker,
    /// The whole group of a worker.
    Group,
    /// All processes of the run, in one sweep.
    Everybody,
}

pub(super) const VICTIMS: [Victim; 5] =
    [Victim::Launcher, Victim::Shim, Victim::Worker, Victim::Group, Victim::Everybody];
pub(super) const SIGNALS: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGSTOP,
    Signal::SIGKILL,
];

/// Processes of the run of `place`.
pub(super) fn marked(place: &Place) -> Vec<i32> {
    let text = std::fs::read_to_string(place.workdir().join("run.json")).unwrap_or_default();
    let request: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    match request["run"].as_str() {
        Some(run) => with_environment(&format!("LAUNCHER_RUN={run}")),
        None => Vec::new(),
    }
}

/// Shims are launchers.
fn those_named(place: &Place, name: &str) -> Vec<i32> {
    let is_named = |pid: &i32| {
        std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe: PathBuf| exe.ends_with(name))
    };
    marked(place).into_iter().filter(is_named).collect()
}

/// The cells in turn, and how many were struck.
pub(super) struct Strikes {
    pub(super) dice: Dice,
    /// The first cell to be struck, of all signals and victims.
    first_cell: usize,
    pub(super) sent: usize,
}

impl Strikes {
    pub(super) fn new(seed: u64, first_cell: usize) -> Self {
        Self { dice: Dice(seed), first_cell, sent: 0 }
    }

    /// Strikes the next cell whose victim there is; a cell is left only when it was struck. Who is
    /// stopped goes on after `while_stopped`.
    pub(super) fn strike(
        &mut self,
        place: &Place,
        launcher: &Running,
        while_stopped: impl FnOnce(),
    ) {
        let cell = self.first_cell + self.sent;
        let (signal, victim) =
            (SIGNALS[cell % SIGNALS.len()], VICTIMS[cell / SIGNALS.len() % VICTIMS.len()]);
        let one_of = |pids: Vec<i32>, dice: &mut Dice| {
            if pids.is_empty() { pids } else { vec![dice.of(&pids)] }
        };
        let pids = match victim {
            Victim::Launcher => vec![launcher.pid()],
            Victim::Shim => one_of(those_named(place, "launcher"), &mut self.dice),
            Victim::Worker | Victim::Group => one_of(those_named(place, "worker"), &mut self.dice),
            Victim::Everybody => [vec![launcher.pid()], marked(place)].concat(),
        };
        let send = |signal| {
            let struck = pids.iter().map(|pid| match victim {
                Victim::Group => killpg(Pid::from_raw(*pid), signal),
                Victim::Launcher | Victim::Shim | Victim::Worker | Victim::Everybody => {
                    kill(Pid::from_raw(*pid), signal)
                }
            });
            struck.flatten().count()
        };
        let struck = send(signal);
        if signal == Signal::SIGSTOP {
            while_stopped();
            send(Signal::SIGCONT);
        }
        self.sent += usize::from(struck > 0);
    }
}
