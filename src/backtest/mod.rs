//! Backtests: a recording through the live stages again and again, for each set of parameters and each assumption.
//!
//! A **plan** is what a job comes to: its **tasks**, one replay each, named by the hash of all that decides their
//! results. A task's **outcome** is a file of its own in the job's folder, there whole or not at all, so that any
//! number of processes may work on a folder, and what is there is never made again. What all of them come to, the
//! **reduction**, depends on the outcomes alone: not on who made them, in which order, or how often it was stopped.
//! `botmm backtest` is all three in one process; `botmm sweep` is each by itself (docs/backtest.md).

pub mod axes;
mod daily;
mod days;
mod folder;
mod grid;
mod guards;
pub mod job;
mod next;
mod outcome;
mod plan;
mod reduction;
mod replaying;
mod row;
mod table;
mod task;
mod workers;

pub use folder::Folder;
pub use job::Job;

use crate::exit::{AppError, Exit};
use crate::masked::masked;
use crate::report::backtest::{RESULTS, Results};
use crate::sha256;
use crate::stop::Stop;
use crate::terminal::{self, Progress};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where backtests go that nobody named a folder for.
const HOME: &str = "backtests";

/// A backtest in one process.
pub struct Request {
    /// What is to be done; [`None`] = what lies planned in the folder.
    pub job: Option<Job>,
    /// Where plan and results go.
    pub out: Option<PathBuf>,
    /// Replays at once.
    pub jobs: usize,
    /// Print JSON, and nothing else.
    pub json: bool,
}

/// Plans, works and reduces.
///
/// # Errors
/// The job will not do, a recording is not usable, or it was stopped; what is done is kept.
pub fn run(request: Request) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let folder = match request.job {
        Some(job) => plan_into(&job, request.out, request.json)?.0,
        None => match request.out {
            Some(out) => Folder::open(&out)?,
            None => return Err(AppError::Usage("--resume needs --out DIR".to_owned())),
        },
    };
    work(&folder, None, request.jobs, &stop, request.json)?;
    reduce(&folder, false, request.json)
}

/// Writes the plan of a job, and says what to do with it.
///
/// # Errors
/// The job will not do, or the folder cannot be written or holds another.
pub fn plan(job: &Job, out: &Path) -> Result<(), AppError> {
    let (folder, is_new) = plan_into(job, Some(out.to_owned()), false)?;
    told(&folder, is_new)
}

/// Plans the rung after the one that is done in a folder.
///
/// # Errors
/// It is not done, or it was the last one.
pub fn plan_next(before: &Path, out: &Path) -> Result<(), AppError> {
    let before = Folder::open(before)?;
    let planned = next::plan(&before, &results(&before, false)?)?;
    let (folder, is_new) = Folder::create(out, planned).map_err(AppError::or_again)?;
    told(&folder, is_new)
}

/// What stands in a folder, for a person.
fn told(folder: &Folder, is_new: bool) -> Result<(), AppError> {
    let (tasks, dir) = (folder.tasks.len(), folder.dir.display().to_string());
    let dir = masked(&dir);
    let already = if is_new { "" } else { " (already planned)" };
    let text = format!(
        "{tasks} tasks{already}, plan {}\n\
         run each:    botmm sweep run {dir} --task N     N = 0 to {}\n\
         then:        botmm sweep reduce {dir}\n",
        folder.plan.tasks_sha256,
        tasks - 1
    );
    terminal::print(&text)
}

/// Does one task, or finds it done.
///
/// # Errors
/// There is no such task, or it cannot be done; with [`Exit::Again`] it may be elsewhere or later.
pub fn run_task(dir: &Path, number: usize) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let folder = Folder::open(dir)?;
    if number >= folder.tasks.len() {
        let most = folder.tasks.len() - 1;
        return Err(AppError::Usage(format!("there is no task {number}: they are 0 to {most}")));
    }
    work(&folder, Some(number), 1, &stop, true)
}

/// Prints and keeps what all outcomes of a folder come to; `is_partial` = those that are there.
///
/// # Errors
/// An outcome is missing or not sound ([`Exit::Failed`]), or the results cannot be written.
pub fn reduce_folder(dir: &Path, is_partial: bool, json: bool) -> Result<(), AppError> {
    reduce(&Folder::open(dir)?, is_partial, json)
}

fn plan_into(job: &Job, out: Option<PathBuf>, quiet: bool) -> Result<(Folder, bool), AppError> {
    let bar = Progress::new(quiet, "reading");
    let planned = job.plan(&|done, of| bar.tell(done, of))?;
    drop(bar);
    let named = || Path::new(HOME).join(&planned.plan.tasks_sha256[..12]);
    let out = out.unwrap_or_else(named);
    Folder::create(&out, planned).map_err(AppError::or_again)
}

fn work(
    folder: &Folder,
    only: Option<usize>,
    jobs: usize,
    stop: &Arc<Stop>,
    quiet: bool,
) -> Result<(), AppError> {
    let bar = Progress::new(quiet, "replaying");
    let worked = workers::work(folder, only, jobs, stop.flag(), &|done, of| bar.tell(done, of));
    drop(bar);
    let dir = folder.dir.display();
    let (done, of) = (worked.done, worked.of);
    if let Some(error) = crate::bot::session::end_with(worked.errors).err() {
        terminal::complain(format_args!("{done} of {of} tasks are done and kept in {dir}"));
        return Err(error);
    }
    if done < of {
        let why = format!(
            "stopped: {done} of {of} tasks are done and kept; botmm backtest --resume --out {dir} goes on"
        );
        return Err(AppError::of(Exit::Again, why));
    }
    Ok(())
}

/// What all outcomes come to; `is_partial` = those that are there.
fn results(folder: &Folder, is_partial: bool) -> Result<Results, AppError> {
    let (mut rows, mut missing, mut replays) = (Vec::new(), Vec::new(), 0);
    // A row at a time: all outcomes together need not fit in memory.
    for tasks in reduction::groups(&folder.tasks).into_values() {
        let mut outcomes = Vec::new();
        for (number, task) in tasks {
            match folder.outcome(task) {
                Ok(Some(outcome)) => outcomes.push(outcome),
                Ok(None) => missing.push(number),
                Err(why) => {
                    terminal::complain(why);
                    missing.push(number);
                }
            }
        }
        replays += outcomes.len();
        rows.extend(row::of(outcomes, folder.plan.sample_every));
    }
    missing.sort_unstable();
    if let Some(first) = missing.first() {
        let (count, of, dir) = (missing.len(), folder.tasks.len(), folder.dir.display());
        let why = format!("{dir}: {count} of {of} tasks have no result, the first of them {first}");
        if !is_partial || rows.is_empty() {
            return Err(AppError::Failed(format!("{why}; run them, then reduce")));
        }
        terminal::complain(format_args!("{why}; what follows is made of the others"));
    }
    Ok(reduction::of(&folder.plan, rows, [replays, missing.len()]))
}

fn reduce(folder: &Folder, is_partial: bool, json: bool) -> Result<(), AppError> {
    let results = results(folder, is_partial)?;
    if !is_partial {
        folder.clean();
    }
    let text = results.to_json().map_err(|e| AppError::io("results", "write")(e.into()))?;
    let hash = sha256::of(text.as_bytes());
    folder.keep(RESULTS, text.as_bytes()).map_err(AppError::or_again)?;
    let rows = row::parquet(&results.rows);
    let rows = rows.map_err(|e| AppError::io(folder::PARQUET, "make")(std::io::Error::other(e)))?;
    folder.keep(folder::PARQUET, &rows).map_err(AppError::or_again)?;
    match json {
        true => terminal::print(&text),
        false => {
            let kept = folder.dir.join(RESULTS).display().to_string();
            let end = format!("\n{}\nresults.json sha256 {hash}\n", masked(&kept));
            terminal::print(&(table::text(&results) + &end))
        }
    }
}
