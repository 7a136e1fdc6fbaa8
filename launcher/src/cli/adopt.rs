//! The arguments of `launcher verify --adopt`.

use clap::Args;
use shared::market::zone::Zone;

const ADOPT: &str = "Adopting a tree that other programs wrote";

/// `--adopt`, and what belongs to it.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person may give or not")]
#[derive(Debug, Clone, Default, Args)]
pub struct AdoptArgs {
    /// Read every file of a tree without ledgers, and write ledger lines for what is provably whole;
    /// `start --resume` asks for the rest. Asks nothing of a source and changes no data file
    #[arg(
        help_heading = ADOPT,
        long,
        conflicts_with_all = ["deep", "json", "csv", "html", "repair", "audit", "workdir", "bars"]
    )]
    pub adopt: bool,
    /// Take a day of minutes or trades for whole that has rows, if a later day has some too: no file
    /// tells more
    #[arg(help_heading = ADOPT, long, requires = "adopt")]
    pub believe_sessions: bool,
    /// The bars are adjusted for splits, which no file tells
    #[arg(help_heading = ADOPT, long, requires = "adopt")]
    pub adjusted: bool,
    /// Zone in which the days of the tree are counted [default: what the rows tell]
    #[arg(help_heading = ADOPT, long, value_name = "ZONE", requires = "adopt")]
    pub tz: Option<Zone>,
    /// Name every file of each oddity, not only the first ones
    #[arg(help_heading = ADOPT, long, requires = "adopt")]
    pub files: bool,
}
