//! The tape of one synthetic stock and day: every print, in the order of its stamp and sequence
//! number.
//!
//! A print carries only what bars need; [`decorate`] adds what a client sees of it besides.
//! Everything is a function of the stock, the day and the print's number.

use shared::market::session::Session;
use shared::market::trading_day::TradingDay;

use super::price_path::DayPath;
use super::universe::{Liquidity, Stock, first_heavy_day};
use crate::sim::chance::{Dice, join, mix};
use crate::sim::fixed::{Price, Shares};
use crate::sim::record::{Rescale, Trade};

/// What sort of trade a print is; decides which bars it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A trade like any other in regular hours.
    Plain,
    /// Under 100 shares: volume only (condition 37).
    OddLot,
    /// Priced elsewhere: volume only (condition 2).
    AveragePrice,
    /// Outside regular hours: minute bars only (condition 12).
    FormT,
    /// Outside regular hours and under 100 shares: volume of minute bars only (conditions 12, 37).
    FormTOddLot,
    /// The auction that makes the day's close (conditions 8, 15).
    Closing,
    /// Cancelled later, and flagged (correction 8): moves nothing.
    Cancelled,
}

/// The essence of one trade.
#[derive(Debug, Clone, Copy)]
pub struct Print {
    /// SIP stamp, ns UTC.
    pub sip_ns: i64,
    /// Increasing within the day.
    pub sequence: i64,
    /// As traded.
    pub price: Price,
    /// Exact size.
    pub size: Shares,
    /// What sort it is.
    pub kind: Kind,
    is_off_exchange: bool,
    bits: u64,
}

impl Kind {
    /// Whether it moves open, high, low and close of the day.
    pub fn moves_day_price(self) -> bool {
        matches!(self, Self::Plain | Self::Closing)
    }

    /// Whether it counts in the day's volume.
    pub fn moves_day_volume(self) -> bool {
        matches!(self, Self::Plain | Self::Closing | Self::OddLot | Self::AveragePrice)
    }

    /// Whether it moves open, high, low and close of its minute.
    pub fn moves_minute_price(self) -> bool {
        matches!(self, Self::Plain | Self::Closing | Self::FormT)
    }

    /// Whether it counts in its minute's volume.
    pub fn moves_minute_volume(self) -> bool {
        self != Self::Cancelled
    }

    fn conditions(self) -> &'static [i32] {
        match self {
            Self::Plain | Self::Cancelled => &[],
            Self::OddLot => &[37],
            Self::AveragePrice => &[2],
            Self::FormT => &[12],
            Self::FormTOddLot => &[12, 37],
            Self::Closing => &[8, 15],
        }
    }
}

const SECOND_NS: i64 = 1_000_000_000;
/// The closing print comes this long after the bell.
const AUCTION_NS: i64 = 150_000_000;

/// A stretch of the day with one rule for its prints.
#[derive(Debug, Clone, Copy)]
struct Leg {
    from_ns: i64,
    length_ns: i64,
    prints: u64,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Extended,
    Regular,
    Auction,
}

/// Every print of a day, one at a time.
pub struct Tape {
    legs: [Leg; 4],
    leg: usize,
    in_leg: u64,
    dice: Dice,
    path: DayPath,
    open_ns: i64,
    length_ns: i64,
    /// Prices as traded are today's prices divided by this.
    rescale: f64,
    has_fractions: bool,
    sip_ns: i64,
    sequence: i64,
}

impl Tape {
    /// The tape of `stock` on `day`, whose session is `session`; no print before listing, after
    /// delisting or in a halt.
    pub fn new(stock: &Stock, day: TradingDay, session: Session, elephant_trades: u64) -> Self {
        let mut dice = Dice::new(join(stock.key ^ 0x7A9E, number_of(day)));
        let open_ns = ns(session.extended_open(day));
        let end_ns = ns(session.extended_close(day));
        let count = if stock.listing.trades_on(day) && !is_halted(stock.key, day) {
            trades_of(stock.liquidity, day, session, elephant_trades, &mut dice)
        } else {
            0
        };
        Self {
            legs: legs(day, session, count),
            leg: 0,
            in_leg: 0,
            dice,
            path: DayPath::new(stock.key, stock.typical_price, day),
            open_ns,
            length_ns: end_ns - open_ns,
            rescale: Rescale::at(day.start_utc_ms(), &stock.splits).as_f64(),
            has_fractions: day >= first_fractional_day(),
            sip_ns: 0,
            sequence: 100,
        }
    }

    fn price(&self, bits: u64, is_off_exchange: bool) -> Price {
        let along = (self.sip_ns - self.open_ns) as f64 / self.length_ns as f64;
        // The last sixteen bits stray by up to 0.1 % either way.
        let noise = ((bits & 0xFFFF) as f64 / 65_536.0 - 0.5) * 0.002;
        let dollars = self.path.at(along) * (1.0 + noise) / self.rescale;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "prices stay below a few thousand dollars"
        )]
        let units = (dollars * 1e4 + 0.5) as i64;
        // A dollar and more trades in cents, off-exchange in half cents; less, in hundredths of a
        // cent.
        let tick = if units < 10_000 {
            1
        } else if is_off_exchange {
            50
        } else {
            100
        };
        Price((units / tick * tick).max(1))
    }

    fn advance(&mut self, leg: Leg, bits: u64) {
        let is_tied = self.in_leg > 0 && bits.is_multiple_of(16);
        if !is_tied {
            let jitter = ((bits >> 4) & 0xFFFF) as f64 / 65_536.0;
            let even = (self.in_leg as f64 + jitter) / leg.prints as f64;
            // Half of a smoothstep: busier at both ends, as a session is.
            let bent = if leg.part == Part::Regular {
                0.5 * even + 0.5 * even * even * (3.0 - 2.0 * even)
            } else {
                even
            };
            #[expect(clippy::cast_possible_truncation, reason = "a fraction of a day in ns")]
            let offset = (bent * leg.length_ns as f64) as i64;
            self.sip_ns = self.sip_ns.max(leg.from_ns + offset);
        }
        self.sequence += 1 + i64::from((bits >> 20).is_multiple_of(8)) * 3;
    }
}

impl Iterator for Tape {
    type Item = Print;

    fn next(&mut self) -> Option<Print> {
        while self.legs.get(self.leg)?.prints == self.in_leg {
            self.leg += 1;
            self.in_leg = 0;
        }
        let leg = self.legs[self.leg];
        let bits = self.dice.roll();
        self.advance(leg, bits >> 32);
        let is_off_exchange = leg.part != Part::Auction && (bits >> 16).is_multiple_of(4);
        let price = self.price(bits, is_off_exchange);
        let (size, is_odd) = size(leg.part, mix(bits), is_off_exchange && self.has_fractions);
        self.in_leg += 1;
        let kind = kind(leg.part, (bits >> 18) & 0x3FF, is_odd, is_off_exchange);
        Some(Print {
            sip_ns: self.sip_ns,
            sequence: self.sequence,
            price,
            size,
            kind,
            is_off_exchange,
            bits,
        })
    }
}

fn kind(part: Part, lot: u64, is_odd: bool, is_off_exchange: bool) -> Kind {
    match (part, is_odd) {
        (Part::Auction, _) => Kind::Closing,
        (Part::Extended, true) => Kind::FormTOddLot,
        (Part::Extended, false) => Kind::FormT,
        (Part::Regular, _) if lot == 0 => Kind::Cancelled,
        (Part::Regular, true) => Kind::OddLot,
        (Part::Regular, false) if is_off_exchange && lot < 32 => Kind::AveragePrice,
        (Part::Regular, false) => Kind::Plain,
    }
}

/// The size, and whether it is under a round lot.
fn size(part: Part, bits: u64, may_be_fractional: bool) -> (Shares, bool) {
    let at_most = |most: u64| i64::try_from((bits >> 8) % most).expect("a small number") + 1;
    match bits & 0xF {
        _ if part == Part::Auction => (Shares::whole(1_000 + 10 * at_most(900)), false),
        0..=6 => (Shares::whole(100), false),
        7..=9 => (Shares::whole(100 * at_most(9)), false),
        10 => (Shares::whole(1_000 * at_most(5)), false),
        11 | 12 if may_be_fractional => (Shares(at_most(99_000_000)), true),
        _ => (Shares::whole(at_most(99)), true),
    }
}

fn legs(day: TradingDay, session: Session, count: u64) -> [Leg; 4] {
    let open = ns(session.regular_open(day));
    let close = ns(session.regular_close(day));
    let (before, after, auction) = if count < 20 { (0, 0, 0) } else { (count / 12, count / 16, 1) };
    let (early, late) = (ns(session.extended_open(day)), ns(session.extended_close(day)));
    let leg = |from_ns: i64, to_ns: i64, prints, part| Leg {
        from_ns,
        length_ns: to_ns - from_ns,
        prints,
        part,
    };
    [
        leg(early, open, before, Part::Extended),
        leg(open, close, count - before - after - auction, Part::Regular),
        leg(close + AUCTION_NS, close + AUCTION_NS + 1, auction, Part::Auction),
        leg(close + SECOND_NS, late, after, Part::Extended),
    ]
}

fn trades_of(
    liquidity: Liquidity,
    day: TradingDay,
    session: Session,
    elephant_trades: u64,
    dice: &mut Dice,
) -> u64 {
    let count = match liquidity {
        Liquidity::Illiquid => dice.below(4),
        Liquidity::Thin => 5 + dice.below(56),
        Liquidity::Elephant if day >= first_heavy_day() => {
            elephant_trades * 3 / 4 + dice.below(elephant_trades / 2 + 1)
        }
        Liquidity::Normal | Liquidity::Elephant => 40 + dice.below(121),
    };
    match session {
        Session::Full => count,
        Session::Half => count / 2,
    }
}

/// About one stock in 60 stops for one to five days in every window of 23.
fn is_halted(key: u64, day: TradingDay) -> bool {
    let (window, in_window) = (number_of(day) / 23, number_of(day) % 23);
    let mut dice = Dice::new(join(key ^ 0x4A17, window));
    let (halts, start, length) = (dice.once_in(60), dice.below(18), 1 + dice.below(5));
    halts && (start..start + length).contains(&in_window)
}

fn number_of(day: TradingDay) -> u64 {
    u64::try_from(TradingDay::MIN.days_until(day)).expect("no day is before the first")
}

fn first_fractional_day() -> TradingDay {
    TradingDay::from_ymd(2026, 2, 23).expect("a date")
}

fn ns(at: jiff::Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).expect("no session is beyond the year 2262")
}

/// What the trades endpoint says of a print.
pub fn decorate(print: &Print, stock: &Stock, day: TradingDay) -> Trade {
    let bits = mix(print.bits);
    // Until 2004 the tape knew neither ids nor which tape it was.
    let is_early = day.year() < 2004;
    let lag_ns = if print.is_off_exchange && bits.is_multiple_of(1024) {
        9_000 * SECOND_NS // a late report, hours after the trade
    } else {
        100_000 + i64::try_from((bits >> 32) & 0xF_FFFF).expect("twenty bits")
    };
    let facility = [201, 202, 203][usize::try_from(bits % 3).expect("under three")];
    Trade {
        sip_ns: print.sip_ns,
        participant_ns: print.sip_ns - lag_ns,
        trf: print.is_off_exchange.then_some((facility, print.sip_ns - 90_000)),
        sequence: print.sequence,
        price: print.price,
        size: print.size,
        spells_decimal_size: day.year() >= 2010,
        id: (!is_early).then_some(print.bits >> 20),
        exchange: if print.is_off_exchange {
            4
        } else {
            [1, 7, 8, 10, 11, 12, 15, 19][(bits & 7) as usize]
        },
        conditions: print.kind.conditions(),
        correction: (print.kind == Kind::Cancelled).then_some(8),
        tape: match stock.listing.mic {
            _ if is_early => 0,
            "XNYS" => 1,
            "XNAS" => 3,
            _ => 2,
        },
    }
}
