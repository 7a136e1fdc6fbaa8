//! Stages: lives in which what rarely meets by chance is made to meet. Stages follow each other
//! days apart; in each the same run is begun again or another one on the same tree, what is on disk
//! is hit before it, and the source may have a spell of trouble.
//!
//! Refetched while the source gives less, then hit, then healthy again: such a life is one in a
//! few.

use tests::sim::chance::Dice;

use super::clock::{DAY, moment};
use super::trouble::{Spell, Trouble, below};

/// From one stage to the next.
const STAGE: u64 = 3 * DAY;

/// What happens before a run is begun, or begun again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    /// At the earliest, ms since the life began.
    pub(crate) at: u64,
    /// Another run; does it want everything anew?
    pub(crate) another: Option<bool>,
    /// So many files or ledgers are hit.
    pub(crate) hits: u64,
}

/// The stages of a life of so many securities, and the spells of the source.
pub(crate) fn draw(securities: usize, dice: &mut Dice) -> (Vec<Stage>, Vec<Spell>) {
    let stages = (1..=2 + dice.below(3)).map(|number| Stage {
        at: number * STAGE,
        another: dice.once_in(2).then(|| !dice.once_in(3)),
        hits: dice.pick(&[0, 0, 1, 1, 4]),
    });
    let stages: Vec<Stage> = stages.collect();
    let spells = stages.iter().filter_map(|stage| spell(stage.at, securities, dice)).collect();
    (stages, spells)
}

fn spell(from: u64, securities: usize, dice: &mut Dice) -> Option<Spell> {
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
    let to = from + if dice.once_in(3) { moment(dice) } else { STAGE };
    let whom = if dice.once_in(3) { None } else { Some(below(dice, securities)) };
    Some(Spell { from, to, trouble, whom })
}
