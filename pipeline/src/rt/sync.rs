//! What the board and the level are built of. In the crate `models`, which compiles the same two files, a
//! model checker's atomics stand in this place.

pub(super) use core::hint::spin_loop;
pub(super) use core::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
