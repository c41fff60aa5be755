//! Everything that one asset's quotes rest on, and when the next one is due. The quote stage brings it
//! the news; the quote itself is `quoter`'s.

use super::adaptive::{Adapted, Adaptive};
use super::bars::{Atr, Bars};
use super::edge::{AdverseMoves, Known};
use super::fit::{Fit, LAST, Moves, moved_bps};
use super::freshness::Pulse;
use super::ledger::AssetLedger;
use super::markouts::{Markouts, Measured, Measurement};
use super::past_fills::{PastFill, PastFills};
use super::quoter::{Quote, QuoteInput, Quoter};
use super::signals::Signals;
use super::sizer::{FACTORS, NO_FACTORS, Sizer, SizerInput};
use super::toxicity::Toxicity;
use crate::types::fit::{FitState, Fitted, LEADERS};
use crate::types::params::{FairPrice, GRID_STEP, Strategy};
use crate::types::{
    AssetParams, BookState, BookView, Candle, Fill, Instrument, Listing, Nanos, Px, Qty, Reason,
    Series, Side, Usd, notional,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Desk {
    quoter: Quoter,
    listing: Listing,
    view: Option<BookView>,
    /// The last sound mid.
    mid: Option<Px>,
    ledger: AssetLedger,
    atr: Bars<Atr>,
    signals: Bars<Signals>,
    adaptive: Adaptive,
    markouts: Markouts,
    toxicity: Toxicity,
    sizer: Sizer,
    /// Fills whose toxicity is not known yet.
    toxic_fills: PastFills,
    fit: Fit,
    /// What fills at the touch were worse than expected.
    adverse: AdverseMoves,
    /// The minute in which it was last told of.
    fit_told: Option<i64>,
    /// Something changed since the last decision.
    is_dirty: bool,
    last_decision: Option<Nanos>,
    /// Number of the market event that it was made of.
    decided_on: u64,
    /// Until when our own way to the wire counts as slow, and what that multiplies half spreads by, millionths.
    slow: (Nanos, i64),
    /// When a grid is next decided on; [`None`] before the first view.
    next_step: Option<Nanos>,
}

impl Desk {
    /// Nothing is known yet, and the venue lists the asset.
    pub fn new(instrument: Instrument, params: &AssetParams) -> Self {
        Self {
            quoter: Quoter::new(instrument, params),
            listing: Listing::Listed,
            view: None,
            mid: None,
            ledger: AssetLedger::default(),
            atr: Bars::new(params.signal.atr_bar, Atr::default()),
            signals: Bars::new(params.signal.signal_bar, Signals::new(params.signal)),
            adaptive: Adaptive::new(&params.adaptive, params.tick),
            markouts: Markouts::default(),
            toxicity: Toxicity::new(&params.toxicity),
            sizer: Sizer::default(),
            toxic_fills: PastFills::new(params.toxicity.toxicity_horizon),
            fit: Fit::new(&params.fit),
            adverse: AdverseMoves::default(),
            fit_told: None,
            is_dirty: false,
            last_decision: None,
            decided_on: 0,
            slow: (Nanos::ZERO, 1_000_000),
            next_step: None,
        }
    }

    /// Other parameters: the next decision is due at once, and what was learned stays. The lengths of
    /// bars do not change while a pipeline runs.
    pub fn set_params(&mut self, params: &AssetParams) {
        self.quoter.set_params(params);
        self.signals.consumer_mut().set_params(params.signal);
        self.adaptive.set_params(&params.adaptive, params.tick);
        self.toxicity.set_params(&params.toxicity);
        self.toxic_fills.set_after(params.toxicity.toxicity_horizon);
        self.fit.set_params(&params.fit);
        // They do not wait for the next decision that is due.
        (self.is_dirty, self.last_decision) = (true, None);
    }

    /// How the venue lists the asset.
    pub fn set_listing(&mut self, listing: Listing) {
        (self.listing, self.is_dirty) = (listing, true);
    }

    /// Our own way to the wire is slow until then; what that multiplies half spreads by, millionths.
    pub fn set_slow(&mut self, until: Nanos, mult_e6: i64) {
        (self.slow, self.is_dirty) = ((until, mult_e6), true);
    }

    /// A candle of before the start.
    pub fn on_candle(&mut self, series: Series, candle: &Candle) {
        match series {
            Series::Signal => self.signals.back_fill(candle),
            Series::Atr => self.atr.back_fill(candle),
        }
    }

    /// There are no more of them.
    pub fn on_candles_done(&mut self, series: Series) {
        match series {
            Series::Signal => self.signals.back_filled(),
            Series::Atr => self.atr.back_filled(),
        }
        self.is_dirty = true;
    }

    /// The feed has come to a block, whose view may be superseded already: what the mid was then is
    /// known for the fills that waited for it. How many measurements were due.
    pub fn on_block(
        &mut self,
        now: Nanos,
        view: &BookView,
        mut tell: impl FnMut(Measurement),
    ) -> usize {
        if view.state == BookState::Void {
            self.markouts.lose_track();
            return 0;
        }
        let Self { markouts, toxic_fills, adverse, quoter, .. } = self;
        let halflife = halflife(quoter.params());
        let told = markouts.on_block(view.venue_time, view.mid, |told| {
            learn(toxic_fills, adverse, told, (now, halflife));
            tell(told);
        });
        self.judge_fills(now);
        let wants_fit = self.params().wants_fit();
        let Self { fit, markouts, adverse, .. } = self;
        let (passed, mid_before) = (view.venue_time, |time| markouts.mid_before(time));
        if wants_fit {
            fit.on_block(now, passed, mid_before);
        }
        adverse.on_block((now, passed), view.taken, fit.latency(), halflife, mid_before);
        told
    }

    /// Takes in what the moves after our fills say, where that is known by now.
    fn judge_fills(&mut self, now: Nanos) {
        let Some(passed) = self.markouts.passed() else { return };
        let horizon = self.params().toxicity.toxicity_horizon;
        while let Some(fill) = self.toxic_fills.pop_due(passed) {
            if let Some(mid) = self.markouts.mid_before(fill.time + horizon) {
                self.judge(now, &fill, mid);
            }
        }
    }

    fn judge(&mut self, now: Nanos, fill: &PastFill, mid: Px) {
        let horizon_s = self.params().toxicity.toxicity_horizon.as_secs_f64();
        let bar_s = self.atr.length().as_secs_f64();
        let range = self.range() * (horizon_s / bar_s).sqrt();
        self.toxicity.on_measured(now, fill.side, [fill.mid, mid], range);
    }

    /// A newer view of the book.
    pub fn on_view(&mut self, view: &BookView) {
        if let Some(mid) = view.mid {
            self.atr.update(view.recv_time, mid);
            self.signals.update(view.recv_time, mid);
            self.adaptive.on_mid(view.recv_time, mid);
            self.mid = Some(mid);
        }
        (self.view, self.is_dirty) = (Some(*view), true);
        if let (Some(grid), None) = (self.params().grid, self.next_step) {
            self.next_step = Some(grid.from);
            self.take_step(view.recv_time);
        }
    }

    /// The next decision on a grid is due at the first step after this moment.
    fn take_step(&mut self, now: Nanos) {
        if let Some(step) = &mut self.next_step {
            let passed = (now - *step).0.div_euclid(GRID_STEP.0) + 1;
            *step = *step + Nanos(GRID_STEP.0 * passed.max(1));
        }
    }

    /// We traded, in the block of that time. Fills must have been made unique before.
    pub fn on_fill(
        &mut self,
        now: Nanos,
        block: Nanos,
        fill: &Fill,
        mut tell: impl FnMut(Measurement),
    ) {
        let (before, position) = (self.ledger.realized(), self.ledger.position());
        self.ledger.book(fill.side, fill.px, fill.qty, fill.fee);
        if position.raw() * fill.side.sign() < 0 {
            self.sizer.on_closed(self.ledger.realized() - before - fill.fee);
        }
        let Self { markouts, toxic_fills, adverse, quoter, .. } = self;
        let halflife = halflife(quoter.params());
        adverse.on_fill(block, fill.tid, fill.side, fill.px);
        markouts.on_fill(block, fill, |told| {
            learn(toxic_fills, adverse, told, (now, halflife));
            tell(told);
        });
        self.judge_fills(now);
        self.adaptive.on_fill(now, self.ledger.position());
        self.is_dirty = true;
    }

    /// What the account held when we came.
    pub fn on_opening(&mut self, now: Nanos, position: Qty, mark: Px) {
        self.ledger.open_with(position, mark);
        self.adaptive.on_position(now, position);
        self.is_dirty = true;
    }

    /// Funding was paid (positive = cost).
    pub fn on_funding(&mut self, paid: Usd) {
        self.ledger.book_funding(paid);
    }

    /// When the next decision is due: soon after a change, at the latest after a tick. [`None`] before
    /// the first view.
    pub fn due(&self) -> Option<Nanos> {
        self.view?;
        let p = self.params();
        if p.grid.is_some() {
            return self.next_step;
        }
        let wait = if self.is_dirty { p.requote_min } else { p.tick };
        Some(self.last_decision.map_or(Nanos::ZERO, |last| last + wait))
    }

    /// When the next decision may be due, if a view comes then: not before.
    pub fn due_with(&self, view: Nanos) -> Nanos {
        let p = self.params();
        match (p.grid, self.last_decision) {
            (Some(_), _) => self.next_step.unwrap_or(view),
            (None, Some(last)) => view.max(last + p.requote_min),
            (None, None) => view,
        }
    }

    /// Whether a decision is due. A clock that went back does not hold one up.
    pub fn is_due(&self, now: Nanos) -> bool {
        let is_late = self.last_decision.is_some_and(|last| now < last);
        self.due().is_some_and(|due| now >= due || is_late)
    }

    /// Decides, if it is due. `leaders` are the moves of the fit's leaders over the second up to our view.
    pub fn decide(
        &mut self,
        now: Nanos,
        venue_seq: u64,
        pulse: &Pulse,
        leaders: [Option<f64>; LEADERS],
    ) -> Option<Quote> {
        if !self.is_due(now) {
            return None;
        }
        let is_stale = |view| pulse.is_stale(now, view, self.params().risk.stale_book);
        let is_stale = self.view.as_ref().is_some_and(is_stale);
        let fitted = if is_stale { Fitted::default() } else { self.fitted(now, leaders) };
        let size_factors = self.size_factors(now);
        let view = self.view.as_ref()?;
        let lean_bps = self.quoter.lean_bps(view, &fitted);
        let market_bps = self.market_bps(now, view, lean_bps, &fitted);
        let signal = self.signals.consumer().view();
        let input = QuoteInput {
            view,
            last_mid: self.mid,
            listing: self.listing,
            is_stale,
            position: self.ledger.position(),
            atr: self.range(),
            score: signal.score,
            signal: signal.signal,
            adapted: self.adapted(now),
            fitted,
            toxicity: Side::BOTH.map(|side| self.toxicity.side(now, side)),
            size_factors,
            slow_mult: if now < self.slow.0 { self.slow.1 as f64 * 1e-6 } else { 1.0 },
            adverse_bps: self.adverse.expected_bps(now, market_bps, halflife(self.params())),
            feed_delay: pulse.delay_p50().unwrap_or_default(),
            is_late: pulse.is_late(self.params().risk.max_feed_delay),
            now,
            venue_seq,
        };
        // By the venue's clock, as fills are.
        let at = view.venue_time + view.delay + (now - view.recv_time);
        let touch = [view.bid.px, view.ask.px];
        let (is_prompt, decided_on) = (self.is_prompt(view), view.market_seq);
        let mut quote = match self.params().grid {
            None => self.quoter.quote(&input),
            Some(grid) => {
                let quote = self.quoter.grid(grid, &input);
                self.take_step(now);
                quote?
            }
        };
        let wanted = Side::BOTH.map(|side| quote.target.reason(side) == Reason::Quoted);
        let fair = quote.target.fair;
        self.adverse.on_decision(Known { at, fair, lean_bps, touch, market_bps, wanted });
        let is_quoted = wanted.contains(&true);
        self.adaptive.on_decision(now, is_quoted);
        (self.is_dirty, self.last_decision) = (false, Some(now));
        (quote.target.is_prompt, self.decided_on) = (is_prompt, decided_on);
        Some(quote)
    }

    /// Whether a decision on this view is its first, and nothing held it up: when the view came, one was due.
    fn is_prompt(&self, view: &BookView) -> bool {
        let p = self.params();
        let was_free = self.last_decision.is_none_or(|last| last + p.requote_min <= view.recv_time);
        p.grid.is_none() && view.market_seq != self.decided_on && was_free
    }

    /// What the fit says of the newest view; nothing, where nobody asks.
    fn fitted(&mut self, now: Nanos, leaders: [Option<f64>; LEADERS]) -> Fitted {
        let Some(view) = self.view.filter(|_| self.params().wants_fit()) else {
            return Fitted::default();
        };
        let own = self.markouts.mid_before(view.venue_time - LAST);
        self.fit.on_decision(now, &view, &Moves { own, leaders })
    }

    /// How far its mid moved from the second before this time of the venue's on, basis points; [`None`]
    /// where that is not known, or where it is told of no more.
    pub fn moved(&self, now: Nanos, until: Nanos, pulse: &Pulse) -> Option<f64> {
        let view = self.view.as_ref()?;
        let is_stale = pulse.is_stale(now, view, self.params().risk.stale_book);
        let mid = view.mid.filter(|_| !is_stale)?;
        Some(moved_bps(self.markouts.mid_before(until - LAST)?, mid))
    }

    /// Up to when the leaders' moves are asked for, by the venue's clock: where a decision is due, and a
    /// fit is wanted.
    pub fn wants_leaders(&self, now: Nanos) -> Option<Nanos> {
        let until = self.view.as_ref()?.venue_time;
        (self.params().wants_fit() && self.is_due(now)).then_some(until)
    }

    /// What its fit has learned, with the first decision of each minute.
    pub fn fit_to_tell(&mut self, now: Nanos) -> Option<FitState> {
        let minute = now.0.div_euclid(Nanos::secs(60).0);
        let told = self.fit_told.replace(minute)?;
        (told != minute).then(|| self.fit.state())
    }

    /// An order of ours arrived at the venue so long after it was sent.
    pub fn on_arrival(&mut self, took: Nanos) {
        self.fit.on_arrival(took);
    }

    /// Goes on from what an earlier run's fit learned; false when that is unsound.
    pub fn restore_fit(&mut self, state: &FitState) -> bool {
        self.fit.restore(state)
    }

    /// What makes the next quote larger or smaller.
    fn size_factors(&mut self, now: Nanos) -> [f64; FACTORS] {
        let (true, Some(view), Some(mid)) = (self.params().sizer.use_sizer, &self.view, self.mid)
        else {
            return NO_FACTORS;
        };
        let (vol, slow_vol) = (view.vol_bps_e6 as f64, view.vol_slow_bps_e6 as f64);
        let limits = self.params().risk;
        let value = notional(mid, self.ledger.position()).to_f64();
        let of_side = |side| self.toxicity.side(now, side).score;
        let input = SizerInput {
            vol,
            slow_vol,
            fill_rate: self.adaptive.fill_rate(),
            share: value / limits.max_position_usd.to_f64(),
            toxicity: of_side(Side::Bid).max(of_side(Side::Ask)),
            drawdown: self.sizer.drawdown(now, self.ledger.net(mid), &limits),
        };
        self.sizer.factors(&input)
    }

    /// Adverse moves to be expected after fills at the touch, bps, by what the market's say: at first by half of
    /// its spread, and by what a fitted fair price does not know of the next second, or the volatility of one.
    fn market_bps(&self, now: Nanos, view: &BookView, lean_bps: f64, fitted: &Fitted) -> [f64; 2] {
        let p = self.params();
        let vol_bps = view.vol_bps_e6 as f64 * 1e-6;
        let mid = view.mid.map_or(f64::INFINITY, Px::to_f64);
        let touch_bps = (view.ask.px - view.bid.px).to_f64().max(0.0) / 2.0 / mid * 1e4;
        let is_known = p.fair_price == FairPrice::Fitted && fitted.residual_bps > 0.0;
        let sigma_bps = match is_known {
            true => fitted.residual_bps,
            false => vol_bps.max(0.0) / p.vol_horizon_s.sqrt(),
        };
        self.adverse.of_market(now, lean_bps, (sigma_bps, touch_bps), halflife(p))
    }

    /// Average true range, USD; zero before anything is known.
    fn range(&self) -> f64 {
        let Some(view) = &self.view else { return 0.0 };
        let vol_bps = (view.vol_bps_e6 as f64 * 1e-6).max(0.0);
        self.atr.atr(self.mid.unwrap_or_default(), vol_bps, self.params().vol_horizon_s)
    }

    /// What the strategy does on top of the model.
    pub fn adapted(&self, now: Nanos) -> Adapted {
        match self.params().strategy {
            Strategy::Basic => Adapted::NOTHING,
            Strategy::Adaptive => self.adaptive.adapted(now),
        }
    }

    /// The newest view of the book.
    pub fn view(&self) -> Option<&BookView> {
        self.view.as_ref()
    }
    /// The parameters in use.
    pub fn params(&self) -> &AssetParams {
        self.quoter.params()
    }
    /// What became of our fills.
    pub fn markouts(&self) -> &Markouts {
        &self.markouts
    }
    /// The direction signal.
    pub fn signals(&self) -> &Signals {
        self.signals.consumer()
    }
    /// Regime, fill rate and the age of the position, whether the strategy uses them or not.
    pub fn adaptive(&self) -> &Adaptive {
        &self.adaptive
    }
    /// The fitted fair price.
    pub fn fit(&self) -> &Fit {
        &self.fit
    }
    /// What the moves after our fills say of each side.
    pub fn toxicity(&self) -> &Toxicity {
        &self.toxicity
    }
}

/// With which what our fills said of the expected edge is forgotten.
fn halflife(params: &AssetParams) -> Nanos {
    Nanos((params.fit.fit_halflife_s * 1e9) as i64)
}

/// Keeps fills whose mid is known until it shows whether they were toxic, and counts what the next second
/// made of them.
fn learn(
    fresh: &mut PastFills,
    adverse: &mut AdverseMoves,
    told: Measurement,
    (now, halflife): (Nanos, Nanos),
) {
    match told {
        Measurement::MidAtFill(fill) => fresh.push(fill),
        Measurement::Markout(Measured { horizon: 0, fill, mid }) => {
            adverse.on_markout(now, (fill.tid, fill.side, fill.px), mid, halflife);
        }
        Measurement::Markout(_) => {}
    }
}

#[cfg(test)]
mod tests;
