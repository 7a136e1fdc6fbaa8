//! Who may only read the lock files of a run, as earlier versions left them, stops it by no lock of
//! his: it begins, is seen to run, survives its supervisor, is stopped and goes on.

use std::fs::{self, File};

use fs2::FileExt;

use crate::recovery::kill_supervisor;
use crate::says::says;
use crate::scene::{Scene, run, wait_for};

const LOCKS: [&str; 3] =
    ["w/launcher.lock", "w/attempts/batch_0001.1/shim.lock", "out/_launcher.lock"];

/// Each of them is there, open to others, and locked by one who reads.
fn locked(scene: &Scene, how: fn(&File) -> std::io::Result<()>) -> Vec<File> {
    let lock = |name: &str| {
        fs::create_dir_all(scene.path(name).parent().expect("a folder")).expect("made");
        scene.write(name, "");
        let reader = File::open(scene.path(name)).expect("opened");
        how(&reader).expect("free");
        reader
    };
    LOCKS.map(lock).into()
}

#[test]
fn who_only_reads_the_locks_of_a_run_stops_nothing_of_it() {
    for how in [FileExt::try_lock_exclusive as fn(&File) -> _, FileExt::try_lock_shared] {
        let scene = Scene::of(&["A"]);
        let _readers = locked(&scene, how);
        scene.script("job", "echo x >> begun\nwhile [ ! -e go ]; do sleep 0.02; done");
        scene.detach("job", &[]);
        wait_for("the worker", || scene.count("begun") == 1);
        assert!(scene.status().contains("1 running"), "{}", scene.status());
        let said = run(&mut scene.launcher("start", &["--resume"])).expect_code(2).stderr;
        let going =
            format!("this run is already going (supervisor pid {});", scene.supervisor().pid);
        says(&said, &[&going]);
        let mut other =
            scene.launcher_in("other", "start", &Scene::usual(&["--ingest-script", "job"]));
        let said = run(&mut other).expect_code(2).stderr;
        says(&said, &["out/_launcher.lock is held by launcher (pid "]);

        kill_supervisor(&scene);
        run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
        assert!(scene.status().contains("1 running"), "adopted: {}", scene.status());
        assert_eq!(scene.count("begun"), 1);
        let said = run(&mut scene.launcher("stop", &["--now"])).expect_code(0).stdout;
        assert!(said.starts_with("stopped; "), "{said}");
        assert_eq!(scene.processes(), 0);
        scene.write("go", "");
        run(&mut scene.launcher("start", &["--resume"])).expect_code(0);
        scene.wait().expect_code(0);
    }
}
