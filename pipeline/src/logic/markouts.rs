//! Where profit comes from, fill by fill (STRATEGY §4): what the venue's mid was just before a fill,
//! and what became of it. Of one asset, in exact integers.
//!
//! With s = +1 for a buy and −1 for a sell, q the size, p the price, m0 the mid at the fill, m_h the
//! mid h after it and M the mark at the end, a fill's profit s·q·(M − p) is
//!
//! ```text
//! spread captured  s·q·(m0 − p)  +  adverse selection  s·q·(m_h − m0)  +  drift  s·q·(M − m_h)
//! ```
//!
//! for every h. What is not measured yet counts as drift: nobody has to measure that, it is what is
//! left of the ledger's profit. Markout at h = s·(m_h − p)/p, the first two over the value.
//!
//! A mid at a time is the one that the last block *before* that time left, by the venue's clock, and it
//! is taken once the feed has passed the time. So it is the same mid however late the feed or the
//! fill's message is; what we knew when a fill reached us, or when it happened, is from before the move
//! that filled us, and flatters. Where the feed had a hole, or a fill is told of too late, the mid is
//! unknown: such a fill is counted, and not measured.
//!
//! Prices and sizes are on the venue's grid, at most six decimals together, and a mid has at most one
//! more: each product is exact in 1e-8 USD. Sums are kept in 1e-16 USD, as the ledger keeps them.

use crate::logic::block_mids::BlockMids;
use crate::logic::ledger::from_e16;
use crate::logic::past_fills::{PastFill, PastFills};
use crate::types::limits::MAX_PAST_FILLS;
use crate::types::{Fill, Nanos, Px, SCALE, Side, Usd};
use std::collections::VecDeque;

/// How long after a fill its markout is taken.
pub const HORIZONS: [Nanos; 4] = [Nanos::secs(1), Nanos::secs(5), Nanos::secs(30), Nanos::secs(60)];

/// What is known of a fill now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// The mid just before it.
    MidAtFill(PastFill),
    /// And what became of it.
    Markout(Measured),
}

/// A fill and what the mid was a horizon later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Which of [`HORIZONS`].
    pub horizon: usize,
    /// The fill.
    pub fill: PastFill,
    /// The mid then.
    pub mid: Px,
}

/// Fills of one side that were measured at one horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasuredSum {
    fills: u64,
    value: i128,
    captured: i128,
    adverse: i128,
}

impl MeasuredSum {
    fn add(&mut self, fill: &PastFill, mid: Px) {
        self.fills += 1;
        self.value = self.value.saturating_add(fill.value_e16());
        self.captured = self.captured.saturating_add(fill.captured_e16());
        self.adverse = self.adverse.saturating_add(fill.moved_e16(mid));
    }
    /// How many.
    pub fn fills(&self) -> u64 {
        self.fills
    }
    /// Their value.
    pub fn value(&self) -> Usd {
        value(self.value)
    }
    /// What the market did to them, Σ s·q·(m_h − m0): negative = against us.
    pub fn adverse(&self) -> Usd {
        from_e16(self.adverse)
    }
    /// Their markout in money, Σ s·q·(m_h − p), before fees.
    pub fn markout(&self) -> Usd {
        from_e16(self.captured.saturating_add(self.adverse))
    }
}

/// All fills of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideSum {
    fills: u64,
    captured: i128,
    measured: [MeasuredSum; HORIZONS.len()],
}

impl SideSum {
    /// Fills whose mid is known.
    pub fn fills(&self) -> u64 {
        self.fills
    }
    /// Spread captured by them, Σ s·q·(m0 − p).
    pub fn captured(&self) -> Usd {
        from_e16(self.captured)
    }
    /// The fills measured at one of [`HORIZONS`].
    pub fn at(&self, horizon: usize) -> &MeasuredSum {
        &self.measured[horizon]
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Markouts {
    mids: BlockMids,
    /// Up to where the feed has come, by the venue's clock.
    passed: Option<Nanos>,
    /// Fills that the feed has not passed yet, by their venue time.
    ahead: VecDeque<(Nanos, Fill)>,
    waiting: [PastFills; HORIZONS.len()],
    sides: [SideSum; 2],
    missed: u64,
}

impl Default for Markouts {
    fn default() -> Self {
        Self {
            mids: BlockMids::default(),
            passed: None,
            ahead: VecDeque::with_capacity(MAX_PAST_FILLS),
            waiting: HORIZONS.map(PastFills::new),
            sides: Default::default(),
            missed: 0,
        }
    }
}

impl Markouts {
    /// The feed has come to this block, which left that mid; [`None`] = it has none, the last one
    /// stands. Measures what can be measured by now; how much was due.
    pub fn on_block(
        &mut self,
        block: Nanos,
        mid: Option<Px>,
        tell: impl FnMut(Measurement),
    ) -> usize {
        if let Some(mid) = mid {
            self.mids.push(block, mid);
        }
        self.passed = Some(block);
        self.settle(tell)
    }

    /// The feed may have missed something.
    pub fn lose_track(&mut self) {
        self.mids.lose_track();
    }

    /// Takes in a fill of the block of this time.
    pub fn on_fill(&mut self, block: Nanos, fill: &Fill, tell: impl FnMut(Measurement)) -> usize {
        if self.ahead.len() == MAX_PAST_FILLS {
            self.give_up();
            return 0;
        }
        let at = self.ahead.iter().rposition(|(t, _)| *t <= block).map_or(0, |i| i + 1);
        self.ahead.insert(at, (block, *fill));
        self.settle(tell)
    }

    /// The mid just before a time; [`None`] while the feed has not passed it, or when it is not known.
    pub fn mid_before(&self, time: Nanos) -> Option<Px> {
        self.passed.filter(|passed| *passed >= time).and_then(|_| self.mids.before(time))
    }

    /// Up to where the feed has come, by the venue's clock.
    pub fn passed(&self) -> Option<Nanos> {
        self.passed
    }

    fn settle(&mut self, mut tell: impl FnMut(Measurement)) -> usize {
        let Some(passed) = self.passed else { return 0 };
        let mut count = 0;
        while let Some((time, fill)) = self.ahead.front().copied().filter(|f| f.0 <= passed) {
            self.ahead.pop_front();
            count += 1;
            let Some(mid) = self.mids.before(time) else {
                self.give_up();
                continue;
            };
            let fill = PastFill::new(time, &fill, mid);
            let side = &mut self.sides[fill.side.index()];
            side.fills += 1;
            side.captured = side.captured.saturating_add(fill.captured_e16());
            self.waiting.iter_mut().for_each(|w| w.push(fill));
            tell(Measurement::MidAtFill(fill));
        }
        for (horizon, waiting) in self.waiting.iter_mut().enumerate() {
            while let Some(fill) = waiting.pop_due(passed) {
                count += 1;
                let Some(mid) = self.mids.before(fill.time + HORIZONS[horizon]) else {
                    self.missed += 1;
                    continue;
                };
                self.sides[fill.side.index()].measured[horizon].add(&fill, mid);
                tell(Measurement::Markout(Measured { horizon, fill, mid }));
            }
        }
        count
    }

    /// A fill whose mid nobody will know: none of its measurements will be.
    fn give_up(&mut self) {
        self.missed += HORIZONS.len() as u64;
    }

    /// Sums over one side's fills.
    pub fn side(&self, side: Side) -> &SideSum {
        &self.sides[side.index()]
    }

    /// Measurements that were given up: too many fills waited, or the mid is not known.
    pub fn missed(&self) -> u64 {
        self.missed + self.waiting.iter().map(PastFills::missed).sum::<u64>()
    }
}

/// A value traded, which over a long run is larger than any account: clamped by 64 bits only.
fn value(e16: i128) -> Usd {
    Usd::from_raw(i64::try_from(e16 / i128::from(SCALE)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
