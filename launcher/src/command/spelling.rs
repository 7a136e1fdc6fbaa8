//! Spellings: hints for a ticker that the source may not know. Where there is a snapshot of
//! `worker reference`, the hint is a name in it; else a rule guesses.

use std::path::{Path, PathBuf};

use shared::dataset::listing::{Listing, Spelling};
use shared::market::ticker::Ticker;

use super::failure::Failure;
use crate::view::words::counted;

/// How many names are shown.
const NAMED_MAX: usize = 5;

/// The newest snapshot in `reference`, else in the folder `reference` beside `outdir`, if there is
/// one.
pub fn listing(reference: Option<&Path>, outdir: &Path) -> Result<Option<Listing>, Failure> {
    let Some(folder) = reference.map(Path::to_owned).or_else(|| beside(outdir)) else {
        return Ok(None);
    };
    match (Listing::newest(&folder), reference) {
        (Ok(None), Some(given)) => Err(Failure::NoSnapshot { folder: PathBuf::from(given) }),
        (Ok(found), _) => Ok(found),
        (Err(source), Some(_)) => Err(Failure::Reference(source)),
        // The user has not named this folder, so it may hold anything.
        (Err(_), None) => Ok(None),
    }
}

/// Where a snapshot is looked for when nobody names a folder.
fn beside(outdir: &Path) -> Option<PathBuf> {
    outdir.parent().map(|folder| folder.join("reference"))
}

/// What to type to get the snapshot that tells how tickers are spelled.
pub fn how_to_get_listing(outdir: &Path) -> Option<String> {
    let folder = beside(outdir)?;
    Some(format!("worker reference --include-delisted --outdir {}", folder.display()))
}

/// Does `listing` have `ticker` as it is spelled?
pub fn is_listed(ticker: &Ticker, listing: &Listing) -> bool {
    matches!(listing.spelling(ticker.as_str()), Spelling::Right)
}

/// Possible spellings of a ticker for which the source has nothing.
pub fn hint(ticker: &Ticker, listing: Option<&Listing>) -> Option<String> {
    match listing {
        Some(listing) => absent(ticker, listing),
        None => guess(ticker).map(|other| format!("is it spelled {other}?")),
    }
}

/// What is known about a ticker for which the source has nothing.
pub fn of_unknown(ticker: &Ticker, listing: Option<&Listing>) -> String {
    let unknown = "the source has no row of it in these days";
    hint(ticker, listing).map_or_else(|| unknown.to_owned(), |hint| format!("{unknown}; {hint}"))
}

/// A note on the `tickers` that `listing` lacks; empty if it has all.
pub fn note(tickers: &[Ticker], listing: &Listing) -> String {
    let absent: Vec<String> = tickers
        .iter()
        .filter_map(|ticker| match listing.spelling(ticker.as_str()) {
            Spelling::Right => None,
            Spelling::Otherwise(names) => Some(format!("{ticker} (is it {}?)", names.join(" or "))),
            Spelling::Near(names) => Some(format!("{ticker} (is it {}?)", names.join(" or "))),
            Spelling::Unknown => Some(ticker.to_string()),
        })
        .collect();
    if absent.is_empty() {
        return String::new();
    }
    let named = absent.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if absent.len() > NAMED_MAX { ", ..." } else { "" };
    let count = counted(absent.len() as u64, "ticker");
    format!("note: {}: {count}: {named}{more}\n", not_there(listing))
}

/// A snapshot without delisted tickers lacks names that the source knows.
fn not_there(listing: &Listing) -> String {
    let date = listing.date;
    match listing.has_delisted {
        Some(false) => {
            format!("not in the reference snapshot of {date}, which has no delisted tickers")
        }
        Some(true) | None => format!("not in the reference snapshot of {date}"),
    }
}

fn absent(ticker: &Ticker, listing: &Listing) -> Option<String> {
    let not_there = not_there(listing);
    match listing.spelling(ticker.as_str()) {
        Spelling::Right => None,
        Spelling::Otherwise(names) => {
            Some(format!("{not_there}; is it spelled {}?", names.join(" or ")))
        }
        Spelling::Near(names) => Some(format!("{not_there}; is it {}?", names.join(" or "))),
        Spelling::Unknown => Some(not_there),
    }
}

/// Another spelling, if this one is not how the source spells.
fn guess(ticker: &Ticker) -> Option<String> {
    let name = ticker.as_str();
    let is_class = |class: &str| class.len() == 1 && class.chars().all(|c| c.is_ascii_alphabetic());
    let by_class = name.rsplit_once('-').filter(|(_, class)| is_class(class));
    let other = match by_class {
        Some((stem, class)) => Some(format!("{}.{}", stem.to_uppercase(), class.to_uppercase())),
        // `BACpA` is right: only the letter of a preferred share is small.
        None if name.chars().all(|c| !c.is_ascii_uppercase()) => Some(name.to_uppercase()),
        None => None,
    };
    other.filter(|other| other != name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spelling_is_named_where_ours_is_not_the_sources_way() {
        let hint = |name: &str| of_unknown(&name.parse().expect("a ticker"), None);
        assert!(hint("BRK-B").ends_with("is it spelled BRK.B?"), "{}", hint("BRK-B"));
        assert!(hint("mamth").ends_with("is it spelled MAMTH?"), "{}", hint("mamth"));
        for name in ["MAR-1", "BACpA", "BRK.B", "ZZZZ"] {
            assert_eq!(hint(name), "the source has no row of it in these days");
        }
    }
}
