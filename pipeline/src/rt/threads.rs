//! Lanes on threads in wall time: live and paper trading.

use super::clock::WallClock;
use super::idle::Idle;
use super::lane::Lane;
use super::level::{HaltLevel, LevelCell};
use crate::types::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Running lanes.
pub struct Threads {
    lanes: Vec<Running>,
    stop: Arc<AtomicBool>,
}

/// When each lane last went round, for whoever watches over them from another thread.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Vec<(String, Arc<AtomicU64>)>);

impl Pulse {
    /// Each lane's name and the time of its newest duty cycle; zero = none yet.
    pub fn lanes(&self) -> impl Iterator<Item = (&str, Nanos)> {
        let beat = |beat: &AtomicU64| Nanos(beat.load(Ordering::Relaxed) as i64);
        self.0.iter().map(move |(name, newest)| (name.as_str(), beat(newest)))
    }

    /// Lanes whose heartbeats are whatever the test says.
    #[doc(hidden)]
    pub fn of(lanes: Vec<(String, Arc<AtomicU64>)>) -> Self {
        Self(lanes)
    }
}

struct Running {
    name: String,
    /// Unix nanoseconds of the newest duty cycle.
    heartbeat: Arc<AtomicU64>,
    /// The system refused to pin it to the plan's core.
    pin_failed: Arc<AtomicBool>,
    handle: JoinHandle<()>,
}

/// Raises the halt level when its thread dies: the other lanes then cancel what rests.
struct PanicGuard(Arc<LevelCell>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.raise(HaltLevel::Halt);
        }
    }
}

impl Threads {
    /// Starts one thread a lane. A lane that panics raises `level` to [`HaltLevel::Halt`].
    pub fn start(
        lanes: Vec<Lane>,
        clock: &WallClock,
        level: &Arc<LevelCell>,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = Vec::new();
        for mut lane in lanes {
            let heartbeat = Arc::new(AtomicU64::new(0));
            let pin_failed = Arc::new(AtomicBool::new(false));
            let unpinned = pin_failed.clone();
            let (beat, halt, stop) = (heartbeat.clone(), level.clone(), stop.clone());
            let (clock, core, idle) = (clock.clone(), lane.core, lane.idle);
            let name = lane.name().to_owned();
            let run = move || {
                let _guard = PanicGuard(halt);
                let pinned = core
                    .is_none_or(|id| core_affinity::set_for_current(core_affinity::CoreId { id }));
                unpinned.store(!pinned, Ordering::Relaxed);
                let mut idle = Idle::new(idle);
                lane.start();
                while !stop.load(Ordering::Acquire) {
                    let now = clock.now();
                    let work = lane.poll(now);
                    beat.store(now.0 as u64, Ordering::Relaxed);
                    idle.idle(work);
                }
                lane.stop();
            };
            // Linux shows the first 15 bytes of a thread's name.
            let handle = std::thread::Builder::new().name(name.clone()).spawn(run)?;
            running.push(Running { name, heartbeat, pin_failed, handle });
        }
        Ok(Self { lanes: running, stop })
    }

    /// The lanes' heartbeats.
    pub fn pulse(&self) -> Pulse {
        Pulse(self.lanes.iter().map(|l| (l.name.clone(), l.heartbeat.clone())).collect())
    }

    /// Lanes that the system refused to pin to their plan's core: their latencies are not what the
    /// plan promises.
    pub fn unpinned(&self) -> impl Iterator<Item = &str> {
        let refused = self.lanes.iter().filter(|l| l.pin_failed.load(Ordering::Relaxed));
        refused.map(|l| l.name.as_str())
    }

    /// A lane that has died, if any.
    pub fn dead_lane(&self) -> Option<&str> {
        self.lanes.iter().find(|l| l.handle.is_finished()).map(|l| l.name.as_str())
    }

    /// Stops all lanes; an error names one that had panicked.
    pub fn stop(self) -> Result<(), String> {
        self.stop.store(true, Ordering::Release);
        let mut dead = None;
        for lane in self.lanes {
            if lane.handle.join().is_err() {
                dead = Some(lane.name);
            }
        }
        dead.map_or(Ok(()), Err)
    }
}
