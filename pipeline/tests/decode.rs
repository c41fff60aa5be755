//! The decoder against literal frames, its twin, a naive reading by serde_json, recorded traffic
//! and damaged frames.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests too")]

mod decode_model;

use botmm_pipeline::types::{MarketEvent, Px, Qty, Side, Universe};
use botmm_pipeline::venue::hl::decode::{DecodeError, Field, oracle};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use decode_model::{COMPACT, RECV, Style, damage, model, style, universe};
use proptest::prelude::*;
use std::io::Read;
use std::path::{Path, PathBuf};

type Decoded = (Result<Channel, DecodeError>, Vec<MarketEvent>);

fn decode(decoder: &mut Decoder, frame: &[u8], universe: &Universe) -> Decoded {
    let mut events = Vec::new();
    let result = decoder.decode(frame, RECV, universe, |e| events.push(*e));
    (result, events)
}

fn decode_text(frame: &str) -> Decoded {
    oracle(&mut Decoder::new(), frame.as_bytes(), &universe())
}

fn literal(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/frames").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn px(text: &str) -> Px {
    Px::parse(text).unwrap()
}

fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}

#[test]
fn a_book() {
    let (result, events) = decode_text(&literal("book.json"));
    assert_eq!(result, Ok(Channel::Book));
    let [MarketEvent::Book(book)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(universe().get(book.asset).coin.as_str(), "BTC");
    assert_eq!(book.venue_time.as_millis(), 1_795_360_001_207);
    assert_eq!((book.bids().len(), book.asks().len(), book.fast, book.seq), (3, 2, false, 0));
    assert_eq!((book.bids[0].px, book.bids[0].qty), (px("65020"), qty("3.14159")));
    assert_eq!((book.bids[2].px, book.bids[2].qty), (px("65015"), qty("120.5")));
    assert_eq!((book.asks[1].px, book.asks[1].qty), (px("65024"), qty("0.27182")));
    assert!(book.bids[3..].iter().all(|l| l.px.is_zero() && l.qty.is_zero()));

    let (_, old) = decode_text(&literal("book_old_key_order.json"));
    assert_eq!(old, events, "the key order of early 2025, with an extra key");
}

#[test]
fn a_fast_book_and_a_one_sided_one() {
    let (_, events) = decode_text(&literal("book_fast.json"));
    let [MarketEvent::Book(book)] = &events[..] else { panic!("{events:?}") };
    assert!(book.fast);
    assert_eq!(book.asks()[0].px, px("106.561"));
    let (_, events) = decode_text(&literal("book_no_bids.json"));
    let [MarketEvent::Book(book)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((book.bid_count, book.ask_count), (0, 1));
    assert_eq!((book.asks[0].px, book.asks[0].qty), (px("0.012346"), qty("2500000")));
}

#[test]
fn touches_and_trades() {
    let (result, events) = decode_text(&literal("bbo.json"));
    assert_eq!(result, Ok(Channel::Bbo));
    let [MarketEvent::Bbo(bbo)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((bbo.bid.px, bbo.ask.px, bbo.recv_time.0 > 0), (px("65020"), px("65021"), true));
    let (_, events) = decode_text(&literal("bbo_no_bid.json"));
    let [MarketEvent::Bbo(bbo)] = &events[..] else { panic!("{events:?}") };
    assert!(bbo.bid.px.is_zero() && bbo.bid.qty.is_zero());
    assert_eq!(bbo.ask.qty, qty("0.7"));

    let (result, events) = decode_text(&literal("trades.json"));
    assert_eq!(result, Ok(Channel::Trades(2)));
    let [MarketEvent::Trade(a), MarketEvent::Trade(b)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((a.aggressor, b.aggressor), (Side::Ask, Side::Bid));
    assert_eq!((a.tid, b.tid), (717_978_735_161_105, 31_415_926_535_897));
    assert_eq!((a.px, b.qty), (px("65020"), qty("0.00042")));
    assert_eq!(decode_text(&literal("trades_none.json")).0, Ok(Channel::Trades(0)));
}

#[test]
fn the_venues_mark() {
    let frame = r#"{"channel":"activeAssetCtx","data":{"coin":"ETH","ctx":{"funding":"0.0000125","openInterest":"7.5","premium":"-0.0003","oraclePx":"4321.0","markPx":"4320.95","midPx":null,"impactPxs":null}}}"#;
    let (result, events) = decode_text(frame);
    assert_eq!(result, Ok(Channel::Mark));
    let [MarketEvent::Mark(mark)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((mark.asset, mark.px), (universe().find(b"ETH").unwrap(), px("4320.95")));
    assert!(mark.recv_time.0 > 0);
    let other = frame.replace("ETH", "DOGE");
    assert_eq!(decode_text(&other), (Ok(Channel::NotSubscribed), vec![]));
    let wrong = |from: &str, to: &str| decode_text(&frame.replace(from, to)).0.unwrap_err();
    assert_eq!(wrong("markPx", "price"), DecodeError::Missing(Field::MarkPx));
    assert_eq!(wrong(r#""ctx":{"#, r#""ctx":0,"x":{"#), DecodeError::WrongType(Field::Ctx));
    assert!(matches!(wrong("4320.95", "0.0"), DecodeError::NotPositive { .. }));
    assert!(matches!(wrong("4320.95", "4320.123456789"), DecodeError::BadNumber { .. }));
}

#[test]
fn control_frames_and_others() {
    assert_eq!(decode_text(&literal("pong.json")).0, Ok(Channel::Pong));
    assert_eq!(decode_text("{ \"channel\" : \"pong\" }").0, Ok(Channel::Pong));
    let ack = decode_text(&literal("subscription_response.json"));
    assert_eq!(ack.0, Ok(Channel::SubscriptionResponse));
    assert_eq!(decode_text(&literal("error.json")).0, Ok(Channel::Error));
    assert_eq!(decode_text(&literal("order_updates.json")).0, Ok(Channel::Other));
    assert_eq!(decode_text("Websocket connection established.").0, Ok(Channel::Text));
    let of =
        |name: &str, from: &str| decode_text(&literal(name).replace(from, "\"coin\":\"DOGE\""));
    assert_eq!(of("book.json", "\"coin\":\"BTC\"").0, Ok(Channel::NotSubscribed));
    assert_eq!(of("bbo.json", "\"coin\":\"BTC\"").0, Ok(Channel::NotSubscribed));
    assert_eq!(of("trades.json", "\"coin\":\"BTC\"").0, Ok(Channel::NotSubscribed));
    let one = literal("trades.json").replacen("\"coin\":\"BTC\"", "\"coin\":\"DOGE\"", 1);
    assert_eq!(decode_text(&one).0, Ok(Channel::Trades(1)));
}

/// The error of a literal frame after one replacement.
fn refused(name: &str, from: &str, to: &str) -> DecodeError {
    let good = literal(name);
    assert!(good.contains(from), "{name} has no {from}");
    let (result, events) = decode_text(&good.replacen(from, to, 1));
    assert!(events.is_empty());
    result.expect_err(to)
}

#[test]
fn wrong_numbers_are_refused() {
    let number = |to: &str| {
        let error = refused("book.json", "3.14159", to);
        let at = literal("book.json").find("3.14159").unwrap();
        assert!(error.to_string().contains(&format!("byte {at}")), "{error}");
        error.to_string()
    };
    assert!(number("0.000000001").contains("finer than 1e-8"));
    assert!(number("99999999999.0").contains("92 billion"));
    assert!(number("1000000000.00000001").contains("larger than in any market"));
    assert!(matches!(
        refused("bbo.json", "\"65020.0\"", "\"10000000.1\""),
        DecodeError::TooLarge { field: Field::Px, .. }
    ));
    for bad in ["NaN", "1e5", "+1.0", "1,5", "1.2.3", " 1.0", "inf"] {
        assert!(number(bad).contains("is not part of a decimal number"), "{bad}");
    }
    assert!(number("").contains("no digits"));
    for bad in ["-3.14159", "0.0", "-0", "0.00000000"] {
        assert!(number(bad).contains("not above zero"), "{bad}");
    }
    assert!(matches!(
        refused("bbo.json", "\"65020.0\"", "65020.0"),
        DecodeError::WrongType(Field::Px)
    ));
    assert!(matches!(
        refused("trades.json", "\"0.16\"", "\"0.0\""),
        DecodeError::NotPositive { .. }
    ));
    assert_eq!(refused("book.json", "1795360001207", "-1"), DecodeError::BadTime);
    assert_eq!(refused("book.json", "1795360001207", "9795360001207"), DecodeError::BadTime);
    assert_eq!(refused("bbo.json", "1795360001300", "1.5"), DecodeError::WrongType(Field::Time));
    assert_eq!(refused("trades.json", "717978735161105", "-7"), DecodeError::WrongType(Field::Tid));
    assert!(matches!(refused("trades.json", "\"A\"", "\"S\""), DecodeError::BadSide { .. }));
}

#[test]
fn wrong_shapes_are_refused() {
    let unsorted = |side, level| DecodeError::Unsorted { side, level };
    assert_eq!(refused("book.json", "65015.0", "65019.0"), unsorted(Side::Bid, 2));
    assert_eq!(refused("book.json", "65019.0", "65020.5"), unsorted(Side::Bid, 1));
    assert_eq!(refused("book.json", "65024.0", "65021.0"), unsorted(Side::Ask, 1));
    let one = r#"[{"px":"65021.0","sz":"1.0","n":3},"#;
    let many: String = (0..20).map(|i| format!(r#"{{"px":"{i}.5","sz":"1.0","n":3}},"#)).collect();
    let error = refused("book.json", one, &format!("[{many}"));
    assert_eq!(error, DecodeError::TooManyLevels { side: Side::Ask, count: 21 });
    let missing = |name, from| refused(name, from, "\"x\":");
    assert_eq!(missing("book.json", "\"time\":"), DecodeError::Missing(Field::Time));
    assert_eq!(missing("book.json", "\"sz\":"), DecodeError::Missing(Field::Sz));
    assert_eq!(missing("trades.json", "\"tid\":"), DecodeError::Missing(Field::Tid));
    assert_eq!(missing("bbo.json", "\"data\":"), DecodeError::Missing(Field::Data));
    assert_eq!(missing("pong.json", "\"channel\":"), DecodeError::Missing(Field::Channel));
    let twice = refused("book.json", "\"time\":", "\"time\":1,\"time\":");
    assert_eq!(twice, DecodeError::Duplicate(Field::Time));
    let twice = refused("trades.json", "\"px\":", "\"px\":\"1.0\",\"px\":");
    assert_eq!(twice, DecodeError::Duplicate(Field::Px));
    assert_eq!(
        refused("bbo.json", "{\"channel\"", "[{\"channel\""),
        DecodeError::NotJson { at: 141 }
    );
    for bad in
        ["", " ", "[]", "\"x\"", "1", "{}", "{\"channel\":1}", "{\"channel\":\"bbo\",\"data\":[]}"]
    {
        assert!(decode_text(bad).0.is_err(), "{bad:?}");
    }
}

#[test]
fn more_trades_than_the_buffer_holds() {
    let frame = literal("trades_none.json");
    let one = literal("trades.json");
    let one = &one[one.find('[').unwrap() + 1..one.rfind(']').unwrap()];
    let frame = frame.replace("[]", &format!("[{}]", vec![one; 100].join(",")));
    let mut decoder = Decoder::new();
    let (result, events) = decode(&mut decoder, frame.as_bytes(), &universe());
    assert_eq!((result, events.len()), (Ok(Channel::Trades(200)), 200));
    assert_eq!(decoder.fallbacks(), 0);
    let cut = &frame[..frame.len() - 20];
    let (result, events) = decode(&mut decoder, cut.as_bytes(), &universe());
    assert!(result.is_err() && events.is_empty(), "nothing of a refused frame");
}

#[test]
fn an_endless_frame_is_refused_on_both_paths() {
    let frame = format!("{{\"channel\":\"trades\",\"data\":[]}}{}", " ".repeat(16 << 20));
    let (result, _) = decode_text(&frame);
    assert_eq!(result, Err(DecodeError::TooLong { len: frame.len() }));
}

/// What serde_json's document says: a third reading, as naive as can be.
fn naive(frame: &str) -> Option<String> {
    let v: serde_json::Value = serde_json::from_str(frame).ok()?;
    let text = |v: &serde_json::Value| v.as_str().map(str::to_string);
    let number = |v: &serde_json::Value| Some(px(v.as_str()?).to_string());
    let level = |l: &serde_json::Value| match l.is_null() {
        true => Some("0x0 ".to_string()),
        false => Some(format!("{}x{} ", number(&l["px"])?, number(&l["sz"])?)),
    };
    let side = |s: &serde_json::Value| s.as_array()?.iter().map(level).collect::<Option<String>>();
    let (data, mut out) = (&v["data"], String::new());
    match text(&v["channel"])?.as_str() {
        "l2Book" => {
            out += &format!("{} {} ", text(&data["coin"])?, data["time"]);
            out += &format!("{}| {}", side(&data["levels"][0])?, side(&data["levels"][1])?);
        }
        "bbo" => {
            out += &format!("{} {} ", text(&data["coin"])?, data["time"]);
            out += &format!("{}| {}", level(&data["bbo"][0])?, level(&data["bbo"][1])?);
        }
        "trades" => {
            for t in data.as_array()? {
                out += &format!("{} {} {} ", text(&t["coin"])?, t["time"], text(&t["side"])?);
                out += &format!("{}x{} {}; ", number(&t["px"])?, number(&t["sz"])?, t["tid"]);
            }
        }
        "activeAssetCtx" => {
            let received = RECV.as_millis();
            out += &format!("{} {received} ", text(&data["coin"])?);
            out += &number(&data["ctx"]["markPx"])?;
        }
        _ => return None,
    }
    Some(out)
}

/// The same of decoded events.
fn naive_of(events: &[MarketEvent], universe: &Universe) -> String {
    let level = |l: &botmm_pipeline::types::Level| format!("{}x{} ", l.px, l.qty);
    let mut out = String::new();
    for event in events {
        out += &format!("{} {} ", universe.get(event.asset()).coin, event.venue_time().as_millis());
        match event {
            MarketEvent::Book(b) => {
                let side = |side| b.side(side).iter().map(level).collect::<String>();
                out += &format!("{}| {}", side(Side::Bid), side(Side::Ask));
            }
            MarketEvent::Bbo(b) => out += &format!("{}| {}", level(&b.bid), level(&b.ask)),
            MarketEvent::Trade(t) => {
                let side = if t.aggressor == Side::Bid { "B" } else { "A" };
                out += &format!("{side} {}x{} {}; ", t.px, t.qty, t.tid);
            }
            MarketEvent::Mark(m) => out += &m.px.to_string(),
            MarketEvent::Status(_) => unreachable!("a decoder knows of no link"),
        }
    }
    out
}

fn shared() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    std::env::var_os("BOTMM_SHARED").map_or_else(default, PathBuf::from)
}

/// The frames of one recording: a frame a line, or one after a time stamp, or inside the venue's
/// archive record.
fn frames_of(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text).unwrap();
    }
    let frame = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        match line.split_once("\"raw\":") {
            Some((_, raw)) => raw[..raw.len() - 1].to_string(),
            None => line.to_string(),
        }
    };
    text.lines().filter(|l| !l.trim().is_empty()).map(frame).collect()
}

#[test]
fn recorded_frames_decode_alike() {
    let folder = shared().join("data/hyperliquid/ws_raw");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no recordings at {}", folder.display());
        return;
    };
    let universe = universe();
    let (mut market, mut old_form) = (0, 0);
    for path in entries.map(|e| e.unwrap().path()) {
        for frame in frames_of(&path) {
            let mut decoder = Decoder::new();
            let (result, events) = oracle(&mut decoder, frame.as_bytes(), &universe);
            let result = result.unwrap_or_else(|e| panic!("{}: {e}: {frame}", path.display()));
            match naive(&frame) {
                Some(expected) => assert_eq!(naive_of(&events, &universe), expected),
                None => assert!(events.is_empty(), "{result:?} from {frame}"),
            }
            if !events.is_empty() {
                market += 1;
                old_form += decoder.fallbacks();
                let old = path.extension().is_some_and(|e| e == "gz");
                assert_eq!(decoder.fallbacks(), u64::from(old), "{}: {frame}", path.display());
            }
        }
    }
    println!("{market} recorded market frames, {old_form} of them in the form of early 2025");
    assert!(market > 0, "recordings without a market frame");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn valid_frames_mean_what_was_written(model in model(), style in style()) {
        let (universe, mut decoder) = (universe(), Decoder::new());
        let text = model.text(style);
        let (result, events) = decode(&mut decoder, text.as_bytes(), &universe);
        prop_assert!(result.is_ok(), "{:?}: {}", result, text);
        prop_assert_eq!(events, model.events(&universe), "{}", text);
        let _ = oracle(&mut decoder, text.as_bytes(), &universe);
    }

    /// Otherwise everything above would hold without a scanner.
    #[test]
    fn the_scanner_takes_what_the_venue_sends(model in model(), bare_integers: bool) {
        let text = model.text(Style { bare_integers, ..COMPACT });
        let unusual_time_or_tid = model.events(&universe()).iter().any(|e| {
            let tid = if let MarketEvent::Trade(t) = e { t.tid } else { 10_u64.pow(13) };
            e.venue_time().as_millis() < 1_000_000_000_000 || !(10_000_000..10_u64.pow(16)).contains(&tid)
        });
        let mut decoder = Decoder::new();
        let (result, _) = decode(&mut decoder, text.as_bytes(), &universe());
        prop_assert!(result.is_ok());
        prop_assert_eq!(decoder.fallbacks(), u64::from(unusual_time_or_tid), "{}", text);
    }

    #[test]
    fn damaged_frames_never_differ(
        model in model(), style in style(), damages in prop::collection::vec(damage(), 1..4)
    ) {
        let (universe, mut decoder) = (universe(), Decoder::new());
        let mut text = model.text(style).into_bytes();
        for damage in &damages {
            damage.apply(&mut text);
            let _ = oracle(&mut decoder, &text, &universe);
        }
    }

    #[test]
    fn a_used_decoder_remembers_nothing(first in model(), second in model(), style in style()) {
        let (universe, mut decoder) = (universe(), Decoder::new());
        for (model, style) in [(&first, style), (&second, COMPACT), (&first, COMPACT)] {
            let text = model.text(style);
            let (_, events) = decode(&mut decoder, text.as_bytes(), &universe);
            prop_assert_eq!(events, model.events(&universe));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = oracle(&mut Decoder::new(), &bytes, &universe());
    }
}
