//! SHA-256 in hex: what files and texts are told apart by.

use crate::files;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::Path;

/// Of bytes.
pub fn of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Of a file's bytes as they lie on the disk.
///
/// # Errors
/// It cannot be opened or read.
pub fn of_file(path: &Path) -> io::Result<String> {
    let mut file = files::open(path)?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&piece[..read]),
        }
    }
}

/// Two digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // Into a string: it cannot fail.
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answer_of_text_and_file() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(b"abc"), known);
        let dir = tempfile::TempDir::new().unwrap();
        std::fs::write(dir.path().join("x"), "abc").unwrap();
        assert_eq!(of_file(&dir.path().join("x")).unwrap(), known);
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
