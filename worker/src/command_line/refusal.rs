//! Why nothing was started.

use std::error::Error;

use shared::disk::shortage::Shortage;
use shared::error_chain::with_causes;
use shared::run::exit::Exit;

/// Why nothing was started: an exit code and one sentence.
#[derive(Debug)]
pub struct Refusal {
    /// How the process ends.
    pub exit: Exit,
    /// Fits after "error: ".
    pub text: String,
}

impl Refusal {
    /// The arguments, or what they name, make no sense; unless this machine was in the way of
    /// looking.
    pub fn usage(error: impl Error + 'static) -> Self {
        Self { exit: exit_of(&error), text: with_causes(&error) }
    }

    /// What this flag names makes no sense; unless this machine was in the way of looking.
    pub fn flag(flag: &str, error: &(dyn Error + 'static)) -> Self {
        Self { exit: exit_of(error), text: format!("{flag}: {}", with_causes(error)) }
    }

    /// The same in our own words.
    pub fn wrong(text: String) -> Self {
        Self { exit: Exit::Usage, text }
    }

    /// This machine is in the way.
    pub fn local(error: impl Error) -> Self {
        Self { exit: Exit::LocalResource, text: with_causes(&error) }
    }
}

fn exit_of(error: &(dyn Error + 'static)) -> Exit {
    if Shortage::behind(error).is_some() { Exit::LocalResource } else { Exit::Usage }
}
