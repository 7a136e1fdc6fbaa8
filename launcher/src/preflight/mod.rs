//! What is looked at before the first spawn: questions that only the outside world can answer.

pub mod own_name;
pub mod plain_names;
pub mod places;
pub mod source;
pub mod executable;
pub mod bars_words;
pub mod bars_days;
pub mod files;
pub mod near;
