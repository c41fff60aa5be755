//! From the pipeline's counters to what each symbol traded.

use crate::report::{MeasuredFills, ReasonShares, Traded, TradedSide};
use botmm_pipeline::stage::metrics::{MeasuredCounters, Metrics, SplitCounters};
use botmm_pipeline::types::Universe;
use std::collections::BTreeMap;

/// By symbol.
pub fn traded(
    m: &Metrics,
    universe: &Universe,
    reasons: &ReasonShares,
) -> BTreeMap<String, Traded> {
    let one = |i: usize, coin: &str| Traded {
        quotes: m.dispatch.asset_quotes[i].get(),
        quoted: m.dispatch.asset_quoted[i].usd(),
        fills: m.dispatch.asset_fills[i].get(),
        volume: m.dispatch.asset_volume[i].usd(),
        fees: m.risk.asset_fees[i].usd(),
        funding: m.risk.asset_funding[i].usd(),
        net: m.risk.net[i].usd(),
        sides: m.quote.split[i].each_ref().map(side),
        time_at_limit: reasons.at_limit(coin),
    };
    let coins = universe.iter().map(|(id, i)| (id.index(), i.coin.to_string()));
    coins.map(|(i, coin)| (coin.clone(), one(i, &coin))).collect()
}

fn side(split: &SplitCounters) -> TradedSide {
    TradedSide {
        fills: split.fills.get(),
        captured: split.captured.usd(),
        measured: split.measured.each_ref().map(|m: &MeasuredCounters| MeasuredFills {
            fills: m.fills.get(),
            value: m.value.usd(),
            markout: m.markout.usd(),
            adverse: m.adverse.usd(),
        }),
    }
}
