//! How a page can contradict what was asked, what came before it, or itself. Words only: the judges
//! are [`chain`](super::chain) with its queries, and [`market_day`](super::market_day).

/// How a page contradicts what was asked, what came before, or itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    #[error("the page's status is {0:?}")]
    Status(String),
    #[error("the page does not say its {0}")]
    Silent(&'static str),
    #[error("the page is of ticker {0:?}")]
    OtherTicker(String),
    #[error("its rows are of ticker {0:?}")]
    RowsOfOther(String),
    #[error("{0}")]
    Impossible(String),
    #[error("the page says adjusted={0}, but the request said adjusted={asked}", asked = !.0)]
    Adjusted(bool),
    #[error("the page announces {announced} rows and holds {held}")]
    RowCount { announced: u64, held: u64 },
    #[error("the row stamped {0} is outside the requested days")]
    OutsideRange(i64),
    #[error("the row stamped {0} does not begin a session or a minute")]
    NotAWindow(i64),
    #[error("the row stamped {stamp} comes after one stamped {after}")]
    StampFalls { stamp: i64, after: i64 },
    #[error(
        "two different rows are stamped {0}; --duplicates keep-last, or keep-first, takes one of them"
    )]
    TwoRows(i64),
    #[error("{0}")]
    Nameless(String),
    #[error("the page of a whole day has a next page")]
    DayLeadsOn,
    #[error("next_url leads to a page that was read before")]
    RepeatedNextUrl,
    #[error("next_url leads to {0}")]
    ForeignNextUrl(String),
    #[error("next_url leads to other data ({0})")]
    OtherEndpoint(String),
    #[error("next_url skips requested days")]
    Skips,
    #[error("next_url does not go forward")]
    DoesNotAdvance,
    #[error("the row of {key} comes after that of {after}")]
    KeyFalls { key: String, after: String },
    #[error("the row of {0} was not requested")]
    NotAskedFor(String),
    #[error("the list does not end")]
    EndlessList,
    #[error("many pages in a row hold no new row, and still have a next page")]
    NothingNew,
    #[error(
        "many pages in a row come no further than the row stamped {0}, and still have a next page"
    )]
    StandsStill(i64),
    #[error(
        "many pages in a row hold almost no new rows, and still have a next page; the last row is stamped {0}"
    )]
    Crumbs(i64),
}

impl Lie {
    /// The stamp of the row that is wrong, where it is one row of what was asked for, or of the
    /// last one before what is wrong; in its own unit.
    pub fn stamp(&self) -> Option<i64> {
        match self {
            Self::NotAWindow(stamp)
            | Self::TwoRows(stamp)
            | Self::StampFalls { stamp, .. }
            | Self::StandsStill(stamp)
            | Self::Crumbs(stamp) => Some(*stamp),
            Self::Status(_)
            | Self::Silent(_)
            | Self::OtherTicker(_)
            | Self::Adjusted(_)
            | Self::RowCount { .. }
            | Self::OutsideRange(_)
            | Self::RowsOfOther(_)
            | Self::Impossible(_)
            | Self::Nameless(_)
            | Self::DayLeadsOn
            | Self::RepeatedNextUrl
            | Self::ForeignNextUrl(_)
            | Self::OtherEndpoint(_)
            | Self::Skips
            | Self::DoesNotAdvance
            | Self::KeyFalls { .. }
            | Self::NotAskedFor(_)
            | Self::EndlessList
            | Self::NothingNew => None,
        }
    }

    /// The same without names, dates and numbers.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Status(_) => "the page says that something is wrong",
            Self::Silent(_) => "the page does not say what it is",
            Self::OtherTicker(_) => "the page is of another ticker",
            Self::Adjusted(_) => "the page has prices on the other scale",
            Self::RowCount { .. } => "the page announces a different number of rows than it holds",
            Self::OutsideRange(_) => "a row is outside the requested days",
            Self::NotAWindow(_) => "the stamp of a row does not begin a session or a minute",
            Self::StampFalls { .. } => "the rows do not go forward in time",
            Self::TwoRows(_) => "two different rows have one stamp",
            Self::RowsOfOther(_) => "the rows are of another ticker",
            Self::Impossible(_) => "a row or page has an impossible value",
            Self::Nameless(_) => "rows of the market name no ticker",
            Self::DayLeadsOn => "the page of a whole day has a next page",
            Self::RepeatedNextUrl | Self::DoesNotAdvance => "next_url leads back",
            Self::ForeignNextUrl(_) => "next_url leads to another host",
            Self::OtherEndpoint(_) => "next_url leads to other data",
            Self::Skips => "next_url skips requested days",
            Self::KeyFalls { .. } => "the rows of a list are out of order",
            Self::NotAskedFor(_) => "a row of a list was not requested",
            Self::EndlessList => "a list does not end",
            Self::NothingNew => "pages without a new row do not end",
            Self::StandsStill(_) | Self::Crumbs(_) => "pages with almost no new rows do not end",
        }
    }
}
