//! Successive halving, by ask and tell: the best of one rung go on to the next, over more recordings.

use super::folder::{CONFIG, Folder, Planned, lines};
use super::plan::{Plan, Rung};
use super::row::set_of;
use super::task::Task;
use crate::exit::AppError;
use crate::files::read_text;
use crate::report::backtest::{Results, Row};
use crate::sha256;
use std::collections::{BTreeMap, HashSet};

/// A configuration is no larger.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The sets of one coin or some, by the worst low end of their intervals under all assumptions.
type Scores<'a> = BTreeMap<&'a [String], BTreeMap<&'a str, f64>>;

/// The rung after one that is done.
///
/// # Errors
/// The folder was not planned for halving, or it was the last rung.
pub(super) fn plan(before: &Folder, results: &Results) -> Result<Planned, AppError> {
    let usage = |why: &str| AppError::Usage(format!("{}: {why}", before.dir.display()));
    let Some(rung) = &before.plan.rung else {
        return Err(usage("not planned for halving; plan the first rung with --halving ETA"));
    };
    let (used, all) = (before.plan.days.len(), rung.all_days.len());
    let days = used.saturating_mul(rung.eta).min(all);
    if days == used {
        return Err(usage("this was the last rung: all recordings were used"));
    }
    let kept = kept(&results.rows, rung.eta);
    let mut plan = Plan {
        days: rung.all_days[..days].to_vec(),
        gaps: super::days::gaps(&rung.all_days[..days]),
        rung: Some(Rung { number: rung.number + 1, ..rung.clone() }),
        tasks_sha256: String::new(),
        ..before.plan.clone()
    };
    let (mut tasks, mut seen) = (Vec::new(), HashSet::new());
    for task in
        before.tasks.iter().filter(|task| kept.contains(&(set_of(task), task.coins.clone())))
    {
        for task in over(task, &plan) {
            if seen.insert(task.id.clone()) {
                tasks.push(task);
            }
        }
    }
    tasks.sort_by(|a, b| (&a.days, &a.coins).cmp(&(&b.days, &b.coins)));
    plan.tasks_sha256 = sha256::of(lines(&tasks).as_bytes());
    let config = before.dir.join(CONFIG);
    let config = read_text(&config, MAX_CONFIG_BYTES).map_err(AppError::io(config, "read"))?;
    Ok(Planned { plan, tasks, config })
}

/// One in so many of each group of coins, at least one.
fn kept(rows: &[Row], eta: usize) -> HashSet<(String, Vec<String>)> {
    let mut scores: Scores<'_> = BTreeMap::new();
    for row in rows {
        let score = scores.entry(&row.coins).or_default().entry(&row.set).or_insert(f64::INFINITY);
        *score = score.min(row.low());
    }
    let best = |(coins, sets): (&[String], BTreeMap<&str, f64>)| {
        let mut sets: Vec<(&str, f64)> = sets.into_iter().collect();
        sets.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        sets.truncate(sets.len().div_ceil(eta));
        let coins = coins.to_vec();
        sets.into_iter().map(move |(set, _)| (set.to_owned(), coins.clone())).collect::<Vec<_>>()
    };
    scores.into_iter().flat_map(best).collect()
}

/// The same task on the recordings of another plan.
fn over(task: &Task, plan: &Plan) -> Vec<Task> {
    let all: Vec<usize> = (0..plan.days.len()).collect();
    let stretches: Vec<Vec<usize>> = match plan.flat_days {
        true => all.iter().map(|day| vec![*day]).collect(),
        false => vec![all],
    };
    let of = |days: Vec<usize>| {
        let hashes = days.iter().flat_map(|day| plan.days[*day].hashes(&task.coins));
        let mut data_sha256: Vec<String> = hashes.collect();
        data_sha256.sort();
        Task { days, data_sha256, ..task.clone() }.named(plan)
    };
    stretches.into_iter().map(of).collect()
}
