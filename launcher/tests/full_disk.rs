//! A full disk, wherever it is, pauses the run by name. Nothing is lost, who can go on does, and it
//! goes on by itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::recovery::kill_supervisor;
use crate::says::says;
use crate::scene::{Scene, let_pass, run, wait_for};

/// The memory disk gives room by the page.
const PAGE: usize = 4096;

/// A small disk of its own inside a scene, gone after the test.
struct SmallDisk {
    root: PathBuf,
}

impl SmallDisk {
    /// Mounted at `name` of `scene`; `None`, with a word, where this may not be done.
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fn mount(scene: &Scene, name: &str) -> Option<Self> {
        let root = scene.path(name);
        fs::create_dir_all(&root).expect("made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&root);
        match mount.output() {
            Ok(ended) if ended.status.success() => Some(Self { root }),
            why => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "CI must try a disk that is full: {why:?}"
                );
                eprintln!("skipped: no disk of its own may be mounted here ({why:?})");
                None
            }
        }
    }

    /// Takes all room away but for so many pages.
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fn fill_but_for(&self, pages: usize) {
        let mut filler = File::create(self.filler()).expect("made");
        while filler.write_all(&[1; PAGE]).is_ok() {}
        let length = filler.metadata().expect("it is there").len();
        filler.set_len(length - (pages * PAGE) as u64).expect("shorter");
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("there was a filler");
    }

    fn filler(&self) -> PathBuf {
        self.root.join("filler")
    }
}

impl Drop for SmallDisk {
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fn drop(&mut self) {
        // Lazily: whoever still runs may hold a file.
        drop(Command::new("umount").arg("-l").arg(&self.root).status());
    }
}

/// Notes each begin by its ticker; ends when told to, A earlier than the others.
const HELD: &str = r#"
ticker=$(tail -n 1 "$3"); echo "$ticker" >> begun
while [ ! -e go ] && [ ! -e "go.$ticker" ]; do sleep 0.02; done
"#;

/// Two of three batches run, with this much to stay free on their disks; the third comes when A
/// ends. The scene is dropped first, while what it stops is still found on its disk.
fn running(script: &str, disk: &str, floor: &str) -> Option<(SmallDisk, Scene)> {
    let scene = Scene::of(&["A", "B", "C"]);
    let disk = SmallDisk::mount(&scene, disk)?;
    scene.script("job", script);
    let cut =
        ["--batch-size", "1", "--max-concurrent", "2", "--retries", "0", "--min-free-disk", floor];
    scene.detach("job", &cut);
    wait_for("two workers", || scene.count("begun") == 2);
    Some((disk, scene))
}

fn is_paused(scene: &Scene, reason: &str) -> bool {
    let status = scene.status();
    status.lines().next().is_some_and(|line| line.starts_with("PAUSED: ") && line.contains(reason))
}

/// Everything ends well, and B was never touched.
#[track_caller]
fn goes_on(scene: &Scene) {
    scene.write("go", "");
    let ended = scene.wait().expect_code(0).stdout;
    says(&ended, &["3 reported by the script, not verified, 0 failed, 0 left"]);
    assert_eq!(
        scene.read("begun").lines().filter(|line| *line == "B").count(),
        1,
        "B was not disturbed"
    );
}

#[test]
fn of_the_run() {
    let Some((disk, scene)) = running(HELD, "w", "0") else { return };
    disk.fill_but_for(0);
    wait_for("the pause", || is_paused(&scene, "no space is left in "));
    scene.write("go.A", "");
    let_pass(Duration::from_secs(2));
    assert_eq!(scene.count("begun"), 2, "nothing new is begun");
    disk.make_room();
    wait_for("the third", || scene.count("begun") == 3);
    goes_on(&scene);
}

#[test]
fn of_the_run_at_any_file_of_a_beginning_or_an_end() {
    std::thread::scope(|scope| {
        for pages in 1..=9 {
            scope.spawn(move || {
                let Some((disk, scene)) = running(HELD, "w", "0") else { return };
                disk.fill_but_for(pages);
                scene.write("go.A", "");
                let_pass(Duration::from_secs(3));
                disk.make_room();
                wait_for("the third", || scene.count("begun") == 3);
                goes_on(&scene);
            });
        }
    });
}

#[test]
fn of_the_run_when_its_journal_can_not_be_written_fills_it_with_no_repetitions() {
    let scene = Scene::of(&["A"]);
    let Some(disk) = SmallDisk::mount(&scene, "w") else { return };
    scene.script("job", HELD);
    scene.detach("job", &["--min-free-disk", "0"]);
    wait_for("the worker", || scene.count("begun") == 1);
    let used = scene.read("w/journal.jsonl").len();
    // As many tickers more as bring its end near the end of a page: `,"T00000"` each.
    let more = (PAGE - used - 40) / 9;
    let names: Vec<String> = (0..more).map(|number| format!("T{number:05}")).collect();
    drop(scene);
    drop(disk);

    let scene =
        Scene::of(&[&["A"], &names.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    let Some(disk) = SmallDisk::mount(&scene, "w") else { return };
    scene.script("job", HELD);
    scene.detach("job", &["--batch-size", "1000", "--min-free-disk", "0"]);
    wait_for("the worker", || scene.count("begun") == 1);
    let used = scene.read("w/journal.jsonl").len();
    assert!((PAGE - 100..PAGE).contains(&used), "{used}");
    disk.fill_but_for(0);
    let_pass(Duration::from_secs(4));
    disk.make_room();
    scene.write("go", "");
    scene.wait().expect_code(0);
    let journal = scene.read("w/journal.jsonl");
    assert_eq!(journal.matches("{\"hindered\":").count(), 1);
}

#[test]
fn of_the_logs() {
    let Some((disk, scene)) = running(HELD, "w/logs", "0") else { return };
    disk.fill_but_for(0);
    scene.write("go.A", "");
    wait_for("the pause", || is_paused(&scene, "w/logs/batch_0003.log"));
    disk.make_room();
    wait_for("the third", || scene.count("begun") == 3);
    goes_on(&scene);
}

#[test]
fn of_the_dataset() {
    let script = format!(
        "{HELD}{}",
        r#"echo data > "$5/data.$ticker" || { rm "$5/data.$ticker"; echo "out is full"; exit 13; }"#
    );
    let Some((disk, scene)) = running(&script, "out", "0") else { return };
    disk.fill_but_for(0);
    scene.write("go.A", "");
    // Said by the supervisor or by the worker, whoever meets it first.
    wait_for("the pause", || {
        is_paused(&scene, "no space is left in ") || is_paused(&scene, "out is full")
    });
    disk.make_room();
    goes_on(&scene);
    for ticker in ["A", "B", "C"] {
        assert_eq!(scene.read(&format!("out/data.{ticker}")), "data\n");
    }
}

#[test]
fn with_less_room_than_was_asked_to_stay_free() {
    let Some((disk, scene)) = running(HELD, "out", "512KiB") else { return };
    // Half of it, and some.
    disk.fill_but_for(100);
    wait_for("the pause", || is_paused(&scene, "out, less than 512KiB (--min-free-disk)"));
    scene.write("go.A", "");
    wait_for("the end of A", || scene.status().contains("1 / 3 done"));
    let_pass(Duration::from_secs(2));
    assert_eq!(scene.count("begun"), 2, "nothing new is begun");
    disk.make_room();
    wait_for("the third", || scene.count("begun") == 3);
    goes_on(&scene);
}

#[test]
fn when_a_run_is_gone_on_with_keeps_nobody_from_adopting() {
    let Some((disk, scene)) = running(HELD, "out", "512KiB") else { return };
    kill_supervisor(&scene);
    disk.fill_but_for(100);
    let said = run(&mut scene.launcher("start", &["--resume"])).expect_code(0).stdout;
    says(&said, &["\nwarning: only ", "; the run goes on, and pauses until"]);
    wait_for("the pause", || is_paused(&scene, "out, less than 512KiB (--min-free-disk)"));
    assert_eq!(scene.count("begun"), 2, "they were adopted");
    disk.make_room();
    goes_on(&scene);
}

#[test]
fn a_disk_that_fills_up_while_a_run_is_planned_is_told_with_the_command_that_goes_on_with_it() {
    let names: Vec<String> = (0..600).map(|number| format!("T{number}")).collect();
    let scene = Scene::of(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let Some(disk) = SmallDisk::mount(&scene, "w") else { return };
    scene.script("job", "exit 0");
    let asked = Scene::usual(&["--ingest-script", "job", "--min-free-disk", "0"]);
    // A file for each batch: there is room for some of them.
    let start = |more: &[&str]| run(&mut scene.launcher("start", &[&asked[..], more].concat()));
    let refused = start(&["--batch-size", "1"]).expect_code(13).stderr;
    says(&refused, &["No space left on device"]);
    let advice = "; make room there, then continue the run: `";
    assert!(refused.contains(advice) && refused.trim_end().ends_with("--resume`"), "{refused}");
    drop(disk);
}

#[test]
fn of_the_run_at_its_end_is_named_and_nothing_is_lost() {
    let Some((disk, scene)) = running(HELD, "w", "0") else { return };
    disk.fill_but_for(0);
    let said = run(&mut scene.launcher("stop", &["--now"])).stdout + &scene.status();
    assert_eq!(scene.processes(), 0, "{said}");
    let first = scene.status().lines().next().expect("a line").to_owned();
    assert!(
        first.starts_with("SUPERVISOR DIED: the disk of the work directory is full ("),
        "{first}"
    );
    says(
        &first,
        &[
            " free), so nobody could write how the run ended; nothing that is proven is lost. Make room there first",
        ],
    );
    disk.make_room();
    scene.write("go", "");
    run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
    scene.wait().expect_code(0);
}
