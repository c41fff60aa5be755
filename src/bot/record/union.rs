//! Frames of two connections as those of one: each as often as the venue said it.
//!
//! The n-th time that a connection brings a frame is the n-th time that any other brings it, however late; it
//! is new when that is more often than it was written. A frame that tells no time may be the same again later: of
//! those, what was written while a connection was away counts as brought by it, or it would swallow the next.

use botmm_pipeline::types::Nanos;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// A frame that nobody brought for so long is forgotten: no connection is that far behind another.
const FORGET_AFTER: Nanos = Nanos::secs(20);
/// Most that are remembered, whatever comes.
const MOST: usize = 200_000;

/// See the module.
pub struct Union {
    seen: HashMap<u64, Seen>,
    hasher: RandomState,
    swept: Nanos,
}

#[derive(Clone, Copy)]
struct Seen {
    written: u32,
    brought: [u32; 2],
    is_timed: bool,
    at: Nanos,
}

impl Union {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self { seen: HashMap::new(), hasher: RandomState::new(), swept: Nanos::ZERO }
    }

    /// Whether a frame that this connection brings is new; `is_timed` = it tells when the venue said it.
    pub fn is_new(&mut self, link: usize, frame: &[u8], is_timed: bool, now: Nanos) -> bool {
        self.sweep(now);
        let new = Seen { written: 0, brought: [0; 2], is_timed, at: now };
        let seen = self.seen.entry(self.hasher.hash_one(frame)).or_insert(new);
        seen.at = now;
        seen.brought[link] += 1;
        let is_new = seen.brought[link] > seen.written;
        seen.written += u32::from(is_new);
        is_new
    }

    /// A connection is there anew: what others brought meanwhile it does not bring again.
    pub fn joins(&mut self, link: usize) {
        let untimed = self.seen.values_mut().filter(|seen| !seen.is_timed);
        untimed.for_each(|seen| seen.brought[link] = seen.written);
    }

    fn sweep(&mut self, now: Nanos) {
        if now - self.swept < Nanos::secs(1) && self.seen.len() < MOST {
            return;
        }
        let keep = if self.seen.len() < MOST { FORGET_AFTER } else { Nanos::secs(1) };
        self.seen.retain(|_, seen| now - seen.at < keep);
        self.swept = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Nanos = Nanos::secs(100);

    fn written(union: &mut Union, frames: &[(usize, &str)]) -> Vec<String> {
        let new =
            frames.iter().filter(|(link, frame)| union.is_new(*link, frame.as_bytes(), false, T));
        new.map(|(_, frame)| (*frame).to_owned()).collect()
    }

    #[test]
    fn each_frame_is_written_as_often_as_it_was_said_whoever_is_first() {
        let mut union = Union::new();
        let frames =
            [(0, "a"), (1, "a"), (1, "b"), (1, "a"), (0, "b"), (0, "a"), (0, "a"), (1, "a")];
        assert_eq!(written(&mut union, &frames), ["a", "b", "a", "a"]);
    }

    #[test]
    fn who_comes_back_neither_repeats_nor_swallows() {
        let mut union = Union::new();
        assert_eq!(written(&mut union, &[(0, "a"), (1, "a"), (0, "b"), (0, "a")]), ["a", "b", "a"]);
        union.joins(1);
        // The next one is said to both: once, whoever is first.
        assert_eq!(written(&mut union, &[(1, "a"), (0, "a"), (0, "c"), (1, "c")]), ["a", "c"]);
        // And the one that stayed may go.
        assert_eq!(written(&mut union, &[(1, "a"), (1, "d")]), ["a", "d"]);
    }

    #[test]
    fn the_newest_state_that_is_told_anew_to_who_comes_back_is_not_new() {
        let mut union = Union::new();
        assert!(union.is_new(0, b"at 7", true, T));
        union.joins(1);
        assert!(!union.is_new(1, b"at 7", true, T));
    }

    #[test]
    fn it_forgets() {
        let mut union = Union::new();
        for i in 0..1_000_000_u64 {
            union.is_new(0, &i.to_le_bytes(), true, Nanos(i as i64 * 1_000_000));
        }
        assert!(union.seen.len() <= 22_000, "{}", union.seen.len());
    }
}
