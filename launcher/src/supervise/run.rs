//! A run as its supervisor and its shims see it: what all its attempts have in common.

use std::path::PathBuf;

use shared::run::api_key::ApiKey;
use shared::run::workdir::{BatchId, Workdir};

use crate::plan::request::Request;
use crate::process::watch::Marker;

/// What every attempt of a run has in common.
pub struct Run {
    /// What was asked.
    pub request: Request,
    /// Where the run is kept, absolute.
    pub workdir: Workdir,
    /// What workers execute.
    pub executable: PathBuf,
    /// Handed to workers; a script may do without.
    pub api_key: Option<ApiKey>,
}

impl Run {
    /// What every process of an attempt inherits.
    pub fn marker(&self, batch: BatchId, number: u32) -> Marker {
        Marker::of_attempt(&self.request.run, format!("{batch}.{number}"))
    }
}
