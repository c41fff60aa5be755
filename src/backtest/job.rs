//! From what a person asks for to a plan: every replay that it takes.

use super::axes::Fee;
use super::days::{self, Day};
use super::folder::{Planned, lines};
use super::grid::{self, Set};
use super::plan::{Plan, Rung, binary_sha256};
use super::task::{Task, sample_every};
use crate::bot::replay::Reading;
use crate::exit::AppError;
use crate::settings::{Draft, FeedDelay, LatencyModel, Queue, QueueModel, Settings};
use crate::sha256;
use botmm_pipeline::types::Nanos;
use std::collections::HashSet;
use std::path::PathBuf;

/// More replays are a mistake.
const MAX_TASKS: usize = 1_000_000;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Job {
    /// Recordings, each a day or whatever it holds.
    pub paths: Vec<PathBuf>,
    /// The configuration, flags on top.
    pub draft: Draft,
    /// Each coin by itself.
    pub by_coin: bool,
    /// `[COIN.]KEY=VALUE,VALUE`: every combination is a set of parameters.
    pub params: Vec<String>,
    /// A file of sets, a JSON object a line.
    pub params_file: Option<PathBuf>,
    /// Our place in the queues; empty = a cautious one, a probable one, and the exact one where it is known.
    pub queues: Vec<Queue>,
    /// When events reach us.
    pub feeds: Vec<FeedDelay>,
    /// How long orders take; empty = as configured.
    pub latencies: Vec<LatencyModel>,
    /// What a maker pays.
    pub fees: Vec<Fee>,
    /// Each day begins with nothing held.
    pub flat_days: bool,
    /// Parts on which the best of the part before is judged; 0 = none.
    pub walk_forward: usize,
    /// What funding pays an hour where the recording does not say, units of 1e-10.
    pub funding_rate_e10: i64,
    /// Time between samples of the money; [`None`] = by the span.
    pub sample_every: Option<Nanos>,
    /// Successive halving, one set in so many.
    pub eta: Option<usize>,
    /// Use what is sound of a file of which most is not.
    pub allow_unsound: bool,
    /// Read recordings themselves, and keep nothing of them.
    pub no_tape: bool,
}

impl Job {
    /// Looks at the recordings and lays the job out.
    ///
    /// # Errors
    /// A recording is not usable, days overlap, or a parameter will not do.
    pub(super) fn plan(&self, progress: &dyn Fn(u64, u64)) -> Result<Planned, AppError> {
        let sets = grid::sets(&self.params, self.params_file.as_deref())?;
        let how = Reading { allow_unsound: self.allow_unsound, no_tape: self.no_tape };
        let (settings, mut days) = days::look(&self.paths, &self.draft, how, progress)?;
        let rung = self.eta.map(|eta| {
            let all_days = days.clone();
            days.truncate(1);
            Rung { eta, number: 0, sets_tried: sets.len(), all_days }
        });
        let config = settings.render();
        let mut plan = self.unnamed(days, rung)?;
        let tasks = self.tasks(&settings, &plan, &sets)?;
        plan.tasks_sha256 = sha256::of(lines(&tasks).as_bytes());
        Ok(Planned { plan, tasks, config })
    }

    fn unnamed(&self, days: Vec<Day>, rung: Option<Rung>) -> Result<Plan, AppError> {
        let (first, last) = (days.first(), days.last());
        let span = first.zip(last).map_or(Nanos::ZERO, |(first, last)| last.to - first.from);
        Ok(Plan {
            botmm: env!("CARGO_PKG_VERSION").to_owned(),
            binary_sha256: binary_sha256()?,
            gaps: days::gaps(&days),
            days,
            flat_days: self.flat_days,
            walk_forward: self.walk_forward,
            allow_unsound: self.allow_unsound,
            no_tape: self.no_tape,
            sample_every: self.sample_every.unwrap_or_else(|| sample_every(span)),
            funding_rate_e10: self.funding_rate_e10,
            rung,
            tasks_sha256: String::new(),
        })
    }

    /// Those that share a recording lie beside one another.
    fn tasks(&self, base: &Settings, plan: &Plan, sets: &[Set]) -> Result<Vec<Task>, AppError> {
        let coins = &base.symbols;
        let groups: Vec<Vec<String>> = match self.by_coin {
            true => coins.iter().map(|coin| vec![coin.clone()]).collect(),
            false => vec![coins.clone()],
        };
        let all: Vec<usize> = (0..plan.days.len()).collect();
        let stretches: Vec<Vec<usize>> = match self.flat_days {
            true => all.iter().map(|day| vec![*day]).collect(),
            false => vec![all],
        };
        let (mut tasks, mut seen) = (Vec::new(), HashSet::new());
        for days in &stretches {
            for group in &groups {
                for set in sets {
                    let set = set.of(group, coins);
                    self.of_set((base, plan), (days, group, &set), &mut |task| {
                        if seen.insert(task.id.clone()) {
                            tasks.push(task);
                        }
                    })?;
                    if tasks.len() > MAX_TASKS {
                        return Err(AppError::Usage(format!("more than {MAX_TASKS} replays")));
                    }
                }
            }
        }
        Ok(tasks)
    }

    /// One set on one recording, under every assumption.
    fn of_set(
        &self,
        (base, plan): (&Settings, &Plan),
        (days, coins, set): (&[usize], &[String], &Set),
        take: &mut dyn FnMut(Task),
    ) -> Result<(), AppError> {
        let hashes = days.iter().flat_map(|day| plan.days[*day].hashes(coins));
        let mut data_sha256: Vec<String> = hashes.collect();
        data_sha256.sort();
        let own = [base.sim.latency];
        let latencies = if self.latencies.is_empty() { &own } else { self.latencies.as_slice() };
        for fee in &self.fees {
            let rate = fee.maker(&base.fees, base.sim.maker_fee).map_err(AppError::Usage)?;
            for latency in latencies {
                for queue in self.queues(base, plan, days) {
                    let mut task = Task {
                        id: String::new(),
                        params: set.params.clone(),
                        coins: coins.to_vec(),
                        days: days.to_vec(),
                        queue: name_of(queue),
                        feed: String::new(),
                        latency: latency.to_string(),
                        rules: base.sim.rules.to_string(),
                        fee: fee.to_string(),
                        fee_bps: rate.to_string(),
                        seed: base.seed,
                        config_sha256: String::new(),
                        data_sha256: data_sha256.clone(),
                    };
                    task.config_sha256 = task.settings(base, set.place.as_deref())?.sha256();
                    for feed in &self.feeds {
                        take(Task { feed: feed.to_string(), ..task.clone() }.named(plan));
                    }
                }
            }
        }
        Ok(())
    }

    fn queues(&self, base: &Settings, plan: &Plan, days: &[usize]) -> Vec<Queue> {
        if !self.queues.is_empty() {
            return self.queues.clone();
        }
        let probable = match base.sim.queue {
            QueueModel::RiskAverse => QueueModel::ProbPower(QueueModel::DEFAULT_POWER),
            own => own,
        };
        let is_exact = days.iter().all(|day| plan.days[*day].has_orders);
        let exact = is_exact.then_some(Queue::Exact);
        [QueueModel::RiskAverse, probable].map(Queue::Estimated).into_iter().chain(exact).collect()
    }
}

fn name_of(queue: Queue) -> String {
    match queue {
        Queue::Exact => "exact".to_owned(),
        Queue::Estimated(model) => model.to_string(),
    }
}
