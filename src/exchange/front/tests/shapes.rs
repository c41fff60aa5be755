//! The objects of PROTOCOL §2 and §5.4, byte for byte.

use super::world::kept_order;
use crate::exchange::front::json::to_bytes;
use crate::exchange::front::shapes::{
    AccountShape, FillShape, FrontendOrder, FundingShape, OrderShape, TradeShape, WithStatus,
    fill_shapes,
};
use crate::exchange::front::shapes::{CandleShape, CtxShape, LevelShape};
use crate::exchange::model::{
    AccountState, AssetCtx, Candle, Conditional, Direction, FundingPayment, Leverage, Order,
    OrderStatus, PositionState, PublicTrade, ShownLevel, Tif, TpSl, Trigger, UserFill, Waits,
};
use botmm_pipeline::types::{AssetId, Cloid, Instrument, Nanos, Oid, Px, Qty, Side, Universe, Usd};
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::sim::core::{self, Refused};
use serde::Serialize;

fn universe() -> Universe {
    let btc = Instrument { max_leverage: 40, ..crate::coins::coin("BTC", 5) };
    Universe::new(vec![btc])
}

fn json(value: &impl Serialize) -> String {
    String::from_utf8(to_bytes(value)).unwrap()
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

/// The hash stands for itself: this venue makes it up.
fn without_hash(mut json: String) -> String {
    let start = json.find("\"hash\":\"0x").unwrap() + 10;
    let hash = &json[start..start + 64];
    assert!(hash.bytes().all(|b| b.is_ascii_hexdigit()) && !hash.contains("00000000"), "{hash}");
    json.replace_range(start..start + 64, "");
    json
}

const CLOID: u128 = 0x273d_565c_96b2_523a_e6a0_b5ca_299c_6f00;

fn order() -> Order {
    Order {
        kept: core::Order { cloid: Some(Cloid::from_u128(CLOID)), ..kept_order() },
        user: Address::default(),
        conditional: None,
        status: OrderStatus::Open,
        status_time: Nanos::millis(1_795_359_648_890),
    }
}

#[test]
fn orders() {
    let (universe, order) = (universe(), order());
    let basic = concat!(
        r#"{"coin":"BTC","side":"B","limitPx":"65011.0","sz":"0.20705","oid":569017209592,"#,
        r#""timestamp":1795359648890,"origSz":"0.20705","#,
        r#""cloid":"0x273d565c96b2523ae6a0b5ca299c6f00"}"#,
    );
    let update = WithStatus::new(OrderShape::new(&universe, &order), &order);
    let expected =
        format!(r#"{{"order":{basic},"status":"open","statusTimestamp":1795359648890}}"#);
    assert_eq!(json(&update), expected);
    let frontend = concat!(
        r#"{"coin":"BTC","side":"B","limitPx":"65011.0","sz":"0.20705","oid":569017209592,"#,
        r#""timestamp":1795359648890,"triggerCondition":"N/A","isTrigger":false,"#,
        r#""triggerPx":"0.0","children":[],"isPositionTpsl":false,"reduceOnly":true,"#,
        r#""orderType":"Limit","origSz":"0.20705","tif":"Alo","cloid":null}"#,
    );
    let kept = core::Order { cloid: None, reduce_only: true, ..order.kept };
    let plain = Order { kept, ..order.clone() };
    assert_eq!(json(&FrontendOrder::new(&universe, &plain)), frontend);
    let basic = json(&OrderShape::new(&universe, &plain));
    assert!(basic.ends_with(r#""origSz":"0.20705","reduceOnly":true}"#), "{basic}");
}

/// The shape of a recorded answer: a parent with a stop and a take profit that wait for it.
#[test]
fn trigger_orders() {
    let universe = universe();
    let trigger = Trigger { px: px("10.004"), is_market: true, tpsl: TpSl::TakeProfit };
    let waits = Waits::ForMark;
    let conditional = Conditional { trigger, is_position: false, parent: None, waits };
    let kept = core::Order {
        side: Side::Ask,
        px: px("9.2037"),
        cloid: None,
        reduce_only: true,
        tif: Tif::FrontendMarket,
        ..order().kept
    };
    let of = |conditional| Order { kept, conditional: Some(conditional), ..order() };
    let shown = |order: &Order| json(&FrontendOrder::new(&universe, order));
    let expected = concat!(
        r#"{"coin":"BTC","side":"A","limitPx":"9.2037","sz":"0.20705","oid":569017209592,"#,
        r#""timestamp":1795359648890,"triggerCondition":"Price above 10.004","isTrigger":true,"#,
        r#""triggerPx":"10.004","children":[],"isPositionTpsl":false,"reduceOnly":true,"#,
        r#""orderType":"Take Profit Market","origSz":"0.20705","tif":null,"cloid":null}"#,
    );
    assert_eq!(shown(&of(conditional)), expected);
    let stop = Trigger { tpsl: TpSl::StopLoss, is_market: false, ..trigger };
    let position = Conditional { trigger: stop, is_position: true, ..conditional };
    let text = shown(&of(position));
    for part in [
        r#""triggerCondition":"Price below 10.004""#,
        r#""isPositionTpsl":true"#,
        r#""orderType":"Stop Limit""#,
        r#""tif":null"#,
    ] {
        assert!(text.contains(part), "{text}");
    }
    let waits = Waits::ForNothing;
    let kept = core::Order { tif: Tif::Gtc, ..kept };
    let fired = Order { kept, ..of(Conditional { waits, ..position }) };
    let text = shown(&fired);
    assert!(text.contains(r#""triggerCondition":"Triggered""#) && text.contains(r#""tif":"Gtc""#));
    let child = FrontendOrder::new(&universe, &of(conditional));
    let parent = FrontendOrder::new(&universe, &order()).with_children(vec![child]);
    assert!(json(&parent).contains(&format!(r#""children":[{expected}]"#)));
}

#[test]
fn statuses_have_the_venues_words() {
    use OrderStatus as S;
    let (universe, order) = (universe(), order());
    for (status, expected) in [
        (S::Open, "open"),
        (S::Filled, "filled"),
        (S::Canceled, "canceled"),
        (S::ScheduledCancel, "scheduledCancel"),
        (S::SelfTradeCanceled, "selfTradeCanceled"),
        (S::MarginCanceled, "marginCanceled"),
        (S::ReduceOnlyCanceled, "reduceOnlyCanceled"),
        (S::LiquidatedCanceled, "liquidatedCanceled"),
        (S::Triggered, "triggered"),
        (S::SiblingFilledCanceled, "siblingFilledCanceled"),
        (S::Rejected(Refused::BadAloPx(None, None)), "badAloPxRejected"),
        (S::Rejected(Refused::IocCancel), "iocCancelRejected"),
    ] {
        let order = Order { status, ..order.clone() };
        let shown = json(&WithStatus::new(OrderShape::new(&universe, &order), &order));
        assert!(shown.contains(&format!(r#""status":"{expected}""#)), "{shown}");
    }
}

fn fill() -> UserFill {
    UserFill {
        user: Address::default(),
        asset: AssetId::new(0),
        px: px("80499"),
        qty: qty("0.00124"),
        side: Side::Ask,
        time: Nanos::millis(1_791_480_468_944),
        start_position: qty("-11.86858"),
        direction: Direction::OpenShort,
        closed_pnl: Usd::ZERO,
        oid: Oid(569_017_662_681),
        cloid: None,
        crossed: false,
        fee: usd("-0.002994"),
        builder_fee: Usd::ZERO,
        tid: 167_376_889_247_413,
        twap_id: None,
        liquidation: None,
    }
}

#[test]
fn fills() {
    let universe = universe();
    let expected = concat!(
        r#"{"coin":"BTC","px":"80499.0","sz":"0.00124","side":"A","time":1791480468944,"#,
        r#""startPosition":"-11.86858","dir":"Open Short","closedPnl":"0.0","hash":"0x","#,
        r#""oid":569017662681,"crossed":false,"fee":"-0.002994","tid":167376889247413,"#,
        r#""feeToken":"USDC","twapId":null}"#,
    );
    assert_eq!(without_hash(json(&FillShape::new(&universe, &fill()))), expected);
}

#[test]
fn crossing_fills_of_one_order_and_time_merge() {
    let universe = universe();
    let taker = UserFill { crossed: true, ..fill() };
    let second = UserFill { px: px("80500"), qty: qty("0.00248"), tid: 5, ..taker.clone() };
    let other = UserFill { oid: Oid(1), ..taker.clone() };
    let fills = [taker, second, other, fill(), fill()];
    let plain = fill_shapes(&universe, &fills, false);
    assert_eq!(plain.len(), 5);
    let merged: Vec<String> = fill_shapes(&universe, &fills, true).iter().map(json).collect();
    assert_eq!(merged.len(), 4, "maker fills stay apart");
    // (80499 + 2 * 80500) / 3, ten decimals
    for part in [r#""px":"80499.6666666666""#, r#""sz":"0.00372""#, r#""fee":"-0.005988""#] {
        assert!(merged[0].contains(part), "{part} in {}", merged[0]);
    }
    assert_eq!(merged[2], json(&FillShape::new(&universe, &fill())));
}

#[test]
fn market_data() {
    let universe = universe();
    let level = ShownLevel { px: px("65011"), qty: qty("16.87185"), orders: 49 };
    assert_eq!(json(&LevelShape::from(&level)), r#"{"px":"65011.0","sz":"16.87185","n":49}"#);
    let trade = PublicTrade {
        asset: AssetId::new(0),
        aggressor: Side::Ask,
        px: px("65011"),
        qty: qty("0.16"),
        time: Nanos::millis(1_795_359_600_231),
        tid: 717_978_735_161_105,
        users: [Address::new([0x42; 20]), Address::new([0xab; 20])],
    };
    let (buyer, seller) = ("42".repeat(20), "ab".repeat(20));
    let expected = format!(
        "{{\"coin\":\"BTC\",\"side\":\"A\",\"px\":\"65011.0\",\"sz\":\"0.16\",\
         \"time\":1795359600231,\"hash\":\"0x\",\"tid\":717978735161105,\
         \"users\":[\"0x{buyer}\",\"0x{seller}\"]}}"
    );
    assert_eq!(without_hash(json(&TradeShape::new(&universe, &trade))), expected);
    let candle = Candle {
        open_time: Nanos::millis(1_795_359_600_000),
        open: px("65000"),
        close: px("65011"),
        high: px("65020"),
        low: px("64990"),
        volume: qty("30.8389"),
        trades: 241,
    };
    let expected = concat!(
        r#"{"t":1795359600000,"T":1795359659999,"s":"BTC","i":"1m","o":"65000.0","#,
        r#""c":"65011.0","h":"65020.0","l":"64990.0","v":"30.8389","n":241}"#,
    );
    assert_eq!(json(&CandleShape::new("BTC", "1m", Nanos::secs(60), &candle)), expected);
}

#[test]
fn contexts() {
    let ctx = AssetCtx {
        mark: px("65011"),
        oracle: px("65010.9"),
        mid: Some(px("65011.5")),
        prev_day: px("64000"),
        day_volume_usd: usd("3316947851.69"),
        day_volume: qty("40346.92"),
        funding_e10: 125_000,
        premium_e10: Some(-3_000_000),
        impact: Some([px("65011"), px("65012.1")]),
        open_interest: qty("39907.5661"),
    };
    let expected = concat!(
        r#"{"funding":"0.0000125","openInterest":"39907.5661","prevDayPx":"64000.0","#,
        r#""dayNtlVlm":"3316947851.69","premium":"-0.0003","oraclePx":"65010.9","#,
        r#""markPx":"65011.0","midPx":"65011.5","impactPxs":["65011.0","65012.1"],"#,
        r#""dayBaseVlm":"40346.92"}"#,
    );
    assert_eq!(json(&CtxShape::from(&ctx)), expected);
    let dead = AssetCtx { mid: None, premium_e10: None, impact: None, ..ctx };
    let shown = json(&CtxShape::from(&dead));
    assert!(shown.contains(r#""midPx":null,"impactPxs":null"#), "{shown}");
    assert!(shown.contains(r#""premium":null"#), "{shown}");
}

#[test]
fn accounts() {
    let position = PositionState {
        asset: AssetId::new(0),
        szi: qty("-12.45034"),
        entry_px: px("81046"),
        value: usd("1005128.39854"),
        unrealized: usd("3927.2"),
        margin_used: usd("91375.308958"),
        leverage: Leverage { is_cross: true, value: 11 },
        raw_usd: None,
        liquidation_px: Some(px("87435.1")),
        max_leverage: 40,
        funding_since_open: usd("0.1"),
        funding_all_time: usd("1"),
    };
    let account = AccountState {
        account_value: usd("96828.21505"),
        total_notional: usd("1005128.39854"),
        total_raw_usd: usd("1101956.61359"),
        margin_used: usd("91375.308958"),
        maintenance: usd("12564.104981"),
        withdrawable: Usd::ZERO,
        positions: vec![position],
    };
    let universe = universe();
    let time = Nanos::millis(1_791_480_567_359);
    let summary = concat!(
        r#"{"accountValue":"96828.21505","totalNtlPos":"1005128.39854","#,
        r#""totalRawUsd":"1101956.61359","totalMarginUsed":"91375.308958"}"#,
    );
    let expected = [
        r#"{"marginSummary":"#,
        summary,
        r#","crossMarginSummary":"#,
        summary,
        r#","crossMaintenanceMarginUsed":"12564.104981","withdrawable":"0.0","#,
        r#""assetPositions":[{"type":"oneWay","position":{"coin":"BTC","szi":"-12.45034","#,
        r#""leverage":{"type":"cross","value":11},"entryPx":"81046.0","#,
        r#""positionValue":"1005128.39854","unrealizedPnl":"3927.2","#,
        r#""returnOnEquity":"0.04281174","liquidationPx":"87435.1","#,
        r#""marginUsed":"91375.308958","maxLeverage":40,"#,
        r#""cumFunding":{"allTime":"1.0","sinceOpen":"0.1","sinceChange":"0.1"}}}],"#,
        r#""time":1791480567359}"#,
    ];
    assert_eq!(json(&AccountShape::new(&universe, &account, time)), expected.concat());

    let isolated = PositionState {
        leverage: Leverage { is_cross: false, value: 11 },
        raw_usd: Some(usd("1101956.61359")),
        liquidation_px: None,
        ..position
    };
    let account = AccountState { positions: vec![isolated], ..account };
    let shown = json(&AccountShape::new(&universe, &account, time));
    let leverage = r#""leverage":{"type":"isolated","value":11,"rawUsd":"1101956.61359"}"#;
    assert!(shown.contains(leverage), "{shown}");
    let cross = concat!(
        r#""crossMarginSummary":{"accountValue":"0.0","totalNtlPos":"0.0","#,
        r#""totalRawUsd":"0.0","totalMarginUsed":"0.0"}"#,
    );
    assert!(shown.contains(cross), "{shown}");
    assert!(shown.contains(r#""liquidationPx":null"#), "{shown}");
}

#[test]
fn fundings() {
    let payment = FundingPayment {
        user: Address::default(),
        asset: AssetId::new(0),
        usdc: usd("-0.025182"),
        szi: qty("6.917"),
        rate_e10: 125_000,
        time: Nanos::millis(1_795_359_600_128),
    };
    let expected = concat!(
        r#"{"time":1795359600128,"coin":"BTC","usdc":"-0.025182","szi":"6.917","#,
        r#""fundingRate":"0.0000125","nSamples":null}"#,
    );
    assert_eq!(json(&FundingShape::new(&universe(), &payment)), expected);
}
