//! The parser of the order connection against literal frames of every kind, in PROTOCOL's shapes.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
#[allow(dead_code, reason = "shared with the decoder's tests")]
mod decode_model;
#[allow(dead_code, reason = "shared with the hostile tests")]
mod user_wire_frames;

use botmm_pipeline::types::{
    AssetId, Cloid, DecimalError, Fill, Nanos, Oid, Px, Qty, RejectReason, Side, Usd,
};
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::hl::user::{
    ChannelError, ChannelErrorKind, Fault, Funding, ItemError, ItemStatus, Kind, Liquidation,
    MarginSummary, OrderState, RequestError, Stream, StreamKind, UnknownStatus, UserError,
    UserEvent, UserFill, UserParser, VenueCancel, VenueOrder, VenueText, Via, WireStatus, oracle,
};
use decode_model::universe;
use user_wire_frames::{
    CANCEL_ANSWER, FRAMES, FUNDING, OPEN_ORDERS, ORDER_ANSWER, ORDER_UPDATES, REFUSED_ANSWER,
    STATE, USER_FILLS,
};

fn read(frame: &str) -> (Kind, Vec<UserEvent>) {
    let (result, events) = oracle(&mut UserParser::new(), frame.as_bytes(), &universe());
    (result.unwrap_or_else(|e| panic!("{e}: {frame}")), events)
}

/// The one literal frame that contains `part`.
fn frame_with(part: &str) -> &'static str {
    let mut found = FRAMES.iter().filter(|f| f.contains(part));
    let frame = found.next().unwrap();
    assert!(found.next().is_none(), "{part} is in two frames");
    frame
}

/// The events of an answer, without what is around them.
fn answer(payload: &str) -> Vec<UserEvent> {
    let frame = format!(r#"{{"channel":"post","data":{{"id":5,"response":{payload}}}}}"#);
    let (kind, events) = read(&frame);
    assert_eq!(kind, Kind::Post);
    events
}

fn refused_action(text: &str) -> Vec<UserEvent> {
    let text = serde_json::to_string(text).unwrap();
    answer(&format!(r#"{{"type":"action","payload":{{"status":"err","response":{text}}}}}"#))
}

fn asset(coin: &str) -> Option<AssetId> {
    universe().find(coin.as_bytes())
}
fn px(text: &str) -> Px {
    Px::parse(text).unwrap()
}
fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}
fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}
fn address(last: u8) -> Address {
    let mut bytes = [0; 20];
    bytes[19] = last;
    Address::new(bytes)
}

const OURS: u128 = 0xb077_4d4d_0000_0007_0201_0000_0000_002a;

#[test]
fn order_updates() {
    let (kind, events) = read(ORDER_UPDATES);
    assert_eq!(kind, Kind::OrderUpdates);
    let state = |event: &UserEvent| match event {
        UserEvent::OrderUpdate(state) => *state,
        other => panic!("{other:?}"),
    };
    let order = VenueOrder {
        asset: asset("BTC"),
        oid: Oid(569_017_209_592),
        cloid: Some(Cloid::from_u128(OURS)),
        side: Side::Bid,
        reduce_only: false,
        px: px("65011"),
        leaves: qty("0.20705"),
        orig: qty("0.3"),
    };
    let time = Nanos::millis(1_795_359_648_891);
    assert_eq!(state(&events[0]), OrderState { order, status: WireStatus::Open, time });
    let filled = state(&events[1]);
    assert_eq!((filled.status, filled.order.leaves), (WireStatus::Filled, Qty::ZERO));
    assert_eq!((filled.order.side, filled.order.cloid), (Side::Ask, None));
    // Foreign numbers are read as well as they fit.
    let foreign = state(&events[2]);
    assert_eq!(foreign.status, WireStatus::CanceledByVenue(VenueCancel::SelfTrade));
    assert_eq!((foreign.order.asset, foreign.order.oid), (None, Oid(7)));
    assert_eq!((foreign.order.px, foreign.order.leaves), (px("21"), Qty::ZERO));
    // A new word is told before what it is about; a cloid of another length is none of ours.
    let word = VenueText::new("eclipsed");
    assert_eq!(events[3], UserEvent::UnknownWord { field: "status", word });
    let unknown = state(&events[4]);
    assert_eq!(unknown.status, WireStatus::Unknown(UnknownStatus::Other));
    assert_eq!(unknown.order.cloid, None);
    assert_eq!(events.len(), 5);
}

#[test]
fn fills() {
    let (kind, events) = read(USER_FILLS);
    assert_eq!((kind, events.len()), (Kind::UserFills, 4));
    let fill = Fill {
        oid: Oid(569_017_662_681),
        px: px("65011.12345679"),
        qty: qty("0.00124"),
        fee: usd("0.03623415"),
        tid: 167_376_889_247_413,
        side: Side::Bid,
        crossed: true,
        ..Fill::default()
    };
    let ours = UserFill {
        via: Via::Snapshot,
        asset: asset("BTC"),
        cloid: Some(Cloid::from_u128(OURS)),
        fill,
        time: Nanos::millis(1_795_359_600_500),
        start_position: qty("-1.5"),
        fee_is_usd: true,
        liquidated: None,
    };
    assert_eq!(events[0], UserEvent::Fill(ours));
    let UserEvent::Fill(rebate) = events[1] else { panic!("{events:?}") };
    assert_eq!((rebate.fill.px, rebate.fill.fee), (px("2410.12345679"), usd("-0.002994")));
    assert_eq!((rebate.liquidated, rebate.fee_is_usd), (Some(address(0xbb)), true));
    let UserEvent::Fill(foreign) = events[2] else { panic!("{events:?}") };
    assert_eq!((foreign.asset, foreign.fill.tid, foreign.fee_is_usd), (None, 0, false));
    assert_eq!(events[3], UserEvent::FillsEnd { via: Via::Snapshot, total: 3 });

    // Later frames omit the flag, or say false.
    for later in ["", r#""isSnapshot":false,"#, r#""isSnapshot":null,"#] {
        let (_, events) = read(&USER_FILLS.replace(r#""isSnapshot":true,"#, later));
        assert_eq!(events.len(), 3, "no end of a stream");
        assert_eq!(events[0], UserEvent::Fill(UserFill { via: Via::Stream, ..ours }));
    }
    let (kind, events) = read(frame_with(r#""channel":"user","data":{"fills""#));
    assert_eq!((kind, events.len()), (Kind::User, 1));
    assert!(matches!(events[0], UserEvent::Fill(f) if f.via == Via::Stream));

    let (_, events) = read(frame_with("userFillsByTime"));
    let via = Via::Answer { id: 15 };
    assert!(matches!(events[0], UserEvent::Fill(f) if f.via == via && !f.fee_is_usd));
    assert_eq!(events[1], UserEvent::FillsEnd { via, total: 1 });
}

#[test]
fn funding() {
    let (kind, events) = read(FUNDING);
    assert_eq!(kind, Kind::UserFundings);
    let paid = Funding {
        via: Via::Snapshot,
        asset: asset("BTC"),
        usdc: usd("-0.025182"),
        time: Nanos::millis(1_795_359_600_128),
    };
    assert_eq!(events[0], UserEvent::Funding(paid));
    assert!(matches!(events[1], UserEvent::Funding(f) if f.usdc == usd("1.5")));
    assert_eq!(events[2], UserEvent::FundingsEnd { via: Via::Snapshot, total: 2 });
    let (_, events) = read(frame_with(r#""data":{"funding""#));
    assert!(matches!(events[..], [UserEvent::Funding(f)] if f.via == Via::Stream));
    let (_, events) = read(frame_with(r#""type":"userFunding""#));
    let via = Via::Answer { id: 18 };
    let usdc = usd("-0.5");
    let time = Nanos::millis(1_795_359_600_000);
    let funding = UserEvent::Funding(Funding { via, asset: asset("BTC"), usdc, time });
    assert_eq!(events, [funding, UserEvent::FundingsEnd { via, total: 1 }]);
}

#[test]
fn open_orders() {
    let (kind, events) = read(OPEN_ORDERS);
    assert_eq!(kind, Kind::OpenOrders);
    let order = VenueOrder {
        asset: asset("ETH"),
        oid: Oid(91_490_942),
        cloid: None,
        side: Side::Ask,
        reduce_only: true,
        px: px("2415"),
        leaves: qty("0.5"),
        orig: qty("1"),
    };
    assert_eq!(events[0], UserEvent::OpenOrder { id: None, order });
    let UserEvent::OpenOrder { order: foreign, .. } = events[1] else { panic!("{events:?}") };
    assert_eq!((foreign.asset, foreign.px, foreign.orig), (None, px("3999.5"), qty("2")));
    assert_eq!(events[2], UserEvent::OpenOrdersEnd { id: None, total: 2 });
    let (_, events) = read(frame_with("frontendOpenOrders"));
    assert!(
        matches!(events[0], UserEvent::OpenOrder { id: Some(13), order } if order.cloid.unwrap().is_ours())
    );
    assert_eq!(events[1], UserEvent::OpenOrdersEnd { id: Some(13), total: 1 });
}

#[test]
fn order_status() {
    let (_, events) = read(frame_with("orderStatus"));
    let [UserEvent::OrderStatus { id: 14, found: Some(state) }] = events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(state.status, WireStatus::CanceledByVenue(VenueCancel::Margin));
    assert_eq!((state.order.oid, state.order.leaves), (Oid(42), qty("0.1")));
    let unknown =
        r#"{"type":"info","payload":{"type":"orderStatus","data":{"status":"unknownOid"}}}"#;
    assert_eq!(answer(unknown), [UserEvent::OrderStatus { id: 5, found: None }]);
}

#[test]
fn account_state() {
    let (kind, events) = read(STATE);
    assert_eq!(kind, Kind::ClearinghouseState);
    let account = MarginSummary {
        account_value: usd("96828.21505"),
        total_raw_usd: usd("-22358.938225"),
        margin_used: usd("91375.308958"),
        withdrawable: usd("0.5"),
        time: Some(Nanos::millis(1_795_359_567_359)),
        positions: 2,
    };
    let position = |asset, szi, entry_px, mark_px| UserEvent::Position {
        id: None,
        asset,
        szi: qty(szi),
        entry_px: px(entry_px),
        mark_px,
    };
    let btc = position(asset("BTC"), "-0.45034", "81046.00000001", px("80000"));
    let gold = position(None, "7.5", "4000", Px::ZERO);
    assert_eq!(events, [btc, gold, UserEvent::AccountState { id: None, account }]);
    let (_, events) = read(frame_with("1736.03"));
    let [UserEvent::AccountState { id: Some(16), account }] = events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((account.account_value, account.time), (usd("1736.03"), None));
}

#[test]
fn what_else_happens_to_the_account() {
    let (_, events) = read(frame_with("nonUserCancel"));
    let cancel = |asset, oid| UserEvent::NonUserCancel { asset, oid: Oid(oid) };
    assert_eq!(events, [cancel(asset("BTC"), 569_031_862_179), cancel(None, 5)]);
    let (_, events) = read(frame_with("liquidated_user"));
    let liquidation = Liquidation {
        user: Some(address(0xee)),
        ntl_pos: usd("100.5"),
        account_value: usd("5.25"),
    };
    assert_eq!(events, [UserEvent::Liquidation(liquidation)]);
    let (_, events) = read(frame_with("userRateLimit"));
    assert_eq!(events, [UserEvent::RateLimit { id: 17, used: 2_890, cap: 2_864_574 }]);
}

/// What moved is not documented; that something did is. The first frame is of before.
#[test]
fn money_that_is_moved() {
    let frame = frame_with("nonFundingLedgerUpdates");
    assert_eq!(read(frame), (Kind::LedgerUpdates, vec![UserEvent::LedgerUpdate]));
    let first = frame.replace(r#""data":{"#, r#""data":{"isSnapshot":true,"#);
    assert_eq!(read(&first), (Kind::LedgerUpdates, vec![]));
}

#[test]
fn answers_to_actions() {
    let (_, events) = read(ORDER_ANSWER);
    let item = |index, status| UserEvent::PostItem { id: 8, index, status };
    let unknown = |text| UserEvent::UnknownWord { field: "statuses", word: VenueText::new(text) };
    let alo = "Post only order would have immediately matched, bbo was 65011.0@65012.0. asset=0";
    let error = ItemError {
        reason: RejectReason::BadAloPx,
        best_bid: px("65011"),
        best_ask: px("65012"),
        text: VenueText::new(alo),
    };
    let filled =
        ItemStatus::Filled { oid: Oid(77_747_314), total: qty("0.02"), avg_px: px("1891.4") };
    let expected = [
        item(0, ItemStatus::Resting { oid: Oid(77_738_308) }),
        item(1, filled),
        item(2, ItemStatus::Error(error)),
        item(3, ItemStatus::Waiting),
        unknown("somethingNew"),
        item(4, ItemStatus::Unknown),
        unknown("an object that is neither resting, filled nor error"),
        item(5, ItemStatus::Unknown),
        UserEvent::PostDone { id: 8, items: 6 },
    ];
    assert_eq!(events, expected);

    let (_, events) = read(CANCEL_ANSWER);
    assert_eq!(events[0], UserEvent::PostItem { id: 9, index: 0, status: ItemStatus::Success });
    let UserEvent::PostItem { index: 1, status: ItemStatus::Error(e), .. } = events[1] else {
        panic!("{events:?}")
    };
    assert_eq!(e.reason, RejectReason::NotFound);
    assert_eq!(events[2], UserEvent::PostDone { id: 9, items: 2 });
    let (_, events) = read(frame_with(r#""type":"default""#));
    assert_eq!(events, [UserEvent::PostDone { id: 11, items: 0 }]);
    let twap = r#"{"type":"twapCancel","data":{"status":{"error":"TWAP was never placed."}}}"#;
    let events =
        answer(&format!(r#"{{"type":"action","payload":{{"status":"ok","response":{twap}}}}}"#));
    assert!(matches!(events[0], UserEvent::PostItem { status: ItemStatus::Error(_), .. }));
    let other = r#"{"type":"createSubAccount","data":"0x00"}"#;
    let events =
        answer(&format!(r#"{{"type":"action","payload":{{"status":"ok","response":{other}}}}}"#));
    assert_eq!(events, [UserEvent::PostDone { id: 5, items: 0 }]);
}

#[test]
fn requests_refused_and_failed() {
    let (_, events) = read(REFUSED_ANSWER);
    let [UserEvent::PostRefused { id: 10, reason, text }] = events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(reason, RequestError::UnknownSigner);
    assert!(text.as_str().ends_with("cc does not exist."), "{text}");
    let of = |text: &str| match refused_action(text)[..] {
        [UserEvent::PostRefused { reason, .. }] => (reason, reason.as_reject()),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(of("Action already expired"), (RequestError::Expired, RejectReason::Expired));
    let tick = RequestError::Order(RejectReason::Tick);
    assert_eq!(of("Price must be divisible by tick size. asset=0"), (tick, RejectReason::Tick));
    assert_eq!(of("é \u{1}"), (RequestError::Other, RejectReason::Other));

    let (_, events) = read(frame_with("429"));
    let text = VenueText::new("429 Too Many Requests");
    assert_eq!(events, [UserEvent::PostFailed { id: 12, status: 429, text }]);
    for (payload, status) in [("null", 0), ("\"\"", 0), ("\"503\"", 503), ("\"99999 x\"", 0)] {
        let events = answer(&format!(r#"{{"type":"error","payload":{payload}}}"#));
        assert!(matches!(events[..], [UserEvent::PostFailed { status: s, .. }] if s == status));
    }
}

#[test]
fn info_answers_without_anything_to_read() {
    let info = |payload| answer(&format!(r#"{{"type":"info","payload":{payload}}}"#));
    let empty = [UserEvent::InfoEmpty { id: 5 }];
    assert_eq!(info(r#"{"type":"openOrders","data":null}"#), empty);
    assert_eq!(info(r#"{"type":"l2Book","data":null}"#), empty);
    assert_eq!(info("null"), empty);
    let unread = UserEvent::AnswerUnread { id: 5 };
    assert_eq!(info(r#"{"type":"userRole","data":{"role":"user"}}"#), [unread]);
    let word = VenueText::new("explorer");
    let new = UserEvent::UnknownWord { field: "type", word };
    assert_eq!(answer(r#"{"type":"explorer","payload":1}"#), [new, unread]);
}

#[test]
fn control_frames() {
    assert_eq!(read(FRAMES[0]), (Kind::Pong, vec![UserEvent::Pong]));
    let (kind, events) = read(frame_with("subscriptionResponse"));
    assert_eq!(kind, Kind::Subscription);
    let fast = Stream { kind: StreamKind::FastBook, asset: asset("ETH"), user: None };
    assert_eq!(events, [UserEvent::Subscribed(fast)]);
    let ended = r#"{"channel":"subscriptionResponse","data":{"subscription":{"user":"0x00000000000000000000000000000000000000AA","aggregateByTime":false,"type":"userFills"},"method":"unsubscribe"}}"#;
    let fills = Stream { kind: StreamKind::UserFills, asset: None, user: Some(address(0xaa)) };
    assert_eq!(read(ended).1, [UserEvent::Unsubscribed(fills)]);
    let kinds = [
        ("orderUpdates", StreamKind::OrderUpdates),
        ("userEvents", StreamKind::UserEvents),
        ("userFundings", StreamKind::UserFundings),
        ("clearinghouseState", StreamKind::ClearinghouseState),
        ("openOrders", StreamKind::OpenOrders),
        ("l2Book", StreamKind::Book),
        ("bbo", StreamKind::Bbo),
        ("trades", StreamKind::Trades),
        ("activeAssetCtx", StreamKind::AssetCtx),
        ("candle", StreamKind::Candle),
        ("notification", StreamKind::Other),
    ];
    for (word, kind) in kinds {
        let frame = format!(
            r#"{{"channel":"subscriptionResponse","data":{{"method":"subscribe","subscription":{{"type":"{word}"}}}}}}"#
        );
        let stream = Stream { kind, asset: None, user: None };
        assert_eq!(read(&frame).1, [UserEvent::Subscribed(stream)]);
    }
    for (frame, kind) in [
        ("Websocket connection established.", Kind::Text),
        (r#"{"channel":"bbo","data":{"coin":1}}"#, Kind::Market),
        (r#"{"channel":"notification","data":{"notification":"hello"}}"#, Kind::Other),
        (r#"{"channel":"user","data":{"twapSliceFills":[]}}"#, Kind::User),
    ] {
        assert_eq!(read(frame), (kind, vec![]));
    }
}

#[test]
fn channel_errors() {
    let of = |text: &str| {
        let text = serde_json::to_string(text).unwrap();
        let (kind, events) = read(&format!(r#"{{"channel":"error","data":{text}}}"#));
        assert_eq!(kind, Kind::ChannelError);
        match events[..] {
            [UserEvent::ChannelError(e)] => e,
            ref other => panic!("{other:?}"),
        }
    };
    let trades = Stream { kind: StreamKind::Trades, asset: asset("BTC"), user: None };
    let text = r#"Already subscribed: {"type":"trades","coin":"BTC"}"#;
    let kind = ChannelErrorKind::AlreadySubscribed;
    let whole = ChannelError { kind, id: None, stream: Some(trades), text: VenueText::new(text) };
    assert_eq!(of(text), whole);
    assert_eq!(read(frame_with("Already subscribed")).1, [UserEvent::ChannelError(whole)]);
    let ended = of(r#"Already unsubscribed: {"type":"l2Book","coin":"SOL","fast":true}"#);
    let book = Stream { kind: StreamKind::FastBook, asset: asset("SOL"), user: None };
    assert_eq!((ended.kind, ended.stream), (ChannelErrorKind::AlreadyUnsubscribed, Some(book)));
    let unread = read(frame_with(r#"\"id\":77"#)).1;
    assert!(matches!(unread[..], [UserEvent::ChannelError(e)]
        if e.id == Some(77) && e.kind == ChannelErrorKind::ParseError && e.stream.is_none()));
    let unread = of(
        r#"Error parsing JSON into valid websocket request: {"method":"subscribe","subscription":{"type":"bbo","coin":"ETH"}}"#,
    );
    assert_eq!(unread.stream.unwrap().kind, StreamKind::Bbo);
    assert_eq!(unread.id, None);
    let many = of("too many pending post requests id=1234");
    assert_eq!((many.kind, many.id), (ChannelErrorKind::TooManyPosts, Some(1234)));
    let users = of("Cannot track more than 10 total users.");
    assert_eq!(users.kind, ChannelErrorKind::TooManyUsers);
    assert_eq!(of("The moon is full").kind, ChannelErrorKind::Other);
    let (_, events) = read(r#"{"channel":"error","data":{"code":1}}"#);
    assert!(
        matches!(events[..], [UserEvent::ChannelError(e)] if e.kind == ChannelErrorKind::Other)
    );
}

/// The error of a literal frame after one replacement.
fn refused(frame: &str, from: &str, to: &str) -> UserError {
    assert!(frame.contains(from), "no {from} in {frame}");
    let frame = frame.replacen(from, to, 1);
    let (result, _) = oracle(&mut UserParser::new(), frame.as_bytes(), &universe());
    result.map_or_else(|e| e, |kind| panic!("{kind:?} was read: {frame}"))
}

#[test]
fn errors_name_channel_and_field() {
    let missing = refused(ORDER_UPDATES, r#""oid":569017209592"#, r#""x":1"#);
    assert_eq!(missing.to_string(), "channel orderUpdates: \"oid\" is missing");
    let null = refused(USER_FILLS, r#""tid":5"#, r#""tid":null"#);
    assert_eq!(null.to_string(), "channel userFills: \"tid\" is missing");
    let answer = refused(ORDER_ANSWER, "77738308", "\"x\"");
    let text = "channel post: answer to post 8: \"oid\" has the wrong type or shape";
    assert_eq!(answer.to_string(), text);
    assert_eq!((answer.kind, answer.id), (Some(Kind::Post), Some(8)));
    let why = |frame, from, to| refused(frame, from, to).why;
    assert_eq!(why(ORDER_UPDATES, r#""side":"B""#, r#""side":"S""#), Fault::BadWord);
    assert_eq!(why(USER_FILLS, "0.00124", "-0.00124"), Fault::OutOfRange);
    assert_eq!(why(USER_FILLS, "0.00124", "0.0"), Fault::OutOfRange);
    assert_eq!(why(USER_FILLS, "1795359600500", "9795359600500"), Fault::OutOfRange);
    assert_eq!(why(STATE, "-0.45034", "-1000000000.5"), Fault::OutOfRange);
    assert!(matches!(why(ORDER_UPDATES, "65011.0", "65011.0.1"), Fault::Number(_)));
    assert_eq!(why(OPEN_ORDERS, r#""oid":91490942"#, r#""oid":1,"oid":1"#), Fault::Duplicate);
    // A list that is not there is not an empty list.
    assert_eq!(why(OPEN_ORDERS, r#""orders""#, r#""order""#), Fault::Missing);
    assert_eq!(why(STATE, r#""assetPositions""#, r#""positions""#), Fault::Missing);
    assert_eq!(why(CANCEL_ANSWER, r#""statuses""#, r#""states""#), Fault::Missing);
    assert_eq!(why(REFUSED_ANSWER, r#""err""#, r#""maybe""#), Fault::BadWord);
    for bad in ["", " ", "[]", "1", "{}", "{\"channel\":1}", "{\"channel\":\"post\"}", "{\"cha"] {
        let result = oracle(&mut UserParser::new(), bad.as_bytes(), &universe()).0;
        assert!(result.is_err(), "{bad:?}");
    }
    let mut long = vec![b' '; (16 << 20) + 1];
    let result = UserParser::new().parse(&mut long, &universe(), &mut |_| {});
    assert!(matches!(result.unwrap_err().why, Fault::TooLong { .. }));
}

/// The frame after one replacement: what it says, or why it is refused.
fn changed(frame: &str, from: &str, to: &str) -> Result<Vec<UserEvent>, UserError> {
    assert!(frame.contains(from), "{frame} has no {from}");
    let text = frame.replacen(from, to, 1);
    let (result, events) = oracle(&mut UserParser::new(), text.as_bytes(), &universe());
    result.map(|_| events)
}

#[test]
fn numbers_are_sound_at_the_door() {
    let refused = |frame: &str, from: &str, to: &str, field: &str, why: Fault| {
        let e = changed(frame, from, to).unwrap_err();
        assert_eq!((e.field, e.why), (field, why), "{to}");
    };
    for none in ["\"0.0\"", "\"-1.0\"", "\"0.000000001\"", "\"10000001.0\""] {
        refused(USER_FILLS, "\"65011.1234567891\"", none, "px", Fault::OutOfRange);
    }
    for none in ["\"0.0\"", "\"-1.0\"", "\"0.000000001\"", "\"1000000001.0\""] {
        refused(USER_FILLS, "\"0.00124\"", none, "sz", Fault::OutOfRange);
    }
}

#[test]
fn a_coin_listed_twice_says_nothing() {
    let twice = STATE.replace("dex:GOLD", "BTC");
    let (result, events) = oracle(&mut UserParser::new(), twice.as_bytes(), &universe());
    assert_eq!(result.unwrap_err().why, Fault::Duplicate);
    assert!(events.is_empty());
}

#[test]
fn the_noise_of_floats_is_read_to_the_nearest_unit() {
    let exact = changed(STATE, "\"-0.45034\"", "\"-0.45034\"").unwrap();
    for noisy in ["\"-0.45034000000000002\"", "\"-4.5034e-1\""] {
        assert_eq!(changed(STATE, "\"-0.45034\"", noisy).unwrap(), exact, "{noisy}");
    }
    let limit = frame_with("userRateLimit");
    assert_eq!(changed(limit, "2890,", "2890.0,"), changed(limit, "2890,", "2890,"));
    assert_eq!(changed(limit, "2890,", "2890.5,").unwrap_err().why, Fault::WrongType);
    assert_eq!(changed(limit, "2890,", "1e300,").unwrap_err().why, Fault::OutOfRange);
}

#[test]
fn a_fee_in_another_token_costs_no_fill() {
    let other = |fee| {
        let frame = USER_FILLS.replacen("\"feeToken\":\"USDC\"", "\"feeToken\":\"HYPE\"", 1);
        changed(&frame, "\"0.0362341501\"", fee)
    };
    for fee in ["\"0.5\"", "\"99999999999999\"", "\"?\"", "null"] {
        let events = other(fee).unwrap();
        assert!(matches!(events[0], UserEvent::Fill(f) if !f.fee_is_usd), "{fee}");
    }
    let usdc = changed(USER_FILLS, "\"0.0362341501\"", "\"99999999999999\"").unwrap_err();
    assert_eq!((usdc.field, usdc.why), ("fee", Fault::Number(DecimalError::TooLarge)));
}
