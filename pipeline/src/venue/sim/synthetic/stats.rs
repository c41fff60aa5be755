//! Figures that describe a market, computed from public events alone, and so in the same way for
//! a recorded market and a synthetic one.

use crate::types::{Bbo, BookSnapshot, Level, MarketEvent, Nanos, Trade};
use std::collections::HashSet;

/// Four figures of one asset over a span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarketFigures {
    /// Median over book snapshots of (best ask − best bid) / mid, basis points. Snapshots come
    /// about evenly in time, so this is the median over time.
    pub spread_bps: f64,
    /// Median over book snapshots and sides of Σ price · size of the best five levels, USD.
    pub depth_usd: f64,
    /// Distinct trade ids per minute between the first and the last snapshot. A taker order that
    /// meets three resting orders is three trades, as the venue prints them.
    pub trades_per_min: f64,
    /// Population standard deviation of the 1-second log returns of the mid, basis points: mid of
    /// the newest bbo at or before each full second after the first bbo.
    pub vol_bps: f64,
}

impl MarketFigures {
    /// Name and value of each figure, for tables and comparisons.
    pub fn rows(&self) -> [(&'static str, f64); 4] {
        [
            ("spread_bps p50", self.spread_bps),
            ("top-5 depth_usd p50", self.depth_usd),
            ("trades_per_min", self.trades_per_min),
            ("vol_1s_bps", self.vol_bps),
        ]
    }
}

/// Collects the figures of one asset from its events, given in venue-time order.
#[derive(Debug, Default)]
pub struct MarketStats {
    spreads_bps: Vec<f64>,
    depths_usd: Vec<f64>,
    trades: Vec<Nanos>,
    tids: HashSet<u64>,
    books: Option<(Nanos, Nanos)>,
    sampler: Sampler,
}

/// Mid at every full second, as log returns.
#[derive(Debug, Default)]
struct Sampler {
    mid: f64,
    due: Option<Nanos>,
    last: Option<f64>,
    returns: Vec<f64>,
}

impl MarketStats {
    /// Takes in one event; the caller passes those of one asset only.
    pub fn on_event(&mut self, event: &MarketEvent) {
        match event {
            MarketEvent::Book(book) => self.on_book(book),
            MarketEvent::Bbo(bbo) => self.sampler.on_bbo(bbo),
            MarketEvent::Trade(trade) => self.on_trade(trade),
            MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => {}
        }
    }

    /// The figures so far; [`None`] with fewer than two books, two returns or no time passed.
    pub fn figures(&self) -> Option<MarketFigures> {
        let (first, last) = self.books?;
        let minutes = (last - first).as_secs_f64() / 60.0;
        if minutes <= 0.0 || self.sampler.returns.len() < 2 {
            return None;
        }
        let trades = self.trades.iter().filter(|&&t| t >= first && t <= last).count();
        Some(MarketFigures {
            spread_bps: median(&self.spreads_bps),
            depth_usd: median(&self.depths_usd),
            trades_per_min: trades as f64 / minutes,
            vol_bps: std_dev(&self.sampler.returns) * 1e4,
        })
    }

    fn on_book(&mut self, book: &BookSnapshot) {
        let (Some(bid), Some(ask)) = (book.bids().first(), book.asks().first()) else { return };
        let (bid, ask) = (bid.px.to_f64(), ask.px.to_f64());
        self.spreads_bps.push((ask - bid) / (0.5 * (ask + bid)) * 1e4);
        let usd = |levels: &[Level]| -> f64 {
            levels.iter().take(5).map(|l| l.px.to_f64() * l.qty.to_f64()).sum()
        };
        self.depths_usd.push(usd(book.bids()));
        self.depths_usd.push(usd(book.asks()));
        let first = self.books.map_or(book.venue_time, |(first, _)| first);
        self.books = Some((first, book.venue_time));
    }

    fn on_trade(&mut self, trade: &Trade) {
        if self.tids.insert(trade.tid) {
            self.trades.push(trade.venue_time);
        }
    }
}

impl Sampler {
    fn on_bbo(&mut self, bbo: &Bbo) {
        if bbo.bid.qty.is_zero() || bbo.ask.qty.is_zero() {
            return;
        }
        // Every second that passed before this update saw the mid of the update before.
        let mut due = self.due.unwrap_or(bbo.venue_time);
        while due < bbo.venue_time {
            if let Some(last) = self.last.replace(self.mid) {
                self.returns.push((self.mid / last).ln());
            }
            due = due + Nanos::secs(1);
        }
        self.due = Some(due);
        self.mid = 0.5 * (bbo.bid.px.to_f64() + bbo.ask.px.to_f64());
    }
}

/// Upper median; zero of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn std_dev(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Px, Qty};

    fn level(px: i64, qty: i64) -> Level {
        Level { px: Px::whole(px), qty: Qty::whole(qty) }
    }

    fn bbo(at_ms: i64, bid: i64) -> MarketEvent {
        MarketEvent::Bbo(Bbo {
            venue_time: Nanos::millis(at_ms),
            bid: level(bid, 1),
            ask: level(bid + 2, 1),
            ..Bbo::default()
        })
    }

    #[test]
    fn known_figures() {
        let mut stats = MarketStats::default();
        for at_s in [0, 60] {
            let mut book = BookSnapshot::EMPTY;
            book.venue_time = Nanos::secs(at_s);
            book.bids[..6].copy_from_slice(&[level(99, 1); 6]);
            book.asks[..1].copy_from_slice(&[level(101, 10)]);
            (book.bid_count, book.ask_count) = (6, 1);
            stats.on_event(&MarketEvent::Book(book));
        }
        for (at_s, tid) in [(1, 7), (2, 7), (3, 8), (61, 9)] {
            let venue_time = Nanos::secs(at_s);
            stats.on_event(&MarketEvent::Trade(Trade { venue_time, tid, ..Trade::default() }));
        }
        // At seconds 0, 1, 2, 3 the mid is 100, 100, 110, 110: the blip at 1.5 s is not sampled.
        for (ms, bid) in [(0, 99), (1_500, 500), (1_900, 109), (3_100, 120)] {
            stats.on_event(&bbo(ms, bid));
        }
        let figures = stats.figures().unwrap();
        assert!((figures.spread_bps - 200.0).abs() < 1e-9);
        assert!((figures.depth_usd - 1_010.0).abs() < 1e-9, "upper median of 495 and 1010");
        assert!((figures.trades_per_min - 2.0).abs() < 1e-9, "one id twice, one too late");
        let r = (1.1_f64).ln() * 1e4;
        assert!((figures.vol_bps - r * (2.0_f64 / 9.0).sqrt()).abs() < 1e-6);
    }
}
