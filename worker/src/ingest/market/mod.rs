//! Daily bars by the session: one request brings the whole market of a day, of which the batch
//! keeps its own.
//!
//! Every file and ledger line is made as by the [`pipeline`](super::pipeline), which asks ticker by
//! ticker; only the questions differ.

pub mod session_query;
pub mod choice;
pub mod plan_edge;
pub mod patience;
pub mod order;
pub mod round;
pub mod rounds;
