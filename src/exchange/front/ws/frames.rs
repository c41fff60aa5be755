//! Data frames (PROTOCOL §5.4), one function for each family of channels.

use super::block::Block;
use super::message::{NamedDex, Subscription};
use crate::exchange::front::info::{self, Interval, LedgerUpdate, Mids, Span};
use crate::exchange::front::json::{Decimal, Nothing, User, to_bytes};
use crate::exchange::front::shapes::{
    AccountShape, CtxShape, FillShape, FrontendOrder, FundingShape, LevelShape, OrderShape,
    SliceFill, TradeShape, TwapChangeShape, TwapShape, WithStatus, fill_shapes,
};
use crate::exchange::model::OrderStatus;
use crate::exchange::venue::Venue;
use botmm_pipeline::types::{AssetId, Side, Usd};
use botmm_pipeline::venue::hl::sign::Address;
use serde::Serialize;

/// What every frame is.
#[derive(Serialize)]
struct Frame<T> {
    channel: &'static str,
    data: T,
}

/// A frame of a channel.
pub fn frame(channel: &'static str, data: impl Serialize) -> Vec<u8> {
    to_bytes(&Frame { channel, data })
}

/// `bbo`.
#[derive(Serialize)]
struct BboData<'a> {
    coin: &'a str,
    time: i64,
    bbo: &'a [Option<LevelShape>; 2],
}

/// The touch of an asset.
pub fn bbo(venue: &Venue, asset: AssetId, touch: &[Option<LevelShape>; 2]) -> Vec<u8> {
    let coin = venue.universe().get(asset).coin.as_str();
    frame("bbo", BboData { coin, time: venue.book_time(asset).as_millis(), bbo: touch })
}

/// The newest trades before now, oldest first: what a new subscriber may be shown.
pub fn recent_trades(venue: &Venue, asset: AssetId, count: usize) -> Vec<u8> {
    let trades = venue.trades(asset);
    let newest = trades.iter().skip(trades.len().saturating_sub(count));
    let shapes: Vec<_> = newest.map(|t| TradeShape::new(venue.universe(), t)).collect();
    frame("trades", shapes)
}

/// A block's trades.
pub fn trades(venue: &Venue, asset: AssetId, block: &Block) -> Option<Vec<u8>> {
    let of_asset = block.trades.iter().filter(|t| t.asset == asset);
    let shapes: Vec<_> = of_asset.map(|t| TradeShape::new(venue.universe(), t)).collect();
    (!shapes.is_empty()).then(|| frame("trades", shapes))
}

/// The current bar, if there is one.
pub fn candle(venue: &Venue, asset: AssetId, interval: Interval) -> Option<Vec<u8>> {
    let (length, _) = interval.length_and_name();
    let bars = info::candle_bars(venue, asset, interval, venue.time() - length, venue.time());
    bars.last().map(|bar| frame("candle", bar))
}

/// `activeAssetCtx`.
pub fn asset_ctx(venue: &Venue, asset: AssetId) -> Vec<u8> {
    #[derive(Serialize)]
    struct Data<'a> {
        coin: &'a str,
        ctx: CtxShape,
    }
    let coin = venue.universe().get(asset).coin.as_str();
    frame("activeAssetCtx", Data { coin, ctx: info::ctx(venue, asset) })
}

/// `allDexsAssetCtxs`.
pub fn all_ctxs(venue: &Venue) -> Vec<u8> {
    #[derive(Serialize)]
    struct Data {
        ctxs: [(&'static str, Vec<CtxShape>); 1],
    }
    frame("allDexsAssetCtxs", Data { ctxs: [("", info::ctxs(venue))] })
}

/// `allMids`.
pub fn mids(venue: &Venue, dex: Option<NamedDex>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        dex: Option<NamedDex>,
        mids: Mids<'a>,
    }
    frame("allMids", Data { dex, mids: Mids(venue) })
}

/// `orderUpdates`: a block's.
pub fn order_updates(venue: &Venue, user: &User, block: &Block) -> Option<Vec<u8>> {
    let update = |o| WithStatus::new(OrderShape::new(venue.universe(), o), o);
    let updates: Vec<_> = block.orders_of(&user.0).map(update).collect();
    (!updates.is_empty()).then(|| frame("orderUpdates", updates))
}

/// A kind of event of the channel `user`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum UserEvent<'a> {
    Fills(Vec<FillShape<'a>>),
    Funding(FundingShape<'a>),
    NonUserCancel(Vec<CancelShape<'a>>),
    Liquidation(LiquidatedShape),
}

#[derive(Serialize)]
struct LiquidatedShape {
    lid: u64,
    liquidator: User,
    liquidated_user: User,
    liquidated_ntl_pos: Decimal,
    liquidated_account_value: Decimal,
}

#[derive(Serialize)]
struct CancelShape<'a> {
    coin: &'a str,
    oid: u64,
}

/// `userEvents`: a block's, one frame for each kind.
pub fn user_events(venue: &Venue, user: &User, block: &Block, out: &mut Vec<Vec<u8>>) {
    let universe = venue.universe();
    let fills = fill_shapes(universe, block.fills_of(&user.0), false);
    if !fills.is_empty() {
        out.push(frame("user", UserEvent::Fills(fills)));
    }
    let fundings = block.fundings_of(&user.0);
    out.extend(fundings.map(|p| frame("user", UserEvent::Funding(FundingShape::new(universe, p)))));
    let is_forced = |status: &OrderStatus| {
        use OrderStatus::{
            LiquidatedCanceled, MarginCanceled, ReduceOnlyCanceled, ScheduledCancel,
            SelfTradeCanceled, SiblingFilledCanceled,
        };
        matches!(
            status,
            MarginCanceled
                | ReduceOnlyCanceled
                | ScheduledCancel
                | SelfTradeCanceled
                | LiquidatedCanceled
                | SiblingFilledCanceled
        )
    };
    let forced = block.orders_of(&user.0).filter(|o| is_forced(&o.status));
    let cancels: Vec<_> = forced
        .map(|o| CancelShape { coin: universe.get(o.asset).coin.as_str(), oid: o.oid.0 })
        .collect();
    if !cancels.is_empty() {
        out.push(frame("user", UserEvent::NonUserCancel(cancels)));
    }
    for liquidated in block.liquidations.iter().filter(|l| l.user == user.0) {
        let shape = LiquidatedShape {
            lid: block_id(venue),
            liquidator: User(Address::default()),
            liquidated_user: User(liquidated.user),
            liquidated_ntl_pos: liquidated.value.into(),
            liquidated_account_value: liquidated.equity.into(),
        };
        out.push(frame("user", UserEvent::Liquidation(shape)));
    }
}

/// The venue's ids are numbers of their own; here the block's time does.
fn block_id(venue: &Venue) -> u64 {
    venue.time().as_millis().unsigned_abs()
}

/// A list of a user's, under the channel's own key; later ones do not say `isSnapshot`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserList<'a, T> {
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    is_snapshot: bool,
    user: &'a User,
    #[serde(flatten)]
    list: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum UserLists<'a> {
    Fills(Vec<FillShape<'a>>),
    Fundings(Vec<FundingShape<'a>>),
    NonFundingLedgerUpdates(Vec<LedgerUpdate>),
    TwapSliceFills(Vec<SliceFill<'a>>),
    History(Vec<TwapChangeShape<'a>>),
    OrderHistory(Vec<WithStatus<FrontendOrder<'a>>>),
}

/// The first frame of a user's series.
pub fn series_snapshot(venue: &Venue, subscription: &Subscription) -> Option<Vec<u8>> {
    use Subscription as S;
    let universe = venue.universe();
    let user = subscription.user()?;
    let (channel, list) = match subscription {
        S::UserFills { aggregate_by_time, .. } => {
            ("userFills", UserLists::Fills(info::fills(venue, user, *aggregate_by_time)))
        }
        S::UserFundings { .. } => {
            let payments = venue.fundings(&user.0).iter();
            let shapes = payments.map(|p| FundingShape::new(universe, p)).collect();
            ("userFundings", UserLists::Fundings(shapes))
        }
        S::UserNonFundingLedgerUpdates { .. } => {
            let updates = info::ledger_updates(venue, user, &Span::ALL);
            ("userNonFundingLedgerUpdates", UserLists::NonFundingLedgerUpdates(updates))
        }
        S::UserTwapSliceFills { .. } => {
            let slices = info::slice_fills(venue, user, &Span::ALL);
            ("userTwapSliceFills", UserLists::TwapSliceFills(slices))
        }
        S::UserTwapHistory { .. } => {
            ("userTwapHistory", UserLists::History(info::twap_history(venue, user)))
        }
        S::UserHistoricalOrders { .. } => {
            ("userHistoricalOrders", UserLists::OrderHistory(info::history(venue, user)))
        }
        _ => return None,
    };
    Some(frame(channel, UserList { is_snapshot: true, user, list }))
}

/// What a block adds to a user's series.
pub fn series_update(venue: &Venue, subscription: &Subscription, block: &Block) -> Option<Vec<u8>> {
    use Subscription as S;
    let universe = venue.universe();
    let user = subscription.user()?;
    let (channel, list) = match subscription {
        S::UserFills { aggregate_by_time, .. } => {
            let fills = fill_shapes(universe, block.fills_of(&user.0), *aggregate_by_time);
            ("userFills", (!fills.is_empty()).then_some(UserLists::Fills(fills))?)
        }
        S::UserFundings { .. } => {
            let payments = block.fundings_of(&user.0);
            let shapes: Vec<_> = payments.map(|p| FundingShape::new(universe, p)).collect();
            ("userFundings", (!shapes.is_empty()).then_some(UserLists::Fundings(shapes))?)
        }
        S::UserTwapSliceFills { .. } => {
            let fills = block.fills_of(&user.0);
            let slices: Vec<_> = fills.filter_map(|f| SliceFill::new(universe, f)).collect();
            let list = (!slices.is_empty()).then_some(UserLists::TwapSliceFills(slices))?;
            ("userTwapSliceFills", list)
        }
        S::UserTwapHistory { .. } => {
            let changes = block.twaps_of(&user.0);
            let shapes: Vec<_> = changes.map(|c| TwapChangeShape::new(universe, c)).collect();
            let list = (!shapes.is_empty()).then_some(UserLists::History(shapes))?;
            ("userTwapHistory", list)
        }
        S::UserHistoricalOrders { .. } => {
            let update = |o| WithStatus::new(FrontendOrder::new(universe, o), o);
            let orders: Vec<_> = block.orders_of(&user.0).map(update).collect();
            let list = (!orders.is_empty()).then_some(UserLists::OrderHistory(orders))?;
            ("userHistoricalOrders", list)
        }
        _ => return None,
    };
    Some(frame(channel, UserList { is_snapshot: false, user, list }))
}

/// A state of a user's, whole each time.
#[derive(Serialize)]
struct UserState<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    dex: Option<&'static str>,
    user: &'a User,
    #[serde(flatten)]
    state: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum UserStates<'a> {
    Orders(Vec<FrontendOrder<'a>>),
    ClearinghouseState(AccountShape<'a>),
    ClearinghouseStates([(&'static str, AccountShape<'a>); 1]),
    SpotState(info::SpotState),
    States(Vec<(u64, TwapShape<'a>)>),
}

/// The whole state that a user's channel shows, where it shows one.
pub fn state(venue: &Venue, subscription: &Subscription) -> Option<Vec<u8>> {
    use Subscription as S;
    let user = subscription.user()?;
    let (channel, dex, state) = match subscription {
        S::OpenOrders { .. } => {
            ("openOrders", Some(""), UserStates::Orders(info::frontend_orders(venue, user)))
        }
        S::ClearinghouseState { .. } => {
            let account = UserStates::ClearinghouseState(info::account(venue, user));
            ("clearinghouseState", Some(""), account)
        }
        S::AllDexsClearinghouseState { .. } => {
            let accounts = UserStates::ClearinghouseStates([("", info::account(venue, user))]);
            ("allDexsClearinghouseState", None, accounts)
        }
        S::SpotState { .. } => {
            ("spotState", None, UserStates::SpotState(info::SpotState::default()))
        }
        S::TwapStates { .. } => {
            let twaps = venue.twaps(&user.0);
            let shape = |(id, twap)| (id, TwapShape::new(venue.universe(), &twap));
            let states = twaps.into_iter().map(shape).collect();
            ("twapStates", Some(""), UserStates::States(states))
        }
        _ => return None,
    };
    Some(frame(channel, UserState { dex, user, state }))
}

/// `activeAssetData`.
pub fn active_asset(venue: &Venue, user: &User, coin: &str) -> Option<Vec<u8>> {
    info::ActiveAsset::new(venue, user, coin).map(|data| frame("activeAssetData", data))
}

/// `notification`: what a page would pop up, one for each resting order that was hit.
pub fn notifications(venue: &Venue, user: &User, block: &Block, out: &mut Vec<Vec<u8>>) {
    #[derive(Serialize)]
    struct Data {
        notification: String,
    }
    for fill in block.fills_of(&user.0).filter(|f| !f.crossed) {
        let verb = if fill.side == Side::Bid { "Bought" } else { "Sold" };
        let coin = venue.universe().get(fill.asset).coin;
        let (qty, px) = (fill.qty, fill.px);
        let notification = format!("Resting order filled: {verb} {qty} {coin} at ${px}");
        out.push(frame("notification", Data { notification }));
    }
}

/// `webData3`: no more of the page's state than every account has.
pub fn web_data(venue: &Venue, user: &User) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct PageUser<'a> {
        agent_address: Option<User>,
        agent_valid_until: Option<u64>,
        cum_ledger: Decimal,
        server_time: i64,
        is_vault: bool,
        user: &'a User,
        abstraction: &'static str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct PageDex {
        total_vault_equity: Decimal,
        perps_at_open_interest_cap: Nothing,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a> {
        user_state: PageUser<'a>,
        perp_dex_states: [PageDex; 1],
    }
    let unnamed = venue.agents(&user.0).into_iter().find(|agent| agent.name.is_none());
    let user_state = PageUser {
        agent_address: unnamed.as_ref().map(|agent| User(agent.address)),
        agent_valid_until: unnamed.map(|agent| agent.valid_until_ms),
        cum_ledger: venue.deposits(&user.0).iter().map(|(_, amount)| *amount).sum::<Usd>().into(),
        server_time: venue.time().as_millis(),
        is_vault: false,
        user,
        abstraction: "disabled",
    };
    let dex = PageDex { total_vault_equity: Decimal::ZERO, perps_at_open_interest_cap: Nothing };
    frame("webData3", Data { user_state, perp_dex_states: [dex] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::front::HubConfig;
    use crate::exchange::front::tests::world::{World, kept_order, user};
    use crate::exchange::model::{Direction, FundingPayment, Liquidated, Order, UserFill};
    use botmm_pipeline::types::{Nanos, Oid, Px, Qty};
    use botmm_pipeline::venue::sim::core;

    fn block() -> Block {
        let (asset, px) = (AssetId::new(0), Px::whole(65_011));
        let time = Nanos::millis(1_795_360_000_023);
        let order = |oid, status| Order {
            kept: core::Order { oid: Oid(oid), ..kept_order() },
            user: user(),
            conditional: None,
            status,
            status_time: time,
        };
        let fill = UserFill {
            user: user(),
            asset,
            px,
            qty: Qty::from_raw(124_000),
            side: Side::Bid,
            time,
            start_position: Qty::ZERO,
            direction: Direction::OpenLong,
            closed_pnl: Usd::ZERO,
            oid: Oid(5),
            cloid: None,
            crossed: false,
            fee: Usd::ZERO,
            builder_fee: Usd::ZERO,
            tid: 9,
            twap_id: None,
            liquidation: None,
        };
        let payment = FundingPayment {
            user: user(),
            asset,
            usdc: Usd::from_raw(-8_237_700),
            szi: Qty::from_raw(50_000_000),
            rate_e10: 125_000,
            time,
        };
        let orders = vec![
            order(5, OrderStatus::Filled),
            order(6, OrderStatus::Canceled),
            order(569_031_862_179, OrderStatus::SelfTradeCanceled),
        ];
        let liquidated = Liquidated { user: user(), value: Usd::whole(100), equity: Usd::whole(5) };
        Block {
            orders,
            fills: vec![fill],
            fundings: vec![payment],
            liquidations: vec![liquidated],
            ..Block::default()
        }
    }

    fn texts(write: impl Fn(&Venue, &User, &Block, &mut Vec<Vec<u8>>)) -> Vec<String> {
        let world = World::new(HubConfig::default());
        let mut out = Vec::new();
        write(world.hub.venue(), &User(user()), &block(), &mut out);
        write(world.hub.venue(), &User(Default::default()), &block(), &mut out); // somebody else
        out.into_iter().map(|frame| String::from_utf8(frame).unwrap()).collect()
    }

    /// The examples of PROTOCOL §5.4.
    #[test]
    fn events_of_a_user() {
        let events = texts(user_events);
        assert_eq!(events.len(), 4);
        assert!(events[0].starts_with(r#"{"channel":"user","data":{"fills":[{"coin":"BTC","#));
        let funding = concat!(
            r#"{"channel":"user","data":{"funding":{"time":1795360000023,"coin":"BTC","#,
            r#""usdc":"-0.082377","szi":"0.5","fundingRate":"0.0000125","nSamples":null}}}"#,
        );
        assert_eq!(events[1], funding);
        let cancel =
            r#"{"channel":"user","data":{"nonUserCancel":[{"coin":"BTC","oid":569031862179}]}}"#;
        assert_eq!(events[2], cancel, "only what the user did not ask for");
        let liquidated = format!(
            r#""liquidated_user":"{}","liquidated_ntl_pos":"100.0","liquidated_account_value":"5.0"}}}}}}"#,
            user()
        );
        assert!(events[3].starts_with(r#"{"channel":"user","data":{"liquidation":{"lid":"#));
        assert!(events[3].ends_with(&liquidated), "{}", events[3]);
        let text = concat!(
            r#"{"channel":"notification","data":{"notification":"#,
            r#""Resting order filled: Bought 0.00124 BTC at $65011"}}"#,
        );
        assert_eq!(texts(notifications), [text]);
    }

    #[test]
    fn later_frames_of_a_series_say_nothing_of_snapshots() {
        let subscription = Subscription::UserFundings { user: User(user()) };
        let frames = texts(|venue, asked, block, out| {
            let is_owner = asked.0 == user();
            out.extend(series_update(venue, &subscription, block).filter(|_| is_owner));
        });
        let address = user();
        let expected = format!(
            "{{\"channel\":\"userFundings\",\"data\":{{\"user\":\"{address}\",\
             \"fundings\":[{{\"time\":1795360000023,\"coin\":\"BTC\",\
             \"usdc\":\"-0.082377\",\"szi\":\"0.5\",\"fundingRate\":\"0.0000125\",\
             \"nSamples\":null}}]}}}}"
        );
        assert_eq!(frames, [expected]);
    }
}
