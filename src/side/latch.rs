//! What keeps a kill until a person ends it: the file `DIR/ADDRESS.latch`, beside the risk state of the key.
//! While it is there nothing is quoted, by the run that finds it nor by a later one. Whoever kills writes it
//! without asking anybody, also while a bot has the key's lock; `botmm rearm` removes it.

use super::risk_state::RiskFile;
use crate::exit::AppError;
use crate::files::{self, Readers, make_folder, write_whole};
use crate::masked::masked;
use crate::when::utc;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::Address;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// No latch is longer.
const MAX_BYTES: u64 = 4 << 10;

/// The latch of one key.
#[derive(Clone, Debug)]
pub struct Latch {
    dir: PathBuf,
    path: PathBuf,
    /// What ends it.
    command: String,
}

impl Latch {
    /// Of a key. Nothing is read or written.
    pub fn new(dir: &Path, signer: Address) -> Self {
        let command = RiskFile::new(dir, signer).command().to_owned();
        Self { dir: dir.to_owned(), path: dir.join(format!("{signer}.latch")), command }
    }

    /// Latches. One that is there stays: the first word is the cause.
    ///
    /// # Errors
    /// It cannot be written; then the running bot alone knows of the kill.
    pub fn set(&self, now: Nanos, why: &str) -> Result<(), AppError> {
        make_folder(&self.dir, Readers::Owner)?;
        if self.read()?.is_some() {
            return Ok(());
        }
        let text = format!("killed at {} {}\n", utc(now), masked(why));
        write_whole(&self.path, text.as_bytes(), Readers::Owner)
    }

    /// Since when and why nothing may be quoted, for a person; [`None`] = it may. What cannot be read is no
    /// permission: whether it is there is all that counts, and a folder that is gone says nothing.
    ///
    /// # Errors
    /// It cannot be said whether it is there.
    pub fn read(&self) -> Result<Option<String>, AppError> {
        match files::read_text(&self.path, MAX_BYTES) {
            Ok(text) => Ok(Some(text.trim().replace('\n', " "))),
            Err(e) if e.kind() == ErrorKind::NotFound => match self.dir.is_dir() {
                true => Ok(None),
                false => Err(AppError::io(self.dir.as_path(), "read")(e)),
            },
            Err(e) if matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
                Ok(Some(format!("killed, says {} ({e})", self.path.display())))
            }
            Err(e) => Err(AppError::io(self.path.as_path(), "read")(e)),
        }
    }

    /// Ends it; whether there was one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn clear(&self) -> Result<bool, AppError> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(AppError::io(self.path.as_path(), "remove")(e)),
        }
    }

    /// The command that ends it.
    pub fn command(&self) -> &str {
        &self.command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const KEY: Address = Address::new([7; 20]);

    #[test]
    fn it_holds_until_it_is_cleared_and_keeps_its_first_cause() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let latch = Latch::new(&state, KEY);
        assert!(latch.read().is_err(), "no folder says nothing");
        latch.set(Nanos::secs(1_795_359_600), "by hand").unwrap();
        latch.set(Nanos::secs(1_795_359_700), "by the guard").unwrap();
        let said = latch.read().unwrap().unwrap();
        assert!(said.starts_with("killed at 2026-11-22T") && said.ends_with(" by hand"), "{said}");
        let path = state.join(format!("{KEY}.latch"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Latch::new(&state, Address::new([8; 20])).read().unwrap().is_none(), "of one key");
        assert_eq!((latch.clear().unwrap(), latch.clear().unwrap()), (true, false));
        assert_eq!(latch.read().unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_no_permission() {
        let dir = tempfile::tempdir().unwrap();
        let latch = Latch::new(dir.path(), KEY);
        let path = dir.path().join(format!("{KEY}.latch"));
        for content in [&b"\xff\xfe"[..], &[b'x'; 5000], b""] {
            std::fs::write(&path, content).unwrap();
            assert!(latch.read().unwrap().is_some());
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(latch.read().unwrap().unwrap().contains("a folder"));
    }

    #[test]
    fn no_key_gets_into_it() {
        let dir = tempfile::tempdir().unwrap();
        let latch = Latch::new(dir.path(), KEY);
        latch.set(Nanos::secs(1), &"ab".repeat(32)).unwrap();
        assert!(!latch.read().unwrap().unwrap().contains("abab"));
    }
}
