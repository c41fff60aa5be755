//! One coin of the coarse engine: what is known of it, its desk, and what a bar fills of its quotes.

use crate::data::bars::Bar;
use crate::data::bars::volatility::{squared_range, variance_per_s};
use botmm_pipeline::logic::desk::Desk;
use botmm_pipeline::logic::freshness::Pulse;
use botmm_pipeline::types::fit::LEADERS;
use botmm_pipeline::types::{
    AssetId, AssetParams, BookState, BookView, Fill, Instrument, Level, Nanos, Px, Qty,
    QuoteTarget, Reason, Side, Usd, notional,
};
use std::collections::BTreeMap;

/// Bars that the volatility is told from, that its slow baseline is, and fewer than which there is none.
const FAST_BARS: usize = 60;
const SLOW_BARS: usize = 600;
const LEAST_BARS: usize = 20;

/// The funding rates of a coin.
#[derive(Clone, Debug, Default)]
pub enum Rates {
    /// None are known: it pays nothing.
    #[default]
    None,
    /// One rate an hour, units of 1e-10, for ever.
    Fixed(i64),
    /// What was told, from each moment on, in order.
    Told(Vec<(Nanos, i64)>),
}

impl Rates {
    /// What an hour pays that begins then.
    fn at(&self, hour: Nanos) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Fixed(rate) => Some(*rate),
            Self::Told(all) => {
                let known = all.partition_point(|(at, _)| *at <= hour);
                all[..known].last().map(|(_, rate)| *rate)
            }
        }
    }
}

/// What is counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Bars, of these the first after a gap (not quoted, for the price of before it is old).
    pub bars: u64,
    pub after_gaps: u64,
    /// Bars in which each side was quoted.
    pub quoted: [u64; 2],
    /// Sides that were not, by why.
    pub withheld: BTreeMap<&'static str, u64>,
    /// Fills of each side, and the value of all.
    pub fills: [u64; 2],
    pub volume: Usd,
    /// Of these, limited by the share of the bar's volume.
    pub capped: u64,
}

/// See the module.
pub struct Coin<'a> {
    pub asset: AssetId,
    pub desk: Desk,
    pub counts: Counts,
    /// What stands in the present bar.
    pub target: Option<QuoteTarget>,
    instrument: Instrument,
    horizon_s: f64,
    bars: &'a [Bar],
    /// Which of them is the present one.
    present: usize,
    rates: Rates,
    /// Sums of the squared ranges of the bars that are known: one more than bars.
    squares: Vec<f64>,
    /// The newest that is known.
    last: Option<Bar>,
    events: u64,
}

impl<'a> Coin<'a> {
    /// A coin of which nothing is known yet.
    pub fn new(
        asset: AssetId,
        instrument: Instrument,
        params: &AssetParams,
        bars: &'a [Bar],
        rates: Rates,
    ) -> Self {
        // A bar has no touch that a fill model could be asked about.
        let mut params = AssetParams { fill_model: None, ..*params };
        // No bar of the strategy can be shorter than those that there are.
        if let Some(bar) = bars.first() {
            let span = bar.interval.span();
            params.signal.signal_bar = params.signal.signal_bar.max(span);
            params.signal.atr_bar = params.signal.atr_bar.max(span);
        }
        Self {
            asset,
            desk: Desk::new(instrument, &params),
            counts: Counts::default(),
            target: None,
            instrument,
            horizon_s: params.vol_horizon_s,
            bars,
            present: 0,
            rates,
            squares: vec![0.0],
            last: None,
            events: 0,
        }
    }

    /// When its next bar opens.
    pub fn next_open(&self) -> Option<Nanos> {
        self.bars.get(self.present).map(|bar| bar.candle.open_time)
    }

    /// Its bar of that open.
    pub fn bar_at(&self, open: Nanos) -> Option<Bar> {
        self.bars.get(self.present).filter(|bar| bar.candle.open_time == open).copied()
    }

    /// The last close that is known.
    pub fn mark(&self) -> Option<Px> {
        self.last.map(|bar| bar.candle.close)
    }

    /// What the hour that begins then pays, units of 1e-10.
    pub fn rate_at(&self, hour: Nanos) -> Option<i64> {
        self.rates.at(hour)
    }

    /// What is wanted in the bar that opens now, of what is known; [`None`] when that is too old.
    pub fn quote(&mut self, open: Nanos, pulse: &mut Pulse) -> Option<QuoteTarget> {
        let last = self.last?;
        if last.end() < open {
            self.counts.after_gaps += 1;
            return None;
        }
        let view = self.view(open, last.candle.close);
        pulse.on_view(&view, self.desk.params().risk.stale_book);
        self.desk.on_view(&view);
        self.desk.decide(open, self.events, pulse, [None; LEADERS]).map(|quote| quote.target)
    }

    /// Takes note of what was approved.
    pub fn note(&mut self, target: &QuoteTarget) {
        for side in Side::BOTH {
            match target.reason(side) {
                Reason::Quoted => self.counts.quoted[side.index()] += 1,
                other => *self.counts.withheld.entry(other.as_str()).or_default() += 1,
            }
        }
    }

    /// What was of the bar of that open becomes known: its prices in the order of one path through them, and
    /// its range.
    pub fn learn(&mut self, open: Nanos) {
        let Some(bar) = self.bar_at(open) else { return };
        let c = bar.candle;
        // A path reaches the extreme that is nearer to its open first.
        let low_first = c.open - c.low < c.high - c.open;
        let [first, then] = if low_first { [c.low, c.high] } else { [c.high, c.low] };
        let quarter = bar.interval.span().0 / 4;
        for (i, px) in [c.open, first, then, c.close].into_iter().enumerate() {
            let view = self.view(Nanos(open.0 + quarter * i as i64), px);
            self.desk.on_view(&view);
        }
        self.squares.push(self.squares[self.squares.len() - 1] + squared_range(&c));
        self.last = Some(bar);
    }

    /// The present bar is over.
    pub fn go_on(&mut self, open: Nanos) {
        if self.bar_at(open).is_some() {
            self.counts.bars += 1;
            self.present += 1;
            self.target = None;
        }
    }

    /// Books a fill of ours.
    pub fn on_fill(&mut self, now: Nanos, fill: &Fill) {
        self.desk.on_fill(now, now, fill, |_| {});
        self.counts.fills[fill.side.index()] += 1;
        self.counts.volume += notional(fill.px, fill.qty);
    }

    /// A book of one tick around a price: bars tell of no other.
    fn view(&mut self, at: Nanos, px: Px) -> BookView {
        self.events += 1;
        let i = &self.instrument;
        let level = |px| Level { px, qty: Qty::whole(1) };
        let [fast, slow] = [FAST_BARS, SLOW_BARS].map(|bars| self.vol_bps_e6(bars));
        BookView {
            asset: self.asset,
            state: BookState::Ok,
            market_seq: self.events,
            venue_time: at,
            recv_time: at,
            bid: level(i.tick_below(px)),
            ask: level(i.tick_above(px)),
            mid: Some(px),
            microprice: Some(px),
            vol_bps_e6: fast,
            vol_slow_bps_e6: slow,
            ..BookView::default()
        }
    }

    /// The volatility over the horizon, of at most so many bars; negative = too few are known.
    fn vol_bps_e6(&self, bars: usize) -> i64 {
        let known = self.squares.len() - 1;
        if known < LEAST_BARS {
            return -1;
        }
        let n = known.min(bars);
        let mean = ((self.squares[known] - self.squares[known - n]) / n as f64).max(0.0);
        let span = self.bars[0].interval.span();
        (1e10 * (variance_per_s(mean, span) * self.horizon_s).sqrt()).round() as i64
    }

    /// What a bar fills of quotes: what it trades through by at least a tick, the near ones first, of at most a
    /// share of its volume. First comes the side that the close is against: where both do not fit, the worse
    /// does.
    pub fn fills(
        &mut self,
        target: &QuoteTarget,
        bar: &Bar,
        share_e3: u16,
    ) -> Vec<(Side, Px, Qty)> {
        let share = i128::from(bar.volume.raw()) * i128::from(share_e3) / 1_000;
        let mut left = Qty::from_raw(i64::try_from(share).unwrap_or(i64::MAX));
        let falls = bar.candle.close < target.mid.unwrap_or_default();
        let sides = if falls { [Side::Bid, Side::Ask] } else { [Side::Ask, Side::Bid] };
        let mut fills = Vec::new();
        for side in sides {
            for level in target.side(side).iter().filter(|level| level.qty.is_positive()) {
                let is_through = match side {
                    Side::Bid => bar.candle.low <= self.instrument.tick_below(level.px),
                    Side::Ask => bar.candle.high >= self.instrument.tick_above(level.px),
                };
                if !is_through || target.reason(side) != Reason::Quoted {
                    continue;
                }
                let qty = self.instrument.round_qty_down(level.qty.min(left));
                self.counts.capped += u64::from(qty < level.qty);
                if qty.is_positive() {
                    left -= qty;
                    fills.push((side, level.px, qty));
                }
            }
        }
        fills
    }
}
