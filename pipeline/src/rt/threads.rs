//! Lanes on threads in wall time: live and paper trading.

use super::clock::WallClock;
use super::idle::Idle;
use super::lane::{Lane, StageLatency};
use super::level::{Level, LevelCell};
use super::plan::Plan;
use super::stage::Stage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Running lanes.
pub struct Threads {
    lanes: Vec<Running>,
    stop: Arc<AtomicBool>,
}

struct Running {
    name: String,
    /// Unix nanoseconds of the newest duty cycle.
    heartbeat: Arc<AtomicU64>,
    handle: JoinHandle<Vec<StageLatency>>,
}

/// Raises the halt level when its thread dies: the other lanes then cancel what rests.
pub(super) struct PanicGuard(pub Arc<LevelCell>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.raise(Level::Halt);
        }
    }
}

impl Threads {
    /// Starts a validated plan. A lane that panics raises `level` to [`Level::Halt`].
    pub fn start(
        plan: &Plan,
        mut stages: Vec<Box<dyn Stage>>,
        clock: &WallClock,
        level: &Arc<LevelCell>,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut lanes = Vec::new();
        for lane_plan in &plan.lanes {
            let mut lane = Lane::new(Lane::pick(&mut stages, &lane_plan.stages), clock.clone());
            let heartbeat = Arc::new(AtomicU64::new(0));
            let (beat, halt, stop) = (heartbeat.clone(), level.clone(), stop.clone());
            let (clock, core, idle) = (clock.clone(), lane_plan.core, lane_plan.idle);
            let name = lane_plan.stages.join("+");
            let run = move || {
                let _guard = PanicGuard(halt);
                if let Some(id) = core {
                    core_affinity::set_for_current(core_affinity::CoreId { id });
                }
                let mut idle = Idle::new(idle);
                lane.start();
                while !stop.load(Ordering::Acquire) {
                    let now = clock.now();
                    let work = lane.poll(now);
                    beat.store(now.0 as u64, Ordering::Relaxed);
                    idle.idle(work);
                }
                lane.stop()
            };
            // Linux shows the first 15 bytes of a thread's name.
            let handle = std::thread::Builder::new().name(name.clone()).spawn(run)?;
            lanes.push(Running { name, heartbeat, handle });
        }
        Ok(Self { lanes, stop })
    }

    /// Each lane's name and the Unix nanoseconds of its newest duty cycle (0 = none yet).
    pub fn heartbeats(&self) -> impl Iterator<Item = (&str, u64)> {
        self.lanes.iter().map(|l| (l.name.as_str(), l.heartbeat.load(Ordering::Relaxed)))
    }

    /// A lane that has died, if any.
    pub fn dead_lane(&self) -> Option<&str> {
        self.lanes.iter().find(|l| l.handle.is_finished()).map(|l| l.name.as_str())
    }

    /// Stops all lanes; each stage's latencies, or the name of a lane that had panicked.
    pub fn stop(self) -> Result<Vec<StageLatency>, String> {
        self.stop.store(true, Ordering::Release);
        let mut latencies = Vec::new();
        let mut dead = None;
        for lane in self.lanes {
            match lane.handle.join() {
                Ok(l) => latencies.extend(l),
                Err(_) => dead = Some(lane.name),
            }
        }
        dead.map_or(Ok(latencies), Err)
    }
}
