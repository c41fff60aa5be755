//! The newest fills, with what the market did after each.

use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{AssetId, Fact, Fill, Nanos, Px, Qty, Side, Usd};
use std::collections::VecDeque;

/// How many are kept.
pub const FILLS_KEPT: usize = 20;
/// Of [`HORIZONS`], the one that is shown where there is room for one.
pub(super) const SHOWN_HORIZON: usize = 1;
const _: () = assert!(HORIZONS[SHOWN_HORIZON].0 == Nanos::secs(5).0);

/// One fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LastFill {
    pub time: Nanos,
    pub asset: AssetId,
    pub side: Side,
    pub px: Px,
    pub qty: Qty,
    pub fee: Usd,
    tid: u64,
    /// How far the mid was in our favour at each of [`HORIZONS`], of the price; [`None`] = not measured
    /// yet.
    pub markouts_bps: [Option<f64>; HORIZONS.len()],
}

/// See the module.
#[derive(Debug, Default)]
pub struct LastFills(VecDeque<LastFill>);

impl LastFills {
    /// Takes in what the stages tell.
    pub fn take(&mut self, fact: &Fact) {
        match *fact {
            Fact::Fill { asset, time, fill, .. } => {
                if self.0.len() == FILLS_KEPT {
                    self.0.pop_front();
                }
                let Fill { side, px, qty, fee, tid, .. } = fill;
                let markouts_bps = Default::default();
                self.0.push_back(LastFill { time, asset, side, px, qty, fee, tid, markouts_bps });
            }
            Fact::Markout { asset, tid, side, px, mid, horizon, .. } => {
                let measured = |f: &&mut LastFill| (f.asset, f.tid, f.side) == (asset, tid, side);
                if let Some(fill) = self.0.iter_mut().rev().find(measured) {
                    fill.markouts_bps[horizon] = Some(markout_bps(px, mid, side));
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

/// How far a later mid is in favour of who traded at this price, in its basis points.
pub fn markout_bps(px: Px, mid: Px, side: Side) -> f64 {
    (mid.to_f64() / px.to_f64() - 1.0) * 1e4 * side.sign() as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

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
        let last = FILLS_KEPT as u64 + 1;
        let side = |tid: u64| Side::BOTH[(last - tid) as usize % 2];
        (0..=last).for_each(|tid| fills.take(&fill(tid, side(tid), 1_000)));
        for (back, mid, horizon) in [(0, 1_001, 1), (1, 1_001, 1), (1, 1_002, 3), (last, 900, 1)] {
            fills.take(&markout(last - back, side(last - back), 1_000, mid, horizon));
        }
        let seen: Vec<_> = fills
            .iter()
            .map(|f| (last - f.tid, f.markouts_bps.map(|bps| bps.map(f64::round))))
            .collect();
        assert_eq!(seen.len(), FILLS_KEPT);
        assert_eq!(seen[0], (0, [None, Some(10.0), None, None]));
        assert_eq!(seen[1], (1, [None, Some(-10.0), None, Some(-20.0)]));
        assert!(seen[2..].iter().all(|(_, bps)| *bps == [None; 4]), "{seen:?}");
    }
}
