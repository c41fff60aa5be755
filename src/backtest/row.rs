//! One line of a result: a set of parameters under one set of assumptions, over all days.

use super::daily::{self, cut};
use super::outcome::{Outcome, Totals};
use super::task::Task;
use crate::report::backtest::{NetInterval, Part, Row};
use crate::report::stats::blocks::MIN_BLOCKS;
use crate::report::stats::bootstrap::{interval, usual_block};
use crate::report::{Money, once};
use crate::settings::parse_bps;
use crate::sha256;
use crate::when::utc_s;
use botmm_pipeline::types::{Nanos, Usd};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Of intervals.
const LEVEL: f64 = 0.95;
/// Resamples of an interval.
const DRAWS: usize = 1_000;

/// A row, and of what its replays earned on the way what guards go by.
pub(super) struct Made {
    /// What is written.
    pub row: Row,
    /// What was earned in each stretch between two samples, USD.
    pub earned: Vec<f64>,
    /// What was earned on each whole UTC day.
    pub daily: Vec<f64>,
}

/// Of all replays of one set under the same assumptions.
pub(super) fn of(mut parts: Vec<Outcome>, sample_every: Nanos) -> Option<Made> {
    parts.sort_by(|a, b| a.task.days.cmp(&b.task.days));
    let (first, last) = (parts.first()?, parts.last()?);
    let task = &first.task;
    let sum = |value: fn(&Totals) -> Money| Money(parts.iter().map(|p| value(&p.totals).0).sum());
    let count = |value: fn(&Totals) -> u64| parts.iter().map(|p| value(&p.totals)).sum();
    let span = |p: &Outcome| (p.totals.to - p.totals.from).as_secs_f64();
    let earned: Vec<f64> = parts.iter().flat_map(|p| earned(p, sample_every)).collect();
    let daily = daily::whole(parts.iter().map(|p| (&p.totals, &p.samples)));
    let (sharpe, sharpe_note) = match daily::sharpe(&daily) {
        Ok(sharpe) => (Some(sharpe), None),
        Err(why) => (None, Some(why)),
    };
    let residuals: Option<Vec<Usd>> =
        parts.iter().map(|p| p.totals.residual_usd.map(|m| m.0)).collect();
    let row = Row {
        id: id_of(&parts),
        set: set_of(task),
        params: params_of(task),
        coins: task.coins.clone(),
        days: parts.iter().flat_map(|p| p.totals.days.clone()).collect(),
        from: utc_s(first.totals.from),
        to: utc_s(last.totals.to),
        span_s: parts.iter().map(span).sum(),
        queue: task.queue.clone(),
        feed: task.feed.clone(),
        latency: task.latency.clone(),
        rules: task.rules.clone(),
        fee: task.fee.clone(),
        fee_bps: parse_bps(&task.fee_bps).unwrap_or_default(),
        seed: task.seed,
        events: count(|t| t.events),
        decisions: count(|t| t.decisions),
        fills: count(|t| t.fills),
        volume_usd: sum(|t| t.volume_usd),
        gross_usd: sum(|t| t.gross_usd),
        fees_usd: sum(|t| t.fees_usd),
        funding_usd: sum(|t| t.funding_usd),
        net_usd: sum(|t| t.net_usd),
        net_interval: interval_of(&earned, task.seed),
        max_drawdown_usd: parts.iter().map(|p| p.totals.max_drawdown_usd).max()?,
        sharpe,
        sharpe_note,
        position_usd: last.totals.position_usd.clone(),
        residual_usd: residuals.map(|all| Money(all.into_iter().sum())),
        halted: parts.iter().filter_map(|p| p.totals.halted.clone()).collect(),
        tasks: parts.iter().map(part_of).collect(),
        notes: once(parts.iter().flat_map(|p| p.totals.notes.clone())),
        warnings: once(parts.iter().flat_map(|p| p.totals.warnings.clone())),
    };
    Some(Made { row, earned, daily })
}

fn interval_of(earned: &[f64], seed: u64) -> Option<NetInterval> {
    let mean_block = usual_block(earned.len());
    if (earned.len() as f64) < MIN_BLOCKS as f64 * mean_block {
        return None;
    }
    let sum = interval(earned, DRAWS, mean_block, seed, LEVEL)? * earned.len() as f64;
    Some(NetInterval {
        level: LEVEL,
        low_usd: cut(sum.low),
        high_usd: cut(sum.high),
        t: cut(sum.t),
        draws: DRAWS,
        mean_block: cut(mean_block),
        samples: sum.n,
    })
}

fn part_of(outcome: &Outcome) -> Part {
    let Totals { days, decision_hash, net_usd, .. } = outcome.totals.clone();
    let (id, config_sha256) = (outcome.task.id.clone(), outcome.task.config_sha256.clone());
    Part { id, days, decision_hash, net_usd, config_sha256 }
}

fn earned(part: &Outcome, every: Nanos) -> Vec<f64> {
    part.samples.earned(part.totals.from, part.totals.to, every)
}

fn id_of(parts: &[Outcome]) -> String {
    match parts {
        [one] => one.task.id.clone(),
        all => sha256::of(all.iter().map(|p| p.task.id.as_str()).collect::<String>().as_bytes()),
    }
}

/// The parameters of a task in words.
pub(super) fn set_of(task: &Task) -> String {
    match task.params.is_empty() {
        true => "as configured".to_owned(),
        false => {
            let all: Vec<_> = task.params.iter().map(|(k, v)| format!("{k}={v}")).collect();
            all.join(" ")
        }
    }
}

fn params_of(task: &Task) -> BTreeMap<String, Value> {
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    task.params.iter().map(|(k, v)| (k.clone(), value(v))).collect()
}

/// The columns of the table, in order.
const SCHEMA: &str = "message rows {
    required binary id (UTF8); required binary set (UTF8); required binary params (UTF8);
    required binary coins (UTF8); required binary queue (UTF8); required binary feed (UTF8);
    required binary latency (UTF8); required binary rules (UTF8); required binary fee (UTF8);
    required double fee_bps; required double span_s; required int64 fills;
    required double volume_usd; required double gross_usd; required double fees_usd;
    required double funding_usd; required double net_usd; optional double net_low_usd;
    optional double net_high_usd; optional double net_t; required double max_drawdown_usd;
    optional double sharpe; required binary decision_hash (UTF8);
}";

/// The rows as Parquet, for pandas and its kin. Money is a float there; exact it is in the JSON.
///
/// # Errors
/// As of the library.
pub(super) fn parquet(rows: &[Row]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder().set_created_by("botmm".to_owned()).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let text = |value: fn(&Row) -> String| rows.iter().map(value).collect::<Vec<_>>();
    let json = |row: &Row| serde_json::to_string(&row.params).unwrap_or_default();
    for values in [
        text(|r| r.id.clone()),
        text(|r| r.set.clone()),
        text(json),
        text(|r| r.coins.join(",")),
        text(|r| r.queue.clone()),
        text(|r| r.feed.clone()),
        text(|r| r.latency.clone()),
        text(|r| r.rules.clone()),
        text(|r| r.fee.clone()),
    ] {
        texts(&mut group, values)?;
    }
    floats(&mut group, rows, |r| Some(r.fee_bps.to_f64()), false)?;
    floats(&mut group, rows, |r| Some(r.span_s), false)?;
    if let Some(mut column) = group.next_column()? {
        let fills: Vec<i64> = rows.iter().map(|r| r.fills as i64).collect();
        column.typed::<Int64Type>().write_batch(&fills, None, None)?;
        column.close()?;
    }
    let interval =
        |value: fn(&NetInterval) -> f64| move |r: &Row| r.net_interval.as_ref().map(value);
    floats(&mut group, rows, |r| Some(r.volume_usd.0.to_f64()), false)?;
    floats(&mut group, rows, |r| Some(r.gross_usd.0.to_f64()), false)?;
    floats(&mut group, rows, |r| Some(r.fees_usd.0.to_f64()), false)?;
    floats(&mut group, rows, |r| Some(r.funding_usd.0.to_f64()), false)?;
    floats(&mut group, rows, |r| Some(r.net_usd.0.to_f64()), false)?;
    floats(&mut group, rows, interval(|i| i.low_usd), true)?;
    floats(&mut group, rows, interval(|i| i.high_usd), true)?;
    floats(&mut group, rows, interval(|i| i.t), true)?;
    floats(&mut group, rows, |r| Some(r.max_drawdown_usd.0.to_f64()), false)?;
    floats(&mut group, rows, |r| r.sharpe, true)?;
    let hashes = |r: &Row| {
        let all: Vec<_> = r.tasks.iter().map(|t| t.decision_hash.as_str()).collect();
        all.join(",")
    };
    texts(&mut group, text(hashes))?;
    group.close()?;
    writer.into_inner()
}

fn texts(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: Vec<String>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    let values: Vec<ByteArray> = values.into_iter().map(|v| v.into_bytes().into()).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
    column.close()
}

fn floats(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    rows: &[Row],
    value: impl Fn(&Row) -> Option<f64>,
    is_optional: bool,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    let values: Vec<f64> = rows.iter().filter_map(&value).collect();
    let levels: Vec<i16> = rows.iter().map(|r| i16::from(value(r).is_some())).collect();
    let levels = is_optional.then_some(levels.as_slice());
    column.typed::<DoubleType>().write_batch(&values, levels, None)?;
    column.close()
}
