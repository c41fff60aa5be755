//! An account and its positions (PROTOCOL §2.4).

use crate::exchange::front::json::Decimal;
use crate::exchange::model::{AccountState, PositionState};
use botmm_pipeline::types::{Nanos, SCALE, Universe};
use serde::Serialize;

/// Leverage of a position or an asset.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeverageShape {
    #[serde(rename = "type")]
    kind: &'static str,
    value: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_usd: Option<Decimal>,
}

impl LeverageShape {
    /// `raw_usd`: only of an isolated position.
    pub const fn new(is_cross: bool, value: u32, raw_usd: Option<Decimal>) -> Self {
        Self { kind: if is_cross { "cross" } else { "isolated" }, value, raw_usd }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CumFunding {
    all_time: Decimal,
    since_open: Decimal,
    since_change: Decimal,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PositionShape<'a> {
    coin: &'a str,
    szi: Decimal,
    leverage: LeverageShape,
    entry_px: Decimal,
    position_value: Decimal,
    unrealized_pnl: Decimal,
    return_on_equity: Decimal,
    liquidation_px: Option<Decimal>,
    margin_used: Decimal,
    max_leverage: u32,
    cum_funding: CumFunding,
}

impl<'a> PositionShape<'a> {
    fn new(universe: &'a Universe, p: &PositionState) -> Self {
        // On the margin that its entry took.
        let entry_value = i128::from(p.entry_px.raw()) * i128::from(p.szi.raw().unsigned_abs());
        let margin = entry_value / i128::from(SCALE) / i128::from(p.leverage.value.max(1));
        let return_e8 = i128::from(p.unrealized.raw()) * i128::from(SCALE) / margin.max(1);
        let bounded = return_e8.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Self {
            coin: universe.get(p.asset).coin.as_str(),
            szi: p.szi.into(),
            leverage: LeverageShape::new(
                p.leverage.is_cross,
                p.leverage.value,
                p.raw_usd.map(Into::into),
            ),
            entry_px: p.entry_px.into(),
            position_value: p.value.into(),
            unrealized_pnl: p.unrealized.into(),
            return_on_equity: Decimal::e8(bounded as i64),
            liquidation_px: p.liquidation_px.map(Into::into),
            margin_used: p.margin_used.into(),
            max_leverage: p.max_leverage,
            cum_funding: CumFunding {
                all_time: p.funding_all_time.into(),
                since_open: p.funding_since_open.into(),
                since_change: p.funding_since_open.into(),
            },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MarginSummary {
    account_value: Decimal,
    total_ntl_pos: Decimal,
    total_raw_usd: Decimal,
    total_margin_used: Decimal,
}

#[derive(Debug, Serialize)]
struct AssetPosition<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    position: PositionShape<'a>,
}

/// An account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountShape<'a> {
    margin_summary: MarginSummary,
    cross_margin_summary: MarginSummary,
    cross_maintenance_margin_used: Decimal,
    withdrawable: Decimal,
    asset_positions: Vec<AssetPosition<'a>>,
    time: i64,
}

impl<'a> AccountShape<'a> {
    /// At a block's time.
    pub fn new(universe: &'a Universe, account: &AccountState, time: Nanos) -> Self {
        let all = || MarginSummary {
            account_value: account.account_value.into(),
            total_ntl_pos: account.total_notional.into(),
            total_raw_usd: account.total_raw_usd.into(),
            total_margin_used: account.margin_used.into(),
        };
        // Cross = all of it, less what stands with isolated positions.
        let mut cross = (account.account_value, account.total_notional, account.total_raw_usd);
        let mut cross_used = account.margin_used;
        for p in account.positions.iter().filter(|p| !p.leverage.is_cross) {
            let raw = p.raw_usd.unwrap_or_default();
            let signed = if p.szi.is_negative() { -p.value } else { p.value };
            cross = (cross.0 - raw - signed, cross.1 - p.value, cross.2 - raw);
            cross_used -= p.margin_used;
        }
        let position =
            |p| AssetPosition { kind: "oneWay", position: PositionShape::new(universe, p) };
        Self {
            margin_summary: all(),
            cross_margin_summary: MarginSummary {
                account_value: cross.0.into(),
                total_ntl_pos: cross.1.into(),
                total_raw_usd: cross.2.into(),
                total_margin_used: cross_used.into(),
            },
            cross_maintenance_margin_used: account.maintenance.into(),
            withdrawable: account.withdrawable.into(),
            asset_positions: account.positions.iter().map(position).collect(),
            time: time.as_millis(),
        }
    }
}
