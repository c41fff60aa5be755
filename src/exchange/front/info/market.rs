//! What is traded and how it stands: the same for everybody.

use super::NONE;
use super::book::{self, BookShape, Rounding};
use super::request::{BookRequest, CandleRequest, Interval};
use crate::exchange::front::json::{Decimal, time_of_ms};
use crate::exchange::front::shapes::{CandleShape, CtxShape, TradeShape};
use crate::exchange::venue::Venue;
use botmm_pipeline::types::{AssetId, Nanos, Px};
use serde::ser::{Serialize, Serializer};

/// Bars in one answer.
const MAX_CANDLES: i64 = 5000;
/// Trades in one answer.
const RECENT_TRADES: usize = 500;
/// Elements of a time-ranged answer.
const MAX_ELEMENTS: usize = 500;
/// Indices of `meta.universe` that are shown; actions may name larger ones and are refused.
const MAX_UNIVERSE: usize = 1000;
const HOUR: Nanos = Nanos::secs(3600);

/// `meta`.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta<'a> {
    universe: Vec<MetaAsset<'a>>,
    margin_tables: Vec<(u32, MarginTable)>,
    collateral_token: u32,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct MetaAsset<'a> {
    sz_decimals: u8,
    name: &'a str,
    max_leverage: u32,
    margin_table_id: u32,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    is_delisted: bool,
}

/// Of a margin table: every one here has a single tier.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MarginTable {
    description: &'static str,
    margin_tiers: [MarginTier; 1],
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct MarginTier {
    lower_bound: Decimal,
    max_leverage: u32,
}

impl MarginTable {
    /// A table's number below 50 is its leverage.
    pub const fn single(max_leverage: u32) -> Self {
        Self { description: "", margin_tiers: [MarginTier { lower_bound: NONE, max_leverage }] }
    }
}

/// What stands at each index of `meta.universe`: [`None`] where nothing is traded here.
fn slots(venue: &Venue) -> Vec<Option<AssetId>> {
    let mut slots = Vec::new();
    for (asset, instrument) in venue.universe().iter() {
        let index = instrument.venue_index as usize;
        if index < MAX_UNIVERSE {
            slots.resize(slots.len().max(index + 1), None);
            slots[index] = Some(asset);
        }
    }
    slots
}

pub fn meta(venue: &Venue) -> Meta<'_> {
    let mut tables: Vec<u32> = Vec::new();
    let universe = slots(venue).into_iter().map(|slot| match slot {
        Some(asset) => {
            let instrument = venue.universe().get(asset);
            let max_leverage = u32::from(instrument.max_leverage);
            if !tables.contains(&max_leverage) {
                tables.push(max_leverage);
            }
            MetaAsset {
                sz_decimals: instrument.sz_decimals,
                name: instrument.coin.as_str(),
                max_leverage,
                margin_table_id: max_leverage,
                is_delisted: false,
            }
        }
        // Clients find an asset by its index: the ones before it must be there.
        None => MetaAsset {
            sz_decimals: 0,
            name: "NOT-HERE",
            max_leverage: 1,
            margin_table_id: 1,
            is_delisted: true,
        },
    });
    let universe = universe.collect();
    let margin_tables = tables.into_iter().map(|id| (id, MarginTable::single(id))).collect();
    Meta { universe, margin_tables, collateral_token: 0 }
}

/// What is shown of an asset besides its book.
pub fn ctx(venue: &Venue, asset: AssetId) -> CtxShape {
    CtxShape::from(&venue.ctx(asset))
}

pub fn ctxs(venue: &Venue) -> Vec<CtxShape> {
    let of = |slot: Option<AssetId>| slot.map_or(CtxShape::DEAD, |asset| ctx(venue, asset));
    slots(venue).into_iter().map(of).collect()
}

/// `allMids`: the mid, or the last price where a side of the book is empty.
pub struct Mids<'a>(pub &'a Venue);

impl Serialize for Mids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mid = |asset| -> Px {
            let ctx = self.0.ctx(asset);
            let last = || self.0.trades(asset).back().map(|t| t.px);
            ctx.mid.or_else(last).unwrap_or(ctx.mark)
        };
        let universe = self.0.universe();
        serializer
            .collect_map(universe.iter().map(|(id, i)| (i.coin.as_str(), Decimal::from(mid(id)))))
    }
}

pub fn l2_book<'a>(venue: &'a Venue, request: &BookRequest) -> Option<BookShape<'a>> {
    let asset = venue.universe().find(request.coin.as_bytes())?;
    let (n_sig_figs, mantissa) = (request.n_sig_figs, request.mantissa);
    Some(book::book(venue, asset, Rounding { n_sig_figs, mantissa, fast: false }))
}

pub fn candles<'a>(venue: &'a Venue, request: &CandleRequest) -> Vec<CandleShape<'a>> {
    let Some(asset) = venue.universe().find(request.coin.as_bytes()) else {
        return Vec::new();
    };
    let from = time_of_ms(request.start_time);
    let to = request.end_time.map_or(Nanos::MAX, time_of_ms).min(venue.time());
    candle_bars(venue, asset, request.interval, from, to)
}

/// The bars that open in a span of time, oldest first, no more than an answer holds.
pub fn candle_bars(
    venue: &Venue,
    asset: AssetId,
    interval: Interval,
    from: Nanos,
    to: Nanos,
) -> Vec<CandleShape<'_>> {
    let (length, name) = interval.length_and_name();
    let from = from.max(to - Nanos(length.0.saturating_mul(MAX_CANDLES)));
    if from > to {
        return Vec::new();
    }
    let coin = venue.universe().get(asset).coin.as_str();
    let bars = venue.candles(asset, length, from, to);
    let skip = bars.len().saturating_sub(MAX_CANDLES as usize);
    bars[skip..].iter().map(|bar| CandleShape::new(coin, name, length, bar)).collect()
}

pub fn recent_trades<'a>(venue: &'a Venue, coin: &str) -> Option<Vec<TradeShape<'a>>> {
    let asset = venue.universe().find(coin.as_bytes())?;
    let newest = venue.trades(asset).iter().rev().take(RECENT_TRADES);
    Some(newest.map(|t| TradeShape::new(venue.universe(), t)).collect())
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FundingRate<'a> {
    coin: &'a str,
    funding_rate: Decimal,
    premium: Decimal,
    time: i64,
}

pub fn funding_history<'a>(
    venue: &'a Venue,
    coin: &str,
    start_ms: u64,
    end_ms: Option<u64>,
) -> Vec<FundingRate<'a>> {
    let Some(asset) = venue.universe().find(coin.as_bytes()) else {
        return Vec::new();
    };
    let (from, to) = (time_of_ms(start_ms), end_ms.map_or(Nanos::MAX, time_of_ms));
    let coin = venue.universe().get(asset).coin.as_str();
    let rates = venue.funding_history(asset).iter();
    let in_span = rates.filter(|(time, ..)| (from..=to).contains(time)).take(MAX_ELEMENTS);
    let shape = |&(time, rate, premium): &(Nanos, i64, i64)| FundingRate {
        coin,
        funding_rate: Decimal::e10(rate),
        premium: Decimal::e10(premium),
        time: time.as_millis(),
    };
    in_span.map(shape).collect()
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PredictedFunding {
    funding_rate: Decimal,
    next_funding_time: i64,
    funding_interval_hours: u32,
}

/// By coin and exchange: this one only.
type PredictedFundings<'a> = Vec<(&'a str, [(&'static str, PredictedFunding); 1])>;

pub fn predicted_fundings(venue: &Venue) -> PredictedFundings<'_> {
    let next_hour = Nanos(venue.time().0 - venue.time().0.rem_euclid(HOUR.0)) + HOUR;
    let predicted = |asset| {
        let funding = PredictedFunding {
            funding_rate: Decimal::e10(venue.ctx(asset).funding_e10),
            next_funding_time: next_hour.as_millis(),
            funding_interval_hours: 1,
        };
        (venue.universe().get(asset).coin.as_str(), [("HlPerp", funding)])
    };
    venue.universe().assets().map(predicted).collect()
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeStatus {
    time: i64,
    special_statuses: Option<String>,
}

impl ExchangeStatus {
    pub fn new(venue: &Venue) -> Self {
        Self { time: venue.time().as_millis(), special_statuses: None }
    }
}
