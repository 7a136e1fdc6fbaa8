//! The body of a reply on its way out: at once, trickling, or torn off.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::handler::Handler;
use super::reply::Delivery;
use super::wire::ResetFlag;

const SLOW_PIECES: usize = 20;
const SLOW_PAUSE: Duration = Duration::from_millis(50);
/// Long enough for the first half to leave before the reset.
const RESET_PAUSE: Duration = Duration::from_millis(20);

/// A request between its head and the end of its reply.
pub struct InFlight(Arc<Handler>);

impl InFlight {
    /// Counts a request for `path` as arrived.
    pub fn arrived(handler: Arc<Handler>, at_ms: i64, path: &str) -> Self {
        handler.stats().arrived(at_ms, path);
        Self(handler)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.stats().finished();
    }
}

/// Pieces of a body, a pause before each but the first, and how it ends.
pub struct ReplyBody {
    pieces: VecDeque<Bytes>,
    announced: u64,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    reset: Option<ResetFlag>,
    _in_flight: Option<InFlight>,
}

impl ReplyBody {
    /// A body delivered in this way; `reset` is the flag of its connection.
    pub fn new(
        bytes: Vec<u8>,
        delivery: Delivery,
        reset: &ResetFlag,
        in_flight: Option<InFlight>,
    ) -> Self {
        let announced = u64::try_from(bytes.len()).expect("a body in memory");
        let whole = Bytes::from(bytes);
        let (pieces, pause) = match delivery {
            Delivery::Whole => (VecDeque::from([whole]), Duration::ZERO),
            Delivery::Reset => (VecDeque::from([whole.slice(..whole.len() / 2)]), RESET_PAUSE),
            Delivery::Slow => {
                let size = whole.len().div_ceil(SLOW_PIECES).max(1);
                let piece = |from: usize| whole.slice(from..whole.len().min(from + size));
                ((0..whole.len()).step_by(size).map(piece).collect(), SLOW_PAUSE)
            }
        };
        let reset = (delivery == Delivery::Reset).then(|| Arc::clone(reset));
        Self { pieces, announced, pause, pausing: None, reset, _in_flight: in_flight }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(pausing) = &mut self.pausing {
            if pausing.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pausing = None;
        }
        match self.pieces.pop_front() {
            Some(piece) => {
                if !self.pause.is_zero() {
                    self.pausing = Some(Box::pin(sleep(self.pause)));
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None => Poll::Ready(self.reset.take().map(|reset| {
                reset.store(true, Ordering::Relaxed);
                Err(io::ErrorKind::ConnectionReset.into())
            })),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
