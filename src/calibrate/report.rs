//! What the orders of all runs came to, model by model, and whether that calibrates one.

use super::fit::{Fit, Likelihoods};
use super::judge::{Judged, base_rate, judge};
use super::odds::{Chance, chances};
use super::story::Story;
use crate::calibrated::Against;
use crate::when::utc;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::sim::queue::QueueModel;
use serde::Serialize;
use std::collections::BTreeMap;

/// Of fewer orders that had a chance nothing is called calibrated.
const MIN_ORDERS: usize = 100;
/// Nor of fewer chances that reached us, or that did not.
const MIN_OF_EACH: usize = 20;
/// What is judged beside the fitted one.
const MODELS: [QueueModel; 7] = [
    QueueModel::RiskAverse,
    QueueModel::ProbPower(1.0),
    QueueModel::ProbPower(QueueModel::DEFAULT_POWER),
    QueueModel::ProbPower2(QueueModel::DEFAULT_POWER),
    QueueModel::ProbPower3(QueueModel::DEFAULT_POWER),
    QueueModel::ProbLog,
    QueueModel::ProbLog2,
];

/// A run whose orders count.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// Its folder.
    pub run: String,
    /// Which botmm it was.
    pub botmm: String,
    /// Orders that rested.
    pub orders: usize,
    /// How often its record does not say what became of orders.
    pub gaps: usize,
    /// Damage of its capture, in words.
    pub damage: Vec<String>,
}

/// What all came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whose queues the orders stood in.
    pub against: Against,
    /// Where the orders are from.
    pub runs: Vec<Source>,
    /// From the first order's time to the last one's end.
    pub span: [String; 2],
    /// Orders by what became of them.
    pub ends: BTreeMap<&'static str, usize>,
    /// Orders that had a chance.
    pub orders: usize,
    /// Their chances.
    pub chances: usize,
    /// Chances that reached us.
    pub reached: usize,
    /// The Brier score of always saying how many were reached.
    pub base_brier: f64,
    /// Each model, and the fitted one, each half of the orders by the exponent of the other half.
    pub models: Vec<Judged>,
    /// The exponent of `prob_power`; [`None`] = no order had a chance.
    pub n: Option<f64>,
    /// Its interval.
    pub n_95: Option<[f64; 2]>,
    /// Why this calibrates nothing; [`None`] = it does.
    pub why_not: Option<String>,
    /// Of all samples.
    pub samples_sha256: String,
    /// Of draws and resamples.
    pub seed: u64,
}

/// The seed of an order's draws.
fn own_seed(seed: u64, order: usize) -> u64 {
    seed.wrapping_add((order as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Judges every model by all orders, and fits one.
pub fn report(
    against: Against,
    runs: Vec<Source>,
    stories: &[Story],
    (samples_sha256, seed): (String, u64),
) -> Report {
    let numbered: Vec<(usize, &Story)> = stories.iter().enumerate().collect();
    let said = |model: &dyn Fn(usize) -> QueueModel, of: &[(usize, &Story)]| -> Vec<Vec<Chance>> {
        let one = |(at, (order, story)): (usize, &(usize, &Story))| {
            chances(story, model(at), own_seed(seed, *order))
        };
        of.iter().enumerate().map(one).collect()
    };
    let plain = said(&|_| MODELS[0], &numbered);
    let chosen: Vec<(usize, &Story)> =
        numbered.into_iter().filter(|(order, _)| !plain[*order].is_empty()).collect();
    let mut models: Vec<Judged> = MODELS
        .iter()
        .filter_map(|model| judge(model.to_string(), &said(&|_| *model, &chosen)))
        .collect();
    let likelihoods =
        Likelihoods::of(chosen.iter().map(|(order, story)| (*story, own_seed(seed, *order))));
    let fit = likelihoods.fit(seed);
    // Odd orders by the exponent of the even ones, and the other way round: coins and times are in both.
    let halves = [0, 1].map(|half| likelihoods.best((half..chosen.len()).step_by(2)));
    if let [Some(even), Some(odd)] = halves {
        let by_the_other =
            |at: usize| QueueModel::ProbPower(if at.is_multiple_of(2) { odd } else { even });
        models.extend(judge("fitted".to_owned(), &said(&by_the_other, &chosen)));
    }
    let plain: Vec<Vec<Chance>> = plain.into_iter().filter(|order| !order.is_empty()).collect();
    let (base, all) = (base_rate(&plain), plain.iter().map(Vec::len).sum::<usize>());
    let reached = plain.iter().flatten().filter(|chance| chance.is_hit).count();
    let mut ends: BTreeMap<&'static str, usize> = BTreeMap::new();
    for story in stories {
        *ends.entry(story.end.as_str()).or_default() += 1;
    }
    let times = stories.iter().flat_map(|story| [story.joined, story.until]);
    Report {
        against,
        runs,
        span: [times.clone().min(), times.max()].map(|at| utc(at.unwrap_or(Nanos::ZERO))),
        ends,
        orders: plain.len(),
        chances: all,
        reached,
        base_brier: base * (1.0 - base),
        models,
        n: fit.map(|fit| fit.n),
        n_95: fit.map(|fit| fit.n_95),
        why_not: why_not(plain.len(), [reached, all - reached], fit),
        samples_sha256,
        seed,
    }
}

/// Why so many orders calibrate nothing.
fn why_not(orders: usize, [reached, missed]: [usize; 2], fit: Option<Fit>) -> Option<String> {
    if orders < MIN_ORDERS {
        return Some(format!(
            "too few: {orders} orders had a chance, and {MIN_ORDERS} are asked for"
        ));
    }
    if reached < MIN_OF_EACH || missed < MIN_OF_EACH {
        return Some(format!(
            "too few of a kind: {reached} chances reached an order and {missed} did not, and {MIN_OF_EACH} of \
             each are asked for"
        ));
    }
    let Some(fit) = fit.filter(Fit::tells) else {
        let why = "the orders tell no exponent from another: hardly a cancel was seen before them";
        return Some(why.to_owned());
    };
    fit.is_at_an_end().then(|| {
        format!(
            "{} is at an end of the exponents that are tried: prob_power does not describe these queues",
            fit.n
        )
    })
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
