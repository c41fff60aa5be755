//! What stands in the lines, type by type.

use super::terms::{Level, Terms};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// See [`Line::Run`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// When it began.
    pub time: String,
    /// `run`, `paper` or `replay`.
    pub kind: String,
    /// `mainnet`, or where else it trades.
    pub network: String,
    /// Real money was at stake.
    pub is_real_money: bool,
    /// Whom it traded for; [`None`] = a simulated account that began with this run.
    pub account: Option<String>,
    /// Which botmm it was.
    pub botmm: String,
    /// What it traded.
    pub coins: Vec<String>,
    /// Of the resolved configuration.
    pub config_sha256: String,
    /// The parameters in force at the start: coin, part, key.
    pub params: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>,
}

/// See [`Line::End`]. Money since the start, at the last marks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub time: String,
    /// Before fees and funding.
    pub gross_usd: String,
    /// Positive = paid.
    pub fees_usd: String,
    /// Positive = paid.
    pub funding_usd: String,
    /// All together.
    pub net_usd: String,
    /// How many fills.
    pub fills: u64,
    /// Their value.
    pub volume_usd: String,
    /// What came to the account otherwise than by trading; [`None`] = it could not be told.
    pub transfers_usd: Option<String>,
    /// The UTC day that went on.
    pub today: Option<Today>,
    /// What halted it until a person re-arms it.
    pub halted: Vec<String>,
}

/// A UTC day so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Today {
    /// Which.
    pub date: String,
    /// What it came to.
    pub net_usd: String,
}

/// See [`Line::Latency`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// When.
    pub time: String,
    /// By stage, since the start.
    pub stages: BTreeMap<String, StageLatency>,
    /// From wire to wire, since the start; [`None`] = nobody measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<WireLatency>,
}

/// How long the way from the wire to the wire took (docs/latency.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLatency {
    /// What trips are counted from: `kernel`, `read` or `mixed`.
    pub counts_from: String,
    /// How many.
    pub trips: u64,
    /// Of these, how many took longer than `latency_budget_us`.
    pub over_budget: u64,
    /// By step.
    pub steps: BTreeMap<String, StageLatency>,
}

/// How long polls of a stage took, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLatency {
    /// Half of them less.
    pub p50: u64,
    /// All but one in a hundred less.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// See [`Line::Decision`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// When it was judged.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// [`None`] = the book had no sound one.
    pub mid: Option<String>,
    /// The fair price.
    pub fair: Option<String>,
    /// Volatility; [`None`] = warming up.
    pub vol_bps: Option<f64>,
    /// Bids, nearest first.
    pub bids: Vec<Level>,
    /// Asks, nearest first.
    pub asks: Vec<Level>,
    /// Why bids are quoted or not.
    pub bid: String,
    /// Why asks are.
    pub ask: String,
    /// The newest market event that it rests on.
    #[serde(default)]
    pub market_seq: u64,
    /// What its prices are made of; [`None`] = the side thread lagged.
    pub terms: Option<Box<Terms>>,
}

/// See [`Line::Place`], [`Line::Modify`], [`Line::Cancel`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Action {
    /// When it was sent.
    pub time: String,
    /// Of its first order.
    pub coin: Option<String>,
    /// Each order.
    pub items: Vec<Item>,
    /// The newest market event that it rests on.
    #[serde(default)]
    pub market_seq: u64,
}

/// An order of an action: with price and size when it is to rest, by the venue's number when it is to go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Our number.
    pub cloid: String,
    /// `buy` or `sell`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// Its price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub px: Option<String>,
    /// Its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qty: Option<String>,
    /// The venue's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oid: Option<u64>,
}

/// See [`Line::Fill`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fill {
    /// When we heard of it.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// `buy` or `sell`.
    pub side: String,
    /// At which price.
    pub px: String,
    /// How much.
    pub qty: String,
    /// Positive = paid.
    pub fee_usd: String,
    /// When it happened, by the venue's clock.
    pub venue_time: Option<String>,
    /// The order's number.
    pub oid: u64,
    /// The trade's number.
    pub tid: u64,
    /// We took.
    #[serde(default)]
    pub taker: bool,
    /// By which rule a simulated venue filled it.
    pub cause: Option<String>,
}

/// See [`Line::Funding`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Funding {
    /// When we heard of it.
    pub time: String,
    /// For which coin.
    pub coin: String,
    /// When it happened, by the venue's clock.
    pub venue_time: String,
    /// Positive = paid.
    pub paid_usd: String,
}

/// See [`Line::MidAtFill`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MidAtFill {
    /// When it was measured.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// The trade's number.
    pub tid: u64,
    /// `buy` or `sell`.
    pub side: String,
    /// The fill's price.
    pub px: String,
    /// Its size.
    pub qty: String,
    /// When the fill happened, by the venue's clock.
    pub venue_time: Option<String>,
    /// The mid that the last block before it left.
    pub mid: String,
}

/// See [`Line::Markout`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Markout {
    /// When it was measured.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// The trade's number.
    pub tid: u64,
    /// `buy` or `sell`.
    pub side: String,
    /// The fill's price.
    pub px: String,
    /// Its size.
    pub qty: String,
    /// How long after the fill.
    pub after_s: i64,
    /// The mid just before it.
    pub mid_at_fill: String,
    /// The mid then.
    pub mid: String,
}

/// See [`Line::Reject`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reject {
    /// When we heard of it.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// `place`, `modify` or `cancel`.
    pub of: String,
    /// Why.
    pub reason: String,
    /// The touch that the venue told with it.
    pub best_bid: String,
    /// As `best_bid`.
    pub best_ask: String,
}

/// See [`Line::CancelRefused`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelRefused {
    /// When we heard of it.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// Our number.
    pub cloid: String,
    /// The venue's.
    pub oid: u64,
    /// How often it was tried.
    pub tries: u32,
}

/// See [`Line::State`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// Since when.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// Why bids are quoted or not.
    pub bid: String,
    /// Why asks are.
    pub ask: String,
}

/// See [`Line::Account`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// When.
    pub time: String,
    /// By coin.
    pub position: BTreeMap<String, String>,
    /// By coin.
    pub entry: BTreeMap<String, String>,
    /// By coin.
    pub mark: BTreeMap<String, String>,
    /// Of what was closed.
    pub realized_usd: String,
    /// Of what is open.
    pub unrealized_usd: String,
    /// Positive = paid.
    pub fees_usd: String,
    /// Positive = paid.
    pub funding_usd: String,
    /// All together.
    pub net_usd: String,
}

/// See [`Line::Orders`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// When.
    pub time: String,
    /// Orders of ours that rest or might, by coin.
    pub open: BTreeMap<String, u64>,
}

/// See [`Line::Day`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Day {
    /// Which.
    pub date: String,
    /// What it came to.
    pub net_usd: String,
    /// The run went on from its begin to its end.
    pub whole: bool,
}

/// See [`Line::Risk`]. Of a coin it has the state alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Risk {
    /// When.
    pub time: String,
    /// [`None`] = of all.
    pub coin: Option<String>,
    /// What holds.
    pub state: String,
    /// How each break ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaks: Option<BTreeMap<String, String>>,
    /// By which marks a loss limit was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marks: Option<BTreeMap<String, String>>,
    /// Since 00:00 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_profit_usd: Option<String>,
    /// Below the highest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below_peak_usd: Option<String>,
    /// Within the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_errors: Option<usize>,
}

/// See [`Line::Alert`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// When.
    pub time: String,
    /// [`None`] = of all.
    pub coin: Option<String>,
    /// In words.
    pub alert: String,
}

/// See [`Line::Params`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Params {
    /// To the nanosecond: a replay lets them in at the same place.
    pub time: String,
    /// Which set of parameters it is.
    #[serde(default)]
    pub generation: u32,
    /// Its own number among the market events.
    #[serde(default)]
    pub market_seq: u64,
    /// What differs.
    pub changes: Vec<Change>,
    /// Where it came from.
    #[serde(default)]
    pub source: String,
}

/// One parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// [`None`] = it holds for the whole account.
    pub coin: Option<String>,
    /// `quote.min_spread_bps`.
    pub key: String,
    /// What held before.
    #[serde(default)]
    pub from: Value,
    /// What holds now, as it stands there.
    #[serde(serialize_with = "to_the_last_digit")]
    pub to: Box<RawValue>,
}

/// See [`Line::ParamsRefused`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParamsRefused {
    /// When.
    pub time: String,
    /// Which file.
    pub source: String,
    /// What is wrong with it.
    pub error: String,
}

/// See [`Line::Gap`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// When lines could be written again.
    pub time: String,
    /// So many are not here.
    pub lost: u64,
}

/// A number as it was typed: serde_json's own reading of a float may be off by the last bit.
fn to_the_last_digit<S: Serializer>(raw: &RawValue, to: S) -> Result<S::Ok, S::Error> {
    let text = raw.get();
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Err(_), Ok(number)) if number.is_finite() => to.serialize_f64(number),
        _ => serde_json::from_str::<Value>(text).map_err(S::Error::custom)?.serialize(to),
    }
}
