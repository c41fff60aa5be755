//! The result for a person: rows with their intervals, the band of the queue models, and the guards.

use crate::masked::masked;
use crate::report::backtest::{Band, Best, Chosen, Forward, Results, Row};
use crate::report::{cents, grouped, span};
use std::collections::HashSet;
use std::fmt::Write as _;

/// Rows, bands and bests that are printed; all are in the file.
const MOST: usize = 24;
/// As much of a set as a row shows.
const SET_CHARS: usize = 40;

/// The whole.
pub(super) fn text(results: &Results) -> String {
    let mut out = head(results);
    rows(results, &mut out);
    bands(&results.bands, &mut out);
    best(&results.best, &mut out);
    walk(&results.walk_forward, &mut out);
    assumptions(&results.rows, &mut out);
    masked(&out).into_owned()
}

fn head(results: &Results) -> String {
    let Results { rows, replays, sets_tried, .. } = results;
    let longest = rows.iter().max_by(|a, b| a.span_s.total_cmp(&b.span_s));
    let (from, to, span_s) = longest.map_or(("–", "–", 0.0), |r| (&r.from, &r.to, r.span_s));
    let mut coins: Vec<&str> = rows.iter().flat_map(|r| &r.coins).map(String::as_str).collect();
    coins.sort_unstable();
    coins.dedup();
    let days = results.days.len();
    let inventory = match (days, results.flat_days) {
        (1, _) => "",
        (_, true) => ", each begun with nothing held",
        (_, false) => ", the position going on over them",
    };
    let mut out = format!(
        "Backtest\n  recordings   {days}{inventory}: {from} to {to} ({}), {}\n",
        span(span_s),
        coins.join(", ")
    );
    results.gaps.iter().for_each(|gap| line(&mut out, format_args!("  gap          {gap}")));
    let sets = if *sets_tried == 1 { "set" } else { "sets" };
    let shown = rows.iter().map(|r| &r.set).collect::<HashSet<_>>().len();
    let alike = match results.sets_distinct {
        Some(distinct) if distinct < shown => {
            format!(", of which only {distinct} decided differently")
        }
        _ => String::new(),
    };
    line(
        &mut out,
        format_args!("  tried        {sets_tried} {sets} of parameters{alike}, {replays} replays"),
    );
    if results.missing > 0 {
        line(&mut out, format_args!("  MISSING      {} replays have no result", results.missing));
    }
    if let Some(rung) = results.rung {
        line(&mut out, format_args!("  halving      rung {rung}"));
    }
    out += "  net          over the span, after fees and funding, at the last marks; [95 %]: stationary block bootstrap\n\n";
    out
}

fn rows(results: &Results, out: &mut String) {
    let mut rows: Vec<&Row> = results.rows.iter().collect();
    rows.sort_by(|a, b| a.by_doubt(b));
    line(
        out,
        format_args!(
            "{:>10} {:>22} {:>6} {:>7} {:>13} {:>9} {:>8} {:>8} {:>9} {:>7}  {:<12} {:<9} {:<9} {:<11} set",
            "net USD",
            "[95 %]",
            "t",
            "fills",
            "volume",
            "gross",
            "fees",
            "funding",
            "drawdown",
            "Sharpe",
            "queue",
            "feed",
            "latency",
            "fee"
        ),
    );
    for row in rows.iter().take(MOST) {
        let (interval, t) = match &row.net_interval {
            Some(i) => (format!("{:.2} to {:.2}", i.low_usd, i.high_usd), format!("{:.1}", i.t)),
            None => ("–".to_owned(), "–".to_owned()),
        };
        let sharpe = row.sharpe.map_or("–".to_owned(), |s| format!("{s:.2}"));
        let fee =
            format!("{} {}", row.fee_bps, if row.fee == "configured" { "" } else { &row.fee });
        let coins = if results.rows.iter().all(|r| r.coins == row.coins) {
            String::new()
        } else {
            row.coins.join(",") + " "
        };
        let halted = if row.halted.is_empty() { "" } else { " HALTED" };
        line(
            out,
            format_args!(
                "{:>10} {:>22} {:>6} {:>7} {:>13} {:>9} {:>8} {:>8} {:>9} {:>7}  {:<12} {:<9} {:<9} {:<11} {coins}{}{halted}",
                cents(row.net_usd.0),
                interval,
                t,
                grouped(row.fills),
                cents(row.volume_usd.0),
                cents(row.gross_usd.0),
                cents(row.fees_usd.0),
                cents(row.funding_usd.0),
                cents(row.max_drawdown_usd.0),
                sharpe,
                row.queue,
                row.feed,
                row.latency,
                fee.trim(),
                short(&row.set)
            ),
        );
    }
    more(rows.len(), out);
}

fn bands(bands: &[Band], out: &mut String) {
    if bands.is_empty() {
        return;
    }
    *out += "\nNet between queue models, USD (fills)\n";
    for band in bands.iter().take(MOST) {
        let each: Vec<_> = band
            .by_queue
            .iter()
            .map(|(queue, one)| {
                format!("{queue} {} ({})", cents(one.net_usd.0), grouped(one.fills))
            })
            .collect();
        let Band { feed, latency, fee, set, coins, .. } = band;
        let coins = coins.join(",");
        line(
            out,
            format_args!(
                "  {}  |  feed {feed}, latency {latency}, fee {fee}, {coins}, {}",
                each.join("   "),
                short(set)
            ),
        );
    }
    more(bands.len(), out);
}

fn best(all: &[Best], out: &mut String) {
    *out += "\nBest set by the low end of its interval\n";
    for b in all.iter().take(MOST) {
        let verdict = match b.is_above_zero {
            true => "interval above zero",
            false => "NOT SHOWN TO PAY: its interval is not above zero",
        };
        let Best { chosen, sets_tried, .. } = b;
        let Chosen { set, coins, queue, feed, latency, fee } = chosen;
        let (net, coins) = (cents(b.net_usd.0), coins.join(","));
        line(
            out,
            format_args!(
                "  {net} USD  {}  |  {coins}, {queue}, feed {feed}, latency {latency}, fee {fee}",
                short(set)
            ),
        );
        let share = |value: Option<f64>, note: &Option<String>| match (value, note) {
            (Some(value), _) => format!("{value:.2}"),
            (None, Some(why)) => format!("– ({why})"),
            (None, None) => "–".to_owned(),
        };
        let deflated = share(b.deflated_sharpe, &b.deflated_sharpe_note);
        let overfit = share(b.overfit_probability, &b.overfit_note);
        line(
            out,
            format_args!(
                "      {verdict}; best of {sets_tried} tried; deflated Sharpe {deflated}; probability of over-fitting {overfit}"
            ),
        );
    }
    more(all.len(), out);
}

fn walk(all: &[Forward], out: &mut String) {
    if all.is_empty() {
        return;
    }
    *out += "\nWalk-forward: chosen on one part, judged on the next, USD\n";
    for f in all.iter().take(MOST) {
        let Forward { part, parts, chosen, chosen_usd, judged_usd, best_there_usd } = f;
        let Chosen { set, queue, feed, latency, fee, .. } = chosen;
        let (next, of) = (part + 2, parts);
        line(
            out,
            format_args!(
                "  part {} of {of}: {chosen_usd:.2}, part {next}: {judged_usd:.2} (best there {best_there_usd:.2})  {}  |  {queue}, feed {feed}, latency {latency}, fee {fee}",
                part + 1,
                short(set)
            ),
        );
    }
    more(all.len(), out);
}

fn assumptions(rows: &[Row], out: &mut String) {
    *out += "\nAssumptions\n";
    let mut told: Vec<&str> = Vec::new();
    let rules: Vec<String> =
        rows.iter().map(|r| format!("the venue's rules: {}; seed {}", r.rules, r.seed)).collect();
    let notes = rows.iter().flat_map(|r| r.notes.iter().chain(&r.warnings)).map(String::as_str);
    for note in rules.iter().map(String::as_str).chain(notes) {
        if !told.contains(&note) {
            told.push(note);
        }
    }
    told.iter().take(MOST).for_each(|note| line(out, format_args!("  {note}")));
    more(told.len(), out);
    for row in rows.iter().filter(|r| r.residual_usd.is_some_and(|m| !m.0.is_zero())).take(3) {
        line(
            out,
            format_args!(
                "  DEFECT: the accounts of {} differ from the venue's; please report it",
                row.id
            ),
        );
    }
}

fn more(all: usize, out: &mut String) {
    if all > MOST {
        line(out, format_args!("  … {} more in the file", all - MOST));
    }
}

fn short(set: &str) -> String {
    match set.char_indices().nth(SET_CHARS) {
        Some((cut, _)) => format!("{}…", &set[..cut]),
        None => set.to_owned(),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}"); // Into a string: it cannot fail.
}
