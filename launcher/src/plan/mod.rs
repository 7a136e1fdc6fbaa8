//! What a run is to do: what was asked, how it is cut into batches, and the command line of a
//! worker. Decides only; nothing here starts or supervises a process.

pub mod limits;
pub mod notify_url;
pub mod paths;
pub mod words_of_bars;
pub mod settings;
pub mod differences;
pub mod knobs;
pub mod part;
pub mod weights;
pub mod batches;
pub mod request;
pub mod extension;
pub mod worker_command;
