//! `OUT/_dataset.json`: what a tree holds, so that two kinds of data never mix in it.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::regular;
use serde::{Deserialize, Serialize};

use super::kind::{Columns, Kind};
use super::schema::SCHEMA_VERSION;
use crate::disk::publish::{DiskError, Draft};
use crate::market::zone::Zone;

/// Are prices and volumes on today's scale (after all splits) or as traded?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum Adjusted {
    /// On today's scale; every later split rewrites history.
    Yes,
    /// As traded on the day.
    No,
}

impl From<bool> for Adjusted {
    fn from(adjusted: bool) -> Self {
        if adjusted { Self::Yes } else { Self::No }
    }
}

impl From<Adjusted> for bool {
    fn from(adjusted: Adjusted) -> Self {
        adjusted == Adjusted::Yes
    }
}

/// Whose data an adopted tree holds is not known before a run goes on with it.
const ADOPTED: &str = "adopted";
/// The same, and nobody has said on which scale its bars are.
const ADOPTED_WITHOUT_SCALE: &str = "adopted, scale unknown";

/// What a tree holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Kind of rows.
    pub kind: Kind,
    /// Layout on disk.
    pub schema_version: u32,
    /// Scale of prices and volumes.
    pub adjusted: Adjusted,
    /// Which columns trades have; bars have no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// The zone that days and partitions are in.
    pub time_zone: Zone,
    /// Whose data these are.
    pub source: String,
}

/// Why a tree can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// It can't be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file is no descriptor.
    #[error("{path}: not a dataset descriptor ({what}); choose another --outdir", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The tree holds something else.
    #[error("{path}: {}", mismatch(field, existing, asked), path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        field: &'static str,
        /// What is there.
        existing: String,
        /// What was asked.
        asked: String,
    },
}

/// Who gave no flag has asked for its default: the sentence names the flag that fits the tree.
fn mismatch(field: &str, existing: &str, asked: &str) -> String {
    let give = match (field, existing, asked) {
        ("columns", "full", "narrow") => {
            "--columns narrow is the default: give --columns full".to_owned()
        }
        ("adjusted", "true", "false") => {
            "without --adjusted prices are as traded: give --adjusted".to_owned()
        }
        ("time zone", zone, "America/New_York") => {
            format!("--tz America/New_York is the default: give --tz {zone}")
        }
        (field, existing, asked) => {
            return format!(
                "this tree has {field} {existing}, but {field} {asked} was requested; choose another --outdir"
            );
        }
    };
    format!("this tree has {field} {existing}; {give}, or choose another --outdir")
}

impl Descriptor {
    /// Rows of `kind` from `source`. Trades are always as traded; bars have no choice of columns.
    pub fn new(kind: Kind, adjusted: Adjusted, columns: Columns, zone: Zone, source: &str) -> Self {
        let (adjusted, columns) = match kind {
            Kind::Trades => (Adjusted::No, Some(columns)),
            Kind::Daily | Kind::Minute => (adjusted, None),
        };
        Self {
            kind,
            schema_version: SCHEMA_VERSION,
            adjusted,
            columns,
            time_zone: zone,
            source: source.to_owned(),
        }
    }

    /// Of a tree that another program wrote: files do not tell whose rows they hold, nor on which
    /// scale. The first run that goes on with it decides what is left open here.
    pub fn of_adopted(
        kind: Kind,
        adjusted: Option<Adjusted>,
        columns: Columns,
        zone: Zone,
    ) -> Self {
        let is_open = adjusted.is_none() && kind != Kind::Trades;
        let source = if is_open { ADOPTED_WITHOUT_SCALE } else { ADOPTED };
        Self::new(kind, adjusted.unwrap_or(Adjusted::No), columns, zone, source)
    }

    /// Was the tree adopted, and has no run gone on with it yet?
    pub fn is_only_adopted(&self) -> bool {
        [ADOPTED, ADOPTED_WITHOUT_SCALE].contains(&self.source.as_str())
    }

    /// Was the tree adopted, and has nobody said on which scale its prices are?
    pub fn is_scale_open(&self) -> bool {
        self.source == ADOPTED_WITHOUT_SCALE
    }

    /// The first field in which `existing` differs from the request.
    fn difference(&self, existing: &Self) -> Option<(&'static str, String, String)> {
        let adjusted = |descriptor: &Self| bool::from(descriptor.adjusted).to_string();
        let columns = |descriptor: &Self| {
            descriptor.columns.map_or("none".to_owned(), |columns| columns.to_string())
        };
        let fields = [
            ("kind", existing.kind.to_string(), self.kind.to_string()),
            (
                "schema version",
                existing.schema_version.to_string(),
                self.schema_version.to_string(),
            ),
            ("adjusted", adjusted(existing), adjusted(self)),
            ("time zone", existing.time_zone.to_string(), self.time_zone.to_string()),
            ("columns", columns(existing), columns(self)),
            ("source", existing.source.clone(), self.source.clone()),
        ];
        let is_open = |field: &str| match field {
            "adjusted" => existing.is_scale_open(),
            "source" => existing.is_only_adopted(),
            _ => false,
        };
        fields.into_iter().find(|(field, existing, asked)| existing != asked && !is_open(field))
    }
}

/// The descriptor of the tree; `None` if it has none.
pub fn read(outdir: &Path) -> Result<Option<Descriptor>, DescriptorError> {
    let path = outdir.join("_dataset.json");
    match regular::read(&path) {
        Ok(bytes) => parse(&path, &bytes).map(Some),
        // Where a file stands in the place of the folder there is no tree either.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(DiskError::at("read", &path)(error).into()),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Descriptor, DescriptorError> {
    serde_json::from_slice(bytes).map_err(|error| DescriptorError::Corrupt {
        path: path.to_owned(),
        what: error.to_string(),
    })
}

/// Makes `outdir` a tree as `asked`, or checks that it is one.
pub fn claim(outdir: &Path, asked: &Descriptor) -> Result<(), DescriptorError> {
    let path = outdir.join("_dataset.json");
    let mut text = serde_json::to_string_pretty(asked).expect("a descriptor is plain data");
    text.push('\n');
    if !path.exists() && Draft::below(outdir, &path)?.fill_new(text.as_bytes())? {
        return Ok(());
    }
    let existing = parse(&path, &regular::read(&path).map_err(DiskError::at("read", &path))?)?;
    refuse_another(path.clone(), &existing, asked)?;
    if existing.is_only_adopted() && existing != *asked {
        Draft::below(outdir, &path)?.fill(text.as_bytes())?;
    }
    Ok(())
}

/// Checks that `outdir` is a tree of `asked`, or of nobody yet; changes nothing.
pub fn check(outdir: &Path, asked: &Descriptor) -> Result<(), DescriptorError> {
    let existing = read(outdir)?;
    existing.map_or(Ok(()), |it| refuse_another(outdir.join("_dataset.json"), &it, asked))
}

fn refuse_another(
    path: PathBuf,
    existing: &Descriptor,
    asked: &Descriptor,
) -> Result<(), DescriptorError> {
    match asked.difference(existing) {
        None => Ok(()),
        Some((field, existing, asked)) => {
            Err(DescriptorError::Mismatch { path, field, existing, asked })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_keeps_to_what_it_was_made_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let raw = Descriptor::new(
            Kind::Daily,
            Adjusted::No,
            Columns::Narrow,
            Zone::NewYork,
            "massive.com",
        );
        assert_eq!(read(folder.path()).expect("read"), None);
        claim(folder.path(), &raw).expect("new");
        assert_eq!(read(folder.path()).expect("read").as_ref(), Some(&raw));
        claim(folder.path(), &raw).expect("the same again");
        let adjusted = Descriptor::new(
            Kind::Daily,
            Adjusted::Yes,
            Columns::Narrow,
            Zone::NewYork,
            "massive.com",
        );
        let error = claim(folder.path(), &adjusted).expect_err("refused").to_string();
        let expected = "this tree has adjusted false, but adjusted true was requested; choose another --outdir";
        assert!(error.ends_with(expected), "{error}");
    }

    #[test]
    fn who_gave_no_flag_reads_which_flag_fits_the_tree() {
        for (field, existing, asked, said) in [
            (
                "columns",
                "full",
                "narrow",
                "this tree has columns full; --columns narrow is the default: give --columns full, or choose another --outdir",
            ),
            (
                "columns",
                "narrow",
                "full",
                "this tree has columns narrow, but columns full was requested; choose another --outdir",
            ),
            (
                "adjusted",
                "true",
                "false",
                "this tree has adjusted true; without --adjusted prices are as traded: give --adjusted, or choose another --outdir",
            ),
            (
                "time zone",
                "UTC",
                "America/New_York",
                "this tree has time zone UTC; --tz America/New_York is the default: give --tz UTC, or choose another --outdir",
            ),
        ] {
            assert_eq!(mismatch(field, existing, asked), said);
        }
    }

    #[test]
    fn the_first_run_that_goes_on_with_an_adopted_tree_decides_what_no_file_tells() {
        let asked = |adjusted, zone| {
            Descriptor::new(Kind::Daily, adjusted, Columns::Narrow, zone, "massive.com")
        };
        for (said, taken, refused) in [
            (None, Adjusted::Yes, None),
            (None, Adjusted::No, None),
            (Some(Adjusted::Yes), Adjusted::Yes, Some(Adjusted::No)),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let adopted = Descriptor::of_adopted(Kind::Daily, said, Columns::Narrow, Zone::NewYork);
            claim(folder.path(), &adopted).expect("new");
            assert!(claim(folder.path(), &asked(taken, Zone::Utc)).is_err(), "its zone is known");
            if let Some(refused) = refused {
                let error = claim(folder.path(), &asked(refused, Zone::NewYork));
                assert!(matches!(error, Err(DescriptorError::Mismatch { field: "adjusted", .. })));
            }
            let first = asked(taken, Zone::NewYork);
            check(folder.path(), &first).expect("open");
            assert_eq!(
                read(folder.path()).expect("read"),
                Some(adopted),
                "a check changes nothing"
            );
            claim(folder.path(), &first).expect("open");
            assert_eq!(read(folder.path()).expect("read"), Some(first), "decided");
        }
    }
}
