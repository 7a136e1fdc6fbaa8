//! Asks for one day of the whole market over the network until a reply is believed.

use std::time::Duration;

use shared::dataset::descriptor::Adjusted;
use shared::market::trading_day::TradingDay;
use shared::run::base_url::BaseUrl;

use super::client::Client;
use super::endpoints;
use super::failure::Failure;
use super::lie::Lie;
use super::market_day::{MarketDay, MarketDayReader, TickerNumbers};
use super::page;
use crate::stop::Stop;

/// As often a day may lie before it is given up: as often as a page of a chain.
const LIES: u32 = 3;

/// What is asked of every day.
#[derive(Debug, Clone, Copy)]
pub struct DayQuery<'a> {
    pub base: &'a BaseUrl,
    /// On which scale.
    pub adjusted: Adjusted,
    /// Whose rows are kept.
    pub wanted: &'a TickerNumbers,
}

/// Asks for `day`; returns also the length of the reply. Each failure that is answered by another
/// try goes to `on_retry`, with the wait before it. A lying reply is asked for again as it was:
/// there is no other way to ask. A first reply with rows that name no ticker is asked for again
/// too; a later one is taken as it is.
pub fn ask_day(
    client: &Client,
    question: DayQuery<'_>,
    day: TradingDay,
    stop: &Stop,
    mut on_retry: impl FnMut(&Failure, Duration),
) -> Result<(MarketDay, u64), Failure> {
    let DayQuery { base, adjusted, wanted } = question;
    let url = base
        .join(&endpoints::market_day(day, adjusted))
        .expect("a path of a date stays on its origin");
    let mut lies = 0;
    loop {
        let read = |body: &mut dyn std::io::Read| {
            let mut reader = MarketDayReader::new(day, wanted);
            let page = page::decode_each(body, |row, _| {
                reader.take(row);
                Ok(())
            })?;
            Ok((page, reader))
        };
        let judged = match client.get(&url, stop, read, &mut on_retry) {
            Ok(((page, reader), bytes)) => {
                reader.judge(&page, adjusted).map(|market_day| (market_day, bytes))
            }
            Err(Failure::Lie(lie)) => Err(lie),
            Err(failure) => return Err(failure),
        };
        let failure = match judged {
            Ok((market_day, bytes)) => match market_day.doubt().filter(|_| lies == 0) {
                Some(doubt) => Failure::Lie(Lie::Nameless(doubt.to_owned())),
                None => return Ok((market_day, bytes)),
            },
            Err(lie) => Failure::Lie(lie),
        };
        lies += 1;
        if lies == LIES {
            return Err(failure);
        }
        let wait = client.wait_after_lie(lies);
        on_retry(&failure, wait);
        stop.sleep(wait);
    }
}
