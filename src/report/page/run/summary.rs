//! What a page takes from a run's `summary.json`, which `report::Summary` writes; its keys are an interface.
//! Older ones lack some.

use crate::report::Money;
use serde::Deserialize;
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub events: u64,
    pub span_s: f64,
    pub decision_hash: String,
    pub orders: u64,
    pub cancels: u64,
    pub modifies: u64,
    pub rejects: u64,
    pub fills: u64,
    pub volume_usd: Money,
    pub gross_pnl_usd: Money,
    pub fees_usd: Money,
    pub net_pnl_usd: Money,
    pub fills_by_cause: BTreeMap<String, CauseFills>,
    pub pnl_split: Split,
    /// By coin, side and time since the fill.
    pub markouts: BTreeMap<String, BTreeMap<String, BTreeMap<String, Markout>>>,
    pub by_symbol: BTreeMap<String, Symbol>,
    pub metrics: Metrics,
    pub equity_residual_usd: Option<Money>,
    pub reasons: BTreeMap<String, serde_json::Value>,
    pub warnings: Vec<String>,
    pub dropped: BTreeMap<String, u64>,
    pub latency_ns: BTreeMap<String, Latency>,
    pub assumptions: Assumptions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Split {
    pub fills_with_mid: u64,
    pub spread_captured_usd: Money,
    pub adverse_selection_usd: BTreeMap<String, Money>,
    pub inventory_drift_usd: BTreeMap<String, Money>,
    pub fees_usd: Money,
    pub funding_usd: Money,
    pub net_usd: Money,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CauseFills {
    pub fills: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Markout {
    pub fills: u64,
    pub volume_usd: Money,
    pub usd: Money,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Symbol {
    pub quotes: u64,
    pub fills: u64,
    pub volume_usd: Money,
    pub spread_captured_usd: Money,
    pub gross_pnl_usd: Money,
    pub fees_usd: Money,
    pub funding_usd: Money,
    pub net_pnl_usd: Money,
    pub time_at_limit: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metrics {
    pub max_drawdown_usd: Money,
    pub daily_pnl_usd: BTreeMap<String, Money>,
    pub partial_days: Vec<String>,
    pub sharpe: Option<Sharpe>,
    pub sharpe_note: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Sharpe {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Assumptions {
    pub queue: String,
    pub rules: String,
    pub latency: String,
    pub feed: String,
    pub feed_late: String,
    pub fee_bps: f64,
    pub capital_usd: Money,
    pub seed: u64,
    pub plan: String,
    pub lossless: bool,
    pub market: String,
    pub config_sha256: String,
    pub data: Vec<DataFile>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DataFile {
    pub path: String,
    pub sha256: String,
    pub rows: u64,
    pub skipped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Summary;
    use botmm_pipeline::types::Usd;

    #[test]
    fn what_a_summary_writes_is_read_to_the_last_digit() {
        let usd = |text: &str| Usd::parse(text).unwrap();
        let mut summary = Summary { fills: 3, span_s: 12.5, ..Summary::default() };
        summary.net_pnl_usd = usd("-1234567.12345678");
        summary.pnl_split.adverse_selection_usd.0[1] = usd("0.00000001");
        summary.decision_hash = 0xabc;
        summary.assumptions.queue = "risk_averse".to_owned();
        let kept: Kept = serde_json::from_str(&summary.to_json().unwrap()).unwrap();
        assert_eq!((kept.fills, kept.net_pnl_usd.0), (3, summary.net_pnl_usd));
        assert_eq!(kept.pnl_split.adverse_selection_usd["5s"].0, usd("0.00000001"));
        assert_eq!(kept.decision_hash, "0000000000000abc");
        assert_eq!(kept.assumptions.queue, "risk_averse");
        assert!(kept.equity_residual_usd.is_none());
    }
}
