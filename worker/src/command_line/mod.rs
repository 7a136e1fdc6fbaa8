//! From arguments to plans: what can be wrong with them is found here, before anything starts.

pub mod refusal;
pub mod security;
pub mod source;
pub mod until_end;
pub mod reference;
pub mod universe;
pub mod describe;
pub mod bars;
