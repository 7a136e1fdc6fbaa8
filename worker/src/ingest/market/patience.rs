//! Whether it makes sense to ask for another session when those before it have failed. Pure.

use crate::api::failure::Failure;

/// After so many sessions in a row the source is down. Each has been tried for minutes, and there
/// may be thousands.
const FAILED_IN_A_ROW: u32 = 10;

/// How the sessions asked for last have ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patience {
    failed: u32,
    last: Option<Failure>,
}

impl Patience {
    /// The source has spoken.
    pub fn heard(&mut self) {
        *self = Self::default();
    }

    /// A session was given up. Only what more tries might have mended says that nobody answers: a
    /// lie is one session's own.
    pub fn gave_up(&mut self, failure: &Failure) {
        if failure.retry().is_none() {
            return self.heard();
        }
        self.failed += 1;
        self.last = Some(failure.clone());
    }

    /// The last failure, once it makes no sense to go on.
    pub fn lost(&self) -> Option<&Failure> {
        self.last.as_ref().filter(|_| self.failed >= FAILED_IN_A_ROW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::lie::Lie;

    #[test]
    fn patience_is_lost_by_many_failures_in_a_row_of_a_source_that_does_not_answer() {
        let broken = Failure::Server { status: 502, words: String::new() };
        let mut patience = Patience::default();
        let nearly =
            |patience: &mut Patience| (1..FAILED_IN_A_ROW).for_each(|_| patience.gave_up(&broken));
        nearly(&mut patience);
        patience.heard();
        nearly(&mut patience);
        patience.gave_up(&Failure::Lie(Lie::DayLeadsOn));
        nearly(&mut patience);
        assert_eq!(patience.lost(), None);
        patience.gave_up(&broken);
        assert_eq!(patience.lost(), Some(&broken));
    }
}
