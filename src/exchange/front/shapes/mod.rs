//! The objects that answers and frames share (PROTOCOL §2.1 to §2.7), key for key.

mod account;
mod order;
mod twap;

pub use account::{AccountShape, LeverageShape};
pub use order::{FillShape, FrontendOrder, FundingShape, OrderShape, WithStatus, fill_shapes};
pub use twap::{SliceFill, TwapChangeShape, TwapShape};

use super::json::{Decimal, TxHash, User, side_letter};
use crate::exchange::model::{AssetCtx, Candle, PublicTrade, ShownLevel};
use botmm_pipeline::types::{Nanos, Universe};
use serde::Serialize;

/// One price of a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelShape {
    px: Decimal,
    sz: Decimal,
    n: u32,
}

impl From<&ShownLevel> for LevelShape {
    fn from(level: &ShownLevel) -> Self {
        Self { px: level.px.into(), sz: level.qty.into(), n: level.orders }
    }
}

/// A public trade.
#[derive(Debug, Serialize)]
pub struct TradeShape<'a> {
    coin: &'a str,
    side: &'static str,
    px: Decimal,
    sz: Decimal,
    time: i64,
    hash: TxHash,
    tid: u64,
    users: [User; 2],
}

impl<'a> TradeShape<'a> {
    /// As it is shown to everybody.
    pub fn new(universe: &'a Universe, trade: &PublicTrade) -> Self {
        Self {
            coin: universe.get(trade.asset).coin.as_str(),
            side: side_letter(trade.aggressor),
            px: trade.px.into(),
            sz: trade.qty.into(),
            time: trade.time.as_millis(),
            hash: TxHash::of_trade(trade.time, trade.tid),
            tid: trade.tid,
            users: trade.users.map(User),
        }
    }
}

/// A bar.
#[derive(Debug, Serialize)]
pub struct CandleShape<'a> {
    t: i64,
    #[serde(rename = "T")]
    close_time: i64,
    s: &'a str,
    i: &'a str,
    o: Decimal,
    c: Decimal,
    h: Decimal,
    l: Decimal,
    v: Decimal,
    n: u64,
}

impl<'a> CandleShape<'a> {
    /// Of a coin, in the named interval.
    pub fn new(coin: &'a str, interval: &'a str, length: Nanos, candle: &Candle) -> Self {
        Self {
            t: candle.open_time.as_millis(),
            close_time: (candle.open_time + length).as_millis() - 1,
            s: coin,
            i: interval,
            o: candle.open.into(),
            c: candle.close.into(),
            h: candle.high.into(),
            l: candle.low.into(),
            v: candle.volume.into(),
            n: candle.trades,
        }
    }
}

/// What is shown of an asset besides its book.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CtxShape {
    funding: Decimal,
    open_interest: Decimal,
    prev_day_px: Decimal,
    day_ntl_vlm: Decimal,
    premium: Option<Decimal>,
    oracle_px: Decimal,
    mark_px: Decimal,
    mid_px: Option<Decimal>,
    impact_pxs: Option<[Decimal; 2]>,
    day_base_vlm: Decimal,
}

impl From<&AssetCtx> for CtxShape {
    fn from(ctx: &AssetCtx) -> Self {
        Self {
            funding: Decimal::e10(ctx.funding_e10),
            open_interest: ctx.open_interest.into(),
            prev_day_px: ctx.prev_day.into(),
            day_ntl_vlm: ctx.day_volume_usd.into(),
            premium: ctx.premium_e10.map(Decimal::e10),
            oracle_px: ctx.oracle.into(),
            mark_px: ctx.mark.into(),
            mid_px: ctx.mid.map(Into::into),
            impact_pxs: ctx.impact.map(|pxs| pxs.map(Into::into)),
            day_base_vlm: ctx.day_volume.into(),
        }
    }
}

impl CtxShape {
    /// Of an index of `meta.universe` that is not traded here.
    pub const DEAD: Self = Self {
        funding: Decimal::ZERO,
        open_interest: Decimal::ZERO,
        prev_day_px: Decimal::ZERO,
        day_ntl_vlm: Decimal::ZERO,
        premium: None,
        oracle_px: Decimal::ZERO,
        mark_px: Decimal::ZERO,
        mid_px: None,
        impact_pxs: None,
        day_base_vlm: Decimal::ZERO,
    };
}
