//! What the promises are tested with. Nothing of it is part of a real run.
//!
//! Rooms from the ground up; each imports only from rooms above it in this list.

#![expect(missing_docs, reason = "documented where name and sentence do not say it")]
#![expect(
    clippy::disallowed_methods,
    reason = "the simulated exchange and the tests have doors of their own"
)]

pub mod sim;
pub mod harness;
