//! A price bar.

use super::fixed::{Nanos, Px};
use serde::{Deserialize, Serialize};

/// Open, high, low and close of a span of time.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Candle {
    /// When the span begins; a whole multiple of its length since the epoch.
    pub open_time: Nanos,
    /// First price.
    pub open: Px,
    /// Highest price.
    pub high: Px,
    /// Lowest price.
    pub low: Px,
    /// Last price.
    pub close: Px,
}

impl Candle {
    /// A span in which nothing moved.
    pub fn flat(open_time: Nanos, px: Px) -> Self {
        Self { open_time, open: px, high: px, low: px, close: px }
    }
    /// Takes in what happened later in the same span.
    pub fn extend(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
    }
    /// Whether it can be a bar of a market.
    pub fn is_sound(&self) -> bool {
        let inside = |px: Px| self.low <= px && px <= self.high;
        self.low.is_positive() && inside(self.open) && inside(self.close)
    }
}

const _: () = assert!(size_of::<Candle>() == 40);
