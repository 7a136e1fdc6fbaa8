//! Promise: dependencies point one way. Each list of modules goes from the ground up, and a module
//! imports only modules above it in that list; so a circle can't be written.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A module by its path below the crate: `["dataset", "ledger"]`; the crate itself is empty.
type Module = Vec<String>;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The modules that `text` declares, in order.
fn declared(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let line =
            line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    text.lines().filter_map(name).collect()
}

/// The code before the unit tests, without comments.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or(text);
    before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Reads a module and, through its declarations, all below it.
fn read(file: &Path, folder: &Path, module: Module, found: &mut HashMap<Module, String>) {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for name in declared(&text) {
        let (flat, nested) = (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
        let child = [module.as_slice(), std::slice::from_ref(&name)].concat();
        let file = if flat.exists() { flat } else { nested };
        read(&file, &folder.join(&name), child, found);
    }
    found.insert(module, text);
}

/// Modules that `text`, the code of `own`, names through `crate::` or `super::`; groups are taken
/// apart.
fn imports(text: &str, own: &Module) -> Vec<Module> {
    let mut found = Vec::new();
    let chars = text.as_bytes();
    for (start, keyword) in text.match_indices("crate::").chain(text.match_indices("super::")) {
        let before = start.checked_sub(1).map(|at| chars[at]);
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':') {
            continue;
        }
        let mut base: Module = if keyword == "crate::" {
            Vec::new()
        } else {
            own[..own.len().saturating_sub(1)].to_vec()
        };
        let mut rest = &text[start + keyword.len()..];
        while let Some(higher) = rest.strip_prefix("super::") {
            base.pop();
            rest = higher;
        }
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .unwrap_or(rest.len());
        let path: Vec<String> =
            rest[..end].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let group = rest[end..].strip_prefix('{').and_then(|inside| inside.split('}').next());
        let whole = [base, path].concat();
        match group {
            Some(names) => {
                let first = |name: &str| name.trim().split("::").next().unwrap_or("").to_owned();
                found.extend(
                    names.split(',').map(|name| [whole.clone(), vec![first(name)]].concat()),
                );
            }
            None => found.push(whole),
        }
    }
    found
}

/// Complaints about one crate whose root file is `root`.
fn complaints(root: &Path) -> Vec<String> {
    let mut modules = HashMap::new();
    read(root, root.parent().expect("a folder"), Vec::new(), &mut modules);
    let order: HashMap<&Module, Vec<String>> =
        modules.iter().map(|(module, text)| (module, declared(text))).collect();
    let mut complaints = Vec::new();
    // Tests of a module may look at any other, wherever they stand.
    let is_code = |module: &Module| !module.iter().any(|name| name == "tests");
    for (own, text) in modules.iter().filter(|(own, _)| is_code(own)) {
        for target in imports(&code(text), own) {
            let shared = own.iter().zip(&target).take_while(|(a, b)| a == b).count();
            let (Some(mine), Some(theirs)) = (own.get(shared), target.get(shared)) else {
                continue;
            };
            let floor = &order[&own[..shared].to_vec()];
            let place = |name: &String| floor.iter().position(|known| known == name);
            if let (Some(my_place), Some(their_place)) = (place(mine), place(theirs))
                && their_place > my_place
            {
                complaints.push(format!(
                    "{}: {} imports {}, which is above it",
                    root.display(),
                    own.join("::"),
                    target.join("::")
                ));
            }
        }
    }
    complaints.sort();
    complaints
}

#[test]
fn a_module_imports_only_from_the_floors_below_it() {
    let mut all = Vec::new();
    for root in [
        "shared/src/lib.rs",
        "worker/src/lib.rs",
        "launcher/src/lib.rs",
        "tests/lib.rs",
        "tests/world/main.rs",
    ] {
        all.extend(complaints(&project().join(root)));
    }
    assert_eq!(all, [] as [String; 0]);
}

#[test]
fn the_check_sees_a_circle() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("lib.rs", "pub mod a;\npub mod b;\n");
    write("a.rs", "use crate::{\n    b::B,\n};\n");
    write("b.rs", "use super::a::A;\n// use crate::c::C;\n");
    let found = complaints(&folder.path().join("lib.rs"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("a imports b, which is above it"), "{found:?}");
}

#[test]
fn below_an_output_nothing_is_made_renamed_or_removed_by_its_path() {
    // A path may lead over a link that was not there a moment ago: there is `Draft::below`, and the
    // names of a `Folder`.
    let by_path = [
        "fs::rename",
        "fs::remove_",
        "fs::hard_link",
        "fs::create_dir",
        "fs::set_permissions",
        "Draft::create",
        "publish::publish",
        "Lock::take(",
        "regular::open_with",
        "OpenOptions",
    ];
    // A person says where lists go, and the lock of a snapshot stands in the root itself.
    let chosen = "worker/src/reference/output.rs";
    for room in [
        "shared/src/dataset",
        "shared/src/series",
        "worker/src/ingest",
        "worker/src/bars",
        "worker/src/reference",
    ] {
        for path in tests::harness::tree::files(&project().join(room)) {
            let name =
                path.strip_prefix(project()).expect("below it").to_string_lossy().into_owned();
            if name.contains("tests") || name == chosen {
                continue;
            }
            let text = code(&fs::read_to_string(&path).expect("read"));
            let found = by_path.iter().find(|way| text.contains(**way));
            assert_eq!(found, None, "{name}");
        }
    }
}

/// The files that draw.
const PICTURE: [&str; 6] = [
    "describe/picture/daily.rs",
    "describe/picture/file.rs",
    "describe/picture/page.rs",
    "describe/picture/panel.rs",
    "describe/picture/price.rs",
    "describe/picture/returns.rs",
];

#[test]
fn launcher_and_worker_do_not_know_each_other_and_effects_stay_behind_their_doors() {
    let manifest =
        |name: &str| fs::read_to_string(project().join(name).join("Cargo.toml")).expect("read");
    let links = |from: &str, to: &str| manifest(from).lines().any(|line| line.starts_with(to));
    assert!(!links("launcher", "worker"), "the launcher never links worker code");
    assert!(!links("worker", "launcher"), "a worker never knows the launcher");
    assert!(links("worker", "shared"), "the check sees what is linked");
    let doors = [
        ("reqwest", "worker", &["api/client.rs"][..]),
        (
            "parquet::",
            "shared",
            &[
                "dataset/reader.rs",
                "dataset/writer.rs",
                "dataset/column_stream.rs",
                "dataset/row_stream.rs",
                "dataset/bars_file.rs",
            ][..],
        ),
        ("kuva", "worker", &PICTURE[..]),
        ("fs2", "shared", &["disk/lock.rs"][..]),
        ("ureq", "launcher", &["process/http.rs"][..]),
        ("Command::new", "launcher", &["process/spawn.rs"][..]),
    ];
    for (name, member, allowed) in doors {
        let root = project().join(member).join("src");
        for path in tests::harness::tree::files(&root) {
            let inside =
                path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("read");
            assert!(
                !code(&text).contains(name) || allowed.contains(&inside.as_str()),
                "{name} in {member}/src/{inside}"
            );
        }
    }
}
