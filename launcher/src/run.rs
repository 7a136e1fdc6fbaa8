//! A run as its supervisor and its shims see it: what all its attempts have in common.

use std::path::PathBuf;
use std::sync::OnceLock;

pub mod shared_folders;

use shared::run::api_key::ApiKey;
use shared::run::redaction::Redaction;
use shared::run::workdir::{BatchId, Workdir};

use crate::plan::request::Request;
use crate::process::watch::Marker;
use shared_folders::SharedFolders;

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
    /// Its tickers whose folders are others', once somebody has looked.
    shared_folders: OnceLock<SharedFolders>,
}

impl Run {
    /// Of what was asked and frozen.
    pub fn new(request: Request, workdir: Workdir, executable: PathBuf, api_key: Option<ApiKey>) -> Self {
        Self { request, workdir, executable, api_key, shared_folders: OnceLock::new() }
    }

    /// What must not be said of what workers and scripts say.
    pub fn redaction(&self) -> Redaction {
        self.api_key.as_ref().map(Redaction::of_key).unwrap_or_default()
    }

    /// Its tickers whose folders are others'.
    pub fn shared_folders(&self) -> &SharedFolders {
        let look = || {
            let tickers = self.request.frozen_tickers(&self.workdir).unwrap_or_default();
            SharedFolders::among(&self.request.settings.outdir, &tickers)
        };
        self.shared_folders.get_or_init(look)
    }

    /// What every process of an attempt inherits.
    pub fn marker(&self, batch: BatchId, number: u32) -> Marker {
        Marker::of_attempt(&self.request.run, format!("{batch}.{number}")).of_owner_of(&self.workdir)
    }
}
