//! Sizes of tickers, as a ticker CSV may have them in a column of their own. What they are good for
//! is the reader's business; here they are numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ticker_list::{TickerListError, for_each_ticker, text_of};
use crate::disk::publish::DiskError;
use crate::disk::regular;
use crate::market::ticker::Ticker;

/// What columns of sizes are called; where there are several, the first of these counts.
pub const COLUMNS: [&str; 4] = ["weight", "rows", "volume", "market_cap"];

/// Why a CSV has no sizes that can be used.
#[derive(Debug, thiserror::Error)]
pub enum TickerSizesError {
    /// It is no ticker CSV.
    #[error(transparent)]
    List(#[from] TickerListError),
    /// A size that is none.
    #[error("{path}:{line}: {column} is {value:?}, which is not a size (a number from 0 on, or empty)", path = path.display())]
    NotASize {
        /// The file.
        path: PathBuf,
        /// One-based line.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
}

/// The sizes of a CSV.
#[derive(Debug, Clone, PartialEq)]
pub struct TickerSizes {
    /// The column that they stand in.
    pub column: &'static str,
    /// Finite and not negative, by the first line of each ticker; nothing of those where nothing
    /// stands.
    pub of: HashMap<Ticker, f64>,
}

impl TickerSizes {
    /// Reads `path`. `None` where no column is one of sizes.
    pub fn read(path: &Path) -> Result<Option<Self>, TickerSizesError> {
        let bytes = regular::read(path)
            .map_err(DiskError::at("read", path))
            .map_err(TickerListError::Disk)?;
        Self::parse(path, &text_of(path, &bytes)?)
    }

    /// Reads a CSV from memory; `path` is only for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Option<Self>, TickerSizesError> {
        let (mut sizes, mut is_empty): (Option<Self>, _) = (None, true);
        for_each_ticker(path, text, |line| {
            is_empty = false;
            let Some((column, value)) =
                COLUMNS.iter().find_map(|column| Some((*column, line.field(column)?)))
            else {
                return Ok(());
            };
            let sizes = sizes.get_or_insert_with(|| Self { column, of: HashMap::new() });
            if value.is_empty() {
                return Ok(());
            }
            let size = value.parse().ok().filter(|size: &f64| size.is_finite() && *size >= 0.0);
            let not_a_size = || TickerSizesError::NotASize {
                path: path.to_owned(),
                line: line.number,
                column,
                value: value.to_owned(),
            };
            let size = size.ok_or_else(not_a_size)?;
            sizes.of.entry(line.ticker.clone()).or_insert(size);
            Ok::<(), TickerSizesError>(())
        })?;
        if is_empty { Err(TickerListError::NoTickers(path.to_owned()).into()) } else { Ok(sizes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<TickerSizes>, String> {
        TickerSizes::parse(Path::new("small.csv"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_column_that_says_a_size_counts_and_nothing_is_no_size() {
        let text = "market_cap,ticker,rows\n1e9,PLUG,7\n2e9,SUN,\n3e9,PLUG,8\n4e9,NAN, 0.5 \n";
        let sizes = parse(text).expect("read").expect("sizes");
        assert_eq!(sizes.column, "rows");
        let size = |name: &str| sizes.of.get(&name.parse::<Ticker>().expect(name)).copied();
        assert_eq!(["PLUG", "SUN", "NAN"].map(size), [Some(7.0), None, Some(0.5)]);
        assert_eq!(parse("ticker,name\nA,x\n"), Ok(None));
    }

    #[test]
    fn a_size_that_is_none_is_named_with_its_line_and_column() {
        for wrong in ["much", "-1", "NaN", "inf", "1,5", "1.2M"] {
            let said = parse(&format!("ticker,volume\nA,1\nB,\"{wrong}\"\n")).expect_err("refused");
            let expected = format!(
                "small.csv:3: volume is {wrong:?}, which is not a size (a number from 0 on, or empty)"
            );
            assert_eq!(said, expected);
        }
        assert_eq!(parse("ticker,rows\n").expect_err("refused"), "small.csv: contains no tickers");
        assert_eq!(
            parse("ticker,rows\n../x,1\n").expect_err("refused"),
            "small.csv:2: \"../x\" is not a ticker (letters, digits, '.' and '-' only)"
        );
    }
}
