//! Whom `--repair` and `--audit` ask, and how: their options, resolved. Whether it may be asked is
//! proven before anything is changed.

use std::path::{Path, PathBuf};

use shared::dataset::descriptor;
use shared::dataset::kind::Kind;
use shared::disk::audience::Audience;
use shared::pace::shared_budget::SharedBudget;
use shared::run::api_key::ApiKey;
use shared::run::base_url::{BaseUrl, DEFAULT_BASE_URL, PlainHttp};
use shared::run::workdir::Workdir;

use crate::cli::StartArgs;
use crate::cli::again::SourceArgs;
use crate::command::failure::Failure;
use crate::command::stored_run;
use crate::plan::request::Request;
use crate::plan::settings::{Program, Settings};
use crate::preflight::source::SourceState;
use crate::preflight::{executable, places, source as service};
use crate::supervise::folders;
use crate::verify::audit::ask::Source;
use crate::verify::whose::{self, Whence};
use crate::view::words::say;

/// The arguments of a run in `workdir` that asks.
pub fn start(source: &SourceArgs, workdir: &Path) -> StartArgs {
    StartArgs {
        workdir: workdir.to_owned(),
        base_url: source.base_url.clone(),
        allow_http: source.allow_http,
        rate: source.rate,
        rate_limit: source.rate_limit,
        tries: source.tries,
        backoff_base: source.backoff_base,
        resume: true,
        foreground: true,
        ..StartArgs::default()
    }
}

/// Whom to ask, and who said so.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The source, its address checked.
    pub source: Source,
    /// Where its address is from.
    pub whence: Whence,
}

impl Asked {
    /// What `args` say, and where they do not, the run in `workdir` if it made the tree at `root`.
    pub fn of(
        args: &SourceArgs,
        workdir: &Workdir,
        root: &Path,
        kind: Kind,
    ) -> Result<Self, Failure> {
        let run = run_of(workdir, root, kind)?;
        Self::resolve(args, run.as_ref().map(|run| &run.settings))
    }

    /// Options that are given win over those of the run, the run over the defaults.
    fn resolve(args: &SourceArgs, of_run: Option<&Settings>) -> Result<Self, Failure> {
        let (text, whence) = match (&args.base_url, of_run) {
            (Some(given), _) => (given.as_str(), Whence::Given),
            (None, Some(settings)) => (settings.base_url.as_str(), Whence::Run),
            (None, None) => (DEFAULT_BASE_URL, Whence::Default),
        };
        let allow_http = args.allow_http || of_run.is_some_and(|settings| settings.allow_http);
        let plain = if allow_http { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly };
        let given_rate = match (args.rate, args.rate_limit) {
            (Some(rate), _) => Some(rate),
            // A pause of 0 is no limit, whatever the run has.
            (None, Some(spacing)) => spacing.rate(),
            (None, None) => of_run.and_then(|settings| settings.rate),
        };
        let source = Source {
            base_url: BaseUrl::parse(text, plain)?.to_string(),
            allow_http,
            rate: given_rate,
            tries: args.tries.or(of_run.map(|settings| settings.tries)),
            backoff_base: args.backoff_base.or(of_run.map(|settings| settings.backoff_base)),
        };
        Ok(Self { source, whence })
    }

    fn base(&self) -> Result<BaseUrl, Failure> {
        Ok(BaseUrl::parse(&self.source.base_url, PlainHttp::Allowed)?)
    }

    /// Is there a key and a worker, and is it the source of the tree at `root`? Asks nobody, and
    /// changes nothing.
    pub fn may_be_asked(&self, root: &Path, workdir: &Path) -> Result<(ApiKey, PathBuf), Failure> {
        let key = stored_run::api_key(&Program::Worker)?;
        let key = key.expect("a worker is never run without a key");
        let executable = executable::find(&Program::Worker)?;
        if let Some(of) = descriptor::read(root)? {
            whose::check(root, &of, self.base()?.source_name(), self.whence)?;
        }
        places::keep_apart(workdir, root)?;
        Ok((key, executable))
    }

    /// Does the source answer, too, and can a run in `workdir` work? Nothing but the work directory
    /// is changed by that, which is tried last.
    pub fn prove(&self, root: &Path, workdir: &Path) -> Result<(), Failure> {
        let (key, _) = self.may_be_asked(root, workdir)?;
        let base = self.base()?;
        let (state, _) = service::ask(&base, &key)?;
        match state {
            SourceState::Ready => {}
            SourceState::Busy(what) => {
                say(&format!("warning: {what}\n")).map_err(Failure::Output)?;
            }
        }
        if let Some(rate) = self.source.rate {
            SharedBudget::open(&base.budget_name(&key), rate)?;
        }
        let failed =
            |source| Failure::NotWritable { flag: "workdir", path: workdir.to_owned(), source };
        folders::prove_writable(workdir, Audience::Owner).map_err(failed)
    }
}

/// The run in `workdir`, or in the folder in it that is for this kind, if it downloads into `root`.
fn run_of(workdir: &Workdir, root: &Path, kind: Kind) -> Result<Option<Request>, Failure> {
    for place in [workdir.clone(), Workdir::new(&workdir.root().join(kind.name()))] {
        let Some(run) = Request::read(&place)? else { continue };
        if is_same(&run.settings.outdir, root) && run.settings.program == Program::Worker {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// Is it one folder?
pub fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Settings {
        let typed = StartArgs {
            job: Some(crate::job::Job::Minute),
            tickers_csv: Some("t.csv".into()),
            outdir: Some("out".into()),
            from: Some("2024-01-02".parse().expect("a day")),
            to: Some("2024-03-28".parse().expect("a day")),
            base_url: Some("http://127.0.0.1:9".to_owned()),
            rate: Some("100/min".parse().expect("a rate")),
            ..StartArgs::default()
        };
        Settings::resolve(&typed, Path::new("/home/me")).expect("complete")
    }

    fn said(args: &SourceArgs, of_run: Option<&Settings>) -> String {
        let Asked { source, whence } = Asked::resolve(args, of_run).expect("sound");
        let rate = source.rate.map_or("no rate".to_owned(), |rate| rate.to_string());
        format!("{} {rate} {whence:?}", source.base_url)
    }

    #[test]
    fn what_is_not_given_is_taken_from_the_run_and_then_from_the_defaults() {
        let nothing = SourceArgs::default();
        assert_eq!(said(&nothing, Some(&run())), "http://127.0.0.1:9 100/min Run");
        assert_eq!(said(&nothing, None), format!("{DEFAULT_BASE_URL} no rate Default"));
        let given = SourceArgs {
            base_url: Some("http://127.0.0.1:7".to_owned()),
            rate: Some("5/s".parse().expect("a rate")),
            ..SourceArgs::default()
        };
        assert_eq!(said(&given, Some(&run())), "http://127.0.0.1:7 5/s Given");
        let no_pause =
            SourceArgs { rate_limit: Some("0".parse().expect("none")), ..SourceArgs::default() };
        assert_eq!(said(&no_pause, Some(&run())), "http://127.0.0.1:9 no rate Run");
    }
}
