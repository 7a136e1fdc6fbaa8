//! Flaws: what is wrong with the rows of a file, each sort once, with its first row and how many
//! there are.

use crate::verify::rule::Rule;

/// One sort of wrong rows in a file, or something that is wrong with the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// By which rule.
    pub rule: Rule,
    /// How many rows; 0 where it is the file.
    pub rows: u64,
    /// What is wrong, by the first of them.
    pub what: String,
}

/// Everything that is wrong with a file, in the order it was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flaws(Vec<Flaw>);

impl Flaws {
    /// `rows` more are wrong by `rule`; `what` tells of the first.
    pub(super) fn note(&mut self, rule: Rule, rows: u64, what: impl FnOnce() -> String) {
        match self.0.iter_mut().find(|flaw| flaw.rule == rule) {
            Some(known) => known.rows += rows,
            None => self.0.push(Flaw { rule, rows, what: what() }),
        }
    }

    /// Something is wrong with the file as a whole.
    pub(super) fn of_file(&mut self, rule: Rule, what: impl Into<String>) {
        self.note(rule, 0, || what.into());
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Flaw> {
        self.0.iter()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is there one by `rule`?
    pub fn has(&self, rule: Rule) -> bool {
        self.0.iter().any(|flaw| flaw.rule == rule)
    }
}

impl Flaw {
    /// For people: `17 rows, the first: …`.
    pub fn reason(&self) -> String {
        match self.rows {
            0 | 1 => self.what.clone(),
            rows => format!("{rows} rows, the first: {}", self.what),
        }
    }
}
