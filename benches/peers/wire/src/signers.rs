//! A bare signature by the library that both clients sign with: below it, neither of them can be.

use crate::Work;
use crate::made::KEY;
use k256::ecdsa::{RecoveryId, Signature, SigningKey};
use std::hint::black_box;

/// Of a digest: nothing encoded, nothing hashed.
struct Alone {
    key: SigningKey,
    made: Option<(Signature, RecoveryId)>,
}

pub fn k256_alone(_: &[String]) -> Box<dyn Work> {
    let digit = |at: usize| u8::from_str_radix(&KEY[2 + 2 * at..4 + 2 * at], 16).expect("digits");
    let bytes: [u8; 32] = std::array::from_fn(digit);
    let key = SigningKey::from_slice(&bytes).expect("a key");
    Box::new(Alone { key, made: None })
}

impl Work for Alone {
    fn call(&mut self, i: usize) {
        let mut digest = [1; 32];
        digest[..8].copy_from_slice(&(i as u64).to_be_bytes());
        self.made = Some(self.key.sign_prehash_recoverable(black_box(&digest)).expect("signed"));
    }
    fn made(&self) -> String {
        String::new()
    }
}
