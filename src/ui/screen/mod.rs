//! The status screen: what the account is worth, per asset what we quote and why not, per stage how
//! long it takes. A picture fits the terminal it is drawn for: nothing wraps, nothing scrolls. Where
//! there is no room, what the strategies do gives way first, then the latencies, then coins beyond
//! the first, then older fills and alerts.

mod sheet;
mod table;

pub use sheet::Sheet;

use super::fills::SHOWN_HORIZON;
use super::latency::StageView;
use super::view::{CoinView, Counts, Source, View};
use super::words::{NOTHING, ago, clock, money, price, span};
use crate::when::parse_utc;
use botmm_pipeline::types::Nanos;
use console::measure_text_width;
use serde_json::Value;
use sheet::{GAP, Tone, left, right};
use std::fmt::Write as _;
use std::time::Duration;

/// Lines that the newest alert may take; each older one takes one.
const ALERT_LINES: usize = 3;
/// Of what is kept, so many fills and alerts are shown: a page has more room.
const FILLS: usize = 5;
const ALERTS: usize = 5;
/// Coins that are named when the order link is down.
const COINS_NAMED: usize = 8;

/// The parts of a screen below its head, with a blank line between them.
struct Parts {
    coins: Vec<String>,
    fills: Vec<String>,
    strategies: Vec<String>,
    latencies: Vec<String>,
    alerts: Vec<String>,
}

impl Parts {
    fn all(&self) -> [&Vec<String>; 5] {
        [&self.coins, &self.fills, &self.strategies, &self.latencies, &self.alerts]
    }

    /// Rows that they take.
    fn rows(&self) -> usize {
        self.all().iter().filter(|p| !p.is_empty()).map(|p| p.len() + 1).sum()
    }
}

/// What a running bot's own screen says of its keys.
pub const HINT: &str = "q or Ctrl-C cancels all and ends";

impl View {
    /// As a screen of text: at most as many lines as the sheet has rows, none longer than its columns.
    pub fn text(&self, sheet: Sheet) -> String {
        let running = format!("running {}", self.elapsed());
        self.screen(sheet, vec![self.title.clone(), running, HINT.to_owned()])
    }

    /// The same for whoever asked from elsewhere: whose word it is, and how old.
    pub fn report(&self, sheet: Sheet, now: Nanos) -> String {
        let mut words = vec![self.title.clone()];
        match &self.source {
            Source::Running { pid } => words.extend([
                format!("running {}", self.elapsed()),
                format!("process {pid}, {:.1} s ago", self.age_s(now)),
            ]),
            Source::Journal { path, is_held } => words.extend([
                if *is_held { "DOES NOT ANSWER" } else { "NOT RUNNING" }.to_owned(),
                format!("as of {}, {} ago", self.at, ago(self.age_s(now))),
                format!("ran {}", self.elapsed()),
                path.clone(),
            ]),
        }
        self.screen(sheet, words)
    }

    /// How long ago it was made, seconds.
    pub fn age_s(&self, now: Nanos) -> f64 {
        parse_utc(&self.at).map_or(f64::MAX, |at| (now - at).as_secs_f64().max(0.0))
    }

    /// For programs: all of it, and how old it is.
    pub fn to_json(&self, now: Nanos) -> Value {
        let mut all = serde_json::to_value(self).unwrap_or_default();
        all["is_running"] = matches!(self.source, Source::Running { .. }).into();
        all["age_s"] = self.age_s(now).into();
        all
    }

    fn elapsed(&self) -> String {
        clock(Duration::from_secs_f64(self.elapsed_s.max(0.0)))
    }

    fn screen(&self, sheet: Sheet, title: Vec<String>) -> String {
        let mut lines = self.head(sheet, title);
        let rows = sheet.rows.saturating_sub(lines.len());
        let parts = self.parts(sheet, rows);
        for part in parts.all().into_iter().filter(|p| !p.is_empty()) {
            lines.push(String::new());
            lines.extend_from_slice(part);
        }
        lines.truncate(sheet.rows);
        lines.join("\n")
    }

    /// The parts, of which some have given way until they fit into so many rows.
    fn parts(&self, sheet: Sheet, rows: usize) -> Parts {
        let coins = |rows| table::lines(self, sheet, rows);
        let mut parts = Parts {
            coins: coins(usize::MAX),
            fills: self.fills(sheet),
            strategies: self.strategies(sheet),
            latencies: self.latencies(sheet),
            alerts: self.alerts(sheet),
        };
        if parts.rows() > rows {
            parts.strategies.clear();
        }
        if parts.rows() > rows {
            parts.latencies.clear();
        }
        let too_many = parts.rows().saturating_sub(rows);
        if too_many > 0 {
            parts.coins = coins(self.coins.len().saturating_sub(too_many).max(2));
        }
        while parts.rows() > rows && parts.fills.len() > 2 {
            parts.fills.pop();
        }
        while parts.rows() > rows && parts.alerts.len() > 1 {
            parts.alerts.remove(0);
        }
        parts
    }

    /// What must always be seen: where we are, what it is worth, whether something holds us.
    fn head(&self, sheet: Sheet, title: Vec<String>) -> Vec<String> {
        let tone = if self.is_real_money { Tone::RealMoney } else { Tone::Badge };
        let badge = sheet.paint(tone, &format!(" {} ", self.network));
        let mut out = sheet.flow([badge].into_iter().chain(title));
        out.extend(sheet.flow(self.account(sheet)));
        out.extend(sheet.flow(self.activity()));
        let is_broken = self.coins.iter().any(|coin| coin.is_broken);
        let tone = if self.is_halted || is_broken { Tone::Alarm } else { Tone::Plain };
        let risk = sheet.flow(self.risk.split(GAP).map(str::to_owned));
        out.extend(risk.iter().map(|line| sheet.paint(tone, line)));
        out.extend(self.rungs.iter().flat_map(|rungs| sheet.flow(rungs.words())));
        if let Some((span, why)) = &self.unattended {
            let (why, span_s) = (why.to_uppercase(), span.floor());
            let text = format!("{why} for {span_s:.0} s: {}", self.resting());
            out.extend(sheet.sentence(&text, 3).iter().map(|l| sheet.paint(Tone::Alarm, l)));
        }
        out
    }

    fn account(&self, sheet: Sheet) -> [String; 3] {
        let (gross, fees, net) = (self.gross_usd, self.fees_usd, self.net_usd);
        let of_net = format!("net {} USD", money(net));
        let tone = if net.is_negative() { Tone::Loss } else { Tone::Plain };
        let opening = self.opening_usd.map_or(NOTHING.to_owned(), money);
        [
            format!("account {} USD", self.equity_usd.map_or(NOTHING.to_owned(), money)),
            format!(
                "{} = gross {} − fees {}",
                sheet.paint(tone, &of_net),
                money(gross),
                money(fees)
            ),
            format!("began with {opening}"),
        ]
    }

    fn activity(&self) -> Vec<String> {
        let Some(n) = &self.counts else { return Vec::new() };
        let mut out = vec![format!("{} fills, volume {} USD", n.fills, money(n.volume_usd))];
        if matches!(self.source, Source::Journal { .. }) {
            return out; // Nothing else of it is known any more.
        }
        out.extend([
            format!("{} open orders", n.open_orders),
            match self.requests_left {
                Some(left) => format!("{left} requests left"),
                None => format!("requests left {NOTHING}"),
            },
            format!("{} events, {} decisions", n.events, n.decisions),
            format!(
                "{} orders, {} modifies, {} cancels, {} rejects",
                n.orders, n.modifies, n.cancels, n.rejects,
            ),
        ]);
        if n.presigned + n.not_presigned > 0 {
            out.push(format!("{} signed ahead, {} not", n.presigned, n.not_presigned));
        }
        out.extend(dropped(n));
        out
    }

    /// What may still rest at the venue, as far as we know it.
    fn resting(&self) -> String {
        let count = self.counts.map_or(0, |n| n.open_orders);
        if count == 0 {
            return "no order of ours rests, as far as we know".to_owned();
        }
        let rests = |coin: &&CoinView| coin.bid.is_positive() || coin.ask.is_positive();
        let resting = self.coins.iter().filter(rests).take(COINS_NAMED);
        let named = resting.map(|c| format!("{} {} / {}", c.coin, price(c.bid), price(c.ask)));
        let named = named.collect::<Vec<_>>().join(", ");
        let named = if named.is_empty() { "their fate is unknown".to_owned() } else { named };
        format!("{count} orders may still rest: {named}")
    }

    fn fills(&self, sheet: Sheet) -> Vec<String> {
        let rows: Vec<_> = self
            .last_fills
            .iter()
            .take(FILLS)
            .map(|f| {
                let markout = match f.markouts_bps[SHOWN_HORIZON] {
                    Some(bps) => {
                        let tone = if bps < 0.0 { Tone::Loss } else { Tone::Plain };
                        sheet.paint(tone, &format!("{bps:+.2} bps"))
                    }
                    None => NOTHING.to_owned(),
                };
                let side = if f.is_buy { "bought" } else { "sold" };
                let time = f.time.get(11..19).unwrap_or_default();
                format!(
                    "{time}  {}  {side} {} at {}  after 5 s {markout}",
                    left(&f.coin, 6),
                    f.qty,
                    f.px
                )
            })
            .map(|row| sheet.cut(&row))
            .collect();
        match rows.is_empty() {
            true => rows,
            false => std::iter::once("last fills, and what the market did then".to_owned())
                .chain(rows)
                .collect(),
        }
    }

    fn strategies(&self, sheet: Sheet) -> Vec<String> {
        let rows = self.coins.iter().filter(|c| !c.doing.is_empty());
        rows.flat_map(|c| sheet.flow_after(&format!("{:<7} ", c.coin), c.doing.clone())).collect()
    }

    fn latencies(&self, sheet: Sheet) -> Vec<String> {
        let stages = latency_table("stage", &self.stages);
        let Some(wire) = &self.wire else {
            return stages.iter().map(|row| sheet.cut(row)).collect();
        };
        let mut steps = latency_table(&format!("{}:", wire.counts_from), &wire.steps);
        if wire.over_budget > 0 {
            steps.push(format!("{} of {} trips over budget", wire.over_budget, wire.trips));
        }
        let rows = match sheet.cols >= LATENCY_COLS {
            true => beside(stages, &steps),
            false => [stages, steps].concat(),
        };
        rows.iter().map(|row| sheet.cut(row)).collect()
    }

    /// The newest in full, those before it in a line each; oldest first.
    fn alerts(&self, sheet: Sheet) -> Vec<String> {
        let Some((newest, older)) = self.alerts.split_last() else { return Vec::new() };
        let older = &older[older.len().saturating_sub(ALERTS - 1)..];
        let older = older.iter().map(|alert| sheet.cut(&format!("! {alert}")));
        let newest = sheet.sentence(&format!("! {newest}"), ALERT_LINES);
        older.chain(newest).map(|line| sheet.paint(Tone::Warning, &line)).collect()
    }

    /// As one plain line, for logs and pipes.
    pub fn line(&self) -> String {
        let mut line = format!(
            "{} net {} USD (fees {}, {} fills)",
            self.elapsed(),
            money(self.net_usd),
            money(self.fees_usd),
            self.counts.map_or(0, |n| n.fills)
        );
        for CoinView { coin, mid, bid, ask, position, why, .. } in &self.coins {
            let why = if why.is_empty() { String::new() } else { format!(" [{why}]") };
            let [mid, bid, ask] = [*mid, *bid, *ask].map(price);
            let _ = write!(line, " | {coin} {mid} bid {bid} ask {ask} pos {position}{why}");
        }
        let dropped = self.counts.as_ref().and_then(dropped);
        dropped.iter().for_each(|dropped| line.extend([" | ", dropped]));
        line
    }
}

/// Two tables of latencies take so many columns side by side.
const LATENCY_COLS: usize = 80;

fn latency_table(title: &str, latencies: &[StageView]) -> Vec<String> {
    let row = |name: &str, values: [&str; 3]| {
        let [p50, p99, max] = values.map(|v| right(v, 9));
        format!("{} {p50} {p99} {max}", left(name, 8))
    };
    let took = latencies.iter().map(|l| {
        let [p50, p99, max] = [l.p50_ns, l.p99_ns, l.max_ns].map(span);
        row(&l.stage, [&p50, &p99, &max])
    });
    std::iter::once(row(title, ["p50", "p99", "max"])).chain(took).collect()
}

/// One table beside the other, two columns apart.
fn beside(mut first: Vec<String>, second: &[String]) -> Vec<String> {
    let width = first.iter().map(|row| measure_text_width(row)).max().unwrap_or(0);
    first.resize(first.len().max(second.len()), String::new());
    let both = first.into_iter().enumerate();
    both.map(|(i, row)| match second.get(i) {
        Some(more) => format!("{}  {more}", left(&row, width)),
        None => row,
    })
    .collect()
}

fn dropped(counts: &Counts) -> Option<String> {
    let count = counts.commentary_dropped;
    (count > 0).then(|| format!("{count} lines of commentary dropped"))
}

#[cfg(test)]
mod tests;
