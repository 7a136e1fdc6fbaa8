//! Follows a chain to its end over the network: each page is asked for, checked, and handed on.

use std::io::Read;
use std::time::Duration;

use super::chain::Chain;
use super::client::Client;
use super::failure::Failure;
use super::page::{self, PageError};
use super::page_copy::PageCopy;
use super::query::Query;
use crate::buffers::{Buffers, Room};
use crate::stop::Stop;

/// What a page brought, once it is believed.
#[derive(Debug)]
pub struct Delivery<R> {
    /// Rows that were not on the page before, oldest first.
    pub rows: Vec<R>,
    /// Rows that came in two versions, of which one was kept.
    pub resolved: Vec<R>,
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

/// With what a chain is followed.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Whom to ask through.
    pub client: &'a Client,
    /// How often.
    pub tries: Tries,
    /// Sees every page that comes.
    pub page_copy: Option<&'a PageCopy>,
    /// When to end.
    pub stop: &'a Stop,
}

/// Reads `chain` to its end. Each believed page goes to `on_page`, which says how many bytes it
/// still holds, and whose error ends the walk; each failure that is answered by another try goes to
/// `on_retry`, with the wait before it.
///
/// A page that outgrows its `room` is asked for again once there is more.
///
/// A lying page is asked for again; if it still lies, the rest is asked for with our own
/// parameters; if that lies too, the walk fails with the lie.
pub fn follow<Q: Query, E: From<Failure>>(
    Means { client, tries, page_copy, stop }: Means<'_>,
    chain: &mut Chain<Q>,
    room: &mut Room<'_>,
    mut on_page: impl FnMut(Delivery<Q::Row>) -> Result<u64, E>,
    mut on_retry: impl FnMut(&Failure, Duration),
) -> Result<(), E> {
    // Of a page that was let go since there was no room for it.
    let mut wanted = 0;
    while let Some(url) = chain.url().cloned() {
        let number = chain.pages() + 1;
        if !room.wait(wanted, stop) {
            return Err(Failure::Stopped.into());
        }
        let received = match client.get_within(
            tries.faults,
            &url,
            stop,
            |body| {
                let read = |body: &mut dyn Read| {
                    page::decode_within(body, |bytes| room.page_takes(bytes) == Ok(()))
                };
                let page = match page_copy {
                    Some(page_copy) => page_copy.watch(body, read),
                    None => read(body),
                };
                match page {
                    Ok(page) => Ok(Ok(page)),
                    Err(PageError::NoRoom(bytes)) => Ok(Err(bytes)),
                    Err(error) => Err(error.on_page(number)),
                }
            },
            &mut on_retry,
        ) {
            Ok((Ok((page, held)), bytes)) => {
                room.page_took(held);
                wanted = 0;
                chain.accept(page).map(|rows| (rows, bytes))
            }
            Ok((Err(bytes), _)) => {
                room.let_go();
                // Next time nobody who came later is in its way.
                wanted = 2 * bytes;
                continue;
            }
            Err(Failure::Lie(lie)) => Err(lie),
            Err(failure) if chain.ended_by(&failure) => break,
            Err(failure) => return Err(failure.into()),
        };
        match received {
            Ok((rows, bytes)) => {
                let draft = on_page(Delivery { rows, resolved: chain.resolved(), bytes })?;
                room.keeps(draft);
            }
            Err(lie) => {
                let failure = Failure::Lie(lie);
                let Some(lies) = chain.lied(tries.lies) else { return Err(failure.into()) };
                let wait = client.wait_after_lie(lies);
                on_retry(&failure, wait);
                stop.sleep(wait);
            }
        }
    }
    Ok(())
}

/// Follows `chain` to its end and returns all its records: lists are small enough to be held.
pub fn collect<Q: Query>(
    client: &Client,
    chain: &mut Chain<Q>,
    stop: &Stop,
    on_retry: impl FnMut(&Failure, Duration),
) -> Result<Vec<Q::Row>, Failure> {
    let means = Means { client, tries: Tries::all(client), page_copy: None, stop };
    // Nobody else holds any of these, so there is room for every page.
    let buffers = Buffers::new(0, 0);
    let mut all = Vec::new();
    let on_page = |page: Delivery<Q::Row>| {
        all.extend(page.rows);
        Ok::<u64, Failure>(0)
    };
    follow(means, chain, &mut buffers.room(), on_page, on_retry)?;
    Ok(all)
}

/// Asks once for the first page of `chain`, to see whether the source answers; returns the length
/// of the body. Nothing of the page is checked or kept.
pub fn first_page<Q: Query>(
    client: &Client,
    chain: &Chain<Q>,
    stop: &Stop,
    on_retry: impl FnMut(&Failure, Duration),
) -> Result<u64, Failure> {
    let Some(url) = chain.url() else { return Ok(0) };
    let read = |body: &mut dyn Read| {
        let let_go = |row: Result<Q::Row, _>, _| Ok(row.map(drop)?);
        page::decode_each(body, let_go).map_err(|error| error.on_page(1))
    };
    client.get_within(1, url, stop, read, on_retry).map(|(_, bytes)| bytes)
}
