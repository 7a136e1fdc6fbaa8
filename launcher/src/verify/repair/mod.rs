//! Repair: what is missing or damaged becomes the next run's work.
//!
//! [`plan`] what is to be set aside and asked for again, tree by tree · [`outcome`] what came of
//! it. Both are pure. What is set aside is moved by `shared/dataset/set_aside`, and the run is an
//! ordinary one: a worker asks for what its ledger does not prove, so nothing whole is asked for.

pub mod plan;
pub mod outcome;
