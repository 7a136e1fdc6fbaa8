//! Promise: the pages that say where things are name files and folders that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file and folder that is tracked by hand, from the project's root, without `.rs` and
/// without `src/`.
fn places(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
    for entry in
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
    {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_folder = entry.is_dir();
        if matches!(name, "target" | ".git" | ".venv" | "runs") {
            continue;
        }
        let from_root =
            entry.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        found.insert(from_root.replace("/src/", "/").trim_end_matches(".rs").to_owned());
        if is_folder {
            places(&entry, root, found);
        }
    }
}

/// `ingest/{cuts,queue}.rs` is two places.
fn spelled_out(word: &str) -> Vec<String> {
    let Some((before, rest)) = word.split_once('{') else { return vec![word.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![word.to_owned()] };
    choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
}

/// Whether a word between backticks names a place in this project: `shim/fence.rs`, `disk/`,
/// `lie.rs`.
fn names_a_place(word: &str) -> bool {
    let is_spelled =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_/{},.-".contains(c);
    let has_rs = Path::new(word).extension().is_some_and(|extension| extension == "rs");
    word.chars().all(is_spelled) && !word.starts_with('/') && (word.contains('/') || has_rs)
}

/// Places that `text` names and that are not there.
fn missing(text: &str, places: &BTreeSet<String>) -> Vec<String> {
    let words = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let named = words.filter(|word| names_a_place(word)).flat_map(spelled_out);
    let is_there = |word: &str| {
        let word = word.trim_end_matches('/').trim_end_matches(".rs");
        let word = word.replace("/src/", "/");
        let tail = format!("/{word}");
        places.iter().any(|place| *place == word || place.ends_with(&tail))
    };
    named.filter(|word| !is_there(word)).collect()
}

#[test]
fn architecture_and_decisions_name_files_that_are_there() {
    let root = project();
    let mut found = BTreeSet::new();
    places(&root, &root, &mut found);
    let mut pages = vec![root.join("ARCHITECTURE.md")];
    let decisions = fs::read_dir(root.join("docs/decisions")).expect("the decisions");
    pages.extend(decisions.map(|entry| entry.expect("an entry").path()));
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        assert_eq!(missing(&text, &found), [] as [String; 0], "{}", page.display());
    }
}

/// Targets of links in `text` that lead into this project.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://"))
        .map(|target| target.split('#').next().unwrap_or_default())
        .collect()
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    let root = project();
    let folders = [root.clone(), root.join("docs"), root.join("docs/decisions")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let pages = entries.map(|entry| entry.expect("an entry").path());
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&page).expect("a page");
        let folder = page.parent().expect("a folder");
        let broken: Vec<_> =
            links(&text).into_iter().filter(|target| !folder.join(target).exists()).collect();
        assert_eq!(broken, [] as [&str; 0], "{}", page.display());
    }
}

#[test]
fn every_script_answers_help_with_its_header_and_does_nothing_else() {
    let scripts = project().join("scripts");
    for entry in fs::read_dir(&scripts).expect("the scripts") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a script");
        let header: Vec<String> = text
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches("# ").trim_start_matches('#').to_owned())
            .collect();
        for flag in ["-h", "--help"] {
            let answer = Command::new(&path).arg(flag).output().expect("run");
            let said = String::from_utf8_lossy(&answer.stdout);
            assert!(answer.status.success(), "{} {flag}: {answer:?}", path.display());
            assert_eq!(said.lines().collect::<Vec<_>>(), header, "{} {flag}", path.display());
        }
    }
}

#[test]
fn a_place_that_is_not_there_is_seen() {
    let places = BTreeSet::from(["worker/api/lie".to_owned(), "worker/api".to_owned()]);
    let text =
        "see `api/lie.rs`, `worker/api/`, `lie.rs` and `api/{lie,truth}.rs`; run `cargo test`";
    assert_eq!(missing(text, &places), ["api/truth.rs"]);
}
