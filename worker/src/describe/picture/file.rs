//! Writes the picture of a series to a file. The file is complete or absent.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kuva::RasterBackend;
use kuva::backend::svg::SvgBackend;
use shared::disk::publish::{self, DiskError};

use super::page;
use super::sample::Sample;
use crate::bars::stored::{Stored, StoredError};
use crate::describe::description::Description;

/// The format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Shapes and text.
    Svg,
    /// Pixels.
    Png,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("{path}: the extension must be .svg or .png", path = path.display())]
    Extension { path: PathBuf },
    /// The bars can't be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    #[error("can't draw: {0}")]
    Drawing(String),
    /// The file can't be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Format {
    /// The format that the extension of `path` names, in upper or lower case.
    pub fn of(path: &Path) -> Result<Self, PictureError> {
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(OsStr::to_str) {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(PictureError::Extension { path: path.to_owned() }),
        }
    }
}

/// Draws a described series into `file`.
pub fn publish(
    stored: &Stored,
    description: &Description,
    file: &Path,
) -> Result<(), PictureError> {
    let format = Format::of(file)?;
    let page = page::page(description, &Sample::of(stored, description)?);
    let bytes = match format {
        Format::Svg => SvgBackend::new().render_scene(&page).into_bytes(),
        Format::Png => RasterBackend::new()
            .with_scale(1.0)
            .render_scene(&page)
            .map_err(PictureError::Drawing)?,
    };
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
        assert_eq!(
            format("a/b.pdf"),
            Err("a/b.pdf: the extension must be .svg or .png".to_owned())
        );
        assert!(format("svg").is_err());
    }
}
