//! Cells as text, row by row: each run of a state as its length, where that is not 1, and a letter.
//! A row like the one before is `=`. The page reads it again in `data.js`.

use crate::verify::report::Cell;
use crate::verify::state::State;

/// The letter of a month in which nothing is expected.
pub(super) const NOT_EXPECTED: char = '.';

/// The letter of a state.
pub(super) fn letter(state: State) -> char {
    match state {
        State::OutsideListing => 'l',
        State::Covered => 'c',
        State::EmptyConfirmed => 'e',
        State::OutsidePlan => 'p',
        State::Suspect => 's',
        State::Missing => 'm',
        State::Damaged => 'd',
    }
}

/// All rows of `width` cells.
pub(super) fn of(cells: &[Cell], width: usize) -> String {
    let mut text = String::new();
    let mut before = None;
    for row in cells.chunks(width) {
        if before == Some(row) {
            text.push('=');
        } else {
            row.chunk_by(|a, b| a == b).for_each(|run| push(&mut text, run));
        }
        before = Some(row);
    }
    text
}

fn push(text: &mut String, run: &[Cell]) {
    let Some(first) = run.first() else { return };
    if run.len() > 1 {
        text.push_str(&run.len().to_string());
    }
    text.push(first.map_or(NOT_EXPECTED, letter));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_months_are_a_length_and_a_letter_and_equal_rows_a_sign() {
        let (o, c, m) = (Some(State::OutsideListing), Some(State::Covered), Some(State::Missing));
        for (cells, expected) in [
            (vec![], ""),
            (vec![o, o, o, c, c, m, c, None], "3l2cmc."),
            ([[c; 8], [c; 8], [c; 8], [m; 8], [c; 8]].concat(), "8c==8m8c"),
        ] {
            assert_eq!(of(&cells, 8), expected);
        }
    }
}
