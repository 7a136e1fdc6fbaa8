//! The notifier: posts every pause, every stop and the end of a run, good or bad, to
//! `--notify-url`. It keeps nobody waiting; what it could not deliver becomes a line in the log.

use crate::process::clock;
use crate::process::http::Privacy;
use crate::process::webhook::{Address, Webhook};
use crate::run::Run;
use crate::supervise::drive::{DriveError, Notice};
use crate::supervise::journal;
use crate::supervise::machine::Machine;
use crate::view::notification::{self, NotificationFilter};
use crate::view::progress::ProgressReporter;
use shared::error_chain::with_causes;

/// Notifies the webhook of a run, if the run has one.
pub struct Notifier {
    webhook: Option<Webhook>,
    filter: NotificationFilter,
}

impl Notifier {
    /// Starts the webhook of `run`.
    pub fn of(run: &Run, reporter: &mut ProgressReporter) -> Self {
        let address = run.request.settings.notify_url.as_ref().map(|url| Address {
            url: url.expose().to_owned(),
            shown: url.to_string(),
            privacy: if url.is_encrypted() { Privacy::Encrypted } else { Privacy::Plain },
        });
        let webhook = address.map(Webhook::start).transpose().unwrap_or_else(|error| {
            reporter.write(&format!("no notifications: the system gives no thread ({error})"));
            None
        });
        Self { webhook, filter: NotificationFilter::default() }
    }

    /// Takes a notice.
    pub fn tell(
        &mut self,
        reporter: &mut ProgressReporter,
        run: &Run,
        machine: &Machine,
        notice: &Notice,
    ) {
        let Some(webhook) = &self.webhook else { return };
        if let Notice::Fact(entry) = notice
            && let Some(news) = self.filter.hear(&run.request, &run.workdir, machine, entry.at)
        {
            webhook.send(serde_json::to_string(&news).expect("plain data"));
        }
        webhook.complaints().iter().for_each(|what| reporter.write(what));
    }

    /// Takes the error with which supervision broke off.
    pub fn tell_of_death(
        &mut self,
        reporter: &mut ProgressReporter,
        run: &Run,
        error: &DriveError,
    ) {
        let Some(webhook) = &self.webhook else { return };
        let Run { request, workdir, .. } = run;
        let read = journal::follow(workdir, request.first_rules()).ok();
        let machine = read.filter(|machine| machine.latest().is_some());
        let reason = with_causes(error);
        let news = notification::of_death(request, workdir, machine.as_ref(), clock::now(), reason);
        webhook.send(serde_json::to_string(&news).expect("plain data"));
        webhook.complaints().iter().for_each(|what| reporter.write(what));
    }

    /// Waits, for a bounded time, until the last notification was delivered or given up.
    pub fn farewell(self, reporter: &mut ProgressReporter) {
        let complaints = self.webhook.map(Webhook::farewell).unwrap_or_default();
        for what in complaints {
            reporter.write(&what);
        }
    }
}
