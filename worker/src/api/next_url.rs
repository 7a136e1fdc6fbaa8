//! Reads a page's `next_url`, which must lead to our own service. The chain decides whether it goes
//! forward.

use shared::run::base_url::BaseUrl;
use url::Url;

use super::lie::Lie;

/// The address of the next page as our own service spells it; `None` at the end, where the field is
/// absent or blank.
pub fn read(next_url: Option<&str>, base: &BaseUrl) -> Result<Option<Url>, Lie> {
    let Some(text) = next_url.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed =
        Url::parse(text).map_err(|_| Lie::ForeignNextUrl("something that is no URL".to_owned()))?;
    let foreign = || Lie::ForeignNextUrl(parsed.origin().ascii_serialization());
    base.own(&parsed).ok_or_else(foreign).map(Some)
}
