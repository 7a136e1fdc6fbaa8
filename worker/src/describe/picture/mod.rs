//! A series of bars as a picture: price and volume, bars a day, and returns against the normal, on one page.
//!
//! The page is a list of plain shapes; SVG and PNG are two spellings of it. No font of the machine is looked at, and
//! the same bars make the same bytes.

pub mod scene;
pub mod glyphs;
pub mod svg;
pub mod png;
pub mod axis;
pub mod frame;
pub mod sample;
pub mod price;
pub mod daily;
pub mod normal;
pub mod page;
pub mod file;
