//! Follows a chain to its end over the network: pages are asked for, checked, and handed on one by one.

use std::io::Read;
use std::time::Duration;

use shared::dataset::row::Row;

use super::chain::Chain;
use super::client::Client;
use super::failure::Failure;
use super::page;
use super::wire::FromWire;
use super::witness::Witness;
use crate::stop::Stop;

/// What a page brought, once it is believed.
#[derive(Debug)]
pub struct Delivery<R> {
    /// Rows that were not on the page before, oldest first.
    pub rows: Vec<R>,
    /// Stamps of two different rows of which one was kept.
    pub resolved: Vec<i64>,
    /// Length of the body.
    pub bytes: u64,
}

/// How often what fails is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// Requests for a page that may fail by a fault.
    pub faults: u32,
    /// Pages in a row that may lie.
    pub lies: u32,
}

impl Tries {
    /// As told, and as many lies as there are ways to ask.
    pub fn all(client: &Client) -> Self {
        Self { faults: client.tries(), lies: 3 }
    }

    /// No more than `most` of either.
    #[must_use]
    pub fn at_most(self, most: u32) -> Self {
        Self { faults: self.faults.min(most), lies: self.lies.min(most) }
    }
}

/// Reads `chain` to its end. Each believed page goes to `on_page`, whose error ends the walk; each failure
/// that is answered by another try goes to `on_retry`, with the wait before it.
///
/// `witness` sees every page that comes.
///
/// A lying page is asked for again; if it still lies, the rest is asked for with our own parameters; if that
/// lies too, the walk fails with the lie.
pub fn follow<R: Row + FromWire, E: From<Failure>>(
    client: &Client,
    chain: &mut Chain<R>,
    tries: Tries,
    witness: Option<&Witness>,
    stop: &Stop,
    mut on_page: impl FnMut(Delivery<R>) -> Result<(), E>,
    mut on_retry: impl FnMut(&Failure, Duration),
) -> Result<(), E> {
    let mut lies = 0;
    let mut number = 1;
    while let Some(url) = chain.url().cloned() {
        let received = match client.get_within(
            tries.faults,
            &url,
            stop,
            |body| {
                let read = |body: &mut dyn Read| page::decode(body);
                let page = match witness {
                    Some(witness) => witness.watch(body, read),
                    None => read(body),
                };
                page.map_err(|error| error.on_page(number))
            },
            &mut on_retry,
        ) {
            Ok((page, bytes)) => chain.accept(page).map(|rows| (rows, bytes)),
            Err(Failure::Lie(lie)) => Err(lie),
            Err(failure) if chain.ended_by(&failure) => break,
            Err(failure) => return Err(failure.into()),
        };
        match received {
            Ok((rows, bytes)) => {
                number += 1;
                if !rows.is_empty() {
                    lies = 0;
                }
                on_page(Delivery { rows, resolved: chain.resolved(), bytes })?;
            }
            Err(lie) => {
                lies += 1;
                let failure = Failure::Lie(lie);
                if lies >= tries.lies {
                    return Err(failure.into());
                }
                if lies == 2 {
                    chain.restart();
                }
                let wait = client.wait_after_lie(lies);
                on_retry(&failure, wait);
                stop.sleep(wait);
            }
        }
    }
    Ok(())
}

/// Asks once for the first page of `chain`, to see whether the source answers; returns the length of the body. Nothing of
/// the page is checked or kept.
pub fn first_page<R: Row + FromWire>(
    client: &Client,
    chain: &Chain<R>,
    stop: &Stop,
    on_retry: impl FnMut(&Failure, Duration),
) -> Result<u64, Failure> {
    let Some(url) = chain.url() else { return Ok(0) };
    let read = |body: &mut dyn Read| page::decode::<R>(body).map_err(|error| error.on_page(1));
    client.get_within(1, url, stop, read, on_retry).map(|(_, bytes)| bytes)
}
