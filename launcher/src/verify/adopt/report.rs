//! What a person reads of an adoption: what is proven now, what is not, and each oddity with what
//! was done about it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use shared::dataset::kind::Kind;
use shared::market::zone::Zone;

use super::noted::Noted;
use super::oddity::{Fate, Oddity};
use super::survey::Tree;
use super::{Adopted, Wish};
use crate::view::words::{bytes, count, counted, plain};

/// So many files of an oddity are named, unless all are asked for.
const NAMED: usize = 5;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A few files of each oddity.
    Some,
    /// All.
    All,
}

/// The report on `adopted`, which came of `tree`.
pub fn report(tree: &Tree, wish: Wish, adopted: &Adopted, detail: Detail) -> String {
    let mut text = String::new();
    let all = &adopted.all;
    let (kind, zone) = (tree.descriptor.kind, tree.descriptor.time_zone);
    let mut line = |what: String| {
        writeln!(text, "{}", plain(&what)).expect("a string takes it");
    };
    line(format!(
        "adopted {}: {kind}, {zone} days{}; no data file was changed, nothing was asked of a source",
        tree.outdir.display(),
        if tree.is_zone_known { "" } else { " (no file tells; --tz says otherwise)" },
    ));
    line(format!(
        "  read        {}, {} of {}, {}",
        counted(all.files, "file"),
        counted(all.rows, "row"),
        counted(adopted.tickers, "ticker"),
        bytes(all.bytes)
    ));
    line(format!(
        "  proven      {} in {}",
        counted(all.proven, "session"),
        counted(all.proven_files, "file")
    ));
    line(format!(
        "  not proven  {} between a ticker's first row and its last, and all days before and after: the next `start --resume` asks for them",
        counted(all.unproven, "session")
    ));
    for what in caveats(tree, wish) {
        line(format!("  note        {what}"));
    }
    for (ticker, why) in &adopted.failed {
        line(format!("  failed      {ticker}: {why}"));
    }
    text + &oddities(&tree.outdir, &all.oddities, detail) + &go_on(tree)
}

/// What files can't tell.
fn caveats(tree: &Tree, wish: Wish) -> Vec<String> {
    let mut all = Vec::new();
    match (tree.descriptor.kind, wish.believes_looks) {
        (Kind::Daily, _) => {}
        (kind @ (Kind::Minute | Kind::Trades), false) => all.push(format!(
            "whether a day has all its {}, only the source knows: nothing of them is proven; --believe-sessions takes days for whole that have rows and are not the last, and --audit tells how right that is",
            if kind == Kind::Minute { "minutes" } else { "trades" }
        )),
        (Kind::Minute | Kind::Trades, true) => all.push(
            "days were taken for whole because they have rows and later days have some: that none is missing within a day is believed, not proven; --audit tells how right that is".to_owned(),
        ),
    }
    let is_open = tree.descriptor.is_only_adopted() && tree.descriptor.kind != Kind::Trades;
    if is_open && tree.descriptor.source.contains("scale") {
        all.push(
            "whether prices are adjusted for splits no file tells: the next `start` decides, so give it --adjusted if the scripts asked for adjusted prices (most did)".to_owned(),
        );
    }
    all
}

/// The oddities, the most pressing first.
fn oddities(outdir: &Path, all: &[Noted], detail: Detail) -> String {
    let mut text = String::new();
    let mut by_oddity: BTreeMap<Oddity, Vec<&Noted>> = BTreeMap::new();
    for noted in all {
        by_oddity.entry(noted.oddity).or_default().push(noted);
    }
    for fate in Fate::ALL {
        let some: Vec<_> = by_oddity.iter().filter(|(oddity, _)| oddity.fate() == fate).collect();
        if some.is_empty() {
            continue;
        }
        writeln!(text, "{}", fate.words()).expect("a string takes it");
        for (oddity, notes) in some {
            let days: u64 = notes.iter().map(|noted| noted.days).sum();
            let in_days =
                if days > 0 { format!(", {}", counted(days, "day")) } else { String::new() };
            let many = counted(notes.len() as u64, "path");
            writeln!(text, "  {} ({many}{in_days})", oddity.what()).expect("a string takes it");
            let named = if detail == Detail::All { notes.len() } else { NAMED };
            for noted in notes.iter().take(named) {
                let path = noted.path.strip_prefix(outdir).unwrap_or(&noted.path).display();
                let colon = if noted.detail.is_empty() { "" } else { ": " };
                let named = plain(&format!("{path}{colon}{}", noted.detail));
                writeln!(text, "    {named}").expect("a string takes it");
            }
            if notes.len() > named {
                let more = count((notes.len() - named) as u64);
                writeln!(text, "    and {more} more (--files names all)").expect("taken");
            }
        }
    }
    text
}

/// What to type next.
fn go_on(tree: &Tree) -> String {
    let zone = match tree.descriptor.time_zone {
        Zone::NewYork => "",
        Zone::Utc => " --tz UTC",
    };
    format!(
        "go on: start --resume --job {} --outdir {}{zone} --workdir RUN --tickers-csv FILE --from DATE --to DATE\n",
        tree.descriptor.kind,
        tree.outdir.display()
    )
}
