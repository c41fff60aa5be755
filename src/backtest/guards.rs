//! What keeps the best of many from being believed: how many were tried, the deflated Sharpe ratio, the probability
//! of over-fitting, and the best of one part judged on the next.

use super::daily::{cut, enough};
use super::row::Made;
use crate::report::backtest::{Best, Chosen, Forward, Row};
use crate::report::stats::overfit::probability;
use crate::report::stats::sharpe::{Shape, variance};
use std::collections::{BTreeMap, BTreeSet};

/// Blocks of time of which half is in sample: C(10, 5) = 252 ways.
const BLOCKS: usize = 10;

/// Rows that differ in their parameters alone.
type Scenario<'a> = (&'a [String], &'a str, &'a str, &'a str, &'a str, u64);

fn scenarios(rows: &[Made]) -> BTreeMap<Scenario<'_>, Vec<&Made>> {
    let mut all: BTreeMap<Scenario<'_>, Vec<&Made>> = BTreeMap::new();
    for made in rows {
        let row = &made.row;
        let assumed = (row.coins.as_slice(), row.queue.as_str(), row.feed.as_str());
        let key =
            (assumed.0, assumed.1, assumed.2, row.latency.as_str(), row.fee.as_str(), row.seed);
        all.entry(key).or_default().push(made);
    }
    all
}

/// See [`crate::report::backtest::Results::sets_distinct`].
pub(super) fn distinct(rows: &[Made]) -> usize {
    let decided =
        |made: &&Made| made.row.tasks.iter().map(|t| t.decision_hash.clone()).collect::<Vec<_>>();
    let each = |rows: Vec<&Made>| rows.iter().map(decided).collect::<BTreeSet<_>>().len();
    scenarios(rows).into_values().map(each).max().unwrap_or(0)
}

/// Of each set of assumptions; by what the net is not below.
pub(super) fn best(rows: &[Made], sets_tried: usize) -> Vec<Best> {
    scenarios(rows).into_values().filter_map(|rows| best_of(&rows, sets_tried)).collect()
}

fn best_of(rows: &[&Made], sets_tried: usize) -> Option<Best> {
    let best = rows.iter().min_by(|a, b| a.row.by_doubt(&b.row))?;
    let sets_tried = sets_tried.max(rows.len());
    let (deflated_sharpe, deflated_sharpe_note) = told(deflated(best, rows, sets_tried));
    let (overfit_probability, overfit_note) = told(overfit(rows));
    Some(Best {
        id: best.row.id.clone(),
        chosen: chosen(&best.row),
        net_usd: best.row.net_usd,
        is_above_zero: best.row.low() > 0.0,
        sets_tried,
        deflated_sharpe,
        deflated_sharpe_note,
        overfit_probability,
        overfit_note,
    })
}

fn chosen(row: &Row) -> Chosen {
    Chosen {
        set: row.set.clone(),
        coins: row.coins.clone(),
        queue: row.queue.clone(),
        feed: row.feed.clone(),
        latency: row.latency.clone(),
        fee: row.fee.clone(),
    }
}

fn told(found: Result<f64, String>) -> (Option<f64>, Option<String>) {
    match found {
        Ok(value) => (Some(value), None),
        Err(why) => (None, Some(why)),
    }
}

fn deflated(best: &Made, rows: &[&Made], sets_tried: usize) -> Result<f64, String> {
    enough(&best.daily)?;
    if rows.len() < 2 {
        return Err("one set was tried: nothing was chosen".to_owned());
    }
    let alike = || "all days are alike: there is no risk to compare with".to_owned();
    let of = |made: &&Made| Shape::of(&made.daily).map(|shape| shape.sharpe);
    let tried: Vec<f64> = rows.iter().filter_map(of).collect();
    let shape = Shape::of(&best.daily).ok_or_else(alike)?;
    Ok(cut(shape.deflated(sets_tried, variance(&tried))))
}

fn overfit(rows: &[&Made]) -> Result<f64, String> {
    if rows.len() < 2 {
        return Err("one set was tried: nothing was chosen".to_owned());
    }
    let found = probability(&alike(rows), BLOCKS).map(cut);
    found.ok_or_else(|| format!("{BLOCKS} blocks of time need two samples each"))
}

/// What each earned between samples, over the samples that all have.
fn alike(rows: &[&Made]) -> Vec<Vec<f64>> {
    let shortest = rows.iter().map(|made| made.earned.len()).min().unwrap_or(0);
    rows.iter().map(|made| made.earned[..shortest].to_vec()).collect()
}

/// Chosen on each part, judged on the next; `parts` of each scenario.
pub(super) fn forward(rows: &[Made], judged: usize) -> Vec<Forward> {
    if judged == 0 {
        return Vec::new();
    }
    let parts = judged + 1;
    let all = scenarios(rows).into_values().filter(|rows| rows.len() > 1);
    all.flat_map(|rows| (0..judged).map(move |part| walk(&rows, part, parts)).collect::<Vec<_>>())
        .collect()
}

fn walk(rows: &[&Made], part: usize, parts: usize) -> Forward {
    let series = alike(rows);
    let length = series.first().map_or(0, Vec::len);
    let earned = |set: usize, part: usize| -> f64 {
        series[set][length * part / parts..length * (part + 1) / parts].iter().sum()
    };
    let best_on = |part: usize| {
        let by =
            |a: &usize, b: &usize| earned(*a, part).total_cmp(&earned(*b, part)).then(b.cmp(a));
        (0..rows.len()).max_by(by).unwrap_or(0)
    };
    let best = best_on(part);
    Forward {
        part,
        parts,
        chosen: chosen(&rows[best].row),
        chosen_usd: cut(earned(best, part)),
        judged_usd: cut(earned(best, part + 1)),
        best_there_usd: cut(earned(best_on(part + 1), part + 1)),
    }
}
