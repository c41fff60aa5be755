//! The decoder against literal frames, its twin, and damaged frames. Recorded traffic is read with the
//! recordings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests too")]

mod coins;
mod decode_model;

use botmm_pipeline::types::{MarketEvent, Px, Qty, Side, Universe};
use botmm_pipeline::venue::hl::decode::oracle;
use botmm_pipeline::venue::hl::frame::{DecodeError, Field};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use decode_model::{COMPACT, RECV, Style, damage, model, style, universe};
use proptest::prelude::*;
use std::path::Path;

type Decoded = (Result<Channel, DecodeError>, Vec<MarketEvent>);

fn decode(decoder: &mut Decoder, frame: &[u8], universe: &Universe) -> Decoded {
    let mut events = Vec::new();
    let result = decoder.decode(frame, RECV, universe, |e| events.push(e.to_kept()));
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
    assert_eq!((book.bids().len(), book.asks().len(), book.fast), (3, 2, false));
    assert_eq!((book.bids[0].px, book.bids[0].qty), (px("65020"), qty("3.14159")));
    assert_eq!((book.bids[2].px, book.bids[2].qty), (px("65015"), qty("120.5")));
    assert_eq!((book.asks[1].px, book.asks[1].qty), (px("65024"), qty("0.27182")));
    assert!(book.bids[3..].iter().all(|l| l.px.is_zero() && l.qty.is_zero()));

    let (_, old) = decode_text(&literal("book_old_key_order.json"));
    assert_eq!(old, events, "the key order of early 2025, with an extra key");
}

#[test]
fn of_more_levels_than_a_book_holds_the_first_are_taken() {
    let level = |px: usize| format!(r#"{{"px":"{px}.0","sz":"1.5","n":3}}"#);
    let book = |bids: usize, asks: usize| {
        let side = |levels: Vec<usize>| levels.into_iter().map(level).collect::<Vec<_>>().join(",");
        let bids = side((0..bids).map(|i| 60_000 - i).collect());
        let asks = side((0..asks).map(|i| 60_001 + i).collect());
        decode_text(&format!(
            r#"{{"channel":"l2Book","data":{{"coin":"BTC","time":1795360001207,"levels":[[{bids}],[{asks}]]}}}}"#
        ))
    };
    let (result, exact) = book(20, 20);
    assert_eq!(result, Ok(Channel::Book));
    for (bids, asks) in [(21, 20), (20, 100), (100, 100)] {
        assert_eq!(book(bids, asks), (Ok(Channel::Book), exact.clone()), "{bids} {asks}");
    }
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
    assert_eq!((mark.oracle, mark.rate_e10), (px("4321"), Some(125_000)));
    for (from, to) in [("oraclePx", "o"), ("4321.0", "x"), ("\"4321.0\"", "null")] {
        let (_, events) = decode_text(&frame.replace(from, to));
        let [MarketEvent::Mark(other)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((other.px, other.oracle, other.rate_e10), (mark.px, Px::ZERO, mark.rate_e10));
    }
    for (from, to, rate) in
        [("funding", "f", None), ("0.0000125", "-0.00001234567", Some(-123_457))]
    {
        let (_, events) = decode_text(&frame.replace(from, to));
        let [MarketEvent::Mark(other)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((other.px, other.oracle, other.rate_e10), (mark.px, mark.oracle, rate));
    }
    let other = frame.replace("ETH", "DOGE");
    assert_eq!(decode_text(&other), (Ok(Channel::NotSubscribed), vec![]));
    let wrong = |from: &str, to: &str| decode_text(&frame.replace(from, to)).0.unwrap_err();
    assert_eq!(wrong("markPx", "price"), DecodeError::Missing(Field::MarkPx));
    assert_eq!(wrong(r#""ctx":{"#, r#""ctx":0,"x":{"#), DecodeError::WrongType(Field::Ctx));
    assert!(matches!(wrong("4320.95", "0.0"), DecodeError::NotPositive { .. }));
    assert!(matches!(wrong("4320.95", "4320.x"), DecodeError::BadNumber { .. }));
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
    assert!(number("0.000000001").contains("not above zero"), "it reads as none");
    assert!(number("99999999999.0").contains("92 billion"));
    assert!(number("1000000000.00000001").contains("larger than in any market"));
    assert!(matches!(
        refused("bbo.json", "\"65020.0\"", "\"10000000.1\""),
        DecodeError::TooLarge { field: Field::Px, .. }
    ));
    for bad in ["NaN", "1e5x", "+1.0", "1,5", "1.2.3", " 1.0", "inf"] {
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
fn the_noise_of_floats_is_read_to_the_nearest_unit() {
    let exact = decode_text(&literal("book.json"));
    for noisy in ["3.1415900000000001", "3.14158999999999999", "314159e-5"] {
        let text = literal("book.json").replacen("3.14159", noisy, 1);
        assert_eq!(decode_text(&text), exact, "{noisy}");
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let unsorted = |side, level| DecodeError::Unsorted { side, level };
    assert_eq!(refused("book.json", "65015.0", "65019.0"), unsorted(Side::Bid, 2));
    assert_eq!(refused("book.json", "65019.0", "65020.5"), unsorted(Side::Bid, 1));
    assert_eq!(refused("book.json", "65024.0", "65021.0"), unsorted(Side::Ask, 1));
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
