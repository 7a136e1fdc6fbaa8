//! Plays: lives in which what rarely meets by chance is made to meet. Acts follow each other days apart; in each the same
//! run is begun again or another one on the same tree, what is on disk is hit before it, and the source has its mood.
//!
//! Refetched while the source gives less, then hit, then healthy again: that and its like is one play in a few.

use tests::sim::chance::Dice;

use super::clock::{DAY, moment};
use super::trouble::{Spell, Trouble, below};

/// From one act to the next.
const ACT: u64 = 3 * DAY;

/// What happens before a run is begun, or begun again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    /// At the earliest, ms since the life began.
    pub(crate) at: u64,
    /// Another run; does it want everything anew?
    pub(crate) another: Option<bool>,
    /// So many files or ledgers are hit.
    pub(crate) hits: u64,
}

/// The acts of a life of so many people, and the moods of the source.
pub(crate) fn play(people: usize, dice: &mut Dice) -> (Vec<Act>, Vec<Spell>) {
    let acts = (1..=2 + dice.below(3)).map(|number| Act {
        at: number * ACT,
        another: dice.once_in(2).then(|| !dice.once_in(3)),
        hits: dice.pick(&[0, 0, 1, 1, 4]),
    });
    let acts: Vec<Act> = acts.collect();
    let moods = acts.iter().filter_map(|act| mood(act.at, people, dice)).collect();
    (acts, moods)
}

fn mood(from: u64, people: usize, dice: &mut Dice) -> Option<Spell> {
    let trouble = *dice
        .pick(&[
            None,
            None,
            Some(Trouble::Forgetful),
            Some(Trouble::Forgetful),
            Some(Trouble::Shrunk),
            Some(Trouble::OtherTicker),
            Some(Trouble::Silence),
            Some(Trouble::ReadOnly),
        ])
        .as_ref()?;
    let to = from + if dice.once_in(3) { moment(dice) } else { ACT };
    let whom = if dice.once_in(3) { None } else { Some(below(dice, people)) };
    Some(Spell { from, to, trouble, whom })
}
