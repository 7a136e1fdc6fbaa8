//! A headless Chromium that opens a page from disk and shows what its scripts made of it; and what
//! is said where there is none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::program::run;

/// A browser with a profile of its own, which is gone after the test.
pub struct Chromium {
    program: PathBuf,
    folder: TempDir,
}

impl Chromium {
    /// `None`, with a word, on a machine without one.
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let program = std::env::split_paths(&path)
            .flat_map(|folder| names.map(|name| folder.join(name)))
            .find(|program| program.is_file());
        if program.is_none() {
            assert!(std::env::var_os("CI").is_none(), "CI must have chromium: .ci/run installs it");
            eprintln!("skipped: no chromium in PATH; on Debian, apt install chromium");
        }
        let folder = tempfile::tempdir().expect("a folder");
        program.map(|program| Self { program, folder })
    }

    /// Puts `page` on disk.
    pub fn keep(&self, name: &str, page: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, page).expect("written");
        path
    }

    /// The document after its scripts have run; `view` is the part of the address behind `#`.
    pub fn dom(&self, page: &Path, view: &str) -> String {
        let mut chromium = self.command();
        chromium.arg("--dump-dom").arg(format!("file://{}#{view}", page.display()));
        run(&mut chromium).expect_code(0).stdout
    }

    /// A picture of the window, for people.
    pub fn picture(&self, page: &Path, view: &str, size: (u32, u32), picture: &Path) {
        let mut chromium = self.command();
        chromium.arg(format!("--window-size={},{}", size.0, size.1));
        chromium.arg(format!("--screenshot={}", picture.display()));
        chromium.arg(format!("file://{}#{view}", page.display()));
        run(&mut chromium).expect_code(0);
    }

    fn command(&self) -> Command {
        let mut chromium = Command::new(&self.program);
        chromium.current_dir(self.folder.path()).env("HOME", self.folder.path());
        chromium.stdin(Stdio::null());
        chromium.arg(format!("--user-data-dir={}", self.folder.path().join("profile").display()));
        // Tests run as root in a container: no sandbox there, and little of /dev/shm.
        chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        // It is to ask nobody for anything.
        chromium.args(["--disable-background-networking", "--disable-component-update"]);
        chromium.args(["--no-first-run", "--disable-sync", "--disable-default-apps"]);
        chromium.arg("--host-resolver-rules=MAP * ~NOTFOUND");
        chromium
    }
}
