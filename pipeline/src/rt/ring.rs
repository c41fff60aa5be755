//! Rings: single producer, single consumer, bounded, lock-free (rtrb), each with a name and a count
//! of what it dropped. The rule for a full ring is chosen where a ring is made (`wiring`).

use super::level::{HaltLevel, LevelCell};
use super::near::bring_near;
use core::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Name and loss count of one ring. Written by one thread, read by any.
#[derive(Debug)]
pub struct RingStats {
    /// `producer->consumer`.
    pub name: &'static str,
    dropped: AtomicU64,
    is_vital: bool,
}

impl RingStats {
    /// Of a ring, or of another queue, that lost nothing yet; a vital one must never be full.
    pub fn new(name: &'static str, is_vital: bool) -> Arc<Self> {
        Arc::new(Self { name, dropped: AtomicU64::new(0), is_vital })
    }
    /// Whether a ring that must never be full was full: then trading was halted.
    pub fn is_overrun(&self) -> bool {
        self.is_vital && self.dropped() > 0
    }
    /// Messages that never reached the consumer's logic: not taken by a full ring, or superseded
    /// by a newer one of the same key.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
    /// Counts a message that found no room.
    pub fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Makes a ring with room for `capacity` messages.
pub fn ring<T>(name: &'static str, capacity: usize) -> (Out<T>, In<T>) {
    let (tx, rx) = rtrb::RingBuffer::new(capacity);
    let stats = RingStats::new(name, false);
    (Out { tx, stats: stats.clone() }, In::new(rx, stats))
}

/// Makes one that must never be full: what finds no room is lost, which halts.
pub fn vital_ring<T>(
    name: &'static str,
    capacity: usize,
    level: &Arc<LevelCell>,
) -> (OutVital<T>, In<T>) {
    let (tx, rx) = rtrb::RingBuffer::new(capacity);
    let stats = RingStats::new(name, true);
    let out = Out { tx, stats: stats.clone() };
    (OutVital { out, level: level.clone() }, In::new(rx, stats))
}

/// The producer's end.
#[derive(Debug)]
pub struct Out<T> {
    tx: rtrb::Producer<T>,
    stats: Arc<RingStats>,
}

impl<T> Out<T> {
    /// Hands over a message, or gives it back when the ring is full.
    pub fn push(&mut self, message: T) -> Result<(), T> {
        self.tx.push(message).map_err(|rtrb::PushError::Full(m)| m)
    }
    /// Hands over a message; when the ring is full it is dropped and counted. True = handed over.
    pub fn push_or_drop(&mut self, message: T) -> bool {
        let taken = self.tx.push(message).is_ok();
        if !taken {
            self.stats.count_dropped();
        }
        taken
    }
    /// Counts a message that the caller dropped for want of room.
    pub fn count_dropped(&self) {
        self.stats.count_dropped();
    }
    /// Messages that fit now.
    pub fn free(&self) -> usize {
        self.tx.slots()
    }
    /// Brings the place of the next message near.
    pub fn warm(&mut self) {
        if let Ok(mut next) = self.tx.write_chunk_uninit(1) {
            bring_near(next.as_mut_slices().0);
        }
    }
    /// Writes over all that is free: once done, no first touch of a page takes a lane's time.
    pub fn fault_in(&mut self) {
        let free = self.free();
        if let Ok(mut free) = self.tx.write_chunk_uninit(free) {
            let (first, rest) = free.as_mut_slices();
            first.iter_mut().chain(rest).for_each(|slot| *slot = MaybeUninit::zeroed());
        }
    }
    /// The ring's name and loss count.
    pub fn stats(&self) -> &Arc<RingStats> {
        &self.stats
    }
}

/// A producer's end, of whose messages a third hears.
#[derive(Debug)]
pub struct OutTold<T> {
    out: Out<T>,
    told: Option<Out<T>>,
}

impl<T: Copy> OutTold<T> {
    /// Nobody hears yet.
    pub fn new(out: Out<T>) -> Self {
        Self { out, told: None }
    }
    /// A copy of each message that is handed over comes out here; one that finds no room is counted.
    pub fn tell(&mut self, room: usize) -> In<T> {
        let (out, told) = ring("side->capture", room);
        self.told = Some(out);
        told
    }
    /// As [`Out::push`].
    pub fn push(&mut self, message: T) -> Result<(), T> {
        self.out.push(message)?;
        if let Some(told) = &mut self.told {
            told.push_or_drop(message);
        }
        Ok(())
    }
    /// As [`Out::free`].
    pub fn free(&self) -> usize {
        self.out.free()
    }
}

/// The producer's end of a ring that must never be full.
#[derive(Debug)]
pub struct OutVital<T> {
    out: Out<T>,
    level: Arc<LevelCell>,
}

impl<T> OutVital<T> {
    /// Hands over a message. When the ring is full, what rests on it is not whole any more: it is counted,
    /// and trading halts.
    pub fn push(&mut self, message: T) {
        if !self.out.push_or_drop(message) {
            self.level.raise(HaltLevel::Halt);
        }
    }
    /// As [`Out::fault_in`].
    pub fn fault_in(&mut self) {
        self.out.fault_in();
    }
    /// The ring's name and loss count.
    pub fn stats(&self) -> &Arc<RingStats> {
        self.out.stats()
    }
}

/// A stage's way in, as whoever captures or repeats a run sees it: what comes is always the same, in the
/// same order, and how much of it a poll took is all that there is to know.
pub trait Input {
    /// Who gives: the name of a stage, or of something outside the pipeline.
    fn giver(&self) -> &'static str;
    /// Messages taken so far.
    fn taken(&self) -> u64;
    /// No more than so many are given in all, however many there are.
    fn give_up_to(&mut self, taken: u64);
    /// Messages that could be taken now, if they were given.
    fn waiting(&mut self) -> u64;
}

/// The consumer's end.
#[derive(Debug)]
pub struct In<T> {
    rx: rtrb::Consumer<T>,
    stats: Arc<RingStats>,
    taken: u64,
    /// See [`Input::give_up_to`]: without a bound unless a run is repeated.
    given: u64,
}

impl<T> In<T> {
    fn new(rx: rtrb::Consumer<T>, stats: Arc<RingStats>) -> Self {
        Self { rx, stats, taken: 0, given: u64::MAX }
    }
    /// The oldest message.
    pub fn pop(&mut self) -> Option<T> {
        if self.taken >= self.given {
            return None;
        }
        let oldest = self.rx.pop().ok()?;
        self.taken += 1;
        Some(oldest)
    }
    /// A look at the oldest message.
    pub fn peek(&self) -> Option<&T> {
        self.rx.peek().ok()
    }
    /// Whether there is one.
    pub fn has_some(&self) -> bool {
        self.rx.peek().is_ok()
    }
    /// A look at all that wait, oldest first; how many they are.
    pub fn look(&mut self, mut see: impl FnMut(&T)) -> usize {
        let Ok(all) = self.rx.read_chunk(self.rx.slots()) else { return 0 };
        let (first, rest) = all.as_slices();
        first.iter().chain(rest).for_each(&mut see);
        all.len()
    }
    /// Takes the oldest message out where it lies.
    pub fn skip(&mut self) {
        if let Ok(oldest) = self.rx.read_chunk(1) {
            oldest.commit_all();
            self.taken += 1;
        }
    }
    /// Takes the oldest message out and drops another in its place: of a secret that is wiped when dropped,
    /// nothing stays behind in the ring.
    pub fn swap_out(&mut self, last: T) -> Option<T> {
        let mut oldest = self.rx.read_chunk(1).ok()?;
        let (first, rest) = oldest.as_mut_slices();
        let message = core::mem::replace(first.iter_mut().chain(rest).next()?, last);
        oldest.commit_all();
        self.taken += 1;
        Some(message)
    }
    /// The ring's name and loss count.
    pub fn stats(&self) -> &Arc<RingStats> {
        &self.stats
    }
}

impl<T> Input for In<T> {
    fn giver(&self) -> &'static str {
        self.stats.name.split("->").next().unwrap_or(self.stats.name)
    }
    fn taken(&self) -> u64 {
        self.taken
    }
    fn give_up_to(&mut self, taken: u64) {
        self.given = taken;
    }
    fn waiting(&mut self) -> u64 {
        self.rx.slots() as u64
    }
}

/// Producer of whole states, of which per key only the newest counts. A full ring keeps the newest
/// of each key aside and hands it over as soon as there is room: nothing is ever lost but what a
/// newer state replaced.
#[derive(Debug)]
pub struct OutLatest<T> {
    out: Out<T>,
    pending: Vec<Option<T>>,
    pending_count: usize,
}

impl<T> OutLatest<T> {
    /// For keys `0..keys`.
    pub fn new(out: Out<T>, keys: usize) -> Self {
        Self { out, pending: (0..keys).map(|_| None).collect(), pending_count: 0 }
    }
    /// Hands over a state.
    pub fn push(&mut self, key: usize, state: T) {
        self.flush();
        let state = if self.pending[key].is_none() {
            match self.out.push(state) {
                Ok(()) => return,
                Err(state) => state,
            }
        } else {
            self.out.stats.count_dropped();
            self.pending_count -= 1;
            state
        };
        self.pending[key] = Some(state);
        self.pending_count += 1;
    }
    /// Whether something is kept aside.
    pub fn has_pending(&self) -> bool {
        self.pending_count > 0
    }
    /// Brings the place of the next state near.
    pub fn warm(&mut self) {
        self.out.warm();
        bring_near(&self.pending[..]);
    }
    /// States for which there is room.
    pub fn free(&self) -> usize {
        self.out.free()
    }
    /// Hands over what was kept aside, as far as there is room. Call once a poll.
    pub fn flush(&mut self) {
        if self.pending_count == 0 {
            return;
        }
        for slot in &mut self.pending {
            let Some(state) = slot.take() else { continue };
            match self.out.push(state) {
                Ok(()) => self.pending_count -= 1,
                Err(state) => {
                    *slot = Some(state);
                    return;
                }
            }
        }
    }
}

/// Consumer of whole states. In one call it takes what has arrived (bounded) and shows the newest
/// of each key; when lossless, each of them in order.
#[derive(Debug)]
pub struct InLatest<T> {
    input: In<T>,
    newest: Vec<Option<T>>,
    batch: usize,
    lossless: bool,
}

impl<T> InLatest<T> {
    /// For keys `0..keys`, taking at most `batch` messages a call.
    pub fn new(input: In<T>, keys: usize, batch: usize, lossless: bool) -> Self {
        Self { input, newest: (0..keys).map(|_| None).collect(), batch, lossless }
    }
    /// Shows what arrived to `see`; returns the number of messages taken.
    pub fn take(&mut self, key: impl Fn(&T) -> usize, mut see: impl FnMut(&T)) -> usize {
        self.take_all(
            |_| true,
            key,
            |message, counts| {
                if counts {
                    see(message);
                }
            },
        )
    }

    /// The same, but `see` is shown those that are superseded too, each before the newer one of its
    /// key: for what must not be missed on the way to the newest. `see` is told which ones count. What
    /// `is_there` denies is left, with all behind it.
    pub fn take_all(
        &mut self,
        is_there: impl Fn(&T) -> bool,
        key: impl Fn(&T) -> usize,
        mut see: impl FnMut(&T, bool),
    ) -> usize {
        let mut taken = 0;
        while taken < self.batch && self.input.peek().is_some_and(&is_there) {
            let Some(message) = self.input.pop() else { break };
            taken += 1;
            // Often there is but one, the newest.
            let is_alone = taken == 1 && !self.input.peek().is_some_and(&is_there);
            if self.lossless || is_alone {
                see(&message, true);
                if is_alone {
                    return taken; // What has come meanwhile would be newer: it is taken the next time.
                }
                continue;
            }
            let slot = &mut self.newest[key(&message)];
            if let Some(superseded) = slot.replace(message) {
                self.input.stats.count_dropped();
                see(&superseded, false);
            }
        }
        if taken > 0 && !self.lossless {
            self.newest.iter_mut().filter_map(Option::take).for_each(|m| see(&m, true));
        }
        taken
    }
    /// The ring's name and loss count.
    pub fn stats(&self) -> &Arc<RingStats> {
        self.input.stats()
    }
    /// What it takes from.
    pub fn input(&mut self) -> &mut dyn Input {
        &mut self.input
    }
    /// A look at the oldest that waits.
    pub fn peek(&self) -> Option<&T> {
        self.input.peek()
    }
    /// The oldest that waits, whether it is superseded or not.
    pub fn pop(&mut self) -> Option<T> {
        self.input.pop()
    }
    /// As [`In::look`].
    pub fn look(&mut self, see: impl FnMut(&T)) -> usize {
        self.input.look(see)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_gives_back_or_counts() {
        let (mut tx, mut rx) = ring::<u32>("a->b", 2);
        assert_eq!((tx.push(1), tx.push(2), tx.push(3)), (Ok(()), Ok(()), Err(3)));
        assert!(!tx.push_or_drop(4));
        assert_eq!((rx.pop(), rx.pop(), rx.pop()), (Some(1), Some(2), None));
        assert_eq!((rx.stats().dropped(), rx.stats().name), (1, "a->b"));
    }

    #[test]
    fn what_is_swapped_out_leaves_nothing_behind() {
        struct Told(u32, std::rc::Rc<std::cell::RefCell<Vec<u32>>>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.1.borrow_mut().push(self.0);
            }
        }
        let dropped = std::rc::Rc::<std::cell::RefCell<Vec<u32>>>::default();
        let told = |n| Told(n, dropped.clone());
        let (mut tx, mut rx) = ring::<Told>("a->b", 2);
        for i in 0..5 {
            assert!(tx.push(told(i)).is_ok());
            let out = rx.swap_out(told(100 + i));
            assert_eq!(
                *dropped.borrow().last().unwrap(),
                100 + i,
                "what took its place went there"
            );
            assert_eq!(out.map(|out| out.0), Some(i));
        }
        assert!(rx.swap_out(told(200)).is_none());
        assert_eq!(rx.taken(), 5);
    }

    #[test]
    fn a_full_ring_that_must_not_be_halts_and_counts() {
        let level = Arc::new(LevelCell::default());
        let (mut tx, mut rx) = vital_ring::<u32>("a->b", 1, &level);
        tx.push(1);
        assert_eq!((level.get(), tx.stats().is_overrun()), (HaltLevel::Run, false));
        tx.push(2);
        assert_eq!((level.get(), tx.stats().is_overrun()), (HaltLevel::Halt, true));
        assert_eq!((rx.pop(), rx.pop(), rx.stats().dropped()), (Some(1), None, 1));
    }

    #[test]
    fn the_newest_state_of_each_key_arrives() {
        let (tx, rx) = ring::<(usize, u32)>("a->b", 2);
        let mut tx = OutLatest::new(tx, 3);
        let mut rx = InLatest::new(rx, 3, 8, false);
        for state in [(0, 1), (1, 1), (0, 2), (2, 1), (0, 3)] {
            tx.push(state.0, state);
        }
        let mut seen = Vec::new();
        for _ in 0..3 {
            rx.take(|m| m.0, |m| seen.push(*m));
            tx.flush();
        }
        assert_eq!(seen, vec![(0, 1), (1, 1), (0, 3), (2, 1)]);
        assert_eq!(rx.stats().dropped(), 1, "(0, 2) was superseded before it left");
    }

    #[test]
    fn what_is_superseded_can_be_seen_on_the_way() {
        for lossless in [false, true] {
            let (mut tx, rx) = ring::<(usize, u32)>("a->b", 8);
            let mut rx = InLatest::new(rx, 2, 8, lossless);
            for message in [(0, 1), (1, 2), (0, 3), (0, 4)] {
                tx.push(message).unwrap();
            }
            let mut seen = [const { Vec::new() }; 2];
            rx.take_all(|_| true, |m| m.0, |m, counts| seen[m.0].push((m.1, counts)));
            assert_eq!(seen[0], [(1, lossless), (3, lossless), (4, true)]);
            assert_eq!(seen[1], [(2, true)]);
        }
    }

    #[test]
    fn lossless_shows_everything_in_order() {
        let (mut tx, rx) = ring::<(usize, u32)>("a->b", 8);
        let mut rx = InLatest::new(rx, 2, 8, true);
        for i in 0..5 {
            tx.push((0, i)).unwrap();
        }
        let mut seen = Vec::new();
        assert_eq!(rx.take(|m| m.0, |m| seen.push(m.1)), 5);
        assert_eq!(seen, vec![0, 1, 2, 3, 4]);
        assert_eq!(rx.stats().dropped(), 0);
    }
}
