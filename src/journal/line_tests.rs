//! What is written, and that it is read as it was written.

use super::line::Line;
use super::line::{Decision, Head, Params, VERSION, read};
use super::reader::Lines;
use super::segments::{LIVE, Reading};
use super::*;
use crate::when::utc;
use botmm_pipeline::types::{
    AlertKind, AssetId, BreakEnd, BreakWhy, Commentary, DayNet, Fact, Fill, Nanos, Px, Qty,
    QuoteTarget, QuoteTerms, Reason, Record, RiskSnapshot, RiskState, Side, Term, Universe, Usd,
};
use serde_json::{Value, json};

#[test]
fn lines_are_json_and_equal_decisions_are_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let universe = crate::coins::universe([("BTC", 5)]);
    let mut journal = Journal::create(&dir.path().join("run"), &universe, None).unwrap();
    let btc = AssetId::new(0);
    let target = QuoteTarget { mid: Some(Px::whole(100)), ..QuoteTarget::default() };
    let mut terms = QuoteTerms { fair: Px::whole(100), ..QuoteTerms::default() };
    terms.sides[0].set(Term::Base, Px::parse("-0.015").unwrap());
    journal.write(&Record::Commentary(Commentary::Terms(terms)));
    journal.write(&Record::Commentary(Commentary::Terms(QuoteTerms {
        time: Nanos::secs(1),
        ..terms
    })));
    journal.write(&Record::Commentary(Commentary::Decision(target)));
    journal.write(&Record::Commentary(Commentary::Decision(QuoteTarget {
        time: Nanos::secs(1),
        ..target
    })));
    // Judged again later: it has the time of the judgement, and the terms that it was made of.
    let mut again = QuoteTarget { time: Nanos::secs(9), made: Nanos::secs(1), ..target };
    again.clear(Side::Bid, Reason::Cooldown);
    journal.write(&Record::Commentary(Commentary::Decision(again)));
    let fill = Fill {
        px: Px::whole(100),
        qty: Qty::whole(1),
        fee: Usd::parse("0.015").unwrap(),
        ..Fill::default()
    };
    let time = Nanos::secs(1_757_015_216);
    let venue_time = time - Nanos::millis(50);
    journal.write(&Record::Fact(Fact::Fill { asset: btc, time, venue_time, fill }));
    let paid = Usd::parse("0.25").unwrap();
    journal.write(&Record::Fact(Fact::Funding { asset: btc, time, venue_time, paid }));
    journal.write(&Record::Fact(Fact::Markout {
        asset: btc,
        time,
        tid: 7,
        side: Side::Ask,
        qty: Qty::whole(1),
        horizon: 2,
        px: Px::whole(100),
        mid_at_fill: Px::parse("99.5").unwrap(),
        mid: Px::whole(101),
    }));
    journal.write(&Record::Fact(Fact::Day(DayNet {
        day: 20_335,
        net: Usd::whole(-2),
        whole: true,
    })));
    journal.write(&Record::Fact(Fact::Alert { asset: None, time, kind: AlertKind::LargeMove }));
    let mut kept = RiskSnapshot::new(time);
    journal.write(&Record::Fact(Fact::Risk(kept)));
    kept.breaks.set(BreakWhy::DailyLoss, Some(BreakEnd::Manual));
    kept.day_profit = Usd::whole(-600);
    journal.write(&Record::Fact(Fact::Risk(kept)));
    journal.write(&Record::Fact(Fact::Risk(RiskSnapshot { time: time + Nanos::secs(1), ..kept })));
    journal.write(&Record::Fact(Fact::RiskState {
        asset: btc,
        time,
        state: RiskState::CircuitBreak,
    }));
    let text = std::fs::read_to_string(journal.finish().unwrap()).unwrap();
    for text in text.lines() {
        let line = Line::read(text).unwrap().unwrap();
        assert_eq!(line.to_string(), text, "read as it was written");
        assert_eq!(Head::of(text).unwrap().version, VERSION);
    }
    let mut lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let types: Vec<_> = lines.iter().map(|l| l["type"].as_str().unwrap()).collect();
    let expected = "decision decision fill funding markout day alert risk risk";
    assert_eq!(types.join(" "), expected);
    let (again, funding) = (lines.remove(1), lines.remove(2));
    assert_eq!((&funding["coin"], &funding["paid_usd"]), (&json!("BTC"), &json!("0.25")));
    assert_eq!((&again["time"], &again["bid"]), (&json!(utc(Nanos::secs(9))), &json!("cooldown")));
    assert_eq!(again["terms"]["bid"], json!({"base": "-0.015"}), "terms and all");
    let (markout, day) = (&lines[2], &lines[3]);
    assert_eq!((&markout["after_s"], &markout["side"]), (&json!(30), &json!("sell")));
    assert_eq!((&markout["mid_at_fill"], &markout["mid"]), (&json!("99.5"), &json!("101")));
    assert_eq!((&day["date"], &day["net_usd"]), (&json!("2025-09-04"), &json!("-2")));
    assert_eq!(lines[5]["breaks"], json!({ "daily_loss": "by_hand" }));
    assert_eq!(lines[5]["day_profit_usd"], "-600");
    assert_eq!((&lines[6]["coin"], &lines[6]["state"]), (&json!("BTC"), &json!("circuit_break")));
    assert_eq!(lines[0]["terms"]["bid"], json!({"base": "-0.015"}));
    assert_eq!(lines[0]["terms"]["fair"], "100");
    assert_eq!(lines[1]["fee_usd"], "0.015");
    assert_eq!(lines[1]["time"], "2025-09-04T19:46:56.000000Z");
    assert_eq!(lines[1]["venue_time"], "2025-09-04T19:46:55.950000Z");
}

#[test]
fn runs_of_one_second_have_a_folder_each() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("runs");
    let make = || make_run_folder(&base, Nanos::secs(1_757_015_216)).unwrap();
    let names = [make(), make(), make()].map(|d| d.file_name().unwrap().to_owned());
    let stem = "2025-09-04T19-46-56Z";
    assert_eq!(
        names.map(|n| n.into_string().unwrap()),
        [stem.to_owned(), format!("{stem}-2"), format!("{stem}-3")]
    );
}

#[test]
fn a_journal_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    Journal::create(dir.path(), &Universe::default(), None).unwrap().finish().unwrap();
    let error = Journal::create(dir.path(), &Universe::default(), None).err().unwrap().to_string();
    assert!(error.contains("journal.jsonl: already there"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Journal::create(&file.path().join("x"), &Universe::default(), None).err().unwrap();
    assert!(error.to_string().contains("cannot create"), "{error}");
}

/// As botmm wrote them before lines had a version, one of each kind.
const OLD: [&str; 7] = [
    r#"{"ask":"quoted","asks":[["100.7","0.5"]],"bid":"quoted","bids":[],"coin":"SOL","fair":"100.5","market_seq":7,"mid":"100.5","terms":null,"time":"2025-09-04T20:00:00.000000Z","type":"decision","vol_bps":null}"#,
    r#"{"coin":"SOL","items":[{"cloid":"0x01","px":"100.7","qty":"0.5","side":"sell"}],"market_seq":7,"time":"2025-09-04T20:00:00.000000Z","type":"place"}"#,
    r#"{"coin":"SOL","items":[{"cloid":"0x01","oid":5}],"market_seq":7,"time":"2025-09-04T20:00:00.000000Z","type":"cancel"}"#,
    r#"{"cause":null,"coin":"SOL","fee_usd":"0.01","oid":5,"px":"100.7","qty":"0.5","side":"sell","taker":false,"tid":9,"time":"2025-09-04T20:00:00.000000Z","type":"fill","venue_time":"2025-09-04T20:00:00.000000Z"}"#,
    r#"{"coin":"SOL","state":"circuit_break","time":"2025-09-04T20:00:00.000000Z","type":"risk"}"#,
    r#"{"changes":[{"coin":"SOL","from":2.0,"key":"quote.min_spread_bps","to":3.3000000000000003}],"generation":1,"market_seq":7,"source":"my.toml","time":"2025-09-04T20:00:00.000000001Z","type":"params"}"#,
    r#"{"lost":3,"time":"2025-09-04T20:00:00.000000Z","type":"gap"}"#,
];

#[test]
fn lines_without_a_version_are_read_and_only_the_version_is_new() {
    for old in OLD {
        assert_eq!(Head::of(old).unwrap().version, 0);
        let written = Line::read(old).unwrap().unwrap().to_string();
        let new = written.replacen(&format!("\"v\":{VERSION},"), "", 1);
        let new = new.replace(&format!(",\"v\":{VERSION}}}"), "}");
        assert_eq!(new, old);
    }
}

#[test]
fn a_line_says_what_it_is() {
    let params = OLD[5];
    assert_eq!(read::<Params>(params).unwrap().unwrap().changes[0].to.get(), "3.3000000000000003");
    assert!(read::<Decision>(params).unwrap().is_none());
    assert!(Line::read(r#"{"type":"what comes later","time":5}"#).is_err(), "a time is text");
    assert!(Line::read(r#"{"type":"what comes later"}"#).unwrap().is_none());
    let newer = params.replace("\"type\"", "\"v\":2,\"type\"");
    for said in [read::<Params>(&newer).err().unwrap(), Line::read(&newer).err().unwrap()] {
        assert!(said.contains("version 2") && said.contains("use a newer one"), "{said}");
    }
    for bad in ["", "{", "[]", "{\"time\":\"x\"}"] {
        assert!(Line::read(bad).err().unwrap().starts_with("not a line of a journal: "), "{bad}");
    }
}

#[test]
fn half_a_last_line_is_passed_over_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LIVE);
    let count = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let mut lines = Lines::of(&Reading::open(&path).unwrap(), 0).unwrap().unwrap();
        let mut count = 0;
        while let Some((number, text)) = lines.next_line().unwrap() {
            count += 1;
            assert_eq!((number, text.is_ok()), (count, true));
        }
        (count, lines.is_cut())
    };
    let whole = OLD.join("\n");
    assert_eq!(count(&format!("{whole}\n")), (7, false));
    assert_eq!(count(&whole), (7, false), "without its end, but all there");
    assert_eq!(count(&whole[..whole.len() - 1]), (6, true));
    assert_eq!(count(&format!("{whole}\n{{")), (7, true));
    assert_eq!(count(""), (0, false));
}
