//! A connection of which all that comes in is on record, and one that brings it again.
//!
//! [`Tap`] stands around a transport and copies what it hands on into a ring of bytes; the lane only
//! pushes. What finds no room there is lost for the record, which says so: [`Item::Lost`]. [`Repeated`]
//! stands where the transport stood and says the same again, as far as it is let.

use super::{Received, Transport};
use crate::rt::Input;
use crate::types::{Arrival, Nanos};
use std::collections::VecDeque;
use std::sync::mpsc::Receiver;

/// Kind, length and time of an item in the ring.
const HEAD_BYTES: usize = 1 + 4 + 8;

/// What a connection had to say, and what it did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// [`Received::Opened`].
    Opened,
    /// [`Received::Closed`].
    Closed,
    /// [`Received::Frame`].
    Frame(Vec<u8>),
    /// The frame of this number, from 0, was not taken to be sent.
    Unsent(u64),
    /// Items that found no room, so many.
    Lost(u64),
}

/// See the module.
#[derive(Debug)]
pub struct Tap<T> {
    inner: T,
    out: Option<TapOut>,
    taken: u64,
    sent: u64,
}

#[derive(Debug)]
struct TapOut {
    ring: rtrb::Producer<u8>,
    lost: u64,
}

/// The end where the items come out.
#[derive(Debug)]
pub struct TapIn {
    ring: rtrb::Consumer<u8>,
}

impl<T> Tap<T> {
    /// Around a transport, with no record.
    pub fn none(inner: T) -> Self {
        Self { inner, out: None, taken: 0, sent: 0 }
    }

    /// With a record, for which so many bytes may wait.
    pub fn new(inner: T, room: usize) -> (Self, TapIn) {
        let (mut tx, mut rx) = rtrb::RingBuffer::new(room);
        // Once through, so that no first touch of a page takes a lane's time.
        if let Ok(written) = tx.write_chunk(room) {
            written.commit_all();
        }
        if let Ok(read) = rx.read_chunk(room) {
            read.commit_all();
        }
        let out = Some(TapOut { ring: tx, lost: 0 });
        (Self { inner, out, taken: 0, sent: 0 }, TapIn { ring: rx })
    }
}

impl TapOut {
    fn tell(&mut self, kind: u8, now: Nanos, bytes: &[u8]) {
        if self.lost > 0 && self.push(b'l', now, &self.lost.to_le_bytes()) {
            self.lost = 0;
        }
        // After a loss nothing is told before the loss is.
        if self.lost > 0 || !self.push(kind, now, bytes) {
            self.lost += 1;
        }
    }

    /// A head and what it is about, copied straight to where they stay.
    fn push(&mut self, kind: u8, now: Nanos, bytes: &[u8]) -> bool {
        let Ok(len) = u32::try_from(bytes.len()) else { return false };
        if self.ring.slots() < HEAD_BYTES + bytes.len() {
            return false;
        }
        let mut head = [0; HEAD_BYTES];
        head[0] = kind;
        head[1..5].copy_from_slice(&len.to_le_bytes());
        head[5..].copy_from_slice(&now.0.to_le_bytes());
        let pushed =
            self.ring.push_entire_slice(&head).and_then(|()| self.ring.push_entire_slice(bytes));
        assert!(pushed.is_ok(), "only we push, and there was room");
        true
    }
}

impl TapIn {
    /// The oldest item and when it was told.
    pub fn pop(&mut self) -> Option<(Nanos, Item)> {
        let mut head = [0; HEAD_BYTES];
        copy(&self.ring.read_chunk(HEAD_BYTES).ok()?, 0, &mut head);
        let word = |from: usize| <[u8; 8]>::try_from(&head[from..from + 8]).unwrap_or_default();
        let len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        // An item is handed over whole: its head may be there before the rest of it.
        let chunk = self.ring.read_chunk(HEAD_BYTES + len).ok()?;
        let mut bytes = vec![0; len];
        copy(&chunk, HEAD_BYTES, &mut bytes);
        chunk.commit_all();
        let number = || bytes.as_slice().try_into().map_or(0, u64::from_le_bytes);
        let item = match head[0] {
            b'o' => Item::Opened,
            b'c' => Item::Closed,
            b'u' => Item::Unsent(number()),
            b'l' => Item::Lost(number()),
            _ => Item::Frame(bytes),
        };
        Some((Nanos(i64::from_le_bytes(word(5))), item))
    }
}

fn copy(chunk: &rtrb::chunks::ReadChunk<'_, u8>, from: usize, to: &mut [u8]) {
    let (first, second) = chunk.as_slices();
    for (to, from) in to.iter_mut().zip(first.iter().chain(second).skip(from)) {
        *to = *from;
    }
}

impl<T: Transport> Transport for Tap<T> {
    fn connect(&mut self, now: Nanos) {
        self.inner.connect(now);
    }

    fn recv(&mut self, now: Nanos) -> Option<Received<'_>> {
        let received = self.inner.recv(now)?;
        self.taken += 1;
        if let Some(out) = &mut self.out {
            match &received {
                Received::Opened => out.tell(b'o', now, &[]),
                Received::Closed => out.tell(b'c', now, &[]),
                Received::Frame(frame) => out.tell(b'f', now, frame),
            }
        }
        Some(received)
    }

    fn arrival(&self) -> Arrival {
        self.inner.arrival()
    }

    fn send(&mut self, now: Nanos, frame: &[u8]) -> bool {
        let is_sent = self.inner.send(now, frame);
        if let Some(out) = self.out.as_mut().filter(|_| !is_sent) {
            out.tell(b'u', now, &self.sent.to_le_bytes());
        }
        self.sent += 1;
        is_sent
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.inner.next_deadline()
    }

    fn input(&mut self) -> Option<&mut dyn Input> {
        self.out.is_some().then_some(self as &mut dyn Input)
    }
}

impl<T> Input for Tap<T> {
    fn giver(&self) -> &'static str {
        "venue"
    }
    fn taken(&self) -> u64 {
        self.taken
    }
    fn give_up_to(&mut self, _: u64) {}
    fn waiting(&mut self) -> u64 {
        0
    }
}

/// A connection that says again what one said. Nothing is sent.
#[derive(Debug)]
pub struct Repeated {
    from: Receiver<Item>,
    waiting: VecDeque<Item>,
    unsent: VecDeque<u64>,
    frame: Vec<u8>,
    taken: u64,
    given: u64,
    sent: u64,
}

impl Repeated {
    /// Of these items, in order, as they come. Which frames were not sent is known before they are.
    pub fn of(from: Receiver<Item>) -> Self {
        Self {
            from,
            waiting: VecDeque::new(),
            unsent: VecDeque::new(),
            frame: Vec::new(),
            taken: 0,
            given: 0,
            sent: 0,
        }
    }

    fn fill(&mut self) {
        for item in self.from.try_iter() {
            match item {
                Item::Unsent(number) => self.unsent.push_back(number),
                Item::Lost(_) => {}
                received => self.waiting.push_back(received),
            }
        }
    }
}

impl Transport for Repeated {
    fn connect(&mut self, _: Nanos) {}

    fn recv(&mut self, _: Nanos) -> Option<Received<'_>> {
        if self.taken >= self.given {
            return None;
        }
        let item = self.waiting.pop_front()?;
        self.taken += 1;
        Some(match item {
            Item::Opened => Received::Opened,
            Item::Frame(frame) => {
                self.frame = frame;
                Received::Frame(&mut self.frame)
            }
            _ => Received::Closed,
        })
    }

    fn send(&mut self, _: Nanos, _: &[u8]) -> bool {
        let number = self.sent;
        self.sent += 1;
        let is_unsent = self.unsent.front() == Some(&number);
        if is_unsent {
            self.unsent.pop_front();
        }
        !is_unsent
    }

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }

    fn input(&mut self) -> Option<&mut dyn Input> {
        Some(self)
    }
}

impl Input for Repeated {
    fn giver(&self) -> &'static str {
        "venue"
    }
    fn taken(&self) -> u64 {
        self.taken
    }
    fn give_up_to(&mut self, taken: u64) {
        self.fill();
        self.given = taken;
    }
    fn waiting(&mut self) -> u64 {
        self.fill();
        self.waiting.len() as u64
    }
}

#[cfg(test)]
mod tests;
