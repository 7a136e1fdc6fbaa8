//! Follows a list to its end over the network and brings all its rows: lists are small enough to be held.

use std::time::Duration;

use super::client::Client;
use super::failure::Failure;
use super::list::{ListChain, ListRow};
use super::page;
use super::wire::FromWire;
use crate::stop::Stop;

/// Reads `chain` to its end and returns its rows. Each failure that is answered by another try goes to
/// `on_retry`, with the wait before it. A lying page is dealt with as in [`follow`](super::follow::follow).
pub fn collect<R: ListRow + FromWire>(
    client: &Client,
    chain: &mut ListChain<R>,
    stop: &Stop,
    mut on_retry: impl FnMut(&Failure, Duration),
) -> Result<Vec<R>, Failure> {
    let mut all = Vec::new();
    let mut lies = 0;
    let mut number = 1;
    while let Some(url) = chain.url().cloned() {
        let received = match client.get(
            &url,
            stop,
            |body| page::decode(body).map_err(|error| error.on_page(number)),
            &mut on_retry,
        ) {
            Ok((page, _)) => chain.accept(page),
            Err(Failure::Lie(lie)) => Err(lie),
            Err(failure) => return Err(failure),
        };
        match received {
            Ok(rows) => {
                number += 1;
                // A page without a new row proves nothing: what lied before may be what is lying still.
                if !rows.is_empty() {
                    lies = 0;
                }
                all.extend(rows);
            }
            Err(lie) => {
                lies += 1;
                let failure = Failure::Lie(lie);
                match lies {
                    1 => {}
                    2 => chain.restart(),
                    _ => return Err(failure),
                }
                let wait = client.wait_after_lie(lies);
                on_retry(&failure, wait);
                stop.sleep(wait);
            }
        }
    }
    Ok(all)
}
