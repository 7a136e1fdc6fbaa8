//! The simulated exchange keeps its promises: it looks like the service, pages like it, and fails
//! as asked.

mod fidelity;
mod paging;
mod faults;
mod truth;
mod program;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tests::sim::config::Config;
use tests::sim::server::Exchange;
use ureq::Agent;

/// An exchange with thirty tickers and a handy elephant.
fn small() -> Config {
    Config::synthetic(7).with_tickers(30).with_elephant_trades(2_000)
}

fn started(config: Config) -> Exchange {
    Exchange::start(config).expect("loopback has a free port")
}

/// What came back: status, headers, and the text of the body or why there is none.
struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Result<String, String>,
}

impl Answer {
    fn text(&self) -> &str {
        self.body.as_deref().expect("a whole body")
    }

    fn json(&self) -> Value {
        serde_json::from_str(self.text()).expect("JSON")
    }
}

/// A client with a key that treats every status as an answer.
struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    fn of(exchange: &Exchange) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .new_agent();
        Self { agent, base: exchange.base_url() }
    }

    /// Asks a path, or a whole URL of this exchange.
    fn get(&self, target: &str) -> Answer {
        self.get_with(target, &[("authorization", "Bearer test-key")])
    }

    fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let url = if target.starts_with('/') {
            format!("{}{target}", self.base)
        } else {
            target.to_owned()
        };
        let request = headers
            .iter()
            .fold(self.agent.get(&url), |request, (name, value)| request.header(*name, *value));
        let mut response = request.call().expect("a head of a reply");
        let body = response.body_mut().with_config().limit(64 << 20).read_to_string();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: body.map_err(|error| error.to_string()),
        }
    }

    fn json(&self, target: &str) -> Value {
        self.get(target).json()
    }

    /// Every page of a chain, at most `most`.
    fn chain(&self, target: &str, most: usize) -> Vec<Value> {
        let mut pages = vec![self.json(target)];
        while let Some(next) =
            pages.last().and_then(|page| page["next_url"].as_str()).map(str::to_owned)
        {
            assert!(pages.len() < most, "the chain of {target} does not end");
            pages.push(self.json(&next));
        }
        pages
    }
}

/// The rows of a page; none when there is no `results` key.
fn rows(page: &Value) -> Vec<Value> {
    page["results"].as_array().cloned().unwrap_or_default()
}

fn rows_of(pages: &[Value]) -> Vec<Value> {
    pages.iter().flat_map(rows).collect()
}

/// A folder of the material shared beside the project; `None`, said aloud, where it is not.
fn shared_folder(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).join(name);
    if !folder.is_dir() {
        eprintln!("skipped: no folder {name} beside the project");
        return None;
    }
    Some(folder)
}
