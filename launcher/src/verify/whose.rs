//! Whose: is the source that is to be asked the one that a tree's rows came from, and is it known
//! how they were asked for? Pure.

use std::fmt;
use std::path::{Path, PathBuf};

use shared::dataset::descriptor::Descriptor;

/// Where the address of the source is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    /// The command line, or the environment.
    Given,
    /// The `run.json` of the run in `--workdir`.
    Run,
    /// Nobody said.
    Default,
}

impl fmt::Display for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "the source given (--base-url or POLYGON_BASE_URL) is",
            Self::Run => "the run in --workdir asks",
            Self::Default => "the source asked unless told otherwise is",
        })
    }
}

/// Why a tree is not asked for again. Nothing was changed, and nothing was asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhoseError {
    /// The data came from elsewhere.
    #[error(
        "{root} holds data of {theirs}, and {whence} {ours}: give --base-url of {theirs} (nothing was changed)",
        root = root.display()
    )]
    OtherSource {
        /// The tree.
        root: PathBuf,
        /// Whose its data are.
        theirs: String,
        /// Who would be asked.
        ours: String,
        /// Who said so.
        whence: Whence,
    },
    /// Adopted, and nobody has said from whom.
    #[error(
        "{root} was adopted and its source is not known yet: give --base-url, or run `start --resume` for this --outdir first, which notes the source (nothing was changed)",
        root = root.display()
    )]
    SourceOpen {
        /// The tree.
        root: PathBuf,
    },
    /// Adopted, and nobody has said how.
    #[error(
        "{root} was adopted and the scale of its prices is not known yet: run `start --resume` for this --outdir first, with --adjusted if its prices are adjusted for splits; that run notes scale and source (nothing was changed)",
        root = root.display()
    )]
    ScaleOpen {
        /// The tree.
        root: PathBuf,
    },
}

/// May `ours`, known from `whence`, be asked for what the tree at `root` holds?
pub fn check(root: &Path, of: &Descriptor, ours: &str, whence: Whence) -> Result<(), WhoseError> {
    let root = root.to_owned();
    if of.is_scale_open() {
        return Err(WhoseError::ScaleOpen { root });
    }
    if of.is_only_adopted() {
        return match whence {
            Whence::Given | Whence::Run => Ok(()),
            Whence::Default => Err(WhoseError::SourceOpen { root }),
        };
    }
    if of.source == ours {
        return Ok(());
    }
    let (theirs, ours) = (of.source.clone(), ours.to_owned());
    Err(WhoseError::OtherSource { root, theirs, ours, whence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::dataset::descriptor::Adjusted;
    use shared::dataset::kind::{Columns, Kind};
    use shared::market::zone::Zone;

    fn said(of: &Descriptor, ours: &str, whence: Whence) -> String {
        check(Path::new("/out"), of, ours, whence)
            .map_or_else(|error| error.to_string(), |()| "may".to_owned())
    }

    #[test]
    fn another_source_is_refused_and_base_url_is_named_as_given_only_where_it_was() {
        let zone = Zone::NewYork;
        let of = Descriptor::new(Kind::Minute, Adjusted::No, Columns::Narrow, zone, "127.0.0.1");
        for whence in [Whence::Given, Whence::Run, Whence::Default] {
            assert_eq!(said(&of, "127.0.0.1", whence), "may", "{whence:?}");
        }
        assert_eq!(
            said(&of, "massive.com", Whence::Default),
            "/out holds data of 127.0.0.1, and the source asked unless told otherwise is massive.com: give --base-url of 127.0.0.1 (nothing was changed)"
        );
        assert!(
            said(&of, "massive.com", Whence::Run).contains("the run in --workdir asks massive")
        );
        assert!(said(&of, "massive.com", Whence::Given).contains("the source given (--base-url"));
    }

    #[test]
    fn an_adopted_tree_needs_a_source_that_somebody_named_and_a_scale() {
        let of = |adjusted| {
            Descriptor::of_adopted(Kind::Daily, adjusted, Columns::Narrow, Zone::NewYork)
        };
        let scaled = of(Some(Adjusted::Yes));
        assert_eq!(said(&scaled, "massive.com", Whence::Given), "may");
        assert_eq!(said(&scaled, "massive.com", Whence::Run), "may");
        assert!(said(&scaled, "massive.com", Whence::Default).contains("give --base-url, or run"));
        let open = said(&of(None), "massive.com", Whence::Given);
        assert!(open.contains("`start --resume`") && open.contains("--adjusted"), "{open}");
        let trades = Descriptor::of_adopted(Kind::Trades, None, Columns::Narrow, Zone::NewYork);
        assert_eq!(said(&trades, "massive.com", Whence::Given), "may", "trades have one scale");
    }
}
