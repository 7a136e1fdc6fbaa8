//! How promises are tested: real programs, a real server on loopback, real folders.
//!
//! Every program started here dies with the test that started it.

pub mod inherited;
pub mod load;
pub mod effort;
pub mod program;
pub mod says;
pub mod strace;
pub mod tree;
pub mod damage;
pub mod tape;
pub mod place;
pub mod truth;
pub mod tables;
pub mod market_on_disk;
pub mod epochs;
pub mod repeater;
pub mod wide;
pub mod market;
pub mod zoo;
pub mod python;
pub mod old_tree;
pub mod chromium;
pub mod series;
pub mod users;
