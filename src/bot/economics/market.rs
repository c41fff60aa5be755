//! What a market offers and takes, by the venue's clock: half spreads weighted by time, and what makers had of
//! the trades.

use super::clusters::Clusters;
use super::curve::Curve;
use crate::report::ByHorizon;
use crate::report::economics::{Distribution, Market, Mean};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{MarketEvent, Nanos, Side, Trade, Universe, Usd, notional};
use botmm_pipeline::venue::tape::Tape;
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000_000;
/// Of fewer trades an hour has no adverse selection of its own.
const MIN_TRADES: u64 = 30;

/// One coin's.
#[derive(Debug, Default)]
pub struct Seen {
    curve: Curve,
    trades: u64,
    measured: u64,
    volume: Usd,
    adverse: [Clusters; HORIZONS.len()],
    realised: [Clusters; HORIZONS.len()],
    /// Rates of funding that the venue told: how many, and their sum in 1e-10.
    rates: (u64, i128),
}

/// What the market was in one hour of the day, or in all of them.
#[derive(Clone, Debug, Default)]
pub struct Spreads {
    /// Half spreads, and how long each was there.
    pieces: Vec<(f64, Nanos)>,
}

/// Walks a recording twice: for the touches, and for the trades among them.
pub fn look(tape: &Tape, universe: &Universe, horizon: usize) -> Vec<Seen> {
    let mut coins: Vec<Seen> = universe.iter().map(|_| Seen::default()).collect();
    for event in tape.iter_venue() {
        match event {
            MarketEvent::Status(status) if !status.change.is_of_asset() => {
                coins.iter_mut().for_each(|c| c.curve.lose(status.change, status.recv_time));
            }
            MarketEvent::Status(status) => {
                coins[status.asset.index()].curve.lose(status.change, status.recv_time);
            }
            event => coins[event.asset().index()].curve.add(&event),
        }
    }
    for event in tape.iter_venue() {
        if let MarketEvent::Trade(trade) = event {
            coins[trade.asset.index()].trade(&trade, horizon);
        }
    }
    for mark in tape.marks() {
        let (count, sum) = &mut coins[mark.asset.index()].rates;
        if let Some(rate) = mark.rate_e10 {
            (*count, *sum) = (*count + 1, *sum + i128::from(rate));
        }
    }
    coins
}

impl Seen {
    /// A trade, once all touches are there.
    fn trade(&mut self, trade: &Trade, chosen: usize) {
        self.trades += 1;
        let Some(mid) = self.curve.mid_before(trade.venue_time) else { return };
        let (value, px) = (notional(trade.px, trade.qty), trade.px.to_f64());
        let taker = match trade.aggressor {
            Side::Bid => 1.0,
            Side::Ask => -1.0,
        };
        for (i, horizon) in HORIZONS.iter().enumerate() {
            let Some(then) = self.curve.mid_before(trade.venue_time + *horizon) else { continue };
            let of_px = |moved: f64| taker * moved / px * 1e4;
            self.adverse[i].add(trade.venue_time, value.to_f64(), of_px(then - mid));
            self.realised[i].add(trade.venue_time, value.to_f64(), of_px(px - then));
            if i == chosen {
                self.measured += 1;
                self.volume += value;
            }
        }
    }

    /// All that is told of it, of a maker who pays `fee_bps`.
    pub fn tell(&self, fee_bps: f64, horizon: usize) -> Market {
        let means = |of: &[Clusters; HORIZONS.len()]| ByHorizon(of.each_ref().map(Clusters::mean));
        let adverse = self.adverse(horizon);
        let break_even_bps = fee_bps + adverse.map_or(0.0, |a| a.mean);
        let (all, hours) = (self.spreads(), self.by_hour());
        let offered_hours = hours
            .iter()
            .filter(|(_, spreads)| spreads.share_from(break_even_bps) >= 0.5)
            .map(|(hour, _)| *hour)
            .collect();
        let (count, sum) = self.rates;
        Market {
            known_s: all.known().as_secs_f64(),
            half_spread_bps: all.distribution(),
            trades: self.trades,
            trades_measured: self.measured,
            volume_usd: self.volume,
            adverse_bps: means(&self.adverse),
            realised_bps: means(&self.realised),
            break_even_bps,
            is_fee_alone: adverse.is_none(),
            break_even_of_fills_bps: None,
            offered_share: all.share_from(break_even_bps),
            offered_hours,
            funding_bps_an_hour: (count > 0).then(|| sum as f64 / count as f64 / 1e6),
        }
    }

    /// What a horizon cost makers.
    pub fn adverse(&self, horizon: usize) -> Option<Mean> {
        self.adverse[horizon].mean()
    }

    /// What they had left then, before fees.
    pub fn realised(&self, horizon: usize) -> Option<Mean> {
        self.realised[horizon].mean()
    }

    /// Adverse selection of one hour of the day, where it has trades enough.
    pub fn adverse_of_hour(&self, hour: u8, horizon: usize) -> Option<Mean> {
        self.adverse[horizon].of_hour(hour).mean().filter(|mean| mean.n >= MIN_TRADES)
    }

    fn spreads(&self) -> Spreads {
        let pieces = self.curve.pieces().map(|piece| (piece.half_spread_bps(), piece.span));
        Spreads::of(pieces.collect())
    }

    /// Each hour of the day, UTC, in which anything was known, whichever day.
    pub fn by_hour(&self) -> BTreeMap<u8, Spreads> {
        let mut hours: BTreeMap<u8, Vec<(f64, Nanos)>> = BTreeMap::new();
        for piece in self.curve.pieces() {
            let (mut from, end) = (piece.from.0, piece.from.0 + piece.span.0);
            while from < end {
                let hour = from.div_euclid(HOUR);
                let until = end.min((hour + 1) * HOUR);
                let of_day = hour.rem_euclid(24) as u8;
                let part = (piece.half_spread_bps(), Nanos(until - from));
                hours.entry(of_day).or_default().push(part);
                from = until;
            }
        }
        hours.into_iter().map(|(hour, pieces)| (hour, Spreads::of(pieces))).collect()
    }
}

impl Spreads {
    fn of(mut pieces: Vec<(f64, Nanos)>) -> Self {
        pieces.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { pieces }
    }

    /// How long they were known.
    pub fn known(&self) -> Nanos {
        Nanos(self.pieces.iter().map(|(_, span)| span.0).sum())
    }

    /// Weighted by time.
    pub fn mean(&self) -> Option<f64> {
        let known = self.known().0 as f64;
        let sum: f64 = self.pieces.iter().map(|(half, span)| half * span.0 as f64).sum();
        (known > 0.0).then(|| sum / known)
    }

    /// Share of the known time with at least so much; nothing of no time.
    pub fn share_from(&self, half_bps: f64) -> f64 {
        let first = self.pieces.partition_point(|(half, _)| *half < half_bps);
        let offered: i64 = self.pieces[first..].iter().map(|(_, span)| span.0).sum();
        match self.known() {
            Nanos::ZERO => 0.0,
            known => offered as f64 / known.0 as f64,
        }
    }

    fn distribution(&self) -> Option<Distribution> {
        let mean = self.mean()?;
        let known = self.known().0 as f64;
        let at = |share: f64| {
            let mut before = 0.0;
            let is_past = |(_, span): &&(f64, Nanos)| {
                before += span.0 as f64;
                before >= share * known
            };
            self.pieces.iter().find(is_past).or(self.pieces.last()).map_or(0.0, |(half, _)| *half)
        };
        let [p10, p25, p50, p75, p90, p99] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99].map(at);
        Some(Distribution { mean, p10, p25, p50, p75, p90, p99 })
    }
}
