//! The same for people: the verdict first, assumptions last.

use super::super::number::{cents, grouped, span};
use super::map::{Cell, Tier};
use super::verdict::usd;
use super::{Distribution, Economics, Market, Mean, ReplayRow, Traded};
use botmm_pipeline::logic::markouts::HORIZONS;
use std::collections::BTreeSet;
use std::fmt::{Result, Write};

/// What there is none of.
const NONE: &str = "–";

/// Writes all of it.
pub(super) fn write(told: &Economics, f: &mut String) -> Result {
    writeln!(f, "{}", told.verdict.line)?;
    for (coin, verdict) in &told.verdict_by_coin {
        writeln!(f, "  {coin:<10} {}", verdict.line)?;
    }
    let [from, to] = &told.span;
    writeln!(
        f,
        "\nSpan {from} to {to} ({}), maker fee {} bps",
        span(told.span_s),
        told.maker_fee_bps
    )?;
    markets(told, f)?;
    replays(told, f)?;
    by_coin(told, f)?;
    map(told, f)?;
    costs(told, f)?;
    writeln!(f, "\nAssumptions")?;
    told.assumptions.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
    told.notes.iter().try_for_each(|line| writeln!(f, "  note: {line}"))?;
    for file in &told.data {
        writeln!(f, "  data: {}, {} rows, sha256 {}", file.path, grouped(file.rows), file.sha256)?;
    }
    writeln!(f, "  configuration: sha256 {}", told.config_sha256)
}

fn markets(told: &Economics, f: &mut String) -> Result {
    let horizon = told.horizon();
    writeln!(
        f,
        "\nHalf spreads of the market and what a maker must have, bps of the mid, weighted by time\n  {:<10} {:>8} \
         {:>8} {:>8} {:>8} {:>18} {:>10} {:>8}  hours (UTC) with half of the time or more",
        "coin",
        "mean",
        "p10",
        "median",
        "p90",
        format!("adverse {horizon} (t)"),
        "break-even",
        "offered"
    )?;
    for (coin, market) in &told.market {
        let half = market.half_spread_bps;
        let of = |of: fn(&Distribution) -> f64| bps(half.as_ref().map(of));
        let more = if market.is_fee_alone { ">" } else { "" };
        writeln!(
            f,
            "  {coin:<10} {:>8} {:>8} {:>8} {:>8} {:>18} {:>10} {:>8}  {}",
            of(|h| h.mean),
            of(|h| h.p10),
            of(|h| h.p50),
            of(|h| h.p90),
            with_t(market.adverse_bps.0[told.horizon].as_ref()),
            format!("{more}{:.2}", market.break_even_bps),
            share(market.offered_share),
            hours(&market.offered_hours),
        )?;
    }
    for (coin, market) in &told.market {
        makers(coin, market, f)?;
    }
    Ok(())
}

/// What makers had of the trades, and what our own fills ask for.
fn makers(coin: &str, market: &Market, f: &mut String) -> Result {
    let (measured, all) = (grouped(market.trades_measured), grouped(market.trades));
    let realised = HORIZONS.iter().zip(&market.realised_bps.0);
    let realised: Vec<String> = realised
        .map(|(at, mean)| format!("{}s {}", at.as_secs_f64(), with_t(mean.as_ref())))
        .collect();
    let realised = realised.join(", ");
    let own = market.break_even_of_fills_bps.map_or(String::new(), |own| {
        format!("; with what our own fills met break-even is {own:.2}")
    });
    writeln!(
        f,
        "  {coin}: makers of {measured} of {all} trades ({} USD) had before fees, bps (t): {realised}{own}",
        cents(market.volume_usd)
    )
}

fn replays(told: &Economics, f: &mut String) -> Result {
    let horizon = told.horizon();
    writeln!(
        f,
        "\nReplays of the configured quotes, all coins\n  {:<13} {:<9} {:>7} {:>7} {:>14} {:>16} {:>12} {:>22} {:>12}",
        "queue",
        "feed",
        "fills",
        "an hour",
        "volume USD",
        format!("markout {horizon} (t)"),
        "worth USD",
        "95 %",
        "net at marks"
    )?;
    for row in &told.replays {
        let lead = format!("{:<13} {:<9}", row.queue, row.feed);
        traded(&lead, &row.all, told.horizon, f)?;
    }
    for row in &told.replays {
        if let Some(why) = &row.halted {
            writeln!(f, "  {} {}: {why}; what comes after is missing", row.queue, row.feed)?;
        }
    }
    Ok(())
}

fn traded(lead: &str, traded: &Traded, horizon: usize, f: &mut String) -> Result {
    let worth = &traded.worth;
    writeln!(
        f,
        "  {lead} {:>7} {:>7.1} {:>14} {:>16} {:>12} {:>22} {:>12}",
        grouped(traded.fills),
        traded.fills_an_hour,
        cents(traded.volume_usd),
        with_t(traded.markout_bps.0[horizon].as_ref()),
        usd(worth.usd),
        worth.interval_usd.map_or(NONE.to_owned(), |[l, h]| format!("{} to {}", usd(l), usd(h))),
        cents(traded.net_pnl_usd),
    )
}

fn by_coin(told: &Economics, f: &mut String) -> Result {
    let coins: BTreeSet<&String> = told.replays.iter().flat_map(|row| row.by_coin.keys()).collect();
    if coins.len() < 2 {
        return Ok(());
    }
    writeln!(f, "\nThe same by coin")?;
    for coin in coins {
        for row in &told.replays {
            let Some(of_coin) = row.by_coin.get(coin) else { continue };
            let lead = format!("{coin:<10} {:<13} {:<9}", row.queue, row.feed);
            traded(&lead, of_coin, told.horizon, f)?;
        }
    }
    Ok(())
}

fn map(told: &Economics, f: &mut String) -> Result {
    writeln!(
        f,
        "\nBreak-even map: the market's half spread less break-even, bps, by UTC hour and maker fee (* = adverse \
         selection of all hours)"
    )?;
    write!(f, "  {:<10} {:>4} {:>8}", "coin", "hour", "half")?;
    told.tiers.iter().try_for_each(|tier| write!(f, " {:>9}", fee(tier)))?;
    writeln!(f)?;
    let rows: BTreeSet<(&String, u8)> = told.map.iter().map(|c| (&c.coin, c.hour)).collect();
    for (coin, hour) in rows {
        let cells = || told.map.iter().filter(|c| c.coin == *coin && c.hour == hour);
        let half = cells().next().map(|cell| cell.half_spread_bps);
        write!(f, "  {coin:<10} {hour:>4} {:>8}", bps(half))?;
        for tier in &told.tiers {
            let cell = cells().find(|cell| cell.tier == tier.name);
            write!(f, " {:>9}", cell.map_or(NONE.to_owned(), edge))?;
        }
        writeln!(f)?;
    }
    Ok(())
}

fn fee(tier: &Tier) -> String {
    format!("fee {}", tier.maker_fee_bps)
}

fn edge(cell: &Cell) -> String {
    let borrowed = if cell.is_own_adverse { "" } else { "*" };
    format!("{:+.2}{borrowed}", cell.edge_bps)
}

fn costs(told: &Economics, f: &mut String) -> Result {
    writeln!(f, "\nCosts and capital")?;
    told.replays.iter().try_for_each(|row| requests(row, f))?;
    for (coin, market) in &told.market {
        let paid = told.replays.first().and_then(|row| row.by_coin.get(coin));
        let paid = paid.map_or(NONE.to_owned(), |t| cents(t.funding_usd));
        let rate = market
            .funding_bps_an_hour
            .map_or("no rate was recorded".to_owned(), |rate| format!("{rate:.4} bps an hour"));
        writeln!(f, "  funding {coin}: {paid} USD paid in the first replay; {rate}")?;
    }
    let capital = &told.capital;
    writeln!(
        f,
        "  capital: {} USD in the account; positions of {} USD at worst, {} USD of margin at the venue's highest \
         leverage; deepest fall {} USD",
        cents(capital.account_usd),
        usd(capital.exposure_usd),
        usd(capital.margin_usd),
        cents(capital.drawdown_usd)
    )
}

fn requests(row: &ReplayRow, f: &mut String) -> Result {
    let a = &row.actions;
    let each = a.per_fill.map_or(NONE.to_owned(), |n| format!("{n:.1}"));
    writeln!(
        f,
        "  {:<13} {:<9} {} requests ({each} a fill), {} earned by volume; {} short, {} USD when bought",
        row.queue,
        row.feed,
        grouped(a.all()),
        grouped(a.earned),
        grouped(a.short),
        cents(a.price_usd)
    )
}

impl Economics {
    /// Its name.
    fn horizon(&self) -> String {
        format!("{}s", self.horizon_s)
    }
}

fn bps(value: Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |bps| format!("{bps:.2}"))
}

/// `-1.52 (-6.2)`.
fn with_t(mean: Option<&Mean>) -> String {
    let Some(mean) = mean else { return NONE.to_owned() };
    let t = mean.t.map_or(NONE.to_owned(), |t| format!("{t:.1}"));
    format!("{:.2} ({t})", mean.mean)
}

/// What is not nothing is not shown as nothing.
fn share(share: f64) -> String {
    match share * 100.0 {
        p if p > 0.0 && p < 0.05 => "<0.1 %".to_owned(),
        p => format!("{p:.1} %"),
    }
}

/// `0-6, 13, 20-23`.
fn hours(hours: &[u8]) -> String {
    if hours.is_empty() {
        return "none".to_owned();
    }
    let mut out = String::new();
    let mut rest = hours;
    while let [first, ..] = rest {
        let run = rest.iter().zip(*first..).take_while(|(a, b)| **a == *b).count();
        let comma = if out.is_empty() { "" } else { ", " };
        let _ = match run {
            1 => write!(out, "{comma}{first}"),
            _ => write!(out, "{comma}{first}-{}", rest[run - 1]),
        };
        rest = &rest[run..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::hours;

    #[test]
    fn hours_that_follow_each_other_are_a_span() {
        assert_eq!(hours(&[]), "none");
        assert_eq!(hours(&[3]), "3");
        assert_eq!(hours(&[0, 1, 2, 13, 22, 23]), "0-2, 13, 22-23");
    }
}
