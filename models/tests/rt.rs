//! What holds of the board and the level, whatever order of the threads and of their writes the memory
//! model allows.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use botmm_models::board::board;
use botmm_models::level::{HaltLevel, Hold, LevelCell};
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use std::sync::Arc;

/// A reader sees whole states, and none that is older than one that it has seen.
#[test]
fn a_board_is_read_whole_and_never_goes_back() {
    loom::model(|| {
        let (mut board, reader) = board::<2>();
        let writer = thread::spawn(move || {
            board.write(&[1, 1]);
            board.write(&[2, 2]);
        });
        let mut last = 0;
        for _ in 0..2 {
            let [a, b] = reader.read();
            assert_eq!(a, b, "half a state");
            assert!(a >= last, "went back from {last} to {a}");
            last = a;
        }
        writer.join().unwrap();
        assert_eq!(reader.read(), [2, 2]);
    });
}

/// Two raise it to different levels at once: nobody sees it fall, and it ends at the higher one.
#[test]
fn a_level_only_rises() {
    loom::model(|| {
        let level = Arc::new(LevelCell::default());
        let raisers = [HaltLevel::ReduceOnly, HaltLevel::Halt].map(|to| {
            let level = level.clone();
            thread::spawn(move || level.raise(to))
        });
        let (first, second) = (level.get(), level.get());
        assert!(second >= first, "fell from {first:?} to {second:?}");
        for raiser in raisers {
            raiser.join().unwrap();
        }
        assert_eq!(level.get(), HaltLevel::Halt);
    });
}

/// A halt that comes while it is held leaves no gap: who has seen it held does not see it let go before
/// it is halted.
#[test]
fn a_halt_under_a_hold_leaves_no_gap() {
    loom::model(|| {
        let level = Arc::new(LevelCell::default());
        let shared = level.clone();
        let holder = thread::spawn(move || {
            shared.hold(Hold::Suspended, true);
            shared.raise(HaltLevel::Halt);
            shared.hold(Hold::Suspended, false);
        });
        let (first, second) = (level.get(), level.get());
        assert!(second >= first, "let go of before it was halted");
        holder.join().unwrap();
        assert_eq!(level.get(), HaltLevel::Halt);
    });
}

/// Who sees a level sees what was written before it was raised (why, for one).
#[test]
fn what_was_written_before_a_halt_is_seen_with_it() {
    loom::model(|| {
        let shared = Arc::new((LevelCell::default(), AtomicU64::new(0)));
        let other = shared.clone();
        let raiser = thread::spawn(move || {
            other.1.store(7, Ordering::Relaxed);
            other.0.raise(HaltLevel::Halt);
        });
        if shared.0.get() == HaltLevel::Halt {
            assert_eq!(shared.1.load(Ordering::Relaxed), 7, "halted, and nothing says why");
        }
        raiser.join().unwrap();
    });
}
