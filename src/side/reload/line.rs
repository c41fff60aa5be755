//! A change of parameters in the journal: how it is written, and how a replay reads it.

use crate::journal::line::{self, Line, Params, ParamsRefused};
use crate::masked::masked;
use crate::settings::{MODEL_KEY, ParamChange, ParamSetting};
use crate::when::{exact_utc, parse_utc};
use botmm_pipeline::types::{AssetId, AssetParams, Nanos};
use serde_json::value::RawValue;

/// What the journal calls a coin's grid, which changes like a parameter and is in no file: a replay keeps that of its
/// recording.
pub const GRID_KEY: &str = "grid.sz_decimals";

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
pub fn line(change: &Change, effect: &Effect) -> Line {
    let one = |c: &ParamChange| {
        let to = RawValue::from_string(c.to.to_string()).ok()?;
        Some(line::Change { coin: c.coin.clone(), key: c.key.clone(), from: c.from.clone(), to })
    };
    Line::Params(Params {
        time: exact_utc(effect.time),
        generation: effect.generation,
        market_seq: effect.market_seq,
        changes: change.changes.iter().filter_map(one).collect(),
        source: masked(&change.source).into_owned(),
    })
}

/// The line of a file that was refused.
pub fn refused_line(time: Nanos, source: &str, error: &str) -> Line {
    let (source, error) = (masked(source).into_owned(), masked(error).into_owned());
    Line::ParamsRefused(ParamsRefused { time: exact_utc(time), source, error })
}

/// What a journal's line says of a change; [`None`] = the line is about something else.
///
/// # Errors
/// It is no line of a journal, or of no form that [`line`] writes.
pub fn read(text: &str) -> Result<Option<(Nanos, Vec<ParamSetting>)>, String> {
    let Some(line) = line::read::<Params>(text)? else { return Ok(None) };
    let time = parse_utc(&line.time).map_err(|e| format!("time: {e}"))?;
    let one = |c: &line::Change| ParamSetting::new(c.coin.as_deref(), &c.key, &c.to);
    let of_files = line.changes.iter().filter(|c| ![GRID_KEY, MODEL_KEY].contains(&&*c.key));
    let settings: Result<Vec<_>, _> = of_files.map(one).collect();
    Ok(Some((time, settings?)))
}
