//! What feeds a pipeline frames, and what polls its stages: shared by the benches of a whole tick.

use super::Stopwatch;
use botmm_pipeline::rt::{In, Lane, Latencies, Out, Stage, WallClock};
use botmm_pipeline::types::{LentEvent, MarketEvent, Nanos, Universe};
use botmm_pipeline::venue::Feed;
use botmm_pipeline::venue::hl::{Channel, Decoder};

/// Decodes one frame whenever there is one.
pub struct FrameFeed {
    pub decoder: Decoder,
    pub universe: Universe,
    pub arrived: In<Vec<u8>>,
    /// Frames go back, so that nothing is freed while a tick is timed.
    pub spent: Out<Vec<u8>>,
}

impl Feed for FrameFeed {
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        let frame = self.arrived.pop()?;
        let mut events = 0;
        let channel = self.decoder.decode(&frame, now, &self.universe, |_| events += 1);
        let is_spent = self.spent.push(frame).is_ok();
        let is_book = is_spent && channel == Ok(Channel::Book) && events == 1;
        is_book.then(|| MarketEvent::Book(self.decoder.book()))
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

/// The stages in a lane, as they run, or bare, so that each can be timed.
pub enum Engine {
    Lane(Lane, Latencies),
    Stages(Vec<Box<dyn Stage>>),
}

impl Engine {
    pub fn lane(stages: Vec<Box<dyn Stage>>) -> Self {
        let (mut lanes, latencies) = Lane::inline(stages, &WallClock::default());
        Self::Lane(lanes.remove(0), latencies)
    }

    pub fn poll(&mut self, now: Nanos) -> usize {
        match self {
            Self::Lane(lane, _) => lane.poll(now),
            Self::Stages(stages) => stages.iter_mut().map(|s| s.poll(now)).sum(),
        }
    }

    pub fn poll_split(&mut self, now: Nanos, watch: &Stopwatch) -> Vec<u64> {
        let Self::Stages(stages) = self else { return Vec::new() };
        let time = |stage: &mut Box<dyn Stage>| {
            watch.time(&mut || {
                stage.poll(now);
            })
        };
        stages.iter_mut().map(time).collect()
    }
}
