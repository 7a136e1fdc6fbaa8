//! The input of bars: trades or 1-minute bars on disk, in time order, and what the ledgers prove of
//! them.

pub mod error;
pub mod lacking;
pub mod tree;
pub mod time_order;
pub mod trades;
pub mod minutes;

use shared::dataset::coverage::DateRange;
use shared::dataset::reader::ReadError;

use self::error::SourceError;
use self::minutes::Minutes;
use self::time_order::TimeOrder;
use self::trades::Trades;
use self::tree::Holdings;
use super::chunk::Chunk;

/// How the input is read.
#[derive(Debug, Clone)]
pub enum Reading {
    Trades(Trades),
    /// 1-minute bars.
    Minutes(Minutes),
}

impl Reading {
    /// Hands over what was traded on `days`, in order.
    pub fn read<E: From<SourceError> + From<ReadError>>(
        &self,
        holdings: &Holdings,
        days: DateRange,
        time_order: &mut TimeOrder,
        take: impl FnMut(&Chunk<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Trades(trades) => trades.read(holdings, days, time_order, take),
            Self::Minutes(minutes) => minutes.read(holdings, days, time_order, take),
        }
    }
}
