//! One print of the tape, as the vendor reports it (docs: "Trades", `/v3/trades/{t}`).

use std::hash::{Hash, Hasher};

use super::ohlcv::bits;
use super::short::{ShortList, ShortText};

/// A trade. Stamps are ns since the epoch (UTC).
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    /// When the securities information processor published it; never falls within a day.
    pub sip_ns: i64,
    /// USD.
    pub price: f64,
    /// Shares, exact: `decimal_size` where the source has it.
    pub size: f64,
    /// Rises within a ticker and day, with gaps; 0 on some old rows.
    pub sequence_number: i64,
    /// Id of `/v3/reference/exchanges`; 4 is off-exchange.
    pub exchange: i32,
    /// Unique with exchange and reporting facility only; may be empty.
    pub id: ShortText,
    /// Ids of `/v3/reference/conditions`; `None` where the source has none.
    pub conditions: Option<ShortList>,
    /// Cancelled and corrected trades stay and are flagged: 0 or `None` is a normal one.
    pub correction: Option<i32>,
    /// 1, 2 or 3; 0 in 2003.
    pub tape: i32,
    /// When the venue made it; not in order.
    pub participant_ns: i64,
    /// When a reporting facility had it; off-exchange prints only.
    pub trf_ns: Option<i64>,
}

impl Trade {
    /// Bytes that it takes beside itself.
    pub fn beside(&self) -> usize {
        self.id.beside() + self.conditions.as_ref().map_or(0, ShortList::beside)
    }
}

/// Equal trades feed the same.
impl Hash for Trade {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.sip_ns, self.participant_ns, self.trf_ns, bits(self.price), bits(self.size))
            .hash(state);
        (
            self.sequence_number,
            self.exchange,
            &self.id,
            &self.conditions,
            self.correction,
            self.tape,
        )
            .hash(state);
    }
}
