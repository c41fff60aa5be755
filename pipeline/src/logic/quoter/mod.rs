//! From a book view to the orders we want (STRATEGY §3), term by term.
//!
//! A model (`logic::model`) wants a half spread and a lean against the position, in basis points of
//! fair. The half spread is kept within its bounds and multiplied by the regime, the volatility
//! breaker, latency beyond its budget and the fill-rate controller; then each side by the toxicity of
//! its fills and by the inventory decay; then it is at least half of the fee floor. Both prices move
//! down by the skew when we are long (the seed's document adds it; that would buy more of what we have too much of), and by
//! `shift = (signal · bias_strength + imbalance · imbalance_strength) · s/2` with the direction.
//!
//! Around a fitted fair price both leans with the direction are off, unless a person wants them.
//!
//! Then the expected edge may widen a side, and the touch say where it stands (`sense`).
//!
//! Every step is kept as a [`Term`], so that anybody can see how a price came about.

mod grid;
mod ladder;
mod sense;

use super::adaptive::Adapted;
use super::edge::SideEdge;
use super::fill_model;
use super::fit::moved_bps;
use super::model::{self, ModelInput, ModelQuote};
use super::sizer::{self, FACTORS};
use super::toxicity::SideToxicity;
use crate::types::fit::{FEATURES, Fitted};
use crate::types::limits::MAX_PX;
use crate::types::params::{BelowFee, FairPrice};
use crate::types::{
    AssetParams, BookState, BookView, Cause, Instrument, Listing, Nanos, Px, Qty, QuoteTarget,
    QuoteTerms, Reason, SCALE, Side, Term, Usd, nearest, notional,
};

/// What a quote is computed from.
#[derive(Clone, Copy, Debug)]
pub struct QuoteInput<'a> {
    /// The book.
    pub view: &'a BookView,
    /// The last sound mid: what the position counts at while the book has none.
    pub last_mid: Option<Px>,
    /// How the venue lists the asset.
    pub listing: Listing,
    /// Whether the book is too old ([`Pulse::is_stale`](super::freshness::Pulse::is_stale)).
    pub is_stale: bool,
    /// Our position (+ long).
    pub position: Qty,
    /// Average true range, USD.
    pub atr: f64,
    /// Direction score in [−1, 1]; 0 until the signal is ready.
    pub score: f64,
    /// Direction signal: −1, 0, +1.
    pub signal: i8,
    /// What the strategy does on top of the model.
    pub adapted: Adapted,
    /// What the fit predicts of the mid, and how well; zeros where nobody asks.
    pub fitted: Fitted,
    /// What the moves after our fills say of each side.
    pub toxicity: [SideToxicity; 2],
    /// What makes the quote larger or smaller ([`sizer`]).
    pub size_factors: [f64; FACTORS],
    /// What our own way to the wire, where it is slow, multiplies half spreads by; else 1.
    pub slow_mult: f64,
    /// Adverse move to be expected after a fill of each side at the touch, bps
    /// ([`AdverseMoves`](super::edge::AdverseMoves)).
    pub adverse_bps: [f64; 2],
    /// Median delay of the feed; zero = not known.
    pub feed_delay: Nanos,
    /// Whether that is too much ([`Pulse::is_late`](super::freshness::Pulse::is_late)).
    pub is_late: bool,
    /// Now.
    pub now: Nanos,
    /// Venue events seen so far, for the cause.
    pub venue_seq: u64,
}

/// The orders wanted, and how they came about.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    /// The orders.
    pub target: QuoteTarget,
    /// The terms of their prices.
    pub terms: QuoteTerms,
}

/// Makes quotes for one asset.
#[derive(Clone, Copy, Debug)]
pub struct Quoter {
    instrument: Instrument,
    params: AssetParams,
    /// See [`AssetParams::is_usable`].
    is_usable: bool,
}

/// One side on its way to a price: the half spread in basis points of fair, and its terms.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    bps: f64,
    /// Each step's part of it.
    parts: [f64; Term::Floor as usize + 1],
}

/// One side before it is rounded: where it would be, its lean, and what pays.
#[derive(Clone, Copy, Debug)]
struct Placing {
    side: Side,
    /// Unrounded price of the nearest level.
    from: f64,
    /// All leans together, USD.
    lean: f64,
    /// Least distance from fair that pays, USD.
    pays: f64,
}

impl Half {
    /// Takes the half spread to what a step makes of it.
    fn step(&mut self, term: Term, to_bps: f64) {
        self.parts[term as usize] = to_bps - self.bps;
        self.bps = to_bps;
    }
}

impl Quoter {
    /// For an asset. Unusable parameters make every quote [`Reason::ParamInvalid`].
    pub fn new(instrument: Instrument, params: &AssetParams) -> Self {
        Self { instrument, params: *params, is_usable: params.is_usable() }
    }

    /// Other parameters, from the next quote on.
    pub fn set_params(&mut self, params: &AssetParams) {
        *self = Self::new(self.instrument.on_grid(params.sz_decimals), params);
    }

    /// The parameters in use.
    pub fn params(&self) -> &AssetParams {
        &self.params
    }

    /// The orders wanted now, or one reason a side why there are none.
    pub fn quote(&self, input: &QuoteInput<'_>) -> Quote {
        let mut quote = self.blank(input);
        let wanted = match self.wanted(input, quote.target.fair) {
            Ok(wanted) => wanted,
            Err(reason) => {
                Side::BOTH.into_iter().for_each(|side| quote.target.clear(side, reason));
                return quote;
            }
        };
        let fair = quote.target.fair;
        let edges = Side::BOTH.map(|side| self.side_edge(input, fair, side));
        let halves = Side::BOTH.map(|side| self.half(input, &wanted, &edges, side));
        let shift = |lean: f64| lean * (halves[0].bps + halves[1].bps) / 2.0;
        let [bias, imbalance_strength] = self.params.leans();
        let leans = [
            (Term::Skew, -wanted.skew_bps),
            (Term::Signal, shift(f64::from(input.signal) * bias)),
            (Term::Imbalance, shift(imbalance(input.view) * imbalance_strength)),
        ];
        let bps = fair.to_f64() * 1e-4;
        let placing = Side::BOTH.map(|side| {
            let (half, edge) = (&halves[side.index()], &edges[side.index()]);
            let away = -side.sign() as f64;
            let terms = &mut quote.terms.sides[side.index()];
            for term in &Term::ALL[..half.parts.len()] {
                terms.set(*term, to_px(away * half.parts[*term as usize] * bps));
            }
            leans.iter().for_each(|(term, lean)| terms.set(*term, to_px(lean * bps)));
            let lean: f64 = leans.iter().map(|(_, lean)| lean).sum();
            let distance = half.bps + away * lean;
            let widened = self.held_to_edge(input, edge, distance);
            terms.set(Term::Edge, to_px(away * (widened - distance) * bps));
            Placing {
                side,
                from: fair.to_f64() + away * widened * bps,
                lean: lean * bps,
                pays: self.pays_bps(input, edge) * bps,
            }
        });
        self.place(&mut quote, &placing, input.view, |terms, side, px| {
            let (half, edge) = (&halves[side.index()], &edges[side.index()]);
            self.note_edge(terms, edge, side, px);
            self.withheld(input, half, side, (px, terms.edges_e6[side.index()]))
        });
        quote
    }

    /// A quote without orders: what is known of the moment.
    fn blank(&self, input: &QuoteInput<'_>) -> Quote {
        let (view, p) = (input.view, &self.params);
        let fit = self.fit_terms(input);
        let fair = self.fair(view, &fit).unwrap_or_default();
        let fitted = &input.fitted;
        let target = QuoteTarget {
            asset: view.asset,
            generation: view.generation,
            time: input.now,
            made: input.now,
            cause: Cause {
                market_seq: view.market_seq,
                recv_time: view.recv_time,
                venue_time: view.venue_time,
                venue_seq: input.venue_seq,
            },
            mid: view.mid,
            venue_mark: view.venue_mark,
            fair,
            best_bid: view.bid.px,
            best_ask: view.ask.px,
            vol_bps_e6: view.vol_bps_e6,
            vol_slow_bps_e6: view.vol_slow_bps_e6,
            ..QuoteTarget::default()
        };
        let adapted = &input.adapted;
        let emergency = self.emergency_mult(view);
        let toxicity = Side::BOTH.map(|s| e6(self.toxicity_mult(input, s).unwrap_or(0.0)));
        let terms = QuoteTerms {
            asset: view.asset,
            model: p.model,
            strategy: p.strategy,
            regime: adapted.regime,
            signal: input.signal,
            fair_price: p.fair_price,
            missing: fitted.missing,
            time: input.now,
            mid: view.mid.unwrap_or_default(),
            fit,
            fit_bps_e6: e6(fitted.fair_bps),
            residual_bps_e6: e6(fitted.residual_bps),
            fit_r2_e6: e6(fitted.r2),
            fit_samples: i64::from(fitted.samples),
            fair,
            position: input.position,
            share_e6: e6(self.share(input)),
            vol_bps_e6: view.vol_bps_e6,
            atr: to_px(input.atr),
            score_e6: e6(input.score),
            imbalance_e6: view.imbalance_e6,
            arrivals: view.arrivals,
            spread_mults_e6: [adapted.spread_mult, emergency, adapted.fill_mult, input.slow_mult]
                .map(e6),
            toxicity_mults_e6: toxicity,
            adverse_e6: input.adverse_bps.map(e6),
            feed_delay: input.feed_delay,
            decay_e6: e6(adapted.decay),
            floor_bps_e6: e6(p.floor_bps()),
            spacing: to_px(fair.to_f64() * p.level_spacing_bps * 1e-4),
            size_usd: usd(self.size_usd(input)),
            size_changes_e6: input.size_factors.map(|factor| e6(factor - 1.0)),
            moment: fill_model::moment(view, p.arrival_halflife_s, input.now),
            ..QuoteTerms::default()
        };
        Quote { target, terms }
    }

    /// What the model wants, or why nothing may be quoted at all.
    fn wanted(&self, input: &QuoteInput<'_>, fair: Px) -> Result<ModelQuote, Reason> {
        let (view, p) = (input.view, &self.params);
        match input.listing {
            Listing::Listed => {}
            Listing::Gone => return Err(Reason::NotInUniverse),
            Listing::GridChanged => return Err(Reason::GridChanged),
        }
        if !self.is_usable {
            return Err(Reason::ParamInvalid);
        }
        match view.state {
            BookState::Void => return Err(Reason::StaleBook),
            BookState::OneSided | BookState::Wide => return Err(Reason::OneSidedBook),
            BookState::Crossed => return Err(Reason::CrossedBook),
            BookState::Ok => {}
        }
        if input.is_stale {
            return Err(Reason::StaleBook);
        }
        if view.vol_bps_e6 < 0 {
            return Err(Reason::Warmup);
        }
        let toxicity = input.toxicity.iter().flat_map(|t| [t.score, t.adverse_bps]);
        let a = &input.adapted;
        let numbers = [input.atr, input.score, a.spread_mult, a.size_mult, a.fill_mult, a.decay];
        let (sizes, adverse) = (input.size_factors, input.adverse_bps);
        if !numbers.into_iter().chain(toxicity).chain(sizes).chain(adverse).all(f64::is_finite) {
            return Err(Reason::ParamInvalid);
        }
        if !fair.is_positive() {
            return Err(Reason::StaleBook);
        }
        let value = self.value(input);
        let wanted = model::wanted(
            p,
            &ModelInput {
                fair: fair.to_f64(),
                share: self.share(input),
                orders: value / p.order_size_usd.to_f64(),
                vol_bps: view.vol_bps_e6 as f64 * 1e-6,
                atr: input.atr,
                arrivals: model::Arrivals::of_fit(&view.arrivals, p.arrival_min_r2),
            },
        );
        wanted.ok_or(Reason::Warmup)
    }

    /// What quotes are laid around; [`None`] when the book has no sound mid.
    fn fair(&self, view: &BookView, fit: &[Px; FEATURES]) -> Option<Px> {
        match self.params.fair_price {
            FairPrice::Mid => view.mid,
            FairPrice::Microprice => view.microprice,
            FairPrice::Fitted => view.mid.map(|mid| mid + fit.iter().copied().sum()),
        }
    }

    /// What the fair price says beyond the mid, bps; zero where there is none.
    pub fn lean_bps(&self, view: &BookView, fitted: &Fitted) -> f64 {
        let Some(mid) = view.mid else { return 0.0 };
        match self.params.fair_price {
            FairPrice::Mid => 0.0,
            FairPrice::Microprice => view.microprice.map_or(0.0, |micro| moved_bps(mid, micro)),
            FairPrice::Fitted => fitted.fair_bps,
        }
    }

    /// What each feature adds to the mid, where the fair price is fitted: whole units of 1e-8, so that mid
    /// and terms add up to it.
    fn fit_terms(&self, input: &QuoteInput<'_>) -> [Px; FEATURES] {
        match (self.params.fair_price, input.view.mid) {
            (FairPrice::Fitted, Some(mid)) => {
                input.fitted.terms_bps.map(|bps| to_px(mid.to_f64() * 1e-4 * bps))
            }
            _ => [Px::ZERO; FEATURES],
        }
    }

    /// The position in USD, at the newest sound mid.
    fn value(&self, input: &QuoteInput<'_>) -> f64 {
        let mid = input.view.mid.or(input.last_mid).unwrap_or_default();
        notional(mid, input.position).to_f64()
    }

    /// The value wanted a side.
    fn size_usd(&self, input: &QuoteInput<'_>) -> f64 {
        let p = &self.params;
        let usd = p.order_size_usd.to_f64() * input.adapted.size_mult;
        match p.sizer.use_sizer {
            true => sizer::sized(usd, &input.size_factors, &p.sizer, p.risk.capital_usd),
            false => usd,
        }
    }

    /// The position as a share of its limit, in [−1, 1].
    fn share(&self, input: &QuoteInput<'_>) -> f64 {
        let value = self.value(input);
        (value / self.params.risk.max_position_usd.to_f64()).clamp(-1.0, 1.0)
    }

    /// One side's half spread.
    fn half(
        &self,
        input: &QuoteInput<'_>,
        wanted: &ModelQuote,
        edges: &[SideEdge; 2],
        side: Side,
    ) -> Half {
        let (p, adapted) = (&self.params, &input.adapted);
        let (share, edge) = (self.share(input), &edges[side.index()]);
        let mut half = Half::default();
        half.step(Term::Base, wanted.base_half_bps);
        half.step(Term::Risk, half.bps + wanted.risk_half_bps);
        half.step(Term::Bound, half.bps.clamp(p.min_spread_bps / 2.0, p.max_spread_bps / 2.0));
        half.step(Term::Regime, half.bps * adapted.spread_mult);
        half.step(Term::Emergency, half.bps * self.emergency_mult(input.view));
        half.step(Term::Latency, half.bps * input.slow_mult);
        half.step(Term::FillRate, self.fill_rate(edge, half.bps, adapted.fill_mult));
        half.step(Term::Toxicity, half.bps * self.toxicity_mult(input, side).unwrap_or(1.0));
        let floor = p.floor_bps() / 2.0;
        half.step(Term::Decay, self.decayed(half.bps, adapted.decay, share * side.sign() as f64));
        if p.below_fee == BelowFee::Widen {
            half.step(Term::Floor, half.bps.max(floor));
        }
        half
    }

    /// An old position widens the side that adds to it, and narrows the other down to the fee floor.
    fn decayed(&self, half_bps: f64, decay: f64, adds: f64) -> f64 {
        if adds > 0.0 {
            half_bps * (1.0 + (self.params.adaptive.inventory_decay_mult - 1.0) * decay)
        } else if adds < 0.0 {
            let floor = (self.params.maker_fee.to_f64() + self.params.min_edge_bps).max(0.0);
            half_bps - (half_bps - floor).max(0.0) * decay
        } else {
            half_bps
        }
    }

    fn emergency_mult(&self, view: &BookView) -> f64 {
        let risk = &self.params.risk;
        let is_on = risk.is_vol_emergency(view.vol_bps_e6 as f64, view.vol_slow_bps_e6 as f64);
        if is_on { risk.vol_emergency_mult } else { 1.0 }
    }

    /// [`None`]: the side is pulled.
    fn toxicity_mult(&self, input: &QuoteInput<'_>, side: Side) -> Option<f64> {
        match self.params.toxicity.use_toxicity {
            true => input.toxicity[side.index()].spread_mult(),
            false => Some(1.0),
        }
    }
}

/// The book imbalance in [−1, 1].
fn imbalance(view: &BookView) -> f64 {
    view.imbalance_e6 as f64 * 1e-6
}

/// A part of a price, for show: to the nearest 1e-8 USD, and never so large that parts cannot be added.
fn to_px(usd: f64) -> Px {
    let most = 10.0 * MAX_PX.to_f64();
    Px::from_raw(nearest(usd.clamp(-most, most) * SCALE as f64))
}

/// In millionths, for show.
fn e6(value: f64) -> i64 {
    nearest(value * 1e6)
}

/// An amount that a multiplier made of another.
fn usd(amount: f64) -> Usd {
    Usd::clamped((amount * SCALE as f64) as i128)
}

#[cfg(test)]
mod tests;
