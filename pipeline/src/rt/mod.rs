//! Floor 1, the machinery: stages, rings, clock, plans and the loops that drive stages.
//! It knows no trading. The only clock in the crate is read here.

pub mod board;
pub mod clock;
pub mod cycles;
pub mod idle;
pub mod lane;
pub mod level;
pub mod near;
pub mod plan;
pub mod rehearsal;
pub mod repeat;
pub mod ring;
pub mod stage;
mod sync;
pub mod threads;
pub mod trips;
pub mod virtual_time;

pub use board::{Board, BoardReader, board};
pub use clock::{Discipline, WallClock};
pub use cycles::{Cycle, Recorder, Shared};
pub use idle::{Idle, IdleStrategy};
pub use lane::{LATENCY_BOUNDS_NS, Lane, Latencies, StageLatency, StageSpans};
pub use level::{HaltLevel, Hold, LevelCell};
pub use near::bring_near;
pub use plan::{LanePlan, Plan, PlanError};
pub use rehearsal::Rehearsal;
pub use repeat::{Repeat, Step};
pub use ring::{
    In, InLatest, Input, Out, OutLatest, OutTold, OutVital, RingStats, ring, vital_ring,
};
pub use stage::{Ahead, Stage};
pub use trips::{Came, Stopwatch, TripStep, Trips, Went};
