//! The herald: tells `--notify-url` of every pause, every stop and the end, a bad one too. It keeps nobody waiting, and what it
//! could not deliver is a line in the log.

use crate::process::clock;
use crate::process::courier::{Address, Courier};
use crate::process::http::Privacy;
use crate::run::Run;
use crate::supervise::attempt::with_cause;
use crate::supervise::drive::{DriveError, Notice};
use crate::supervise::journal;
use crate::supervise::machine::Machine;
use crate::view::announcement::{self, Announcer};
use crate::view::progress::Narrator;

/// Announces a run, where anybody wants to hear of it.
pub struct Herald {
    courier: Option<Courier>,
    announcer: Announcer,
}

impl Herald {
    /// Begins to announce `run`.
    pub fn of(run: &Run, narrator: &mut Narrator) -> Self {
        let address = run.request.settings.notify_url.as_ref().map(|url| Address {
            url: url.expose().to_owned(),
            shown: url.to_string(),
            privacy: if url.is_encrypted() { Privacy::Encrypted } else { Privacy::Plain },
        });
        let courier = address.map(Courier::start).transpose().unwrap_or_else(|error| {
            narrator.write(&format!("nobody will be notified: the system gives no thread ({error})"));
            None
        });
        Self { courier, announcer: Announcer::default() }
    }

    /// Takes a notice, as the narrator does.
    pub fn tell(&mut self, narrator: &mut Narrator, run: &Run, machine: &Machine, notice: &Notice) {
        let Some(courier) = &self.courier else { return };
        if let Notice::Fact(entry) = notice
            && let Some(news) = self.announcer.hear(&run.request, &run.workdir, machine, entry.at)
        {
            courier.send(serde_json::to_string(&news).expect("plain data"));
        }
        courier.complaints().iter().for_each(|what| narrator.write(what));
    }

    /// Takes the error with which supervision broke off.
    pub fn tell_of_death(&mut self, narrator: &mut Narrator, run: &Run, error: &DriveError) {
        let Some(courier) = &self.courier else { return };
        let Run { request, workdir, .. } = run;
        let read = journal::follow(workdir, request.first_rules()).ok();
        let machine = read.filter(|machine| machine.latest().is_some());
        let reason = with_cause(error);
        let news = announcement::of_death(request, workdir, machine.as_ref(), clock::now(), reason);
        courier.send(serde_json::to_string(&news).expect("plain data"));
        courier.complaints().iter().for_each(|what| narrator.write(what));
    }

    /// Waits, for a bounded time, until the last announcement was delivered or given up.
    pub fn farewell(self, narrator: &mut Narrator) {
        let complaints = self.courier.map(Courier::farewell).unwrap_or_default();
        for what in complaints {
            narrator.write(&what);
        }
    }
}
