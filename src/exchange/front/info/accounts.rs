//! How an account stands and what it did. An agent's address, like any unknown one, has nothing.

use crate::exchange::front::json::{Decimal, Nothing, TxHash, User, time_of_ms};
use crate::exchange::front::shapes::{
    AccountShape, FillShape, FrontendOrder, FundingShape, LeverageShape, OrderShape, SliceFill,
    TwapChangeShape, WithStatus, fill_shapes,
};
use crate::exchange::model::{FundingPayment, Order, Role, UserFill, Waits};
use crate::exchange::venue::Venue;
use botmm_pipeline::types::{Nanos, Qty, Side, Usd};
use botmm_pipeline::venue::hl::sign::OrderRef;
use serde::Serialize;

/// Fills or orders in one answer.
const MAX_FILLS: usize = 2000;
/// Elements of other time-ranged answers.
const MAX_ELEMENTS: usize = 500;

/// `clearinghouseState`.
pub fn account<'a>(venue: &'a Venue, user: &User) -> AccountShape<'a> {
    AccountShape::new(venue.universe(), &venue.account(&user.0), venue.time())
}

pub fn open_orders<'a>(venue: &'a Venue, user: &User) -> Vec<OrderShape<'a>> {
    let mut orders = venue.open_orders(&user.0);
    if venue.triggers_are_open_orders() {
        orders.extend(venue.trigger_orders(&user.0));
        orders.sort_by_key(|o| o.oid);
    }
    orders.iter().map(|o| OrderShape::new(venue.universe(), o)).collect()
}

/// `frontendOpenOrders`.
pub fn frontend_orders<'a>(venue: &'a Venue, user: &User) -> Vec<FrontendOrder<'a>> {
    let mut orders = venue.open_orders(&user.0);
    orders.extend(venue.trigger_orders(&user.0));
    orders.sort_by_key(|o| o.oid);
    orders.iter().map(|o| frontend_order(venue, o)).collect()
}

/// An order with its children, where it has any that wait for it.
fn frontend_order<'a>(venue: &'a Venue, order: &Order) -> FrontendOrder<'a> {
    let is_child = |o: &&Order| {
        o.conditional.is_some_and(|c| c.parent == Some(order.oid) && c.waits == Waits::ForFill)
    };
    let waiting = venue.trigger_orders(&order.user);
    let children = waiting.iter().filter(is_child);
    let children = children.map(|o| FrontendOrder::new(venue.universe(), o)).collect();
    FrontendOrder::new(venue.universe(), order).with_children(children)
}

type FullOrder<'a> = WithStatus<FrontendOrder<'a>>;

fn full_order<'a>(venue: &'a Venue, order: &Order) -> FullOrder<'a> {
    WithStatus::new(FrontendOrder::new(venue.universe(), order), order)
}

/// `orderStatus`.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
#[allow(clippy::large_enum_variant, reason = "written at once, never kept")]
pub enum OrderStatusShape<'a> {
    Order { order: FullOrder<'a> },
    UnknownOid,
}

pub fn order_status<'a>(venue: &'a Venue, user: &User, id: OrderRef) -> OrderStatusShape<'a> {
    match venue.order(&user.0, id) {
        Some(order) => {
            let order = WithStatus::new(frontend_order(venue, &order), &order);
            OrderStatusShape::Order { order }
        }
        None => OrderStatusShape::UnknownOid,
    }
}

/// `historicalOrders`: newest first, for clients that keep the first of an order's updates.
pub fn history<'a>(venue: &'a Venue, user: &User) -> Vec<FullOrder<'a>> {
    let newest = venue.history(&user.0).iter().rev().take(MAX_FILLS);
    newest.map(|order| full_order(venue, order)).collect()
}

/// The newest fills, oldest first.
pub fn fills<'a>(venue: &'a Venue, user: &User, aggregate: bool) -> Vec<FillShape<'a>> {
    let fills = venue.fills(&user.0);
    let newest = fills.iter().skip(fills.len().saturating_sub(MAX_FILLS));
    fill_shapes(venue.universe(), newest, aggregate)
}

/// From when until when, both included.
pub struct Span {
    from: Nanos,
    to: Nanos,
}

impl Span {
    /// From the first to the last.
    pub const ALL: Self = Self { from: Nanos(i64::MIN), to: Nanos::MAX };

    /// Milliseconds; no end = now.
    pub fn new(start_ms: u64, end_ms: Option<u64>) -> Self {
        // The last millisecond is meant whole.
        let end = |ms| time_of_ms(ms) + Nanos(999_999);
        Self { from: time_of_ms(start_ms), to: end_ms.map_or(Nanos::MAX, end) }
    }
    fn contains(&self, time: Nanos) -> bool {
        (self.from..=self.to).contains(&time)
    }
}

/// `userFillsByTime`: oldest first, or newest first; the first so many of them.
pub fn fills_by_time<'a>(
    venue: &'a Venue,
    user: &User,
    span: &Span,
    aggregate: bool,
    is_reversed: bool,
) -> Vec<FillShape<'a>> {
    let in_span = venue.fills(&user.0).iter().filter(|f| span.contains(f.time));
    let chosen: Vec<&UserFill> = if is_reversed {
        in_span.rev().take(MAX_FILLS).collect()
    } else {
        in_span.take(MAX_FILLS).collect()
    };
    fill_shapes(venue.universe(), chosen, aggregate)
}

/// `userTwapSliceFills`: the newest, oldest first.
pub fn slice_fills<'a>(venue: &'a Venue, user: &User, span: &Span) -> Vec<SliceFill<'a>> {
    let in_span = venue.fills(&user.0).iter().filter(|f| span.contains(f.time));
    let newest = in_span.rev().filter_map(|f| SliceFill::new(venue.universe(), f));
    let mut slices: Vec<_> = newest.take(MAX_FILLS).collect();
    slices.reverse();
    slices
}

/// `twapHistory`: the newest, oldest first.
pub fn twap_history<'a>(venue: &'a Venue, user: &User) -> Vec<TwapChangeShape<'a>> {
    let changes = venue.twap_history(&user.0);
    let newest = changes.iter().skip(changes.len().saturating_sub(MAX_FILLS));
    newest.map(|change| TwapChangeShape::new(venue.universe(), change)).collect()
}

/// A payment with the transaction that made it: none.
#[derive(Serialize)]
pub struct FundingUpdate<'a> {
    time: i64,
    hash: TxHash,
    delta: FundingDelta<'a>,
}

#[derive(Serialize)]
struct FundingDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    payment: FundingShape<'a>,
}

pub fn user_funding<'a>(venue: &'a Venue, user: &User, span: &Span) -> Vec<FundingUpdate<'a>> {
    let in_span = venue.fundings(&user.0).iter().filter(|p| span.contains(p.time));
    let update = |payment: &FundingPayment| FundingUpdate {
        time: payment.time.as_millis(),
        hash: TxHash::ZERO,
        delta: FundingDelta {
            kind: "funding",
            payment: FundingShape::untimed(venue.universe(), payment),
        },
    };
    in_span.take(MAX_ELEMENTS).map(update).collect()
}

/// Money that came in, with the transaction that brought it: made up.
#[derive(Serialize)]
pub struct LedgerUpdate {
    time: i64,
    hash: TxHash,
    delta: LedgerDelta,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum LedgerDelta {
    Deposit { usdc: Decimal },
}

/// `userNonFundingLedgerUpdates`: the deposits, oldest first.
pub fn ledger_updates(venue: &Venue, user: &User, span: &Span) -> Vec<LedgerUpdate> {
    let numbered = venue.deposits(&user.0).iter().zip(0..);
    let in_span = numbered.filter(|((time, _), _)| span.contains(*time));
    let update = |((time, amount), n): (&(Nanos, Usd), u64)| LedgerUpdate {
        time: time.as_millis(),
        hash: TxHash::of_deposit(&user.0, n),
        delta: LedgerDelta::Deposit { usdc: (*amount).into() },
    };
    in_span.take(MAX_ELEMENTS).map(update).collect()
}

/// `userRateLimit`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    cum_vlm: Decimal,
    n_requests_used: u64,
    n_requests_cap: u64,
    n_requests_surplus: u64,
}

impl RateLimit {
    pub fn new(venue: &Venue, user: &User) -> Self {
        let requests = venue.requests(&user.0);
        Self {
            cum_vlm: requests.volume.into(),
            n_requests_used: requests.used,
            n_requests_cap: requests.cap,
            n_requests_surplus: requests.surplus,
        }
    }
}

/// `userRole`.
#[derive(Serialize)]
#[serde(tag = "role", content = "data", rename_all = "camelCase")]
pub enum RoleShape {
    Missing,
    User,
    Agent { user: User },
}

pub fn role(venue: &Venue, user: &User) -> RoleShape {
    match venue.role(&user.0) {
        Role::Missing => RoleShape::Missing,
        Role::User => RoleShape::User,
        Role::Agent(master) => RoleShape::Agent { user: User(master) },
    }
}

/// An agent that has a name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraAgent {
    name: String,
    address: User,
    valid_until: u64,
}

pub fn extra_agents(venue: &Venue, user: &User) -> Vec<ExtraAgent> {
    let named = venue.agents(&user.0).into_iter().filter_map(|agent| {
        let (address, valid_until) = (User(agent.address), agent.valid_until_ms);
        agent.name.map(|name| ExtraAgent { name, address, valid_until })
    });
    named.collect()
}

/// `activeAssetData`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveAsset<'a> {
    user: User,
    coin: &'a str,
    leverage: LeverageShape,
    max_trade_szs: [Decimal; 2],
    available_to_trade: [Decimal; 2],
    mark_px: Decimal,
}

impl<'a> ActiveAsset<'a> {
    /// [`None`] where there is no such coin.
    pub fn new(venue: &'a Venue, user: &User, coin: &str) -> Option<Self> {
        let asset = venue.universe().find(coin.as_bytes())?;
        let instrument = venue.universe().get(asset);
        let leverage = venue.leverage(&user.0, asset);
        let account = venue.account(&user.0);
        let mark = venue.ctx(asset).mark;
        let position = account.positions.iter().find(|p| p.asset == asset);
        // Against a position its own margin is free twice: once to close it, once to turn it.
        let available = Side::BOTH.map(|side| match position {
            Some(p) if p.szi.is_negative() == (side == Side::Bid) => {
                account.withdrawable + p.margin_used + p.margin_used
            }
            _ => account.withdrawable,
        });
        let largest = available.map(|usd| {
            let value = Usd::clamped(i128::from(usd.raw()) * i128::from(leverage.value));
            instrument.round_qty_down(value.qty_at(mark).max(Qty::ZERO))
        });
        Some(Self {
            user: *user,
            coin: instrument.coin.as_str(),
            leverage: LeverageShape::new(leverage.is_cross, leverage.value, None),
            max_trade_szs: largest.map(Into::into),
            available_to_trade: available.map(Into::into),
            mark_px: mark.into(),
        })
    }
}

/// Of one period; no history is kept, only what was traded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortfolioPeriod {
    account_value_history: [(i64, Decimal); 1],
    pnl_history: Nothing,
    vlm: Decimal,
}

/// `portfolio`.
pub fn portfolio(venue: &Venue, user: &User) -> Vec<(&'static str, PortfolioPeriod)> {
    let today = venue.time().0.div_euclid(Nanos::secs(86_400).0);
    let (days, value) = (venue.daily_volume(&user.0), venue.account(&user.0).account_value);
    let period = |(name, length_days): (&'static str, i64)| {
        let recent = days.iter().filter(|(day, ..)| *day > today - length_days);
        let vlm: Usd = recent.map(|(_, taker, maker)| *taker + *maker).sum();
        let now = (venue.time().as_millis(), value.into());
        let account_value_history = [now];
        (name, PortfolioPeriod { account_value_history, pnl_history: Nothing, vlm: vlm.into() })
    };
    let lengths = [("day", 1), ("week", 7), ("month", 30), ("allTime", i64::from(i32::MAX))];
    let perps = ["perpDay", "perpWeek", "perpMonth", "perpAllTime"];
    let perp_lengths = perps.into_iter().zip(lengths.map(|(_, days)| days));
    lengths.into_iter().chain(perp_lengths).map(period).collect()
}
