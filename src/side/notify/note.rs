//! What is told to whoever is away, before anybody knows to whom: words by lines, and for programs the same
//! as data.

use crate::journal::day::{DayReport, horizon_s};
use crate::masked::masked;
use crate::side::alert::{Alert, Level, Topic};
use crate::when::utc_date;
use botmm_pipeline::types::fixed::notional;
use botmm_pipeline::types::{AssetId, Fill, Nanos, Qty, Side, Universe, Usd};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Note {
    /// When it happened.
    pub time: Nanos,
    /// When it came to be told.
    pub added: Nanos,
    pub level: Level,
    pub topic: Topic,
    /// In words.
    pub lines: Vec<String>,
    /// For programs; null = the words are all.
    pub data: Value,
    /// So often in a row.
    pub count: u64,
}

impl Note {
    /// Of an alert. Words of a venue may hold anything: they become one line without a secret.
    pub fn of(alert: &Alert, time: Nanos, now: Nanos) -> Self {
        let text = masked(&alert.text);
        let line = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self {
            time,
            added: now,
            level: alert.level,
            topic: alert.topic,
            lines: vec![line],
            data: Value::Null,
            count: 1,
        }
    }

    /// Whether another says the same.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        (self.level, self.topic, &self.lines, &self.data)
            == (other.level, other.topic, &other.lines, &other.data)
    }

    /// The words in one.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// Fills of a while, to be told together.
#[derive(Debug, Default)]
pub(super) struct Fills {
    coins: BTreeMap<usize, CoinFills>,
    /// When the first came.
    pub since: Option<Nanos>,
}

#[derive(Clone, Copy, Debug, Default)]
struct CoinFills {
    bought: Qty,
    sold: Qty,
    fills: u64,
    value: Usd,
    fees: Usd,
}

impl Fills {
    /// Takes one in.
    pub fn add(&mut self, asset: AssetId, fill: &Fill, now: Nanos) {
        self.since.get_or_insert(now);
        let of = self.coins.entry(asset.index()).or_default();
        match fill.side {
            Side::Bid => of.bought += fill.qty,
            Side::Ask => of.sold += fill.qty,
        }
        of.fills += 1;
        of.value += notional(fill.px, fill.qty);
        of.fees += fill.fee;
    }

    /// All that came, once. `held`: positions by asset.
    pub fn take(
        &mut self,
        universe: &Universe,
        held: &dyn Fn(AssetId) -> Qty,
        now: Nanos,
    ) -> Option<Note> {
        let since = self.since.take()?;
        let coins = std::mem::take(&mut self.coins);
        let count: u64 = coins.values().map(|c| c.fills).sum();
        let sum = |of: fn(&CoinFills) -> Usd| -> Usd { coins.values().map(of).sum() };
        let (value, fees) = (sum(|c| c.value), sum(|c| c.fees));
        let mut lines =
            vec![format!("{count} fills, {} USD, fees {} USD", money(value), money(fees))];
        let mut data = Map::new();
        for (asset, instrument) in universe.iter() {
            let Some(c) = coins.get(&asset.index()) else { continue };
            let (coin, position) = (instrument.coin, held(asset));
            lines.push(format!(
                "{coin}: bought {}, sold {} in {} fills; position {position}",
                c.bought, c.sold, c.fills
            ));
            let of_coin = json!({
                "fills": c.fills,
                "bought": c.bought.to_string(),
                "sold": c.sold.to_string(),
                "volume_usd": c.value.to_string(),
                "fees_usd": c.fees.to_string(),
                "position": position.to_string(),
            });
            data.insert(coin.to_string(), of_coin);
        }
        let (level, topic) = (Level::Info, Topic::Fills);
        let data = Value::Object(data);
        Some(Note { time: since, added: now, level, topic, lines, data, count: 1 })
    }
}

/// What a day came to. `since`: when the run began, of a day that it did not see whole.
pub(super) fn daily(report: &DayReport, universe: &Universe, since: &str, now: Nanos) -> Note {
    let date = utc_date(report.day);
    let part =
        if report.whole { String::new() } else { format!(", of the run that began {since}") };
    let r = report;
    let mut lines = vec![
        format!("{date} (UTC){part}: net {} USD", money(r.net)),
        format!(
            "= spread captured {} + adverse selection after {} s {} + drift {} − fees {} − funding {}",
            money(r.captured()),
            horizon_s(),
            money(r.adverse()),
            money(r.drift()),
            money(r.fees()),
            money(r.funding())
        ),
        format!("{} fills, volume {} USD", r.fills(), money(r.volume())),
    ];
    let mut coins = Map::new();
    for (asset, instrument) in universe.iter() {
        let Some(c) = r.coins.get(&asset.index()) else { continue };
        lines.push(format!(
            "{}: {} fills, {} USD, captured {}, fees {}, funding {}",
            instrument.coin,
            c.fills,
            money(c.volume),
            money(c.captured()),
            money(c.fees),
            money(c.funding)
        ));
        let of_coin = json!({
            "fills": c.fills,
            "volume_usd": c.volume.to_string(),
            "spread_captured_usd": c.captured().to_string(),
            "adverse_selection_usd": c.adverse().to_string(),
            "fees_usd": c.fees.to_string(),
            "funding_usd": c.funding.to_string(),
        });
        coins.insert(instrument.coin.to_string(), of_coin);
    }
    let data = json!({
        "date": date,
        "whole": r.whole,
        "net_pnl_usd": r.net.to_string(),
        "gross_pnl_usd": r.gross().to_string(),
        "spread_captured_usd": r.captured().to_string(),
        "adverse_selection_usd": r.adverse().to_string(),
        "inventory_drift_usd": r.drift().to_string(),
        "fees_usd": r.fees().to_string(),
        "funding_usd": r.funding().to_string(),
        "fills": r.fills(),
        "volume_usd": r.volume().to_string(),
        "by_symbol": coins,
    });
    let (level, topic) = (Level::Info, Topic::Daily);
    Note { time: now, added: now, level, topic, lines, data, count: 1 }
}

/// Dollars and cents, exactly rounded.
fn money(usd: Usd) -> String {
    let cents = (i128::from(usd.raw().abs_diff(0)) + 500_000) / 1_000_000;
    let sign = if usd.is_negative() && cents > 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::{DayNet, Px};

    #[test]
    fn money_is_rounded_to_the_cent() {
        for (text, told) in [
            ("0", "0.00"),
            ("1.005", "1.01"),
            ("-1.005", "-1.01"),
            ("-0.004", "0.00"),
            ("12345678.99", "12345678.99"),
        ] {
            assert_eq!(money(Usd::parse(text).unwrap()), told);
        }
    }

    #[test]
    fn words_of_a_venue_are_one_line_without_a_secret() {
        let key = "c0ffee0123456789abcdef0fedcba9876543210c0ffeec0ffee0decaf0c0ffee";
        let alert = Alert::warn(Topic::Orders, format!("a\n\u{1b}[2Jb 0x{key}"));
        let note = Note::of(&alert, Nanos::ZERO, Nanos::ZERO);
        assert!(!note.text().contains(key) && !note.text().contains(char::is_control), "{note:?}");
    }

    #[test]
    fn fills_are_told_together_and_once() {
        let universe = crate::coins::universe([("A", 2), ("B", 2)]);
        let mut fills = Fills::default();
        let [px, qty] = ["100", "0.5"];
        let mut add = |asset, side, s| {
            let (px, qty) = (Px::parse(px).unwrap(), Qty::parse(qty).unwrap());
            let fill = Fill { px, qty, side, fee: Usd::parse("0.01").unwrap(), ..Fill::default() };
            fills.add(AssetId::new(asset), &fill, Nanos::secs(s));
        };
        add(1, Side::Bid, 5);
        add(1, Side::Ask, 6);
        add(0, Side::Ask, 7);
        let held = |_| Qty::parse("-0.5").unwrap();
        let note = fills.take(&universe, &held, Nanos::secs(9)).unwrap();
        assert_eq!(note.time, Nanos::secs(5));
        assert_eq!(
            note.lines,
            [
                "3 fills, 150.00 USD, fees 0.03 USD",
                "A: bought 0, sold 0.5 in 1 fills; position -0.5",
                "B: bought 0.5, sold 0.5 in 2 fills; position -0.5",
            ]
        );
        assert_eq!(note.data["B"]["volume_usd"], "100");
        assert!(fills.take(&universe, &held, Nanos::secs(9)).is_none(), "once");
    }

    #[test]
    fn a_day_that_was_not_seen_whole_says_so() {
        let universe = crate::coins::universe([("A", 2)]);
        let of = |whole| {
            let day = DayNet { day: 20_779, net: Usd::parse("-3.25").unwrap(), whole };
            let report = crate::journal::day::DayBook::default().report(day);
            daily(&report, &universe, "2026-11-22T17:45:10Z", Nanos::ZERO)
        };
        assert_eq!(of(true).lines[0], "2026-11-22 (UTC): net -3.25 USD");
        assert!(of(false).lines[0].contains("of the run that began 2026-11-22T17:45:10Z: net"));
        assert_eq!(of(true).data["net_pnl_usd"], "-3.25");
    }
}
