//! Lanes on threads in wall time: live and paper trading.

use super::clock::WallClock;
use super::idle::Idle;
use super::lane::Lane;
use super::level::{HaltLevel, LevelCell};
use crate::types::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

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
    refused: Arc<Refused>,
    handle: JoinHandle<()>,
}

/// What the system refused a lane.
#[derive(Debug, Default)]
struct Refused {
    /// To be pinned to the plan's core.
    pin: AtomicBool,
    /// The plan's real-time priority.
    priority: AtomicBool,
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
            let refused = Arc::new(Refused::default());
            let told = refused.clone();
            let (beat, halt, stop) = (heartbeat.clone(), level.clone(), stop.clone());
            let (clock, core, idle) = (clock.clone(), lane.core, lane.idle);
            let priority = lane.priority;
            let name = lane.name().to_owned();
            let run = move || {
                let _guard = PanicGuard(halt);
                take_place(core, priority, &told);
                let mut idle = Idle::new(idle);
                lane.fault_in();
                lane.start();
                while !stop.load(Ordering::Acquire) {
                    let now = clock.now();
                    let work = lane.poll(now);
                    beat.store(now.0 as u64, Ordering::Relaxed);
                    if work > 0 || !lane.rehearse(now) {
                        idle.idle(work);
                    }
                }
                lane.stop();
            };
            // Linux shows the first 15 bytes of a thread's name.
            let handle = std::thread::Builder::new().name(name.clone()).spawn(run)?;
            running.push(Running { name, heartbeat, refused, handle });
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
        let refused = self.lanes.iter().filter(|l| l.refused.pin.load(Ordering::Relaxed));
        refused.map(|l| l.name.as_str())
    }

    /// Lanes that the system refused their plan's real-time priority.
    pub fn not_real_time(&self) -> impl Iterator<Item = &str> {
        let refused = self.lanes.iter().filter(|l| l.refused.priority.load(Ordering::Relaxed));
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

/// Takes the calling thread to its lane's core and priority. What could not be pinned gets no priority: a
/// lane that spins would take whatever core it is on from everybody.
fn take_place(core: Option<usize>, priority: Option<u8>, refused: &Refused) {
    let pinned = core.is_none_or(|id| core_affinity::set_for_current(core_affinity::CoreId { id }));
    refused.pin.store(!pinned, Ordering::Relaxed);
    if let Some(priority) = priority {
        let granted = pinned && run_in_real_time(priority);
        refused.priority.store(!granted, Ordering::Relaxed);
    }
}

fn run_in_real_time(priority: u8) -> bool {
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    ThreadPriorityValue::try_from(priority).is_ok_and(|priority| {
        let priority = ThreadPriority::Crossplatform(priority);
        set_thread_priority_and_policy(thread_native_id(), priority, fifo).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::{IdleStrategy, LanePlan, Plan, Stage};
    use std::sync::Mutex;
    use thread_priority::thread_schedule_policy;

    /// Notes how its thread is scheduled.
    struct Asks(Arc<Mutex<Vec<ThreadSchedulePolicy>>>);

    impl Stage for Asks {
        fn name(&self) -> &'static str {
            "asks"
        }
        fn on_start(&mut self) {
            self.0.lock().unwrap().push(thread_schedule_policy().unwrap());
        }
        fn poll(&mut self, _: Nanos) -> usize {
            0
        }
        fn next_deadline(&self) -> Option<Nanos> {
            None
        }
    }

    /// Whether it ran in real time, and what was said to be refused: pin, priority.
    fn run(core: Option<usize>, priority: Option<u8>) -> (bool, [bool; 2]) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let lane = LanePlan { stages: vec!["asks".into()], core, idle: IdleStrategy::Park };
        let plan = Plan { name: "test".into(), lanes: vec![lane], priority, ..Plan::default() };
        let clock = WallClock::default();
        let (lanes, _) = Lane::by_plan(&plan, vec![Box::new(Asks(seen.clone()))], &clock);
        let threads = Threads::start(lanes, &clock, &Arc::default()).unwrap();
        while seen.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        let refused = [threads.unpinned().count() == 1, threads.not_real_time().count() == 1];
        threads.stop().unwrap();
        let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        (seen.lock().unwrap()[0] == fifo, refused)
    }

    #[test]
    fn a_lane_runs_in_real_time_or_it_is_told() {
        assert_eq!(run(None, None), (false, [false, false]));
        // Whether it is granted is the system's choice.
        let (is_real_time, [unpinned, refused]) = run(None, Some(10));
        assert!(!unpinned && is_real_time != refused, "{is_real_time} {refused}");
    }

    #[test]
    fn what_is_on_no_core_of_its_own_gets_no_priority() {
        assert_eq!(run(Some(1_023), Some(10)), (false, [true, true]));
    }
}
