//! The history for people and programs: tables of 80 columns, CSV, JSON. No profit without its fees, its
//! span and the number of fills; amounts in CSV and JSON are exact text.

use super::book::Fill;
use super::lots::Lot;
use super::section::{Section, Sums};
use crate::report::{cents, grouped, span};
use crate::when::{utc, utc_s};
use botmm_pipeline::types::{Nanos, Px, Side, Usd, notional};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// No line of a table is longer.
const COLS: usize = 80;
/// Lots that a table shows; CSV and JSON have all.
const LOTS_SHOWN: usize = 200;

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Days and coins.
    Sums,
    /// FIFO lots.
    Lots,
}

/// For a terminal.
pub fn table(sections: &[Section], show: Show) -> String {
    let mut out = String::new();
    for section in sections {
        if !out.is_empty() {
            out.push('\n');
        }
        out += &heading(section);
        out += &match show {
            Show::Sums => sums(section),
            Show::Lots => lots(section),
        };
        out += &footing(section);
    }
    out
}

fn heading(section: &Section) -> String {
    let [begin, end] = section.span;
    let mut out = format!("{}\n", section.money.in_words());
    if let Some(account) = &section.account {
        let _ = writeln!(out, "account {account} at {}", section.network);
    }
    let _ = writeln!(
        out,
        "{} from {} to {} ({})\n",
        counted(section.runs, "run"),
        minutes(begin),
        minutes(end),
        span((end - begin).as_secs_f64())
    );
    out
}

fn footing(section: &Section) -> String {
    let total = &section.total;
    let mut out = String::new();
    if total.without_gain > 0 {
        let _ = writeln!(
            out,
            "{} lots have no gain: a part was traded by somebody else, or before this history",
            total.without_gain
        );
    }
    if !section.transfers.is_zero() {
        let _ = writeln!(
            out,
            "{} USD came to the account otherwise than by trading: no profit",
            cents(section.transfers)
        );
    }
    if let Some(newest) = section.without_end.last() {
        let count = section.without_end.len();
        let runs = counted(count, "run");
        let _ = writeln!(out, "without an end (going on, or killed): {runs}, the newest\n{newest}");
    }
    if total.fills == 0 {
        out += "no fills: this says nothing about profit\n";
    }
    out
}

fn sums(section: &Section) -> String {
    let head = ["fills", "volume USD", "fees USD", "funding USD", "FIFO gain", "net USD"];
    let block = |title: &str, rows: Vec<(&str, &Sums)>| {
        let head = std::iter::once(title).chain(head).map(str::to_owned).collect();
        let row = |(name, sums): (&str, &Sums)| {
            vec![
                name.to_owned(),
                grouped(sums.fills),
                cents(sums.volume),
                cents(sums.fees),
                cents(sums.funding),
                cents(sums.gain),
                sums.net.map_or("–".to_owned(), cents),
            ]
        };
        let all = rows.into_iter().map(row);
        aligned(&std::iter::once(head).chain(all).collect::<Vec<Vec<String>>>(), 1)
    };
    let of = |name: &'static str| (name, &section.total);
    let days = section.days.iter().map(|(date, sums)| (date.as_str(), sums));
    let coins = section.coins.iter().map(|(coin, sums)| (coin.as_str(), sums));
    let mut out = block("UTC day", days.chain([of("all")]).collect());
    out.push('\n');
    out += &block("coin", coins.collect());
    out + "\nnet: at the marks, after fees and funding. FIFO gain: of what was closed, after\n\
           its fees, before funding.\n"
}

fn lots(section: &Section) -> String {
    let head = ["closed", "coin", "side", "size", "opened at", "closed at", "fees", "gain USD"];
    let row = |lot: &Lot| {
        let px = |px: Option<Px>| px.map_or("–".to_owned(), |px| px.to_string());
        let close = lot.close.as_ref();
        vec![
            close.map_or("open".to_owned(), |close| minutes(close.time)),
            lot.coin.clone(),
            side(lot.side).to_owned(),
            lot.qty.to_string(),
            px(lot.open_px),
            close.map_or("–".to_owned(), |close| px(close.px)),
            cents(fees(lot)),
            lot.gain().map_or("–".to_owned(), cents),
        ]
    };
    let hidden = section.lots.len().saturating_sub(LOTS_SHOWN);
    let shown = section.lots.iter().skip(hidden).map(row);
    let head = head.map(str::to_owned).to_vec();
    let mut out = match hidden {
        0 => String::new(),
        hidden => format!("{hidden} older lots are not shown: --csv and --json have them\n"),
    };
    out += &aligned(&std::iter::once(head).chain(shown).collect::<Vec<_>>(), 3);
    let Sums { fills, fees, gain, .. } = section.total;
    let _ = writeln!(
        out,
        "\nFIFO gain of lots closed: {} USD after fees.\n{} fills with {} USD of fees; {} USD of \
         funding is not in the gain.",
        cents(gain),
        grouped(fills),
        cents(fees),
        cents(section.total.funding)
    );
    out
}

/// Columns, the first so many left and the others right, with as much between them as there is room for.
fn aligned(rows: &[Vec<String>], names: usize) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let wide = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let gaps = columns.saturating_sub(1).max(1);
    let gap = (COLS.saturating_sub(widths.iter().sum()) / gaps).clamp(1, 3);
    let mut out = String::new();
    for row in rows {
        let cell = |(at, text): (usize, &String)| match at < names {
            true => format!("{text:<width$}", width = widths[at]),
            false => format!("{text:>width$}", width = widths[at]),
        };
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        let _ = writeln!(out, "{}", cells.join(&" ".repeat(gap)).trim_end());
    }
    out
}

/// For a spreadsheet: fills or lots, a row each; every row says whose money it was.
pub fn csv(sections: &[Section], show: Show) -> String {
    let mut out = match show {
        Show::Sums => {
            "money,network,account,run,time,coin,side,price,size,value_usd,fee_usd,taker,oid,tid\n"
        }
        Show::Lots => {
            "money,network,account,coin,side,size,opened,open_price,open_fee_usd,closed,close_price,\
             close_fee_usd,gain_usd\n"
        }
    }
    .to_owned();
    for section in sections {
        let whose = [
            section.money.as_str().to_owned(),
            section.network.clone(),
            section.account.clone().unwrap_or_default(),
        ];
        let mut row = |cells: Vec<String>| {
            let all: Vec<String> = whose.iter().chain(&cells).map(|cell| quoted(cell)).collect();
            out += &all.join(",");
            out.push('\n');
        };
        match show {
            Show::Sums => section.fills.iter().for_each(|fill| row(cells_of(fill))),
            Show::Lots => section.lots.iter().for_each(|lot| row(cells_of_lot(lot))),
        }
    }
    out
}

fn cells_of(fill: &Fill) -> Vec<String> {
    vec![
        fill.run.clone(),
        utc(fill.time),
        fill.coin.clone(),
        bought(fill.side).to_owned(),
        fill.px.to_string(),
        fill.qty.to_string(),
        notional(fill.px, fill.qty).to_string(),
        fill.fee.to_string(),
        fill.is_taker.to_string(),
        fill.oid.to_string(),
        fill.tid.to_string(),
    ]
}

fn cells_of_lot(lot: &Lot) -> Vec<String> {
    let some = |text: Option<String>| text.unwrap_or_default();
    let close = lot.close.as_ref();
    vec![
        lot.coin.clone(),
        side(lot.side).to_owned(),
        lot.qty.to_string(),
        utc(lot.opened),
        some(lot.open_px.map(|px| px.to_string())),
        lot.open_fee.to_string(),
        some(close.map(|close| utc(close.time))),
        some(close.and_then(|close| close.px).map(|px| px.to_string())),
        some(close.map(|close| close.fee.to_string())),
        some(lot.gain().map(|gain| gain.to_string())),
    ]
}

/// RFC 4180. What a spreadsheet would take for a formula cannot begin any of our cells but a number.
fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// For programs.
pub fn to_json(sections: &[Section], show: Show) -> Value {
    let sums = |sums: &Sums| {
        json!({
            "fills": sums.fills, "volume_usd": sums.volume.to_string(),
            "fees_usd": sums.fees.to_string(), "funding_usd": sums.funding.to_string(),
            "fifo_gain_usd": sums.gain.to_string(), "lots_without_gain": sums.without_gain,
            "net_usd": sums.net.map(|net| net.to_string()),
        })
    };
    let section = |section: &Section| {
        let [begin, end] = section.span;
        let by = |map: &std::collections::BTreeMap<String, Sums>| -> Value {
            map.iter()
                .map(|(name, of)| (name.clone(), sums(of)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let mut out = json!({
            "money": section.money.as_str(), "is_real_money": section.money.is_real(),
            "network": section.network, "account": section.account, "runs": section.runs,
            "since": utc(begin), "until": utc(end), "span_s": (end - begin).as_secs_f64(),
            "runs_without_end": section.without_end, "total": sums(&section.total),
            "days": by(&section.days), "coins": by(&section.coins),
            "transfers_usd": section.transfers.to_string(),
        });
        if show == Show::Lots {
            out["lots"] = section.lots.iter().map(lot_json).collect();
        }
        out
    };
    json!({ "sections": sections.iter().map(section).collect::<Vec<_>>() })
}

fn lot_json(lot: &Lot) -> Value {
    let close = lot.close.as_ref();
    json!({
        "coin": lot.coin, "side": side(lot.side), "size": lot.qty.to_string(),
        "opened": utc(lot.opened), "open_price": lot.open_px.map(|px| px.to_string()),
        "open_fee_usd": lot.open_fee.to_string(), "closed": close.map(|close| utc(close.time)),
        "close_price": close.and_then(|close| close.px).map(|px| px.to_string()),
        "close_fee_usd": close.map(|close| close.fee.to_string()),
        "gain_usd": lot.gain().map(|gain| gain.to_string()),
    })
}

fn fees(lot: &Lot) -> Usd {
    lot.open_fee + lot.close.as_ref().map_or(Usd::ZERO, |close| close.fee)
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Bid => "long",
        Side::Ask => "short",
    }
}

fn bought(side: Side) -> &'static str {
    match side {
        Side::Bid => "buy",
        Side::Ask => "sell",
    }
}

/// `1 run`, `2 runs`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `2026-11-28 13:37`.
fn minutes(time: Nanos) -> String {
    let text = utc_s(time);
    text.get(..16).unwrap_or(&text).replace('T', " ")
}
