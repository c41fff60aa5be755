//! [`Frames`]: a WebSocket's messages, read where they were received.
//!
//! tungstenite zeroes its read buffer before each read, also before one that brings nothing, and a text is copied
//! twice until a decoder may change it. A lane reads all the time: of a read that brings nothing it was a sixth
//! (`cargo bench --bench socket`), and it put zeros in half of the core's nearest cache. Here a message that came in one
//! frame is told where the kernel put it. What a server may send is judged as tungstenite does; the tests hold both
//! against each other.

use std::io::{Cursor, Read};
use std::ops::Range;
use tungstenite::Error;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::{FrameHeader, Utf8Bytes};

/// Room for what is received: the frames of many blocks. A frame that is longer makes it longer.
const BUFFER_BYTES: usize = 64 << 10;
/// With less room behind what waits, that is moved to the front before more is read.
const LEAST_ROOM_BYTES: usize = BUFFER_BYTES / 4;
/// The longest payload of a control frame (RFC 6455, 5.5).
const MAX_CONTROL_BYTES: u64 = 125;

/// A message, told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Text: [`Frames::payload`].
    Text,
    /// Bytes that are no text.
    Binary,
    /// To be answered with [`Frames::payload`].
    Ping,
    /// An answer to a ping.
    Pong,
    /// The server said goodbye.
    Close(Option<CloseFrame>),
}

/// What the first frames of a message said, until its last one comes.
#[derive(Debug)]
struct Parts {
    is_text: bool,
    bytes: Vec<u8>,
}

/// Where the payload of the message lies that was told last.
#[derive(Debug)]
enum Payload {
    Received(Range<usize>),
    /// It came in several frames.
    Joined(Vec<u8>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Frames {
    /// All of it may be received into.
    bytes: Vec<u8>,
    /// Where what was received and is not told yet lies in it.
    waiting: Range<usize>,
    parts: Option<Parts>,
    payload: Payload,
    /// No message is longer.
    max_bytes: usize,
}

impl Frames {
    /// Nothing was received yet.
    pub(super) fn new(max_bytes: usize) -> Self {
        let (bytes, payload) = (vec![0; BUFFER_BYTES], Payload::Received(0..0));
        Self { bytes, waiting: 0..0, parts: None, payload, max_bytes }
    }

    /// What was received together with something else.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes[self.waiting.end..][..bytes.len()].copy_from_slice(bytes);
        self.waiting.end += bytes.len();
    }

    /// What the newest message bears: it may be changed.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        match &mut self.payload {
            Payload::Received(range) => &mut self.bytes[range.clone()],
            Payload::Joined(bytes) => bytes,
        }
    }

    /// The next message; what is missing of it is read from the stream.
    ///
    /// # Errors
    /// Those of the stream (`WouldBlock`: nothing more yet), and what breaks the protocol. After one of the latter
    /// nothing that follows can be told.
    pub(super) fn next(&mut self, stream: &mut impl Read) -> Result<Told, Error> {
        loop {
            match self.frame()? {
                Ok((header, payload)) => {
                    if let Some(told) = self.take(&header, payload)? {
                        return Ok(told);
                    }
                }
                Err(missing) => self.read(stream, missing)?,
            }
        }
    }

    /// The next frame if it is whole: its header, and where its payload lies. Else how many bytes are missing, or
    /// more.
    fn frame(&mut self) -> Result<Result<(FrameHeader, Range<usize>), usize>, Error> {
        let waiting = &self.bytes[self.waiting.clone()];
        if waiting.is_empty() {
            return Ok(Err(1));
        }
        let mut cursor = Cursor::new(waiting);
        let Some((header, length)) = FrameHeader::parse(&mut cursor)? else { return Ok(Err(1)) };
        let head = cursor.position() as usize;
        let joined = self.parts.as_ref().map_or(0, |parts| parts.bytes.len());
        check(&header, (length, joined), self.max_bytes, self.parts.is_some())?;
        // It is no longer than the limit, which is a number of bytes here.
        let length = length as usize;
        let missing = (head + length).saturating_sub(waiting.len());
        if missing > 0 {
            return Ok(Err(missing));
        }
        let begin = self.waiting.start + head;
        self.waiting.start = begin + length;
        Ok(Ok((header, begin..begin + length)))
    }

    /// What a frame completes.
    fn take(&mut self, header: &FrameHeader, payload: Range<usize>) -> Result<Option<Told>, Error> {
        let told = match header.opcode {
            OpCode::Control(Control::Close) => {
                return Ok(Some(Told::Close(goodbye(&self.bytes[payload])?)));
            }
            OpCode::Control(Control::Ping) => Told::Ping,
            OpCode::Control(_) => Told::Pong,
            OpCode::Data(data) => return self.take_data(data, header.is_final, payload),
        };
        self.payload = Payload::Received(payload);
        Ok(Some(told))
    }

    fn take_data(
        &mut self,
        data: Data,
        is_final: bool,
        payload: Range<usize>,
    ) -> Result<Option<Told>, Error> {
        let begins = data != Data::Continue;
        let is_text = match &self.parts {
            Some(parts) => parts.is_text,
            None => data == Data::Text,
        };
        if begins && is_final {
            self.payload = Payload::Received(payload);
        } else {
            let parts = self.parts.get_or_insert_with(|| Parts { is_text, bytes: Vec::new() });
            parts.bytes.extend_from_slice(&self.bytes[payload]);
            if !is_final {
                return Ok(None);
            }
            let bytes = self.parts.take().map_or(Vec::new(), |parts| parts.bytes);
            self.payload = Payload::Joined(bytes);
        }
        if is_text {
            std::str::from_utf8(self.payload())?;
        }
        Ok(Some(if is_text { Told::Text } else { Told::Binary }))
    }

    fn read(&mut self, stream: &mut impl Read, missing: usize) -> Result<(), Error> {
        self.make_room(missing);
        match stream.read(&mut self.bytes[self.waiting.end..])? {
            0 => Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)),
            count => {
                self.waiting.end += count;
                Ok(())
            }
        }
    }

    /// Room for so many more bytes, and for a whole read if that can be had.
    fn make_room(&mut self, bytes: usize) {
        let Range { start, end } = self.waiting;
        if start == end {
            self.waiting = 0..0;
        } else if self.bytes.len() - end < bytes.max(LEAST_ROOM_BYTES) {
            self.bytes.copy_within(start..end, 0);
            self.waiting = 0..end - start;
        }
        let whole = self.waiting.end + bytes;
        if self.bytes.len() < whole {
            self.bytes.resize(whole, 0);
        }
    }
}

/// Judges a frame by its header, before its payload is waited for.
fn check(
    header: &FrameHeader,
    (length, joined): (u64, usize),
    max_bytes: usize,
    is_continued: bool,
) -> Result<(), Error> {
    use ProtocolError as Fault;
    // What interrupts a message is no part of it.
    let before = if matches!(header.opcode, OpCode::Data(_)) { joined as u64 } else { 0 };
    let total = length.saturating_add(before);
    if total > max_bytes as u64 {
        let size = usize::try_from(total).unwrap_or(usize::MAX);
        return Err(CapacityError::MessageTooLong { size, max_size: max_bytes }.into());
    }
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(Fault::NonZeroReservedBits.into());
    }
    if header.mask.is_some() {
        return Err(Fault::MaskedFrameFromServer.into());
    }
    match header.opcode {
        OpCode::Control(_) if !header.is_final => Err(Fault::FragmentedControlFrame.into()),
        OpCode::Control(_) if length > MAX_CONTROL_BYTES => Err(Fault::ControlFrameTooBig.into()),
        OpCode::Data(Data::Continue) if !is_continued => Err(Fault::UnexpectedContinueFrame.into()),
        OpCode::Data(data) if data != Data::Continue && is_continued => {
            Err(Fault::ExpectedFragment(data).into())
        }
        _ => Ok(()),
    }
}

/// What a close frame says.
fn goodbye(payload: &[u8]) -> Result<Option<CloseFrame>, Error> {
    match payload {
        [] => Ok(None),
        [_] => Err(ProtocolError::InvalidCloseSequence.into()),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]).into();
            let reason = Utf8Bytes::from(std::str::from_utf8(reason)?);
            Ok(Some(CloseFrame { code, reason }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{self, Write};
    use tungstenite::protocol::{Role, WebSocketConfig};
    use tungstenite::{Message, WebSocket};

    const MAX_BYTES: usize = 200_000;

    /// A server's bytes in reads of given lengths; then nothing more.
    struct Pieces {
        bytes: Vec<u8>,
        lengths: Vec<usize>,
        at: usize,
        reads: usize,
    }

    impl Pieces {
        fn new(bytes: &[u8], lengths: &[usize]) -> Self {
            Self { bytes: bytes.to_vec(), lengths: lengths.to_vec(), at: 0, reads: 0 }
        }
    }

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.lengths[self.reads % self.lengths.len()];
            self.reads += 1;
            let count = piece.min(into.len()).min(self.bytes.len() - self.at);
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            into[..count].copy_from_slice(&self.bytes[self.at..][..count]);
            self.at += count;
            Ok(count)
        }
    }

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// All that is told, each as text, and the error that ends it.
    fn ours(bytes: &[u8], lengths: &[usize]) -> (Vec<String>, String) {
        let (mut frames, mut pieces) = (Frames::new(MAX_BYTES), Pieces::new(bytes, lengths));
        let mut all = Vec::new();
        loop {
            let told = match frames.next(&mut pieces) {
                Ok(told) => told,
                Err(e) => return (all, format!("{e:?}")),
            };
            let payload = String::from_utf8_lossy(frames.payload()).into_owned();
            let is_over = matches!(told, Told::Close(_));
            all.push(match told {
                Told::Text => format!("text {payload}"),
                Told::Binary => format!("binary {payload}"),
                Told::Ping => format!("ping {payload}"),
                Told::Pong => format!("pong {payload}"),
                Told::Close(why) => format!("close {why:?}"),
            });
            if is_over {
                return (all, "over".to_owned());
            }
        }
    }

    /// The same by tungstenite.
    fn theirs(bytes: &[u8], lengths: &[usize]) -> (Vec<String>, String) {
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .max_message_size(Some(MAX_BYTES))
            .max_frame_size(Some(MAX_BYTES));
        let pieces = Pieces::new(bytes, lengths);
        let mut socket = WebSocket::from_raw_socket(pieces, Role::Client, Some(config));
        let mut all = Vec::new();
        loop {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (told, is_over) = match socket.read() {
                Ok(Message::Text(payload)) => (format!("text {payload}"), false),
                Ok(Message::Binary(payload)) => (format!("binary {}", text(&payload)), false),
                Ok(Message::Ping(payload)) => (format!("ping {}", text(&payload)), false),
                Ok(Message::Pong(payload)) => (format!("pong {}", text(&payload)), false),
                Ok(Message::Close(why)) => (format!("close {why:?}"), true),
                Ok(Message::Frame(_)) => unreachable!(),
                Err(e) => return (all, format!("{e:?}")),
            };
            all.push(told);
            if is_over {
                return (all, "over".to_owned());
            }
        }
    }

    /// A frame of a server's.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..126 => bytes.push(short as u8),
            mid @ 126..65_536 => {
                bytes.push(126);
                bytes.extend_from_slice(&(mid as u16).to_be_bytes());
            }
            long => {
                bytes.push(127);
                bytes.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(payload);
        bytes
    }

    fn any_frame() -> impl Strategy<Value = Vec<u8>> {
        let lengths = prop_oneof![
            8 => 0usize..200, 3 => 120usize..2000, 1 => 60_000usize..70_000, 1 => 90_000usize..210_000
        ];
        let first = prop_oneof![
            10 => Just(0x81u8), 2 => Just(0x01), 3 => Just(0x00), 3 => Just(0x80), 1 => Just(0x82),
            2 => Just(0x89), 1 => Just(0x8a), 1 => Just(0x88), 1 => any::<u8>()
        ];
        let fill = prop_oneof![4 => Just(b'a'), 1 => any::<u8>()];
        (first, lengths, fill).prop_map(|(first, length, any)| {
            // tungstenite judges the text of parts as they come, and here it is judged when it is whole.
            let fill = if matches!(first, 0x81 | 0x88) { any } else { b'a' };
            let is_control = first & 0x08 != 0;
            let mut payload = vec![fill; if is_control { length % 140 } else { length }];
            // A code that means something.
            if first == 0x88 && payload.len() >= 2 {
                payload[..2].copy_from_slice(&1012u16.to_be_bytes());
            }
            frame(first, &payload)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn what_is_told_is_what_tungstenite_tells(
            frames in proptest::collection::vec(any_frame(), 1..12),
            lengths in proptest::collection::vec(prop_oneof![1usize..40, 1000usize..80_000], 1..6),
        ) {
            let bytes = frames.concat();
            let ((told, end), (theirs, their_end)) = (ours(&bytes, &lengths), theirs(&bytes, &lengths));
            prop_assert_eq!(&told, &theirs);
            prop_assert_eq!(how(&end), how(&their_end), "{} {}", end, their_end);
        }

        #[test]
        fn any_bytes_are_told_as_tungstenite_tells_them(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            lengths in proptest::collection::vec(1usize..50, 1..4),
        ) {
            let ((told, end), (theirs, their_end)) = (ours(&bytes, &lengths), theirs(&bytes, &lengths));
            // Judged early: here a header before its payload has come, there a part of a text before the rest.
            match (how(&end), how(&their_end)) {
                (_, How::Refused) if their_end.starts_with("Utf8") => prop_assert!(told.starts_with(&theirs)),
                (How::Refused, How::Waits) => prop_assert_eq!(&told, &theirs),
                (ours, their) => prop_assert_eq!((&told, ours), (&theirs, their)),
            }
        }
    }

    /// How it ended. Of several faults in a frame each may name another.
    #[derive(Debug, PartialEq)]
    enum How {
        Waits,
        Over,
        Refused,
    }

    fn how(end: &str) -> How {
        match end {
            "over" => How::Over,
            waits if waits.starts_with("Io") => How::Waits,
            _ => How::Refused,
        }
    }

    #[test]
    fn a_text_is_told_where_it_was_received_and_may_be_changed() {
        let bytes = [frame(0x81, b"abc"), frame(0x81, b"def")].concat();
        let (mut frames, mut pieces) = (Frames::new(MAX_BYTES), Pieces::new(&bytes, &[100]));
        for text in [b"abc", b"def"] {
            assert_eq!(frames.next(&mut pieces).unwrap(), Told::Text);
            assert_eq!(frames.payload(), text);
            frames.payload().fill(b'x');
        }
        assert_eq!(pieces.reads, 1, "both came at once");
        assert_eq!(frames.bytes.len(), BUFFER_BYTES);
    }

    #[test]
    fn a_frame_of_any_length_that_is_too_long_is_refused_before_it_comes() {
        for length in [MAX_BYTES as u64 + 1, u64::MAX] {
            let mut head = vec![0x81, 127];
            head.extend_from_slice(&length.to_be_bytes());
            let (told, end) = ours(&head, &[100]);
            assert!(told.is_empty() && end.contains("MessageTooLong"), "{end}");
        }
        let part = |first, bytes| frame(first, &vec![b'a'; bytes]);
        let whole = [part(0x01, MAX_BYTES), part(0x89, 5), part(0x80, 0)].concat();
        let (told, end) = ours(&whole, &[4096]);
        assert!(told.len() == 2 && end.starts_with("Io"), "a ping is no part of it: {end}");
        assert_eq!((told, end), theirs(&whole, &[4096]));
        let part = frame(0x01, &vec![b'a'; MAX_BYTES / 2 + 1]);
        let rest = frame(0x80, &vec![b'a'; MAX_BYTES / 2 + 1]);
        let (told, end) = ours(&[part, rest].concat(), &[4096]);
        assert!(told.is_empty() && end.contains("MessageTooLong"), "{end}");
    }
}
