//! Market data frames to [`MarketEvent`]s, whole or not at all.
//!
//! Two parsers stand behind [`Decoder`]. The *scanner* (`scan.rs`) knows the one compact form that
//! the venue sends today, answers "yes" or "don't know", and never says no. The *twin* (`tape_parser.rs`)
//! walks a simd-json tape: slower, indifferent to key order, whitespace and new keys, and the only
//! one that may refuse a frame. So whatever the scanner accepts the twin accepts with the same
//! numbers; tests and a fuzz target hold that ([`oracle`]).
//!
//! Invariants: a number is read to the nearest 1e-8 (the venue's are exact, but for the noise of
//! floats) or the frame is an error; of a refused frame nothing is emitted; no byte sequence panics;
//! nothing is allocated per frame once the buffers have grown to the largest frame seen (the scanner
//! never allocates, but for a frame of more than [`MAX_TRADES_PER_FRAME`] trades).

use super::frame::{Channel, Context, DecodeError, MAX_FRAME_BYTES, Scratch};
use super::scan;
use super::tape_parser::TapeParser;
use crate::types::limits::MAX_TRADES_PER_FRAME;
use crate::types::{Bbo, BookSnapshot, LentEvent, MarkPrice, MarketEvent, Nanos, Universe};

/// Turns frames into market events. Create one a connection and keep it: its buffers are the
/// reason that decoding does not allocate.
pub struct Decoder {
    scratch: Scratch,
    twin: TapeParser,
    fallbacks: u64,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// Allocates all buffers.
    pub fn new() -> Self {
        let trades = Vec::with_capacity(MAX_TRADES_PER_FRAME);
        Self {
            scratch: Scratch {
                book: BookSnapshot::EMPTY,
                bbo: Bbo::default(),
                trades,
                mark: MarkPrice::default(),
            },
            twin: TapeParser::new(),
            fallbacks: 0,
        }
    }

    /// Decodes one whole text frame, which needs no padding and is not changed. Hands every event
    /// to `sink`, with `recv_time` set and `seq` left zero; on `Err` it was handed none.
    pub fn decode(
        &mut self,
        frame: &[u8],
        recv_time: Nanos,
        universe: &Universe,
        sink: impl FnMut(LentEvent<'_>),
    ) -> Result<Channel, DecodeError> {
        check_length(frame)?;
        let context = Context { recv_time, universe };
        let channel = match scan::scan(frame, context, &mut self.scratch) {
            Some(channel) => channel,
            None => {
                let channel = self.parse_slowly(frame, context)?;
                let is_market =
                    matches!(channel, Channel::Book | Channel::Bbo | Channel::Trades(_));
                self.fallbacks += u64::from(is_market);
                channel
            }
        };
        self.emit(channel, sink);
        Ok(channel)
    }

    /// The same by the twin alone: what [`Self::decode`] is held against in tests and benches.
    pub fn decode_twin(
        &mut self,
        frame: &[u8],
        recv_time: Nanos,
        universe: &Universe,
        sink: impl FnMut(LentEvent<'_>),
    ) -> Result<Channel, DecodeError> {
        check_length(frame)?;
        let channel = self.parse_slowly(frame, Context { recv_time, universe })?;
        self.emit(channel, sink);
        Ok(channel)
    }

    /// The book of the newest frame, if that was a book.
    pub fn book(&self) -> &BookSnapshot {
        &self.scratch.book
    }

    /// Good market frames so far that only the twin could read. Each cost several times as much as
    /// usual; a steady growth means that the venue has changed its form.
    pub fn fallbacks(&self) -> u64 {
        self.fallbacks
    }

    #[inline(never)]
    fn parse_slowly(&mut self, frame: &[u8], context: Context) -> Result<Channel, DecodeError> {
        match frame.first() {
            None => Err(DecodeError::NotJson { at: 0 }),
            Some(b) if b.is_ascii_alphabetic() => Ok(Channel::Text),
            Some(_) => self.twin.parse(frame, context, &mut self.scratch),
        }
    }

    fn emit(&self, channel: Channel, mut sink: impl FnMut(LentEvent<'_>)) {
        match channel {
            Channel::Book => sink(MarketEvent::Book(&self.scratch.book)),
            Channel::Bbo => sink(MarketEvent::Bbo(self.scratch.bbo)),
            Channel::Trades(_) => {
                for trade in &self.scratch.trades {
                    sink(MarketEvent::Trade(*trade));
                }
            }
            Channel::Mark => sink(MarketEvent::Mark(self.scratch.mark)),
            _ => {}
        }
    }
}

fn check_length(frame: &[u8]) -> Result<(), DecodeError> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(DecodeError::TooLong { len: frame.len() });
    }
    Ok(())
}

/// The property that holds for any bytes, shared by the mutation test and the fuzz target:
/// [`Decoder::decode`] and [`Decoder::decode_twin`] agree on the result and on every event, and
/// neither emits anything of a frame that it refuses. Panics with the difference otherwise.
#[doc(hidden)]
pub fn oracle(decoder: &mut Decoder, frame: &[u8], universe: &Universe) -> Verdict {
    let at = Nanos(1_795_359_600_123_456_789);
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    let fast_result = decoder.decode(frame, at, universe, |e| fast.push(e.to_kept()));
    let slow_result = decoder.decode_twin(frame, at, universe, |e| slow.push(e.to_kept()));
    let text = String::from_utf8_lossy(frame);
    assert_eq!(fast_result, slow_result, "scanner and twin disagree on {text}");
    assert_eq!(fast, slow, "scanner and twin read different numbers from {text}");
    let wanted = match fast_result {
        Ok(Channel::Book | Channel::Bbo | Channel::Mark) => 1,
        Ok(Channel::Trades(n)) => n as usize,
        _ => 0,
    };
    assert_eq!(fast.len(), wanted, "{fast_result:?} with {} events from {text}", fast.len());
    (fast_result, fast)
}

/// What [`oracle`] saw: the result, and the events.
#[doc(hidden)]
pub type Verdict = (Result<Channel, DecodeError>, Vec<MarketEvent>);
