//! Verify: is everything there that ought to be, is it right, and whose is it?
//!
//! What is *expected* comes from the exchange calendar, the listing dates and the days asked for,
//! never from what is there. What is *there* comes from ledgers and folders, and with --deep from
//! the files themselves. Both are held against each other without any effect, and what comes of it
//! is a [`Report`](report::Report): a state for each ticker and month, and findings, worst first.
//!
//! Rooms from the ground up: [`state`] what can be said of a partition · [`tree_kind`] of which
//! kind a tree is · [`rule`] by what something is found · [`finding`] one thing found · [`rows`] one
//! file, read and judged · [`suspicion`] what is unlikely to be right · [`deep`] all files of a
//! ticker, read · [`report`] all of it, and how it is written · [`listed`] when a ticker was listed
//! · [`expectation`] what ought to be there · [`place`] what names stand for · [`walk`] which files
//! stand where · [`evidence`] ledger and files of a ticker · [`judged`] what was judged of it ·
//! [`judge`] the one against the other · [`identity`] whose days they are · [`series`] the same for
//! bars · [`across`] several trees against each other · [`tree`] what a tree says of itself · [`survey`] all tickers of all trees · [`whose`] may this source
//! be asked · [`repair`]
//! what is missing or damaged becomes work · [`audit`] a sample asked for again, and what that
//! proves · [`adopt`] trees that others wrote.

pub mod state;
pub mod tree_kind;
pub mod rule;
pub mod finding;
pub mod rows;
pub mod suspicion;
pub mod deep;
pub mod report;
pub mod listed;
pub mod expectation;
pub mod place;
pub mod walk;
pub mod evidence;
pub mod judged;
pub mod judge;
pub mod identity;
pub mod series;
pub mod across;
pub mod tree;
pub mod survey;
pub mod whose;
pub mod repair;
pub mod audit;
pub mod adopt;
