//! A reply before it meets the wire: status, body, and how the body shall be delivered.

use super::faults::Fault;

/// One HTTP reply.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// What the body is.
    pub content_type: &'static str,
    /// The body, not compressed.
    pub body: String,
    /// Seconds of a `Retry-After` header.
    pub retry_after_s: Option<u64>,
    /// How the body goes out.
    pub delivery: Delivery,
    /// Rows in the body.
    pub rows: usize,
    /// The faults it shows.
    pub faults: Vec<Fault>,
}

/// How a body goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// At once.
    Whole,
    /// In small pieces, about a second in all.
    Slow,
    /// Half of it, then the connection is reset.
    Reset,
}

const JSON: &str = "application/json";
const HTML: &str = "text/html";

impl Reply {
    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        let (delivery, faults) = (Delivery::Whole, Vec::new());
        Self { status, content_type, body, retry_after_s: None, delivery, rows: 0, faults }
    }

    pub fn page(json: String, rows: usize, faults: Vec<Fault>) -> Self {
        Self { rows, faults, ..Self::new(200, JSON, json) }
    }

    /// The counters.
    pub fn stats(json: String) -> Self {
        Self::new(200, JSON, json)
    }

    /// The error shape of 400, 401 and 429.
    pub fn error(status: u16, request_id: &str, error: &str) -> Self {
        let error = serde_json::to_string(error).expect("text is always JSON");
        let body =
            format!("{{\"status\":\"ERROR\",\"request_id\":\"{request_id}\",\"error\":{error}}}");
        Self::new(status, JSON, body)
    }

    /// 404 for what there is not.
    pub fn not_found(request_id: &str, message: &str) -> Self {
        Self::message(404, "NOT_FOUND", request_id, message)
    }

    /// 403 for dates before the plan's first day.
    pub fn outside_plan(request_id: &str) -> Self {
        let message = "Your plan doesn't include this data timeframe. Please upgrade your plan at https://polygon.io/pricing";
        Self::message(403, "NOT_AUTHORIZED", request_id, message)
    }

    fn message(status: u16, name: &str, request_id: &str, message: &str) -> Self {
        let body = format!(
            "{{\"status\":\"{name}\",\"request_id\":\"{request_id}\",\"message\":\"{message}\"}}"
        );
        Self::new(status, JSON, body)
    }

    /// 404 for a path that is no endpoint.
    pub fn unrouted() -> Self {
        Self::new(404, "text/plain", "404 page not found\n".to_owned())
    }

    /// 429.
    pub fn too_many(request_id: &str, retry_after_s: Option<u64>) -> Self {
        let error = "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to \
                     continue. https://polygon.io/pricing";
        Self { retry_after_s, ..Self::error(429, request_id, error) }
    }

    /// The gateway's own page, whatever the status.
    pub fn gateway(status: u16) -> Self {
        let title = match status {
            200 => "Welcome to nginx!",
            502 => "502 Bad Gateway",
            504 => "504 Gateway Time-out",
            _ => "500 Internal Server Error",
        };
        let body = format!(
            "<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>\n\
             <hr><center>nginx/1.19.2</center>\n</body>\n</html>\n"
        );
        Self::new(status, HTML, body)
    }

    /// The reply because of a fault.
    #[must_use]
    pub fn showing(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Whether it may be compressed: the gateway's pages and plain text never are.
    pub fn is_json(&self) -> bool {
        self.content_type == JSON
    }
}
