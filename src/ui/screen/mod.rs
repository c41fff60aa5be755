//! The status screen: what the account is worth, per asset what we quote and why not, per stage how
//! long it takes. A picture fits the terminal it is drawn for: nothing wraps, nothing scrolls. Where
//! there is no room, what the strategies do gives way first, then the latencies, then coins beyond
//! the first, then older fills and alerts.

mod fills;
mod sheet;
mod table;
mod words;

pub use fills::LastFills;
pub use sheet::Sheet;

use crate::rungs::Rungs;
use botmm_pipeline::rt::{Latencies, StageLatency};
use botmm_pipeline::stage::numbers::Numbers;
use botmm_pipeline::stage::status::{AssetStatus, StrategyStatus};
use botmm_pipeline::types::{AssetId, RiskState, Side, Universe, Usd};
use sheet::{GAP, Tone, left, right};
use std::fmt::Write as _;
use std::time::Duration;
use words::{NOTHING, clock, doing, money, price, span, why};

/// Lines that the newest alert may take; each older one takes one.
const ALERT_LINES: usize = 3;
/// Coins that are named when the order link is down.
const COINS_NAMED: usize = 8;

/// What one picture shows.
pub struct Picture<'a> {
    /// Which network it is, in large.
    pub network: &'a str,
    /// Real money is at stake.
    pub is_real_money: bool,
    /// First line: what runs.
    pub title: &'a str,
    /// Since the start.
    pub elapsed: Duration,
    /// What the account was worth at the start, by the venue; [`None`] = not told yet.
    pub opening: Option<Usd>,
    /// Requests that the venue still allows us; [`None`] = not told yet.
    pub requests_left: Option<u64>,
    /// Who would cancel what rests, were the bot gone.
    pub rungs: &'a Rungs,
    /// How long nobody has looked after what rests, and why: `order link down`.
    pub unattended: Option<(Duration, String)>,
    /// The assets.
    pub universe: &'a Universe,
    /// Their states, in the universe's order.
    pub assets: &'a [AssetStatus],
    /// What their strategies do, likewise.
    pub strategies: &'a [StrategyStatus],
    /// What the risk stage holds, in words.
    pub risk: &'a str,
    /// What was counted.
    pub numbers: &'a Numbers,
    /// What the journal lacks of the whys of decisions, for want of room.
    pub commentary_dropped: u64,
    /// How long polls took.
    pub latencies: &'a Latencies,
    /// The newest fills.
    pub fills: &'a LastFills,
    /// Newest alerts, newest last.
    pub alerts: &'a [String],
}

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

impl Picture<'_> {
    /// As a screen of text: at most as many lines as the sheet has rows, none longer than its columns.
    pub fn text(&self, sheet: Sheet) -> String {
        let mut lines = self.head(sheet);
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
            parts.coins = coins(self.assets.len().saturating_sub(too_many).max(2));
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
    fn head(&self, sheet: Sheet) -> Vec<String> {
        let tone = if self.is_real_money { Tone::RealMoney } else { Tone::Badge };
        let badge = sheet.paint(tone, &format!(" {} ", self.network));
        let running = format!("running {}", clock(self.elapsed));
        let hint = "q or Ctrl-C cancels all and ends".to_owned();
        let mut out = sheet.flow([badge, self.title.to_owned(), running, hint]);
        out.extend(sheet.flow(self.account(sheet)));
        out.extend(sheet.flow(self.activity()));
        let halted = self.numbers.halted.is_some();
        let breaks = self.universe.assets().any(|a| self.is_broken(a));
        let tone = if halted || breaks { Tone::Alarm } else { Tone::Plain };
        let risk = sheet.flow(self.risk.split(GAP).map(str::to_owned));
        out.extend(risk.iter().map(|line| sheet.paint(tone, line)));
        out.extend(sheet.flow(self.rungs.words()));
        if let Some((span, why)) = &self.unattended {
            let (why, span_s) = (why.to_uppercase(), span.as_secs());
            let text = format!("{why} for {span_s} s: {}", self.resting());
            out.extend(sheet.sentence(&text, 3).iter().map(|l| sheet.paint(Tone::Alarm, l)));
        }
        out
    }

    fn is_broken(&self, asset: AssetId) -> bool {
        self.numbers.assets[asset.index()].state == RiskState::CircuitBreak
    }

    fn account(&self, sheet: Sheet) -> [String; 3] {
        let n = self.numbers;
        let (gross, fees, net) = (n.gross, n.fees, n.net());
        let of_net = format!("net {} USD", money(net));
        let tone = if net.is_negative() { Tone::Loss } else { Tone::Plain };
        let opening = self.opening.map_or(NOTHING.to_owned(), money);
        [
            format!("account {} USD", self.opening.map_or(NOTHING.to_owned(), |o| money(o + net))),
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
        let n = self.numbers;
        let mut out = vec![
            format!("{} fills, volume {} USD", n.fills, money(n.volume)),
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
        ];
        out.extend(self.dropped());
        out
    }

    fn dropped(&self) -> Option<String> {
        let count = self.commentary_dropped;
        (count > 0).then(|| format!("{count} lines of commentary dropped"))
    }

    /// What may still rest at the venue, as far as we know it.
    fn resting(&self) -> String {
        let count = self.numbers.open_orders;
        if count == 0 {
            return "no order of ours rests, as far as we know".to_owned();
        }
        let known = self.universe.iter().zip(self.assets);
        let resting = known.filter(|(_, a)| a.bid.is_positive() || a.ask.is_positive());
        let named = resting.take(COINS_NAMED).map(|((_, instrument), a)| {
            format!("{} {} / {}", instrument.coin, price(a.bid), price(a.ask))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let named = if named.is_empty() { "their fate is unknown".to_owned() } else { named };
        format!("{count} orders may still rest: {named}")
    }

    fn fills(&self, sheet: Sheet) -> Vec<String> {
        let rows: Vec<_> = self
            .fills
            .iter()
            .map(|f| {
                let coin = self.universe.get(f.asset).coin;
                let markout = match f.markout_bps {
                    Some(bps) => {
                        let tone = if bps < 0.0 { Tone::Loss } else { Tone::Plain };
                        sheet.paint(tone, &format!("{bps:+.2} bps"))
                    }
                    None => NOTHING.to_owned(),
                };
                let side = if f.side == Side::Bid { "bought" } else { "sold" };
                let time = crate::when::utc(f.time);
                let time = time.get(11..19).unwrap_or_default();
                format!(
                    "{time}  {}  {side} {} at {}  after 5 s {markout}",
                    left(coin.as_str(), 6),
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
        let rows = self.universe.iter().zip(self.strategies);
        rows.flat_map(|((_, i), s)| {
            let name = format!("{:<7} ", i.coin.as_str());
            sheet.flow_after(&name, doing(s))
        })
        .collect()
    }

    fn latencies(&self, sheet: Sheet) -> Vec<String> {
        let row = |name: &str, values: [&str; 3]| {
            let [p50, p99, max] = values.map(|v| right(v, 10));
            sheet.cut(&format!("{name:<9} {p50} {p99} {max}"))
        };
        let mut out = vec![row("stage", ["p50", "p99", "max"])];
        for StageLatency { stage, p50_ns, p99_ns, max_ns } in self.latencies.stages() {
            let [p50, p99, max] = [p50_ns, p99_ns, max_ns].map(span);
            out.push(row(stage, [&p50, &p99, &max]));
        }
        out
    }

    /// The newest in full, those before it in a line each; oldest first.
    fn alerts(&self, sheet: Sheet) -> Vec<String> {
        let Some((newest, older)) = self.alerts.split_last() else { return Vec::new() };
        let older = older.iter().map(|alert| sheet.cut(&format!("! {alert}")));
        let newest = sheet.sentence(&format!("! {newest}"), ALERT_LINES);
        older.chain(newest).map(|line| sheet.paint(Tone::Warning, &line)).collect()
    }

    /// Why an asset is not quoted, in words.
    fn why(&self, i: usize) -> String {
        why(&self.assets[i], &self.strategies[i], self.numbers.assets[i].trouble)
    }

    /// As one plain line, for logs and pipes.
    pub fn line(&self) -> String {
        let n = self.numbers;
        let mut line = format!(
            "{} net {} USD (fees {}, {} fills)",
            clock(self.elapsed),
            money(n.net()),
            money(n.fees),
            n.fills
        );
        for (i, ((_, instrument), a)) in self.universe.iter().zip(self.assets).enumerate() {
            let why = self.why(i);
            let why = if why.is_empty() { String::new() } else { format!(" [{why}]") };
            let _ = write!(
                line,
                " | {} {} bid {} ask {} pos {}{why}",
                instrument.coin,
                price(a.mid),
                price(a.bid),
                price(a.ask),
                a.position
            );
        }
        self.dropped().iter().for_each(|dropped| line.extend([" | ", dropped]));
        line
    }
}

#[cfg(test)]
mod tests;
