//! Causes: what an ended attempt means for its tickers and for the run. Pure.
//!
//! Only ledgers say what is done. Every attempt that leaves work and proves nothing charges at
//! least one ticker, or pauses or stops the run: no batch is tried for ever.

use jiff::SignedDuration;
use shared::run::events::{Origin, Persistence};
use shared::run::exit::Exit;

use super::headway::Headway;
use crate::facts::ending::Ending;
use crate::facts::{Report, Unfinished, Word};
use crate::process::signal::name_of;

/// The longest first pause before a batch is tried again; doubled with every failure.
const BACKOFF_FIRST: SignedDuration = SignedDuration::from_secs(1);
const BACKOFF_LIMIT: SignedDuration = SignedDuration::from_mins(5);
const PROBE_FIRST: SignedDuration = SignedDuration::from_secs(1);
const PROBE_LIMIT: SignedDuration = SignedDuration::from_mins(1);
const CANARY_LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// The cause when a script exits 0 and leaves nothing.
pub(super) const NO_SIGN: &str =
    "exit 0 without a line in its log, an event or a file: nothing shows that anything was done";

/// What a failed attempt is charged to. Each budget has as many further attempts as `--retries`
/// says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// The source failed, or the worker gave no better reason.
    Transient,
    /// The worker crashed or was killed.
    Crash,
    /// The worker used too much memory.
    Memory,
}

/// What becomes of one unfinished ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It gets another attempt, and this one does not count.
    Innocent,
    /// One of several that may be to blame. It is tried again with half of them.
    Suspect,
    /// This attempt counts against the ticker.
    Charged {
        budget: Budget,
        /// The reason, in one sentence.
        cause: String,
    },
    /// No other attempt can succeed.
    Hopeless(String),
}

/// What an ended attempt means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// A verdict on each unfinished ticker, in the order of the report.
    Tickers(Vec<Verdict>),
    /// This machine is in the way. No ticker is at fault.
    PauseRun(String),
    /// No attempt can succeed until a person acts.
    StopRun(String),
}

/// Judges `report` on an attempt that made this `headway`.
pub fn judge(report: &Report, headway: &Headway) -> Judgement {
    if report.unfinished.is_empty() {
        return Judgement::Tickers(Vec::new());
    }
    match &report.ending {
        Ending::Interrupted => everybody_innocent(report),
        Ending::NotStarted { what } => Judgement::PauseRun(what.clone()),
        Ending::Unusable { what } => Judgement::StopRun(what.clone()),
        // A run that stops judges nobody.
        Ending::Stopped { .. } => crashed(report, "stopped by a signal that was not ours"),
        Ending::Signaled { .. } | Ending::Unattended { .. } => {
            crashed(report, &phrase(&report.ending))
        }
        Ending::TooLarge { .. } => blame(report, Budget::Memory, &phrase(&report.ending)),
        // An attempt that has finished something was on its way and only took longer than allowed.
        Ending::TimedOut { .. } if headway.is_any() => everybody_innocent(report),
        Ending::TimedOut { .. } => blame(report, Budget::Transient, &phrase(&report.ending)),
        Ending::Stalled { .. } => {
            spare_movers(blame(report, Budget::Transient, &phrase(&report.ending)), headway)
        }
        Ending::Exited { code } => match Exit::of_code(*code) {
            Some(Exit::Done) => ended_well(report, headway),
            Some(Exit::Transient) => of_machine(report).map_or_else(
                || by_word(report, |_| charged(Budget::Transient, "left unfinished (exit 10)")),
                Judgement::PauseRun,
            ),
            Some(Exit::Permanent) => ended_permanent(report),
            Some(Exit::Usage) => Judgement::StopRun(said(
                report,
                "the worker does not understand its arguments (exit 2)",
            )),
            Some(Exit::Refused) => {
                Judgement::StopRun(said(report, "key or plan refused (exit 12)"))
            }
            Some(Exit::LocalResource) => {
                Judgement::PauseRun(said(report, "a local resource is in the way (exit 13)"))
            }
            // We did not ask for this end. A run that stops judges nobody.
            Some(Exit::Stopped) => crashed(report, "stopped by a SIGTERM that was not ours"),
            None => crashed(report, &format!("crashed (exit {code})")),
        },
    }
}

/// What `report` means for its tickers when the attempt is nobody's fault: each pays only for its
/// own trouble.
pub fn judge_own(report: &Report) -> Vec<Verdict> {
    let own = |left: &Unfinished| left.word.is_own();
    match by_word(report, |_| Verdict::Innocent) {
        Judgement::Tickers(verdicts) => {
            let own = report.unfinished.iter().map(own);
            verdicts
                .into_iter()
                .zip(own)
                .map(|(it, own)| if own { it } else { Verdict::Innocent })
                .collect()
        }
        Judgement::PauseRun(_) | Judgement::StopRun(_) => {
            report.unfinished.iter().map(|_| Verdict::Innocent).collect()
        }
    }
}

/// How an attempt ended, in a few words.
pub fn phrase(ending: &Ending) -> String {
    match ending {
        Ending::Exited { code } => format!("exit {code}"),
        Ending::Signaled { signal } => format!("killed by {}", name_of(*signal)),
        Ending::Stopped { killed: false } => "stopped as asked".to_owned(),
        Ending::Stopped { killed: true } => "killed by SIGKILL, as asked".to_owned(),
        Ending::TooLarge { rss_bytes } => {
            format!("ended because it had {} MiB of memory (--max-rss)", rss_bytes >> 20)
        }
        Ending::Stalled { quiet_ms } => {
            format!("ended because nothing came for {} s (--stall-timeout)", quiet_ms / 1000)
        }
        Ending::TimedOut { ran_ms } => format!("ended after {} s (--batch-timeout)", ran_ms / 1000),
        Ending::NotStarted { what } | Ending::Unusable { what } => what.clone(),
        Ending::Unattended { what } => format!("its shim was ended from outside ({what})"),
        Ending::Interrupted => "interrupted: supervisor and shim died".to_owned(),
    }
}

/// Judges an attempt after its batch has blamed a local resource again and again, got nothing done,
/// and each look found this machine in order: then it is the tickers' own trouble.
pub fn judge_stubborn(report: &Report) -> Judgement {
    crashed(report, &said(report, "a local resource is in the way again and again (exit 13)"))
}

/// Did the attempt find a local resource in the way and finish nothing?
pub fn is_stuck(report: &Report, headway: &Headway) -> bool {
    let local = matches!(report.ending, Ending::Exited { code } if Exit::of_code(code) == Some(Exit::LocalResource));
    local && !report.unfinished.is_empty() && !headway.is_any()
}

fn charged(budget: Budget, cause: &str) -> Verdict {
    Verdict::Charged { budget, cause: cause.to_owned() }
}

/// The last words of an attempt behind `what` it ran into.
pub(super) fn said(report: &Report, what: &str) -> String {
    if report.last_words.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {}", report.last_words)
    }
}

fn everybody_innocent(report: &Report) -> Judgement {
    Judgement::Tickers(report.unfinished.iter().map(|_| Verdict::Innocent).collect())
}

/// A ticker that made headway is not to blame for the others.
fn spare_movers(judgement: Judgement, headway: &Headway) -> Judgement {
    let Judgement::Tickers(verdicts) = judgement else { return judgement };
    let spare = |(verdict, moved_on)| match verdict {
        Verdict::Suspect | Verdict::Charged { .. } if moved_on => Verdict::Innocent,
        other => other,
    };
    Judgement::Tickers(verdicts.into_iter().zip(headway.of_unfinished()).map(spare).collect())
}

/// Judges failed tickers by their failure, the others by `wordless`.
fn by_word(report: &Report, wordless: impl Fn(&Word) -> Verdict) -> Judgement {
    let verdict = |word: &Word| match word {
        Word::Failed { cause, persistence: Persistence::Permanent, .. } => {
            Verdict::Hopeless(cause.clone())
        }
        Word::Failed { cause, persistence: Persistence::Transient, .. } => {
            charged(Budget::Transient, cause)
        }
        Word::Untouched | Word::Begun => wordless(word),
    };
    Judgement::Tickers(report.unfinished.iter().map(|left| verdict(&left.word)).collect())
}

/// The trouble of this machine that a worker has reported for a ticker.
fn of_machine(report: &Report) -> Option<String> {
    report.unfinished.iter().find_map(|left| match &left.word {
        Word::Failed { cause, origin: Some(Origin::Machine), .. } => {
            Some(format!("this machine is in the way: {}: {cause}", left.ticker))
        }
        Word::Failed { .. } | Word::Untouched | Word::Begun => None,
    })
}

fn ended_well(report: &Report, headway: &Headway) -> Judgement {
    if report.yielded && headway.is_any() {
        return by_word(report, |_| Verdict::Innocent);
    }
    let what = if report.left_no_sign {
        NO_SIGN
    } else if report.yielded {
        "a yield with nothing done (exit 0)"
    } else {
        "exit 0, but work is missing and no yield was reported"
    };
    by_word(report, |_| charged(Budget::Transient, what))
}

fn ended_permanent(report: &Report) -> Judgement {
    let wordless = report.unfinished.iter().all(|left| !matches!(left.word, Word::Failed { .. }));
    // Without an event on any ticker (a script writes none) there is only the exit code.
    by_word(report, |_| {
        if wordless {
            Verdict::Hopeless("failed permanently (exit 11), no ticker named".to_owned())
        } else {
            charged(Budget::Transient, "left unfinished (exit 11)")
        }
    })
}

fn crashed(report: &Report, what: &str) -> Judgement {
    blame(report, Budget::Crash, what)
}

/// Charges the one ticker that can be the culprit: the only one being worked on, or the only one
/// there was. Where there are several, all of them are suspects and nobody is charged.
fn blame(report: &Report, budget: Budget, what: &str) -> Judgement {
    let count =
        |wanted: &Word| report.unfinished.iter().filter(|left| left.word == *wanted).count();
    let (begun, untouched) = (count(&Word::Begun), count(&Word::Untouched));
    let someone_failed = begun + untouched < report.unfinished.len();
    let one_of = |number: usize| if number == 1 { charged(budget, what) } else { Verdict::Suspect };
    by_word(report, |word| match word {
        Word::Begun => one_of(begun),
        Word::Untouched if begun == 0 && !someone_failed => one_of(untouched),
        Word::Untouched | Word::Failed { .. } => Verdict::Innocent,
    })
}

/// Time to wait before the attempt after `failures` failed ones (at least 1): any time up to a
/// limit that doubles (full jitter). `dice` is any number, all equally likely.
pub fn backoff(failures: u32, dice: u32) -> SignedDuration {
    fraction(doubled(BACKOFF_FIRST, failures.saturating_sub(1), BACKOFF_LIMIT), dice)
}

/// Time to wait before checking whether the cause of a pause is gone, after `pauses` in a row
/// before this one.
pub fn probe_after(pauses: u32) -> SignedDuration {
    doubled(PROBE_FIRST, pauses, PROBE_LIMIT)
}

/// Time to wait before the next canary, after `failed` ones came back with nothing.
pub fn canary_after(failed: u32) -> SignedDuration {
    doubled(PROBE_FIRST, failed, CANARY_LIMIT)
}

fn doubled(first: SignedDuration, times: u32, limit: SignedDuration) -> SignedDuration {
    let factor = 1_i32.checked_shl(times.min(30)).unwrap_or(i32::MAX);
    first.checked_mul(factor).map_or(limit, |longer| longer.min(limit))
}

fn fraction(whole: SignedDuration, dice: u32) -> SignedDuration {
    let ms = whole.as_millis() * i128::from(dice) / i128::from(u32::MAX);
    SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ending::Usage;
    use crate::facts::{Partway, Tally};
    use crate::supervise::common_cause::{self, CommonCause};
    use proptest::prelude::*;
    use shared::dataset::summary::Summary;

    fn report(ending: Ending, words: Vec<Word>) -> Report {
        let unfinished = words.into_iter().enumerate().map(|(number, word)| {
            let ticker = format!("T{number}").parse().expect("a ticker");
            Unfinished { ticker, word, partway: Partway::default(), proven: Summary::default() }
        });
        Report {
            ending,
            proven: Tally::default(),
            reported: 0,
            usage: Usage::default(),
            unfinished: unfinished.collect(),
            yielded: false,
            left_no_sign: false,
            clocks: None,
            pages: None,
            last_words: String::new(),
            dice: 0,
        }
    }

    fn judge(report: &Report) -> Judgement {
        super::judge(report, &Headway::of(report, vec![false; report.unfinished.len()]))
    }

    fn common_cause(report: &Report) -> Option<(CommonCause, String)> {
        common_cause::cause(report)
    }

    fn exited(code: i32, words: Vec<Word>) -> Report {
        report(Ending::Exited { code }, words)
    }

    fn failed(cause: &str, persistence: Persistence) -> Word {
        Word::failed(cause.to_owned(), persistence)
    }

    fn charged(cause: &str) -> Verdict {
        super::charged(Budget::Transient, cause)
    }

    fn by_crash(cause: &str) -> Verdict {
        super::charged(Budget::Crash, cause)
    }

    #[test]
    fn exit_0_with_something_unfinished_is_a_failure_unless_a_yield_was_said() {
        let silent = exited(0, vec![Word::Untouched]);
        let why = "exit 0, but work is missing and no yield was reported";
        assert_eq!(judge(&silent), Judgement::Tickers(vec![charged(why)]));
        let proven = Tally { tickers: 1, ..Tally::default() };
        let honest = Report { yielded: true, proven, ..silent.clone() };
        assert_eq!(judge(&honest), Judgement::Tickers(vec![Verdict::Innocent]));
        let lazy = Report { yielded: true, ..silent.clone() };
        let silent = Report { left_no_sign: true, ..exited(0, vec![Word::Untouched]) };
        assert_eq!(judge(&silent), Judgement::Tickers(vec![charged(NO_SIGN)]));
        assert_eq!(common_cause(&silent).map(|(_, words)| words).as_deref(), Some(NO_SIGN));
        assert_eq!(
            judge(&lazy),
            Judgement::Tickers(vec![charged("a yield with nothing done (exit 0)")])
        );
    }

    #[test]
    fn a_crash_charges_the_tickers_being_worked_on_and_nobody_else() {
        let crash = report(Ending::Signaled { signal: 11 }, vec![Word::Untouched, Word::Begun]);
        let expected = vec![Verdict::Innocent, by_crash("killed by SIGSEGV")];
        assert_eq!(judge(&crash), Judgement::Tickers(expected));
        let alone = exited(101, vec![Word::Untouched]);
        assert_eq!(judge(&alone), Judgement::Tickers(vec![by_crash("crashed (exit 101)")]));
    }

    #[test]
    fn where_several_may_be_to_blame_all_are_suspects_and_nobody_is_charged() {
        let unknown = exited(101, vec![Word::Untouched, Word::Untouched]);
        assert_eq!(judge(&unknown), Judgement::Tickers(vec![Verdict::Suspect; 2]));
        let side_by_side = exited(101, vec![Word::Begun, Word::Untouched, Word::Begun]);
        let expected = vec![Verdict::Suspect, Verdict::Innocent, Verdict::Suspect];
        assert_eq!(judge(&side_by_side), Judgement::Tickers(expected));
        let large = report(Ending::TooLarge { rss_bytes: 1 << 30 }, vec![Word::Begun]);
        let what = "ended because it had 1024 MiB of memory (--max-rss)";
        assert_eq!(judge(&large), Judgement::Tickers(vec![super::charged(Budget::Memory, what)]));
    }

    #[test]
    fn two_tellings_of_one_trouble_have_a_common_cause() {
        let down =
            |text: &str| common_cause(&exited(10, vec![failed(text, Persistence::Transient)]));
        let refused = down("connection refused").expect("it may be everybody's");
        assert_eq!(refused, (CommonCause::Source, "connection refused".to_owned()));
        assert_eq!(down("timeout").map(|(common, _)| common), Some(refused.0));
    }

    #[test]
    fn a_limit_that_is_too_tight_and_a_source_that_knows_nobody_have_a_common_cause() {
        let too_large =
            |mib: u64| report(Ending::TooLarge { rss_bytes: mib << 20 }, vec![Word::Begun]);
        let (one, other) = (common_cause(&too_large(11)), common_cause(&too_large(12)));
        assert_eq!(
            one.map(|(common, _)| common),
            other.map(|(common, _)| common),
            "whatever the number"
        );
        let late = report(Ending::TimedOut { ran_ms: 1000 }, vec![Word::Begun]);
        let nobody = exited(11, vec![failed("404", Persistence::Permanent)]);
        assert_eq!(common_cause(&nobody), Some((CommonCause::Unknown, "404".to_owned())));
        let nowhere = exited(13, vec![Word::Begun]);
        for report in [too_large(11), late, nobody, nowhere] {
            assert!(common_cause(&report).is_some());
        }
    }

    #[test]
    fn who_moves_on_is_not_charged_for_taking_long() {
        let two = |ending| report(ending, vec![Word::Begun, Word::Begun]);
        let first_moved =
            |report: &Report| super::judge(report, &Headway::of(report, vec![true, false]));
        let late = two(Ending::TimedOut { ran_ms: 1000 });
        assert_eq!(first_moved(&late), Judgement::Tickers(vec![Verdict::Innocent; 2]));
        let stalled = two(Ending::Stalled { quiet_ms: 1000 });
        assert_eq!(
            first_moved(&stalled),
            Judgement::Tickers(vec![Verdict::Innocent, Verdict::Suspect])
        );
        assert!(!is_stuck(
            &exited(13, vec![Word::Begun]),
            &Headway::of(&exited(13, vec![Word::Begun]), vec![true])
        ));
    }

    #[test]
    fn a_permanent_failure_is_not_tried_again_and_a_transient_one_is() {
        let words =
            vec![failed("404", Persistence::Permanent), failed("timeout", Persistence::Transient)];
        let expected = vec![Verdict::Hopeless("404".to_owned()), charged("timeout")];
        assert_eq!(judge(&exited(10, words)), Judgement::Tickers(expected));
        let wordless =
            vec![Verdict::Hopeless("failed permanently (exit 11), no ticker named".to_owned())];
        assert_eq!(judge(&exited(11, vec![Word::Begun])), Judgement::Tickers(wordless));
    }

    #[test]
    fn refusal_stops_and_a_local_resource_pauses_with_the_workers_last_words() {
        let refused =
            Report { last_words: "401 unknown key".to_owned(), ..exited(12, vec![Word::Begun]) };
        assert_eq!(
            judge(&refused),
            Judgement::StopRun("key or plan refused (exit 12): 401 unknown key".to_owned())
        );
        let full = Judgement::PauseRun("a local resource is in the way (exit 13)".to_owned());
        assert_eq!(judge(&exited(13, vec![Word::Begun])), full);
    }

    #[test]
    fn whatever_the_exit_code_what_is_all_proven_is_done() {
        for code in [0, 2, 10, 11, 12, 13, 101] {
            assert_eq!(
                judge(&exited(code, Vec::new())),
                Judgement::Tickers(Vec::new()),
                "exit {code}"
            );
        }
    }

    proptest! {
        #[test]
        fn backoff_is_never_longer_than_its_doubling_limit(failures in 0..100_u32, dice in any::<u32>()) {
            let limit = SignedDuration::from_secs(1_i64 << failures.saturating_sub(1).min(9)).min(BACKOFF_LIMIT);
            let wait = backoff(failures, dice);
            prop_assert!(wait <= limit && wait >= SignedDuration::ZERO, "{wait:?} against {limit:?}");
            prop_assert_eq!(backoff(failures, u32::MAX), limit);
            prop_assert!(probe_after(failures) <= PROBE_LIMIT);
        }
    }
}
