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
    /// The work directory, absolute.
    pub workdir: Workdir,
    /// What workers execute.
    pub executable: PathBuf,
    /// The key for workers; a script may do without.
    pub api_key: Option<ApiKey>,
    /// Tickers that share a folder; filled at the first question.
    shared_folders: OnceLock<SharedFolders>,
}

impl Run {
    /// The run of a frozen request.
    pub fn new(
        request: Request,
        workdir: Workdir,
        executable: PathBuf,
        api_key: Option<ApiKey>,
    ) -> Self {
        Self { request, workdir, executable, api_key, shared_folders: OnceLock::new() }
    }

    /// Cuts secrets out of what workers and scripts say.
    pub fn redaction(&self) -> Redaction {
        self.api_key.as_ref().map(Redaction::of_key).unwrap_or_default()
    }

    /// Tickers that share a folder with another one.
    pub fn shared_folders(&self) -> &SharedFolders {
        let look = || {
            let tickers = self.request.frozen_tickers(&self.workdir).unwrap_or_default();
            SharedFolders::among(&self.request.settings.outdir, &tickers)
        };
        self.shared_folders.get_or_init(look)
    }

    /// The marker of one attempt, which all its processes inherit.
    pub fn marker(&self, batch: BatchId, number: u32) -> Marker {
        Marker::of_attempt(&self.request.run, format!("{batch}.{number}"))
            .of_owner_of(&self.workdir)
    }
}
