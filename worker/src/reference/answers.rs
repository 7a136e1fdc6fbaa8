//! Answers as they come in, kept in a checked log beside the table they will become:
//! a killed run goes on behind the last one.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::disk::audience::Audience;
use shared::disk::checked_lines::{Appender, LinesError};
use shared::disk::folder::Folder;
use shared::disk::publish::DiskError;

/// What the source said to one question.
pub trait Answer: Clone + Serialize + DeserializeOwned + Send {
    /// What tells questions apart.
    type Key: Eq + Hash + Send;

    /// Which question it answers.
    fn key(&self) -> Self::Key;

    /// Does the source know anything?
    fn is_known(&self) -> bool;
}

/// Are answers of an earlier run taken up?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierAnswers {
    /// Everything is asked again.
    AskedAgain,
    /// Only what is missing is asked.
    Kept,
}

/// The log and what is in it.
pub struct AnswerLog<A: Answer> {
    log: Appender<A>,
    known: HashMap<A::Key, A>,
}

impl<A: Answer> AnswerLog<A> {
    /// Opens the log at `path`, which lies below `root`. One process at a time: the lock of the
    /// output sees to that.
    pub fn open(root: &Path, path: &Path, begin: EarlierAnswers) -> Result<Self, LinesError> {
        if begin == EarlierAnswers::AskedAgain {
            let folder = Folder::of(Audience::AsUmaskSays, root, path)?;
            folder.remove(path.file_name().unwrap_or_default())?;
        }
        let mut log = Appender::below(root, path)?;
        let known = log.recover()?.into_iter().map(|answer: A| (answer.key(), answer)).collect();
        Ok(Self { log, known })
    }

    /// What was said to the question `key`.
    pub fn of(&self, key: &A::Key) -> Option<&A> {
        self.known.get(key)
    }

    /// Keeps an answer: when it returns, no crash loses it.
    pub fn keep(&mut self, answer: A) -> Result<(), DiskError> {
        self.log.append(std::slice::from_ref(&answer))?;
        self.known.insert(answer.key(), answer);
        Ok(())
    }
}
