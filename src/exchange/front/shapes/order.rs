//! Orders, fills and funding payments of one user (PROTOCOL §2.5 to §2.7).

use crate::exchange::front::json::{ClientId, Decimal, TxHash, User, side_letter};
use crate::exchange::model::{
    Conditional, Direction, FundingPayment, Order, OrderStatus, Tif, TpSl, UserFill, Waits,
};
use botmm_pipeline::types::Universe;
use serde::Serialize;
use std::borrow::Cow;

/// An order in few words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderShape<'a> {
    coin: &'a str,
    side: &'static str,
    limit_px: Decimal,
    sz: Decimal,
    oid: u64,
    timestamp: i64,
    orig_sz: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloid: Option<ClientId>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    reduce_only: bool,
}

impl<'a> OrderShape<'a> {
    /// As it stands.
    pub fn new(universe: &'a Universe, order: &Order) -> Self {
        Self {
            coin: universe.get(order.asset).coin.as_str(),
            side: side_letter(order.side),
            limit_px: order.px.into(),
            sz: order.leaves.into(),
            oid: order.oid.0,
            timestamp: order.time.as_millis(),
            orig_sz: order.orig.into(),
            cloid: order.cloid.map(ClientId),
            reduce_only: order.reduce_only,
        }
    }
}

/// An order in all words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendOrder<'a> {
    coin: &'a str,
    side: &'static str,
    limit_px: Decimal,
    sz: Decimal,
    oid: u64,
    timestamp: i64,
    trigger_condition: Cow<'static, str>,
    is_trigger: bool,
    trigger_px: Decimal,
    children: Vec<FrontendOrder<'a>>,
    is_position_tpsl: bool,
    reduce_only: bool,
    order_type: &'static str,
    orig_sz: Decimal,
    tif: Option<&'static str>,
    cloid: Option<ClientId>,
}

impl<'a> FrontendOrder<'a> {
    /// As it stands.
    pub fn new(universe: &'a Universe, order: &Order) -> Self {
        let (order_type, tif) = match (order.conditional, order.tif) {
            (Some(conditional), tif) => trigger_type(&conditional, tif),
            (None, Tif::Alo) => ("Limit", Some("Alo")),
            (None, Tif::Gtc) => ("Limit", Some("Gtc")),
            (None, Tif::Ioc) => ("Limit", Some("Ioc")),
            (None, Tif::FrontendMarket) => ("Market", Some("FrontendMarket")),
        };
        let trigger_px = order.conditional.map_or(Decimal::ZERO, |c| c.trigger.px.into());
        Self {
            coin: universe.get(order.asset).coin.as_str(),
            side: side_letter(order.side),
            limit_px: order.px.into(),
            sz: order.leaves.into(),
            oid: order.oid.0,
            timestamp: order.time.as_millis(),
            trigger_condition: trigger_condition(order),
            is_trigger: order.conditional.is_some(),
            trigger_px,
            children: Vec::new(),
            is_position_tpsl: order.conditional.is_some_and(|c| c.is_position),
            reduce_only: order.reduce_only,
            order_type,
            orig_sz: order.orig.into(),
            tif,
            cloid: order.cloid.map(ClientId),
        }
    }
}

impl FrontendOrder<'_> {
    /// With the trigger orders that wait for it to fill.
    #[must_use]
    pub fn with_children(self, children: Vec<Self>) -> Self {
        Self { children, ..self }
    }
}

/// What a trigger order is called, and its time in force once it is in the book.
fn trigger_type(conditional: &Conditional, tif: Tif) -> (&'static str, Option<&'static str>) {
    let trigger = conditional.trigger;
    let name = match (trigger.tpsl, trigger.is_market) {
        (TpSl::StopLoss, true) => "Stop Market",
        (TpSl::StopLoss, false) => "Stop Limit",
        (TpSl::TakeProfit, true) => "Take Profit Market",
        (TpSl::TakeProfit, false) => "Take Profit Limit",
    };
    let is_in_book = conditional.waits == Waits::ForNothing && tif == Tif::Gtc;
    (name, is_in_book.then_some("Gtc"))
}

/// What fires an order, in words.
fn trigger_condition(order: &Order) -> Cow<'static, str> {
    match order.conditional {
        None => "N/A".into(),
        Some(c) if c.waits == Waits::ForNothing => "Triggered".into(),
        Some(c) => {
            let way = if c.trigger.is_above(order.side) { "above" } else { "below" };
            format!("Price {way} {}", c.trigger.px).into()
        }
    }
}

/// An order with where it stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WithStatus<O> {
    order: O,
    status: &'static str,
    status_timestamp: i64,
}

impl<O> WithStatus<O> {
    /// `shown` is how `order` is written.
    pub fn new(shown: O, order: &Order) -> Self {
        let status_timestamp = order.status_time.as_millis();
        Self { order: shown, status: status_word(&order.status), status_timestamp }
    }
}

/// The venue's word for where an order stands.
pub const fn status_word(status: &OrderStatus) -> &'static str {
    match status {
        OrderStatus::Open => "open",
        OrderStatus::Filled => "filled",
        OrderStatus::Canceled | OrderStatus::Replaced => "canceled",
        OrderStatus::ScheduledCancel => "scheduledCancel",
        OrderStatus::SelfTradeCanceled => "selfTradeCanceled",
        OrderStatus::MarginCanceled => "marginCanceled",
        OrderStatus::ReduceOnlyCanceled => "reduceOnlyCanceled",
        OrderStatus::LiquidatedCanceled => "liquidatedCanceled",
        OrderStatus::Triggered => "triggered",
        OrderStatus::SiblingFilledCanceled => "siblingFilledCanceled",
        OrderStatus::Rejected(why) => why.status_word(),
    }
}

/// What a fill that liquidates says of that.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LiquidationShape {
    liquidated_user: User,
    mark_px: Decimal,
    method: &'static str,
}

/// A fill of one user's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FillShape<'a> {
    coin: &'a str,
    px: Decimal,
    sz: Decimal,
    side: &'static str,
    time: i64,
    start_position: Decimal,
    dir: &'static str,
    closed_pnl: Decimal,
    hash: TxHash,
    oid: u64,
    crossed: bool,
    fee: Decimal,
    tid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloid: Option<ClientId>,
    /// In the fee; left out when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    builder_fee: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    liquidation: Option<LiquidationShape>,
    fee_token: &'static str,
    twap_id: Option<u64>,
}

impl<'a> FillShape<'a> {
    /// One fill.
    pub fn new(universe: &'a Universe, fill: &UserFill) -> Self {
        Self {
            coin: universe.get(fill.asset).coin.as_str(),
            px: fill.px.into(),
            sz: fill.qty.into(),
            side: side_letter(fill.side),
            time: fill.time.as_millis(),
            start_position: fill.start_position.into(),
            dir: direction_word(fill.direction),
            closed_pnl: fill.closed_pnl.into(),
            hash: match fill.twap_id {
                Some(_) => TxHash::ZERO,
                None => TxHash::of_trade(fill.time, fill.tid),
            },
            oid: fill.oid.0,
            crossed: fill.crossed,
            fee: fill.fee.into(),
            tid: fill.tid,
            cloid: fill.cloid.map(ClientId),
            builder_fee: (!fill.builder_fee.is_zero()).then(|| fill.builder_fee.into()),
            liquidation: fill.liquidation.map(|(user, mark)| LiquidationShape {
                liquidated_user: User(user),
                mark_px: mark.into(),
                method: "market",
            }),
            fee_token: "USDC",
            twap_id: fill.twap_id,
        }
    }

    /// The partial fills of a crossing order at one time, oldest first, as one.
    fn merged(universe: &'a Universe, fills: &[&UserFill]) -> Option<Self> {
        let first = fills.first()?;
        let sum =
            |part: fn(&UserFill) -> i64| fills.iter().map(|f| i128::from(part(f))).sum::<i128>();
        let qty = sum(|f| f.qty.raw());
        let value: i128 =
            fills.iter().map(|f| i128::from(f.px.raw()) * i128::from(f.qty.raw())).sum();
        let bounded = |v: i128| v.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        Some(Self {
            px: Decimal::e10(bounded(value * 100 / qty.max(1))),
            sz: Decimal::e8(bounded(qty)),
            closed_pnl: Decimal::e8(bounded(sum(|f| f.closed_pnl.raw()))),
            fee: Decimal::e8(bounded(sum(|f| f.fee.raw()))),
            builder_fee: Some(bounded(sum(|f| f.builder_fee.raw())))
                .filter(|raw| *raw != 0)
                .map(Decimal::e8),
            ..Self::new(universe, first)
        })
    }
}

/// Fills as they are shown, order kept; `aggregate` merges neighbours of one order and time.
pub fn fill_shapes<'a, 'f>(
    universe: &'a Universe,
    fills: impl IntoIterator<Item = &'f UserFill>,
    aggregate: bool,
) -> Vec<FillShape<'a>> {
    if !aggregate {
        return fills.into_iter().map(|f| FillShape::new(universe, f)).collect();
    }
    let fills: Vec<&UserFill> = fills.into_iter().collect();
    let groups = fills.chunk_by(|a, b| a.crossed && (a.time, a.oid) == (b.time, b.oid));
    groups
        .filter_map(|group| match group {
            [one] => Some(FillShape::new(universe, one)),
            many => FillShape::merged(universe, many),
        })
        .collect()
}

/// The venue's words for what a fill did.
pub const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::OpenLong => "Open Long",
        Direction::OpenShort => "Open Short",
        Direction::CloseLong => "Close Long",
        Direction::CloseShort => "Close Short",
        Direction::LongToShort => "Long > Short",
        Direction::ShortToLong => "Short > Long",
    }
}

/// An hourly payment, as frames show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FundingShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    coin: &'a str,
    usdc: Decimal,
    szi: Decimal,
    funding_rate: Decimal,
    n_samples: Option<u64>,
}

impl<'a> FundingShape<'a> {
    /// One payment.
    pub fn new(universe: &'a Universe, payment: &FundingPayment) -> Self {
        Self {
            time: Some(payment.time.as_millis()),
            coin: universe.get(payment.asset).coin.as_str(),
            usdc: payment.usdc.into(),
            szi: payment.szi.into(),
            funding_rate: Decimal::e10(payment.rate_e10),
            n_samples: None,
        }
    }

    /// Without its time, which stands around it.
    pub fn untimed(universe: &'a Universe, payment: &FundingPayment) -> Self {
        Self { time: None, ..Self::new(universe, payment) }
    }
}
