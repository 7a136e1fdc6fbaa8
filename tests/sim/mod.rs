//! `exchange-sim`: a simulated exchange behind the vendor's HTTP API, for the demo, tests and
//! benchmarks.
//!
//! Rooms from the ground up. `fixed` to `source` say what rows are; `synthetic` and `replay` make
//! them, `revising` changes them from epoch to epoch; `endpoint` answers questions out of them;
//! `faults`, `defects`, `rate_window`, `storm` and `stats` are the service's moods and books;
//! `handler` puts these together without a socket; `server` puts the handler on the network.
//!
//! ```no_run
//! use tests::sim::{config::Config, faults::Fault, server::Exchange};
//! let config = Config::synthetic(7).with_tickers(60).with_fault(Fault::CutJson, 0.05);
//! let exchange = Exchange::start(config).expect("a free port on loopback");
//! let url = exchange.base_url();
//! ```

pub mod fixed;
pub mod chance;
pub mod record;
pub mod cache;
pub mod source;
pub mod synthetic;
pub mod replay;
pub mod revising;
pub mod faults;
pub mod defects;
pub mod rate_window;
pub mod storm;
pub mod stats;
pub mod refusal;
pub mod params;
pub mod endpoint;
pub mod routes;
pub mod reply;
pub mod config;
pub mod admission;
pub mod handler;
pub mod wire;
pub mod body;
pub mod server;
