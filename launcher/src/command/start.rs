//! `launcher start`: checks everything, prepares the run, then stays or detaches.

use std::fmt::Write;

use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::{self, Descriptor};
use shared::dataset::stranger::{self, Wanted};
use shared::disk::audience::Audience;
use shared::disk::folder::Folder;
use shared::disk::lock::Lock;
use shared::market::ticker::Ticker;
use shared::pace::shared_budget::SharedBudget;
use shared::run::leftovers;
use shared::run::source_clock::SourceClock;
use shared::run::workdir::{BatchId, Workdir};
use shared::series::tree;

use super::exit_status::ExitStatus;
use super::extend;
use super::failure::Failure;
use super::observe;
use super::spelling;
use super::status;
use super::stop::{self, Closed};
use super::stored_run;
use super::supervise;
use super::ticker_sizes;
use crate::cli::StartArgs;
use crate::facts::{Checked, Fact, JournalEntry, Outcome};
use crate::job::{BarsOrder, Task};
use crate::plan::request::{Input, Request};
use crate::plan::settings::{Program, Settings, SettingsError};
use crate::plan::weights::Sizes;
use crate::preflight::bars_days::{self, InputDays};
use crate::preflight::bars_words;
use crate::preflight::files::{self, Found};
use crate::preflight::near;
use crate::preflight::places;
use crate::preflight::source::{self, SourceError, SourceState};
use crate::process::clock;
use crate::process::memory;
use crate::process::random;
use crate::process::spawn::{Detached, Unready};
use crate::process::watch::Marker;
use crate::run::Run;
use crate::supervise::drive::DriveError;
use crate::supervise::folders;
use crate::supervise::journal::{self, Journal};
use crate::supervise::locks::{self, Locks};
use crate::supervise::machine::{Machine, RunState};
use crate::supervise::prepare::{self, Prepared};
use crate::view::plan;
use crate::view::words::{self, counted, say};

/// Starts a run, or resumes one.
pub fn start(args: &StartArgs) -> Result<ExitStatus, Failure> {
    refuse_more_than_all_memory(args)?;
    let workdir = stored_run::workdir(&args.workdir)?;
    // Read first: a run is frozen before its journal starts, so a faster `start` can't leave a
    // journal without run.json.
    let has_journal = workdir.journal().exists();
    match (Request::read(&workdir)?, args.resume) {
        (Some(frozen), true) => go_on(args, workdir, frozen),
        (Some(frozen), false) => Err(another_run(&workdir, &frozen)),
        (None, _) if has_journal => Err(Failure::Headless { workdir: workdir.root().to_owned() }),
        (None, _) => begin(args, workdir),
    }
}

/// What is said now; a run that goes on elsewhere keeps what it was told there.
fn refuse_more_than_all_memory(args: &StartArgs) -> Result<(), Failure> {
    match (args.min_free_memory, memory::total()) {
        (Some(asked), Some(total)) if asked.0 >= total => {
            Err(Failure::MoreThanAllMemory { asked, total })
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

fn begin(args: &StartArgs, workdir: Workdir) -> Result<ExitStatus, Failure> {
    let settings =
        Settings::resolve(args, &stored_run::current_folder()?).map_err(|error| match error {
            SettingsError::Missing(needs) if args.resume => {
                let near = near::run_beside(workdir.root());
                Failure::NoRunToResume { workdir: workdir.root().to_owned(), near, needs }
            }
            error => error.into(),
        })?;
    places::keep_apart(workdir.root(), &settings.outdir)?;
    let input = Input::read(&settings.tickers_csv)?;
    let request = Request::new(random::run_name()?, clock::now(), settings, &input)?;
    say(&plan::notes(&request, &input)).map_err(Failure::Output)?;
    say_unlisted(args, &request, &input.list.tickers)?;
    let sizes = ticker_sizes::ask(&request, &input.list.tickers)?;
    look_at_bars(&request, &workdir, &input.list.tickers)?;
    if args.dry_run {
        let machine = Machine::new(request.first_rules());
        return tell_only(&workdir, &request, machine, &input.list.tickers, &sizes);
    }
    let mut run = stored_run::run(request, workdir)?;
    // Checks without a folder come first: a refused run leaves none behind.
    look_around(&run, &input.list.tickers)?;
    prove_budget(&run)?;
    if let Some(clocks) = ask_source(&run)? {
        run.request = run.request.settled_by(clocks, clock::now())?;
        say(&plan::unsettled(&run.request)).map_err(Failure::Output)?;
    }
    prove_room(&run)?;
    prove_folders(&run)?;
    let locks = Locks::acquire(&run.workdir, &run.request.settings.outdir, &run.request.run)?;
    // Another `start` may have been faster.
    if let Some(frozen) = Request::read(&run.workdir)? {
        return Err(another_run(&run.workdir, &frozen));
    }
    claim(&run)?;
    run.request.freeze(&run.workdir, &input.list.tickers)?;
    prepare_and_work(args, &run, &input.list.tickers, locks, Some(sizes))
        .map_err(|failure| failure.once_frozen(&run.workdir))
}

fn go_on(args: &StartArgs, workdir: Workdir, frozen: Request) -> Result<ExitStatus, Failure> {
    let mut resumed = extend::resumed(args, &frozen, frozen.frozen_tickers(&workdir)?)?;
    if !args.dry_run
        && let Some(supervisor) = stop::holder(&workdir)
    {
        let stop = words::command("stop", &workdir);
        return Err(Failure::AlreadyGoing { pid: supervisor.pid, stop });
    }
    say(&format!("going on with run {} of {:.0}\n", frozen.run, frozen.created_at))
        .map_err(Failure::Output)?;
    let is_at_work = stop::is_at_work(&workdir, &frozen.run, Closed::Yes);
    let new = resumed.tickers.get(frozen.tickers..).unwrap_or_default();
    say_unlisted(args, &resumed.request, new)?;
    if resumed.makes_more_than(&frozen) {
        look_at_bars(&resumed.request, &workdir, &resumed.tickers)?;
    }
    if args.dry_run {
        let machine = journal::follow(&workdir, frozen.first_rules())?;
        if let Some(extension) = &resumed.extension {
            extend::refuse_by_word(extension, &frozen, &machine)?;
        }
        let sizes = ticker_sizes::ask_again(&resumed.request, &resumed.tickers, &machine)?;
        say(&resumed.news(args, &frozen, is_at_work)).map_err(Failure::Output)?;
        return tell_only(&workdir, &resumed.request, machine, &resumed.tickers, &sizes);
    }
    refuse_without_outdir(&frozen, &workdir)?;
    let mut run = stored_run::run(resumed.request.clone(), workdir)?;
    let locks = Locks::acquire(&run.workdir, &run.request.settings.outdir, &run.request.run)?;
    // Another `start` may have been faster.
    if Request::read(&run.workdir)?.as_ref() != Some(&frozen) {
        return Err(Failure::ChangedMeanwhile { run: frozen.run });
    }
    // A passing trouble must not keep a supervisor from taking over running attempts.
    match ask_source(&run) {
        Err(Failure::Source(gone @ SourceError::Unreachable { .. })) => {
            warn(&format!("{gone}; the run goes on, and pauses until it answers"))?;
        }
        Err(error) => return Err(error),
        Ok(clocks) => {
            resumed = resumed.settled_by(&frozen, clocks, clock::now());
            run.request = resumed.request.clone();
        }
    }
    match prove_room(&run) {
        Err(Failure::NoRoom { what }) => {
            warn(&format!("{what}; the run goes on, and pauses until there is room"))?;
        }
        proved => proved?,
    }
    prove_budget(&run)?;
    prove_folders(&run)?;
    claim(&run)?;
    resumed.freeze(&frozen, &run.workdir)?;
    // Nothing was changed if a check up to here has refused.
    say(&resumed.news(args, &frozen, is_at_work)).map_err(Failure::Output)?;
    prepare_and_work(args, &run, &resumed.tickers, locks, None)
        .map_err(|failure| failure.once_frozen(&run.workdir))
}

/// If the disk is not mounted, everything would be fetched again, to the wrong disk.
fn refuse_without_outdir(frozen: &Request, workdir: &Workdir) -> Result<(), Failure> {
    let outdir = &frozen.settings.outdir;
    if outdir.is_dir() {
        return Ok(());
    }
    let done = journal::follow(workdir, frozen.first_rules())?.totals().verified;
    if done == 0 {
        return Ok(());
    }
    Err(Failure::OutdirGone { outdir: outdir.clone(), tickers: counted(done, "ticker") })
}

/// Prints which `tickers` the snapshot lacks, if there is a snapshot.
fn say_unlisted(args: &StartArgs, request: &Request, tickers: &[Ticker]) -> Result<(), Failure> {
    let outdir = &request.settings.outdir;
    let reference = args.reference.as_deref();
    let listing = spelling::listing(reference, outdir)?;
    let note = listing.map(|listing| spelling::note(tickers, &listing)).unwrap_or_default();
    say(&note).map_err(Failure::Output)
}

/// `--dry-run`: sends no request and writes nothing.
fn tell_only(
    workdir: &Workdir,
    request: &Request,
    mut machine: Machine,
    tickers: &[Ticker],
    sizes: &Sizes,
) -> Result<ExitStatus, Failure> {
    let now = clock::now();
    let Prepared { facts, weighed_by, .. } =
        prepare::prepare(&machine, request, tickers, sizes, now);
    for fact in facts {
        machine.apply(&JournalEntry { at: now, fact }).map_err(DriveError::from)?;
    }
    say(&plan::describe(request, workdir, &machine)).map_err(Failure::Output)?;
    say(&plan::weighed(weighed_by, sizes)).map_err(Failure::Output)?;
    say("dry run: nothing was asked, nothing was written\n").map_err(Failure::Output)?;
    Ok(ExitStatus::Well)
}

fn another_run(workdir: &Workdir, frozen: &Request) -> Failure {
    let settings = &frozen.settings;
    let state = if locks::is_supervised(workdir) { "running now" } else { "not running" };
    let what = format!(
        "{} of {}, {}..{} into {}, created {:.0}, {state}",
        settings.job,
        counted(frozen.tickers as u64, "ticker"),
        settings.from,
        settings.to,
        settings.outdir.display(),
        frozen.created_at
    );
    let (run, resume) = (frozen.run.clone(), words::resume_command(workdir));
    Failure::AnotherRun { workdir: workdir.root().to_owned(), run, what, resume }
}

/// Checks the output without changing it.
fn look_around(run: &Run, tickers: &[Ticker]) -> Result<(), Failure> {
    let outdir = &run.request.settings.outdir;
    let lock = locks::outdir_lock(outdir);
    if Lock::is_held(&lock) {
        // The error names the holder. If the lock is free by now, good.
        drop(Lock::take(&lock)?);
    }
    locks::refuse_orphans(outdir, &run.request.run)?;
    let Some(asked) = descriptor_of(run)? else {
        return if outdir.join("_dataset.json").exists() { claim(run) } else { Ok(()) };
    };
    let wanted =
        Wanted { kind: asked.kind, columns: run.request.settings.columns, zone: asked.time_zone };
    stranger::refuse(outdir, wanted, tickers).map_err(Failure::StrangeTree)?;
    Ok(descriptor::check(outdir, &asked)?)
}

/// Checks bars before the run is frozen: does the input exist, does `bars` accept its options?
fn look_at_bars(request: &Request, workdir: &Workdir, tickers: &[Ticker]) -> Result<(), Failure> {
    let Task::Bars(order) = request.settings.task() else { return Ok(()) };
    look_at_input(order)?;
    bars_words::prove(request, workdir)?;
    prove_days_of_bars(order, tickers, request.days())
}

/// Checks that the input has the days: an error if no ticker has them all, a warning if some lack
/// any.
fn prove_days_of_bars(
    order: &BarsOrder,
    tickers: &[Ticker],
    days: DateRange,
) -> Result<(), Failure> {
    let (flag, root, _) = order.input.parts();
    match bars_days::reach(order, tickers, days) {
        InputDays::Whole => Ok(()),
        InputDays::Some { short, example, missing } => warn(&format!(
            "{} lack sessions of {days} in {flag} {}, and so their bars can't be made ({example} lacks {missing}): download them first",
            counted(short as u64, "ticker"),
            root.display()
        )),
        InputDays::Beyond { example, missing } => {
            let root = root.clone();
            Err(Failure::BeyondInput { flag, root, days, example, missing })
        }
    }
}

/// Is the input a tree of the right kind? A tree by others does not say.
fn look_at_input(order: &BarsOrder) -> Result<(), Failure> {
    let (flag, root, kind) = order.input.parts();
    let wrong = |what: String| Err(Failure::BarsInput { flag, root: root.clone(), what });
    if !root.is_dir() {
        return wrong("not a folder".to_owned());
    }
    match descriptor::read(root)? {
        Some(found) if found.kind != kind => {
            wrong(format!("this tree holds {} data, not {kind}", found.kind))
        }
        Some(_) | None => Ok(()),
    }
}

fn prove_folders(run: &Run) -> Result<(), Failure> {
    let settings = &run.request.settings;
    let places = [
        ("outdir", settings.outdir.as_path(), Audience::AsUmaskSays),
        ("workdir", run.workdir.root(), Audience::Owner),
    ];
    for (flag, path, audience) in places {
        let failed = |source| Failure::NotWritable { flag, path: path.to_owned(), source };
        folders::prove_writable(path, audience).map_err(failed)?;
    }
    Ok(())
}

/// Is there enough free space? A folder that does not exist yet will be on the disk of its first
/// existing parent.
fn prove_room(run: &Run) -> Result<(), Failure> {
    let settings = &run.request.settings;
    let places = [settings.outdir.as_path(), run.workdir.root()];
    let mut there =
        places.into_iter().filter_map(|place| place.ancestors().find(|folder| folder.exists()));
    let lacking = there.find_map(|place| folders::lacks(place, settings.limits.min_free_disk));
    lacking.map_or(Ok(()), |what| Err(Failure::NoRoom { what }))
}

fn warn(what: &str) -> Result<(), Failure> {
    say(&format!("warning: {what}\n")).map_err(Failure::Output)
}

/// Returns the source's clock if this machine's is ahead of it: the earlier of both decides what is
/// settled.
fn ask_source(run: &Run) -> Result<Option<SourceClock>, Failure> {
    let settings = &run.request.settings;
    if let (Program::Worker, Some(key)) = (&settings.program, &run.api_key) {
        let (welcome, clocks) = source::ask(&settings.base_url()?, key)?;
        if let SourceState::Busy(warning) = welcome {
            warn(&warning)?;
        }
        if let Some(clocks) = clocks.filter(|clocks| clocks.is_off()) {
            warn(&clocks.to_string())?;
        }
        return Ok(clocks.filter(|clocks| clocks.is_ahead()));
    }
    Ok(None)
}

/// Can workers count their requests? A trouble here would stop each of them.
fn prove_budget(run: &Run) -> Result<(), Failure> {
    let settings = &run.request.settings;
    if let (Program::Worker, Some(key), Some(rate)) =
        (&settings.program, &run.api_key, settings.rate)
    {
        SharedBudget::open(&settings.base_url()?.budget_name(key), rate)?;
    }
    Ok(())
}

fn claim(run: &Run) -> Result<(), Failure> {
    let outdir = &run.request.settings.outdir;
    match descriptor_of(run)? {
        Some(descriptor) => Ok(descriptor::claim(outdir, &descriptor)?),
        None => Ok(tree::claim(outdir)?),
    }
}

/// What the run makes of its output; `None` for bars.
fn descriptor_of(run: &Run) -> Result<Option<Descriptor>, Failure> {
    let settings = &run.request.settings;
    let Task::Download(kind) = settings.task() else { return Ok(None) };
    let base = settings.base_url()?;
    Ok(Some(Descriptor::new(
        kind,
        settings.adjusted,
        settings.columns,
        settings.zone,
        base.source_name(),
    )))
}

/// Puts the work into the journal, then supervises it here or from a detached process. Without
/// `sizes` it reads them once it knows which tickers need them.
fn prepare_and_work(
    args: &StartArgs,
    run: &Run,
    tickers: &[Ticker],
    locks: Locks,
    sizes: Option<Sizes>,
) -> Result<ExitStatus, Failure> {
    let workdir = run.workdir.root();
    for folder in [run.request.settings.outdir.as_path(), workdir, &workdir.join("pids")] {
        leftovers::sweep(&Folder::open(folder)?)?;
    }
    let (mut journal, mut machine) = Journal::open(&run.workdir, run.request.first_rules())?;
    let checked = if args.check { Some(check_files(&run.request, tickers)?) } else { None };
    let now = clock::now();
    let sizes = match sizes {
        Some(said) => said,
        None => ticker_sizes::ask_again(&run.request, tickers, &machine)?,
    };
    let Prepared { mut facts, weighed_by, read_whole } =
        prepare::prepare(&machine, &run.request, tickers, &sizes, now);
    say(&plan::read_whole(read_whole)).map_err(Failure::Output)?;
    facts.splice(0..0, checked.map(Fact::Checked));
    prepare::write_batch_files(&run.workdir, &facts)?;
    let entries: Vec<JournalEntry> =
        facts.into_iter().map(|fact| JournalEntry { at: now, fact }).collect();
    // Apply first: an illegal fact must not get into the journal.
    entries.iter().try_for_each(|entry| machine.apply(entry)).map_err(DriveError::from)?;
    journal.append(&entries)?;
    drop(journal);
    if is_complete(&machine) {
        say("already complete: every ticker is done, nothing to do\n").map_err(Failure::Output)?;
        drop(locks);
        // In the foreground, report as `wait` does.
        return if args.foreground { tell_standing(run) } else { Ok(ExitStatus::Well) };
    }
    say(&plan::describe(&run.request, &run.workdir, &machine)).map_err(Failure::Output)?;
    say(&plan::weighed(weighed_by, &sizes)).map_err(Failure::Output)?;
    let adopted = observe::alive(&run.request.run, &machine).len() as u64;
    if adopted > 0 {
        say(&format!("adopts {}\n", counted(adopted, "running worker")))
            .map_err(Failure::Output)?;
    }
    if args.foreground {
        supervise::here(run, locks)?;
        return tell_standing(run);
    }
    let next = machine.batches().find(|(_, batch)| !batch.is_over());
    detach(run, locks, next.map_or(BatchId(1), |(id, _)| id))
}

/// `--check`: reads every file of the run. What is found is kept beside the files, so the look that
/// follows sees it.
fn check_files(request: &Request, tickers: &[Ticker]) -> Result<Checked, Failure> {
    say("checking every file against its SHA-256; that reads every byte\n")
        .map_err(Failure::Output)?;
    let Found { checked, said } = files::check_run(request, tickers);
    said.iter().try_for_each(|what| warn(what))?;
    let again = match request.settings.task() {
        Task::Download(_) => "fetched",
        Task::Bars(_) => "built",
    };
    say(&format!("{}\n", words::checked(&checked, again))).map_err(Failure::Output)?;
    Ok(checked)
}

fn tell_standing(run: &Run) -> Result<ExitStatus, Failure> {
    let snapshot = status::take(&run.workdir)?;
    say(&status::render(&snapshot)).map_err(Failure::Output)?;
    Ok(ExitStatus::from(&snapshot))
}

/// Closed as complete, and nothing has been found missing since.
fn is_complete(machine: &Machine) -> bool {
    let open = machine.batches().any(|(_, batch)| !batch.is_over());
    matches!(machine.run(), RunState::Closed { outcome: Outcome::Complete }) && !open
}

/// `next` is the batch that is worked on first.
fn detach(run: &Run, locks: Locks, next: BatchId) -> Result<ExitStatus, Failure> {
    let log = run.workdir.launcher_log();
    let arguments = ["supervise".into(), "--workdir".into(), run.workdir.root().into()];
    let marker = Marker::of_supervisor(&run.request.run);
    let doing = "hand the locks to the supervisor";
    let handed = locks.pack().map_err(|source| Failure::System { doing, source })?;
    let supervisor = Detached::start(&arguments, handed, &log, &marker, run.api_key.as_ref())?;
    // The locks are held all the time. Until the supervisor has signed them, `stop` finds it by its
    // marker.
    locks.leave();
    let pid = supervisor.first_word().map_err(|Unready { said, exit }| Failure::NotReady {
        said,
        exit,
        log: log.clone(),
    })?;
    let logs = run.workdir.batch_log(next);
    let mut text = format!("started: supervisor {pid}\n");
    let lines = [
        ("watch", words::command("status", &run.workdir)),
        ("follow", words::follow_command(&logs)),
        ("wait", words::command("wait", &run.workdir)),
        ("stop", words::command("stop", &run.workdir)),
    ];
    for (what, command) in lines {
        writeln!(text, "  {what:<8}{command}").expect("a string takes what is written");
    }
    say(&text).map_err(Failure::Output)?;
    Ok(ExitStatus::Well)
}
