//! What the page's kill button wants: a random word, new with each run, that is told at the start and lies in
//! `STATE/ADDRESS.token` for the run's owner alone. Who has it may stop the bot, and nothing else.

use crate::exit::AppError;
use crate::files::{Readers, make_folder, write_whole};
use botmm_pipeline::venue::hl::sign::Address;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its file is gone when this is dropped. It has no `Debug`: nothing prints it by accident.
pub struct Token {
    word: Word,
    path: PathBuf,
}

/// What somebody has to say.
#[derive(Clone)]
pub struct Word(Arc<str>);

impl Token {
    /// A new one; that of an earlier run is void.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(dir: &Path, signer: Address) -> Result<Self, AppError> {
        make_folder(dir, Readers::Owner)?;
        // The generator is seeded by the system.
        let text = format!("{:032x}", rand::random::<u128>());
        let path = dir.join(format!("{signer}.token"));
        write_whole(&path, format!("{text}\n").as_bytes(), Readers::Owner)?;
        Ok(Self { word: Word(text.into()), path })
    }

    /// What has to be said.
    pub fn word(&self) -> Word {
        self.word.clone()
    }

    /// For a person, once.
    pub fn words(&self) -> String {
        format!("its kill button wants the token {} (also in {})", self.word.0, self.path.display())
    }
}

impl Word {
    /// Whether this is it; how long that takes says nothing of how much of it is right.
    pub fn is(&self, said: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let pairs = own.iter().zip(said.iter().chain(std::iter::repeat(&0)));
        let differ = pairs.fold(0, |differ, (a, b)| black_box(differ | (a ^ b)));
        differ == 0 && said.len() == own.len()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path); // One that is left behind opens nothing.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_its_owners_alone_new_each_time_and_no_other_word_will_do() {
        let (dir, key) = (tempfile::tempdir().unwrap(), Address::new([7; 20]));
        let path = dir.path().join(format!("{key}.token"));
        let first = Token::new(dir.path(), key).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let word = text.trim().as_bytes();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(word.len() == 32 && first.word().is(word) && first.words().contains(text.trim()));
        let changed = |at: usize| {
            let mut word = word.to_vec();
            word[at] ^= 1;
            word
        };
        for wrong in [&b""[..], &word[1..], &word[..31], &changed(0), &changed(31), text.as_bytes()]
        {
            assert!(!first.word().is(wrong), "{wrong:?}");
        }
        let second = Token::new(dir.path(), key).unwrap();
        assert!(!second.word().is(word));
        drop((first, second));
        assert!(!path.exists());
    }
}
