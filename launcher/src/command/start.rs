//! `launcher start`: checks everything, prepares the run, then stays or detaches.

use std::fmt::Write;

use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::{self, Descriptor};
use shared::disk::audience::Audience;
use shared::disk::folder::Folder;
use shared::disk::lock::Lock;
use shared::market::ticker::Ticker;
use shared::pace::shared_budget::SharedBudget;
use shared::run::leftovers;
use shared::run::source_clock::SourceClock;
use shared::run::workdir::{BatchId, Workdir};
use shared::series::tree;

use super::extend;
use super::failure::{Ending, Failure};
use super::spelling;
use super::status;
use super::stop::{self, Closed};
use super::stored_run;
use super::supervise;
use super::ticker_sizes;
use crate::check::bars_days::{self, InputDays};
use crate::check::bars_words;
use crate::check::files::{self, Found};
use crate::check::near;
use crate::check::places;
use crate::check::source::{self, SourceError, SourceState};
use crate::cli::StartArgs;
use crate::facts::{Checked, Entry, Fact, Outcome};
use crate::job::{BarsOrder, Task};
use crate::plan::request::{Input, Request};
use crate::plan::settings::{Program, Settings, SettingsError};
use crate::plan::weights::Sizes;
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

/// Begins a run, or goes on with one.
pub fn start(args: &StartArgs) -> Result<Ending, Failure> {
    refuse_more_than_all_memory(args)?;
    let workdir = stored_run::workdir(&args.workdir)?;
    // Looked at first: a run is frozen before its journal begins, so whoever is faster can't look headless.
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
        (Some(asked), Some(total)) if asked.0 >= total => Err(Failure::MoreThanAllMemory { asked, total }),
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

fn begin(args: &StartArgs, workdir: Workdir) -> Result<Ending, Failure> {
    let settings = Settings::resolve(args, &stored_run::current_folder()?).map_err(|error| match error {
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
    // What needs no folder comes first: a refused run leaves none.
    look_around(&run)?;
    prove_budget(&run)?;
    if let Some(clocks) = ask_source(&run)? {
        run.request = run.request.settled_by(clocks, clock::now())?;
        say(&plan::unsettled(&run.request)).map_err(Failure::Output)?;
    }
    prove_room(&run)?;
    prove_folders(&run)?;
    let locks = Locks::acquire(&run.workdir, &run.request.settings.outdir, &run.request.run)?;
    // Somebody may have been faster.
    if let Some(frozen) = Request::read(&run.workdir)? {
        return Err(another_run(&run.workdir, &frozen));
    }
    claim(&run)?;
    run.request.freeze(&run.workdir, &input.list.tickers)?;
    prepare_and_work(args, &run, &input.list.tickers, locks, Some(sizes))
        .map_err(|failure| failure.once_frozen(&run.workdir))
}

fn go_on(args: &StartArgs, workdir: Workdir, frozen: Request) -> Result<Ending, Failure> {
    let mut resumed = extend::resumed(args, &frozen, frozen.frozen_tickers(&workdir)?)?;
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
    // Somebody may have been faster.
    if Request::read(&run.workdir)?.as_ref() != Some(&frozen) {
        return Err(Failure::ChangedMeanwhile { run: frozen.run });
    }
    // What passes by itself must not keep anybody from taking over what still runs.
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
    // What was refused up to here has changed nothing.
    say(&resumed.news(args, &frozen, is_at_work)).map_err(Failure::Output)?;
    prepare_and_work(args, &run, &resumed.tickers, locks, None)
        .map_err(|failure| failure.once_frozen(&run.workdir))
}

/// On a disk that is not mounted everything would be fetched again, to where it does not belong.
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

/// Says which of `tickers` no snapshot knows, where there is one.
fn say_unlisted(args: &StartArgs, request: &Request, tickers: &[Ticker]) -> Result<(), Failure> {
    let outdir = &request.settings.outdir;
    let reference = args.reference.as_deref();
    let listing = spelling::listing(reference, outdir)?;
    let note = listing.map(|listing| spelling::note(tickers, &listing)).unwrap_or_default();
    say(&note).map_err(Failure::Output)
}

/// `--dry-run`: nothing is asked of the source and nothing is written.
fn tell_only(
    workdir: &Workdir,
    request: &Request,
    mut machine: Machine,
    tickers: &[Ticker],
    sizes: &Sizes,
) -> Result<Ending, Failure> {
    let now = clock::now();
    let Prepared { facts, weighed_by, .. } = prepare::prepare(&machine, request, tickers, sizes, now);
    for fact in facts {
        machine.apply(&Entry { at: now, fact }).map_err(DriveError::from)?;
    }
    say(&plan::describe(request, workdir, &machine)).map_err(Failure::Output)?;
    say(&plan::weighed(weighed_by, sizes)).map_err(Failure::Output)?;
    say("dry run: nothing was asked, nothing was written\n").map_err(Failure::Output)?;
    Ok(Ending::Well)
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

/// What can be seen of the output without touching it.
fn look_around(run: &Run) -> Result<(), Failure> {
    let outdir = &run.request.settings.outdir;
    let lock = locks::outdir_lock(outdir);
    if Lock::is_held(&lock) {
        // It says by whom; when it was given back meanwhile, so much the better.
        drop(Lock::take(&lock)?);
    }
    locks::refuse_orphans(outdir, &run.request.run)?;
    if outdir.join("_dataset.json").exists() { claim(run) } else { Ok(()) }
}

/// Bars are looked at before a run is frozen with their words: is there what they are made of, does `bars` take the words?
fn look_at_bars(request: &Request, workdir: &Workdir, tickers: &[Ticker]) -> Result<(), Failure> {
    let Task::Bars(order) = request.settings.task() else { return Ok(()) };
    look_at_input(order)?;
    bars_words::prove(request, workdir)?;
    prove_days_of_bars(order, tickers, request.days())
}

/// Bars beyond the days that there are: refused where nobody has them, said where some lack any.
fn prove_days_of_bars(order: &BarsOrder, tickers: &[Ticker], days: DateRange) -> Result<(), Failure> {
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

/// Are there trades, or minutes, to make bars of? A tree that others wrote says nothing of itself.
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

/// Is there the room that must stay free? What does not exist yet will be where the first folder above it is.
fn prove_room(run: &Run) -> Result<(), Failure> {
    let settings = &run.request.settings;
    let places = [settings.outdir.as_path(), run.workdir.root()];
    let mut there = places.into_iter().filter_map(|place| place.ancestors().find(|folder| folder.exists()));
    let lacking = there.find_map(|place| folders::lacks(place, settings.limits.min_free_disk));
    lacking.map_or(Ok(()), |what| Err(Failure::NoRoom { what }))
}

fn warn(what: &str) -> Result<(), Failure> {
    say(&format!("warning: {what}\n")).map_err(Failure::Output)
}

/// Returns the source's clock where this machine's is ahead of it: what is settled is told by the earlier of both.
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

/// Can workers count what they ask for? What is in the way there would stop each of them.
fn prove_budget(run: &Run) -> Result<(), Failure> {
    let settings = &run.request.settings;
    if let (Program::Worker, Some(key), Some(rate)) = (&settings.program, &run.api_key, settings.rate) {
        SharedBudget::open(&settings.base_url()?.budget_name(key), rate)?;
    }
    Ok(())
}

fn claim(run: &Run) -> Result<(), Failure> {
    let settings = &run.request.settings;
    let kind = match settings.task() {
        Task::Download(kind) => kind,
        Task::Bars(_) => return Ok(tree::claim(&settings.outdir)?),
    };
    let base = settings.base_url()?;
    let descriptor =
        Descriptor::new(kind, settings.adjusted, settings.columns, settings.zone, base.source_name());
    Ok(descriptor::claim(&settings.outdir, &descriptor)?)
}

/// Puts what needs work into the journal, then supervises it here or from a process of its own. Where nobody has asked for
/// `sizes` yet, that is done when it is known who needs them.
fn prepare_and_work(
    args: &StartArgs,
    run: &Run,
    tickers: &[Ticker],
    locks: Locks,
    sizes: Option<Sizes>,
) -> Result<Ending, Failure> {
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
    let entries: Vec<Entry> = facts.into_iter().map(|fact| Entry { at: now, fact }).collect();
    // First whether it can be: what stands in the journal stands there for ever.
    entries.iter().try_for_each(|entry| machine.apply(entry)).map_err(DriveError::from)?;
    journal.append(&entries)?;
    drop(journal);
    if is_complete(&machine) {
        say("already complete: every ticker is done, nothing to do\n").map_err(Failure::Output)?;
        drop(locks);
        // Who stays says how the run stands, as `wait` does.
        return if args.foreground { tell_standing(run) } else { Ok(Ending::Well) };
    }
    say(&plan::describe(&run.request, &run.workdir, &machine)).map_err(Failure::Output)?;
    say(&plan::weighed(weighed_by, &sizes)).map_err(Failure::Output)?;
    if args.foreground {
        supervise::here(run, locks)?;
        return tell_standing(run);
    }
    let next = machine.batches().find(|(_, batch)| !batch.is_over());
    detach(run, locks, next.map_or(BatchId(1), |(id, _)| id))
}

/// `--check`: reads every file of the run. What is found is kept beside the files, so the look that follows sees it.
fn check_files(request: &Request, tickers: &[Ticker]) -> Result<Checked, Failure> {
    say("checking every file against its SHA-256; that reads every byte\n").map_err(Failure::Output)?;
    let Found { checked, said } = files::check_run(request, tickers);
    said.iter().try_for_each(|what| warn(what))?;
    let again = match request.settings.task() {
        Task::Download(_) => "fetched",
        Task::Bars(_) => "built",
    };
    say(&format!("{}\n", words::checked(&checked, again))).map_err(Failure::Output)?;
    Ok(checked)
}

fn tell_standing(run: &Run) -> Result<Ending, Failure> {
    let snapshot = status::take(&run.workdir)?;
    say(&status::render(&snapshot)).map_err(Failure::Output)?;
    Ok(Ending::from(&snapshot))
}

/// Closed as complete, and nothing was found to be missing since.
fn is_complete(machine: &Machine) -> bool {
    let open = machine.batches().any(|(_, batch)| !batch.is_over());
    matches!(machine.run(), RunState::Closed { outcome: Outcome::Complete }) && !open
}

/// `next` is the batch that is worked on first.
fn detach(run: &Run, locks: Locks, next: BatchId) -> Result<Ending, Failure> {
    let log = run.workdir.launcher_log();
    let arguments = ["supervise".into(), "--workdir".into(), run.workdir.root().into()];
    let marker = Marker::of_supervisor(&run.request.run);
    let doing = "hand the locks to the supervisor";
    let handed = locks.pack().map_err(|source| Failure::System { doing, source })?;
    let supervisor = Detached::start(&arguments, handed, &log, &marker, run.api_key.as_ref())?;
    // They are held all the while; `stop` finds it by its marker until it has signed them.
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
    Ok(Ending::Well)
}
