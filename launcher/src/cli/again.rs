//! Arguments of `launcher verify` that have the source asked again: `--repair` and `--audit`.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use shared::pace::rate::{Rate, Spacing};
use shared::run::duplicates::Duplicates;

const REPAIR: &str = "Repair";
const AUDIT: &str = "Audit";
const SOURCE: &str = "Source (--repair, --audit)";

/// What is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RepairWhat {
    /// What is missing or damaged.
    Damaged,
    /// What is suspect, too.
    Suspect,
}

/// What an audit draws with equal chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum AuditBy {
    /// Rows: a partition of ten times as many is ten times as likely.
    #[default]
    Rows,
    /// Partitions.
    Partitions,
}

/// `--repair`.
#[derive(Debug, Clone, Default, Args)]
pub struct RepairArgs {
    /// Move damaged files to `_set_aside` in their tree (nothing is deleted), download what is
    /// missing or damaged by a run in --workdir, and verify again, until nothing changes. With
    /// --repair=suspect also what is suspect: what the source says now counts
    #[arg(
        help_heading = REPAIR,
        long,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "damaged",
        requires = "workdir"
    )]
    pub repair: Option<RepairWhat>,
    /// What to do with two different bars of the same time: refuse their partition, keep-last or
    /// keep-first, as when the tree was made [default: refuse]
    #[arg(help_heading = REPAIR, long, value_name = "CHOICE", requires = "repair")]
    pub duplicates: Option<Duplicates>,
}

/// `--audit`.
#[derive(Debug, Clone, Default, Args)]
pub struct AuditArgs {
    /// Draw N times by chance, ask the source again for the partitions drawn, compare row by row,
    /// and say what that proves of the whole tree
    #[arg(help_heading = AUDIT, long, value_name = "N", requires = "workdir", value_parser = draws)]
    pub audit: Option<NonZeroU32>,
    /// Repeat the draw of an earlier audit [default: by chance; the audit says which]
    #[arg(help_heading = AUDIT, long, value_name = "SEED", requires = "audit")]
    pub seed: Option<u32>,
    /// What is drawn with equal chance: rows (the bound is one of rows in partitions that differ)
    /// or partitions (the bound is one of partitions) [default: rows]
    #[arg(help_heading = AUDIT, long, value_name = "WHAT", requires = "audit")]
    pub audit_by: Option<AuditBy>,
}

/// More would prove nothing more, and each is held in memory.
const DRAWS_MAX: u32 = 1_000_000;

fn draws(text: &str) -> Result<NonZeroU32, String> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= DRAWS_MAX);
    number.ok_or_else(|| format!("{text} is not a number from 1 to {DRAWS_MAX}"))
}

/// Whom to ask, and how fast.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArgs {
    /// URL of the data service [default: `https://api.massive.com`]
    #[arg(help_heading = SOURCE, long, value_name = "URL", env = "POLYGON_BASE_URL", hide_env_values = true)]
    pub base_url: Option<String>,
    /// Allow plain http to a host that is not this machine
    #[arg(help_heading = SOURCE, long)]
    pub allow_http: bool,
    /// Limit on requests, shared by everything on this machine that uses the key: 500/min, 100/s
    #[arg(help_heading = SOURCE, long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// The same in seconds between requests; 0 is no pause
    #[arg(help_heading = SOURCE, long, value_name = "SECONDS", conflicts_with = "rate")]
    pub rate_limit: Option<Spacing>,
    /// Tries of one request inside a worker, at most 100 [default: 8]
    #[arg(help_heading = SOURCE, long, value_name = "N", value_parser = super::tries)]
    pub tries: Option<NonZeroU32>,
    /// First pause between the tries of one request [default: 500ms]
    #[arg(help_heading = SOURCE, long, value_name = "DURATION", value_parser = super::backoff_base)]
    pub backoff_base: Option<SignedDuration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audit_draws_no_more_often_than_memory_is_sure_to_hold() {
        assert_eq!(draws("1000000").map(NonZeroU32::get), Ok(1_000_000));
        for text in ["0", "1000001", "4000000000", "many"] {
            let said = draws(text).expect_err(text);
            assert_eq!(said, format!("{text} is not a number from 1 to 1000000"));
        }
    }
}
