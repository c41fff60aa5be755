//! What a drill does to a bot that only the bot can do to itself: a lane, or the side thread, that stands, as
//! one does that waits for what never comes.

use crate::exit::AppError;
use botmm_pipeline::rt::{Input, Stage};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::wiring::Pipeline;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Files of a drill's folder: while one is there, that part stands.
pub const LANE: &str = "lane-stands";
/// The same of the side thread.
pub const SIDE: &str = "side-thread-stands";

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Whose lane it is that stands: the one that decides what rests.
const STAGE: &str = "quote";

/// What stands; by default nothing can.
#[derive(Clone, Default)]
pub struct Frozen(Option<Arc<Stands>>);

#[derive(Default)]
struct Stands {
    lane: AtomicBool,
    side: AtomicBool,
}

impl Frozen {
    /// Told by files in this folder, which a thread of its own looks for. A process that can be made to stand
    /// ends with the drill that started it, whatever ends that.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn by_files(dir: &Path) -> Result<Self, AppError> {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{Signal, set_parent_process_death_signal};
            let set = set_parent_process_death_signal(Some(Signal::KILL));
            set.map_err(|e| AppError::io("this process", "tie to the drill")(e.into()))?;
        }
        let stands = Arc::new(Stands::default());
        let (told, files) = (stands.clone(), [dir.join(LANE), dir.join(SIDE)]);
        let look = move || {
            loop {
                for (file, part) in files.iter().zip([&told.lane, &told.side]) {
                    part.store(file.exists(), Ordering::Relaxed);
                }
                thread::sleep(LOOK_EVERY);
            }
        };
        let thread = thread::Builder::new().name("drill".to_owned());
        thread.spawn(look).map_err(AppError::io("drill thread", "start"))?;
        Ok(Self(Some(stands)))
    }

    /// Told by a test.
    #[cfg(test)]
    pub(super) fn by_hand() -> Self {
        Self(Some(Arc::default()))
    }

    /// Makes the lane stand, or go on.
    #[cfg(test)]
    pub(super) fn lane(&self, stands: bool) {
        self.0.iter().for_each(|told| told.lane.store(stands, Ordering::Relaxed));
    }

    /// Puts what may stand into the pipeline. Where nothing can, that stays as it is.
    pub(super) fn stand_in(&self, pipeline: &mut Pipeline) {
        let Some(told) = &self.0 else { return };
        for at in 0..pipeline.stages.len() {
            if pipeline.stages[at].name() == STAGE {
                let stage = pipeline.stages.remove(at);
                pipeline.stages.insert(at, Box::new(CanStand(stage, told.clone())));
            }
        }
    }

    /// The side thread, in a turn: comes back when it is to go on.
    pub(super) fn side_stands(&self) {
        if let Some(told) = &self.0 {
            wait_while(&told.side);
        }
    }
}

fn wait_while(stands: &AtomicBool) {
    while stands.load(Ordering::Relaxed) {
        thread::sleep(LOOK_EVERY);
    }
}

/// A stage that stands while it is told to.
struct CanStand(Box<dyn Stage>, Arc<Stands>);

impl Stage for CanStand {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn on_start(&mut self) {
        self.0.on_start();
    }

    fn poll(&mut self, now: Nanos) -> usize {
        wait_while(&self.1.lane);
        self.0.poll(now)
    }

    fn hear(&mut self, now: Nanos) -> usize {
        self.0.hear(now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.0.next_deadline()
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        self.0.inputs(see);
    }

    fn late_inputs(&self) -> usize {
        self.0.late_inputs()
    }

    fn on_stop(&mut self) {
        self.0.on_stop();
    }
}
