//! How one task is done: its recording opened, and replayed.

use super::days::Day;
use super::outcome::{Outcome, Totals};
use super::plan::Plan;
use super::task::Task;
use crate::bot::replay::engine::{How, Replay, Replayed};
use crate::bot::replay::samples::flow;
use crate::bot::replay::{self, Reading};
use crate::data::Loaded;
use crate::exit::{AppError, Exit};
use crate::settings::{Draft, FeedDelay, Overrides, Queue, Settings};
use std::sync::atomic::{AtomicBool, Ordering};

/// The recording that some tasks share.
pub(super) struct Opened {
    /// What the configuration comes to with it.
    pub settings: Settings,
    /// The events.
    pub loaded: Loaded,
}

impl Opened {
    /// Opens the recording of a task, and holds that it is the one that was planned.
    ///
    /// # Errors
    /// It cannot be read, or is another by now.
    pub fn of(task: &Task, plan: &Plan, draft: &Draft) -> Result<Self, AppError> {
        let days: Vec<&Day> = task.days.iter().map(|i| &plan.days[*i]).collect();
        let paths: Vec<_> = days.iter().map(|day| day.path.clone()).collect();
        let flags = Overrides { symbols: Some(task.coins.join(",")), ..Overrides::default() };
        let how = Reading { allow_unsound: plan.allow_unsound, no_tape: plan.no_tape };
        let (settings, loaded) =
            replay::read(&paths, draft.clone().with(&flags)?, how, &|_, _| {})?;
        let mut hashes: Vec<_> = loaded.report.files.iter().map(|f| f.sha256.clone()).collect();
        hashes.sort();
        if hashes != task.data_sha256 {
            let names: Vec<_> = days.iter().map(|day| day.path.display().to_string()).collect();
            let problem =
                "the recording is not the one that was planned: files changed, came or went";
            return Err(AppError::data(
                names.join(", "),
                problem,
                "plan again, into another folder",
            ));
        }
        Ok(Self { settings, loaded })
    }
}

/// Does a task; [`None`] = it was stopped.
///
/// # Errors
/// The recording is not what was planned, or is damaged.
pub(super) fn replay(
    task: &Task,
    opened: &Opened,
    plan: &Plan,
    stop: &AtomicBool,
    progress: &dyn Fn(u64, u64),
) -> Result<Option<Outcome>, AppError> {
    let mut settings = task.settings(&opened.settings, None)?;
    if settings.sha256() != task.config_sha256 {
        let problem = "the configuration is not the one that was planned";
        return Err(AppError::data("config.toml", problem, "plan again, into another folder"));
    }
    settings.sim.rules.untold_rate_e10 = Some(plan.funding_rate_e10);
    let wrong = AppError::Usage;
    let queue: Queue = task.queue.parse().map_err(wrong)?;
    let feed: FeedDelay = task.feed.parse().map_err(wrong)?;
    let how = How { lean: true, feed, is_exact: queue == Queue::Exact, ..How::default() };
    let replay = Replay { sample_every: Some(plan.sample_every), ..Replay::of(&settings, how) };
    let replayed = replay.run(&opened.loaded, stop, progress)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let Replayed { summary, samples, verdict, .. } = replayed;
    let summary = summary.without_timings();
    let halted = verdict.err().map(|e| e.to_string());
    let totals = Totals::of(&summary, halted, task.days.iter().map(|i| &plan.days[*i]));
    let summary = serde_json::value::to_raw_value(&summary);
    let summary = summary.map_err(|e| AppError::of(Exit::Data, e))?;
    Ok(Some(Outcome { task: task.clone(), totals, samples: flow(&samples), summary }))
}
