//! Follows a chain to its end over the network: pages are asked for, checked, and handed on one by one.

use std::time::Duration;

use shared::dataset::row::Row;

use super::chain::Chain;
use super::client::Client;
use super::failure::Failure;
use super::page;
use super::wire::FromWire;
use crate::stop::Stop;

/// What a page brought, once it is believed.
#[derive(Debug)]
pub struct Delivery<R> {
    /// Rows that were not on the page before, oldest first.
    pub rows: Vec<R>,
    /// Length of the body.
    pub bytes: u64,
}

/// Reads `chain` to its end. Each believed page goes to `on_page`, whose error ends the walk; each failure
/// that is answered by another try goes to `on_retry`, with the wait before it.
///
/// A lying page is asked for again; if it still lies, the rest is asked for with our own parameters; if that
/// lies too, the walk fails with the lie.
pub fn follow<R: Row + FromWire, E: From<Failure>>(
    client: &Client,
    chain: &mut Chain<R>,
    stop: &Stop,
    mut on_page: impl FnMut(Delivery<R>) -> Result<(), E>,
    mut on_retry: impl FnMut(&Failure, Duration),
) -> Result<(), E> {
    let mut lies = 0;
    let mut number = 1;
    while let Some(url) = chain.url().cloned() {
        let (page, bytes) = match client.get(
            &url,
            stop,
            |body| page::decode(body).map_err(|error| error.on_page(number)),
            &mut on_retry,
        ) {
            Ok(received) => received,
            Err(failure) if chain.ended_by(&failure) => break,
            Err(failure) => return Err(failure.into()),
        };
        match chain.accept(page) {
            Ok(rows) => {
                number += 1;
                if !rows.is_empty() {
                    lies = 0;
                }
                on_page(Delivery { rows, bytes })?;
            }
            Err(lie) => {
                lies += 1;
                let failure = Failure::Lie(lie);
                match lies {
                    1 => {}
                    2 => chain.restart(),
                    _ => return Err(failure.into()),
                }
                let wait = client.wait_after_lie(lies);
                on_retry(&failure, wait);
                stop.sleep(wait);
            }
        }
    }
    Ok(())
}
