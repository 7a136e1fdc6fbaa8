//! Supervision: facts in, decisions out, and the one loop that carries decisions out.
//!
//! [`facts`] what can happen · [`causes`] what an ended attempt means · [`batch`] and
//! [`machine`] the states, pure · [`journal`] facts on disk · [`evidence`] what the ledgers prove · [`digest`] what a worker's events say ·
//! [`attempt`] one attempt from folder to report · [`drive`] the loop.

pub mod facts;
pub mod causes;
pub mod batch;
pub mod machine;
pub mod journal;
pub mod evidence;
pub mod digest;
pub mod locks;
pub mod folders;
pub mod prepare;
pub mod attempt;
pub mod drive;
