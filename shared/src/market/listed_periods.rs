//! From what reference data say to the periods of each ticker. Pure: rows in, periods out.
//!
//! Three sources are held against each other, the surest first. A *ticker event* dates a symbol to
//! the day. A *row of the list* says until when a symbol was listed, or that it still is. A *listing
//! date* is the company's: it may lie before the symbol, so it counts only on days that nothing else
//! claims. What contradicts is left out and said, and what nobody says stays unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::security::{End, Figi, Known, ListedPeriod, Security, TickerPeriods};
use super::ticker::Ticker;
use super::trading_day::TradingDay;

/// A row of the list of tickers, with the listing date from its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRow {
    /// Symbol.
    pub ticker: Ticker,
    /// Does it trade?
    pub active: bool,
    /// The day of its delisting.
    pub delisted: Option<TradingDay>,
    /// FIGI of the composite.
    pub composite: Option<Figi>,
    /// FIGI of the share class.
    pub share_class: Option<Figi>,
    /// Its place in the list.
    pub place: usize,
    /// Number at the SEC: of the company.
    pub cik: Option<String>,
    /// Name of the company or fund.
    pub name: String,
    /// The listing date that the details of this security give.
    pub list_date: Option<TradingDay>,
}

/// Whose events the source was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskedOf {
    /// Those of the security with this composite.
    Composite(Figi),
    /// Those of the security that this symbol names now.
    Ticker(Ticker),
}

/// The events of one security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickerEvents {
    /// The question.
    pub asked: AskedOf,
    /// The composite that the answer names.
    pub composite: Option<Figi>,
    /// Since when it has had which symbol.
    pub changes: Vec<(TradingDay, Ticker)>,
}

/// What is said and not believed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// The symbol.
    pub ticker: Ticker,
    /// Whose it would be.
    pub security: Security,
    /// Why not.
    pub why: Contradiction,
}

/// Why something is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contradiction {
    /// Others hold the symbol on every day of it.
    Others,
    /// An event gives it a symbol that the list does not know, and it trades under another one.
    List,
    /// Events were asked for by symbol, and are of a security that never had it.
    Symbol,
}

impl fmt::Display for Doubt {
    /// `S258 as BBG001SMD6B8: it trades under another symbol`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Contradiction::Others => "another security holds the symbol on all these days",
            Contradiction::List => "it trades under another symbol",
            Contradiction::Symbol => "the events are of a security that never had the symbol",
        };
        write!(f, "{} as {}: {why}", self.ticker, self.security)
    }
}

/// Every ticker's periods.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Securities {
    periods: BTreeMap<Ticker, Vec<ListedPeriod>>,
    /// Each composite that is known, and its security.
    composites: BTreeMap<Figi, Security>,
    /// The row that tells most of a security: the one that trades, else the one that traded last.
    rows: BTreeMap<Security, (usize, String)>,
    /// What was left out, in order.
    pub doubts: Vec<Doubt>,
}

impl Securities {
    /// From the rows of one snapshot and the events of its securities.
    pub fn of(rows: &[ListedRow], events: &[TickerEvents]) -> Self {
        let names = Names::of(rows, events);
        let mut claims = Claims::default();
        let mut securities: BTreeMap<Security, Vec<&ListedRow>> = BTreeMap::new();
        for row in rows {
            securities.entry(names.security(row)).or_default().push(row);
        }
        let mut changes: BTreeMap<Security, BTreeSet<(TradingDay, Ticker)>> = BTreeMap::new();
        for one in events {
            match names.of_events(one) {
                Ok(security) => {
                    changes.entry(security).or_default().extend(one.changes.iter().cloned());
                }
                Err(doubt) => claims.doubts.extend(doubt),
            }
        }
        for (security, rows) in &securities {
            let changes = changes.remove(security).unwrap_or_default();
            claims.of_security(security, rows, &changes.into_iter().collect::<Vec<_>>());
        }
        for (security, changes) in changes {
            claims.of_security(&security, &[], &changes.into_iter().collect::<Vec<_>>());
        }
        let called = |(security, rows): (Security, Vec<&ListedRow>)| {
            let last = rows.into_iter().max_by_key(|row| (row.active, row.delisted))?;
            Some((security, (last.place, last.name.clone())))
        };
        let called = securities.into_iter().filter_map(called).collect();
        let Claims { by_ticker, mut doubts } = claims;
        let periods = by_ticker
            .into_iter()
            .map(|(ticker, claims)| {
                let resolved = resolve(claims, &mut doubts);
                (ticker, resolved)
            })
            .collect();
        doubts.sort();
        doubts.dedup();
        let composites = names.composites;
        Self { periods, composites, rows: called, doubts }
    }

    /// The periods of a ticker; `None` where nothing is known of it.
    pub fn ticker(&self, ticker: &Ticker) -> Option<TickerPeriods<'_>> {
        self.periods.get(ticker).map(|periods| TickerPeriods::of(periods))
    }

    /// The periods of all tickers, by ticker.
    pub fn all(&self) -> impl Iterator<Item = &ListedPeriod> {
        self.periods.values().flatten()
    }

    /// The security that a FIGI names, of a share class or of a composite.
    pub fn by_figi(&self, figi: &Figi) -> Option<Security> {
        let share_class = Security::ShareClass(figi.clone());
        let is_known = |security: &Security| self.all().any(|period| period.security == *security);
        self.composites.get(figi).cloned().or_else(|| is_known(&share_class).then_some(share_class))
    }

    /// What a security is called.
    pub fn name(&self, security: &Security) -> Option<&str> {
        self.rows.get(security).map(|(_, name)| name.as_str()).filter(|name| !name.is_empty())
    }

    /// The place in the list of the row that tells most of a security.
    pub fn place(&self, security: &Security) -> Option<usize> {
        self.rows.get(security).map(|(place, _)| *place)
    }

    /// The periods of a security under all its tickers, in time order.
    pub fn of_security(&self, security: &Security) -> Vec<&ListedPeriod> {
        let mut own: Vec<&ListedPeriod> =
            self.all().filter(|period| period.security == *security).collect();
        own.sort_by_key(|period| (period.to.last(), period.from));
        own
    }
}

/// What names a security.
struct Names<'a> {
    /// Each composite and its security.
    composites: BTreeMap<Figi, Security>,
    /// The composite of each ticker and company: a row of theirs may lack it.
    companies: BTreeMap<(&'a Ticker, &'a str), &'a Figi>,
    /// Of each ticker, the row without a FIGI that a question by ticker is about: the one that
    /// trades, else the one that traded last.
    nameless: BTreeMap<&'a Ticker, &'a ListedRow>,
    /// What the answer to such a question names.
    answered: BTreeMap<&'a Ticker, &'a Figi>,
}

impl<'a> Names<'a> {
    fn of(rows: &'a [ListedRow], events: &'a [TickerEvents]) -> Self {
        let mut composites = BTreeMap::new();
        let (mut companies, mut nameless) = (BTreeMap::new(), BTreeMap::new());
        for row in rows {
            let Some(composite) = &row.composite else {
                let kept = nameless.entry(&row.ticker).or_insert(row);
                if (row.active, row.delisted) > (kept.active, kept.delisted) {
                    *kept = row;
                }
                continue;
            };
            if let Some(share_class) = &row.share_class {
                composites.insert(composite.clone(), Security::ShareClass(share_class.clone()));
            } else {
                let own = || Security::Composite(composite.clone());
                composites.entry(composite.clone()).or_insert_with(own);
            }
            if let Some(cik) = &row.cik {
                companies.insert((&row.ticker, cik.as_str()), composite);
            }
        }
        let mut answered = BTreeMap::new();
        for one in events {
            let Some(composite) = &one.composite else { continue };
            let own = || Security::Composite(composite.clone());
            composites.entry(composite.clone()).or_insert_with(own);
            if let AskedOf::Ticker(ticker) = &one.asked
                && one.changes.iter().any(|(_, had)| had == ticker)
            {
                answered.insert(ticker, composite);
            }
        }
        Self { composites, companies, nameless, answered }
    }

    fn security(&self, row: &ListedRow) -> Security {
        if let Some(share_class) = &row.share_class {
            return Security::ShareClass(share_class.clone());
        }
        let by_company = || {
            let company = (&row.ticker, row.cik.as_deref()?);
            self.companies.get(&company).copied()
        };
        let by_answer = || {
            let asked = self.nameless.get(&row.ticker).is_some_and(|asked| *asked == row);
            self.answered.get(&row.ticker).filter(|_| asked).copied()
        };
        let composite = row.composite.as_ref().or_else(by_company).or_else(by_answer);
        match composite.and_then(|composite| self.composites.get(composite)) {
            Some(security) => security.clone(),
            None => Security::Listing {
                ticker: row.ticker.clone(),
                listed: row.list_date,
                delisted: row.delisted,
            },
        }
    }

    /// Whose events they are. An answer may name no composite, and then it is of the one row that
    /// the question was about.
    fn of_events(&self, one: &TickerEvents) -> Result<Security, Option<Doubt>> {
        let composite = match &one.asked {
            AskedOf::Composite(figi) => Some(figi),
            AskedOf::Ticker(_) => one.composite.as_ref(),
        };
        let security = match (composite, &one.asked) {
            (Some(composite), _) => self
                .composites
                .get(composite)
                .cloned()
                .unwrap_or_else(|| Security::Composite(composite.clone())),
            (None, AskedOf::Ticker(ticker)) => {
                self.security(self.nameless.get(ticker).ok_or(None)?)
            }
            (None, AskedOf::Composite(_)) => return Err(None),
        };
        match &one.asked {
            AskedOf::Ticker(ticker)
                if !one.changes.is_empty() && !one.changes.iter().any(|(_, had)| had == ticker) =>
            {
                let (ticker, why) = (ticker.clone(), Contradiction::Symbol);
                Err(Some(Doubt { ticker, security, why }))
            }
            AskedOf::Ticker(_) | AskedOf::Composite(_) => Ok(security),
        }
    }
}

/// The claims of all securities on all tickers.
#[derive(Default)]
struct Claims {
    by_ticker: BTreeMap<Ticker, Vec<ListedPeriod>>,
    doubts: Vec<Doubt>,
}

impl Claims {
    fn add(&mut self, claim: ListedPeriod) {
        self.by_ticker.entry(claim.ticker.clone()).or_default().push(claim);
    }

    /// What one security claims by its `rows` and by its `changes`, in time order.
    fn of_security(
        &mut self,
        security: &Security,
        rows: &[&ListedRow],
        changes: &[(TradingDay, Ticker)],
    ) {
        let row_of = |ticker: &Ticker| {
            let own = rows.iter().filter(|row| row.ticker == *ticker);
            own.max_by_key(|row| (row.active, row.delisted)).copied()
        };
        let mut changes = changes.to_vec();
        // Two events of one day, or a symbol that it already has: only the last counts.
        changes.dedup_by(|later, earlier| later.1 == earlier.1);
        if let Some((_, last)) = changes.last().cloned()
            && row_of(&last).is_none()
            && rows.iter().any(|row| row.active)
        {
            changes.pop();
            let (security, why) = (security.clone(), Contradiction::List);
            self.doubts.push(Doubt { ticker: last, security, why });
        }
        let list_date = rows.iter().filter_map(|row| row.list_date).min();
        for (number, (since, ticker)) in changes.iter().enumerate() {
            let next = changes.get(number + 1).map(|(day, _)| day.previous());
            let to = match (next, row_of(ticker)) {
                (Some(next), _) if next < *since => continue,
                (Some(next), _) => End::On(next),
                // It was delisted before: that is not the end of what begins here.
                (None, Some(row)) if end_of(row).last() < *since => End::Unknown,
                (None, Some(row)) => end_of(row),
                (None, None) => End::Unknown,
            };
            let is_first = number == 0;
            // The source's records begin here: what is older has this date too.
            let from = Some(*since).filter(|since| !is_first || *since > records_begin());
            if let Some(listed) = list_date.filter(|listed| is_first && *listed < *since) {
                let (to, known) = match from {
                    Some(from) => (End::On(from.previous()), Known::ListDate),
                    None => (to, Known::Events),
                };
                self.add(claim(security, ticker, Some(listed), to, known));
            }
            if from.is_some() || list_date.is_none_or(|listed| listed >= *since) {
                self.add(claim(security, ticker, from, to, Known::Events));
            }
        }
        // The listing date is that of the first symbol; since when there is another is not known.
        let symbols: BTreeSet<&Ticker> = rows.iter().map(|row| &row.ticker).collect();
        let rows: Vec<&ListedRow> = symbols.into_iter().filter_map(row_of).collect();
        let first = rows.iter().min_by_key(|row| end_of(row).last());
        for row in &rows {
            let is_dated = changes.iter().any(|(_, ticker)| *ticker == row.ticker);
            // Under its last symbol it trades on, whatever the events say of the end.
            let is_open = row.active && changes.last().is_some_and(|(_, last)| *last != row.ticker);
            if is_dated && !is_open {
                continue;
            }
            let is_first = first.is_some_and(|first| first.ticker == row.ticker);
            let is_possible = |day: &TradingDay| *day <= end_of(row).last();
            let from = list_date.filter(is_possible).filter(|_| changes.is_empty() && is_first);
            let known = if from.is_some() { Known::ListDate } else { Known::Snapshot };
            self.add(claim(security, &row.ticker, from, end_of(row), known));
        }
    }
}

fn claim(
    security: &Security,
    ticker: &Ticker,
    from: Option<TradingDay>,
    to: End,
    known: Known,
) -> ListedPeriod {
    ListedPeriod { ticker: ticker.clone(), security: security.clone(), from, to, known }
}

fn end_of(row: &ListedRow) -> End {
    match (row.active, row.delisted) {
        (true, _) => End::Open,
        (false, Some(day)) => End::By(day),
        (false, None) => End::Unknown,
    }
}

/// The first day of the source's records.
fn records_begin() -> TradingDay {
    TradingDay::from_ymd(2003, 9, 10).expect("a date")
}

/// The claims on one ticker, so that they share no day, in time order.
fn resolve(mut claims: Vec<ListedPeriod>, doubts: &mut Vec<Doubt>) -> Vec<ListedPeriod> {
    let order = |claim: &ListedPeriod| (claim.from, claim.to == End::Open);
    claims.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.security.cmp(&b.security)));
    let (sure, mut other): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| claim.known == Known::Events && claim.from.is_some());
    let mut periods: Vec<ListedPeriod> = Vec::new();
    // Who got the symbol later has it; who had it before may have it again.
    for claim in sure {
        for period in std::mem::take(&mut periods) {
            let (ticker, security) = (period.ticker.clone(), period.security.clone());
            let left = cut(period, &claim);
            if left.is_empty() && security != claim.security {
                doubts.push(Doubt { ticker, security, why: Contradiction::Others });
            }
            periods.extend(left);
        }
        periods.push(claim);
    }
    periods.sort_by_key(|period| period.to.last());
    // Ends are surer than listing dates: who ended first is placed first.
    let order = |claim: &ListedPeriod| (claim.to.last(), claim.to == End::Open, claim.from);
    other.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.security.cmp(&b.security)));
    for claim in other {
        let (ticker, security) = (claim.ticker.clone(), claim.security.clone());
        let is_dated = claim.known == Known::ListDate;
        let has_other = periods.iter().any(|period| period.security == security);
        match free_end(claim, &periods) {
            // The listing date lies in the days of another security, so it dates nothing.
            Some(period) if is_dated && has_other && period.from.is_none() => {}
            Some(period) => periods.push(period),
            None if has_other => {}
            None => doubts.push(Doubt { ticker, security, why: Contradiction::Others }),
        }
        periods.sort_by_key(|period| period.to.last());
    }
    joined(periods)
}

/// What is left of `period` beside `later`. Most periods begin before it; what an earlier one has
/// left of another may begin within it or behind it.
fn cut(period: ListedPeriod, later: &ListedPeriod) -> Vec<ListedPeriod> {
    let (Some(own), Some(begin)) = (period.from, later.from) else { return vec![period] };
    if period.to.last() < begin || later.to.last() < own {
        return vec![period];
    }
    let mut left = Vec::new();
    if own < begin {
        left.push(ListedPeriod { to: End::On(begin.previous()), ..period.clone() });
    }
    let again = later.to.last() < period.to.last() && period.to != End::Unknown;
    if again && later.to.last() < TradingDay::MAX {
        left.push(ListedPeriod { from: Some(later.to.last().next()), ..period });
    }
    left
}

/// The last days of `claim` that no one of `periods` has: back to its own first day, or to the
/// period before; then its first day is not known.
fn free_end(claim: ListedPeriod, periods: &[ListedPeriod]) -> Option<ListedPeriod> {
    let (mut to, mut last) = (claim.to, claim.to.last());
    for period in periods.iter().rev() {
        let begin = period.from.unwrap_or(TradingDay::MIN);
        if period.to.last() < last {
            break;
        }
        if begin <= last {
            if begin == TradingDay::MIN {
                return None;
            }
            last = begin.previous();
            to = End::On(last);
        }
    }
    let before = periods.iter().map(|period| period.to.last()).filter(|end| *end <= last).max();
    let from = match (claim.from, before) {
        (Some(from), _) if from > last => return None,
        (Some(from), Some(before)) if from <= before => None,
        (from, _) => from,
    };
    if before == Some(last) {
        return None;
    }
    let known = if from.is_none() && claim.known == Known::ListDate {
        Known::Snapshot
    } else {
        claim.known
    };
    Some(ListedPeriod { from, to, known, ..claim })
}

/// Neighbours of one security are one period where no day lies between them.
fn joined(periods: Vec<ListedPeriod>) -> Vec<ListedPeriod> {
    let mut all: Vec<ListedPeriod> = Vec::new();
    for period in periods {
        match all.last_mut() {
            Some(before)
                if before.security == period.security
                    && period.from.is_some_and(|from| from <= before.to.last().next()) =>
            {
                before.to = period.to;
            }
            Some(_) | None => all.push(period),
        }
    }
    all
}

#[cfg(test)]
mod tests;
