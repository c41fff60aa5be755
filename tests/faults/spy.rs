//! Around the order connection: notes what the venue says of nonces and, when it is told to, breaks
//! the bot on purpose, so that the checkers are known to notice.

use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::{Received, Transport};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the bot is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    Nothing,
    /// One fill never comes, nor does any answer that would tell of it.
    LoseFill,
    /// One fill comes again under another trade id.
    CountTwice,
    /// Cancels are taken and never sent.
    SwallowCancels,
    /// Nothing of a liquidation comes.
    HideLiquidation,
    /// Orders are sent twice, signature and all.
    SendTwice,
}

/// What was seen on the line.
#[derive(Default)]
pub struct Seen {
    pub nonce_refusals: AtomicU64,
}

pub struct Spy<T> {
    inner: T,
    tamper: Tamper,
    tampered: bool,
    /// Of the fill that is lost: its trade id, as frames have it.
    lost: String,
    frame: Vec<u8>,
    extra: VecDeque<Vec<u8>>,
    seen: Arc<Seen>,
}

impl<T: Transport> Spy<T> {
    pub fn around(inner: T, tamper: Tamper) -> (Self, Arc<Seen>) {
        let seen = Arc::<Seen>::default();
        let (frame, extra) = (Vec::new(), VecDeque::new());
        (
            Self {
                inner,
                tamper,
                tampered: false,
                lost: String::new(),
                frame,
                extra,
                seen: seen.clone(),
            },
            seen,
        )
    }

    /// Whether the bot gets to see this frame.
    fn passes(&mut self, frame: &[u8]) -> bool {
        if contains(frame, "nvalid nonce") {
            self.seen.nonce_refusals.fetch_add(1, Ordering::Relaxed);
        }
        let is_fill = contains(frame, r#""channel":"userFills""#) && contains(frame, r#""tid":"#);
        match self.tamper {
            Tamper::LoseFill if self.tampered => {
                let is_answer =
                    contains(frame, "userFills") && contains(frame, r#""channel":"post""#);
                !is_answer && !contains(frame, &self.lost)
            }
            // It is told on two streams.
            Tamper::LoseFill if is_fill || contains(frame, r#""data":{"fills":"#) => {
                self.tampered = true;
                self.lost = tid_of(frame);
                false
            }
            Tamper::CountTwice
                if is_fill && !self.tampered && !contains(frame, r#""isSnapshot":true"#) =>
            {
                self.tampered = true;
                let text = String::from_utf8(frame.to_vec()).unwrap();
                self.extra.push_back(text.replace(r#""tid":"#, r#""tid":9"#).into_bytes());
                true
            }
            Tamper::HideLiquidation if contains(frame, r#""liquidation":"#) => {
                let text = String::from_utf8(frame.to_vec()).unwrap();
                self.extra.push_back(text.replace(r#""liquidation":"#, r#""other":"#).into_bytes());
                false
            }
            _ => true,
        }
    }
}

impl<T: Transport> Transport for Spy<T> {
    fn connect(&mut self, now: Nanos) {
        self.inner.connect(now);
    }

    fn recv(&mut self, now: Nanos) -> Option<Received<'_>> {
        if let Some(extra) = self.extra.pop_front() {
            self.frame = extra;
            return Some(Received::Frame(&mut self.frame));
        }
        loop {
            let frame = match self.inner.recv(now)? {
                Received::Opened => return Some(Received::Opened),
                Received::Closed => return Some(Received::Closed),
                Received::Frame(frame) => frame.to_vec(),
            };
            if self.passes(&frame) {
                self.frame = frame;
                return Some(Received::Frame(&mut self.frame));
            }
        }
    }

    fn send(&mut self, now: Nanos, frame: &[u8]) -> bool {
        match self.tamper {
            Tamper::SwallowCancels if contains(frame, r#""type":"cancel"#) => true,
            Tamper::SendTwice if contains(frame, r#""type":"order""#) => {
                self.inner.send(now, frame) && self.inner.send(now, frame)
            }
            _ => self.inner.send(now, frame),
        }
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.inner.next_deadline()
    }
}

fn contains(frame: &[u8], words: &str) -> bool {
    frame.windows(words.len()).any(|window| window == words.as_bytes())
}

/// The first trade id in a frame, with its key.
fn tid_of(frame: &[u8]) -> String {
    let text = String::from_utf8_lossy(frame);
    let from = text.find(r#""tid":"#).unwrap();
    let digits = text[from + 6..].bytes().take_while(u8::is_ascii_digit).count();
    text[from..from + 6 + digits].to_owned()
}
