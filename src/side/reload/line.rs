//! A change of parameters in the journal: how it is written, and how a replay reads it.

use crate::masked::masked;
use crate::settings::{ParamChange, ParamSetting};
use crate::when::{exact_utc, parse_utc};
use botmm_pipeline::types::{AssetId, AssetParams, Nanos};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Parameters that change together.
#[derive(Clone, Debug)]
pub struct Change {
    /// What differs.
    pub changes: Vec<ParamChange>,
    /// All parameters of the assets that it concerns.
    pub params: Vec<(AssetId, AssetParams)>,
    /// Where it came from.
    pub source: String,
}

/// When a change took effect: after the market event of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The parameters' generation.
    pub generation: u32,
    /// When, to the nanosecond: a replay lets it in at the same place.
    pub time: Nanos,
    /// Its own number among the market events.
    pub market_seq: u64,
}

/// The line of a change that took effect.
pub fn line(change: &Change, effect: &Effect) -> Value {
    let one = |c: &ParamChange| json!({ "coin": c.coin, "key": c.key, "from": c.from, "to": c.to });
    json!({
        "type": "params", "time": exact_utc(effect.time), "generation": effect.generation,
        "market_seq": effect.market_seq, "changes": change.changes.iter().map(one).collect::<Vec<_>>(),
        "source": masked(&change.source),
    })
}

/// The line of a file that was refused.
pub fn refused_line(time: Nanos, source: &str, error: &str) -> Value {
    json!({ "type": "params_refused", "time": exact_utc(time), "source": masked(source), "error": masked(error) })
}

/// What a journal's line says of a change; [`None`] = the line is about something else.
///
/// # Errors
/// It is no line of a journal, or of no form that [`line`] writes.
pub fn read(text: &str) -> Result<Option<(Nanos, Vec<ParamSetting>)>, String> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    #[derive(Deserialize)]
    struct Line<'a> {
        time: String,
        #[serde(borrow)]
        changes: Vec<One<'a>>,
    }
    #[derive(Deserialize)]
    struct One<'a> {
        coin: Option<String>,
        key: String,
        #[serde(borrow)]
        to: &'a RawValue,
    }
    let no_line = |e: serde_json::Error| format!("not a line of a journal: {e}");
    let head: Head<'_> = serde_json::from_str(text).map_err(no_line)?;
    if head.kind != "params" {
        return Ok(None);
    }
    let line: Line<'_> = serde_json::from_str(text).map_err(no_line)?;
    let time = parse_utc(&line.time).map_err(|e| format!("time: {e}"))?;
    let one = |c: &One<'_>| ParamSetting::new(c.coin.as_deref(), &c.key, c.to);
    let settings: Result<Vec<_>, _> = line.changes.iter().map(one).collect();
    Ok(Some((time, settings?)))
}
