//! The newest fills, with what the market did in the five seconds after each.

use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{AssetId, Fact, Nanos, Px, Qty, Side};
use std::collections::VecDeque;

/// How many are kept.
const KEPT: usize = 5;
/// Of [`HORIZONS`], the one that is shown.
const HORIZON: usize = 1;
const _: () = assert!(HORIZONS[HORIZON].0 == Nanos::secs(5).0);

/// One fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LastFill {
    pub time: Nanos,
    pub asset: AssetId,
    pub side: Side,
    pub px: Px,
    pub qty: Qty,
    tid: u64,
    /// How far the mid was in our favour five seconds later, of the price; [`None`] = not measured
    /// yet.
    pub markout_bps: Option<f64>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct LastFills(VecDeque<LastFill>);

impl LastFills {
    /// Takes in what the stages tell.
    pub fn take(&mut self, fact: &Fact) {
        match *fact {
            Fact::Fill { asset, time, fill, .. } => {
                if self.0.len() == KEPT {
                    self.0.pop_front();
                }
                let (side, px, qty, tid) = (fill.side, fill.px, fill.qty, fill.tid);
                self.0.push_back(LastFill { time, asset, side, px, qty, tid, markout_bps: None });
            }
            Fact::Markout { asset, tid, side, px, mid, horizon: HORIZON, .. } => {
                let measured = |f: &&mut LastFill| (f.asset, f.tid, f.side) == (asset, tid, side);
                if let Some(fill) = self.0.iter_mut().rev().find(measured) {
                    let moved = (mid.to_f64() / px.to_f64() - 1.0) * 1e4;
                    fill.markout_bps = Some(moved * side.sign() as f64);
                }
            }
            _ => {}
        }
    }

    /// Newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &LastFill> {
        self.0.iter().rev()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use botmm_pipeline::types::{Fill, Usd};

    pub fn fill(tid: u64, side: Side, px: i64) -> Fact {
        let fill = Fill {
            side,
            px: Px::whole(px),
            qty: Qty::whole(1),
            tid,
            fee: Usd::ZERO,
            ..Fill::default()
        };
        let (asset, time) = (AssetId::new(0), Nanos::secs(tid as i64));
        Fact::Fill { asset, time, venue_time: time, fill }
    }

    pub fn markout(tid: u64, side: Side, px: i64, mid: i64, horizon: usize) -> Fact {
        let (asset, time, qty) = (AssetId::new(0), Nanos::secs(9), Qty::whole(1));
        let (px, mid) = (Px::whole(px), Px::whole(mid));
        Fact::Markout { asset, time, tid, side, qty, horizon, px, mid_at_fill: px, mid }
    }

    #[test]
    fn the_newest_are_kept_and_measured_in_our_favour() {
        let mut fills = LastFills::default();
        (0..7).for_each(|tid| fills.take(&fill(tid, Side::BOTH[tid as usize % 2], 1_000)));
        for (tid, mid, horizon) in [(6, 1_001, 1), (5, 1_001, 1), (4, 1_050, 0), (1, 900, 1)] {
            fills.take(&markout(tid, Side::BOTH[tid as usize % 2], 1_000, mid, horizon));
        }
        let seen: Vec<_> =
            fills.iter().map(|f| (f.tid, f.markout_bps.map(|bps| bps.round()))).collect();
        let expected = [(6, Some(10.0)), (5, Some(-10.0)), (4, None), (3, None), (2, None)];
        assert_eq!(seen, expected);
    }
}
