//! Any bytes as the files of a work directory: `run.json`, the journal, `exit.json` and events.
//! Each is read or refused, and what was read can be asked all that is asked of it.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use fuzz::sealed;
use launcher::plan::request::Request;
use launcher::shim::fence::ExitRecord;
use launcher::supervise::event_summary::EventSummary;
use launcher::supervise::journal;
use launcher::supervise::machine::Surroundings;
use libfuzzer_sys::fuzz_target;
use shared::run::events::EventTail;
use shared::run::redaction::Redaction;
use shared::run::workdir::Workdir;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = fuzz::folder();
    fs::write(folder.path().join("run.json"), include_bytes!("../seeds/workdir/run.json"))
        .expect("written");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    request(bytes);
    journal_of(bytes);
    journal_of(&sealed(bytes));
    exit_and_events(bytes);
});

fn request(bytes: &[u8]) {
    let workdir = Workdir::new(&FOLDER.path().join("asked"));
    fs::create_dir_all(workdir.root()).expect("made");
    fs::write(workdir.request(), bytes).expect("written");
    if let Ok(Some(request)) = Request::read(&workdir) {
        let _ = (request.days(), request.first_rules(), request.batching(), request.may_split());
        let text = serde_json::to_string(&request).expect("plain data");
        assert_eq!(serde_json::from_str::<Request>(&text).expect("read"), request);
    }
}

fn journal_of(bytes: &[u8]) {
    let workdir = Workdir::new(FOLDER.path());
    let request = Request::read(&workdir).expect("read").expect("there");
    fs::write(workdir.journal(), bytes).expect("written");
    let Ok(machine) = journal::follow(&workdir, request.first_rules()) else { return };
    let _ = (machine.totals(), machine.outcome(), machine.next_ready(), machine.next_batch());
    for (_, batch) in machine.batches() {
        let _ = (batch.work(), batch.telling_attempts());
    }
    for free_memory in [None, Some(u64::MAX)] {
        let now = machine.latest().unwrap_or(request.created_at);
        let _ = machine.decide(Surroundings { now, free_memory });
    }
}

fn exit_and_events(bytes: &[u8]) {
    let path = FOLDER.path().join("a-file");
    fs::write(&path, bytes).expect("written");
    if let Ok(Some(record)) = ExitRecord::read(&path) {
        let _ = record.usage.and(record.usage);
    }
    let mut summary = EventSummary::default();
    for said in EventTail::new(&path).read_new() {
        summary.hear(said.fit_to_say(&Redaction::default()));
    }
    let _ = summary.current().count();
}
