//! How trades arrive by distance from the mid: the live fit of λ(δ) = A·exp(−k·δ) (STRATEGY §3).
//!
//! An *arrival* is what one aggressor took in one block, at the largest distance that its prints have
//! from the mid before that block, on its own side (below zero counts as zero). N(δ) is the number of
//! arrivals that reached δ or more, T the time that was watched; both forget half in a half-life, so
//! λ(δ) = N(δ) / 2T is the rate a side. A and k are those of the straight line through ln λ at the
//! bins' lower edges, by least squares, as far out as enough arrivals reach.
//!
//! The mid is the one *before* the block: a block's trades and its book carry the same time and reach
//! us in either order, and from the book that a trade has left behind, it looks nearer than it was
//! (on recorded markets k came out up to 1.6 times too large). What is older than all remembered mids
//! is not counted: that is how the venue's replay of recent trades, after a link comes up, stays out.
//!
//! What the line ignores: that nothing arrives inside the touch, so that λ is flat up to there. R²
//! says how straight the points are.

use super::block_mids::BlockMids;
use crate::types::limits::ARRIVAL_BINS;
use crate::types::{ArrivalFit, Nanos, Px, Trade, nearest};
use core::f64::consts::LN_2;

/// Arrivals (weighted by age) that all bins together must hold before there is a fit.
const MIN_ARRIVALS: f64 = 50.0;
/// Arrivals that must reach a distance for it to be a point of the line.
const MIN_ARRIVALS_AT_POINT: f64 = 10.0;
/// Points that make a line.
const MIN_POINTS: usize = 3;
/// Shortest time between two fits.
const FIT_EVERY: Nanos = Nanos::secs(1);

/// Counts the arrivals of one asset and keeps the fit.
#[derive(Clone, Copy, Debug)]
pub struct ArrivalCounts {
    halflife_s: f64,
    bin_bps: f64,
    /// Up to when time was watched; [`None`] while there is no mid.
    last: Option<Nanos>,
    /// Time that was watched, seconds, weighted by age.
    watched_s: f64,
    /// Arrivals by distance, weighted by age.
    counts: [f64; ARRIVAL_BINS],
    /// The newest arrival of each aggressor: more prints may belong to it.
    newest: [Arrival; 2],
    mids: BlockMids,
    fit: ArrivalFit,
    fitted_at: Option<Nanos>,
}

/// One arrival, as it stands in the counts.
#[derive(Clone, Copy, Debug, Default)]
struct Arrival {
    /// Of its block; [`None`] before the first.
    block: Option<Nanos>,
    bin: usize,
    weight: f64,
}

/// The line.
#[derive(Clone, Copy, Debug)]
struct LineFit {
    rate_per_s: f64,
    decay_per_bps: f64,
    r2: f64,
}

impl ArrivalCounts {
    /// Forgets half in `halflife_s` (seconds); bins are `bin_bps` wide. Both positive.
    pub fn new(halflife_s: f64, bin_bps: f64) -> Self {
        Self {
            halflife_s,
            bin_bps,
            last: None,
            watched_s: 0.0,
            counts: [0.0; ARRIVAL_BINS],
            newest: [Arrival::default(); 2],
            mids: BlockMids::default(),
            fit: ArrivalFit::default(),
            fitted_at: None,
        }
    }

    /// Other parameters: a half-life holds from now on; with other bins, counting starts over.
    pub fn set(&mut self, halflife_s: f64, bin_bps: f64) {
        if bin_bps.to_bits() != self.bin_bps.to_bits() {
            *self = Self::new(halflife_s, bin_bps);
        }
        self.halflife_s = halflife_s;
    }

    /// The newest fit; its rate is 0 until there is one.
    pub fn fit(&self) -> ArrivalFit {
        self.fit
    }

    /// Takes note of the mid that a block left, `now` being when we learned of it. Renews the fit, at
    /// most once a second.
    pub fn on_mid(&mut self, now: Nanos, block: Nanos, mid: Px) {
        self.mids.push(block, mid);
        self.last.get_or_insert(now);
        let is_due = |at: Nanos| now < at || now - at >= FIT_EVERY;
        if self.fitted_at.is_none_or(is_due) {
            self.pass_time(now);
            self.fit = self.published();
            self.fitted_at = Some(now);
        }
    }

    /// Counts a print. One that no known mid came before is ignored.
    pub fn on_trade(&mut self, trade: &Trade) {
        let Some(mid) = self.mids.before(trade.venue_time) else { return };
        self.pass_time(trade.recv_time);
        let bin = self.bin_of(distance_bps(trade, mid.to_f64()));
        let newest = &mut self.newest[trade.aggressor.index()];
        if newest.block != Some(trade.venue_time) {
            *newest = Arrival { block: Some(trade.venue_time), bin, weight: 1.0 };
            self.counts[bin] += 1.0;
        } else if newest.bin < bin {
            self.counts[newest.bin] -= newest.weight;
            self.counts[bin] += newest.weight;
            newest.bin = bin;
        }
    }

    /// There is no mid from `now` on: time does not count until the next one, and none of before is
    /// measured from.
    pub fn break_series(&mut self, now: Nanos) {
        if self.last.is_some() {
            self.pass_time(now);
        }
        self.last = None;
        self.mids = BlockMids::default();
    }

    /// Forgets by the time since the last call, and counts it as watched. A time before that begins
    /// anew from there.
    fn pass_time(&mut self, now: Nanos) {
        let elapsed_s = self.last.map_or(0.0, |last| (now - last).as_secs_f64());
        self.last = Some(now);
        if elapsed_s <= 0.0 {
            return;
        }
        let forgotten = -(-elapsed_s * LN_2 / self.halflife_s).exp_m1();
        let keep = 1.0 - forgotten;
        self.counts.iter_mut().for_each(|n| *n *= keep);
        self.newest.iter_mut().for_each(|a| a.weight *= keep);
        // The integral of 2^(−age / half-life) over the time that passed.
        self.watched_s = self.watched_s * keep + forgotten * self.halflife_s / LN_2;
    }

    fn bin_of(&self, distance_bps: f64) -> usize {
        ((distance_bps / self.bin_bps) as usize).min(ARRIVAL_BINS - 1)
    }

    fn published(&self) -> ArrivalFit {
        let e6 = |v: f64| nearest(v * 1e6);
        let trades = nearest(self.counts.iter().sum());
        let none = ArrivalFit { trades, ..ArrivalFit::default() };
        self.line().map_or(none, |line| ArrivalFit {
            rate_e6: e6(line.rate_per_s),
            decay_e6: e6(line.decay_per_bps),
            r2_e6: e6(line.r2),
            trades,
        })
    }

    /// The straight line through (δ, ln λ(δ)); [`None`] while too little is known, or when fewer
    /// arrivals do not reach further.
    fn line(&self) -> Option<LineFit> {
        let mut points = [(0.0, 0.0); ARRIVAL_BINS - 1];
        let mut len = 0;
        let mut reached = self.counts[ARRIVAL_BINS - 1];
        for bin in (0..ARRIVAL_BINS - 1).rev() {
            reached += self.counts[bin];
            if reached >= MIN_ARRIVALS_AT_POINT {
                let rate_per_s = reached / (2.0 * self.watched_s);
                points[len] = (bin as f64 * self.bin_bps, rate_per_s.ln());
                len += 1;
            }
        }
        if reached < MIN_ARRIVALS || len < MIN_POINTS {
            return None;
        }
        least_squares(&points[..len])
    }
}

/// How far a print is from a mid, bps, on its aggressor's side.
fn distance_bps(trade: &Trade, mid: f64) -> f64 {
    let above = (trade.px.to_f64() - mid) / mid * 1e4;
    (above * trade.aggressor.sign() as f64).max(0.0)
}

/// Of at least two points at different distances; [`None`] unless all is finite and λ falls.
fn least_squares(points: &[(f64, f64)]) -> Option<LineFit> {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    let slope = xy / xx;
    let line = LineFit {
        rate_per_s: (mean_y - slope * mean_x).exp(),
        decay_per_bps: -slope,
        r2: xy * xy / (xx * yy),
    };
    let all = [line.rate_per_s, line.decay_per_bps, line.r2];
    (all.iter().all(|v| v.is_finite()) && line.decay_per_bps > 0.0).then_some(line)
}

#[cfg(test)]
mod tests;
