//! A connection in memory: what the bot sends is recorded, what the test says is delivered when it
//! is due.

use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::{Received, Transport};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

/// What reaches the bot.
#[derive(Debug)]
enum Coming {
    Opened,
    Frame(Vec<u8>),
    Closed,
}

/// Both ends of the connection.
#[derive(Debug, Default)]
pub struct Ends {
    /// Frames that the bot sent, not taken yet.
    pub sent: VecDeque<Vec<u8>>,
    /// Buffers to be used again, so that a warm line does not allocate.
    spare: Vec<Vec<u8>>,
    coming: VecDeque<(Nanos, Coming)>,
    /// Whether frames can be sent.
    pub is_open: bool,
    /// How often the bot connected.
    pub connects: u32,
    /// Connecting fails.
    pub refuses: bool,
    /// Sending fails.
    pub is_full: bool,
    /// Time that opening takes.
    pub open_after: Nanos,
}

/// The bot's end.
pub struct BotEnd {
    ends: Arc<Mutex<Ends>>,
    frame: Vec<u8>,
}

/// The test's end.
#[derive(Clone)]
pub struct Line(Arc<Mutex<Ends>>);

impl Line {
    /// A line, and the bot's end of it.
    pub fn new() -> (Self, BotEnd) {
        let ends = Arc::new(Mutex::new(Ends::default()));
        (Self(ends.clone()), BotEnd { ends, frame: buffer() })
    }

    /// The state of both ends.
    pub fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap()
    }

    /// The next frame that the bot sent.
    pub fn take_sent(&self) -> Option<String> {
        let mut ends = self.ends();
        let frame = ends.sent.pop_front()?;
        let text = String::from_utf8(frame.clone()).unwrap();
        ends.spare.push(frame);
        Some(text)
    }

    /// A frame reaches the bot at this time, after everything that is due then.
    pub fn deliver(&self, at: Nanos, text: &str) {
        let mut ends = self.ends();
        let mut frame = ends.spare.pop().unwrap_or_else(buffer);
        frame.clear();
        frame.extend_from_slice(text.as_bytes());
        ends.push(at, Coming::Frame(frame));
    }

    /// The connection ends: what was on its way to the bot is lost.
    pub fn close(&self, now: Nanos) {
        let mut ends = self.ends();
        ends.is_open = false;
        ends.coming.clear();
        ends.push(now, Coming::Closed);
    }

    /// When something is due for the bot.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.ends().coming.front().map(|(at, _)| *at)
    }
}

/// One that need not grow: sending is the bot's call, and its allocations are counted.
fn buffer() -> Vec<u8> {
    Vec::with_capacity(16 << 10)
}

impl Ends {
    fn push(&mut self, at: Nanos, what: Coming) {
        let before = self.coming.partition_point(|(due, _)| *due <= at);
        self.coming.insert(before, (at, what));
    }
}

impl Transport for BotEnd {
    fn connect(&mut self, now: Nanos) {
        let mut ends = self.ends.lock().unwrap();
        ends.connects += 1;
        ends.is_open = false;
        ends.coming.clear();
        let (at, refuses) = (now + ends.open_after, ends.refuses);
        ends.push(at, if refuses { Coming::Closed } else { Coming::Opened });
    }

    fn recv(&mut self, now: Nanos) -> Option<Received<'_>> {
        let mut ends = self.ends.lock().unwrap();
        let (at, _) = ends.coming.front()?;
        if *at > now {
            return None;
        }
        let (_, what) = ends.coming.pop_front()?;
        Some(match what {
            Coming::Opened => {
                ends.is_open = true;
                Received::Opened
            }
            Coming::Closed => Received::Closed,
            Coming::Frame(frame) => {
                ends.spare.push(std::mem::replace(&mut self.frame, frame));
                Received::Frame(&mut self.frame)
            }
        })
    }

    fn send(&mut self, _: Nanos, frame: &[u8]) -> bool {
        let mut ends = self.ends.lock().unwrap();
        if !ends.is_open || ends.is_full {
            return false;
        }
        let mut copy = ends.spare.pop().unwrap_or_else(buffer);
        copy.clear();
        copy.extend_from_slice(frame);
        ends.sent.push_back(copy);
        true
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.ends.lock().unwrap().coming.front().map(|(at, _)| *at)
    }
}
