//! How bytes become durable: whole files published by rename, and append-only logs of checked
//! lines. What the bytes mean is for the rooms above.

pub mod error;
pub mod regular;
pub mod in_place;
pub mod file_size;
pub mod audience;
pub mod links;
pub mod folder;
pub mod publish;
pub mod shortage;
mod bounded_lines;
pub mod checked_lines;
pub mod holders;
pub mod lock;
pub mod byte_range;
pub mod successor;
pub mod log_locks;
pub mod shared_lines;
