//! An inspection for people, in 80 columns.

use super::coin::CoinReport;
use super::stream::{Gap, StreamReport};
use super::{Inspection, MAX_NAMED};
use std::fmt;

const COLUMNS: usize = 80;
/// What stands left of every text.
const LABEL: usize = 10;
/// A blank at which no line ends.
const JOINED: char = '\u{a0}';

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: u64 = self.files.iter().map(|file| file.lines).sum();
        let (files, bad) = (self.files.len(), self.bad_lines);
        entry(f, "files", &format!("{files}, with {lines} lines, of which {bad} are bad"))?;
        for (kind, count) in &self.bad_lines_by_kind {
            entry(f, "", &format!("{count} × {kind}"))?;
        }
        for file in &self.files {
            if let Some(why) = &file.unsound {
                entry(f, "unsound", why)?;
            }
        }
        let [first, last] = &self.span;
        entry(f, "span", &format!("{first} to {last}, {}", seconds(self.span_s)))?;
        named(f, "no data", "on ", &self.missing_days)?;
        let steps: Vec<String> = self
            .clock_steps
            .iter()
            .map(|s| format!("{}: {} ms late, {} before", s.at, s.delay_ms[1], s.delay_ms[0]))
            .collect();
        named(f, "clock set", "", &steps)?;
        if self.received_early > 0 {
            let early = format!("{} events, received before they happened", self.received_early);
            entry(f, "early", &early)?;
        }
        if self.marked_gaps > 0 {
            let gaps = format!("{} gaps that the recorder marked", self.marked_gaps);
            entry(f, "link lost", &gaps)?;
        }
        if self.repeated_trades > 0 {
            entry(f, "repeated", &format!("{} trades, left out", self.repeated_trades))?;
        }
        writeln!(
            f,
            "\n{:<10}{:<9}{:>9}{:>10}{:>9}{:>9}{:>11}{:>9}",
            "coin", "stream", "events", "every p50", "p99", "longest", "late p50", "p99"
        )?;
        self.coins.iter().try_for_each(|coin| table(f, coin))?;
        self.coins.iter().try_for_each(|coin| about(f, coin))
    }
}

fn table(f: &mut fmt::Formatter<'_>, coin: &CoinReport) -> fmt::Result {
    for (i, stream) in coin.streams.iter().enumerate() {
        let StreamReport { every, delay, .. } = stream;
        let name = if i == 0 { own_line(f, &coin.coin)? } else { "" };
        writeln!(
            f,
            "{name:<10}{:<9}{:>9}{:>10}{:>9}{:>9}{:>11}{:>9}",
            stream.stream,
            stream.events,
            short(every.p50_ms),
            short(every.p99_ms),
            short(every.max_ms),
            short(delay.p50_ms),
            short(delay.p99_ms),
        )?;
    }
    Ok(())
}

fn about(f: &mut fmt::Formatter<'_>, coin: &CoinReport) -> fmt::Result {
    let percent = |share: f64| format!("{:.2}{JOINED}%", share * 100.0);
    let (price, size) = (coin.decimals.price, coin.decimals.size);
    let levels = coin.streams.iter().map(|s| s.levels).max().unwrap_or(0);
    writeln!(f)?;
    entry(
        f,
        &coin.coin,
        &format!(
            "decimals: price {price}, size {size}; {levels} levels a side at most; locked {}, crossed {}",
            percent(coin.locked.share),
            percent(coin.crossed.share)
        ),
    )?;
    let trades = &coin.trades;
    if trades.buys + trades.sells > 0 {
        let of = |n: u64| percent(n as f64 / trades.placed().max(1) as f64);
        let before = match trades.before_any_book {
            0 => String::new(),
            n => format!(", {n} before any book"),
        };
        let (inside, at, outside) = (of(trades.inside), of(trades.at_touch), of(trades.outside));
        let where_ = format!("inside the book {inside}, at the touch {at}, outside {outside}");
        entry(f, "", &format!("trades: {where_}{before}"))?;
    }
    for stream in coin.streams.iter().filter(|stream| stream.gaps > 0) {
        let gap = |gap: &Gap| format!("{} after {}", seconds(gap.seconds), gap.from);
        let longest = stream.longest_gaps.first().map(gap).unwrap_or_default();
        let (gaps, all) = (stream.gaps, seconds(stream.gaps_s));
        let what = stream.stream;
        entry(f, "", &format!("{what}: {gaps} gap(s), {all} in all, the longest {longest}"))?;
    }
    for verdict in &coin.good_for {
        let of = format!("{:?}", verdict.of).to_lowercase();
        match verdict.good {
            true => entry(f, "", &format!("good for {of}"))?,
            false => entry(f, "", &format!("not for {of}: {}", verdict.why_not.join("; ")))?,
        }
    }
    Ok(())
}

/// The first few of a list, and how many more there are.
fn named(f: &mut fmt::Formatter<'_>, label: &str, on: &str, all: &[String]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    let more = match all.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = all[..all.len().min(MAX_NAMED)].join(", ");
    entry(f, label, &format!("{on}{first}{more}"))
}

/// A text in lines of at most 80 columns, set in behind its label.
fn entry(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let mut label = own_line(f, label)?;
    let mut line = String::new();
    for word in text.split(' ') {
        let is_full = LABEL + line.chars().count() + 1 + word.chars().count() > COLUMNS;
        if !line.is_empty() && is_full {
            writeln!(f, "{label:<LABEL$}{line}")?;
            (label, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += &word.replace(JOINED, " ");
    }
    writeln!(f, "{label:<LABEL$}{line}")
}

/// A label that is too long for its place gets a line of its own; what is left to be said of it.
fn own_line<'a>(f: &mut fmt::Formatter<'_>, label: &'a str) -> Result<&'a str, fmt::Error> {
    if label.chars().count() < LABEL {
        return Ok(label);
    }
    writeln!(f, "{label}").map(|()| "")
}

/// Milliseconds in few characters: `0.4 ms`, `541 ms`, `18.2 s`, `2.0 h`.
fn short(ms: f64) -> String {
    match ms.abs() {
        small if small < 10.0 => format!("{ms:.1} ms"),
        small if small < 1_000.0 => format!("{ms:.0} ms"),
        _ => seconds(ms / 1e3),
    }
}

/// `18.2 s`, `35 min`, `26.5 h`, `3.1 d`.
fn seconds(s: f64) -> String {
    match s.abs() {
        small if small < 100.0 => format!("{s:.1} s"),
        small if small < 6_000.0 => format!("{:.1} min", s / 60.0),
        small if small < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        _ => format!("{:.1} d", s / 86_400.0),
    }
}
