//! What a result rests on, and what else a reader asks: latency, queue models, assumptions, data, alerts, and
//! the commands that make it again.

use super::super::model::{Cell, Chart, Command, Figure, Plot, Row, Rows, Table, Tone};
use super::read::Told;
use super::summary::{Kept, Latency};
use super::words::spaced;
use crate::masked::masked;
use crate::report::number::cents;
use crate::when::utc_s;
use botmm_pipeline::stage::NAMES;
use std::collections::BTreeMap;
use std::path::Path;

/// Where a live run keeps what `botmm parity` repeats.
const CAPTURE: &str = "capture";

/// How long each stage took.
pub fn latency(told: &Told, kept: Option<&Kept>) -> Figure {
    let mut figure = Figure {
        id: "latency",
        title: "Latency by stage".to_owned(),
        how_to_read: "A bar is from the median to the 99th percentile of a stage's time, the thin line goes on to the longest, \
                      and each step to the right is ten times as much: a long line is a moment in which we stood still."
            .to_owned(),
        ..Figure::default()
    };
    let by_summary = kept.map(|kept| kept.latency_ns.clone()).filter(|all| !all.is_empty());
    let by_journal = || {
        let stages = &told.latency.as_ref()?.stages;
        let of = |(name, l): (&String, &crate::journal::line::StageLatency)| {
            (name.clone(), Latency { p50: l.p50, p99: l.p99, max: l.max })
        };
        Some(stages.iter().map(of).collect::<BTreeMap<_, _>>())
    };
    let Some(stages) = by_summary.or_else(by_journal) else {
        figure.absent =
            Some("Neither the summary nor the journal says how long stages took.".to_owned());
        return figure;
    };
    let rank = |name: &str| NAMES.iter().position(|known| *known == name).unwrap_or(NAMES.len());
    let mut stages: Vec<(String, Latency)> = stages.into_iter().collect();
    stages.sort_by(|a, b| (rank(&a.0), &a.0).cmp(&(rank(&b.0), &b.0)));
    let mut table = Table::of(&["stage", "p50", "p99", "max"]);
    let us = |ns: u64| ns as f64 / 1e3;
    let mut rows = Vec::new();
    for (name, l) in stages {
        table.rows.push(vec![
            Cell::text(&*name),
            Cell::Nanos(l.p50),
            Cell::Nanos(l.p99),
            Cell::Nanos(l.max),
        ]);
        let whisker = Some([us(l.p50), us(l.max)]);
        rows.push(Row { name, tone: Tone::Of(0), bar: [us(l.p50), us(l.p99)], whisker });
    }
    let rows = Rows { is_log: true, rows, columns: ["p50, us", "p99, us"], ..Rows::default() };
    let unit = "microseconds";
    figure.charts = vec![Chart::new("latency", unit, 2, Plot::Rows(rows))];
    figure.table = Some(table);
    figure.notes.push(
        "From message to message, of this machine at that time: another run has other ones."
            .to_owned(),
    );
    figure
}

/// What other queue models would have said.
pub fn queue_band(kept: Option<&Kept>) -> Figure {
    let model = kept.map_or("one", |kept| kept.assumptions.queue.as_str());
    let model = if model.is_empty() { "one" } else { model };
    Figure {
        id: "queue",
        title: "Queue band".to_owned(),
        how_to_read: "The same under pessimistic and optimistic assumptions about our place in the queue: a result that \
                      changes its sign within the band is not known."
            .to_owned(),
        absent: Some(format!(
            "A run has a single queue model (here: {model}), so there is no band; `botmm backtest` runs several side by side."
        )),
        ..Figure::default()
    }
}

/// What the numbers rest on.
pub fn assumptions(told: &Told, kept: Option<&Kept>) -> Figure {
    let mut figure = Figure {
        id: "assumptions",
        title: "Assumptions".to_owned(),
        how_to_read: "Two results with different assumptions cannot be compared; with the same ones, data and seed, equal \
                      decision hashes say that nothing changed."
            .to_owned(),
        ..Figure::default()
    };
    let mut table = Table::of(&["what", "is"]);
    let mut row = |what: &str, is: String| table.rows.push(vec![Cell::text(what), Cell::Text(is)]);
    if let Some(run) = &told.run {
        row("run", format!("{} on {}, botmm {}", run.kind, run.network, run.botmm));
        row("money", if run.is_real_money { "real" } else { "simulated or a test's" }.to_owned());
        row("coins", run.coins.join(", "));
    }
    if let Some(kept) = kept {
        let a = &kept.assumptions;
        row("market", a.market.clone());
        row("queue", a.queue.clone());
        row("rules", a.rules.clone());
        row("feed", format!("{} (from the venue to us)", a.feed));
        row("late feed", a.feed_late.clone());
        row("latency", format!("{} (orders, and their answers)", a.latency));
        row("maker fee", format!("{} bps (positive = cost)", a.fee_bps));
        row("capital", format!("{} USD", cents(a.capital_usd.0)));
        let lossless = if a.lossless { ", lossless" } else { "" };
        row("run by", format!("seed {}, plan {}{lossless}", a.seed, a.plan));
        row("events", format!("{} market events", kept.events));
        row(
            "orders",
            format!(
                "{} sent, {} modified, {} cancelled, {} refused",
                kept.orders, kept.modifies, kept.cancels, kept.rejects
            ),
        );
        row("decision hash", kept.decision_hash.clone());
        row("config", format!("sha256 {}", a.config_sha256));
        a.notes.iter().for_each(|note| row("note", note.clone()));
        let dropped = kept.dropped.iter().filter(|(_, n)| **n > 0);
        dropped.for_each(|(ring, n)| {
            row("dropped", format!("{n} of {ring}, because something newer was there"))
        });
    } else if let Some(run) = &told.run {
        row("config", format!("sha256 {}", run.config_sha256));
    }
    for (why, count) in &told.rejects {
        row("refused", format!("{count} times: {}", spaced(why)));
    }
    if table.rows.is_empty() {
        figure.absent = Some("Neither journal nor summary says what this rests on.".to_owned());
    } else {
        figure.table = Some(table);
    }
    figure
}

/// What was read, and what the page is made of.
pub fn data(kept: Option<&Kept>, own: &[(String, String)]) -> Figure {
    let mut table = Table::of(&["file", "rows", "skipped", "sha256"]);
    for file in kept.into_iter().flat_map(|kept| &kept.assumptions.data) {
        table.rows.push(vec![
            Cell::text(&*file.path),
            Cell::Count(file.rows),
            Cell::Count(file.skipped),
            Cell::text(&*file.sha256),
        ]);
    }
    let has_data = !table.rows.is_empty();
    for (name, sha256) in own {
        let row = vec![Cell::text(&**name), Cell::Unknown, Cell::Unknown, Cell::text(&**sha256)];
        table.rows.push(row);
    }
    let mut figure = Figure {
        id: "data",
        title: "Data".to_owned(),
        how_to_read: "The files that this rests on, by the hash of their bytes: another hash is another result.".to_owned(),
        table: Some(table),
        ..Figure::default()
    };
    if !has_data {
        figure.notes.push("A live market: no recording was read.".to_owned());
    }
    figure
}

/// What a person was told while it ran.
pub fn alerts(told: &Told) -> Option<Figure> {
    if told.alerts.is_empty() {
        return None;
    }
    let mut table = Table::of(&["time, UTC", "alert"]);
    for (time, text) in &told.alerts {
        table.rows.push(vec![Cell::text(utc_s(*time)), Cell::text(&**text)]);
    }
    let mut figure = Figure {
        id: "alerts",
        title: "Alerts".to_owned(),
        how_to_read: "What a person was told while it ran, oldest first; money that moved near one of these moved for a reason."
            .to_owned(),
        table: Some(table),
        ..Figure::default()
    };
    if told.more_alerts > 0 {
        figure.notes.push(format!("{} more are in the journal.", told.more_alerts));
    }
    Some(figure)
}

/// How the page and the run are made again.
pub fn commands(folder: &Path, name: &str, told: &Told, kept: Option<&Kept>) -> Vec<Command> {
    let mut all = vec![Command {
        purpose: "This page, byte for byte, from the same folder:".to_owned(),
        line: format!("botmm report {}", quoted(name)),
    }];
    let kind = told.run.as_ref().map_or("", |run| run.kind.as_str());
    match (kind, kept) {
        ("replay", Some(kept)) => {
            let a = &kept.assumptions;
            let coins = told.run.as_ref().map_or(String::new(), |run| run.coins.join(","));
            let lossless = if a.lossless { " --lossless" } else { "" };
            all.push(Command {
                purpose: format!(
                    "The run, from files of the hashes above and a configuration whose hash is {}; its decision hash is \
                     then {}:",
                    a.config_sha256, kept.decision_hash
                ),
                line: format!(
                    "botmm replay DATA --config CONFIG --symbols {} --queue {} --rules {} --feed {} --latency {} --fee-bps \
                     {} --seed {} --plan {}{lossless} --out {}",
                    quoted(&coins),
                    quoted(&a.queue),
                    quoted(&a.rules),
                    quoted(&a.feed),
                    quoted(&a.latency),
                    a.fee_bps,
                    a.seed,
                    quoted(&a.plan),
                    quoted(name)
                ),
            });
        }
        _ if folder.join(CAPTURE).is_dir() => all.push(Command {
            purpose: "The run's decisions again, from its own capture:".to_owned(),
            line: format!("botmm parity {}", quoted(name)),
        }),
        _ => {}
    }
    all
}

/// A word of a command line.
pub fn quoted(word: &str) -> String {
    let word = masked(word);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,+=".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_is_one_word_of_a_command_line() {
        assert_eq!(quoted("2026-11-28T00-00-00Z"), "2026-11-28T00-00-00Z");
        assert_eq!(quoted("my run; rm -rf '$HOME'"), r"'my run; rm -rf '\''$HOME'\'''");
        assert_eq!(quoted(""), "''");
    }
}
