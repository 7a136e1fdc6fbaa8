//! Does the source answer? Told by what all requests of this process meet together. Pure: time
//! comes in as an argument, counted from any beginning.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::run::outage::Symptom;

use super::failure::Failure;

/// While requests are on their way and no byte comes for so long, the source is silent.
const SILENCE: Duration = Duration::from_secs(5);
/// While every request fails for so long, the source is in trouble: one that fails now and then is
/// usual.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the requests of a process have met so far.
#[derive(Debug, Default)]
pub struct Answering {
    /// When each request was sent that is on its way.
    sent: BTreeMap<RequestId, Duration>,
    latest: u64,
    /// When the last byte of any reply came.
    heard_at: Duration,
    /// Nothing but failures of the source: since when, and what the last one was.
    failing: Option<(Duration, Symptom)>,
}

/// A request that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(u64);

impl Answering {
    /// A request goes out.
    pub fn sends(&mut self, now: Duration) -> RequestId {
        self.latest += 1;
        let request = RequestId(self.latest);
        self.sent.insert(request, now);
        request
    }

    /// Bytes of some reply come.
    pub fn hears(&mut self, now: Duration) {
        self.heard_at = self.heard_at.max(now);
    }

    /// A request is over: it brought an answer, or failed so.
    pub fn ends(&mut self, request: RequestId, failure: Option<&Failure>) {
        let Some(sent_at) = self.sent.remove(&request) else { return };
        let symptom = match failure {
            Some(Failure::Transport(_) | Failure::CutPage(_)) => Symptom::Unreachable,
            Some(Failure::Unfinished(_)) if self.heard_at > sent_at => Symptom::Unreachable,
            Some(Failure::Unfinished(_)) => Symptom::Silent,
            Some(Failure::Server { status, .. }) => Symptom::Status(*status),
            Some(Failure::RateLimited { .. }) => Symptom::Status(429),
            // An answer, to whatever effect.
            None
            | Some(
                Failure::NotAPage(_)
                | Failure::Lie(_)
                | Failure::BadRequest { .. }
                | Failure::Refused { .. }
                | Failure::OutsidePlan(_),
            ) => {
                self.failing = None;
                return;
            }
            // Of this machine they tell, not of the source.
            Some(Failure::Short { .. } | Failure::NoTurn(_) | Failure::Stopped) => return,
        };
        let since = self.failing.map_or(sent_at, |(since, _)| since);
        self.failing = Some((since, symptom));
    }

    /// Since when the source has not answered as it should, and how.
    pub fn outage(&self, now: Duration) -> Option<(Duration, Symptom)> {
        let lasts = |since: &Duration, least| now.saturating_sub(*since) >= least;
        let waits_since = self.sent.values().min();
        let silent_since = waits_since.map(|since| self.heard_at.max(*since));
        let silence = silent_since.filter(|since| lasts(since, SILENCE));
        match (self.failing, silence) {
            (None, silence) => silence.map(|since| (since, Symptom::Silent)),
            (Some((since, _)), Some(_)) => Some((since, Symptom::Silent)),
            (Some((since, symptom)), None) => lasts(&since, PATIENCE).then_some((since, symptom)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn refused(status: u16) -> Failure {
        match status {
            429 => Failure::RateLimited { retry_after: None, words: String::new() },
            status => Failure::Server { status, words: String::new() },
        }
    }

    #[test]
    fn a_source_of_which_no_byte_comes_is_silent_after_five_seconds_since_the_last_one() {
        let mut source = Answering::default();
        let first = source.sends(s(10));
        assert_eq!(source.outage(s(14)), None, "a page may take its time");
        assert_eq!(source.outage(s(15)), Some((s(10), Symptom::Silent)));
        source.hears(s(16));
        assert_eq!(source.outage(s(20)), None, "bytes come, however slowly");
        source.sends(s(17));
        assert_eq!(source.outage(s(22)), Some((s(16), Symptom::Silent)), "to none of both");
        source.ends(first, Some(&Failure::Unfinished("timed out".to_owned())));
        assert_eq!(source.outage(s(21)), Some((s(10), Symptom::Unreachable)), "it broke off");
        assert_eq!(source.outage(s(22)), Some((s(10), Symptom::Silent)), "and no more comes");
    }

    #[test]
    fn nobody_who_waits_for_a_turn_calls_the_source_silent() {
        let mut source = Answering::default();
        let request = source.sends(s(0));
        source.hears(s(1));
        source.ends(request, None);
        assert_eq!(source.outage(s(1_000)), None);
    }

    #[test]
    fn a_source_that_refuses_everybody_is_told_after_two_seconds_and_until_something_comes() {
        for status in [429, 500, 503] {
            let mut source = Answering::default();
            let request = source.sends(s(5));
            source.ends(request, Some(&refused(status)));
            assert_eq!(source.outage(s(6)), None, "once is usual");
            let request = source.sends(s(7));
            assert_eq!(source.outage(s(7)), Some((s(5), Symptom::Status(status))));
            source.ends(request, Some(&refused(503)));
            assert_eq!(
                source.outage(s(90)),
                Some((s(5), Symptom::Status(503))),
                "the last word, the first time"
            );
            let request = source.sends(s(91));
            source.ends(request, None);
            assert_eq!(source.outage(s(92)), None);
        }
    }

    #[test]
    fn what_the_source_answers_to_a_bad_question_is_an_answer_and_what_this_machine_lacks_is_none_of_its()
     {
        let bad = Failure::BadRequest { status: 404, words: String::new() };
        let own = Failure::NoTurn("the budget is locked".to_owned());
        for (failure, expected) in [(bad, None), (own, Some((s(5), Symptom::Status(500))))] {
            let mut source = Answering::default();
            let request = source.sends(s(5));
            source.ends(request, Some(&refused(500)));
            let request = source.sends(s(6));
            source.ends(request, Some(&failure));
            assert_eq!(source.outage(s(9)), expected, "{failure}");
        }
    }
}
