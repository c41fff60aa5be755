//! When not to quote, and where against the touch (STRATEGY §3b).

use super::{Half, Placing, QuoteInput, Quoter, e6};
use crate::logic::edge::SideEdge;
use crate::types::params::{BelowFee, LateAction, Touch};
use crate::types::{Px, QuoteTerms, Reason, Side};

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

    /// A side that would be nearer to fair than its edge allows goes out to where it holds; where it holds
    /// nowhere, it stays (and is withheld).
    pub(super) fn held_to_edge(&self, edge: &SideEdge, distance_bps: f64) -> f64 {
        let p = &self.params;
        let widens = p.use_edge && p.below_fee == BelowFee::Widen;
        let least = edge.least_distance(p.min_edge_bps).filter(|_| widens);
        least.map_or(distance_bps, |least| distance_bps.max(least))
    }

    /// Least distance from fair that pays: the fee floor, and where the expected edge is asked for, that.
    pub(super) fn pays_bps(&self, edge: &SideEdge) -> f64 {
        let p = &self.params;
        let of_edge = if p.use_edge { edge.cost_bps + p.min_edge_bps } else { 0.0 };
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

    /// Notes the edge of a side's nearest price.
    pub(super) fn note_edge(&self, terms: &mut QuoteTerms, edge: &SideEdge, side: Side, px: Px) {
        terms.edges_e6[side.index()] = e6(edge.at(self.distance_bps(terms.fair, side, px)));
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
        } else if p.use_edge && edge_e6 < e6(p.min_edge_bps) {
            Some(Reason::NoEdge)
        } else {
            None
        }
    }
}
