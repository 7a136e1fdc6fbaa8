//! Words for a refused text: which field of the object is wrong, and the stamp of its row. Pure.
//!
//! Nothing in here is looked at while all is well.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::spelling;

/// What is known of a row that was refused. Only names that we know ourselves and numbers: nothing
/// that a server says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Culprit {
    /// The field whose value can't be read.
    field: Option<String>,
    /// As the vendor stamps it, in its own unit.
    stamp: Option<i64>,
}

/// The fields that stamp a row, of a bar and of a trade.
const STAMPS: [&str; 2] = ["t", "sip_timestamp"];

impl Culprit {
    /// Of `text`, an object that is no `T`, or can't be one.
    pub fn of<T: DeserializeOwned>(text: &[u8]) -> Self {
        let Ok(object) = serde_json::from_slice::<Map<String, Value>>(&spelling::plain(text))
        else {
            return Self::default();
        };
        let stamp = STAMPS.iter().find_map(|name| object.get(*name)?.as_i64());
        Self { field: object.into_iter().find_map(unreadable::<T>), stamp }
    }
}

/// The name of a field that can't be read whatever stands beside it.
fn unreadable<T: DeserializeOwned>((name, value): (String, Value)) -> Option<String> {
    let alone = Value::Object(Map::from_iter([(name.clone(), value)]));
    let error = serde_json::from_value::<T>(alone).err()?;
    (!error.to_string().starts_with("missing field")).then_some(name)
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.field, self.stamp) {
            (Some(field), Some(stamp)) => write!(f, " (field `{field}`, stamped {stamp})"),
            (Some(field), None) => write!(f, " (field `{field}`)"),
            (None, Some(stamp)) => write!(f, " (stamped {stamp})"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::{WireBar, WireTrade};

    fn said<T: DeserializeOwned>(text: &str) -> String {
        Culprit::of::<T>(text.as_bytes()).to_string()
    }

    #[test]
    fn the_field_that_can_not_be_read_is_named_and_the_stamp_of_its_row() {
        for (row, words) in [
            (r#"{"t":7,"o":1,"h":1,"l":NaN,"c":1,"v":1}"#, " (field `l`, stamped 7)"),
            (r#"{"t":7,"x":{"o":"1"},"o":null}"#, " (field `o`, stamped 7)"),
            (r#"{"t":7.5,"o":1}"#, " (field `t`)"),
            (r#"{"t":7.0,"n":2.5}"#, " (field `n`, stamped 7)"),
            (r#"{"t":7,"o":1,"h":1,"l":1,"c":1}"#, " (stamped 7)"),
            (r#"{"t":"7","o":1,"o":2}"#, " (field `t`)"),
            (r#"{"T":5}"#, " (field `T`)"),
            (r#"{"t":7,}"#, ""),
            ("7", ""),
        ] {
            assert_eq!(said::<WireBar>(row), words, "{row}");
        }
        let trade = r#"{"sip_timestamp":1789047000000108301,"conditions":[3000000000]}"#;
        assert_eq!(said::<WireTrade>(trade), " (field `conditions`, stamped 1789047000000108301)");
    }
}
