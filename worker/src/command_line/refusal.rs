//! Why nothing was started.

use std::error::Error;

use shared::run::exit::Exit;

use crate::api::failure::causes;

/// Why nothing was started: an exit code and one sentence.
#[derive(Debug)]
pub struct Refusal {
    /// How the process ends.
    pub exit: Exit,
    /// Fits after "error: ".
    pub text: String,
}

impl Refusal {
    /// The arguments, or what they name, make no sense.
    pub fn usage(error: impl Error) -> Self {
        Self::wrong(causes(&error))
    }

    /// What this flag names makes no sense.
    pub fn flag(flag: &str, error: &dyn Error) -> Self {
        Self::wrong(format!("{flag}: {}", causes(error)))
    }

    /// The same in our own words.
    pub fn wrong(text: String) -> Self {
        Self { exit: Exit::Usage, text }
    }

    /// This machine is in the way.
    pub fn local(error: impl Error) -> Self {
        Self { exit: Exit::LocalResource, text: causes(&error) }
    }
}
