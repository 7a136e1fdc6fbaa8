//! Trees: what a folder says that it holds, and which names stand at its root. What stands in the
//! folders of its tickers is [`evidence`](super::evidence)'s business.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shared::disk::publish::DiskError;
use shared::disk::regular;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;
use shared::run::thousands::counted;

use super::finding::Finding;
use super::rule::Rule;
use super::tree_kind::TreeKind;
use super::walk::{ODD_DEPTH, parquet_below};

/// A tree that is to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// What it holds.
    pub kind: TreeKind,
    /// Where.
    pub root: PathBuf,
    /// In which zone its days are.
    pub zone: Zone,
    /// What is wrong with what it says of itself.
    pub described: Described,
    /// What stands at its root.
    pub names: Names,
}

/// What a tree says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// What it holds.
    Well,
    /// Nothing: there is no `_dataset.json`.
    Not,
    /// Nothing that can be read.
    Wrongly(String),
}

/// What stands at the root of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Folders of tickers, links to folders among them, sorted.
    pub tickers: Vec<Ticker>,
    /// Folders that no ticker can have.
    pub other_folders: Vec<PathBuf>,
    /// Links.
    pub links: Vec<PathBuf>,
    /// Parquet files.
    pub strays: Vec<PathBuf>,
    /// What killed writers have left.
    pub drafts: Vec<PathBuf>,
}

/// Why a tree can't be verified.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// It can't be listed, or what it says of itself can't be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not there.
    #[error("{root} is not there: is its disk mounted?", root = .root.display())]
    NotThere {
        /// Which.
        root: PathBuf,
    },
    /// Nobody says what it holds.
    #[error(
        "{root}: nothing says what this tree holds (there is no readable _dataset.json); say it \
         with --daily, --minute, --trades or --bars in place of --outdir",
        root = .root.display()
    )]
    Unknown {
        /// Which.
        root: PathBuf,
    },
    /// It holds something else.
    #[error("{root}: this tree holds {found}, and {asked} was asked for", root = .root.display())]
    OtherKind {
        /// Which.
        root: PathBuf,
        /// What it holds.
        found: TreeKind,
        /// What was said.
        asked: TreeKind,
    },
}

/// What `_dataset.json` says.
struct Description {
    kind: TreeKind,
    zone: Zone,
}

impl Tree {
    /// Looks at the tree at `root`, of which somebody has said its kind, or nobody.
    pub fn look(root: &Path, asked: Option<TreeKind>) -> Result<Self, TreeError> {
        if !root.is_dir() {
            return Err(TreeError::NotThere { root: root.to_owned() });
        }
        let names = Names::at(root)?;
        let (kind, zone, described) = match describe(root) {
            Ok(Some(Description { kind, zone })) => {
                if let Some(asked) = asked.filter(|asked| *asked != kind) {
                    let root = root.to_owned();
                    return Err(TreeError::OtherKind { root, found: kind, asked });
                }
                (Some(kind), zone, Described::Well)
            }
            Ok(None) => (asked.or_else(|| guess(root, &names)), Zone::default(), Described::Not),
            Err(why) => {
                (asked.or_else(|| guess(root, &names)), Zone::default(), Described::Wrongly(why))
            }
        };
        let kind = kind.ok_or_else(|| TreeError::Unknown { root: root.to_owned() })?;
        Ok(Self { kind, root: root.to_owned(), zone, described, names })
    }

    /// What is found at its root alone. `has_data`: does anything stand in the folders of its
    /// tickers? `unasked`: how many of them nobody has asked about.
    pub fn findings(&self, has_data: bool, unasked: &[&Ticker]) -> Vec<Finding> {
        let new = |rule, reason: String| Finding::new(self.kind, rule, reason);
        let path = self.root.join("_dataset.json");
        let mut findings = Vec::new();
        match &self.described {
            Described::Not if has_data => findings.push(
                new(
                    Rule::NoDescriptor,
                    format!(
                        "it is missing beside data: no file says what these data are (taken for {}), in \
                         which zone and on which scale; `start --resume` with the arguments of the run \
                         writes it again",
                        self.kind
                    ),
                )
                .at(path),
            ),
            Described::Well | Described::Not => {}
            Described::Wrongly(why) => {
                findings.push(new(Rule::DescriptorWrong, why.clone()).at(path));
            }
        }
        let of_each = [
            (
                &self.names.strays,
                Rule::StrayFile,
                "a Parquet file where only tickers' folders belong",
            ),
            (&self.names.links, Rule::Link, "it is a link: nothing is written through links"),
            (&self.names.drafts, Rule::DraftLeft, "a writer that was killed has left it"),
        ];
        for (paths, rule, reason) in of_each {
            findings.extend(paths.iter().map(|path| new(rule, reason.to_owned()).at(path.clone())));
        }
        for path in &self.names.other_folders {
            let parquet = parquet_below(path, ODD_DEPTH);
            if parquet > 0 {
                let files = counted(parquet, "Parquet file");
                let reason = format!("a folder whose name no ticker can have, with {files}");
                findings.push(new(Rule::StrayFile, reason).at(path.clone()));
            }
        }
        let others = self.names.other_folders.len();
        if unasked.len() + others > 0 {
            let first = unasked.first().map(|ticker| self.root.join(ticker.as_str()));
            let first = first.or_else(|| self.names.other_folders.first().cloned());
            let count = match unasked.len() + others {
                1 => "1 folder was not asked about".to_owned(),
                more => format!("{more} folders were not asked about; one of them is named here"),
            };
            let finding = new(Rule::UnaskedTickers, count);
            findings.push(Finding { file: first, ..finding });
        }
        findings
    }
}

impl Names {
    /// Is there no folder of a ticker?
    pub fn are_none(&self) -> bool {
        self.tickers.is_empty()
    }

    fn at(root: &Path) -> Result<Self, DiskError> {
        let mut names = Self::default();
        for entry in fs::read_dir(root).map_err(DiskError::at("list", root))? {
            let entry = entry.map_err(DiskError::at("list", root))?;
            let (name, path) = (entry.file_name(), entry.path());
            let text = name.to_string_lossy();
            let kind = entry.file_type().map_err(DiskError::at("look at", &path))?;
            if text.starts_with('_') {
                if text.ends_with(".tmp") {
                    names.drafts.push(path);
                }
                continue;
            }
            if kind.is_symlink() {
                names.links.push(path.clone());
            }
            let is_folder = kind.is_dir() || (kind.is_symlink() && path.is_dir());
            match text.parse::<Ticker>() {
                Ok(ticker) if is_folder => names.tickers.push(ticker),
                Ok(_) | Err(_) if is_folder => names.other_folders.push(path),
                Ok(_) | Err(_) if text.contains(".parquet") => names.strays.push(path),
                Ok(_) | Err(_) => {}
            }
        }
        names.tickers.sort_unstable();
        let paths =
            [&mut names.other_folders, &mut names.links, &mut names.strays, &mut names.drafts];
        for paths in paths {
            paths.sort_unstable();
        }
        Ok(names)
    }
}

/// What `_dataset.json` says; `None` where there is none, else why it can't be read.
fn describe(root: &Path) -> Result<Option<Description>, String> {
    let bytes = match regular::read(root.join("_dataset.json")) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let said: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("it is no JSON ({error})"))?;
    let text = |key: &str| said.get(key).and_then(Value::as_str);
    let kind = text("kind").ok_or("it names no kind of data")?;
    let named = TreeKind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = named.ok_or_else(|| format!("{kind:?} is not a kind of data"))?;
    let zone = text("time_zone").map_or(Ok(Zone::default()), str::parse)?;
    Ok(Some(Description { kind, zone }))
}

/// By what stands in the first folders, where the tree itself says nothing.
fn guess(root: &Path, names: &Names) -> Option<TreeKind> {
    const LOOKS: usize = 50;
    let of_ticker = |ticker: &Ticker| {
        let ledger = regular::read(root.join(ticker.as_str()).join("_ledger.jsonl")).ok()?;
        let line = ledger.split(|byte| *byte == b'\n').next()?;
        let line: Value = serde_json::from_slice(line).ok()?;
        let partition = line.get("partition")?.as_str()?;
        let partition: shared::dataset::partition::Partition = partition.parse().ok()?;
        Some(TreeKind::from(partition.kind()))
    };
    names.tickers.iter().take(LOOKS).find_map(of_ticker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_says_what_it_holds_or_its_ledgers_do_or_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        assert!(matches!(Tree::look(&root.join("no"), None), Err(TreeError::NotThere { .. })));
        assert!(matches!(Tree::look(root, None), Err(TreeError::Unknown { .. })));
        fs::create_dir(root.join("A")).expect("made");
        fs::write(root.join("A/_ledger.jsonl"), "{\"partition\":\"year=2024/month=03\"}\n")
            .expect("written");
        let tree = Tree::look(root, None).expect("guessed");
        assert_eq!((tree.kind, tree.described.clone()), (TreeKind::Minute, Described::Not));
        assert_eq!(tree.findings(true, &[])[0].rule, Rule::NoDescriptor);
        assert_eq!(tree.findings(false, &[]), []);
        fs::write(root.join("_dataset.json"), r#"{"kind":"trades","time_zone":"UTC"}"#)
            .expect("written");
        let tree = Tree::look(root, None).expect("told");
        assert_eq!((tree.kind, tree.zone), (TreeKind::Trades, Zone::Utc));
        let other = Tree::look(root, Some(TreeKind::Daily)).expect_err("refused").to_string();
        assert!(other.ends_with("this tree holds trades, and daily was asked for"), "{other}");
        fs::write(root.join("_dataset.json"), "{").expect("written");
        let tree = Tree::look(root, Some(TreeKind::Daily)).expect("said");
        assert_eq!(tree.findings(true, &[])[0].rule, Rule::DescriptorWrong);
    }

    #[test]
    fn names_at_the_root_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for name in ["B", "A", "no ticker", "_quarantine"] {
            fs::create_dir(root.join(name)).expect("made");
        }
        std::os::unix::fs::symlink("A", root.join("C")).expect("linked");
        for name in ["all.parquet", "README.md", "_dataset.json", "__dataset.json.7.tmp"] {
            fs::write(root.join(name), "{}").expect("written");
        }
        let names = Names::at(root).expect("listed");
        let tickers: Vec<String> = names.tickers.iter().map(ToString::to_string).collect();
        assert_eq!(tickers, ["A", "B", "C"]);
        assert_eq!(names.other_folders, [root.join("no ticker")]);
        assert_eq!(names.links, [root.join("C")]);
        assert_eq!(names.strays, [root.join("all.parquet")]);
        assert_eq!(names.drafts, [root.join("__dataset.json.7.tmp")]);
    }
}
