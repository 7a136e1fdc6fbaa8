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

/// What a tree holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Kind of rows.
    pub kind: Kind,
    /// Layout on disk.
    pub schema_version: u32,
    /// Scale of prices and volumes.
    pub adjusted: Adjusted,
    /// Which columns trades have; bars have one choice only.
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
    /// It is not readable as a descriptor.
    #[error("{path}: not a dataset descriptor ({what}); choose another --outdir", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The tree holds something else.
    #[error("{path}: this tree has {field} {existing}, but {field} {asked} was requested; choose another --outdir", path = path.display())]
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

    /// The first field in which `existing` differs from what is asked.
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
        fields.into_iter().find(|(_, existing, asked)| existing != asked)
    }
}

/// What the tree says of itself; `None` where it says nothing.
pub fn read(outdir: &Path) -> Result<Option<Descriptor>, DescriptorError> {
    let path = outdir.join("_dataset.json");
    match regular::read(&path) {
        Ok(bytes) => parse(&path, &bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::at("read", &path)(error).into()),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Descriptor, DescriptorError> {
    serde_json::from_slice(bytes).map_err(|error| DescriptorError::Corrupt {
        path: path.to_owned(),
        what: error.to_string(),
    })
}

/// Makes `outdir` a tree of `asked`, or checks that it is one.
pub fn claim(outdir: &Path, asked: &Descriptor) -> Result<(), DescriptorError> {
    let path = outdir.join("_dataset.json");
    let mut text = serde_json::to_string_pretty(asked).expect("a descriptor is plain data");
    text.push('\n');
    if !path.exists() && Draft::below(outdir, &path)?.fill_new(text.as_bytes())? {
        return Ok(());
    }
    let existing = parse(&path, &regular::read(&path).map_err(DiskError::at("read", &path))?)?;
    match asked.difference(&existing) {
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
}
