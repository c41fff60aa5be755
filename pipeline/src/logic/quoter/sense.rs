//! When not to quote, and where against the touch (STRATEGY §3b).

use super::{Half, Placing, QuoteInput, Quoter, e6};
use crate::logic::edge::SideEdge;
use crate::logic::fill_model;
use crate::types::params::{BelowFee, FillModelRef, LateAction, Touch};
use crate::types::{Nanos, Px, QuoteTerms, Reason, Side};

impl Quoter {
    /// What a side is expected to earn, by its distance from fair.
    pub(super) fn side_edge(&self, input: &QuoteInput<'_>, fair: Px, side: Side) -> SideEdge {
        let touch = input.view.side(side).px;
        let away = (fair - touch).to_f64() * side.sign() as f64;
        SideEdge {
            touch_bps: away / fair.to_f64() * 1e4,
            cost_bps: self.params.maker_fee.to_f64() + input.adverse_bps[side.index()],
        }
    }

    /// The fill predictor, where one is loaded and speaks: it is silent on what it has learned from, since it
    /// would tell of its own future.
    fn predictor(&self, now: Nanos) -> Option<&FillModelRef> {
        self.params.fill_model.as_ref().filter(|model| now > model.trained[1])
    }

    /// Whether a side is quoted only where its edge is large enough: where that is asked for, or a fill
    /// predictor was given to say so.
    fn needs_edge(&self, now: Nanos) -> bool {
        self.params.use_edge || self.predictor(now).is_some()
    }

    /// A side that would be nearer to fair than its edge allows goes out to where it holds; where it holds
    /// nowhere, it stays (and is withheld). What a fill predictor says holds for the price that it is asked
    /// about: by its word none is moved.
    pub(super) fn held_to_edge(
        &self,
        input: &QuoteInput<'_>,
        edge: &SideEdge,
        distance_bps: f64,
    ) -> f64 {
        let p = &self.params;
        let widens = p.use_edge && p.below_fee == BelowFee::Widen;
        let widens = widens && self.predictor(input.now).is_none();
        let least = edge.least_distance(p.min_edge_bps).filter(|_| widens);
        least.map_or(distance_bps, |least| distance_bps.max(least))
    }

    /// Least distance from fair that pays: the fee floor, and where the expected edge is asked for, that.
    pub(super) fn pays_bps(&self, input: &QuoteInput<'_>, edge: &SideEdge) -> f64 {
        let p = &self.params;
        let counts = p.use_edge && self.predictor(input.now).is_none();
        let of_edge = if counts { edge.cost_bps + p.min_edge_bps } else { 0.0 };
        of_edge.max(p.floor_bps() / 2.0)
    }

    /// The fill-rate controller narrows a side no further than to where its expected edge is still
    /// positive, and one that has none not at all. To widen it is always free.
    pub(super) fn fill_rate(&self, edge: &SideEdge, half_bps: f64, mult: f64) -> f64 {
        let wanted = half_bps * mult;
        let least = edge.least_distance(0.0).unwrap_or(f64::INFINITY);
        wanted.max(half_bps.min(least))
    }

    /// A price on the grid, moved to where it is to stand against the touch.
    pub(super) fn at_touch(&self, rounded: Px, placing: &Placing, fair: Px, touch: Px) -> Px {
        let (inst, side) = (&self.instrument, placing.side);
        let away = -side.sign() as f64;
        let legal = |px: f64| super::ladder::to_legal(side, px, inst);
        match (self.params.touch, side) {
            (Touch::Free, _) => rounded,
            (Touch::Join, _) => {
                // A lean outwards is on purpose; one inwards needs no room.
                let outwards = (placing.lean * away).max(0.0);
                let pays = legal(fair.to_f64() + away * (placing.pays + outwards));
                let lean = super::to_px(outwards);
                match side {
                    Side::Bid => rounded.max(inst.round_px_down(touch - lean).min(pays)),
                    Side::Ask => rounded.min(inst.round_px_up(touch + lean).max(pays)),
                }
            }
            (Touch::Inside, Side::Bid) => rounded.min(inst.tick_above(touch)),
            (Touch::Inside, Side::Ask) => rounded.max(inst.tick_below(touch)),
        }
    }

    /// Notes the edge of a side's nearest price. A fill predictor's E[adverse move | fill] of that very order
    /// takes the place of what fills at the touch say; it counts from the mid, ours from fair.
    pub(super) fn note_edge(&self, terms: &mut QuoteTerms, edge: &SideEdge, side: Side, px: Px) {
        let distance_bps = self.distance_bps(terms.fair, side, px);
        terms.edges_e6[side.index()] = e6(match self.predictor(terms.time) {
            None => edge.at(distance_bps),
            Some(model) => {
                let from_mid_bps = self.distance_bps(terms.moment.mid, side, px);
                let asked = fill_model::features(terms, side, px);
                let adverse_bps = model.ask_adverse_bps(&asked);
                terms.adverse_e6[side.index()] = e6(adverse_bps + distance_bps - from_mid_bps);
                from_mid_bps - self.params.maker_fee.to_f64() - adverse_bps
            }
        });
    }

    fn distance_bps(&self, from: Px, side: Side, px: Px) -> f64 {
        (from - px).to_f64() * side.sign() as f64 / from.to_f64() * 1e4
    }

    /// Why a side is withheld although the other may be quoted. `px` is its nearest price, `edge_e6` what
    /// that is expected to earn.
    pub(super) fn withheld(
        &self,
        input: &QuoteInput<'_>,
        half: &Half,
        side: Side,
        (px, edge_e6): (Px, i64),
    ) -> Option<Reason> {
        let p = &self.params;
        let share = self.share(input);
        let mid = input.view.mid.unwrap_or_default();
        let stands_aside = input.is_late && p.risk.late_action == LateAction::StandAside;
        if stands_aside && self.distance_bps(mid, side, px) < p.risk.late_half_spread_bps {
            Some(Reason::FeedLate)
        } else if share.abs() >= p.one_sided_at && share * side.sign() as f64 > 0.0 {
            Some(Reason::OneSided)
        } else if self.toxicity_mult(input, side).is_none() {
            Some(Reason::Toxic)
        } else if half.bps < p.floor_bps() / 2.0 {
            Some(Reason::BelowFee)
        } else if self.needs_edge(input.now) && edge_e6 < e6(p.min_edge_bps) {
            Some(Reason::NoEdge)
        } else {
            None
        }
    }
}
