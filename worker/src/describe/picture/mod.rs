//! Draws a series of bars on one page: price and volume, bars per day, the distribution of returns.
//!
//! `kuva` draws; docs/decisions/010-pictures.md says why. Only this room knows it. Its font is
//! built in, so the same bars give the same bytes on every machine.

pub mod sample;
pub mod panel;
pub mod price;
pub mod daily;
pub mod returns;
pub mod page;
pub mod file;
