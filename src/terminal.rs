//! Writing to stdout without falling over when the reader has left.

use crate::exit::AppError;
use std::io::{ErrorKind, Write as _};

/// Prints `text` as it is. A closed pipe (`botmm check | head`) is not an error: the reader has
/// what it wanted.
pub fn print(text: &str) -> Result<(), AppError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(AppError::io("stdout", "write")(e)),
        _ => Ok(()),
    }
}
