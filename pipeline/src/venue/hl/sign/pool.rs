//! One-time signatures on their way from who makes them to who signs: a ring with room for a few seconds'
//! worth, made on the side thread and used on the order link's lane.
//!
//! Each is used by one request or by none. What was made before anything after which its twin might exist
//! somewhere, or might have been used, is not used: before a standstill, a set clock, or a change of process, nor
//! is one that is older than [`KEPT_FOR`]. Then, as when none is left, the key signs as ever (RFC 6979), and
//! that is counted.

use super::eip712::Hash32;
use super::key::{Signature, Signer};
use super::presign::{Presignature, nonce};
use crate::rt::{In, Out, ring};
use crate::types::Nanos;
use crate::venue::SigningCounts;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many may wait.
pub const ROOM: usize = 64;
/// None is used that is older.
pub const KEPT_FOR: Nanos = Nanos::secs(4);
/// A lane that looks again after so long stood still, maybe with its whole machine, whose memory somebody may
/// have copied meanwhile.
const STOOD_STILL: Nanos = Nanos::millis(100);

/// Numbers the times between two doubts. What was made in one is not used in the next.
#[derive(Clone, Default)]
pub struct Generation(Arc<AtomicU64>);

impl Generation {
    /// Nothing that was made until now is to be used.
    pub fn end(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// One that waits. Neither shown nor cloned, as what it holds.
struct Waiting {
    made: Nanos,
    generation: u64,
    presignature: Presignature,
}

/// The end where they are made.
pub struct Presigner {
    signer: Arc<Signer>,
    made: u64,
    generation: Generation,
    out: Out<Waiting>,
}

/// The end where they are used.
pub struct Pool {
    waiting: In<Waiting>,
    generation: Generation,
    /// The number of the process, and the one it was built in.
    process: fn() -> u32,
    home: u32,
    /// When somebody looked last.
    looked: Option<Nanos>,
    is_trusted: bool,
    counts: SigningCounts,
}

/// Both ends for a key. `process` gives the number of the process that asks: a fork's pool is not used.
pub fn pool(signer: Arc<Signer>, process: fn() -> u32) -> (Presigner, Pool) {
    let (out, waiting) = ring("side->signer", ROOM);
    let generation = Generation::default();
    let pool = Pool {
        waiting,
        generation: generation.clone(),
        process,
        home: process(),
        looked: None,
        is_trusted: true,
        counts: SigningCounts::default(),
    };
    (Presigner { signer, made: 0, generation, out }, pool)
}

impl Presigner {
    /// Whether one more may wait.
    pub fn has_room(&self) -> bool {
        self.out.free() > 0
    }

    /// Makes one, of 32 bytes that the system has just drawn and that are used for nothing else. It takes as
    /// long as two signatures.
    pub fn make(&mut self, now: Nanos, entropy: &Hash32) {
        let generation = self.generation.now(); // Before it is made: a doubt meanwhile is about it.
        self.made += 1;
        // Two copies of one machine draw the same bytes for a while; the moment is soon another.
        let mut message = [0; 32];
        message[16..24].copy_from_slice(&now.0.to_be_bytes());
        message[24..].copy_from_slice(&self.made.to_be_bytes());
        let k = nonce(&self.signer, &message, entropy);
        if let Some(presignature) = Presignature::new(&self.signer, &k) {
            // Without room it is wiped.
            let _ = self.out.push(Waiting { made: now, generation, presignature });
        }
    }

    /// For whoever notices what raises doubts.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }
}

impl Pool {
    /// Lets go of what is not to be used any more at `now`. Call it often, and before each [`Pool::sign`].
    pub fn tend(&mut self, now: Nanos) {
        let last = self.looked.replace(now);
        if last.is_some_and(|last| now - last > STOOD_STILL || now < last) {
            self.generation.end();
        }
        let generation = self.generation.now();
        while let Some(oldest) = self.waiting.peek() {
            if oldest.generation == generation && now - oldest.made < KEPT_FOR {
                return;
            }
            self.waiting.skip();
            self.counts.dropped += 1;
        }
    }

    /// Signs with the oldest, which is gone before it signs; [`None`] = there is none that may.
    #[inline]
    pub fn sign(&mut self, digest: &Hash32) -> Option<Signature> {
        let signature = self.take().and_then(|presignature| presignature.sign(digest));
        match signature {
            Some(_) => self.counts.presigned += 1,
            None => self.counts.ordinary += 1,
        }
        signature
    }

    /// The venue does not know the signer of what was signed so: none is used any more.
    pub fn distrust(&mut self) {
        self.is_trusted = false;
    }

    /// What became of them.
    pub fn counts(&self) -> SigningCounts {
        self.counts
    }

    fn take(&mut self) -> Option<Presignature> {
        let may = self.is_trusted && self.looked.is_some() && (self.process)() == self.home;
        if !may || self.waiting.peek()?.generation != self.generation.now() {
            return None;
        }
        self.waiting.swap_out(Waiting::SPENT).map(|waiting| waiting.presignature)
    }
}

impl Waiting {
    /// Overwrites the place of one that was taken.
    const SPENT: Self =
        Self { made: Nanos(i64::MIN), generation: 0, presignature: Presignature::SPENT };
}

#[cfg(test)]
mod tests;
