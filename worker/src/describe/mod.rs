//! Describes a series of bars on disk: statistics that tell whether its bars behave, as text, JSON
//! or a picture. One pass over its files, in bounded memory. Bars know nothing of this room.

pub mod moments;
pub mod median;
pub mod returns;
pub mod statistics;
pub mod description;
pub mod numbers;
pub mod text;
pub mod picture;
