//! One kind of data of one coin: how much, how dense, how late.

use super::ms;
use crate::when;
use botmm_pipeline::types::{Level, MarketEvent, Nanos};
use serde::Serialize;

/// Of books and touches a silence is a gap when it is at least so long,
const GAP_AT_LEAST: Nanos = Nanos::secs(5);
/// and longer than so many of the usual intervals.
const GAP_TIMES: i64 = 4;
/// Gaps that are named one by one, the longest first.
const MAX_GAPS: usize = 5;

/// Quantiles of a span, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Half are shorter.
    pub p50_ms: f64,
    /// 99 of a hundred are.
    pub p99_ms: f64,
    /// The shortest.
    pub min_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// The last receipt before it, UTC.
    pub from: String,
    /// Its length.
    pub seconds: f64,
}

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub struct StreamReport {
    /// `books`, `touches` or `trades`.
    pub stream: &'static str,
    /// Sound events.
    pub events: u64,
    /// First and last time of receipt, UTC.
    pub span: [String; 2],
    /// Between one receipt and the next: what is received at one moment came together.
    pub every: Spread,
    /// From the venue's time to that of receipt.
    pub delay: Spread,
    /// Every event was received at the very time of the venue: the recorder had no clock of its own.
    pub has_own_clock: bool,
    /// Silences that are longer than usual; none of trades, which come when somebody trades.
    pub gaps: u64,
    /// All of these together.
    pub gaps_s: f64,
    /// The longest of them, the longest first.
    pub longest_gaps: Vec<Gap>,
    /// The most levels a side, of a book.
    pub levels: usize,
    /// Levels, or trades, with a price.
    pub prices: u64,
    /// All prices of them added up, exactly; and all sizes.
    pub price_sum: String,
    /// See there.
    pub size_sum: String,
}

/// What of a stream is kept to tell all that.
#[derive(Default)]
pub struct Stream {
    receipts: Vec<Nanos>,
    delays: Vec<Nanos>,
    levels: usize,
    prices: u64,
    price_sum: i128,
    size_sum: i128,
}

impl Stream {
    /// Of events in order of receipt.
    pub fn add(&mut self, event: &MarketEvent) {
        self.receipts.push(event.recv_time());
        self.delays.push(event.recv_time() - event.venue_time());
        match event {
            MarketEvent::Trade(trade) => self.count([Level { px: trade.px, qty: trade.qty }]),
            MarketEvent::Bbo(bbo) => self.count([bbo.bid, bbo.ask]),
            MarketEvent::Book(book) => {
                self.levels = self.levels.max(book.bids().len()).max(book.asks().len());
                self.count(book.bids().iter().chain(book.asks()).copied());
            }
            MarketEvent::Level(l) => self.count([Level { px: l.px, qty: l.qty }]),
            MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
        }
    }

    fn count(&mut self, levels: impl IntoIterator<Item = Level>) {
        for level in levels.into_iter().filter(|level| level.qty.is_positive()) {
            self.prices += 1;
            self.price_sum += i128::from(level.px.raw());
            self.size_sum += i128::from(level.qty.raw());
        }
    }

    /// [`None`] = there is nothing of it.
    pub fn tell(mut self, stream: &'static str, is_state: bool) -> Option<StreamReport> {
        let (first, last) = (*self.receipts.first()?, *self.receipts.last()?);
        let has_own_clock = self.delays.iter().any(|delay| *delay != Nanos::ZERO);
        let events = self.receipts.len() as u64;
        self.receipts.dedup();
        let mut every: Vec<(Nanos, Nanos)> =
            self.receipts.windows(2).map(|w| (w[1] - w[0], w[0])).collect();
        every.sort_unstable();
        let spans: Vec<Nanos> = every.iter().map(|(span, _)| *span).collect();
        let usual = spans.get(spans.len() / 2).copied().unwrap_or_default();
        let least = GAP_AT_LEAST.max(Nanos(usual.0.saturating_mul(GAP_TIMES)));
        let gaps =
            if is_state { every.partition_point(|(span, _)| *span <= least) } else { every.len() };
        let gaps = &every[gaps..];
        let gap = |(span, from): &(Nanos, Nanos)| Gap {
            from: when::utc(*from),
            seconds: ms(*span) / 1e3,
        };
        self.delays.sort_unstable();
        Some(StreamReport {
            stream,
            events,
            span: [first, last].map(when::utc),
            every: spread(&spans),
            delay: spread(&self.delays),
            has_own_clock,
            gaps: gaps.len() as u64,
            gaps_s: gaps.iter().fold(0.0, |all, (span, _)| all + ms(*span) / 1e3),
            longest_gaps: gaps.iter().rev().take(MAX_GAPS).map(gap).collect(),
            levels: self.levels,
            prices: self.prices,
            price_sum: decimal(self.price_sum),
            size_sum: decimal(self.size_sum),
        })
    }
}

/// Of spans in order.
fn spread(spans: &[Nanos]) -> Spread {
    let at =
        |share: usize| spans.get((spans.len() * share / 100).min(spans.len().saturating_sub(1)));
    let told = |span: Option<&Nanos>| ms(span.copied().unwrap_or_default());
    Spread {
        p50_ms: told(at(50)),
        p99_ms: told(at(99)),
        min_ms: told(spans.first()),
        max_ms: told(spans.last()),
    }
}

/// Units of 1e-8, all of them positive, as an exact decimal.
fn decimal(raw: i128) -> String {
    const SCALE: i128 = botmm_pipeline::types::SCALE as i128;
    let text = format!("{}.{:08}", raw / SCALE, raw % SCALE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
