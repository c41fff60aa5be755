//! Where a replay says that its profit comes from, against its own journal.

use crate::common::{coins, exact, journal, replay_in};
use botmm::data::{LoadOptions, load};
use botmm::journal::line::{Line, Markout};
use botmm_pipeline::types::{MarketEvent, Nanos, Px, Qty, Usd, notional};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

/// Sums to the last digit, against the replay's own journal.
pub fn where_the_profit_comes_from_adds_up(path: &str) {
    let (dir, ended) = replay_in(path, &["--out", "out"]);
    let summary = ended.summary();
    let usd = |keys: &[&str]| exact(&ended.stdout, keys);
    let split = |key: &str| usd(&["pnl_split", key]);
    let lines = journal(&dir.path().join("out/journal.jsonl"));
    for (h, after_s) in [("1s", 1), ("5s", 5), ("30s", 30), ("60s", 60)] {
        let adverse = usd(&["pnl_split", "adverse_selection_usd", h]);
        let drift = usd(&["pnl_split", "inventory_drift_usd", h]);
        let gross = split("spread_captured_usd") + adverse + drift;
        assert_eq!(gross, usd(&["gross_pnl_usd"]), "{path} {h}");
        assert_eq!(gross - split("fees_usd") - split("funding_usd"), usd(&["net_pnl_usd"]));
        let told: Vec<&Markout> =
            lines.iter().filter_map(markout).filter(|m| m.after_s == after_s).collect();
        assert_eq!(told.iter().map(|m| moved(m, &m.mid_at_fill)).sum::<Usd>(), adverse, "{h}");
        for coin in coins(&summary) {
            for (side, word) in [("bid", "buy"), ("ask", "sell")] {
                let at: &[&str] = &["markouts", coin, side, h, "usd"];
                let of = |m: &&&Markout| m.coin == *coin && m.side == word;
                assert_eq!(told.iter().filter(of).map(|m| moved(m, &m.px)).sum::<Usd>(), usd(at));
                let counted = &summary["markouts"][coin][side][h]["fills"];
                assert_eq!(told.iter().filter(of).count() as u64, counted.as_u64().unwrap());
            }
        }
    }
    for key in ["volume_usd", "gross_pnl_usd", "fees_usd", "net_pnl_usd"] {
        let parts = coins(&summary).into_iter().map(|coin| usd(&["by_symbol", coin, key]));
        assert_eq!(parts.sum::<Usd>(), usd(&[key]), "{path} {key}");
    }
    let days = summary["metrics"]["daily_pnl_usd"].as_object().unwrap();
    let days = days.keys().map(|day| usd(&["metrics", "daily_pnl_usd", day]));
    assert_eq!(days.sum::<Usd>(), usd(&["net_pnl_usd"]), "{path}");
}

fn markout(line: &Line) -> Option<&Markout> {
    if let Line::Markout(markout) = line { Some(markout) } else { None }
}

/// What the market moved for us since it was at `from`.
fn moved(markout: &Markout, from: &str) -> Usd {
    let px = |text: &str| Px::parse(text).unwrap();
    let value = notional(px(&markout.mid) - px(from), Qty::parse(&markout.qty).unwrap());
    if markout.side == "buy" { value } else { -value }
}

/// Each fill says by which rule it came, and has one mid everywhere: the venue's just before it, which
/// does not depend on how late the feed is.
pub fn each_fill_has_its_rule_and_the_venues_mid_just_before_it(path: &str) {
    let mids = mids_of(path);
    for feed in ["recorded", "10ms", "lognormal:300ms,0.5"] {
        let (dir, ended) = replay_in(path, &["--out", "out", "--feed", feed]);
        let summary = ended.summary();
        assert_eq!(summary["assumptions"]["feed"], feed);
        let lines = journal(&dir.path().join("out/journal.jsonl"));
        let mut causes: HashMap<&str, u64> = HashMap::new();
        for line in &lines {
            if let Line::Fill(fill) = line {
                *causes.entry(fill.cause.as_deref().unwrap()).or_default() += 1;
            }
        }
        let told = summary["fills_by_cause"].as_object().unwrap();
        let told: HashMap<&str, u64> =
            told.iter().map(|(k, v)| (k.as_str(), v["fills"].as_u64().unwrap())).collect();
        assert_eq!(causes, told, "{path} {feed}");
        let fills = summary["fills"].as_u64().unwrap();
        assert_eq!(causes.values().sum::<u64>(), fills);

        let (mut known, mut off) = (HashMap::new(), 0);
        for line in &lines {
            let Line::MidAtFill(told) = line else { continue };
            let at = time(told.venue_time.as_ref().unwrap());
            let before = mids[&told.coin].iter().rev().find(|m| m.0 < at);
            off += u64::from(before.unwrap().1.to_string() != told.mid);
            known.insert((&told.coin, told.tid), &told.mid);
        }
        for later in lines.iter().filter_map(markout) {
            assert_eq!(known[&(&later.coin, later.tid)], &later.mid_at_fill, "one mid a fill");
        }
        assert_eq!(summary["pnl_split"]["fills_with_mid"], known.len() as u64);
        println!("{path} {feed}: {fills} fills, {causes:?}; {off} mids off of {}", known.len());
        assert!(off == 0 && known.len() as u64 * 100 >= fills * 95, "{path} {feed}: {off}");
    }
}

/// Blocks of each coin in the venue's order, and the mid that each left.
type Mids = HashMap<String, Vec<(Nanos, Px)>>;

fn mids_of(recording: &str) -> Mids {
    let options = LoadOptions {
        symbols: &[],
        instrument: &|_| None,
        allow_unsound: false,
        decode: &mut |_, _, _, _| Ok(()),
        progress: &|_, _| {},
    };
    let loaded = load(&[PathBuf::from(recording)], options).unwrap();
    let mut mids = Mids::new();
    for event in loaded.tape.iter_venue() {
        let (bid, ask) = match &event {
            MarketEvent::Book(b) if b.bid_count > 0 && b.ask_count > 0 => (b.bids[0], b.asks[0]),
            MarketEvent::Bbo(b) if b.bid.qty.is_positive() && b.ask.qty.is_positive() => {
                (b.bid, b.ask)
            }
            _ => continue,
        };
        let mid = Px::from_raw(bid.px.raw().midpoint(ask.px.raw()));
        let coin = loaded.universe.get(event.asset()).coin.to_string();
        mids.entry(coin).or_default().push((event.venue_time(), mid));
    }
    mids
}

fn time(text: &str) -> Nanos {
    let time = humantime::parse_rfc3339(text).unwrap();
    Nanos(time.duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64)
}
