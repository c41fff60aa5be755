//! How long it takes from the wire to the wire: from the moment at which the kernel had a market event to the
//! order that follows from it, and to the venue's answer, step by step.
//!
//! The feed stage tells when a frame arrived and the number of its first event; the gateway tells when an
//! action was decided, signed and written, and when its answer arrived ([`Stopwatch`]). Both only push into a
//! ring; the side thread puts the moments together ([`Trips`]). No stage reads any of them: decisions are the
//! same with and without, and a run is repeated without.
//!
//! An action belongs to the market event of its cause, and only if nothing held it up on purpose
//! ([`Sent::is_prompt`]): the pause between two quotes, a tick without news or an answer that was waited for is
//! no latency of ours.

use super::clock::WallClock;
use super::lane::{StageLatency, StageSpans, new_histogram};
use super::ring::{In, Out, ring};
use crate::types::limits::RING_TRIP;
use crate::types::{Arrival, Nanos};
use hdrhistogram::Histogram;

/// Frames that are remembered until an action follows from one: seconds of them.
const FRAMES: usize = 1024;
/// Actions that are remembered until their answer: more than may be in flight.
const IN_FLIGHT: usize = 128;

/// A step of the way, by the moment that it ends with.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripStep {
    /// Kernel to read: of each frame of the market.
    Read = 0,
    /// Read to decided: book, quote, risk and dispatch, and the ways between them.
    Decided = 1,
    /// Decided to signed: encoded, hashed, signed, framed as JSON.
    Signed = 2,
    /// Signed to written: the kernel has it.
    Written = 3,
    /// Written to the venue's answer, as the kernel had that.
    Acked = 4,
    /// From the kernel, or from the read where its stamp is missing, to written: all that is ours.
    ToWire = 5,
}

impl TripStep {
    /// How many there are.
    pub const COUNT: usize = 6;
    /// Each, in order.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Read, Self::Decided, Self::Signed, Self::Written, Self::Acked, Self::ToWire];

    /// The word used in journals and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decided => "decided",
            Self::Signed => "signed",
            Self::Written => "written",
            Self::Acked => "acked",
            Self::ToWire => "to_wire",
        }
    }
}

/// A frame of the market arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Number of its first event.
    pub seq: u64,
    /// When.
    pub arrival: Arrival,
}

/// An action was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Number of its post.
    pub id: u64,
    /// Number of the market event that it follows from.
    pub market_seq: u64,
    /// Nothing held it up on purpose.
    pub is_prompt: bool,
    /// When it was handed to the gateway.
    pub decided: Nanos,
    /// When its frame was complete.
    pub signed: Nanos,
    /// When the connection had taken it.
    pub written: Nanos,
}

/// What the gateway tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// An action was sent.
    Sent(Sent),
    /// The post of this number was answered.
    Answered(u64, Arrival),
}

/// In the gateway's hands: it reads the clock, and tells.
#[derive(Debug)]
pub struct Stopwatch {
    clock: WallClock,
    out: Out<Went>,
}

impl Stopwatch {
    /// One by this clock, and the end where its moments come out.
    pub fn new(clock: WallClock) -> (Self, In<Went>) {
        let (mut out, told) = ring("gateway->side trips", RING_TRIP);
        out.fault_in();
        (Self { clock, out }, told)
    }
    /// Now.
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }
    /// Tells; what finds no room is counted.
    pub fn tell(&mut self, went: Went) {
        self.out.push_or_drop(went);
    }
}

/// Trips that took longer than their budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaches {
    /// How many.
    pub count: u64,
    /// The longest of them.
    pub worst: Nanos,
}

/// All trips so far, in the side thread's hands. Its memory is fixed.
pub struct Trips {
    came: In<Came>,
    went: In<Went>,
    frames: Box<[Came]>,
    newest_frame: usize,
    in_flight: Box<[(u64, Nanos)]>,
    steps: [Histogram<u64>; TripStep::COUNT],
    /// Trips that were counted from the kernel's stamp, and from the read.
    from: [u64; 2],
    budget: Option<Nanos>,
    breaches: u64,
    /// Since they were last asked for.
    news: Breaches,
}

impl Trips {
    /// Of what these two tell; trips that take longer than the budget are counted.
    pub fn new(came: In<Came>, went: In<Went>, budget: Option<Nanos>) -> Self {
        Self {
            came,
            went,
            frames: vec![Came::default(); FRAMES].into(),
            newest_frame: 0,
            in_flight: vec![(0, Nanos::ZERO); IN_FLIGHT].into(),
            steps: std::array::from_fn(|_| new_histogram()),
            from: [0; 2],
            budget,
            breaches: 0,
            news: Breaches::default(),
        }
    }

    /// Takes in what was told. Call often: a full ring drops moments.
    pub fn drain(&mut self) {
        while let Some(went) = self.went.pop() {
            // The frame that an action follows from was told before it.
            self.take_frames();
            match went {
                Went::Sent(sent) => self.sent(&sent),
                Went::Answered(id, arrival) => self.answered(id, arrival.first()),
            }
        }
        self.take_frames();
    }

    fn take_frames(&mut self) {
        while let Some(came) = self.came.pop() {
            let Arrival { kernel, read } = came.arrival;
            if kernel > Nanos::ZERO {
                self.record(TripStep::Read, read - kernel);
            }
            self.newest_frame = (self.newest_frame + 1) % FRAMES;
            self.frames[self.newest_frame] = came;
        }
    }

    fn sent(&mut self, sent: &Sent) {
        let Sent { id, market_seq, is_prompt, decided, signed, written } = *sent;
        self.record(TripStep::Signed, signed - decided);
        self.record(TripStep::Written, written - signed);
        self.in_flight[id as usize % IN_FLIGHT] = (id, written);
        let Some(arrival) = self.arrival_of(market_seq).filter(|_| is_prompt) else { return };
        self.record(TripStep::Decided, decided - arrival.read);
        let to_wire = written - arrival.first();
        self.record(TripStep::ToWire, to_wire);
        self.from[usize::from(arrival.kernel == Nanos::ZERO)] += 1;
        if self.budget.is_some_and(|budget| to_wire > budget) {
            self.breaches += 1;
            self.news.count += 1;
            self.news.worst = self.news.worst.max(to_wire);
        }
    }

    fn answered(&mut self, id: u64, at: Nanos) {
        let (of, written) = std::mem::take(&mut self.in_flight[id as usize % IN_FLIGHT]);
        if of == id && at > Nanos::ZERO && written > Nanos::ZERO {
            self.record(TripStep::Acked, at - written);
        }
    }

    /// When the frame arrived that told this event: the newest that began no later.
    fn arrival_of(&self, market_seq: u64) -> Option<Arrival> {
        let newest_first = (0..FRAMES).map(|i| (self.newest_frame + FRAMES - i) % FRAMES);
        let frame = newest_first.map(|i| self.frames[i]).find(|came| came.seq <= market_seq)?;
        (frame.seq > 0).then_some(frame.arrival)
    }

    /// Moments are of several threads' clocks, which share a line: none is before another but by nanoseconds.
    fn record(&mut self, step: TripStep, took: Nanos) {
        self.steps[step as usize].saturating_record(took.0.max(0) as u64);
    }

    /// How long each step takes, of those of which anything is known.
    pub fn steps(&self) -> impl Iterator<Item = StageLatency> {
        self.known().map(|(name, h)| StageLatency::of(name, h))
    }

    /// The same, counted by bounds; of all steps.
    pub fn spans(&self) -> impl Iterator<Item = StageSpans> {
        let all = TripStep::ALL.into_iter().zip(&self.steps);
        all.map(|(step, h)| StageSpans::of(step.as_str(), h))
    }

    fn known(&self) -> impl Iterator<Item = (&'static str, &Histogram<u64>)> {
        let all = TripStep::ALL.into_iter().zip(&self.steps);
        all.filter(|(_, h)| !h.is_empty()).map(|(step, h)| (step.as_str(), h))
    }

    /// Trips from the market to the wire that were counted from the kernel's stamp, and from the read.
    pub fn counted_from(&self) -> [u64; 2] {
        self.from
    }

    /// Trips from the market to the wire.
    pub fn count(&self) -> u64 {
        self.from.iter().sum()
    }

    /// Whose moment they are counted from, in a word: the kernel's, the read's, or now one and now the other.
    pub fn counts_from(&self) -> &'static str {
        match self.from {
            [_, 0] => "kernel",
            [0, _] => "read",
            _ => "mixed",
        }
    }

    /// Trips that took longer than their budget, since the start.
    pub fn breaches(&self) -> u64 {
        self.breaches
    }

    /// Those since this was last asked.
    pub fn take_breaches(&mut self) -> Option<Breaches> {
        let news = std::mem::take(&mut self.news);
        (news.count > 0).then_some(news)
    }

    /// Moments that found no room on their way here.
    pub fn dropped(&self) -> u64 {
        self.came.stats().dropped() + self.went.stats().dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(us: i64) -> Nanos {
        Nanos(1_000_000_000 + 1_000 * us)
    }

    fn trips(budget: Option<Nanos>) -> (Out<Came>, Out<Went>, Trips) {
        let (came, came_in) = ring("came", RING_TRIP);
        let (went, went_in) = ring("went", RING_TRIP);
        (came, went, Trips::new(came_in, went_in, budget))
    }

    fn p50_us(trips: &Trips) -> Vec<(&'static str, u64)> {
        trips.steps().map(|s| (s.stage, s.p50_ns / 1_000)).collect()
    }

    fn frame(seq: u64, kernel: Nanos, read: Nanos) -> Came {
        Came { seq, arrival: Arrival { kernel, read } }
    }

    fn sent(id: u64, market_seq: u64, decided: i64) -> Sent {
        let [decided, signed, written] = [decided, decided + 20, decided + 26].map(us);
        Sent { id, market_seq, is_prompt: true, decided, signed, written }
    }

    #[test]
    fn each_step_of_a_trip_is_measured_and_all_of_it() {
        let (mut came, mut went, mut trips) = trips(Some(Nanos(50_000)));
        came.push(frame(1, us(0), us(3))).unwrap();
        came.push(frame(4, us(100), us(108))).unwrap();
        // The frame of events 4 to 6; the next one is there too before the side thread looks.
        went.push(Went::Sent(sent(7, 6, 110))).unwrap();
        came.push(frame(7, us(120), us(128))).unwrap();
        let answer = Arrival { kernel: us(336), read: us(400) };
        went.push(Went::Answered(7, answer)).unwrap();
        trips.drain();
        assert_eq!(
            p50_us(&trips),
            [
                ("read", 8),
                ("decided", 2),
                ("signed", 20),
                ("written", 6),
                ("acked", 200),
                ("to_wire", 36)
            ]
        );
        assert_eq!((trips.counted_from(), trips.breaches(), trips.dropped()), ([1, 0], 0, 0));
    }

    #[test]
    fn what_was_held_up_on_purpose_is_no_latency_of_ours() {
        let (mut came, mut went, mut trips) = trips(Some(Nanos(1)));
        came.push(frame(1, us(0), us(3))).unwrap();
        went.push(Went::Sent(Sent { is_prompt: false, ..sent(1, 1, 9_000) })).unwrap();
        trips.drain();
        assert_eq!(p50_us(&trips), [("read", 3), ("signed", 20), ("written", 6)]);
        assert_eq!((trips.counted_from(), trips.breaches()), ([0, 0], 0));
    }

    #[test]
    fn without_the_kernels_stamp_it_counts_from_the_read_and_says_so() {
        let (mut came, mut went, mut trips) = trips(None);
        came.push(frame(1, Nanos::ZERO, us(3))).unwrap();
        went.push(Went::Sent(sent(1, 1, 4))).unwrap();
        // An answer that nobody waits for, one without a moment, and one twice.
        went.push(Went::Answered(9, Arrival { kernel: us(50), read: us(50) })).unwrap();
        went.push(Went::Answered(1, Arrival { kernel: Nanos::ZERO, read: us(80) })).unwrap();
        went.push(Went::Answered(1, Arrival { kernel: us(90), read: us(90) })).unwrap();
        trips.drain();
        let expected =
            [("decided", 1), ("signed", 20), ("written", 6), ("acked", 50), ("to_wire", 27)];
        assert_eq!(p50_us(&trips), expected);
        assert_eq!(trips.counted_from(), [0, 1]);
    }

    #[test]
    fn what_takes_longer_than_the_budget_is_counted_and_told_once() {
        let (mut came, mut went, mut trips) = trips(Some(Nanos(40_000)));
        came.push(frame(1, us(0), us(3))).unwrap();
        for (id, decided) in [(1, 14), (2, 15), (3, 200)] {
            went.push(Went::Sent(sent(id, 1, decided))).unwrap();
        }
        trips.drain();
        assert_eq!(trips.breaches(), 2);
        assert_eq!(trips.take_breaches(), Some(Breaches { count: 2, worst: Nanos(226_000) }));
        assert_eq!((trips.take_breaches(), trips.breaches()), (None, 2));
    }

    #[test]
    fn an_event_of_long_ago_is_not_taken_for_another() {
        let (mut came, mut went, mut trips) = trips(None);
        let last = FRAMES as u64 + 10;
        for seq in 1..=last {
            came.push(frame(seq, us(0), us(1))).unwrap();
        }
        went.push(Went::Sent(sent(1, 5, 10))).unwrap();
        went.push(Went::Sent(sent(2, last, 10))).unwrap();
        trips.drain();
        assert_eq!(trips.counted_from(), [1, 0]);
    }
}
