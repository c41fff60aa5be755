//! The board and the level of `pipeline/src/rt`, the same files, on the atomics of a model checker: it runs
//! every order of the threads, and lets each load see every value that the memory model allows it to see.
//! See `scripts/models.sh`.

#[path = "../../pipeline/src/rt/board.rs"]
pub mod board;
#[path = "../../pipeline/src/rt/level.rs"]
pub mod level;

mod sync {
    pub(super) use loom::hint::spin_loop;
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
}
