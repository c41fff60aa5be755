//! Our fills in a replay: what each paid, and what the mid was after it, as the stages tell it.

use super::clusters::Clusters;
use crate::report::ByHorizon;
use crate::report::economics::{Mean, Worth};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{AssetId, Fact, Nanos, Px, Qty, Record, Side, notional};
use std::collections::HashMap;

const MINUTE: i64 = 60_000_000_000;

/// A fill of ours. Its money is for statistics here: the ledger keeps its own.
#[derive(Clone, Copy, Debug)]
struct Fill {
    asset: AssetId,
    at: Nanos,
    value: f64,
    fee: f64,
    /// What it was worth at each of [`HORIZONS`], before fees; nothing while that is not known.
    markout: [Option<f64>; HORIZONS.len()],
    /// What the mid did to it from just before it on.
    moved: [Option<f64>; HORIZONS.len()],
}

/// Hears a replay.
#[derive(Debug, Default)]
pub struct Fills {
    /// In the order in which they were told of.
    fills: Vec<Fill>,
    places: HashMap<(AssetId, u64), usize>,
    /// When funding was paid, and how much (positive = cost).
    funding: Vec<(AssetId, Nanos, f64)>,
}

/// Of one coin, or all.
pub struct Told {
    /// Mid against price, basis points of value.
    pub markout_bps: ByHorizon<Option<Mean>>,
    /// How the mid went on against us.
    pub adverse_bps: ByHorizon<Option<Mean>>,
    /// At the horizon, after costs.
    pub worth: Worth,
}

impl Fills {
    /// Takes in what a stage tells.
    pub fn hear(&mut self, record: &Record) {
        let Record::Fact(fact) = record else { return };
        match *fact {
            Fact::Fill { asset, venue_time, fill, .. } => {
                let told = self.fill(asset, fill.tid);
                (told.at, told.value) = (venue_time, notional(fill.px, fill.qty).to_f64());
                told.fee = fill.fee.to_f64();
            }
            Fact::Markout { asset, tid, side, qty, horizon, px, mid_at_fill, mid, .. } => {
                let worth = |from: Px| worth(side, qty, from, mid);
                let told = self.fill(asset, tid);
                told.markout[horizon] = Some(worth(px));
                told.moved[horizon] = Some(worth(mid_at_fill));
            }
            Fact::Funding { asset, venue_time, paid, .. } => {
                self.funding.push((asset, venue_time, paid.to_f64()));
            }
            _ => {}
        }
    }

    fn fill(&mut self, asset: AssetId, tid: u64) -> &mut Fill {
        let Self { fills, places, .. } = self;
        let place = *places.entry((asset, tid)).or_insert(fills.len());
        if place == fills.len() {
            let (markout, moved) = ([None; HORIZONS.len()], [None; HORIZONS.len()]);
            fills.push(Fill { asset, at: Nanos::ZERO, value: 0.0, fee: 0.0, markout, moved });
        }
        &mut fills[place]
    }

    /// What they came to, of one coin or of all, in a recording from `span[0]` to `span[1]`.
    pub fn tell(&self, of: Option<AssetId>, span: [Nanos; 2], horizon: usize, seed: u64) -> Told {
        let is_of = |asset: AssetId| of.is_none_or(|of| of == asset);
        let fills = || self.fills.iter().filter(|fill| is_of(fill.asset) && fill.value > 0.0);
        let mean = |value: &dyn Fn(&Fill, usize) -> Option<f64>| -> ByHorizon<Option<Mean>> {
            let one = |i: usize| {
                let mut clusters = Clusters::default();
                for fill in fills() {
                    if let Some(usd) = value(fill, i) {
                        clusters.add(fill.at, fill.value, usd / fill.value * 1e4);
                    }
                }
                clusters.mean()
            };
            ByHorizon(core::array::from_fn(one))
        };
        let [start, end] = span;
        let minute_of = |at: Nanos| (at - start).0.max(0).div_euclid(MINUTE) as usize;
        let mut minutes = vec![0.0; minute_of(end) + 1];
        let last = minutes.len() - 1;
        let (mut measured, mut unmeasured) = (0, 0);
        for fill in fills() {
            match fill.markout[horizon] {
                Some(usd) => {
                    minutes[minute_of(fill.at).min(last)] += usd - fill.fee;
                    measured += 1;
                }
                None => unmeasured += 1,
            }
        }
        for (_, at, paid) in self.funding.iter().filter(|(asset, ..)| is_of(*asset)) {
            minutes[minute_of(*at).min(last)] -= paid;
        }
        Told {
            markout_bps: mean(&|fill, i| fill.markout[i]),
            adverse_bps: mean(&|fill, i| fill.moved[i].map(|usd| -usd)),
            worth: Worth::of(&minutes, measured, unmeasured, seed),
        }
    }
}

/// What a fill at a price is worth at a mid.
fn worth(side: Side, qty: Qty, from: Px, mid: Px) -> f64 {
    let gained = (mid - from).to_f64() * qty.to_f64();
    match side {
        Side::Bid => gained,
        Side::Ask => -gained,
    }
}
