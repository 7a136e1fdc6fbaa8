//! Tickers of a run that share a folder, through a link or on a file system that ignores case. A
//! folder belongs to one ticker, the first of them; the others fail by name.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use shared::market::ticker::Ticker;
use shared::run::events::{Origin, Persistence};

use crate::facts::Word;

/// Files in every outdir that has been used; they show whether its file system ignores case.
const OURS: [&str; 2] = ["_launcher.lock", "_dataset.json"];

/// Device and inode.
type Identity = (u64, u64);

/// Each ticker whose folder belongs to an earlier ticker, with that ticker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SharedFolders(BTreeMap<Ticker, Ticker>);

impl SharedFolders {
    /// Among the tickers of a run.
    pub fn among(outdir: &Path, tickers: &[Ticker]) -> Self {
        let folder = |ticker: &Ticker| identity(&outdir.join(ticker.as_str()));
        Self::by(tickers, folder, ignores_case(outdir))
    }

    fn by(
        tickers: &[Ticker],
        folder: impl Fn(&Ticker) -> Option<Identity>,
        ignores_case: bool,
    ) -> Self {
        let mut owners: HashMap<Identity, &Ticker> = HashMap::new();
        let mut spelled: HashMap<String, &Ticker> = HashMap::new();
        let mut shared_folders = BTreeMap::new();
        for ticker in tickers {
            let by_folder = folder(ticker).map(|it| *owners.entry(it).or_insert(ticker));
            let by_name = ignores_case
                .then(|| *spelled.entry(ticker.as_str().to_lowercase()).or_insert(ticker));
            let first = [by_folder, by_name].into_iter().flatten().find(|first| *first != ticker);
            if let Some(first) = first {
                shared_folders.insert(ticker.clone(), first.clone());
            }
        }
        Self(shared_folders)
    }

    /// Does its folder belong to another ticker?
    pub fn has(&self, ticker: &Ticker) -> bool {
        self.0.contains_key(ticker)
    }

    /// The failure of a ticker whose folder belongs to another one.
    pub fn word_on(&self, ticker: &Ticker, outdir: &Path) -> Option<Word> {
        let first = self.0.get(ticker)?;
        let folder = outdir.join(ticker.as_str());
        let cause = format!(
            "{} is also the folder of {first}, and a folder holds one ticker; remove the link, or give {ticker} another --outdir",
            folder.display()
        );
        let kind = Some("the folder belongs to another ticker".to_owned());
        Some(Word::Failed {
            cause,
            persistence: Persistence::Permanent,
            origin: Some(Origin::Ticker),
            kind,
        })
    }
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Does the file system ignore case?
fn ignores_case(outdir: &Path) -> bool {
    OURS.iter().any(|name| {
        let found = identity(&outdir.join(name));
        found.is_some() && found == identity(&outdir.join(name.to_uppercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tickers(names: &[&str]) -> Vec<Ticker> {
        names.iter().map(|name| name.parse().expect("a ticker")).collect()
    }

    fn shared_folders(shared_folders: &SharedFolders) -> Vec<(&str, &str)> {
        shared_folders.0.iter().map(|(second, first)| (second.as_str(), first.as_str())).collect()
    }

    #[test]
    fn the_second_of_two_names_for_one_folder_is_a_twin_of_the_first() {
        let out = tempfile::tempdir().expect("a folder");
        fs::create_dir(out.path().join("AAA")).expect("made");
        fs::create_dir(out.path().join("BBB")).expect("made");
        symlink("AAA", out.path().join("Aaa")).expect("linked");
        let found = SharedFolders::among(out.path(), &tickers(&["AAA", "Aaa", "BBB", "NEW"]));
        assert_eq!(shared_folders(&found), [("Aaa", "AAA")]);
        let Some(Word::Failed { cause, .. }) = found.word_on(&tickers(&["Aaa"])[0], out.path())
        else {
            panic!("it has a word")
        };
        assert!(cause.contains("is also the folder of AAA"), "{cause}");
    }

    #[test]
    fn where_capitals_are_not_told_apart_two_spellings_are_twins_before_there_is_a_folder() {
        let names = tickers(&["BCpC", "BCPC", "AAA"]);
        assert_eq!(shared_folders(&SharedFolders::by(&names, |_| None, true)), [("BCPC", "BCpC")]);
        assert_eq!(SharedFolders::by(&names, |_| None, false), SharedFolders::default());
    }
}
