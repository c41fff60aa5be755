//! Writing to stdout and stderr without falling over when the reader has left.

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

/// Says one line on stderr, as best it can: there is nowhere left to report a failure to.
pub fn complain(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "botmm: {line}");
}
