//! What all outcomes of a job come to: the same bytes, whoever made them and in whatever order.

use super::guards;
use super::plan::Plan;
use super::row::Made;
use super::task::Task;
use crate::report::backtest::{Band, InBand, KIND, Recording, RecordingFile, Results, VERSION};
use crate::when::utc_s;
use std::collections::{BTreeMap, HashSet};

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

/// Of the rows of a plan, in any order; so many replays are in them, and so many are missing.
pub(super) fn of(plan: &Plan, mut rows: Vec<Made>, [replays, missing]: [usize; 2]) -> Results {
    rows.sort_by(|a, b| a.row.id.cmp(&b.row.id));
    let tried = rows.iter().map(|made| &made.row.set).collect::<HashSet<_>>().len();
    let sets_tried = plan.rung.as_ref().map_or(tried, |rung| rung.sets_tried.max(tried));
    Results {
        kind: KIND.to_owned(),
        version: VERSION,
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
        sets_distinct: Some(guards::distinct(&rows)),
        rung: plan.rung.as_ref().map(|rung| rung.number),
        bands: bands(&rows),
        best: guards::best(&rows, sets_tried),
        walk_forward: guards::forward(&rows, plan.walk_forward),
        rows: rows.into_iter().map(|made| made.row).collect(),
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

fn bands(rows: &[Made]) -> Vec<Band> {
    let mut bands: BTreeMap<_, Band> = BTreeMap::new();
    for Made { row, .. } in rows {
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
