//! The parts that may be on or off, and what they are laid on.

use botmm_pipeline::types::params::{
    FILL_FEATURES, FairPrice, FillModel, FillModelRef, Forest, Node, Touch,
};
use botmm_pipeline::types::*;

/// A part, on or off.
pub type Switch = fn(&mut AssetParams);

/// Each model under each strategy.
pub fn quoters() -> impl Iterator<Item = (String, QuoteModel, Strategy)> {
    QuoteModel::ALL.into_iter().flat_map(|model| {
        Strategy::ALL
            .map(|strategy| (format!("{}, {}", model.as_str(), strategy.as_str()), model, strategy))
    })
}

/// Everything that has a switch is off, whatever is shipped.
pub fn bare(model: QuoteModel, strategy: Strategy) -> AssetParams {
    let mut p = AssetParams { model, strategy, ..AssetParams::default() };
    (p.fair_price, p.touch, p.use_edge) = (FairPrice::Microprice, Touch::Free, false);
    (p.fill_model, p.sizer.use_sizer, p.toxicity.use_toxicity) = (None, false, false);
    (p.arrival_rate_per_s, p.arrival_decay_per_bps) = (0.0, 0.0);
    p
}

/// Bare quotes that are so tight that the walk runs over them all the time.
pub fn tight(model: QuoteModel, strategy: Strategy) -> AssetParams {
    let mut p = AssetParams {
        fee_floor: false,
        min_spread_bps: 1.0,
        vol_multiplier: 0.1,
        arrival_rate_per_s: 0.3,
        arrival_decay_per_bps: 5.0,
        ..bare(model, strategy)
    };
    p.risk.action_budget = 10_000_000;
    (p.risk.max_actions_per_min, p.risk.max_orders_per_min) = (1_000_000, 1_000_000);
    p
}

/// As shipped: a fitted fair price, one tick inside the touch at most, A and k for where no line fits.
pub fn shipped(model: QuoteModel, strategy: Strategy) -> AssetParams {
    AssetParams { model, strategy, ..AssetParams::default() }
}

/// Half a tick inside the easy market, around the mid, whatever happens.
pub fn plain() -> AssetParams {
    AssetParams {
        fair_price: FairPrice::Mid,
        min_spread_bps: 19.0,
        vol_multiplier: 0.0,
        skew_factor: 0.0,
        bias_strength: 0.0,
        imbalance_strength: 0.0,
        ..bare(QuoteModel::Linear, Strategy::Basic)
    }
}

/// What is laid on quotes that have none of it.
pub const PARTS: [(&str, Switch); 8] = [
    ("fit", fit),
    ("edge", edge),
    ("touch inside", inside),
    ("touch join", join),
    ("sizer", sizer),
    ("fill model", fill_model),
    ("toxicity", toxicity),
    ("all of these", all),
];

pub fn fit(p: &mut AssetParams) {
    p.fair_price = FairPrice::Fitted;
}
pub fn no_fit(p: &mut AssetParams) {
    p.fair_price = FairPrice::Microprice;
}
pub fn edge(p: &mut AssetParams) {
    p.use_edge = true;
}
pub fn inside(p: &mut AssetParams) {
    p.touch = Touch::Inside;
}
pub fn join(p: &mut AssetParams) {
    p.touch = Touch::Join;
}
pub fn free(p: &mut AssetParams) {
    p.touch = Touch::Free;
}
pub fn sizer(p: &mut AssetParams) {
    p.sizer.use_sizer = true;
}
pub fn toxicity(p: &mut AssetParams) {
    p.toxicity.use_toxicity = true;
}
fn all(p: &mut AssetParams) {
    [fit, edge, inside, sizer, fill_model, toxicity].iter().for_each(|part| part(p));
}

/// One that was not learned: it takes a lean of the book against the order for a move of 1 bp against it.
pub fn fill_model(p: &mut AssetParams) {
    let feature = FILL_FEATURES.iter().position(|f| *f == "imbalance").unwrap() as u8;
    let node = Node { threshold: -0.2, children: [!0, !1], feature, missing_left: false };
    let adverse = Forest { base: 0.0, roots: vec![0], nodes: vec![node], leaves: vec![1.0, 0.0] };
    p.fill_model = Some(FillModelRef::keep(FillModel {
        sha256: "made up".to_owned(),
        horizon: Nanos::secs(5),
        trained: [Nanos::ZERO; 2],
        fill: Forest::default(),
        adverse,
    }));
}
