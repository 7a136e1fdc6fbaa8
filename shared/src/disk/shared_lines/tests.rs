//! Several who append to one log, cut off what the dead have torn, and put a shorter log in its
//! place.

use super::*;
use crate::disk::byte_range::{self, Hold};
use serde::Deserialize;
use std::ffi::OsStr;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    by: u32,
    number: u32,
}

fn note(by: u32, number: u32) -> Note {
    Note { by, number }
}

fn root_of(path: &Path) -> &Path {
    path.parent().expect("it lies in a folder")
}

fn open(path: &Path) -> SharedLog<Note> {
    SharedLog::open(root_of(path), path, |_, _| Ok(())).expect("opened").0
}

#[test]
fn many_who_append_at_once_lose_and_tear_nothing_and_learn_of_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    std::thread::scope(|scope| {
        for by in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let mut log = open(path);
                let mut others = log.catch_up().expect("read");
                for number in 0..25 {
                    others.extend(log.append(&[note(by, number)]).expect("appended"));
                }
                assert!(others.iter().all(|note| note.by != by), "one's own are known");
                others.extend(log.catch_up().expect("read"));
                let all = read::<Note>(path).expect("sound").entries;
                assert!(others.iter().all(|note| all.contains(note)));
            });
        }
    });
    let all = read::<Note>(&path).expect("sound").entries;
    assert_eq!(all.len(), 100);
    for by in 0..4 {
        let own: Vec<u32> =
            all.iter().filter(|note| note.by == by).map(|note| note.number).collect();
        assert_eq!(own, (0..25).collect::<Vec<_>>(), "each in its order");
    }
}

#[test]
fn what_a_killed_writer_left_half_written_is_cut_off_at_any_byte_and_never_glued_to_the_next_line()
{
    let line = checked_lines::encode(&note(7, 7));
    for cut in 1..line.len() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        let mut log = open(&path);
        log.append(&[note(1, 1)]).expect("appended");
        let mut killed = open(&path);
        killed.catch_up().expect("read");
        let mut file = killed.file();
        file.write_all(&line.as_bytes()[..cut]).expect("written");
        drop(killed);
        assert_eq!(log.append(&[note(1, 2)]).expect("appended"), []);
        assert_eq!(
            read::<Note>(&path).expect("sound").entries,
            [note(1, 1), note(1, 2)],
            "cut at {cut}"
        );
    }
}

#[test]
fn a_damaged_line_of_somebody_else_is_named_by_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let mut log = open(&path);
    log.append(&[note(1, 1), note(1, 2)]).expect("appended");
    let mut file = log.file();
    file.write_all(b"{\"by\":7}\n").expect("written");
    let error = log.append(&[note(1, 3)]).expect_err("damaged");
    assert!(matches!(error, LogError::Lines(LinesError::Corrupt { line: 3, .. })), "{error}");
    let cut = std::fs::OpenOptions::new().write(true).open(&path).expect("opened");
    cut.set_len(5).expect("cut");
    let error = log.append(&[note(1, 3)]).expect_err("cut short");
    assert!(error.to_string().contains("cut short"), "{error}");
}

fn rewrite(log: &mut SharedLog<Note>, own: u32, entries: &[Note]) -> Rewritten {
    let holding = Holding { own: own..own + 1, all: 1..100 };
    log.rewrite(entries, |note| note.by, &holding).expect("sound")
}

/// Opens it and takes `own` alone, as an owner of logs does.
fn claim(path: &Path, own: u32) -> Option<SharedLog<Note>> {
    let take = |locks: &LogLocks, log: Log<'_>| locks.hold(log, &(own..own + 1));
    let (log, theirs) = SharedLog::open(root_of(path), path, take).expect("opened");
    theirs.is_none().then_some(log)
}

#[test]
fn a_rewrite_keeps_the_last_line_about_each_byte_for_byte_and_its_locks() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let mut log = claim(&path, 7).expect("free");
    log.append(&[note(1, 1), note(2, 1), note(1, 2)]).expect("appended");
    // A key that this version does not know.
    let strange = "{\"by\":3,\"number\":1,\"later\":true";
    let strange = format!("{strange},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(strange.as_bytes()));
    let mut file = log.file();
    file.write_all(strange.as_bytes()).expect("written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o664))
        .expect("set");
    assert!(matches!(rewrite(&mut log, 7, &[note(2, 2)]), Rewritten::Whole));
    let expected = [encoded(&[note(1, 2)]), strange, encoded(&[note(2, 2)])].concat();
    assert_eq!(std::fs::read_to_string(&path).expect("read"), expected);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&path.metadata().expect("there").permissions());
    assert_eq!(mode & 0o777, 0o664);
    assert!(claim(&path, 7).is_none(), "it is locked as before");
    let mut other = claim(&path, 8).expect("and no more than that");
    assert_eq!(other.catch_up().expect("read").len(), 3);
    assert!(matches!(rewrite(&mut log, 7, &[note(2, 3)]), Rewritten::Busy));
    other.append(&[note(4, 1)]).expect("appended");
    assert_eq!(log.append(&[note(2, 3)]).expect("appended"), [note(4, 1)]);
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("listed").count(),
        2,
        "nothing is left beside it but its lock file"
    );
}

#[test]
fn whoever_had_opened_a_log_before_it_was_replaced_is_kept_out_of_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let mut log = claim(&path, 7).expect("free");
    // An older version opens it, and claims without a look whether it is still the log.
    let place = Folder::open(folder.path()).expect("opened");
    let old = checked_lines::open(Audience::AsUmaskSays, &place, OsStr::new("log.jsonl"))
        .expect("opened");
    assert!(matches!(rewrite(&mut log, 7, &[note(1, 1)]), Rewritten::Whole));
    let theirs = byte_range::try_hold(&old, &path, 9..10, Hold::Alone).expect("locks work here");
    assert_eq!(theirs, Some(1..100), "all of it is somebody else's");
    // And one that waits for a turn finds the new one.
    claim(&path, 9).expect("free").append(&[note(2, 1)]).expect("appended");
    assert_eq!(read::<Note>(&path).expect("sound").entries, [note(1, 1), note(2, 1)]);
}

#[test]
fn nothing_is_appended_to_a_log_that_nobody_finds_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let mut log = claim(&path, 7).expect("free");
    std::fs::rename(&path, folder.path().join("moved")).expect("moved");
    for _ in 0..2 {
        let error = log.append(&[note(1, 1)]).expect_err("gone");
        assert!(matches!(error, LogError::Gone { .. }), "{error}");
        open(&path);
    }
}

#[test]
fn a_rewrite_that_finds_no_room_leaves_the_log_and_its_locks_as_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let mut log = claim(&path, 7).expect("free");
    log.append(&[note(1, 1)]).expect("appended");
    // In the place of the file that it would make there is a folder.
    let in_the_way = folder.path().join("_log.jsonl.tmp");
    std::fs::create_dir(&in_the_way).expect("made");
    let failed = rewrite(&mut log, 7, &[note(1, 2)]);
    assert!(matches!(&failed, Rewritten::Failed(error) if error.path == in_the_way), "{failed:?}");
    std::fs::remove_dir(&in_the_way).expect("removed");
    log.append(&[note(1, 2)]).expect("appended");
    assert_eq!(read::<Note>(&path).expect("sound").entries, [note(1, 1), note(1, 2)]);
    assert!(claim(&path, 7).is_none());
    claim(&path, 8).expect("given back");
}

#[test]
fn several_who_append_while_others_rewrite_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let rewrites = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for by in 1..4 {
            let (path, rewrites) = (&path, &rewrites);
            scope.spawn(move || {
                for number in 0..60_u32 {
                    let mut log =
                        claim(path, by).expect("nobody else has it, not even for a moment");
                    let last =
                        log.catch_up().expect("read").into_iter().rfind(|note| note.by == by);
                    assert_eq!(last.map(|note| note.number), number.checked_sub(1), "{by}");
                    match rewrite(&mut log, by, &[note(by, number)]) {
                        Rewritten::Whole => {
                            _ = rewrites.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                        Rewritten::Busy => drop(log.append(&[note(by, number)]).expect("appended")),
                        Rewritten::Failed(error) => panic!("{error}: {}", error.source),
                    }
                }
            });
        }
    });
    assert!(rewrites.into_inner() > 0, "whoever came last was alone");
    let mut log = claim(&path, 7).expect("free");
    assert!(matches!(rewrite(&mut log, 7, &[]), Rewritten::Whole));
    let mut entries = read::<Note>(&path).expect("sound").entries;
    entries.sort_by_key(|note| note.by);
    assert_eq!(entries, [note(1, 59), note(2, 59), note(3, 59)]);
}
