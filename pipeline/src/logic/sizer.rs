//! How large a quote is (STRATEGY §7, DynamicSizer): `order_size_usd` × six factors, within bounds.
//!
//! | factor | from | does |
//! |---|---|---|
//! | volatility | the volatility over its slow mean, within 0.5 and 2 | 0.4 + 0.6 / it: calm markets are quoted larger |
//! | fill rate | share of quote cycles with a fill | above 0.85 × 1.10, below 0.15 × 0.85 |
//! | inventory | position as a share of its limit | above 0.7 × 0.70, above 0.5 × 0.85 |
//! | toxicity | the worse side's score | above 0.6 × 0.70, above 0.4 × 0.85, below 0.2 × 1.05 |
//! | drawdown | today's fall of this coin's profit from its peak, of the daily limit | above 0.7 × 0.5, 0.5 × 0.7, 0.3 × 0.85 |
//! | streak | fills in a row that closed at a profit, or at a loss | 3: × 1.08 or 0.85, 5: × 1.15 or 0.70 |
//!
//! What is not known yet changes nothing. The drawdown is of the coin's own ledger: the quote stage knows no other.

use crate::types::params::SizerParams;
use crate::types::{Nanos, RiskLimits, Usd};

/// How many factors there are.
pub const FACTORS: usize = 6;
/// What they are called, in order.
pub const FACTOR_NAMES: [&str; FACTORS] =
    ["volatility", "fill rate", "inventory", "toxicity", "drawdown", "streak"];
/// They change nothing.
pub const NO_FACTORS: [f64; FACTORS] = [1.0; FACTORS];

const DAY_NS: i64 = 86_400_000_000_000;

/// What the factors are of.
#[derive(Clone, Copy, Debug)]
pub struct SizerInput {
    /// Volatility, in any unit.
    pub vol: f64,
    /// Its slow mean, in the same; nothing above zero = not known.
    pub slow_vol: f64,
    /// Share of quote cycles with a fill, where that is known.
    pub fill_rate: Option<f64>,
    /// Position as a share of its limit.
    pub share: f64,
    /// The worse side's toxicity.
    pub toxicity: f64,
    /// Fall from the peak, as a share of the daily limit.
    pub drawdown: f64,
}

/// What one coin's closed fills and profit say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizer {
    /// Wins in a row; below zero, losses.
    streak: i32,
    /// UTC day, since 1970.
    day: i64,
    /// Highest profit of the day.
    peak: Option<Usd>,
}

impl Sizer {
    /// A fill closed something, at this profit after its fee. None at all counts as a win.
    pub fn on_closed(&mut self, profit: Usd) {
        let was = self.streak;
        self.streak = match profit.raw() >= 0 {
            true => was.max(0).saturating_add(1),
            false => was.min(0).saturating_sub(1),
        };
    }

    /// Fall of the profit from the day's peak as a share of the daily limit, [0, …); begins anew each UTC day.
    pub fn drawdown(&mut self, now: Nanos, net: Usd, limits: &RiskLimits) -> f64 {
        let day = now.0.div_euclid(DAY_NS);
        if day != self.day {
            (self.day, self.peak) = (day, None);
        }
        let peak = self.peak.map_or(net, |peak| peak.max(net));
        self.peak = Some(peak);
        let limit = limits.capital_usd.to_f64() * limits.max_daily_loss_frac;
        if limit > 0.0 { (peak - net).to_f64() / limit } else { 0.0 }
    }

    /// The factors, in the order of [`FACTOR_NAMES`].
    pub fn factors(&self, input: &SizerInput) -> [f64; FACTORS] {
        let ratio = input.vol / input.slow_vol;
        let vol = match input.slow_vol > 0.0 && input.vol >= 0.0 && ratio.is_finite() {
            true => 0.4 + 0.6 / ratio.clamp(0.5, 2.0),
            false => 1.0,
        };
        let fills = match input.fill_rate {
            Some(rate) if rate > 0.85 => 1.10,
            Some(rate) if rate < 0.15 => 0.85,
            _ => 1.0,
        };
        let inventory = match input.share.abs() {
            q if q > 0.7 => 0.70,
            q if q > 0.5 => 0.85,
            _ => 1.0,
        };
        let toxicity = match input.toxicity {
            t if t > 0.6 => 0.70,
            t if t > 0.4 => 0.85,
            t if t < 0.2 => 1.05,
            _ => 1.0,
        };
        let drawdown = match input.drawdown {
            d if d > 0.7 => 0.5,
            d if d > 0.5 => 0.7,
            d if d > 0.3 => 0.85,
            _ => 1.0,
        };
        let streak = match self.streak {
            5.. => 1.15,
            3..5 => 1.08,
            ..=-5 => 0.70,
            -4..=-3 => 0.85,
            _ => 1.0,
        };
        [vol, fills, inventory, toxicity, drawdown, streak]
    }
}

/// A side's value in USD with all factors, within its bounds; what the capital allows goes before the least.
pub fn sized(usd: f64, factors: &[f64; FACTORS], p: &SizerParams, capital: Usd) -> f64 {
    let most = p.size_max_usd.to_f64().min(capital.to_f64() * p.size_max_capital_frac);
    let wanted = usd * factors.iter().product::<f64>();
    wanted.max(p.size_min_usd.to_f64()).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// The known answers of a bot of the same design (`testdata/vectors`, with the page that they are from).
    #[test]
    fn sizes_are_those_of_the_vectors() {
        let text = include_str!("../../../testdata/vectors/dynamic_sizer.json");
        let all: Value = serde_json::from_str(text).unwrap();
        let cases = all["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 25);
        for case in cases {
            let (args, init) = (&case["in"]["args"], &case["in"]["init"]);
            let of = |from: &Value, key: &str| from[key].as_f64().unwrap();
            let mut sizer = Sizer::default();
            for pnl in case["in"]["recorded_pnls"].as_array().unwrap() {
                sizer.on_closed(Usd::from_raw((pnl.as_f64().unwrap() * 1e8) as i64));
            }
            let mut input = SizerInput {
                vol: of(args, "current_vol"),
                slow_vol: of(args, "avg_vol"),
                fill_rate: Some(of(args, "fill_rate")),
                share: of(args, "inventory_pct"),
                toxicity: of(args, "toxicity_score"),
                drawdown: of(args, "drawdown_pct"),
            };
            let usd = |key: &str| Usd::whole(of(init, key) as i64);
            let p = SizerParams {
                use_sizer: true,
                size_min_usd: usd("min_size_usd"),
                size_max_usd: usd("max_size_usd"),
                size_max_capital_frac: of(init, "max_size_pct"),
            };
            let capital = usd("capital_usd");
            let base = of(init, "base_size_usd");
            let size = sized(base, &sizer.factors(&input), &p, capital);
            let expected = of(&case["out"], "size_usd");
            assert!((size - expected).abs() <= 0.005 + 1e-9, "{}: {size}", case["note"]);
            input.vol = f64::NAN;
            assert!(sized(base, &sizer.factors(&input), &p, capital).is_finite());
        }
    }

    #[test]
    fn a_streak_ends_with_its_opposite_and_counts_in_both_directions() {
        let input = SizerInput {
            vol: 1.0,
            slow_vol: 1.0,
            fill_rate: None,
            share: 0.0,
            toxicity: 0.3,
            drawdown: 0.0,
        };
        let mut sizer = Sizer::default();
        let mut after = |profits: &[i64]| {
            profits.iter().for_each(|p| sizer.on_closed(Usd::whole(*p)));
            sizer.factors(&input)[5].to_bits()
        };
        let is = |factor: f64| factor.to_bits();
        assert_eq!((after(&[1, 1]), after(&[1]), after(&[1, 1])), (is(1.0), is(1.08), is(1.15)));
        assert_eq!(
            (after(&[-1, -1]), after(&[-1]), after(&[-1, -1])),
            (is(1.0), is(0.85), is(0.70))
        );
        assert_eq!(after(&[0]), is(1.0));
    }

    #[test]
    fn the_drawdown_is_of_the_day_and_a_share_of_its_limit() {
        // 5 % of 10,000.
        let (limits, day) = (RiskLimits::default(), Nanos(DAY_NS));
        let mut sizer = Sizer::default();
        let at = |ns: i64| Nanos(day.0 + ns);
        let mut fall = |now, net| sizer.drawdown(now, Usd::whole(net), &limits);
        assert!(fall(at(0), -100) == 0.0, "what was lost before is no fall");
        assert!(fall(at(1), 50) == 0.0 && (fall(at(2), -100) - 0.3).abs() < 1e-12);
        assert!((fall(at(3), 0) - 0.1).abs() < 1e-12);
        assert!(fall(at(DAY_NS), -400) == 0.0, "a day begins");
    }

    proptest! {
        #[test]
        fn a_size_is_finite_and_within_its_bounds(
            numbers in proptest::array::uniform6(proptest::num::f64::ANY), usd in 10.0_f64..1e6,
            profits in proptest::collection::vec(-2_i64..3, 0..12), capital in 1_i64..1_000_000,
        ) {
            let mut sizer = Sizer::default();
            profits.iter().for_each(|p| sizer.on_closed(Usd::whole(*p)));
            let [vol, slow_vol, rate, share, toxicity, drawdown] = numbers;
            let input =
                SizerInput { vol, slow_vol, fill_rate: Some(rate), share, toxicity, drawdown };
            let p = SizerParams { use_sizer: true, ..SizerParams::default() };
            let size = sized(usd, &sizer.factors(&input), &p, Usd::whole(capital));
            let most = 5_000.0_f64.min(capital as f64 * 0.15);
            prop_assert!(size.is_finite() && size <= most && size >= 20.0_f64.min(most), "{size}");
        }
    }
}
