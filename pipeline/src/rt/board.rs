//! A board: one writer shows its newest state, any number of readers look at it whenever they
//! like. A seqlock over plain words: the writer never waits, and a reader never sees half a state.

use super::sync::{AtomicU64, Ordering, fence, spin_loop};
use std::sync::Arc;

struct Shared<const N: usize> {
    /// Even = stable, odd = being written.
    version: AtomicU64,
    words: [AtomicU64; N],
}

/// The writer's end. There is one, and it cannot be cloned.
pub struct Board<const N: usize>(Arc<Shared<N>>);

/// A reader's end.
#[derive(Clone)]
pub struct BoardReader<const N: usize>(Arc<Shared<N>>);

/// Makes a board of `N` words, all zero.
pub fn board<const N: usize>() -> (Board<N>, BoardReader<N>) {
    let shared = Arc::new(Shared {
        version: AtomicU64::new(0),
        words: core::array::from_fn(|_| AtomicU64::new(0)),
    });
    (Board(shared.clone()), BoardReader(shared))
}

impl<const N: usize> Board<N> {
    /// Shows a new state.
    pub fn write(&mut self, state: &[u64; N]) {
        let version = self.0.version.load(Ordering::Relaxed);
        self.0.version.store(version + 1, Ordering::Relaxed);
        // Pairs with the reader's Acquire fence: who sees a new word also sees the odd version.
        fence(Ordering::Release);
        for (word, value) in self.0.words.iter().zip(state) {
            word.store(*value, Ordering::Relaxed);
        }
        self.0.version.store(version + 2, Ordering::Release);
    }
}

impl<const N: usize> BoardReader<N> {
    /// The newest whole state.
    pub fn read(&self) -> [u64; N] {
        loop {
            let before = self.0.version.load(Ordering::Acquire);
            let state = core::array::from_fn(|i| self.0.words[i].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            let after = self.0.version.load(Ordering::Relaxed);
            if before == after && before.is_multiple_of(2) {
                return state;
            }
            spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_never_sees_half_a_state() {
        let (mut board, reader) = board::<8>();
        let rounds = if cfg!(miri) { 200 } else { 20_000 };
        let writer = std::thread::spawn(move || {
            for i in 1..=rounds {
                board.write(&[i; 8]);
            }
        });
        let mut last = 0;
        while last < rounds {
            let state = reader.read();
            assert!(state.iter().all(|w| *w == state[0]), "torn: {state:?}");
            assert!(state[0] >= last, "went back from {last} to {}", state[0]);
            last = state[0];
            if writer.is_finished() {
                break;
            }
        }
        writer.join().unwrap();
        assert_eq!(reader.read(), [rounds; 8]);
    }
}
