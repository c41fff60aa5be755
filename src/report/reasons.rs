//! Why each side was quoted or not, as shares of time.

use botmm_pipeline::types::{Nanos, Reason, Side};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::collections::BTreeMap;

/// Time spent in each state, of one side of one symbol.
pub type ReasonTime = [Nanos; Reason::COUNT];

/// Reason code → share of time, in [0, 1]; only codes that occurred.
pub type Shares = BTreeMap<&'static str, f64>;

/// Shares of time by symbol and side, and over all of them. Each map of shares sums to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReasonShares {
    /// Symbol → bid and ask.
    pub by_symbol: BTreeMap<String, [Shares; 2]>,
    /// Over all sides, weighted by time.
    pub all: Shares,
}

impl ReasonShares {
    /// From times; sides in the order of [`Side::BOTH`].
    pub fn from_times<'a>(times: impl IntoIterator<Item = (&'a str, [ReasonTime; 2])>) -> Self {
        let mut all = [Nanos::ZERO; Reason::COUNT];
        let mut by_symbol = BTreeMap::new();
        for (symbol, sides) in times {
            for side in &sides {
                for (sum, time) in all.iter_mut().zip(side) {
                    *sum = *sum + *time;
                }
            }
            by_symbol.insert(symbol.to_owned(), sides.map(|side| shares(&side)));
        }
        Self { by_symbol, all: shares(&all) }
    }
}

/// Share of time in which a side was withheld because of the position; [`None`] = no time passed.
pub(super) fn time_at_limit(sides: &[ReasonTime; 2]) -> Option<f64> {
    let sides = sides.each_ref().map(shares);
    if sides[0].is_empty() {
        return None;
    }
    let codes = [Reason::OneSided, Reason::PositionLimit].map(Reason::as_str);
    // From 0.0: a sum of nothing is -0.0.
    let share = |side: &Shares| codes.iter().filter_map(|c| side.get(c)).fold(0.0, |a, b| a + b);
    // A position withholds the side that adds to it, so the sides exclude each other; but a limit too
    // small for an order withholds both.
    Some((share(&sides[0]) + share(&sides[1])).min(1.0))
}

/// Share of a side's time without a quote for want of actions, beyond which a summary warns.
const BUDGET_WARNING: f64 = 0.01;

impl ReasonShares {
    /// What a reader must be warned of: coins that the action budget kept out of the market.
    pub fn warnings(&self) -> Vec<String> {
        let code = Reason::Budget.as_str();
        let worst = |sides: &[Shares; 2]| {
            sides.iter().filter_map(|side| side.get(code)).fold(0.0, |a: f64, b| a.max(*b))
        };
        let by_symbol = self.by_symbol.iter().map(|(symbol, sides)| (symbol, worst(sides)));
        let short = by_symbol.filter(|(_, share)| *share > BUDGET_WARNING);
        let warning = |(symbol, share): (&String, f64)| {
            format!(
                "{symbol} had a side unquoted {:.1} % of the time because the action budget was spent: \
                 raise requote_threshold_bps or requote_min_ms, or max_orders_per_min",
                share * 100.0
            )
        };
        short.map(warning).collect()
    }
}

pub(super) fn shares(times: &ReasonTime) -> Shares {
    let total: i64 = times.iter().map(|t| t.0).sum();
    if total <= 0 {
        return Shares::new();
    }
    let parts = Reason::ALL.iter().zip(times).filter(|(_, time)| time.0 > 0);
    parts.map(|(reason, time)| (reason.as_str(), time.0 as f64 / total as f64)).collect()
}

/// The JSON key of a side.
pub(super) const fn side_key(side: Side) -> &'static str {
    match side {
        Side::Bid => "bid",
        Side::Ask => "ask",
    }
}

impl Serialize for ReasonShares {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.by_symbol.len() + 1))?;
        for (symbol, sides) in &self.by_symbol {
            let named: BTreeMap<&str, &Shares> =
                Side::BOTH.iter().map(|s| (side_key(*s), &sides[s.index()])).collect();
            map.serialize_entry(symbol, &named)?;
        }
        map.serialize_entry("all", &self.all)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_and_are_weighted_by_time() {
        let mut bid = [Nanos::ZERO; Reason::COUNT];
        bid[Reason::Quoted as usize] = Nanos::secs(2);
        bid[Reason::Warmup as usize] = Nanos::secs(1);
        let mut ask = [Nanos::ZERO; Reason::COUNT];
        ask[Reason::OneSided as usize] = Nanos::secs(3);
        let shares = ReasonShares::from_times([("BTC", [bid, ask])]);
        for map in shares.by_symbol["BTC"].iter().chain([&shares.all]) {
            assert!((map.values().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_eq!(shares.all["one_sided"].to_bits(), 0.5_f64.to_bits());
        let json = serde_json::to_value(&shares).unwrap();
        assert_eq!(json["BTC"]["ask"]["one_sided"], 1.0);
        assert_eq!(json["all"]["one_sided"], 0.5);
        assert_eq!(time_at_limit(&[bid, ask]).map(f64::to_bits), Some(1.0_f64.to_bits()));
        assert_eq!(time_at_limit(&[[Nanos::ZERO; Reason::COUNT]; 2]), None);
        assert!(shares.warnings().is_empty());
        let never = ReasonShares::from_times([("BTC", [[Nanos::ZERO; Reason::COUNT]; 2])]);
        assert!(never.all.is_empty());
    }

    #[test]
    fn time_without_a_quote_for_want_of_actions_is_warned_of() {
        let warnings = |budget_ms: i64| {
            let mut bid = [Nanos::ZERO; Reason::COUNT];
            bid[Reason::Budget as usize] = Nanos::millis(budget_ms);
            bid[Reason::Quoted as usize] = Nanos::millis(100_000 - budget_ms);
            let mut ask = [Nanos::ZERO; Reason::COUNT];
            ask[Reason::Quoted as usize] = Nanos::secs(100);
            ReasonShares::from_times([("BTC", [bid, ask]), ("ETH", [ask, ask])]).warnings()
        };
        assert!(warnings(1_000).is_empty(), "1 % is not more than that");
        let [warning] = &warnings(2_500)[..] else { panic!("of one coin") };
        assert!(warning.starts_with("BTC had a side unquoted 2.5 % of the time"), "{warning}");
        assert!(warning.contains("requote_threshold_bps"), "{warning}");
    }
}
