//! A bare signature by the library that both clients sign with: below it, neither of them can be.

use crate::Work;
use crate::made::{KEY, Made, unhex};
use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use std::hint::black_box;
use std::io;

/// Of a digest: nothing encoded, nothing hashed.
struct Alone {
    key: SigningKey,
    made: Option<(Signature, RecoveryId)>,
}

pub fn k256_alone(_: &[String]) -> Box<dyn Work> {
    Box::new(Alone { key: key(), made: None })
}

impl Work for Alone {
    fn call(&mut self, i: usize) {
        let mut digest = [1; 32];
        digest[..8].copy_from_slice(&(i as u64).to_be_bytes());
        self.made = Some(self.key.sign_prehash_recoverable(black_box(&digest)).expect("signed"));
    }
    fn made(&self) -> Made {
        Made::default()
    }
}

fn key() -> SigningKey {
    SigningKey::from_slice(&unhex(KEY).expect("digits")).expect("a key")
}

/// Whether a line of a digest, r, s and v is a signature of the key, as a venue finds it: by whose key it recovers to.
pub fn is_ours(line: &io::Result<String>) -> bool {
    recovered(line.as_deref().unwrap_or_default()).is_some_and(|by| by == *key().verifying_key())
}

fn recovered(line: &str) -> Option<VerifyingKey> {
    let [digest, r, s, v] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let signature = Signature::from_scalars(unhex(r)?, unhex(s)?).ok()?;
    let id = RecoveryId::from_byte(v.parse::<u8>().ok()?.checked_sub(27)?)?;
    VerifyingKey::recover_from_prehash(&unhex(digest)?, &signature, id).ok()
}
