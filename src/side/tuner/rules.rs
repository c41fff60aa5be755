//! What the last day says of a coin's parameters, and what follows (STRATEGY §7, AutoTuner). Pure.
//!
//! | the last window | does |
//! |---|---|
//! | lost, and lost at the judgement before (a Sharpe ratio below zero, twice) | spread × 1.1 |
//! | fewer than 15 % of orders filled / more than 85 % | spread × 0.9 / × 1.1 |
//! | position beyond 70 % of its limit | skew × 1.1 |
//! | fell by more than half of the daily limit | size × 0.8 |
//!
//! What was earned is what each fill was worth a minute later, after fees and funding: a Sharpe ratio of a day has the
//! sign of that, and of one day no more is known.

use crate::history::Recent;
use crate::settings::Settings;
use botmm_pipeline::types::{Nanos, Side, notional};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So far may a value be from where it began, as a share of that; beyond it begins anew there.
const MAX_DRIFT: f64 = 0.7;
/// The venue's least order, USD.
const LEAST_USD: f64 = 10.0;

/// Values by key of `[asset.COIN.quote]`.
pub type Values = BTreeMap<String, f64>;

/// What is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// How far quotes are apart.
    Spread,
    /// How much a position leans them.
    Skew,
    /// How large they are.
    Size,
}

impl Knob {
    /// What of the configuration it turns, all by the same factor.
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Spread => &["min_spread_bps", "vol_multiplier"],
            Self::Skew => &["skew_factor"],
            Self::Size => &["order_size_usd"],
        }
    }
}

/// What a window came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Of the window.
    pub fills: u64,
    /// Placed or moved.
    pub orders: u64,
    /// What its measured fills were worth a minute later, after fees and funding, USD.
    pub net_usd: f64,
    /// Of that against zero, fill by fill; [`None`] = too few.
    pub t: Option<f64>,
    /// The largest position as a share of its limit.
    pub max_share: f64,
    /// The deepest fall of the same money from a peak, as a share of the daily limit.
    pub fall_of_limit: f64,
}

/// What a coin begins with, and its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// What holds without the tuner.
    pub values: Values,
    /// Keys that a person set in the live parameters: they are not touched.
    pub held: BTreeSet<String>,
    max_spread_bps: f64,
    max_position_usd: f64,
    daily_limit_usd: f64,
}

/// One turn of a knob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub knob: Knob,
    /// By how much; [`None`] = back to where it began, for it went too far from there.
    pub factor: Option<f64>,
    /// In words.
    pub why: String,
}

impl Baseline {
    /// Of a coin, from settings without the tuner's layer.
    pub fn of(settings: &Settings, coin: &str, held: BTreeSet<String>) -> Self {
        let p = settings.params(coin);
        let values = [
            ("min_spread_bps", p.min_spread_bps),
            ("vol_multiplier", p.vol_multiplier),
            ("skew_factor", p.skew_factor),
            ("order_size_usd", p.order_size_usd.to_f64()),
        ];
        Self {
            values: values.map(|(key, value)| (key.to_owned(), value)).into(),
            held,
            max_spread_bps: p.max_spread_bps,
            max_position_usd: p.risk.max_position_usd.to_f64(),
            daily_limit_usd: p.risk.capital_usd.to_f64() * p.risk.max_daily_loss_frac,
        }
    }

    fn bounds(&self, key: &str) -> [f64; 2] {
        match key {
            "min_spread_bps" => [0.01, self.max_spread_bps],
            "order_size_usd" => [LEAST_USD, self.max_position_usd],
            _ => [0.0, 100.0],
        }
    }
}

impl Evidence {
    /// Of what was traded.
    pub fn of(recent: &Recent, baseline: &Baseline) -> Self {
        let (mut net, mut peak, mut fall) = (0.0_f64, 0.0_f64, 0.0_f64);
        let (mut worths, mut position, mut most) = (Vec::new(), recent.position, 0.0_f64);
        for fill in &recent.fills {
            let signed = if fill.side == Side::Bid { fill.qty } else { -fill.qty };
            most = most.max(notional(fill.px, position).to_f64().abs());
            position += signed;
            most = most.max(notional(fill.px, position).to_f64().abs());
            let Some(mid) = fill.mid_60s else { continue };
            let worth = (mid - fill.px).to_f64() * signed.to_f64() - fill.fee.to_f64();
            worths.push(worth);
            net += worth;
            peak = peak.max(net);
            fall = fall.max(peak - net);
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Self {
            fills: recent.fills.len() as u64,
            orders: recent.orders,
            net_usd: rounded(net - recent.funding.to_f64()),
            t: t_of(&worths).map(rounded),
            max_share: rounded(share(most, baseline.max_position_usd)),
            fall_of_limit: rounded(share(fall, baseline.daily_limit_usd)),
        }
    }

    /// Share of orders that filled; more than one fill an order counts as that many.
    pub fn fill_rate(&self) -> Option<f64> {
        (self.orders > 0).then(|| self.fills as f64 / self.orders as f64)
    }

    /// What follows; `lost_before` says whether the judgement before lost too.
    fn steps(&self, lost_before: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut turn = |knob, factor, why: String| {
            steps.push(Step { knob, factor: Some(factor), why });
        };
        if self.lost() && lost_before {
            turn(Knob::Spread, 1.1, format!("lost twice, now {:.2} USD", self.net_usd));
        }
        match self.fill_rate() {
            Some(rate) if rate < 0.15 => {
                turn(Knob::Spread, 0.9, format!("{:.1} % of orders filled", rate * 100.0));
            }
            Some(rate) if rate > 0.85 => {
                turn(Knob::Spread, 1.1, format!("{:.1} % of orders filled", rate * 100.0));
            }
            _ => {}
        }
        if self.max_share > 0.7 {
            let why = format!("held {:.0} % of the position limit", self.max_share * 100.0);
            turn(Knob::Skew, 1.1, why);
        }
        if self.fall_of_limit > 0.5 {
            let why = format!("fell by {:.0} % of the daily limit", self.fall_of_limit * 100.0);
            turn(Knob::Size, 0.8, why);
        }
        steps
    }

    /// Whether a Sharpe ratio of the window would be below zero.
    pub fn lost(&self) -> bool {
        self.net_usd < 0.0
    }
}

/// A coin's own values after a judgement, and how they came about. `own` is what the tuner set before; a knob of which a
/// key is held stays as it is, and leaves the layer.
pub fn judge(
    evidence: &Evidence,
    lost_before: bool,
    baseline: &Baseline,
    own: &Values,
) -> (Values, Vec<Step>) {
    let mut values = own.clone();
    values.retain(|key, _| !baseline.held.contains(key) && baseline.values.contains_key(key));
    let mut taken = Vec::new();
    for step in evidence.steps(lost_before) {
        let Some(factor) = step.factor else { continue };
        let keys = step.knob.keys();
        if keys.iter().any(|key| baseline.held.contains(*key)) {
            continue;
        }
        let mut turned = Values::new();
        let mut is_too_far = false;
        for key in keys {
            let Some(begun) = baseline.values.get(*key).copied() else { continue };
            let is = values.get(*key).copied().unwrap_or(begun);
            let [low, high] = baseline.bounds(key);
            let to = rounded((is * factor).clamp(low, high.max(low)));
            is_too_far |= begun > 0.0 && (to / begun - 1.0).abs() > MAX_DRIFT;
            turned.insert((*key).to_owned(), to);
        }
        if is_too_far {
            values.retain(|key, _| !keys.contains(&key.as_str()));
            let why = format!(
                "{}: more than {:.0} % from where it began, and begins anew",
                step.why,
                MAX_DRIFT * 100.0
            );
            taken.push(Step { factor: None, why, ..step });
        } else if turned.iter().any(|(key, to)| {
            let is = values.get(key).or_else(|| baseline.values.get(key));
            is.is_none_or(|is| is.to_bits() != to.to_bits())
        }) {
            values.extend(turned);
            taken.push(step);
        }
    }
    // What is as it began is nobody's setting.
    values.retain(|key, to| baseline.values.get(key).is_none_or(|b| b.to_bits() != to.to_bits()));
    (values, taken)
}

/// To a millionth: what is written is what is meant.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Mean over its standard error.
fn t_of(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    if values.len() < 20 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance > 0.0).then(|| mean / (variance / n).sqrt())
}

/// The moments that a judgement at this one is of.
pub fn window(now: Nanos, length: Nanos) -> [Nanos; 2] {
    [now - length, now]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::RecentFill;
    use botmm_pipeline::types::{Px, Qty, Usd};

    fn baseline() -> Baseline {
        Baseline::of(&Settings::load(None, &|_| None).unwrap(), "ETH", BTreeSet::new())
    }

    fn after(evidence: &Evidence, lost_before: bool, own: &Values) -> (Values, Vec<Step>) {
        judge(evidence, lost_before, &baseline(), own)
    }

    /// Nothing follows from it.
    const FINE: Evidence = Evidence {
        fills: 50,
        orders: 100,
        net_usd: 1.0,
        t: None,
        max_share: 0.5,
        fall_of_limit: 0.1,
    };

    #[test]
    fn each_rule_turns_its_knob_and_says_why() {
        let begun = baseline().values;
        let lost = Evidence { net_usd: -1.0, ..FINE };
        let cases = [
            (FINE, true, "min_spread_bps", None),
            (lost, false, "min_spread_bps", None),
            (lost, true, "min_spread_bps", Some(1.1)),
            (lost, true, "vol_multiplier", Some(1.1)),
            (Evidence { fills: 14, ..FINE }, false, "min_spread_bps", Some(0.9)),
            (Evidence { fills: 15, ..FINE }, false, "min_spread_bps", None),
            (Evidence { fills: 86, ..FINE }, false, "min_spread_bps", Some(1.1)),
            (Evidence { fills: 0, orders: 0, ..FINE }, false, "min_spread_bps", None),
            (Evidence { max_share: 0.71, ..FINE }, false, "skew_factor", Some(1.1)),
            (Evidence { max_share: 0.7, ..FINE }, false, "skew_factor", None),
            (Evidence { fall_of_limit: 0.51, ..FINE }, false, "order_size_usd", Some(0.8)),
            (Evidence { fall_of_limit: 0.5, ..FINE }, false, "order_size_usd", None),
        ];
        for (evidence, before, key, factor) in cases {
            let (values, steps) = after(&evidence, before, &Values::new());
            assert_eq!(steps.len(), usize::from(factor.is_some()), "{evidence:?}: {steps:?}");
            assert_eq!(values.get(key).copied(), factor.map(|f| rounded(begun[key] * f)), "{key}");
        }
        let all = Evidence { fills: 10, net_usd: -9.0, max_share: 0.9, fall_of_limit: 0.9, ..FINE };
        let (values, steps) = after(&all, true, &Values::new());
        assert_eq!(steps.len(), 4, "spread up and down, skew, size: {steps:?}");
        let both = rounded(rounded(begun["min_spread_bps"] * 1.1) * 0.9);
        assert_eq!(values["min_spread_bps"].to_bits(), both.to_bits());
        assert!(steps.iter().all(|step| !step.why.is_empty()));
    }

    #[test]
    fn what_went_too_far_begins_anew() {
        let (mut own, mut steps) = (Values::new(), Vec::new());
        let wild = Evidence { max_share: 0.9, ..FINE };
        for turn in 1..=6 {
            (own, steps) = after(&wild, false, &own);
            assert_eq!(own.contains_key("skew_factor"), turn < 6, "1.1^6 is 1.77: {own:?}");
        }
        assert_eq!(steps[0].factor, None);
        assert!(steps[0].why.contains("begins anew"), "{steps:?}");
        let (again, _) = after(&wild, false, &own);
        let once = rounded(baseline().values["skew_factor"] * 1.1);
        assert_eq!(again["skew_factor"].to_bits(), once.to_bits());
    }

    #[test]
    fn what_a_person_set_is_not_touched_and_values_stay_within_bounds() {
        let lost = Evidence { net_usd: -1.0, max_share: 0.9, ..FINE };
        let mut held = baseline();
        held.held.insert("vol_multiplier".to_owned());
        let own: Values = [("vol_multiplier".to_owned(), 9.0)].into();
        let (values, steps) = judge(&lost, true, &held, &own);
        assert_eq!(steps.len(), 1, "skew alone: {steps:?}");
        assert_eq!(values.keys().collect::<Vec<_>>(), ["skew_factor"]);
        // A spread at its highest stays there, and that is no step.
        let mut tight = baseline();
        tight.max_spread_bps = tight.values["min_spread_bps"];
        tight.values.insert("vol_multiplier".to_owned(), 0.0);
        let (values, steps) =
            judge(&Evidence { max_share: 0.1, ..lost }, true, &tight, &Values::new());
        assert!(values.is_empty() && steps.is_empty(), "{values:?} {steps:?}");
    }

    #[test]
    fn evidence_is_what_fills_were_worth_a_minute_later() {
        let fill = |second, side, px: i64, mid: Option<i64>| RecentFill {
            time: Nanos::secs(second),
            side,
            px: Px::whole(px),
            qty: Qty::parse("0.1").unwrap(),
            fee: Usd::parse("0.01").unwrap(),
            mid_60s: mid.map(Px::whole),
        };
        let recent = Recent {
            orders: 8,
            position: Qty::parse("0.2").unwrap(),
            fills: vec![
                fill(1, Side::Bid, 1_000, Some(1_001)),
                fill(2, Side::Ask, 1_001, Some(1_004)),
                fill(3, Side::Bid, 1_003, None),
            ],
            funding: Usd::parse("0.05").unwrap(),
        };
        let e = Evidence::of(&recent, &baseline());
        assert_eq!((e.fills, e.orders, e.t), (3, 8, None));
        // +0.1 - 0.01, then -0.3 - 0.01, and funding.
        assert!((e.net_usd - (0.09 - 0.31 - 0.05)).abs() < 1e-9, "{e:?}");
        assert!((e.max_share - 0.3).abs() < 2e-3, "300 of 1000 USD: {e:?}");
        assert!((e.fall_of_limit - 0.31 / 500.0).abs() < 1e-6, "5 % of 10,000: {e:?}");
        assert!(e.lost() && !Evidence::default().lost());
    }
}
