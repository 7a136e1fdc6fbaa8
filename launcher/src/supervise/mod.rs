//! Supervision: facts in, decisions out, and the one loop that carries decisions out.
//!
//! [`headway`] what an attempt has added · [`causes`] what an ended one means, [`common`] what it may share with
//! others · [`admission`] how many workers memory carries · [`batch`] and [`machine`] the states, pure · [`totals`]
//! each ticker once · [`keeping`] which attempts may be forgotten · [`journal`] facts on disk · [`evidence`] what the
//! ledgers prove ([`bars_evidence`]: what the states of bars prove; both in words of [`standing`]) · [`sizes`] what
//! others say of tickers · [`digest`] what a worker's events say · [`locks`] and [`folders`] whose run it is, and
//! whether it can be written · [`pid_files`] for people · [`prepare`] which tickers need work · [`last_words`] the
//! telling line of a log · [`signs`] that anything was done, [`marks`] how far what runs is · [`attempt`] one attempt
//! from folder to report · [`drive`] the loop.

pub mod headway;
pub mod causes;
pub mod common;
pub mod admission;
pub mod batch;
pub mod totals;
pub mod machine;
pub mod keeping;
pub mod journal;
pub mod standing;
pub mod bars_evidence;
pub mod evidence;
pub mod sizes;
pub mod digest;
pub mod locks;
pub mod folders;
pub mod pid_files;
pub mod prepare;
pub mod last_words;
pub mod signs;
pub mod marks;
pub mod attempt;
pub mod drive;
