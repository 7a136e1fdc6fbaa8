//! What a series of bars is like, in numbers: whether its bars behave. One pass over its files in bounded memory.

pub mod moments;
pub mod median;
pub mod returns;
pub mod statistics;
pub mod description;
pub mod numbers;
pub mod text;
pub mod picture;
