//! What the promises are tested with. Nothing of it is part of a real run.
//!
//! Rooms from the ground up; each imports only from rooms above it in this list.

pub mod sim;
