//! Audit: a sample drawn by chance is asked for again and compared row by row, and what that proves
//! of the whole is said.
//!
//! [`draw`] which partitions · [`bound`] what the sample proves · [`ask`] what is asked of workers ·
//! [`compare`] what came against what is there · [`outcome`] all of it, and its words · [`error`]
//! why there is none. The workers
//! are ordinary ones, which write a tree of their own below the work directory.

pub mod draw;
pub mod bound;
pub mod ask;
pub mod compare;
pub mod outcome;
pub mod error;
