//! Bars of one coin and length, in order, each state of each once; and what is not in order about them.

use super::Bar;
use super::interval::Interval;
use crate::when::utc_s;
use botmm_pipeline::types::{Coin, Nanos};
use std::collections::BTreeMap;

/// Gaps that are named one by one.
const MAX_NAMED: usize = 3;

/// All that were read, by coin and length.
#[derive(Debug, Default)]
pub struct AllBars {
    /// See the type.
    pub series: BTreeMap<(String, Interval), Series>,
}

impl AllBars {
    /// Takes in a sound bar.
    pub fn insert(&mut self, coin: Coin, bar: Bar) {
        self.series.entry((coin.as_str().to_owned(), bar.interval)).or_default().insert(bar);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

/// Of one coin and length.
#[derive(Debug, Default)]
pub struct Series {
    /// By when they open, and when this state of them was received.
    states: BTreeMap<(Nanos, Option<Nanos>), Bar>,
    /// Told more than once, alike.
    pub repeated: u64,
    /// Told more than once, and not alike: the one with more volume was kept, since a bar only grows.
    pub differing: u64,
}

impl Series {
    fn insert(&mut self, bar: Bar) {
        use std::collections::btree_map::Entry;
        match self.states.entry((bar.candle.open_time, bar.recv_time)) {
            Entry::Vacant(place) => _ = place.insert(bar),
            Entry::Occupied(known) if *known.get() == bar => self.repeated += 1,
            Entry::Occupied(mut known) => {
                self.differing += 1;
                if bar.volume > known.get().volume {
                    known.insert(bar);
                }
            }
        }
    }

    /// Every state that is known, in order.
    pub fn states(&self) -> impl Iterator<Item = &Bar> {
        self.states.values()
    }

    /// Each bar once, in order, as it was last: with the most volume.
    pub fn bars(&self) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::with_capacity(self.states.len());
        for bar in self.states.values() {
            match bars.last_mut().filter(|last| last.candle.open_time == bar.candle.open_time) {
                Some(last) if bar.volume < last.volume => {}
                Some(last) => *last = *bar,
                None => bars.push(*bar),
            }
        }
        bars
    }

    /// In words what is not in order: bars that are missing between others, bars that are there twice.
    pub fn notes(&self, coin: &str, interval: Interval) -> Vec<String> {
        let (name, span) = (interval.name(), interval.span().0);
        let mut notes = Vec::new();
        let (mut missing, mut gaps) = (0, Vec::new());
        let mut last: Option<Nanos> = None;
        for (open, _) in self.states.keys() {
            if let Some(before) = last.replace(*open) {
                let skipped = (open.0 - before.0) / span - i64::from(*open != before);
                if skipped > 0 {
                    missing += skipped;
                    gaps.push((before.0 + span, skipped));
                }
            }
        }
        if missing > 0 {
            let named = gaps.iter().take(MAX_NAMED);
            let named: Vec<String> =
                named.map(|(at, n)| format!("{n} from {}", utc_s(Nanos(*at)))).collect();
            let more = if gaps.len() > MAX_NAMED { ", …" } else { "" };
            notes.push(format!(
                "{coin}: {missing} bars of {name} are missing in {} gap(s): {}{more}",
                gaps.len(),
                named.join(", ")
            ));
        }
        if self.repeated > 0 {
            notes.push(format!(
                "{coin}: {} bars of {name} are there twice: once kept",
                self.repeated
            ));
        }
        if self.differing > 0 {
            notes.push(format!(
                "{coin}: {} bars of {name} are told twice and not alike: the one with more volume is \
                 kept, since a bar only grows",
                self.differing
            ));
        }
        notes
    }
}
