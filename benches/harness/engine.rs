//! What feeds a pipeline frames, and what polls its stages: shared by the benches of a whole tick.

use super::Stopwatch;
use botmm_pipeline::rt::{
    Cycle, In, Input, Lane, Latencies, Out, Recorder, Shared, Stage, WallClock,
};
use botmm_pipeline::types::{LentEvent, MarketEvent, Nanos, Universe};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use botmm_pipeline::venue::tap::{Tap, TapIn};
use botmm_pipeline::venue::{Feed, Received, Transport};
use std::sync::Arc;

/// Decodes one frame whenever there is one.
pub struct FrameFeed<T> {
    decoder: Decoder,
    universe: Universe,
    link: T,
}

/// Frames as a connection that is always open.
pub struct FrameLink {
    arrived: In<Vec<u8>>,
    /// Frames go back, so that nothing is freed while a tick is timed.
    spent: Out<Vec<u8>>,
    frame: Vec<u8>,
}

impl FrameFeed<Tap<FrameLink>> {
    /// Of the frames that arrive; where their copies come out, if they are captured.
    pub fn new(
        universe: Universe,
        (arrived, spent): (In<Vec<u8>>, Out<Vec<u8>>),
        captured: bool,
    ) -> (Self, Option<TapIn>) {
        let link = FrameLink { arrived, spent, frame: Vec::new() };
        let (link, copies) = match captured {
            true => {
                let (tap, copies) = Tap::new(link, 4 << 20);
                (tap, Some(copies))
            }
            false => (Tap::none(link), None),
        };
        (Self { decoder: Decoder::new(), universe, link }, copies)
    }
}

impl Transport for FrameLink {
    fn connect(&mut self, _: Nanos) {}
    fn recv(&mut self, _: Nanos) -> Option<Received<'_>> {
        let before = std::mem::replace(&mut self.frame, self.arrived.pop()?);
        assert!(self.spent.push(before).is_ok(), "one frame is on its way");
        Some(Received::Frame(&mut self.frame))
    }
    fn send(&mut self, _: Nanos, _: &[u8]) -> bool {
        false
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

impl<T: Transport> Feed for FrameFeed<T> {
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        let Some(Received::Frame(frame)) = self.link.recv(now) else { return None };
        let mut events = 0;
        let channel = self.decoder.decode(frame, now, &self.universe, |_| events += 1);
        let is_book = channel == Ok(Channel::Book) && events == 1;
        is_book.then(|| MarketEvent::Book(self.decoder.book()))
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
    fn input(&mut self) -> Option<&mut dyn Input> {
        self.link.input()
    }
}

/// The stages in a lane, as they run, or bare, so that each can be timed.
pub enum Engine {
    Lane(Box<Lane>, Latencies),
    Stages(Vec<Box<dyn Stage>>),
}

impl Engine {
    pub fn lane(stages: Vec<Box<dyn Stage>>) -> Self {
        let (mut lanes, latencies) = Lane::inline(stages, &WallClock::default());
        Self::Lane(Box::new(lanes.remove(0)), latencies)
    }

    /// Keeps its duty cycles; where they come out.
    pub fn record(&mut self, shared: Arc<dyn Shared>) -> In<Cycle> {
        let (recorder, cycles) = Recorder::new(0, 64, shared);
        if let Self::Lane(lane, _) = self {
            lane.record(recorder);
        }
        cycles
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

/// Takes what is captured so far; how much it was.
pub fn drain(captured: &mut Option<(TapIn, In<Cycle>)>) -> usize {
    let Some((copies, cycles)) = captured else { return 0 };
    let frames = std::iter::from_fn(|| copies.pop()).count();
    frames + std::iter::from_fn(|| cycles.pop()).count()
}
