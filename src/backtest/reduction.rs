//! What all outcomes of a job come to: the same bytes, whoever made them and in whatever order.

use super::guards::{Best, Forward, distinct, forward};
use super::plan::Plan;
use super::row::Row;
use super::task::Task;
use crate::report::Money;
use crate::when::utc_s;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// The result. The JSON keys are an interface (docs/backtest.md).
#[derive(Debug, Serialize)]
pub(super) struct Results {
    /// Always `backtest`.
    pub kind: &'static str,
    /// Of these keys.
    pub version: u32,
    /// This program's version.
    pub botmm: String,
    /// Of this program.
    pub binary_sha256: String,
    /// Of the tasks.
    pub plan_sha256: String,
    /// The recordings.
    pub days: Vec<Recording>,
    /// Where there are none between them.
    pub gaps: Vec<String>,
    /// Each day began with nothing held; else the position went on over days.
    pub flat_days: bool,
    /// Time between samples of the money, seconds.
    pub sample_every_s: f64,
    /// Replays.
    pub replays: usize,
    /// Replays that are planned and not in it.
    pub missing: usize,
    /// Sets of parameters that were tried, those of earlier rungs included.
    pub sets_tried: usize,
    /// Sets of this job that decided otherwise than each other, under the assumptions that part most of them.
    pub sets_distinct: usize,
    /// Of successive halving: the rung, from 0.
    pub rung: Option<usize>,
    /// By id.
    pub rows: Vec<Row>,
    /// Queue models side by side.
    pub bands: Vec<Band>,
    /// The best set under each set of assumptions, with what guards against over-fitting.
    pub best: Vec<Best>,
    /// Chosen on one part, judged on the next.
    pub walk_forward: Vec<Forward>,
}

/// A recording, by what it holds.
#[derive(Debug, Serialize)]
pub(super) struct Recording {
    name: String,
    from: String,
    to: String,
    files: Vec<RecordingFile>,
}

#[derive(Debug, Serialize)]
struct RecordingFile {
    name: String,
    sha256: String,
}

/// One set under one set of assumptions but for the queue: between the cautious and the lucky.
#[derive(Debug, Serialize)]
pub(super) struct Band {
    /// The parameters in words.
    pub set: String,
    /// Traded together.
    pub coins: Vec<String>,
    /// See the rows.
    pub feed: String,
    /// See the rows.
    pub latency: String,
    /// See the rows.
    pub fee: String,
    /// By queue model.
    pub by_queue: BTreeMap<String, InBand>,
    /// The least of them.
    pub low_usd: Money,
    /// The most of them.
    pub high_usd: Money,
}

/// What one queue model says.
#[derive(Debug, Serialize)]
pub(super) struct InBand {
    /// The row.
    pub id: String,
    /// How many.
    pub fills: u64,
    /// After fees and funding.
    pub net_usd: Money,
}

/// What makes tasks parts of one row.
pub(super) type Key = (Vec<(String, String)>, Vec<String>, [String; 6], u64);

/// The tasks of each row, with their numbers.
pub(super) fn groups(tasks: &[Task]) -> BTreeMap<Key, Vec<(usize, &Task)>> {
    let mut groups: BTreeMap<Key, Vec<(usize, &Task)>> = BTreeMap::new();
    for (number, t) in tasks.iter().enumerate() {
        let assumed = [&t.queue, &t.feed, &t.latency, &t.rules, &t.fee, &t.fee_bps];
        let key = (t.params.clone(), t.coins.clone(), assumed.map(Clone::clone), t.seed);
        groups.entry(key).or_default().push((number, t));
    }
    groups
}

impl Results {
    /// Of the rows of a plan, in any order; so many replays are in them, and so many are missing.
    pub fn of(plan: &Plan, mut rows: Vec<Row>, [replays, missing]: [usize; 2]) -> Self {
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let tried = rows.iter().map(|row| &row.set).collect::<HashSet<_>>().len();
        let sets_tried = plan.rung.as_ref().map_or(tried, |rung| rung.sets_tried.max(tried));
        Self {
            kind: "backtest",
            version: 1,
            botmm: plan.botmm.clone(),
            binary_sha256: plan.binary_sha256.clone(),
            plan_sha256: plan.tasks_sha256.clone(),
            days: recordings(plan),
            gaps: plan.gaps.clone(),
            flat_days: plan.flat_days,
            sample_every_s: plan.sample_every.as_secs_f64(),
            replays,
            missing,
            sets_tried,
            sets_distinct: distinct(&rows),
            rung: plan.rung.as_ref().map(|rung| rung.number),
            bands: bands(&rows),
            best: Best::each(&rows, sets_tried),
            walk_forward: forward(&rows, plan.walk_forward),
            rows,
        }
    }

    /// As a file.
    ///
    /// # Errors
    /// Never, of what was made here.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}

fn recordings(plan: &Plan) -> Vec<Recording> {
    let days = plan.days.iter();
    days.map(|day| Recording {
        name: day.name.clone(),
        from: utc_s(day.from),
        to: utc_s(day.to),
        files: day
            .files
            .iter()
            .map(|f| RecordingFile { name: f.name.clone(), sha256: f.sha256.clone() })
            .collect(),
    })
    .collect()
}

fn bands(rows: &[Row]) -> Vec<Band> {
    let mut bands: BTreeMap<_, Band> = BTreeMap::new();
    for row in rows {
        let key = (&row.set, &row.coins, &row.feed, &row.latency, &row.fee, row.seed);
        let band = bands.entry(key).or_insert_with(|| Band {
            set: row.set.clone(),
            coins: row.coins.clone(),
            feed: row.feed.clone(),
            latency: row.latency.clone(),
            fee: row.fee.clone(),
            by_queue: BTreeMap::new(),
            low_usd: row.net_usd,
            high_usd: row.net_usd,
        });
        band.low_usd = band.low_usd.min(row.net_usd);
        band.high_usd = band.high_usd.max(row.net_usd);
        let one = InBand { id: row.id.clone(), fills: row.fills, net_usd: row.net_usd };
        band.by_queue.insert(row.queue.clone(), one);
    }
    bands.into_values().filter(|band| band.by_queue.len() > 1).collect()
}
