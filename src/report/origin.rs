//! Where the profit came from, for people: the split as judged soon after a fill and late, each
//! column adding up to the net, and what the market did after the fills beside their fee.

use super::number::{cents, grouped, line, profit, span};
use super::profit::bps;
use super::reasons::side_key;
use super::summary::Summary;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{Side, Usd};
use std::fmt;

/// Of [`HORIZONS`]: 5 s and 60 s.
const SHOWN: [usize; 2] = [1, 3];

/// Writes the block; nothing when there was no fill.
pub(super) fn write(summary: &Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if summary.fills == 0 {
        return Ok(());
    }
    let split = &summary.pnl_split;
    let [soon, late] = SHOWN.map(|h| format!("{} s after a fill", seconds(h)));
    writeln!(f, "\n{:<20} {soon:>18} {late:>25}", "Where it came from")?;
    row(f, "spread captured", |_| profit(split.spread_captured_usd))?;
    row(f, "adverse selection", |h| profit(split.adverse_selection_usd.0[h]))?;
    row(f, "inventory drift", |h| profit(split.inventory_drift_usd.0[h]))?;
    row(f, "fees", |_| cost(split.fees_usd))?;
    row(f, "funding", |_| cost(split.funding_usd))?;
    row(f, "net after fees", |_| profit(split.net_usd))?;
    row(f, "fills measured", |h| format!("{:>14}", grouped(measured(summary, h))))?;
    let (fills, time) = (grouped(summary.fills), span(summary.span_s));
    line(f, "note", format_args!("{fills} fills in {time}; of those not measured all is drift"))?;
    let unknown = summary.fills.saturating_sub(split.fills_with_mid);
    if unknown > 0 {
        let text =
            format_args!("{} fills: the mid just before them is not known", grouped(unknown));
        line(f, "note", text)?;
    }
    markouts(summary, f)
}

/// What the mid did after the fills of each side, against their prices, with the fee beside it.
fn markouts(summary: &Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let columns = |side: Side| SHOWN.map(|h| format!("{} {} s", side_key(side), seconds(h)));
    let [[b, bb], [a, aa]] = Side::BOTH.map(columns);
    writeln!(f, "  {:<14} {b:>10} {bb:>10} {a:>10} {aa:>10} {:>10}", "markouts, bps", "fee")?;
    for (symbol, result) in summary.by_symbol.iter().filter(|(_, result)| result.fills > 0) {
        let sides = summary.markouts.get(symbol).copied().unwrap_or_default().0;
        let [[b, bb], [a, aa]] = sides.map(|side| SHOWN.map(|h| number(side.0[h].markout_bps)));
        let fee = number(bps(result.fees_usd, result.volume_usd));
        writeln!(f, "  {symbol:<14} {b:>10} {bb:>10} {a:>10} {aa:>10} {fee:>10}")?;
    }
    Ok(())
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, value: impl Fn(usize) -> String) -> fmt::Result {
    let [soon, late] = SHOWN.map(value);
    writeln!(f, "  {label:<18}{}", format!("{soon:<25} {late}").trim_end())
}

/// What was paid lowers the profit.
fn cost(paid: Usd) -> String {
    let word = match paid {
        Usd::ZERO => "",
        p if p.is_negative() => " (earned)",
        _ => " (paid)",
    };
    format!("{:>14} USD{word}", cents(-paid))
}

fn measured(summary: &Summary, horizon: usize) -> u64 {
    let sides = summary.markouts.values().flat_map(|m| &m.0);
    sides.map(|side| side.0[horizon].fills).sum()
}

fn seconds(horizon: usize) -> i64 {
    HORIZONS[horizon].as_millis() / 1_000
}

fn number(bps: Option<f64>) -> String {
    bps.map_or("-".to_owned(), |b| format!("{b:.2}"))
}
