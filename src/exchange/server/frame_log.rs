//! What the exchange has sent, for who holds a recorder against it: a line a frame, when, on which connection, of
//! which channel, and a hash of its bytes.

use crate::exit::AppError;
use botmm_pipeline::types::Nanos;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// See the module. Lines are `TIME_NS CONNECTION CHANNEL HASH`, the hash in 16 hex digits.
pub struct FrameLog(BufWriter<File>);

impl FrameLog {
    /// A new one in a file that is not there yet.
    ///
    /// # Errors
    /// It is, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, AppError> {
        let file = File::create_new(path).map_err(AppError::io(path, "create"))?;
        Ok(Self(BufWriter::new(file)))
    }

    /// A frame is on its way.
    pub fn note(&mut self, now: Nanos, connection: u64, frame: &[u8]) {
        // A test that finds a line missing fails.
        let _ = writeln!(self.0, "{} {connection} {} {:016x}", now.0, channel(frame), hash(frame));
    }
}

/// As our frames name it, which is first.
fn channel(frame: &[u8]) -> &str {
    let text = std::str::from_utf8(&frame[..frame.len().min(64)]).unwrap_or_default();
    let name = text.strip_prefix("{\"channel\":\"").and_then(|rest| rest.split('"').next());
    name.unwrap_or("?")
}

/// FNV-1a of 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
