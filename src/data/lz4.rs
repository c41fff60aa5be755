//! lz4 frames, one after another, each to its end.

use lz4_flex::frame::FrameDecoder;
use std::io::{self, BufRead, Read};

/// How a frame begins.
pub const MAGIC: &[u8] = &[0x04, 0x22, 0x4d, 0x18];
/// What stands where another block would begin; a checksum of as many bytes may follow.
const END_MARK: [u8; 4] = [0; 4];

/// Unpacks all frames of a stream.
pub struct Frames<R: BufRead> {
    /// One decoder a frame: its buffers are as large as the blocks of one frame.
    frame: Option<FrameDecoder<Tail<R>>>,
}

impl<R: BufRead> Frames<R> {
    /// Of a stream that begins with a frame.
    pub fn new(packed: R) -> Self {
        Self { frame: Some(FrameDecoder::new(Tail::new(packed))) }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            let read = if buf.is_empty() { 0 } else { frame.read(buf)? };
            if read > 0 || buf.is_empty() {
                return Ok(read);
            }
            let tail = frame.get_mut();
            // The decoder takes a stream that stops between two blocks for one that is over.
            if !tail.is_at_an_end {
                let why = "cut short inside an lz4 frame";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
            }
            let is_over = tail.inner.fill_buf()?.is_empty();
            let rest = self.frame.take().map(|frame| frame.into_inner().inner);
            self.frame = rest.filter(|_| !is_over).map(|rest| FrameDecoder::new(Tail::new(rest)));
        }
        Ok(0)
    }
}

/// Sees by what the decoder reads whether it was at the end of a frame: the lengths of blocks and the
/// checksums are read by themselves.
struct Tail<R> {
    inner: R,
    is_at_an_end: bool,
    /// The mark was the last that was read: a checksum may follow.
    is_at_the_mark: bool,
}

impl<R> Tail<R> {
    fn new(inner: R) -> Self {
        Self { inner, is_at_an_end: false, is_at_the_mark: false }
    }
}

impl<R: BufRead> Read for Tail<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.len() != END_MARK.len() {
            let read = self.inner.read(buf)?;
            if read > 0 {
                (self.is_at_an_end, self.is_at_the_mark) = (false, false);
            }
            return Ok(read);
        }
        let mut read = 0;
        while read < buf.len() {
            match self.inner.read(&mut buf[read..])? {
                0 => break,
                more => read += more,
            }
        }
        if read > 0 {
            let is_mark = read == buf.len() && *buf == END_MARK;
            self.is_at_an_end = is_mark || self.is_at_the_mark;
            self.is_at_the_mark = is_mark;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    use std::io::Write as _;

    fn packed(plain: &[u8], info: FrameInfo) -> Vec<u8> {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }
    fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Frames::new(packed).read_to_end(&mut plain).map(|_| plain)
    }
    fn text() -> Vec<u8> {
        (0..40_000).flat_map(|i| format!("{} ", i * i % 977).into_bytes()).collect()
    }
    /// Frames of every kind that others write, of different block sizes.
    fn frames() -> Vec<Vec<u8>> {
        let sizes = [BlockSize::Max4MB, BlockSize::Max64KB, BlockSize::Max256KB];
        let kinds = sizes
            .into_iter()
            .flat_map(|size| [BlockMode::Linked, BlockMode::Independent].map(|mode| (size, mode)));
        let frame = |(i, (size, mode)): (usize, (BlockSize, BlockMode))| {
            let info = FrameInfo::new().block_size(size).block_mode(mode);
            let info = info.content_checksum(i % 2 == 0).block_checksums(i % 3 == 0);
            packed(&text(), info)
        };
        kinds.enumerate().map(frame).collect()
    }

    #[test]
    fn frames_one_after_another_are_read() {
        let frames = frames();
        for frame in &frames {
            assert_eq!(unpacked(frame).unwrap(), text());
        }
        assert_eq!(unpacked(&frames.concat()).unwrap(), text().repeat(frames.len()));
        let empty = packed(b"", FrameInfo::new());
        assert_eq!(unpacked(&[&empty, &frames[0][..]].concat()).unwrap(), text());
    }

    #[test]
    fn a_frame_that_is_cut_is_an_error_wherever_it_is_cut() {
        for frame in frames() {
            let step = (frame.len() / 97).max(1);
            for end in (5..frame.len()).step_by(step).chain(frame.len() - 12..frame.len() - 4) {
                assert!(unpacked(&frame[..end]).is_err(), "{end} of {}", frame.len());
            }
        }
    }

    #[test]
    fn a_changed_byte_never_panics() {
        let frame = packed(&text()[..2_000], FrameInfo::new().content_checksum(true));
        for at in 0..frame.len() {
            for bit in 0..8 {
                let mut bad = frame.clone();
                bad[at] ^= 1 << bit;
                // A checksum stands over the content; some bits of the header mean nothing to it.
                if let Ok(plain) = unpacked(&bad) {
                    assert!(plain == text()[..2_000], "bit {bit} of byte {at}");
                }
            }
        }
    }
}
