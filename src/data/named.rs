//! What a file is named after.

use botmm_pipeline::types::Coin;
use std::path::Path;

/// The coin that a file is named after.
pub fn coin_of_name(path: &Path) -> Option<Coin> {
    path.file_name()?.to_str()?.split(['_', '.']).find(is_coin).and_then(Coin::new)
}

/// Whether a part of a name is that of a coin: `orderbooks`, `day` or `2025` are parts too.
pub fn is_coin(part: &&str) -> bool {
    let is_like_one = part.contains(|c: char| c.is_ascii_uppercase()) || part.starts_with('@');
    is_like_one && Coin::new(part).is_some()
}

/// What stands before a file's day and its ending: other venues' symbols may be in small letters.
pub fn first_of_name(path: &Path) -> Option<Coin> {
    Coin::new(path.file_name()?.to_str()?.split(['_', '.']).next()?)
}
