//! What keeps the best of many from being believed: how many were tried, the deflated Sharpe ratio, the probability
//! of over-fitting, and the best of one part judged on the next.

use super::daily::{cut, enough};
use super::row::Row;
use crate::report::Money;
use crate::report::stats::overfit::probability;
use crate::report::stats::sharpe::{Shape, variance};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Blocks of time of which half is in sample: C(10, 5) = 252 ways.
const BLOCKS: usize = 10;

/// The best set under one set of assumptions.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Best {
    /// The row.
    pub id: String,
    /// Its parameters in words.
    pub set: String,
    /// Traded together.
    pub coins: Vec<String>,
    /// The assumptions; see the rows.
    pub queue: String,
    /// See the rows.
    pub feed: String,
    /// See the rows.
    pub latency: String,
    /// See the rows.
    pub fee: String,
    /// After fees and funding.
    pub net_usd: Money,
    /// Its interval is above zero.
    pub is_above_zero: bool,
    /// Sets that it is the best of, those of earlier rungs included.
    pub sets_tried: usize,
    /// Probability that its Sharpe ratio is above that of the best of so many without any skill (Bailey and
    /// López de Prado 2014).
    pub deflated_sharpe: Option<f64>,
    /// Why there is none.
    pub deflated_sharpe_note: Option<String>,
    /// Probability that the best in sample is below the median out of sample (CSCV; Bailey and others 2017).
    pub overfit_probability: Option<f64>,
    /// Why there is none.
    pub overfit_note: Option<String>,
}

/// A set chosen on one part of the span and judged on the next.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Forward {
    /// The part that it was chosen on, from 0.
    pub part: usize,
    /// Parts in all.
    pub parts: usize,
    /// Its parameters in words.
    pub set: String,
    /// Traded together.
    pub coins: Vec<String>,
    /// The assumptions; see the rows.
    pub queue: String,
    /// See the rows.
    pub feed: String,
    /// See the rows.
    pub latency: String,
    /// See the rows.
    pub fee: String,
    /// What it earned where it was chosen, the most of all sets.
    pub chosen_usd: f64,
    /// What it earned on the part after.
    pub judged_usd: f64,
    /// What the set that was best there earned.
    pub best_there_usd: f64,
}

/// Rows that differ in their parameters alone.
type Scenario<'a> = (&'a [String], &'a str, &'a str, &'a str, &'a str, u64);

fn scenarios(rows: &[Row]) -> BTreeMap<Scenario<'_>, Vec<&Row>> {
    let mut all: BTreeMap<Scenario<'_>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let assumed = (row.coins.as_slice(), row.queue.as_str(), row.feed.as_str());
        let key =
            (assumed.0, assumed.1, assumed.2, row.latency.as_str(), row.fee.as_str(), row.seed);
        all.entry(key).or_default().push(row);
    }
    all
}

/// See [`super::reduction::Results::sets_distinct`].
pub(super) fn distinct(rows: &[Row]) -> usize {
    let decided =
        |row: &&Row| row.tasks.iter().map(|t| t.decision_hash.clone()).collect::<Vec<_>>();
    let each = |rows: Vec<&Row>| rows.iter().map(decided).collect::<BTreeSet<_>>().len();
    scenarios(rows).into_values().map(each).max().unwrap_or(0)
}

impl Best {
    /// Of each set of assumptions; by what the net is not below.
    pub fn each(rows: &[Row], sets_tried: usize) -> Vec<Self> {
        scenarios(rows).into_values().filter_map(|rows| Self::of(&rows, sets_tried)).collect()
    }

    fn of(rows: &[&Row], sets_tried: usize) -> Option<Self> {
        let best = rows.iter().max_by(|a, b| {
            let by_low = a.low().total_cmp(&b.low());
            by_low.then(a.net_usd.cmp(&b.net_usd)).then(b.id.cmp(&a.id))
        })?;
        let sets_tried = sets_tried.max(rows.len());
        let (deflated_sharpe, deflated_sharpe_note) = told(deflated(best, rows, sets_tried));
        let (overfit_probability, overfit_note) = told(overfit(rows));
        Some(Self {
            id: best.id.clone(),
            set: best.set.clone(),
            coins: best.coins.clone(),
            queue: best.queue.clone(),
            feed: best.feed.clone(),
            latency: best.latency.clone(),
            fee: best.fee.clone(),
            net_usd: best.net_usd,
            is_above_zero: best.low() > 0.0,
            sets_tried,
            deflated_sharpe,
            deflated_sharpe_note,
            overfit_probability,
            overfit_note,
        })
    }
}

fn told(found: Result<f64, String>) -> (Option<f64>, Option<String>) {
    match found {
        Ok(value) => (Some(value), None),
        Err(why) => (None, Some(why)),
    }
}

fn deflated(best: &Row, rows: &[&Row], sets_tried: usize) -> Result<f64, String> {
    enough(&best.daily)?;
    if rows.len() < 2 {
        return Err("one set was tried: nothing was chosen".to_owned());
    }
    let alike = || "all days are alike: there is no risk to compare with".to_owned();
    let of = |row: &&Row| Shape::of(&row.daily).map(|shape| shape.sharpe);
    let tried: Vec<f64> = rows.iter().filter_map(of).collect();
    let shape = Shape::of(&best.daily).ok_or_else(alike)?;
    Ok(cut(shape.deflated(sets_tried, variance(&tried))))
}

fn overfit(rows: &[&Row]) -> Result<f64, String> {
    if rows.len() < 2 {
        return Err("one set was tried: nothing was chosen".to_owned());
    }
    let found = probability(&alike(rows), BLOCKS).map(cut);
    found.ok_or_else(|| format!("{BLOCKS} blocks of time need two samples each"))
}

/// What each earned between samples, over the samples that all have.
fn alike(rows: &[&Row]) -> Vec<Vec<f64>> {
    let shortest = rows.iter().map(|row| row.earned.len()).min().unwrap_or(0);
    rows.iter().map(|row| row.earned[..shortest].to_vec()).collect()
}

/// Chosen on each part, judged on the next; `parts` of each scenario.
pub(super) fn forward(rows: &[Row], judged: usize) -> Vec<Forward> {
    if judged == 0 {
        return Vec::new();
    }
    let parts = judged + 1;
    let all = scenarios(rows).into_values().filter(|rows| rows.len() > 1);
    all.flat_map(|rows| (0..judged).map(move |part| walk(&rows, part, parts)).collect::<Vec<_>>())
        .collect()
}

fn walk(rows: &[&Row], part: usize, parts: usize) -> Forward {
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
    let chosen = best_on(part);
    let row = rows[chosen];
    Forward {
        part,
        parts,
        set: row.set.clone(),
        coins: row.coins.clone(),
        queue: row.queue.clone(),
        feed: row.feed.clone(),
        latency: row.latency.clone(),
        fee: row.fee.clone(),
        chosen_usd: cut(earned(chosen, part)),
        judged_usd: cut(earned(chosen, part + 1)),
        best_there_usd: cut(earned(best_on(part + 1), part + 1)),
    }
}
