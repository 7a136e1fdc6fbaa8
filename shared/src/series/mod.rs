//! Series of bars: what identifies one, and what is proven of it. How bars are made is the worker's
//! business.

pub mod parameters;
pub mod proof;
pub mod noted;
pub mod tree;
