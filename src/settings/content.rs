//! What a file held, told by its hash.

use sha2::{Digest as _, Sha256};

/// SHA-256 of a file's content.
pub type ContentHash = [u8; 32];

/// The hash of a file's content.
pub fn content_hash(content: &[u8]) -> ContentHash {
    Sha256::digest(content).into()
}
