//! What became of our fills: by side, level, cause and hour.

use super::super::model::{
    Cell, Chart, Figure, Level, Lines, Place, Plot, Point, Row, Rows, Series, Shape, Table, Tone,
};
use super::read::{Fill, Told};
use super::words::usd_bps;
use crate::journal::day::horizon_s;
use crate::report::stats::blocks::{Ratio, ratio};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{FillCause, Side, Usd};
use std::collections::BTreeMap;

/// Fills of one coin and minute move together: they count as one when it is said how sure a mean is.
const BLOCK_NS: i64 = 60_000_000_000;
/// Of [`HORIZONS`]: what tables show.
const SOON: usize = 1;

/// What the mid did after the fills of each side and level.
pub fn markouts(told: &Told) -> Figure {
    let mut figure = Figure {
        id: "markouts",
        title: "Markouts by side and level".to_owned(),
        how_to_read: "How far the mid was beyond the fill's price, some time after it: a line above the dashed fee pays for \
                      itself, one that falls to the right is run over; the bars are 95 % intervals."
            .to_owned(),
        ..Figure::default()
    };
    let measured = |fill: &&Fill| fill.later.iter().any(Option::is_some);
    let fills: Vec<&Fill> = told.fills.iter().filter(measured).collect();
    if fills.is_empty() {
        figure.absent = Some(match told.fills.is_empty() {
            true => "There were no fills.".to_owned(),
            false => "No fill is old enough to be measured, or the mids after them are not known."
                .to_owned(),
        });
        return figure;
    }
    let fee = Level { name: "fee".to_owned(), y: fee_bps(&fills).unwrap_or_default() };
    let by_side = Side::BOTH.map(|side| {
        let of: Vec<&Fill> = fills.iter().copied().filter(|f| f.side == side).collect();
        let (name, tone) =
            if side == Side::Bid { ("buys", Tone::BUY) } else { ("sells", Tone::SELL) };
        curve(name, tone, &of, side.index() as f64 * 0.08 - 0.04)
    });
    figure.charts.push(chart("by side", by_side.into_iter(), &fee));
    let mut levels: BTreeMap<usize, Vec<&Fill>> = BTreeMap::new();
    for fill in &fills {
        if let Some(level) = fill.level {
            levels.entry(level).or_default().push(fill);
        }
    }
    match levels.is_empty() {
        true => figure
            .notes
            .push("Levels: the journal does not say at which ones these orders stood.".to_owned()),
        false => {
            let curves = levels.iter().enumerate().map(|(n, (level, of))| {
                let shift = n as f64 * 0.06 - 0.06;
                curve(&format!("level {}", level + 1), Tone::Of(n + 2), of, shift)
            });
            figure.charts.push(chart("by level, 1 = nearest to the mid", curves, &fee));
        }
    }
    figure.table = Some(by_coin_and_side(&fills));
    figure.notes.push(
        "Before fees, weighted by value. Intervals take fills of one coin and minute as one observation (Student's t); \
         fewer than twenty such minutes give none."
            .to_owned(),
    );
    figure
}

fn chart(name: &str, series: impl Iterator<Item = Series>, fee: &Level) -> Chart {
    let places = HORIZONS
        .iter()
        .enumerate()
        .map(|(n, after)| Place { x: n as f64, name: format!("{} s", after.as_millis() / 1_000) });
    let lines = Lines {
        places: places.collect(),
        has_zero: true,
        series: series.filter(|s| !s.points.is_empty()).collect(),
        levels: vec![fee.clone()],
        ..Lines::default()
    };
    Chart::new(name, "bps", 2, Plot::Lines(lines))
}

fn curve(name: &str, tone: Tone, fills: &[&Fill], shift: f64) -> Series {
    let point = |horizon: usize| {
        let mean = markout(fills, horizon)?;
        let count = fills.iter().filter(|f| f.later[horizon].is_some()).count();
        let after = HORIZONS[horizon].as_millis() / 1_000;
        Some(Point {
            x: horizon as f64 + shift,
            y: Some(mean.value),
            interval: mean.interval(),
            says: Some(format!("{name}, {after} s after {count} fills: {:.2} bps", mean.value)),
        })
    };
    let points = (0..HORIZONS.len()).filter_map(point).collect();
    Series { name: name.to_owned(), tone, shape: Shape::Line, points }
}

/// Mean markout of some fills at a horizon, bps of their value.
fn markout(fills: &[&Fill], horizon: usize) -> Option<Ratio> {
    in_bps(fills, |f| Some(f.moved(f.px, f.later[horizon]?)))
}

/// A mean over some fills in bps of their value, by blocks of a coin's minutes.
fn in_bps(fills: &[&Fill], of: impl Fn(&Fill) -> Option<Usd>) -> Option<Ratio> {
    let mut blocks: BTreeMap<(&str, i64), [f64; 2]> = BTreeMap::new();
    for fill in fills {
        let Some(amount) = of(fill) else { continue };
        let block = blocks.entry((&fill.coin, fill.time.0.div_euclid(BLOCK_NS))).or_default();
        block[0] += amount.to_f64() * 1e4;
        block[1] += fill.value().to_f64();
    }
    ratio(blocks.into_values())
}

fn fee_bps(fills: &[&Fill]) -> Option<f64> {
    usd_bps(fills.iter().map(|f| f.fee).sum(), fills.iter().map(|f| f.value()).sum())
}

fn mean_cell(mean: Option<Ratio>) -> Cell {
    mean.map_or(Cell::Unknown, |mean| Cell::Number(mean.value, 2, mean.interval()))
}

fn by_coin_and_side(fills: &[&Fill]) -> Table {
    let mut table = Table::of(&["coin", "side", "fills measured"]);
    let after = HORIZONS.iter().map(|h| format!("{} s, bps [95 %]", h.as_millis() / 1_000));
    table.columns.extend(after.chain(["fee, bps".to_owned()]));
    let mut groups: BTreeMap<(&str, usize), Vec<&Fill>> = BTreeMap::new();
    for fill in fills {
        groups.entry((&fill.coin, fill.side.index())).or_default().push(fill);
    }
    for ((coin, side), of) in groups {
        let side = if side == Side::Bid.index() { "buy" } else { "sell" };
        let mut row = vec![Cell::text(coin), Cell::text(side), Cell::Count(of.len() as u64)];
        row.extend((0..HORIZONS.len()).map(|h| mean_cell(markout(&of, h))));
        row.push(Cell::bps(fee_bps(&of)));
        table.rows.push(row);
    }
    table
}

/// What a fill is put under.
type Key<'a> = &'a dyn Fn(&Fill) -> String;

/// How many fills there were, and what they were worth, by cause, level and hour.
pub fn groups(told: &Told) -> Figure {
    let soon = horizon_s();
    let mut figure = Figure {
        id: "fills",
        title: "Fills by cause, level and hour".to_owned(),
        how_to_read: "Bars count fills; in the table, what is left after the fee says which kind of fill earns and which \
                      one costs."
            .to_owned(),
        ..Figure::default()
    };
    if told.fills.is_empty() {
        figure.absent = Some("There were no fills.".to_owned());
        return figure;
    }
    let mut table = Table::of(&["by", "of", "fills", "volume, USD", "spread, bps"]);
    table.columns.extend([
        format!("markout {soon} s, bps [95 %]"),
        "fee, bps".to_owned(),
        "after the fee, bps".to_owned(),
    ]);
    let level =
        |f: &Fill| f.level.map_or("not known".to_owned(), |level| format!("level {}", level + 1));
    let hour =
        |f: &Fill| format!("{:02}:00 UTC", f.time.0.div_euclid(60 * BLOCK_NS).rem_euclid(24));
    let by: [(&str, Key<'_>); 3] = [("cause", &cause), ("level", &level), ("hour", &hour)];
    for (n, (name, key)) in by.into_iter().enumerate() {
        let mut groups: BTreeMap<String, Vec<&Fill>> = BTreeMap::new();
        for fill in &told.fills {
            groups.entry(key(fill)).or_default().push(fill);
        }
        let bars = groups.iter().map(|(group, of)| Row {
            name: group.clone(),
            tone: Tone::Of(n),
            bar: [0.0, of.len() as f64],
            whisker: None,
        });
        let plot =
            Plot::Rows(Rows { rows: bars.collect(), columns: ["", "fills"], ..Rows::default() });
        figure.charts.push(Chart::new(format!("by {name}"), "fills", 0, plot));
        table.rows.extend(groups.iter().map(|(group, of)| group_row(name, group, of)));
    }
    figure.table = Some(table);
    figure
}

fn group_row(by: &str, group: &str, fills: &[&Fill]) -> Vec<Cell> {
    let (markout, fee) = (markout(fills, SOON), fee_bps(fills));
    let left = markout.and_then(|mean| Some(mean.value - fee?));
    vec![
        Cell::text(by),
        Cell::text(group),
        Cell::Count(fills.len() as u64),
        Cell::Usd(fills.iter().map(|f| f.value()).sum()),
        Cell::bps(in_bps(fills, |f| Some(f.moved(f.px, f.mid?))).map(|mean| mean.value)),
        mean_cell(markout),
        Cell::bps(fee),
        Cell::bps(left),
    ]
}

/// By which rule it was filled, in words.
fn cause(fill: &Fill) -> String {
    let known = |code: &str| FillCause::ALL.into_iter().find(|cause| cause.as_str() == code);
    match &fill.cause {
        _ if fill.is_taker => "we took".to_owned(),
        None => "the venue's word".to_owned(),
        Some(code) => known(code).map_or_else(|| code.clone(), |cause| cause.in_words().to_owned()),
    }
}
