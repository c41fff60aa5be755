//! TWAP orders as the venue's pages show them.

use super::order::FillShape;
use crate::exchange::front::json::{Decimal, User, side_letter};
use crate::exchange::model::{Twap, TwapChange, TwapStatus, UserFill};
use botmm_pipeline::types::Universe;
use serde::Serialize;

/// One that runs, or ran.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TwapShape<'a> {
    coin: &'a str,
    user: User,
    side: &'static str,
    sz: Decimal,
    executed_sz: Decimal,
    executed_ntl: Decimal,
    minutes: u64,
    reduce_only: bool,
    randomize: bool,
    timestamp: i64,
}

impl<'a> TwapShape<'a> {
    /// As it stands.
    pub fn new(universe: &'a Universe, twap: &Twap) -> Self {
        Self {
            coin: universe.get(twap.asset).coin.as_str(),
            user: User(twap.user),
            side: side_letter(twap.side),
            sz: twap.qty.into(),
            executed_sz: twap.executed.into(),
            executed_ntl: twap.executed_value.into(),
            minutes: twap.minutes,
            reduce_only: twap.reduce_only,
            randomize: twap.randomize,
            timestamp: twap.time.as_millis(),
        }
    }
}

#[derive(Debug, Serialize)]
struct StatusShape {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// What became of one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TwapChangeShape<'a> {
    /// Seconds.
    time: i64,
    state: TwapShape<'a>,
    status: StatusShape,
    twap_id: u64,
}

impl<'a> TwapChangeShape<'a> {
    /// One change.
    pub fn new(universe: &'a Universe, change: &TwapChange) -> Self {
        let (status, description) = match &change.status {
            TwapStatus::Activated => ("activated", None),
            TwapStatus::Finished => ("finished", None),
            TwapStatus::Terminated => ("terminated", None),
            TwapStatus::Error(why) => ("error", Some(why.to_string())),
        };
        Self {
            time: change.time.as_millis() / 1_000,
            state: TwapShape::new(universe, &change.twap),
            status: StatusShape { status, description },
            twap_id: change.id,
        }
    }
}

/// A fill of a slice.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceFill<'a> {
    fill: FillShape<'a>,
    twap_id: u64,
}

impl<'a> SliceFill<'a> {
    /// [`None`] for any other fill.
    pub fn new(universe: &'a Universe, fill: &UserFill) -> Option<Self> {
        Some(Self { twap_id: fill.twap_id?, fill: FillShape::new(universe, fill) })
    }
}
