//! Whether to make a market at all (docs/economics.md): what it offers against what a maker must have, what
//! replays of our quotes come to, and one line that says it. The JSON keys are an interface.
//!
//! Half spreads, markouts and worths are statistics, and floats; money that was booked is exact.

mod map;
mod text;
mod verdict;
#[cfg(test)]
mod verdict_tests;

pub use map::{Cell, Tier};
pub use verdict::{Answer, Bench, Touch, Verdict, Worth, judge};

use super::number::exact;
use super::profit::ByHorizon;
use super::summary::DataFile;
use botmm_pipeline::types::{Bps, Usd};
use serde::Serialize;
use std::collections::BTreeMap;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Economics {
    /// Does it pay?
    pub verdict: Verdict,
    /// Of each coin alone: its own fills, against lending as much as its positions were worth at most.
    pub verdict_by_coin: BTreeMap<String, Verdict>,
    /// First and last moment by the venue's clock, UTC.
    pub span: [String; 2],
    /// Its length, seconds.
    pub span_s: f64,
    /// Which horizon fills are valued at.
    #[serde(skip)]
    pub horizon: usize,
    /// The same in seconds.
    pub horizon_s: f64,
    /// What a maker pays, basis points; negative = is paid.
    #[serde(serialize_with = "exact")]
    pub maker_fee_bps: Bps,
    /// What lending would bring.
    pub benchmark: Bench,
    /// What the market itself says, by coin.
    pub market: BTreeMap<String, Market>,
    /// What replays of our quotes come to. The first is what the verdict's coins are of.
    pub replays: Vec<ReplayRow>,
    /// Maker fees that the map compares.
    pub tiers: Vec<Tier>,
    /// Break-even by coin, UTC hour and fee.
    pub map: Vec<Cell>,
    /// What is tied up.
    pub capital: Capital,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// Of the configuration.
    pub config_sha256: String,
    /// What was read.
    pub data: Vec<DataFile>,
}

/// What the market of one coin offers, and takes.
#[derive(Debug, Default, Serialize)]
pub struct Market {
    /// Time in which both sides were known, seconds; all shares are of this.
    pub known_s: f64,
    /// Half of the way from bid to ask, basis points of the mid, weighted by time; nothing where nothing was
    /// known.
    pub half_spread_bps: Option<Distribution>,
    /// Trades of the recording.
    pub trades: u64,
    /// Of these, with a mid before them and one a horizon later.
    pub trades_measured: u64,
    /// Value of those.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
    /// How the mid went on in the direction of the taker, by time after the trade: what it cost makers.
    pub adverse_bps: ByHorizon<Option<Mean>>,
    /// What makers had then against the price of the trade, before fees.
    pub realised_bps: ByHorizon<Option<Mean>>,
    /// Fee and adverse selection at the horizon: the half spread that leaves nothing.
    pub break_even_bps: f64,
    /// No trade could be measured: break-even is the fee alone, and that is too little.
    pub is_fee_alone: bool,
    /// The same with what our own fills in the first replay met, who are slower than the market.
    pub break_even_of_fills_bps: Option<f64>,
    /// Share of time in which the market's half spread was at least break-even.
    pub offered_share: f64,
    /// UTC hours in which it was for half of the time or more.
    pub offered_hours: Vec<u8>,
    /// Mean funding rate an hour while it was recorded, basis points; longs pay when it is positive.
    pub funding_bps_an_hour: Option<f64>,
}

/// By weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// The mean.
    pub mean: f64,
    /// One tenth is at or below this.
    pub p10: f64,
    /// A quarter.
    pub p25: f64,
    /// The median.
    pub p50: f64,
    /// Three quarters.
    pub p75: f64,
    /// Nine tenths.
    pub p90: f64,
    /// All but a hundredth.
    pub p99: f64,
}

/// A mean weighted by value, and how sure it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Its standard error, of minutes as clusters; nothing of too few.
    pub se: Option<f64>,
    /// Mean over standard error; nothing where that is nothing or zero.
    pub t: Option<f64>,
    /// How many there were.
    pub n: u64,
}

/// One replay of the configured quotes.
#[derive(Debug, Serialize)]
pub struct ReplayRow {
    /// Where in the queue our orders stood.
    pub queue: String,
    /// When events reached us.
    pub feed: String,
    /// All coins.
    pub all: Traded,
    /// By coin.
    pub by_coin: BTreeMap<String, Traded>,
    /// What was asked of the venue.
    pub actions: Actions,
    /// Deepest fall of the profit at the marks from a peak.
    #[serde(serialize_with = "exact")]
    pub max_drawdown_usd: Usd,
    /// Worst case of all positions that orders could have made, by coin.
    pub exposure_usd: BTreeMap<String, f64>,
    /// A limit halted it: what comes after is missing.
    pub halted: Option<String>,
    /// Over all decisions and actions, as `replay` tells it.
    pub decision_hash: String,
}

/// What was traded, and what it was worth.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Traded {
    /// Fills.
    pub fills: u64,
    /// The same for an hour of the recording.
    pub fills_an_hour: f64,
    /// Their value.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
    /// Fees; positive = paid.
    #[serde(serialize_with = "exact")]
    pub fees_usd: Usd,
    /// Funding; positive = paid.
    #[serde(serialize_with = "exact")]
    pub funding_usd: Usd,
    /// Profit at the last marks, after fees and funding. Mostly luck with what was held.
    #[serde(serialize_with = "exact")]
    pub net_pnl_usd: Usd,
    /// Mid against the fill's price, in our favour, by time after it; before fees.
    pub markout_bps: ByHorizon<Option<Mean>>,
    /// How the mid went against us after the fill, by time after it.
    pub adverse_bps: ByHorizon<Option<Mean>>,
    /// What the fills were worth at the mid a horizon later, less fees and funding.
    pub worth: Worth,
}

/// Requests and their price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Actions {
    /// Orders.
    pub orders: u64,
    /// Modifications.
    pub modifies: u64,
    /// Cancels.
    pub cancels: u64,
    /// All of them for each fill.
    pub per_fill: Option<f64>,
    /// Requests that the volume earned: one a USD.
    pub earned: u64,
    /// Requests that it did not.
    pub short: u64,
    /// What these cost when they are bought.
    #[serde(serialize_with = "exact")]
    pub price_usd: Usd,
}

/// What a request costs that is bought, in 1e-8 USD (PROTOCOL §6: 0.0005 USD).
const REQUEST_PRICE: i64 = 50_000;

impl Actions {
    /// Of a run.
    pub fn of(counts: [u64; 3], fills: u64, volume: Usd) -> Self {
        let [orders, modifies, cancels] = counts;
        let all = orders + modifies + cancels;
        let earned = (volume.raw() / botmm_pipeline::types::SCALE).unsigned_abs();
        let short = all.saturating_sub(earned);
        let per_fill = (fills > 0).then(|| all as f64 / fills as f64);
        let price = i64::try_from(short).unwrap_or(i64::MAX).saturating_mul(REQUEST_PRICE);
        let price_usd = Usd::from_raw(price);
        Self { orders, modifies, cancels, per_fill, earned, short, price_usd }
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.orders + self.modifies + self.cancels
    }
}

/// What trading ties up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Capital {
    /// The account, as it is configured: what would be lent instead.
    #[serde(serialize_with = "exact")]
    pub account_usd: Usd,
    /// Positions at worst, all coins, of the first replay.
    pub exposure_usd: f64,
    /// Margin that these need at the venue's highest leverage.
    pub margin_usd: f64,
    /// Deepest fall of the profit, of the worst replay.
    #[serde(serialize_with = "exact")]
    pub drawdown_usd: Usd,
}

impl Economics {
    /// As JSON.
    ///
    /// # Errors
    /// A number that JSON has no word for.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::write(self, &mut text);
        text
    }
}
