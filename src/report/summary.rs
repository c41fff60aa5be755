//! What a run comes to. The JSON keys are an interface: scripts read them.

use super::metrics::RunMetrics;
use super::number::{exact, exact_map, exact_option, hex};
use super::profit::{PnlSplit, SideMarkouts, SymbolResult};
use super::reasons::ReasonShares;
use crate::rungs::Rungs;
use botmm_pipeline::types::{Bps, FitScore, Qty, Usd};
use serde::Serialize;
use std::collections::BTreeMap;

/// The result of a run, with what it assumed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Market events that reached the pipeline.
    pub events: u64,
    /// The same by kind: `book`, `bbo`, `trade`, `status`, `mark`.
    pub events_by_kind: BTreeMap<&'static str, u64>,
    /// Time that they cover, seconds of the market's clock.
    pub span_s: f64,
    /// Events per second of our own time. A timing: differs from run to run.
    pub events_per_s: f64,
    /// Decisions of the quote stage, as the gate let them through.
    pub decisions: u64,
    /// Over all decisions and actions; equal input, configuration and seed give an equal one.
    #[serde(serialize_with = "hex")]
    pub decision_hash: u64,
    /// Orders sent.
    pub orders: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Modifications sent.
    pub modifies: u64,
    /// Orders, cancels and modifications that the venue refused.
    pub rejects: u64,
    /// How requests were signed; nothing where signatures are not made ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
    /// Fills.
    pub fills: u64,
    /// The fills of a recorded market by the rule that made them: `traded_through`, `traded_at`,
    /// `touch_reached`. Empty where no rule had to guess.
    pub fills_by_cause: BTreeMap<&'static str, CauseFills>,
    /// Value of the fills.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
    /// Profit at the last marks, before fees.
    #[serde(serialize_with = "exact")]
    pub gross_pnl_usd: Usd,
    /// Fees; positive = paid.
    #[serde(serialize_with = "exact")]
    pub fees_usd: Usd,
    /// Profit at the last marks, after fees; negative = a loss.
    #[serde(serialize_with = "exact")]
    pub net_pnl_usd: Usd,
    /// Where that comes from.
    pub pnl_split: PnlSplit,
    /// What the market did after our fills, by symbol, side and time since the fill.
    pub markouts: BTreeMap<String, SideMarkouts>,
    /// What each symbol came to.
    pub by_symbol: BTreeMap<String, SymbolResult>,
    /// Drawdown, days, Sharpe ratio and rates.
    pub metrics: RunMetrics,
    /// How well the fitted fair price predicted, by symbol; nothing where nobody asked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fit: BTreeMap<String, FitResult>,
    /// Open position at the end by symbol, in coin, + long.
    #[serde(serialize_with = "exact_map")]
    pub position: BTreeMap<String, Qty>,
    /// What that is worth at the last marks, + long; a coin that is held and has no mark is not in it.
    #[serde(serialize_with = "exact_map")]
    pub position_usd: BTreeMap<String, Usd>,
    /// Our equity minus the venue's: anything but zero is a defect in the accounts. Nothing when
    /// the two cannot be compared; a note says why.
    #[serde(serialize_with = "exact_option")]
    pub equity_residual_usd: Option<Usd>,
    /// What came to the account less what went, otherwise than by trading; not part of the profit.
    /// Nothing when that could not be told.
    #[serde(serialize_with = "exact_option")]
    pub transfers_usd: Option<Usd>,
    /// Highest worst-case exposure reached, by symbol.
    #[serde(serialize_with = "exact_map")]
    pub max_worst_case_exposure_usd: BTreeMap<String, Usd>,
    /// The limit that it must not pass, by symbol.
    #[serde(serialize_with = "exact_map")]
    pub max_position_usd: BTreeMap<String, Usd>,
    /// Why each side was quoted or not.
    pub reasons: ReasonShares,
    /// What of that a reader must be warned of.
    pub warnings: Vec<String>,
    /// Who would have cancelled what rested, had the bot been gone, at its end; nothing in a replay.
    pub rungs: Option<Rungs>,
    /// Messages dropped, by ring.
    pub dropped: BTreeMap<String, u64>,
    /// Time from an event's arrival to the end of each stage. A timing: differs from run to run.
    pub latency_ns: BTreeMap<String, LatencyNs>,
    /// From wire to wire; nothing in a replay, where there is none. A timing likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<WireResult>,
    /// What the numbers rest on.
    pub assumptions: Assumptions,
}

/// How requests were signed, where signatures are made ahead of what they sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Signing {
    /// By one that was made ahead.
    pub presigned: u64,
    /// The ordinary way, because none was there that might be used.
    pub ordinary: u64,
    /// Made ahead and not used: too old, or in doubt after a standstill or a set clock.
    pub dropped: u64,
}

/// The fills that one rule made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CauseFills {
    /// How many.
    pub fills: u64,
    /// Their value.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
}

/// How well a fair price predicted the mid, before it learned what came; against "no change".
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FitResult {
    /// Moves that were predicted.
    pub moves: u64,
    /// Share of their squares that the fit predicted (R²); negative = it was worse than nothing.
    pub r2: f64,
    /// The same of the microprice.
    pub micro_r2: f64,
}

impl FitResult {
    /// From the sums.
    pub fn of(score: &FitScore) -> Self {
        Self { moves: score.moves as u64, r2: score.r2(), micro_r2: score.micro_r2() }
    }
}

/// A latency distribution, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LatencyNs {
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Worst.
    pub max: u64,
}

/// How long the way from the wire to the wire took (docs/latency.md).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WireResult {
    /// What trips are counted from: `kernel`, `read` or `mixed`.
    pub counts_from: &'static str,
    /// How many.
    pub trips: u64,
    /// Of these, how many took longer than `latency_budget_us`.
    pub over_budget: u64,
    /// By step.
    pub steps_ns: BTreeMap<String, LatencyNs>,
}

/// What a result rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Assumptions {
    /// Queue model; `exact` for a market that knows every order.
    pub queue: String,
    /// Which of the venue's rules hold.
    pub rules: String,
    /// How long an order takes to the venue, and its answer back.
    pub latency: String,
    /// How late the feed is: `recorded`, or so long after an event happened at the venue.
    pub feed: String,
    /// What is done while the feed is later than a limit, and the limit.
    pub feed_late: String,
    /// Maker fee, basis points; positive = cost.
    #[serde(serialize_with = "exact")]
    pub fee_bps: Bps,
    /// What the loss limits are shares of.
    #[serde(serialize_with = "exact")]
    pub capital_usd: Usd,
    /// Of everything random.
    pub seed: u64,
    /// Thread plan.
    pub plan: String,
    /// Whether nothing was dropped between the stages by design.
    pub lossless: bool,
    /// `recorded`, `synthetic`…
    pub market: String,
    /// SHA-256 of the resolved configuration.
    pub config_sha256: String,
    /// What was read.
    pub data: Vec<DataFile>,
    /// What else a reader must know.
    pub notes: Vec<String>,
}

/// One input file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataFile {
    /// As it was named.
    pub path: String,
    /// Of its bytes as they are on disk.
    pub sha256: String,
    /// Rows or frames read.
    pub rows: u64,
    /// Of these, unsound and skipped.
    pub skipped: u64,
}

impl Summary {
    /// The same without what differs from run to run on the same input: for comparing two runs.
    #[must_use]
    pub fn without_timings(&self) -> Self {
        Self { events_per_s: 0.0, latency_ns: BTreeMap::new(), wire: None, ..self.clone() }
    }

    /// As JSON, one key a line.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}
