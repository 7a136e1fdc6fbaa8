//! Supervision: facts in, decisions out, and the one loop that carries decisions out.
//!
//! [`headway`] what an attempt has added · [`causes`] what an ended attempt means, [`common_cause`]
//! what it shares with others · [`admission`] how many workers memory allows · [`batch`] and
//! [`machine`] the states, pure · [`totals`] each ticker once · [`retention`] which attempts may be
//! forgotten · [`journal`] facts on disk · [`evidence`] what the ledgers prove ([`bars_evidence`]:
//! the states of bars), as a [`ticker_proof`] · [`sizes`] ticker sizes from elsewhere ·
//! [`event_summary`] what a worker's events say · [`locks`] and [`folders`] whose run it is, and
//! whether it can be written · [`pid_files`] for people · [`prepare`] which tickers need work ·
//! [`error_line`] why a worker ended · [`activity`] whether a script did anything ·
//! [`disk_progress`] how far a running attempt is · [`attempt`] one attempt from folder to report ·
//! [`drive`] the loop.

pub mod headway;
pub mod causes;
pub mod common_cause;
pub mod admission;
pub mod batch;
pub mod totals;
pub mod machine;
pub mod retention;
pub mod journal;
pub mod ticker_proof;
pub mod bars_evidence;
pub mod evidence;
pub mod sizes;
pub mod event_summary;
pub mod locks;
pub mod folders;
pub mod pid_files;
pub mod prepare;
pub mod error_line;
pub mod activity;
pub mod disk_progress;
pub mod attempt;
pub mod drive;
