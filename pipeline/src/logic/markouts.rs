//! Where profit comes from, fill by fill (STRATEGY §4): what the mid was when a fill reached us, and
//! what became of it. Of one asset, in exact integers.
//!
//! With s = +1 for a buy and −1 for a sell, q the size, p the price, m0 the mid at the fill, m_h the
//! last mid known h after it and M the mark at the end, a fill's profit s·q·(M − p) is
//!
//! ```text
//! spread captured  s·q·(m0 − p)  +  adverse selection  s·q·(m_h − m0)  +  drift  s·q·(M − m_h)
//! ```
//!
//! for every h. What is not measured yet counts as drift: nobody has to measure that, it is what is
//! left of the ledger's profit. Markout at h = s·(m_h − p)/p, the first two over the value.
//!
//! Prices and sizes are on the venue's grid, at most six decimals together, and a mid has at most one
//! more: each product is exact in 1e-8 USD. Sums are kept in 1e-16 USD, as the ledger keeps them.

use crate::logic::ledger::from_e16;
use crate::logic::past_fills::{PastFill, PastFills};
use crate::types::{Fill, Nanos, Px, SCALE, Side, Usd};

/// How long after a fill its markout is taken.
pub const HORIZONS: [Nanos; 4] = [Nanos::secs(1), Nanos::secs(5), Nanos::secs(30), Nanos::secs(60)];

/// A fill and what the mid was a horizon later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Which of [`HORIZONS`].
    pub horizon: usize,
    /// The fill.
    pub fill: PastFill,
    /// The last mid known when the horizon was over.
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
        self.value += fill.value_e16();
        self.captured += fill.captured_e16();
        self.adverse += fill.moved_e16(mid);
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
        from_e16(self.captured + self.adverse)
    }
}

/// All fills of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideSum {
    captured: i128,
    measured: [MeasuredSum; HORIZONS.len()],
}

impl SideSum {
    /// Spread captured, Σ s·q·(m0 − p), of every fill.
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
    mid: Option<Px>,
    waiting: [PastFills; HORIZONS.len()],
    sides: [SideSum; 2],
}

impl Default for Markouts {
    fn default() -> Self {
        Self { mid: None, waiting: HORIZONS.map(PastFills::new), sides: Default::default() }
    }
}

impl Markouts {
    /// Takes over a newer mid. What is due must have been settled with the old one.
    pub fn on_mid(&mut self, mid: Px) {
        self.mid = Some(mid);
    }

    /// The newest mid.
    pub fn mid(&self) -> Option<Px> {
        self.mid
    }

    /// Takes in a fill that reaches us now, and gives it back with our mid. While no mid is known, its
    /// price stands for one.
    pub fn on_fill(&mut self, now: Nanos, fill: &Fill) -> PastFill {
        let mid = *self.mid.get_or_insert(fill.px);
        let fill = PastFill::new(now, fill, mid);
        self.sides[fill.side.index()].captured += fill.captured_e16();
        self.waiting.iter_mut().for_each(|w| w.push(fill));
        fill
    }

    /// Measures every fill that is due with the mid known until now; how many. To be called first
    /// thing at every moment, so that a mid counts from the moment after it came.
    pub fn settle(&mut self, now: Nanos, mut tell: impl FnMut(Measured)) -> usize {
        let Some(mid) = self.mid else { return 0 };
        let mut count = 0;
        for (horizon, waiting) in self.waiting.iter_mut().enumerate() {
            while let Some(fill) = waiting.pop_due(now) {
                self.sides[fill.side.index()].measured[horizon].add(&fill, mid);
                tell(Measured { horizon, fill, mid });
                count += 1;
            }
        }
        count
    }

    /// When the next measurement is due.
    pub fn next_due(&self) -> Option<Nanos> {
        self.waiting.iter().filter_map(PastFills::next_due).min()
    }

    /// Sums over one side's fills.
    pub fn side(&self, side: Side) -> &SideSum {
        &self.sides[side.index()]
    }

    /// Measurements that were given up because too many fills waited.
    pub fn missed(&self) -> u64 {
        self.waiting.iter().map(PastFills::missed).sum()
    }
}

/// A value traded, which over a long run is larger than any account: clamped by 64 bits only.
fn value(e16: i128) -> Usd {
    Usd::from_raw(i64::try_from(e16 / i128::from(SCALE)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
