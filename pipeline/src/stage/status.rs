//! What a person sees of one asset right now, shown on boards: by the dispatch stage what it does, by
//! the quote stage what it thinks.

use crate::logic::desk::Desk;
use crate::rt::{Board, BoardReader};
use crate::types::{
    ArrivalFit, Nanos, Px, Qty, QuoteModel, QuoteTerms, Reason, Regime, Side, Strategy,
};

/// Words of the board.
pub const STATUS_WORDS: usize = 8;

/// The newest state of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AssetStatus {
    /// Mid of the newest target; zero = the book has none.
    pub mid: Px,
    /// What the position counts at: the last mid that there was.
    pub mark: Px,
    /// Our nearest bid in the book; zero = none.
    pub bid: Px,
    /// Our nearest ask in the book; zero = none.
    pub ask: Px,
    /// Position by venue fills.
    pub position: Qty,
    /// Why the bid is not quoted.
    pub bid_reason: Reason,
    /// Why the ask is not quoted.
    pub ask_reason: Reason,
    /// Fills so far.
    pub fills: u64,
}

impl AssetStatus {
    /// Shows it.
    pub fn show(&self, board: &mut Board<STATUS_WORDS>) {
        board.write(&[
            self.mid.raw() as u64,
            self.bid.raw() as u64,
            self.ask.raw() as u64,
            self.position.raw() as u64,
            self.bid_reason as u64,
            self.ask_reason as u64,
            self.fills,
            self.mark.raw() as u64,
        ]);
    }

    /// Reads a board.
    pub fn read(board: &BoardReader<STATUS_WORDS>) -> Self {
        let [mid, bid, ask, position, bid_reason, ask_reason, fills, mark] = board.read();
        let reason = |w: u64| Reason::ALL.get(w as usize).copied().unwrap_or_default();
        Self {
            mid: Px::from_raw(mid as i64),
            mark: Px::from_raw(mark as i64),
            bid: Px::from_raw(bid as i64),
            ask: Px::from_raw(ask as i64),
            position: Qty::from_raw(position as i64),
            bid_reason: reason(bid_reason),
            ask_reason: reason(ask_reason),
            fills,
        }
    }
}

/// Words of the board of the quote stage.
pub const STRATEGY_WORDS: usize = 31;

/// What the strategy of one asset does now. Millionths where it says `_e6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StrategyStatus {
    /// Which formula.
    pub model: QuoteModel,
    /// What is done on top of it.
    pub strategy: Strategy,
    /// Volatility over the horizon, basis points; negative = warming up.
    pub vol_bps_e6: i64,
    /// Spread multiplier of the volatility breaker; a million = it does not hold.
    pub emergency_mult_e6: i64,
    /// Whether enough bars have closed for the direction signal.
    pub signal_is_ready: bool,
    /// Direction signal: −1, 0, +1.
    pub signal: i64,
    /// Direction score, [−1, 1].
    pub score_e6: i64,
    /// Volatility regime.
    pub regime: Regime,
    /// What the regime does to spread and size.
    pub regime_mults_e6: [i64; 2],
    /// Share of cycles with a fill in the last full window; negative = none is full yet.
    pub fill_rate_e6: i64,
    /// What the fill-rate controller does to the spread.
    pub fill_mult_e6: i64,
    /// How old the position is; zero when flat.
    pub age: Nanos,
    /// How far the inventory decay has gone, [0, 1].
    pub decay_e6: i64,
    /// Toxicity of the fills of bids and asks, [0, 1].
    pub toxicity_e6: [i64; 2],
    /// How trades arrive by distance.
    pub arrivals: ArrivalFit,
    /// How old the newest message's block was when it came, by the venue's clock.
    pub feed_delay: Nanos,
    /// How long ago that was.
    pub book_age: Nanos,
    /// Median delay of the feed over ten seconds; zero = not known.
    pub feed_delay_p50: Nanos,
    /// Expected edge of bid and ask, basis points.
    pub edges_e6: [i64; 2],
    /// What it counts as the adverse move after a fill at the touch, basis points.
    pub adverse_e6: [i64; 2],
    /// What the fit predicts of the mid, basis points.
    pub fit_bps_e6: i64,
    /// What moves differ from that by, basis points; zero = not known.
    pub fit_residual_bps_e6: i64,
    /// How much of the moves it predicted (prequential R²).
    pub fit_r2_e6: i64,
    /// Moves that it learned from; zero = it does not learn.
    pub fit_samples: i64,
}

impl StrategyStatus {
    /// As of a decision.
    pub(super) fn of(desk: &Desk, terms: &QuoteTerms, now: Nanos) -> Self {
        let e6 = |value: f64| (value * 1e6) as i64;
        let adapted = desk.adapted(now);
        Self {
            model: terms.model,
            strategy: terms.strategy,
            vol_bps_e6: terms.vol_bps_e6,
            emergency_mult_e6: terms.spread_mults_e6[1],
            signal_is_ready: desk.signals().view().is_ready,
            signal: terms.signal.into(),
            score_e6: terms.score_e6,
            regime: terms.regime,
            regime_mults_e6: [adapted.spread_mult, adapted.size_mult].map(e6),
            fill_rate_e6: desk.adaptive().fill_rate().map_or(-1, e6),
            fill_mult_e6: terms.spread_mults_e6[2],
            age: desk.adaptive().age(now),
            decay_e6: terms.decay_e6,
            toxicity_e6: Side::BOTH.map(|side| e6(desk.toxicity().side(now, side).score)),
            arrivals: terms.arrivals,
            feed_delay: desk.view().map_or(Nanos::ZERO, |view| view.delay),
            book_age: desk.view().map_or(Nanos::ZERO, |view| now - view.recv_time),
            feed_delay_p50: terms.feed_delay,
            edges_e6: terms.edges_e6,
            adverse_e6: terms.adverse_e6,
            fit_bps_e6: terms.fit_bps_e6,
            fit_residual_bps_e6: terms.residual_bps_e6,
            fit_r2_e6: terms.fit_r2_e6,
            fit_samples: terms.fit_samples,
        }
    }

    pub(super) fn show(&self, board: &mut Board<STRATEGY_WORDS>) {
        let a = &self.arrivals;
        let words = [
            self.model as i64,
            self.strategy as i64,
            self.vol_bps_e6,
            self.emergency_mult_e6,
            i64::from(self.signal_is_ready),
            self.signal,
            self.score_e6,
            self.regime as i64,
            self.regime_mults_e6[0],
            self.regime_mults_e6[1],
            self.fill_rate_e6,
            self.fill_mult_e6,
            self.age.0,
            self.decay_e6,
            self.toxicity_e6[0],
            self.toxicity_e6[1],
            a.rate_e6,
            a.decay_e6,
            a.r2_e6,
            a.trades,
            self.feed_delay.0,
            self.book_age.0,
            self.feed_delay_p50.0,
            self.edges_e6[0],
            self.edges_e6[1],
            self.adverse_e6[0],
            self.adverse_e6[1],
            self.fit_bps_e6,
            self.fit_residual_bps_e6,
            self.fit_r2_e6,
            self.fit_samples,
        ];
        board.write(&words.map(|w| w as u64));
    }

    /// Reads a board.
    pub fn read(board: &BoardReader<STRATEGY_WORDS>) -> Self {
        let words = board.read().map(|w| w as i64);
        let code = |i: usize| words[i].max(0) as usize;
        Self {
            model: QuoteModel::ALL.get(code(0)).copied().unwrap_or_default(),
            strategy: Strategy::ALL.get(code(1)).copied().unwrap_or_default(),
            vol_bps_e6: words[2],
            emergency_mult_e6: words[3],
            signal_is_ready: words[4] != 0,
            signal: words[5],
            score_e6: words[6],
            regime: Regime::ALL.get(code(7)).copied().unwrap_or_default(),
            regime_mults_e6: [words[8], words[9]],
            fill_rate_e6: words[10],
            fill_mult_e6: words[11],
            age: Nanos(words[12]),
            decay_e6: words[13],
            toxicity_e6: [words[14], words[15]],
            arrivals: ArrivalFit {
                rate_e6: words[16],
                decay_e6: words[17],
                r2_e6: words[18],
                trades: words[19],
            },
            feed_delay: Nanos(words[20]),
            book_age: Nanos(words[21]),
            feed_delay_p50: Nanos(words[22]),
            edges_e6: [words[23], words[24]],
            adverse_e6: [words[25], words[26]],
            fit_bps_e6: words[27],
            fit_residual_bps_e6: words[28],
            fit_r2_e6: words[29],
            fit_samples: words[30],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::board;

    #[test]
    fn what_is_shown_is_read() {
        let (mut writer, reader) = board();
        let shown = StrategyStatus {
            model: QuoteModel::Glft,
            strategy: Strategy::Adaptive,
            vol_bps_e6: -1,
            emergency_mult_e6: 3_000_000,
            signal_is_ready: true,
            signal: -1,
            score_e6: -750_000,
            regime: Regime::High,
            regime_mults_e6: [1_500_000, 600_000],
            fill_rate_e6: 123,
            fill_mult_e6: 850_000,
            age: Nanos::secs(7),
            decay_e6: 4,
            toxicity_e6: [5, 6],
            arrivals: ArrivalFit { rate_e6: 7, decay_e6: 8, r2_e6: 9, trades: 10 },
            feed_delay: Nanos::millis(-11),
            book_age: Nanos::millis(12),
            feed_delay_p50: Nanos::millis(13),
            edges_e6: [-14, 15],
            adverse_e6: [16, 17],
            fit_bps_e6: -13,
            fit_residual_bps_e6: 14,
            fit_r2_e6: -15,
            fit_samples: 16,
        };
        shown.show(&mut writer);
        assert_eq!(StrategyStatus::read(&reader), shown);
    }
}
