//! Scenario: everything that a life is dealt before it begins, from one seed. What comes of it is
//! decided by the code that is looked at, and by nothing else.

use jiff::Timestamp;
use launcher::plan::settings::Rules;
use shared::dataset::answers::Asker;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::dataset::run_mark::RunMark;
use shared::market::session;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;
use shared::run::size::Size;
use shared::run::window::Window;
use tests::sim::chance::{Dice, join};

use super::clock::{Clock, DAY, HOUR, moment};
use super::stages::{self, Stage};
pub(crate) use super::trouble::{Spell, Trouble, below};

/// Of what kind a ticker is, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It has rows on every session.
    Good,
    /// It has rows on some sessions.
    Illiquid,
    /// It has no rows at all, and the source says so.
    Dead,
    /// The source does not know it: 404.
    Unknown,
    /// Of one session (by its number) the source sends two rows for one stamp.
    Twin(usize),
    /// The source answers 504 to whoever asks for more days than these at once.
    Heavy(u32),
    /// The source answers 504 to whoever asks for this session (by its number).
    Mute(usize),
    /// Whoever works on it dies.
    Poison,
    /// Nobody can write into its folder.
    Locked,
}

impl Behaviour {
    /// Does the source give all that there is of it, and does it harm nobody?
    fn is_good(self) -> bool {
        match self {
            // A day is the least that is asked for.
            Self::Good | Self::Illiquid | Self::Dead | Self::Heavy(_) => true,
            Self::Unknown | Self::Twin(_) | Self::Mute(_) | Self::Poison | Self::Locked => false,
        }
    }
}

/// One ticker.
#[derive(Debug, Clone)]
pub(crate) struct Security {
    /// Its name.
    pub(crate) ticker: Ticker,
    /// What it is like.
    pub(crate) behaviour: Behaviour,
    /// When the source revises its rows.
    pub(crate) revised_at: Vec<u64>,
}

/// What may happen at any step, once in so many; 0 is never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Odds {
    /// A worker dies.
    pub(crate) crash: u64,
    /// The supervisor is killed.
    pub(crate) kill: u64,
    /// Somebody asks for a stop.
    pub(crate) stop: u64,
    /// A file is damaged between two rounds, or during one.
    pub(crate) damage: u64,
    /// The events of an attempt are lost.
    pub(crate) mute: u64,
}

/// What is dealt at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Nothing is wrong, and nobody is.
    TroubleFree,
    /// Nothing is wrong but a session of one ticker and another, for good.
    OwnTrouble,
    /// Stages.
    Staged,
    /// Whatever may come.
    Any,
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    pub(crate) zone: Zone,
    pub(crate) securities: Vec<Security>,
    pub(crate) asked: DateRange,
    /// The sessions asked for, and noon of each, ms UTC.
    pub(crate) sessions: Vec<(TradingDay, i64)>,
    pub(crate) rules: Rules,
    pub(crate) batch_size: usize,
    pub(crate) is_split: bool,
    pub(crate) recheck_empty: u32,
    pub(crate) is_anew: bool,
    pub(crate) tries: u32,
    pub(crate) window: Window,
    pub(crate) page_rows: usize,
    /// The first session that the plan reaches.
    pub(crate) plan_begins: usize,
    pub(crate) spells: Vec<Spell>,
    pub(crate) clock: Clock,
    pub(crate) odds: Odds,
    /// How often the run is begun, or begun again, before the last time.
    pub(crate) rounds: u64,
    /// What stands between the rounds, where a life goes in stages.
    pub(crate) stages: Vec<Stage>,
}

impl Scenario {
    /// The scenario of this seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(join(seed, 0xFA7E));
        let kind = dice.pick(&[Kind::Minute, Kind::Minute, Kind::Trades, Kind::Daily]);
        let asked = days(kind, &mut dice);
        let sessions: Vec<_> = session::sessions(asked.from(), asked.to())
            .map(|(day, _)| (day, Zone::Utc.start_ms(day) + 15 * 3_600_000))
            .collect();
        let sort = dice.pick(&[
            Sort::TroubleFree,
            Sort::OwnTrouble,
            Sort::Staged,
            Sort::Staged,
            Sort::Any,
            Sort::Any,
            Sort::Any,
        ]);
        let count = 1 + below(&mut dice, 12) * below(&mut dice, 12) / 11;
        let count = if sort == Sort::OwnTrouble { count.max(4) } else { count };
        let is_peaceful = matches!(sort, Sort::TroubleFree | Sort::OwnTrouble);
        let securities: Vec<Security> =
            (0..count).map(|at| security(at, sessions.len(), sort, &mut dice)).collect();
        let (stages, spells) = match sort {
            Sort::TroubleFree | Sort::OwnTrouble => (Vec::new(), Vec::new()),
            Sort::Staged => stages::draw(count, &mut dice),
            Sort::Any => (Vec::new(), spells(count, &mut dice)),
        };
        let odds = if is_peaceful { Odds::default() } else { odds(&mut dice) };
        Self {
            kind,
            zone: if dice.once_in(8) { Zone::NewYork } else { Zone::Utc },
            rules: rules(&mut dice),
            batch_size: 1 + below(&mut dice, 5),
            is_split: dice.once_in(4),
            recheck_empty: dice.pick(&[0, 1]),
            is_anew: dice.once_in(3),
            tries: dice.pick(&[1, 3, 8]),
            window: dice.pick(&[Window::Range, Window::Range, Window::Month]),
            page_rows: dice.pick(&[2, 7, 1000]),
            plan_begins: if dice.once_in(6) { below(&mut dice, 1 + sessions.len()) } else { 0 },
            clock: if is_peaceful || !dice.once_in(3) {
                Clock::right()
            } else {
                Clock::jumping(&mut dice)
            },
            rounds: if stages.is_empty() { dice.below(4) } else { stages.len() as u64 },
            stages,
            securities,
            asked,
            sessions,
            spells,
            odds,
        }
    }

    /// The troubles of `t` that meet `whom`.
    pub(crate) fn troubles(&self, t: u64, whom: usize) -> impl Iterator<Item = Trouble> {
        let meets = move |spell: &&Spell| {
            spell.from <= t && t < spell.to && spell.whom.is_none_or(|it| it == whom)
        };
        self.spells.iter().filter(meets).map(|spell| spell.trouble)
    }

    /// Did nothing from `from` to `to` keep `whom` from getting done that is its own, the source's,
    /// or does not pass?
    pub(crate) fn was_served(&self, whom: usize, from: u64, to: u64) -> bool {
        let meets = |spell: &&Spell| {
            spell.from <= to && from < spell.to && spell.whom.is_none_or(|it| it == whom)
        };
        let excuses = |spell: &Spell| {
            spell.trouble.is_of_source()
                || spell.trouble.is_of_machine()
                    && (spell.whom.is_some() || spell.to - spell.from > 8 * HOUR)
        };
        !self.spells.iter().filter(meets).any(excuses)
    }

    /// Is there nothing wrong but what is a ticker's own and says so? Then nobody waits for anybody
    /// else.
    pub(crate) fn has_only_own_trouble(&self) -> bool {
        let Odds { crash, kill, damage, mute, .. } = self.odds;
        let is_own = |security: &Security| match security.behaviour {
            Behaviour::Good
            | Behaviour::Illiquid
            | Behaviour::Dead
            | Behaviour::Twin(_)
            | Behaviour::Heavy(_) => true,
            // If the plan reaches nothing else of it, nobody can know whose trouble it is.
            Behaviour::Mute(_) => self.plan_begins == 0,
            Behaviour::Unknown | Behaviour::Poison | Behaviour::Locked => false,
        };
        self.spells.is_empty()
            && crash + kill + damage + mute == 0
            && self.securities.iter().all(is_own)
    }

    /// Is everything to be had of `whom`, in peace?
    pub(crate) fn is_good(&self, whom: usize) -> bool {
        self.securities[whom].behaviour.is_good()
    }

    /// The days asked of `whom` that are to be had in peace.
    pub(crate) fn to_be_had(&self, whom: usize) -> Coverage {
        let all = Coverage::from(self.asked);
        match self.securities[whom].behaviour {
            Behaviour::Good | Behaviour::Illiquid | Behaviour::Dead | Behaviour::Heavy(_) => all,
            Behaviour::Twin(at) => match self.sessions.get(at) {
                Some((day, _)) => all.minus(&Partition::of(self.kind, *day).span().into()),
                None => all,
            },
            Behaviour::Mute(at) => match self.sessions.get(at) {
                Some((day, _)) => all.minus(&Partition::Day(*day).span().into()),
                None => all,
            },
            Behaviour::Unknown | Behaviour::Poison | Behaviour::Locked => Coverage::empty(),
        }
    }

    /// No visit to one ticker takes more requests: each day may be asked for alone, behind all
    /// ranges that it was part of, and once more when the plan's begin is looked for; each page so
    /// often as tries and lies allow.
    pub(crate) fn most_requests_of_a_visit(&self) -> u64 {
        let questions = 2 * u64::from(self.asked.days()) + 4;
        let refused = if self.plan_begins > 0 { 2 * u64::from(self.asked.days()) } else { 0 };
        let pages = 3 * self.sessions.len() as u64 / (self.page_rows as u64 - 1).max(1) + 1;
        let in_vain = 3 * u64::from(self.tries) * questions;
        let is_limited = self.spells.iter().any(|spell| spell.trouble == Trouble::RateLimit);
        in_vain + refused + 2 * pages + if is_limited { 100 * questions } else { 0 }
    }

    /// No start of a run takes more attempts: each ticker has its budgets, each day is headway
    /// once, suspects are halved, and whoever is sent ahead in vain is so every few minutes until
    /// the run is given up.
    pub(crate) fn most_attempts_of_a_start(&self) -> u64 {
        let securities = self.securities.len() as u64 + 1;
        let budgets = 3 * (u64::from(self.rules.retries) + 1) + 3;
        securities * (budgets + 2 * u64::from(self.asked.days())) + 2 * 12 * 12 + 40
    }

    /// What is wrong with this machine at `t`.
    pub(crate) fn machine_trouble(&self, t: u64) -> Option<Trouble> {
        self.troubles(t, usize::MAX).find(|trouble| trouble.is_of_machine())
    }

    /// The first moment after which nothing is wrong any more but characters.
    pub(crate) fn calm_from(&self) -> u64 {
        self.spells.iter().map(|spell| spell.to).max().unwrap_or(0)
    }

    /// UTC, as this machine believes.
    pub(crate) fn wall(&self, t: u64) -> Timestamp {
        self.clock.wall(t)
    }
}

fn days_below(dice: &mut Dice, sides: u64) -> i32 {
    i32::try_from(dice.below(sides)).expect("few days")
}

fn days(kind: Kind, dice: &mut Dice) -> DateRange {
    let base = TradingDay::from_ymd(2024, 1, 8).expect("a date");
    let (reach, longest) = match kind {
        Kind::Daily => (20, 40),
        Kind::Minute => (50, 70),
        Kind::Trades => (50, 9),
    };
    let back = if kind == Kind::Daily { 20 } else { 0 };
    let from = base.plus_days(days_below(dice, reach) - back);
    let to = from.plus_days(4 + days_below(dice, longest));
    let latest = TradingDay::from_ymd(2024, 3, 8).expect("a date");
    DateRange::new(from, to.min(latest)).expect("four days at least")
}

fn security(at: usize, sessions: usize, sort: Sort, dice: &mut Dice) -> Security {
    let only_good = sort == Sort::TroubleFree;
    let name = format!("T{}", char::from(b'A' + u8::try_from(at).expect("few tickers")));
    let behaviour = match dice.below(24) {
        _ if only_good => Behaviour::Good,
        0..12 if sort == Sort::OwnTrouble => {
            let session = below(dice, sessions.max(1));
            if at.is_multiple_of(2) { Behaviour::Twin(session) } else { Behaviour::Mute(session) }
        }
        _ if sort == Sort::OwnTrouble => Behaviour::Good,
        0 => Behaviour::Unknown,
        1 => Behaviour::Twin(below(dice, sessions.max(1))),
        2 => match dice.pick(&[1, 6, 32]) {
            number if at.is_multiple_of(2) => Behaviour::Heavy(number),
            number => Behaviour::Mute(number as usize),
        },
        3 => Behaviour::Poison,
        4 => Behaviour::Locked,
        5 => Behaviour::Dead,
        6..=9 => Behaviour::Illiquid,
        _ => Behaviour::Good,
    };
    let revisions = if only_good { 0 } else { dice.below(3) };
    let revised_at = (0..revisions).map(|_| moment(dice)).collect();
    Security { ticker: name.parse().expect("a ticker"), behaviour, revised_at }
}

fn spells(securities: usize, dice: &mut Dice) -> Vec<Spell> {
    let count = dice.below(5);
    let spell = |dice: &mut Dice| {
        let from = if dice.once_in(3) { 0 } else { moment(dice) };
        let to = if dice.once_in(8) { from + 60 * DAY } else { from + moment(dice) };
        let trouble = dice.pick(&[
            Trouble::Silence,
            Trouble::Silence,
            Trouble::Server,
            Trouble::RateLimit,
            Trouble::Garbage,
            Trouble::KeyRefused,
            Trouble::Forgetful,
            Trouble::Forgetful,
            Trouble::Shrunk,
            Trouble::Falling,
            Trouble::OtherTicker,
            Trouble::FullDisk,
            Trouble::ReadOnly,
        ]);
        let is_everybodys =
            matches!(trouble, Trouble::FullDisk | Trouble::KeyRefused) || dice.once_in(2);
        let whom = if is_everybodys { None } else { Some(below(dice, securities)) };
        Spell { from, to, trouble, whom }
    };
    (0..count).map(|_| spell(dice)).collect()
}

fn odds(dice: &mut Dice) -> Odds {
    let mut once_in = |choices: &[u64]| dice.pick(choices);
    Odds {
        crash: once_in(&[0, 0, 20, 4]),
        kill: once_in(&[0, 0, 60, 12]),
        stop: once_in(&[0, 0, 0, 80]),
        damage: once_in(&[0, 0, 3]),
        mute: once_in(&[0, 0, 4, 1]),
    }
}

fn rules(dice: &mut Dice) -> Rules {
    Rules {
        max_concurrent: dice.pick(&[1_u32, 2, 3, 4]).try_into().expect("at least one"),
        retries: dice.pick(&[0, 1, 2, 3]),
        min_free_memory: Size(0),
    }
}

/// A run of a life by its number, as its ledger lines name it.
pub(crate) fn asker(number: u64, since: Option<Timestamp>) -> Asker {
    let mark = RunMark::of_run(&format!("run {number}"));
    if since.is_some() { Asker::Anew(mark) } else { Asker::Trusting(mark) }
}
