//! Lacking: days that the bars of a ticker need and that no ledger proves, in words. Of one security
//! they may be days of another symbol than the one that names the bars. Pure.

use std::fmt;
use std::path::PathBuf;

use shared::dataset::coverage::Coverage;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;

/// The days that are lacking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// It names the bars.
    pub ticker: Ticker,
    /// Of each symbol that lacks days.
    pub parts: Vec<(Ticker, Coverage)>,
    /// The tree that they belong to.
    pub tree: Option<(Kind, PathBuf)>,
}

impl fmt::Display for Lacking {
    /// Begins with the symbol whose days are lacking, and ends with the command that fetches them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (symbol, days) in &self.parts {
            write!(
                f,
                "{between}{symbol}: the ledger does not prove {} of the sessions that are needed ({days})",
                days.days()
            )?;
            if *symbol != self.ticker {
                write!(f, " for the bars of {}", self.ticker)?;
            }
            between = "; ";
        }
        write!(f, "; download them")?;
        let all: Coverage =
            self.parts.iter().flat_map(|(_, days)| days.ranges().iter().copied()).collect();
        if let (Some((kind, root)), Some(hull)) = (&self.tree, all.hull()) {
            let names: Vec<&str> = self.parts.iter().map(|(symbol, _)| symbol.as_str()).collect();
            write!(
                f,
                ": worker {kind} --tickers-csv FILE --outdir {} --from {} --to {} (FILE lists {});",
                root.display(),
                hull.from(),
                hull.to(),
                names.join(", ")
            )?;
        } else {
            f.write_str(",")?;
        }
        f.write_str(" or add --allow-gap")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::dataset::coverage::DateRange;

    #[test]
    fn the_symbol_whose_days_are_lacking_is_named_with_the_command_for_them() {
        let ticker = |text: &str| text.parse::<Ticker>().expect(text);
        let day = |text: &str| text.parse().expect(text);
        let days: Coverage =
            DateRange::new(day("2022-06-06"), day("2022-06-08")).expect("in order").into();
        let said = |symbol: &str| {
            let parts = vec![(ticker(symbol), days.clone())];
            let tree = Some((Kind::Trades, "out".into()));
            Lacking { ticker: ticker("METR"), parts, tree }.to_string()
        };
        assert_eq!(
            said("METW"),
            "METW: the ledger does not prove 3 of the sessions that are needed (2022-06-06..2022-06-08) for the bars of METR; download them: worker trades --tickers-csv FILE --outdir out --from 2022-06-06 --to 2022-06-08 (FILE lists METW); or add --allow-gap"
        );
        let own = said("METR");
        assert!(own.starts_with("METR: the ledger does not prove 3 of"), "{own}");
        assert!(!own.contains("for the bars of"), "{own}");
    }
}
