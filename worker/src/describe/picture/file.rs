//! From a series on disk to a picture file, whole or absent.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use shared::disk::publish::{self, DiskError};

use super::page;
use super::png;
use super::sample::Sample;
use super::svg;
use crate::bars::stored::{Stored, StoredError};
use crate::describe::description::Description;

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Shapes and words.
    Svg,
    /// Pixels.
    Png,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The name says no format.
    #[error("{path}: a picture is an .svg or a .png", path = path.display())]
    Extension {
        /// The name.
        path: PathBuf,
    },
    /// The bars can't be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// The file can't be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Format {
    /// What the extension of `path` says, in capitals or not.
    pub fn of(path: &Path) -> Result<Self, PictureError> {
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(OsStr::to_str) {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(PictureError::Extension { path: path.to_owned() }),
        }
    }
}

/// The bytes of the picture of a described series.
pub fn draw(stored: &Stored, description: &Description, format: Format) -> Result<Vec<u8>, StoredError> {
    let page = page::page(description, &Sample::of(stored, description)?);
    Ok(match format {
        Format::Svg => svg::svg(&page).into_bytes(),
        Format::Png => png::png(&page),
    })
}

/// Draws a described series into `file`.
pub fn publish(stored: &Stored, description: &Description, file: &Path) -> Result<(), PictureError> {
    let format = Format::of(file)?;
    let bytes = draw(stored, description, format)?;
    publish::publish(file, &bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_format_and_any_other_is_named() {
        let format = |name: &str| Format::of(Path::new(name)).map_err(|error| error.to_string());
        assert_eq!((format("a/b.svg"), format("b.PNG")), (Ok(Format::Svg), Ok(Format::Png)));
        assert_eq!(format("a/b.pdf"), Err("a/b.pdf: a picture is an .svg or a .png".to_owned()));
        assert!(format("svg").is_err());
    }
}
