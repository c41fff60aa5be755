//! How late the feed is: the median delay of the messages of the last ten seconds. The delay of a
//! message is the venue's time when it came less the time of the block that it tells of.
//!
//! A histogram for each of ten seconds, and their sum: fixed memory, nothing is sorted, and what a second leaves behind
//! is taken back bucket by bucket, from its lowest to its highest. Up to 128 ms a
//! bucket is one millisecond wide, then two, then four, and so on; the median is told rounded down to
//! its bucket, so within 1 ms, or 1.6 %.

use crate::types::Nanos;

/// The window, in slots of a second each: the one that is going on, and nine whole ones.
const SLOTS: usize = 10;
const SLOT: Nanos = Nanos::secs(1);
/// A delay is counted as at most so many milliseconds.
const MAX_MS: u64 = 65_535;
/// Delays below this many milliseconds have a bucket each; each doubling above has half as many.
const FINE_MS: u64 = 128;
const BUCKETS: usize = 704;

/// What came in a second.
#[derive(Clone, Copy, Debug)]
struct Slot {
    counts: [u32; BUCKETS],
    /// Its lowest and its highest bucket; the lowest is the higher one when there is none.
    used: (usize, usize),
}

impl Slot {
    const EMPTY: Self = Self { counts: [0; BUCKETS], used: (BUCKETS, 0) };

    fn count(&mut self, bucket: usize) {
        let (lowest, highest) = self.used;
        self.used = (lowest.min(bucket), highest.max(bucket));
        self.counts[bucket] += 1;
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct FeedDelays {
    /// Of the whole window.
    counts: [u32; BUCKETS],
    total: u32,
    slots: [Slot; SLOTS],
    /// Number of the second that is going on; [`None`] before the first message.
    second: Option<i64>,
}

impl Default for FeedDelays {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0, slots: [Slot::EMPTY; SLOTS], second: None }
    }
}

impl FeedDelays {
    /// Takes a message in. One dated ahead of the venue's clock is not late: it counts as no delay.
    pub fn count(&mut self, received: Nanos, delay: Nanos) {
        let second = received.0.div_euclid(SLOT.0);
        let from = self.second.map_or(second, |last| last + 1);
        // A clock that went back stays in the second that was reached.
        for passed in from..=second.min(from + SLOTS as i64 - 1) {
            // After a long silence every slot is over, whatever its number.
            self.clear(slot_of(passed));
        }
        let second = self.second.map_or(second, |last| last.max(second));
        self.second = Some(second);
        let bucket = bucket_of(delay);
        self.slots[slot_of(second)].count(bucket);
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// The median (of an even number the lower one of both in the middle); [`None`] before the first
    /// message. It stands while nothing comes: silence is not lateness.
    pub fn p50(&self) -> Option<Nanos> {
        let rank = self.total.div_ceil(2);
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += count;
            below >= rank && rank > 0
        })?;
        Some(Nanos::millis(floor_ms(bucket as u64) as i64))
    }

    fn clear(&mut self, slot: usize) {
        let Slot { counts, used } = &mut self.slots[slot];
        let (lowest, highest) = core::mem::replace(used, Slot::EMPTY.used);
        let Some(gone) = counts.get_mut(lowest..=highest) else { return };
        for (all, gone) in self.counts[lowest..].iter_mut().zip(gone) {
            let gone = core::mem::take(gone);
            *all -= gone;
            self.total -= gone;
        }
    }
}

fn slot_of(second: i64) -> usize {
    second.rem_euclid(SLOTS as i64) as usize
}

fn bucket_of(delay: Nanos) -> usize {
    let ms = (delay.0.max(0) as u64 / 1_000_000).min(MAX_MS);
    if ms < FINE_MS {
        return ms as usize;
    }
    let shift = u64::from(ms.ilog2() - FINE_MS.ilog2() + 1);
    (FINE_MS / 2 * shift + (ms >> shift)) as usize
}

fn floor_ms(bucket: u64) -> u64 {
    if bucket < FINE_MS {
        return bucket;
    }
    let shift = bucket / (FINE_MS / 2) - 1;
    (bucket - FINE_MS / 2 * shift) << shift
}

const _: () = assert!(BUCKETS as u64 == FINE_MS + FINE_MS / 2 * 9);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: i64) -> Nanos {
        Nanos::millis(ms)
    }

    #[test]
    fn buckets_follow_each_other_and_are_as_wide_as_is_said() {
        let mut last = 0;
        for at in 0..=MAX_MS {
            let bucket = bucket_of(ms(at as i64));
            assert!(bucket == last || bucket == last + 1, "at {at}");
            let floor = floor_ms(bucket as u64);
            assert!(floor <= at && at - floor <= at / 64, "{at} ms is told as {floor}");
            last = bucket;
        }
        assert_eq!(last, BUCKETS - 1);
        assert_eq!(bucket_of(Nanos::secs(3_600)), BUCKETS - 1);
        assert_eq!(bucket_of(Nanos(i64::MIN)), 0);
    }

    #[test]
    fn the_median_is_of_the_last_ten_seconds() {
        let mut delays = FeedDelays::default();
        assert_eq!(delays.p50(), None);
        (0..100).for_each(|i| delays.count(ms(100 * i), ms(50)));
        assert_eq!(delays.p50(), Some(ms(50)));
        // From 10 s on, late: half of the window is after five seconds.
        let late_at = (100..300).find(|i| {
            delays.count(ms(100 * i), ms(400));
            delays.p50() > Some(ms(150))
        });
        assert!((145..=156).contains(&late_at.unwrap()), "{late_at:?}");
        // A silence of a minute forgets all; a clock that goes back does not.
        delays.count(ms(90_000), ms(20));
        assert_eq!(delays.p50(), Some(ms(20)));
        delays.count(ms(30_000), ms(20));
        assert_eq!((delays.p50(), delays.total), (Some(ms(20)), 2));
    }

    proptest! {
        /// Against all messages kept and sorted.
        #[test]
        fn as_a_naive_twin_has_it(
            messages in proptest::collection::vec((0_i64..4_000, -50_i64..3_000), 1..300),
        ) {
            let (mut delays, mut now, mut kept) = (FeedDelays::default(), 0, Vec::new());
            for (pause, delay) in messages {
                // Mostly dense, now and then a silence that outlasts the window.
                now += if pause > 3_900 { pause * 4 } else { pause / 20 };
                delays.count(ms(now), ms(delay));
                kept.push((now / 1_000, delay.max(0)));
                let of_window = kept.iter().filter(|(s, _)| now / 1_000 - s < SLOTS as i64);
                let mut all: Vec<_> = of_window.map(|(_, delay)| *delay).collect();
                all.sort_unstable();
                let median = all[(all.len() - 1) / 2];
                let told = delays.p50().unwrap().as_millis();
                prop_assert!(told <= median && median - told <= median / 64, "{told} of {median}");
            }
        }
    }
}
