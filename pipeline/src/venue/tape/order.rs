//! The two orders of a tape's events, and which events they do not agree on.

use super::log::{KEYS, Key};
use super::record::Kind;
use crate::types::Nanos;

/// The events by each clock.
pub struct Orders {
    /// Of receipt.
    pub by_recv: Order,
    /// The venue's.
    pub by_venue: Order,
}

/// The events by one.
pub enum Order {
    /// So many, as they were added: what is in order takes no room.
    AsAdded(u32),
    /// Their numbers, in order.
    Sorted(Vec<u32>),
}

impl Order {
    /// Their numbers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        let (added, sorted) = match self {
            Self::AsAdded(count) => (0..*count, [].iter()),
            Self::Sorted(order) => (0..0, order.iter()),
        };
        added.chain(sorted.copied())
    }
}

/// Whether events came in the order of a clock.
#[derive(Clone, Copy, Debug)]
pub struct InOrder {
    last: (Nanos, u8),
    /// They did not.
    pub is_broken: bool,
}

impl Default for InOrder {
    fn default() -> Self {
        Self { last: (Nanos(i64::MIN), 0), is_broken: false }
    }
}

impl InOrder {
    /// The next one's time and rank.
    pub fn see(&mut self, new: (Nanos, u8)) {
        self.is_broken |= new < self.last;
        self.last = new;
    }
}

/// Of two that tie on time, the lower one's event comes first.
pub fn rank(key: Key) -> u8 {
    match key.kind() {
        // Each change counts, in the order in which it was told among the trades of its moment.
        Kind::Levels => Kind::Trades.channel_rank(),
        kind => kind.channel_rank(),
    }
}

/// The fewest events of each key without which both orders agree on its others; empty when there is none.
pub fn strays(keys: &[Key], orders: &Orders) -> Vec<bool> {
    if matches!((&orders.by_recv, &orders.by_venue), (Order::AsAdded(_), Order::AsAdded(_))) {
        return Vec::new();
    }
    let mut is_stray = vec![false; keys.len()];
    let mut places = vec![0_u32; keys.len()];
    for (place, i) in orders.by_venue.iter().enumerate() {
        places[i as usize] = place as u32;
    }
    let mut by_key: Vec<Vec<u32>> = vec![Vec::new(); KEYS];
    for i in orders.by_recv.iter() {
        by_key[keys[i as usize].index()].push(i);
    }
    for events in by_key {
        let place = |i: &u32| places[*i as usize];
        if events.is_sorted_by_key(place) {
            continue;
        }
        events.iter().for_each(|&i| is_stray[i as usize] = true);
        for kept in longest_rising(&events.iter().map(place).collect::<Vec<_>>()) {
            is_stray[events[kept] as usize] = false;
        }
    }
    is_stray
}

/// Places of a longest run of numbers that rise. O(n log n).
fn longest_rising(numbers: &[u32]) -> Vec<usize> {
    // `ends[k]` ends the best run of k + 1 numbers so far: the one whose end leaves most room.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    for (i, &number) in numbers.iter().enumerate() {
        let k = ends.partition_point(|&end| numbers[end] < number);
        before.push(k.checked_sub(1).map(|k| ends[k]));
        if k == ends.len() {
            ends.push(i);
        } else {
            ends[k] = i;
        }
    }
    let mut run: Vec<usize> = std::iter::successors(ends.last().copied(), |&i| before[i]).collect();
    run.reverse();
    run
}

/// Whether one is among the strays.
pub fn is_among(strays: &[bool], position: usize) -> bool {
    strays.get(position).copied().unwrap_or_default()
}
