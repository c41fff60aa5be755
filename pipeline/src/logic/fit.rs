//! The fitted fair price of one asset (STRATEGY §3b): what the book and the last second say of where the
//! mid will be a horizon after our order would arrive.
//!
//! A *sample* is taken at a decision: the features, the mid known then, and what was predicted with the
//! weights of then. It waits until the feed has passed the end of its horizon by the venue's clock; then
//! the venue's mid just before that end says what the move was, the prediction is scored, and only then
//! it is learned from. So the score (R² against "no change", *prequential*) is of predictions alone.
//!
//! What is no sound sample (the feed had a hole, a clock stepped, a feature is no number) is dropped and
//! counted, and changes nothing.

mod ridge;

use self::ridge::Ridge;
use crate::types::fit::{FEATURES, Feature, FitScore, FitState, Fitted, LEADERS};
use crate::types::limits::{MAX_CLOCK_STEP, MAX_FIT_SAMPLES};
use crate::types::params::FitParams;
use crate::types::{BookView, Nanos, Px};
use std::collections::VecDeque;

/// The moves that are features: of this span.
pub const LAST: Nanos = Nanos::secs(1);
/// Shortest time between two samples.
const SAMPLE_EVERY: Nanos = Nanos::millis(200);
/// How long an order takes to arrive, until that is measured.
const FIRST_LATENCY: Nanos = Nanos::millis(100);
/// Weight of a new measurement of it.
const LATENCY_ALPHA: f64 = 0.1;
/// A longer measurement is none: an order that waited for its link.
const MAX_LATENCY: Nanos = Nanos::secs(5);
/// A prediction of more is none, whatever it rests on: no price may come from it.
const MAX_PREDICTED_BPS: f64 = 100.0;
/// A move beyond so many standard deviations (of those before it) counts as that many.
const CUT_SD: f64 = 5.0;
/// Moves (weighted) before any is cut.
const MIN_MOVES: f64 = 30.0;
/// A sample for which our clock and the venue's passed so differently is of a step of one of them, or of
/// a feed that stood still.
const MAX_SKEW: Nanos = Nanos::secs(2);

/// What is known at a decision, beside the view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moves {
    /// The venue's mid a second ago, by its clock; [`None`] = not known.
    pub own: Option<Px>,
    /// Moves of the leaders over the same second, basis points; [`None`] = there is none, or it stopped.
    pub leaders: [Option<f64>; LEADERS],
}

/// A sample on its way.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// When its horizon is over, by the venue's clock.
    due: Nanos,
    /// When it was taken, by our clock, and up to where the feed had come by the venue's.
    taken: [Nanos; 2],
    mid: Px,
    features: [f64; FEATURES],
    /// What was predicted, and what the microprice said, basis points.
    predicted: [f64; 2],
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Fit {
    params: FitParams,
    ridge: Ridge<FEATURES>,
    pending: VecDeque<Pending>,
    samples: u32,
    dropped: u32,
    half_touch_bps: f64,
    latency: Option<Nanos>,
    recent: FitScore,
    run: FitScore,
    /// When the last sample was taken that was learned from; kept over a run's end.
    learned: Option<Nanos>,
    /// When the newest sample was taken.
    taken: Option<Nanos>,
    /// The first step of time may be as long as a machine was off.
    is_restored: bool,
}

impl Fit {
    /// Nothing is learned yet.
    pub fn new(params: &FitParams) -> Self {
        Self {
            params: *params,
            ridge: Ridge::default(),
            pending: VecDeque::with_capacity(MAX_FIT_SAMPLES),
            samples: 0,
            dropped: 0,
            half_touch_bps: 0.0,
            latency: None,
            recent: FitScore::default(),
            run: FitScore::default(),
            learned: None,
            taken: None,
            is_restored: false,
        }
    }

    /// Goes on from what an earlier run kept; false, and nothing is changed, when that is unsound, or of
    /// another horizon or other leaders.
    pub fn restore(&mut self, state: &FitState) -> bool {
        let sums = (state.weight, state.means, state.mean_move, state.products, state.with_move);
        let FitScore { moves, still, fitted, micro } = state.recent;
        let numbers = [moves, still, fitted, micro, state.half_touch_bps];
        let is_same =
            (state.horizon, state.leaders) == (self.params.fit_horizon, self.params.leaders);
        let is_sound = is_same
            && numbers.iter().all(|v| v.is_finite() && *v >= 0.0)
            && (Nanos::ZERO..=MAX_LATENCY).contains(&state.latency);
        let Some(ridge) = Ridge::from_sums(sums).filter(|_| is_sound) else { return false };
        let latency = (state.latency > Nanos::ZERO).then_some(state.latency);
        *self = Self {
            ridge,
            samples: state.samples,
            half_touch_bps: state.half_touch_bps,
            latency,
            recent: state.recent,
            learned: Some(state.time),
            is_restored: true,
            ..Self::new(&self.params)
        };
        self.solve();
        true
    }

    /// All that it has learned.
    pub fn state(&self) -> FitState {
        let (weight, means, mean_move, products, with_move) = self.ridge.sums();
        FitState {
            horizon: self.params.fit_horizon,
            leaders: self.params.leaders,
            time: self.learned.unwrap_or_default(),
            samples: self.samples,
            dropped: self.dropped,
            weight,
            means,
            mean_move,
            products,
            with_move,
            half_touch_bps: self.half_touch_bps,
            latency: self.latency.unwrap_or_default(),
            recent: self.recent,
            run: self.run,
            weights: if self.counts() { *self.ridge.betas() } else { [0.0; FEATURES] },
        }
    }

    /// Other parameters: with another horizon or other leaders, learning starts over.
    pub fn set_params(&mut self, params: &FitParams) {
        let is_other =
            params.fit_horizon != self.params.fit_horizon || params.leaders != self.params.leaders;
        if is_other {
            *self = Self { latency: self.latency, ..Self::new(params) };
        }
        self.params = *params;
    }

    /// An order arrived at the venue so long after it was sent.
    pub fn on_arrival(&mut self, took: Nanos) {
        if (Nanos::ZERO..=MAX_LATENCY).contains(&took) {
            let step = |was: Nanos| Nanos(((took - was).0 as f64 * LATENCY_ALPHA) as i64);
            self.latency = Some(self.latency.map_or(took, |was| was + step(was)));
        }
    }

    /// How long an order takes to arrive.
    pub fn latency(&self) -> Nanos {
        self.latency.unwrap_or(FIRST_LATENCY)
    }

    /// How well it did in this run, each move counting the same.
    pub fn score(&self) -> &FitScore {
        &self.run
    }

    /// Whether the weights count.
    fn counts(&self) -> bool {
        self.is_warm() && self.recent.r2() > 0.0
    }

    fn is_warm(&self) -> bool {
        self.samples >= self.params.fit_min_samples
    }

    /// What it says at a decision made from this view, which has a mid; takes a sample if one is due.
    pub fn on_decision(&mut self, now: Nanos, view: &BookView, moves: &Moves) -> Fitted {
        let Some(mid) = view.mid else { return Fitted::default() };
        let (features, missing) = self.features(view, mid, moves);
        let is_sound = features.iter().all(|x| x.is_finite());
        let usable = features.map(|x| if x.is_finite() { x } else { 0.0 });
        let terms = if self.is_warm() { self.ridge.predict(&usable) } else { [0.0; FEATURES] };
        let is_sane = terms.iter().sum::<f64>().abs() <= MAX_PREDICTED_BPS;
        let terms = if is_sane { terms } else { [0.0; FEATURES] };
        let is_due = |taken: Nanos| now < taken || now - taken >= SAMPLE_EVERY;
        if self.taken.is_none_or(is_due) {
            self.taken = Some(now);
            self.note_touch(moved_bps(mid, view.ask.px));
            let micro = view.microprice.map_or(0.0, |micro| moved_bps(mid, micro));
            let predicted = [terms.iter().sum(), micro];
            if !is_sound || self.pending.len() == MAX_FIT_SAMPLES {
                self.dropped = self.dropped.saturating_add(1);
            } else {
                let taken = [now, view.venue_time];
                // The venue's time now is what the view says of its clock.
                let ahead = view.delay - view.recv_time + view.venue_time;
                let arrives = now + ahead + self.latency();
                let due = arrives + self.params.fit_horizon;
                self.pending.push_back(Pending { due, taken, mid, features, predicted });
            }
        }
        let terms_bps = if self.counts() { terms } else { [0.0; FEATURES] };
        Fitted {
            fair_bps: terms_bps.iter().sum(),
            terms_bps,
            residual_bps: self.residual_bps(),
            r2: self.recent.r2(),
            samples: self.samples,
            missing,
        }
    }

    /// Root mean square of what is left of the moves.
    fn residual_bps(&self) -> f64 {
        let left = if self.counts() { self.recent.fitted } else { self.recent.still };
        if self.recent.moves > 0.0 { (left / self.recent.moves).max(0.0).sqrt() } else { 0.0 }
    }

    fn features(&self, view: &BookView, mid: Px, moves: &Moves) -> ([f64; FEATURES], u8) {
        let [bid, ask] = [view.bid.qty.to_f64(), view.ask.qty.to_f64()];
        let half = self.half_touch_bps;
        let micro = view.microprice.map_or(0.0, |micro| moved_bps(mid, micro));
        let flow = view.flow.to_f64();
        let mut missing = 0;
        let mut known = |feature: Feature, moved: Option<f64>| {
            missing |= u8::from(moved.is_none()) << feature as u8;
            moved.unwrap_or(0.0)
        };
        let own = known(Feature::Own, moves.own.map(|before| moved_bps(before, mid)));
        let leader1 = known(Feature::Leader1, moves.leaders[0]);
        let leader2 = known(Feature::Leader2, moves.leaders[1]);
        let [book20, book5] = view.imbalances_e6.map(|e6| f64::from(e6) * 1e-6);
        let features = [
            book20,
            book5,
            (bid - ask) / (bid + ask),
            if half > 0.0 { micro.clamp(-half, half) } else { micro },
            own,
            leader1,
            leader2,
            flow.abs().sqrt().copysign(flow),
        ];
        (features, missing)
    }

    /// Learns from the samples whose horizon the feed has passed. `mid_before` gives the venue's mid just
    /// before a time, where that is known.
    pub fn on_block(
        &mut self,
        now: Nanos,
        passed: Nanos,
        mid_before: impl Fn(Nanos) -> Option<Px>,
    ) {
        while let Some(sample) = self.pending.front().copied().filter(|s| s.due <= passed) {
            self.pending.pop_front();
            let took = [now - sample.taken[0], passed - sample.taken[1]];
            let is_step = took[0] < Nanos::ZERO || (took[0] - took[1]).0.abs() > MAX_SKEW.0;
            match mid_before(sample.due).filter(|_| !is_step) {
                Some(mid) => self.learn(&sample, moved_bps(sample.mid, mid)),
                None => self.dropped = self.dropped.saturating_add(1),
            }
        }
    }

    /// A usual touch is what it was over the last minute of samples.
    fn note_touch(&mut self, half_bps: f64) {
        const ALPHA: f64 = 1.0 / 300.0;
        match self.half_touch_bps > 0.0 {
            true => self.half_touch_bps += ALPHA * (half_bps - self.half_touch_bps),
            false => self.half_touch_bps = half_bps,
        }
    }

    fn learn(&mut self, sample: &Pending, moved: f64) {
        if !moved.is_finite() {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.pass_time(sample.taken[0]);
        let most = match self.recent.moves >= MIN_MOVES {
            true => CUT_SD * (self.recent.still / self.recent.moves).sqrt(),
            false => f64::INFINITY,
        };
        let [fitted, micro] = sample.predicted;
        self.recent.add(moved, fitted, micro);
        self.run.add(moved, fitted, micro);
        self.ridge.learn(&sample.features, moved.clamp(-most, most));
        self.samples = self.samples.saturating_add(1);
        self.solve();
    }

    fn pass_time(&mut self, at: Nanos) {
        let passed = self.learned.map_or(Nanos::ZERO, |learned| (at - learned).max(Nanos::ZERO));
        self.learned = Some(at);
        let passed = if self.is_restored { passed } else { passed.min(MAX_CLOCK_STEP) };
        let keep = (-passed.as_secs_f64() / self.params.fit_halflife_s).exp2();
        self.ridge.forget(keep);
        self.recent.forget(keep);
        if self.is_restored {
            self.is_restored = false;
            // What is left of a long pause is no more than its weight.
            self.samples = self.samples.min(self.ridge.weight() as u32);
        }
    }

    fn solve(&mut self) {
        let FitParams { fit_ridge, fit_min_samples, .. } = self.params;
        self.ridge.solve(fit_ridge, f64::from(fit_min_samples));
    }
}

/// How far a price moved, basis points.
pub fn moved_bps(from: Px, to: Px) -> f64 {
    (to - from).to_f64() / from.to_f64() * 1e4
}

#[cfg(test)]
mod tests;
