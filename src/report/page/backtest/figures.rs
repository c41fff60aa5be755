//! The figures of a backtest.

use super::super::model::Row as Bar;
use super::super::model::{
    Cell, Chart, Figure, Level, Lines, Place, Plot, Point, Rows, Series, Shape, Table, Tone,
};
use super::super::run::money::{self, Result as Came};
use super::super::run::words::digits_of;
use super::super::thin::thin;
use super::read::Outcome;
use crate::report::backtest::{Chosen, Results, Row};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{FillCause, Nanos, Usd};
use std::collections::BTreeMap;

/// Bars that are drawn.
const MAX_BARS: usize = 40;
/// Characters of a bar's name.
const NAME_CHARS: usize = 44;

/// Every row, the least doubtful first.
pub fn rows(results: &Results) -> Figure {
    let mut figure = Figure {
        id: "rows",
        title: "All sets, under all assumptions".to_owned(),
        how_to_read: "A bar is a row's net, the thin line where it lies with 95 %: only a line that is wholly to the right of \
                      zero is more than chance, and of many rows some are so by luck."
            .to_owned(),
        ..Figure::default()
    };
    let numbered = || results.rows.iter().enumerate();
    let bars: Vec<Bar> =
        numbered().take(MAX_BARS).map(|(n, row)| bar(results, n + 1, row)).collect();
    let digits = digits_of(
        bars.iter().flat_map(|b| b.bar.into_iter().chain(b.whisker.into_iter().flatten())),
    );
    let plot = Plot::Rows(Rows { rows: bars, columns: ["", "net, USD"], ..Rows::default() });
    figure.charts = vec![Chart::new("net by row", "USD", digits, plot)];
    let mut table = Table::of(&[
        "row",
        "set",
        "net, USD",
        "net [95 %]",
        "t",
        "fills",
        "queue",
        "feed",
        "latency",
        "fee",
        "fee, bps",
        "coins",
        "volume, USD",
        "gross",
        "fees",
        "funding",
        "drawdown",
        "Sharpe",
    ]);
    table.rows = numbered().map(|(n, row)| cells(n + 1, row)).collect();
    figure.table = Some(table);
    if results.rows.len() > MAX_BARS {
        figure.notes.push(format!(
            "The first {MAX_BARS} of {} rows are drawn; the table has all.",
            results.rows.len()
        ));
    }
    figure
}

fn bar(results: &Results, number: usize, row: &Row) -> Bar {
    let net = row.net_usd.0;
    // Only what differs between rows tells them apart.
    let differs = |value: &dyn Fn(&Row) -> String| {
        let first = results.rows.first().map(value);
        results.rows.iter().any(|other| Some(value(other)) != first)
    };
    let parts: [&dyn Fn(&Row) -> String; 6] = [
        &|r| r.set.clone(),
        &|r| r.coins.join(","),
        &|r| r.queue.clone(),
        &|r| format!("feed {}", r.feed),
        &|r| format!("latency {}", r.latency),
        &|r| format!("fee {}", r.fee_bps),
    ];
    let told: Vec<String> = parts.iter().filter(|p| differs(*p)).map(|p| p(row)).collect();
    let name = if told.is_empty() { row.set.clone() } else { told.join(", ") };
    let name = format!("{number}: {name}");
    let is_long = name.chars().count() > NAME_CHARS;
    let short: String = name.chars().take(NAME_CHARS).collect();
    Bar {
        name: if is_long { short + "…" } else { name },
        tone: if net.is_negative() { Tone::Loss } else { Tone::Gain },
        bar: [0.0, net.to_f64()],
        whisker: row.net_interval.as_ref().map(|i| [i.low_usd, i.high_usd]),
    }
}

fn cells(number_of_row: usize, row: &Row) -> Vec<Cell> {
    let net = row.net_usd.0.to_f64();
    let interval = row.net_interval.as_ref();
    let number = |value: Option<f64>| value.map_or(Cell::Unknown, |v| Cell::Number(v, 2, None));
    vec![
        Cell::Count(number_of_row as u64),
        Cell::text(&*row.set),
        Cell::Usd(row.net_usd.0),
        interval.map_or(Cell::Unknown, |i| Cell::Number(net, 2, Some([i.low_usd, i.high_usd]))),
        number(interval.map(|i| i.t)),
        Cell::Count(row.fills),
        Cell::text(&*row.queue),
        Cell::text(&*row.feed),
        Cell::text(&*row.latency),
        Cell::text(&*row.fee),
        Cell::Number(row.fee_bps.to_f64(), 3, None),
        Cell::text(row.coins.join(", ")),
        Cell::Usd(row.volume_usd.0),
        Cell::Usd(row.gross_usd.0),
        Cell::Usd(row.fees_usd.0),
        Cell::Usd(row.funding_usd.0),
        Cell::Usd(row.max_drawdown_usd.0),
        number(row.sharpe),
    ]
}

/// Queue models side by side.
pub fn queue_band(results: &Results) -> Figure {
    let mut figure = Figure {
        id: "queue",
        title: "Queue band".to_owned(),
        how_to_read: "A bar is from the worst to the best of the queue models, the same set otherwise: what lies in it cannot be \
                      told from a recording, and a bar across zero says that nobody knows."
            .to_owned(),
        ..Figure::default()
    };
    if results.bands.is_empty() {
        figure.absent = Some(
            "One queue model was tried, so there is no band: name several with --queue.".to_owned(),
        );
        return figure;
    }
    let mut table = Table::of(&["set", "feed", "latency", "fee", "queue", "fills", "net, USD"]);
    let mut bars = Vec::new();
    for band in &results.bands {
        let ends = [band.low_usd, band.high_usd].map(|usd| usd.0.to_f64());
        let name = format!("{}, feed {}, {}, {}", band.set, band.feed, band.latency, band.fee);
        if bars.len() < MAX_BARS {
            let tone = if ends[1] < 0.0 { Tone::Loss } else { Tone::Of(0) };
            bars.push(Bar {
                name: name.chars().take(NAME_CHARS).collect(),
                tone,
                bar: ends,
                whisker: None,
            });
        }
        for (queue, one) in &band.by_queue {
            let mut row: Vec<Cell> = [&band.set, &band.feed, &band.latency, &band.fee, queue]
                .map(|t| Cell::text(&**t))
                .into();
            row.extend([Cell::Count(one.fills), Cell::Usd(one.net_usd.0)]);
            table.rows.push(row);
        }
    }
    let digits = digits_of(bars.iter().flat_map(|bar| bar.bar));
    let plot = Plot::Rows(Rows {
        rows: bars,
        columns: ["lowest, USD", "highest, USD"],
        ..Rows::default()
    });
    figure.charts = vec![Chart::new("queue band", "USD", digits, plot)];
    figure.table = Some(table);
    figure
}

/// What keeps the best of many from being believed.
pub fn guards(results: &Results) -> Figure {
    let mut figure = Figure {
        id: "guards",
        title: "Is the best one luck?".to_owned(),
        how_to_read: "The more sets are tried, the better the best looks by luck alone: believe one whose net is above zero, whose \
                      deflated Sharpe ratio is near 1, and whose probability of over-fitting is far below 0.5."
            .to_owned(),
        ..Figure::default()
    };
    if results.best.is_empty() {
        figure.absent = Some("Nothing was chosen.".to_owned());
        return figure;
    }
    let mut table = Table::of(&[
        "best set",
        "queue",
        "feed",
        "latency",
        "fee",
        "net, USD",
        "above zero",
        "sets tried",
        "deflated Sharpe",
        "probability of over-fitting",
        "why not",
    ]);
    let number = |value: Option<f64>| value.map_or(Cell::Unknown, |v| Cell::Number(v, 2, None));
    for best in &results.best {
        let Chosen { set, queue, feed, latency, fee, .. } = &best.chosen;
        let mut row: Vec<Cell> = [set, queue, feed, latency, fee].map(|t| Cell::text(&**t)).into();
        let notes = best.deflated_sharpe_note.iter().chain(&best.overfit_note);
        let notes: Vec<&str> = notes.map(String::as_str).collect();
        row.extend([
            Cell::Usd(best.net_usd.0),
            Cell::text(if best.is_above_zero { "yes" } else { "no" }),
            Cell::Count(best.sets_tried as u64),
            number(best.deflated_sharpe),
            number(best.overfit_probability),
            Cell::text(notes.join("; ")),
        ]);
        table.rows.push(row);
    }
    figure.table = Some(table);
    figure
}

/// Chosen on one part of the time, judged on the next.
pub fn walk_forward(results: &Results) -> Figure {
    let mut figure = Figure {
        id: "walk",
        title: "Walk forward".to_owned(),
        how_to_read: "Each set was the best of the part before: what it earned on the part after is what choosing it would have \
                      brought."
            .to_owned(),
        ..Figure::default()
    };
    if results.walk_forward.is_empty() {
        figure.absent = Some("Nothing was chosen on one part and judged on the next: ask for it with --walk-forward.".to_owned());
        return figure;
    }
    let mut table = Table::of(&[
        "part",
        "set",
        "queue",
        "feed",
        "latency",
        "fee",
        "chosen with, USD",
        "judged, USD",
        "best there, USD",
    ]);
    let mut bars = Vec::new();
    for f in &results.walk_forward {
        let Chosen { set, queue, feed, latency, fee, .. } = &f.chosen;
        let mut row = vec![Cell::text(format!("{} of {}", f.part + 1, f.parts))];
        row.extend([set, queue, feed, latency, fee].map(|t| Cell::text(&**t)));
        row.extend(
            [f.chosen_usd, f.judged_usd, f.best_there_usd].map(|v| Cell::Number(v, 2, None)),
        );
        table.rows.push(row);
        let tone = if f.judged_usd < 0.0 { Tone::Loss } else { Tone::Gain };
        let name: String = format!("{}, {set}", f.part + 2).chars().take(NAME_CHARS).collect();
        bars.push(Bar { name, tone, bar: [0.0, f.judged_usd], whisker: None });
    }
    bars.truncate(MAX_BARS);
    let digits = digits_of(bars.iter().map(|bar| bar.bar[1]));
    let plot = Plot::Rows(Rows { rows: bars, columns: ["", "judged, USD"], ..Rows::default() });
    figure.charts = vec![Chart::new("earned on the part after", "USD", digits, plot)];
    figure.table = Some(table);
    figure
}

/// Where a row's money came from.
pub fn split(row: &Row, came: &Came) -> Figure {
    let mut figure = money::bars(came);
    figure.notes.push(format!("Of the row {}, under queue {}.", row.set, row.queue));
    figure
}

/// The equity of a run has parts that samples do not: what is left of them is gross.
pub fn gross_and_costs(figure: &mut Figure) {
    figure.how_to_read = "The thick line is what was earned or lost so far, after everything; gross is before costs, and where it \
                          does not rise above the fees nothing is left."
        .to_owned();
    for chart in &mut figure.charts {
        let Plot::Lines(lines) = &mut chart.plot else { continue };
        lines
            .series
            .retain(|s| !matches!(s.name.as_str(), "spread captured" | "adverse selection"));
        for series in &mut lines.series {
            if series.name == "inventory" {
                "gross".clone_into(&mut series.name);
            }
        }
        *chart = Chart::new(
            std::mem::take(&mut chart.name),
            chart.unit,
            chart.digits,
            chart.plot.clone(),
        );
    }
}

/// What was held.
pub fn held(row: &Row, outcomes: &[Outcome]) -> Figure {
    let mut figure = Figure {
        id: "inventory",
        title: "Held".to_owned(),
        how_to_read: "The worth of all positions together, long and short alike: a maker's line comes back to zero, and one that \
                      stays up is a bet."
            .to_owned(),
        ..Figure::default()
    };
    let points = outcomes.iter().flat_map(|o| o.samples.time_ms.iter().zip(&o.samples.held_usd));
    let points: Vec<Point> = points
        .map(|(ms, usd)| Point::at(Nanos::millis(*ms).as_secs_f64(), usd.0.to_f64()))
        .collect();
    if points.is_empty() {
        figure.absent = Some("The files of this row's replays have no samples.".to_owned());
        return figure;
    }
    let series = Series {
        name: "held".to_owned(),
        tone: Tone::Of(0),
        shape: Shape::Step,
        points: thin(points),
    };
    let lines = Lines { has_zero: true, series: vec![series], ..Lines::default() };
    figure.charts = vec![Chart::new("held", "USD", 2, Plot::Lines(lines))];
    figure.notes.push(format!("Of the row {}.", row.set));
    figure
}

/// Markouts of a row's fills, by side.
pub fn markouts(row: &Row, outcomes: &[Outcome]) -> Figure {
    let mut figure = Figure {
        id: "markouts",
        title: "Markouts by side".to_owned(),
        how_to_read: "How far the mid was beyond the fill's price, some time after it: a line above the dashed fee pays for itself, \
                      one that falls to the right is run over."
            .to_owned(),
        ..Figure::default()
    };
    let mut sums: BTreeMap<(&str, &str, usize), (u64, Usd, Usd)> = BTreeMap::new();
    for (coin, sides) in outcomes.iter().flat_map(|o| &o.summary.markouts) {
        for (side, by_horizon) in sides {
            for (at, after) in HORIZONS.iter().enumerate() {
                let name = format!("{}s", after.as_millis() / 1_000);
                let Some(m) = by_horizon.get(&name) else { continue };
                let sum = sums.entry((coin, side, at)).or_default();
                *sum = (sum.0 + m.fills, sum.1 + m.volume_usd.0, sum.2 + m.usd.0);
            }
        }
    }
    let of = |side: &str, at: usize| {
        let all = sums.iter().filter(|((_, s, h), _)| *s == side && *h == at).map(|(_, sum)| sum);
        let (volume, earned) =
            all.fold((Usd::ZERO, Usd::ZERO), |a, sum| (a.0 + sum.1, a.1 + sum.2));
        super::super::run::words::usd_bps(earned, volume)
    };
    let curve = |(side, name, tone): (&str, &str, Tone)| Series {
        name: name.to_owned(),
        tone,
        shape: Shape::Line,
        points: (0..HORIZONS.len())
            .filter_map(|at| Some(Point::at(at as f64, of(side, at)?)))
            .collect(),
    };
    let series: Vec<Series> = [("bid", "buys", Tone::BUY), ("ask", "sells", Tone::SELL)]
        .map(curve)
        .into_iter()
        .filter(|s| !s.points.is_empty())
        .collect();
    if series.is_empty() {
        figure.absent = Some("No fill of this row was measured.".to_owned());
        return figure;
    }
    let places = HORIZONS.iter().enumerate().map(|(at, after)| Place {
        x: at as f64,
        name: format!("{} s", after.as_millis() / 1_000),
    });
    let lines = Lines {
        places: places.collect(),
        has_zero: true,
        series,
        levels: vec![Level { name: "fee".to_owned(), y: row.fee_bps.to_f64() }],
        ..Lines::default()
    };
    figure.charts = vec![Chart::new("by side", "bps", 2, Plot::Lines(lines))];
    let mut table = Table::of(&["coin", "side", "after, s", "fills", "markout, bps", "USD"]);
    for ((coin, side, at), (fills, volume, earned)) in &sums {
        let bps = super::super::run::words::usd_bps(*earned, *volume);
        let after = HORIZONS[*at].as_millis() / 1_000;
        let row = [
            Cell::text(*coin),
            Cell::text(*side),
            Cell::Count(after.unsigned_abs()),
            Cell::Count(*fills),
        ];
        table.rows.push(row.into_iter().chain([Cell::bps(bps), Cell::Usd(*earned)]).collect());
    }
    figure.table = Some(table);
    figure.notes.push(format!(
        "Of the row {}; before fees. Summaries have sums and no single fills: a replay of it with --out has intervals and levels.",
        row.set
    ));
    figure
}

/// By which rule fills were made.
pub fn causes(row: &Row, outcomes: &[Outcome]) -> Figure {
    let mut figure = Figure {
        id: "fills",
        title: "Fills by cause".to_owned(),
        how_to_read: "By which rule the recorded market filled us; those where the displayed touch reached us are the least certain."
            .to_owned(),
        ..Figure::default()
    };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (code, fills) in outcomes.iter().flat_map(|o| &o.summary.fills_by_cause) {
        let known = FillCause::ALL.into_iter().find(|cause| cause.as_str() == code);
        let words = known.map_or_else(|| code.clone(), |cause| cause.in_words().to_owned());
        *counts.entry(words).or_default() += fills.fills;
    }
    if counts.is_empty() {
        figure.absent = Some("There were no fills, or no rule had to guess.".to_owned());
        return figure;
    }
    let bars = counts.into_iter().map(|(name, fills)| Bar {
        name,
        tone: Tone::Of(0),
        bar: [0.0, fills as f64],
        whisker: None,
    });
    let plot = Plot::Rows(Rows { rows: bars.collect(), columns: ["", "fills"], ..Rows::default() });
    figure.charts = vec![Chart::new("by cause", "fills", 0, plot)];
    figure.notes.push(format!("Of the row {}.", row.set));
    figure
}

/// What was read, and what the page is made of.
pub fn data(results: &Results, own: &str) -> Figure {
    let mut table = Table::of(&["recording", "file", "sha256"]);
    for day in &results.days {
        for file in &day.files {
            table.rows.push([&day.name, &file.name, &file.sha256].map(|t| Cell::text(&**t)).into());
        }
    }
    for (what, sha256) in [
        ("results.json", own),
        ("tasks.jsonl", &*results.plan_sha256),
        ("botmm", &*results.binary_sha256),
    ] {
        table.rows.push(["", what, sha256].map(Cell::text).into());
    }
    Figure {
        id: "data",
        title: "Data".to_owned(),
        how_to_read: "The files that this rests on, by the hash of their bytes: another hash is another result.".to_owned(),
        table: Some(table),
        ..Figure::default()
    }
}
