//! The options behind `--`, which go to `bars` unchanged: how a run keeps them, which of them
//! belong to the launcher, and how later ones compare with them. Only `bars` knows whether they
//! make sense. Pure.

use std::path::Path;

use super::paths::absolute;

/// The option that allows missing days. The bars of the other days are the same with and without
/// it.
pub const ALLOW_GAP: &str = "--allow-gap";

/// Options of `bars` that the launcher does not have itself; they belong behind `--`.
const OF_BARS: [&str; 19] = [
    "--agg1m-price",
    "--target",
    "--bars-per-day",
    "--daily-root",
    "--threshold",
    "--alpha",
    "--expected-ticks",
    "--warmup",
    "--min-ticks",
    "--max-ticks",
    "--first-sign",
    "--extended",
    "--conditions",
    "--adjust",
    "--as-of",
    "--security",
    "--rebuild",
    "--allow-gap",
    "--sort",
];

/// Do `words` ask for the days of one security? They are those of several symbols then.
pub fn is_of_one_security(words: &[String]) -> bool {
    words.iter().any(|word| word.split('=').next() == Some("--as-of"))
}

/// Does `bars` know `word`, where the launcher does not?
pub fn is_of_bars(word: &str) -> bool {
    let flag = word.split_once('=').map_or(word, |(flag, _)| flag);
    OF_BARS.contains(&flag)
}

/// How the options of `--resume` compare with those of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Later {
    TheSame,
    /// They now allow missing days; the run has these options from now on.
    GapsToo(Vec<String>),
    /// They would make other bars.
    Otherwise,
}

/// What `given` says in a run that has the words `frozen`, as [`spelled`] spells both. Of its words
/// it need not repeat any.
pub fn later(frozen: &[String], given: &[String]) -> Later {
    let is_gap = |word: &&String| *word == ALLOW_GAP;
    let others =
        |words: &[String]| words.iter().filter(|word| !is_gap(word)).cloned().collect::<Vec<_>>();
    let has = |words: &[String]| words.iter().any(|word| is_gap(&word));
    let other = others(given);
    if given.is_empty() || given == frozen {
        return Later::TheSame;
    }
    match (has(frozen), has(given)) {
        (_, true) if !other.is_empty() && other != others(frozen) => Later::Otherwise,
        (true, true) => Later::TheSame,
        (false, true) => {
            Later::GapsToo(frozen.iter().cloned().chain([ALLOW_GAP.to_owned()]).collect())
        }
        (true | false, false) => Later::Otherwise,
    }
}

/// The first of `words` that `bars` must not be told this way, if any.
pub fn not_for_bars_alone(words: &[String]) -> Option<&'static str> {
    // What says which series there are, of which days, and what is done with those that are there,
    // is said to us.
    let ours = [
        "--from",
        "--to",
        "--outdir",
        "--ticker",
        "--tickers-csv",
        "--mode",
        "--trades-root",
        "--agg1m-root",
    ];
    let own = [
        "--resume",
        "--covered-since",
        "--run-mark",
        "--events",
        "--max-workers",
        "--plot",
        "--check-only",
    ];
    // To these `bars` answers, and makes nothing.
    let (answered, answered_in_short) = (["--help", "--version"], ["-h", "-V"]);
    let names = |word: &str, flag: &str| {
        word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let mut long = ours.into_iter().chain(own).chain(answered);
    let said = |is: &dyn Fn(&str) -> bool| words.iter().any(|word| is(word));
    long.find(|flag| said(&|word| names(word, flag)))
        .or_else(|| answered_in_short.into_iter().find(|flag| said(&|word| word.starts_with(flag))))
}

/// Arguments of `bars` with the paths among them absolute: a run may be resumed from another
/// folder.
pub fn spelled(cwd: &Path, typed: &[String]) -> Vec<String> {
    let names_a_path = |flag: &str| ["--adjust", "--daily-root", "--reference"].contains(&flag);
    let spelled = |path: &str| absolute(cwd, Path::new(path)).display().to_string();
    let mut is_path = false;
    let word = |word: &String| {
        let follows = std::mem::replace(&mut is_path, names_a_path(word));
        match word.split_once('=') {
            _ if follows => spelled(word),
            Some((flag, path)) if names_a_path(flag) => format!("{flag}={}", spelled(path)),
            _ => word.clone(),
        }
    };
    typed.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn gaps_may_be_allowed_later_and_nothing_else_may_be_said_otherwise() {
        let gaps_too = |text: &str| Later::GapsToo(words(text));
        for (frozen, given, expected) in [
            ("--target 50", "", Later::TheSame),
            ("--target 50", "--target 50", Later::TheSame),
            ("--target 50", "--allow-gap", gaps_too("--target 50 --allow-gap")),
            ("--target 50", "--target 50 --allow-gap", gaps_too("--target 50 --allow-gap")),
            ("--target 50", "--allow-gap --target 50", gaps_too("--target 50 --allow-gap")),
            ("", "--allow-gap", gaps_too("--allow-gap")),
            ("--target 50 --allow-gap", "--allow-gap", Later::TheSame),
            ("--allow-gap --target 50", "--target 50 --allow-gap", Later::TheSame),
            ("--target 50", "--target 60", Later::Otherwise),
            ("--target 50", "--target 60 --allow-gap", Later::Otherwise),
            ("--target 50 --allow-gap", "--target 60 --allow-gap", Later::Otherwise),
            ("--target 50", "--target --allow-gap", Later::Otherwise),
            // Bars that go on over a gap can't be bars without one.
            ("--target 50 --allow-gap", "--target 50", Later::Otherwise),
        ] {
            assert_eq!(later(&words(frozen), &words(given)), expected, "{frozen} | {given}");
        }
    }

    #[test]
    fn words_that_are_said_before_the_dashes_or_make_no_bars_are_found_however_they_are_written() {
        for (text, found) in [
            ("--target 50 --allow-gap", None),
            ("--toast", None),
            ("--to=2024-01-02", Some("--to")),
            ("--target 5 --resume", Some("--resume")),
            ("--help", Some("--help")),
            ("-hV", Some("-h")),
            ("-V", Some("-V")),
        ] {
            assert_eq!(not_for_bars_alone(&words(text)), found, "{text}");
        }
    }
}
