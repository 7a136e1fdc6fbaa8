//! The file between processes: seen by others, torn, removed, held.

use std::fs;

use super::*;

const KEY: &[u8] = b"the key that is written nowhere";

struct Case {
    _home: tempfile::TempDir,
    folder: PathBuf,
}

impl Case {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self { folder: home.path().join("pace"), _home: home }
    }

    fn open(&self, rate: &str) -> SharedBudget {
        SharedBudget::open_in(&self.folder, KEY, rate.parse().expect("a rate")).expect("opened")
    }

    fn file(&self) -> PathBuf {
        place::file_of(&self.folder, KEY)
    }

    fn peek(&self) -> Option<Usage> {
        SharedBudget::peek_in(&self.folder, KEY)
    }
}

fn is_granted(budget: &SharedBudget) -> bool {
    matches!(budget.ask().expect("asked"), Slot::Send { .. })
}

#[test]
fn two_openers_share_one_budget_and_anybody_may_look() {
    let case = Case::new();
    assert_eq!(case.peek(), None);
    let (one, other) = (case.open("5/min"), case.open("5/min"));
    assert!(is_granted(&one));
    assert!(!is_granted(&other), "the next slot is twelve seconds away");
    other.refused(Some(Duration::from_secs(30))).expect("told");
    let usage = case.peek().expect("there");
    assert_eq!((usage.taken, usage.used_last_minute, usage.refused), (1, 1, 1));
    assert_eq!(usage, Usage { paused_ms: usage.paused_ms, ..one.usage().expect("read") });
    let written = fs::read(case.file()).expect("read");
    assert_eq!(written.len(), RECORD_BYTES);
    assert!(!written.windows(KEY.len()).any(|window| window == KEY));
}

#[test]
fn a_record_torn_at_any_byte_or_of_another_boot_never_gives_a_slot_away() {
    let case = Case::new();
    let budget = case.open("5/min");
    assert!(is_granted(&budget));
    let sound = fs::read(case.file()).expect("read");
    for cut in (1..600).step_by(7) {
        fs::write(case.file(), &sound[..cut]).expect("torn");
        assert!(!is_granted(&budget), "cut at {cut}");
    }
    let mut half = sound;
    half[100..200].fill(0);
    fs::write(case.file(), half).expect("torn");
    assert!(!is_granted(&budget));
    assert_eq!(budget.usage().expect("read").taken, 0, "begun afresh");

    let record = BudgetRecord {
        boot_id: "another".to_owned(),
        budget: Budget::unused("5/min".parse().expect("a rate"), clock::now_ns() - 1_000_000_000),
    };
    fs::write(case.file(), encode(&record)).expect("written");
    assert_eq!(case.peek(), None);
    assert!(!is_granted(&budget));
}

#[test]
fn a_removed_file_is_begun_again_where_newcomers_find_it() {
    let case = Case::new();
    let old = case.open("5/min");
    assert!(is_granted(&old));
    fs::remove_dir_all(&case.folder).expect("removed");
    let new = case.open("5/min");
    assert!(is_granted(&new));
    assert!(!is_granted(&old), "both look at the new file");
    assert_eq!(old.usage().expect("read").taken, 1);
}

#[test]
fn threads_of_one_process_take_turns_and_can_be_interrupted() {
    let case = Case::new();
    let budget = case.open("1000000/min");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!((0..250).filter(|_| is_granted(&budget)).count(), 250));
        }
    });
    assert_eq!(budget.usage().expect("read").taken, 1000);

    let slow = Case::new();
    let budget = slow.open("5/min");
    assert_eq!(budget.take(|_| ControlFlow::Break(())).expect("asked"), ControlFlow::Continue(()));
    assert_eq!(budget.take(|_| ControlFlow::Break(())).expect("asked"), ControlFlow::Break(()));
    assert_eq!(budget.usage().expect("read").taken, 1);
}

#[test]
fn the_largest_state_fits_into_its_record() {
    let text =
        serde_json::to_string(&Budget::unused("5/min".parse().expect("a rate"), 1)).expect("json");
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("json");
    let fields = value.as_object_mut().expect("an object");
    for (name, field) in fields.iter_mut() {
        match name.as_str() {
            "rate" => *field = "1000000/86399.123456789s".into(),
            "recent" => field.as_array_mut().expect("a list").fill(u32::MAX.into()),
            _ => *field = u64::MAX.into(),
        }
    }
    let budget: Budget = serde_json::from_value(value).expect("a state");
    let boot_id = boot_id().expect("a Linux");
    assert_eq!(encode(&BudgetRecord { boot_id, budget }).len(), RECORD_BYTES);
}
