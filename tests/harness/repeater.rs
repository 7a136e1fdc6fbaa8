//! A server that repeats whatever it is told to, to whoever asks.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `401 Unauthorized`.
    pub status: &'static str,
    pub body: String,
}

/// Listens until the test ends.
pub struct Repeater {
    address: String,
    told: Arc<Mutex<Told>>,
}

struct Told {
    /// To the launcher's one question.
    question: Answer,
    /// To everything else.
    rest: Answer,
}

impl Repeater {
    /// Says `200 {}` to the launcher's question and `rest` to everything else.
    pub fn start(rest: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let question = Answer { status: "200 OK", body: "{}".to_owned() };
        let told = Arc::new(Mutex::new(Told { question, rest }));
        let heard = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heard = Arc::clone(&heard);
                std::thread::spawn(move || answer(stream, &heard));
            }
        });
        Self { address, told }
    }

    pub fn base_url(&self) -> &str {
        &self.address
    }

    /// From now on says this to everything, the launcher's question too.
    pub fn says(&self, answer: &Answer) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) =
            Told { question: answer.clone(), rest: answer.clone() };
    }
}

/// A client that goes away is no trouble.
fn answer(mut stream: TcpStream, told: &Mutex<Told>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(length @ 1..) => request.extend_from_slice(&piece[..length]),
            Ok(0) | Err(_) => return,
        }
    }
    let is_question = request.starts_with(b"GET /v3/reference/tickers?limit=1 ");
    let Answer { status, body } = {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if is_question { told.question.clone() } else { told.rest.clone() }
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok();
    // In small pieces: what is cut out must not depend on how it comes.
    for piece in body.as_bytes().chunks(7) {
        stream.write_all(piece).ok();
    }
}
