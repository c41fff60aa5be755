//! A backtest's folder: the plan, its tasks, and what came of each.
//!
//! | file | what |
//! |---|---|
//! | `plan.json` | program, recordings, and how they are read |
//! | `config.toml` | the configuration, resolved |
//! | `tasks.jsonl` | a task a line; its number is its line, from 0 |
//! | `tasks/ID.json` | what a task came to, with the hash of it |
//! | `results.json`, `results.parquet` | the reduction |

use super::outcome::Outcome;
use super::plan::{Plan, binary_sha256};
use super::task::Task;
use crate::exit::AppError;
use crate::files::{Readers, make_folder, read_text, remove_leftovers, write_whole};
use crate::masked::{masked, masked_path};
use crate::settings::Draft;
use crate::sha256;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The rows of the reduction as a table.
pub(super) const PARQUET: &str = "results.parquet";
const PLAN: &str = "plan.json";
/// The configuration.
pub(super) const CONFIG: &str = "config.toml";
const TASKS: &str = "tasks.jsonl";
const OUTCOMES: &str = "tasks";
/// No file of a plan is larger.
const MAX_BYTES: u64 = 1 << 30;

/// A job, planned.
pub(super) struct Planned {
    /// What holds for all tasks.
    pub plan: Plan,
    /// Every replay.
    pub tasks: Vec<Task>,
    /// The configuration, resolved.
    pub config: String,
}

/// See the module.
pub struct Folder {
    /// Where it is.
    pub dir: PathBuf,
    pub(super) plan: Plan,
    pub(super) tasks: Vec<Task>,
}

impl Folder {
    /// Writes a plan into a folder, or finds it there. Whether it is new.
    ///
    /// # Errors
    /// It holds another plan, or cannot be written.
    pub(super) fn create(dir: &Path, planned: Planned) -> Result<(Self, bool), AppError> {
        let Planned { plan, tasks, config } = planned;
        if dir.join(TASKS).exists() {
            let there = Self::open(dir)?;
            if there.plan.tasks_sha256 != plan.tasks_sha256 {
                let problem = "another backtest is planned there";
                let remedy = "name another folder with --out, or go on with it: --resume";
                return Err(AppError::data(masked_path(dir), problem, remedy));
            }
            return Ok((there, false));
        }
        make_folder(&dir.join(OUTCOMES), Readers::All)?;
        let json = serde_json::to_string_pretty(&plan)
            .map_err(|e| AppError::io(PLAN, "make")(e.into()))?;
        let put =
            |name: &str, text: &str| write_whole(&dir.join(name), text.as_bytes(), Readers::All);
        put(PLAN, &(json + "\n"))?;
        put(CONFIG, &masked(&config))?;
        put(TASKS, &lines(&tasks))?; // The last: where it is, all of them are.
        Ok((Self { dir: dir.to_owned(), plan, tasks }, true))
    }

    /// A folder that was planned, by this very program.
    ///
    /// # Errors
    /// Nothing is planned there, what is there is not whole, or another program planned it.
    pub fn open(dir: &Path) -> Result<Self, AppError> {
        let torn = |name: &str, why: &str| {
            let remedy = "plan again, into another folder";
            AppError::data(
                masked_path(&dir.join(name)),
                format!("not a plan of ours ({why})"),
                remedy,
            )
        };
        let text = |name: &str| {
            read_text(&dir.join(name), MAX_BYTES).map_err(|e| match e.kind() {
                ErrorKind::NotFound => AppError::data(
                    masked_path(dir),
                    format!("nothing is planned there (no {name})"),
                    "botmm sweep plan PATHS --out DIR does",
                ),
                _ => AppError::io(dir.join(name), "read")(e).or_again(),
            })
        };
        let tasks = text(TASKS)?;
        let plan: Plan =
            serde_json::from_str(&text(PLAN)?).map_err(|e| torn(PLAN, &e.to_string()))?;
        if sha256::of(tasks.as_bytes()) != plan.tasks_sha256 {
            return Err(torn(TASKS, "it is not the one that was planned"));
        }
        let read = tasks.lines().map(serde_json::from_str);
        let tasks = read.collect::<Result<_, _>>().map_err(|e| torn(TASKS, &e.to_string()))?;
        if plan.binary_sha256 != binary_sha256()? {
            let problem = format!("planned by another build of botmm (version {})", plan.botmm);
            let remedy = "use that one, or plan again into another folder";
            return Err(AppError::data(masked_path(dir), problem, remedy));
        }
        Ok(Self { dir: dir.to_owned(), plan, tasks })
    }

    /// The configuration of the plan.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn draft(&self) -> Result<Draft, AppError> {
        Ok(Draft::load(Some(&self.dir.join(CONFIG)), &|_| None)?)
    }

    /// What came of a task; [`None`] = nothing yet.
    ///
    /// # Errors
    /// In words: what lies there is not its outcome.
    pub(super) fn outcome(&self, task: &Task) -> Result<Option<Outcome>, String> {
        let path = self.path(task);
        let unusable = |why: String| {
            format!("{}: {why}; this result is not used, and is made again", path.display())
        };
        match read_text(&path, MAX_BYTES) {
            Ok(text) => Outcome::read(&text, &task.id).map(Some).map_err(unusable),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unusable(e.to_string())),
        }
    }

    /// Keeps what came of a task, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn put(&self, outcome: &Outcome) -> Result<(), AppError> {
        let path = self.path(&outcome.task);
        let bytes = outcome.to_bytes().map_err(|e| AppError::io(&path, "make")(e.into()))?;
        write_whole(&path, &bytes, Readers::All)
    }

    /// Removes what killed workers left. All tasks have their outcomes by now.
    pub(super) fn clean(&self) {
        remove_leftovers(&self.dir.join(OUTCOMES), "");
    }

    /// Keeps a file of the reduction.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep(&self, name: &str, content: &[u8]) -> Result<(), AppError> {
        write_whole(&self.dir.join(name), content, Readers::All)
    }

    fn path(&self, task: &Task) -> PathBuf {
        self.dir.join(OUTCOMES).join(format!("{}.json", task.id))
    }
}

/// `tasks.jsonl`.
pub(super) fn lines(tasks: &[Task]) -> String {
    let line = |task: &Task| serde_json::to_string(task).unwrap_or_default() + "\n"; // Text and numbers.
    tasks.iter().map(line).collect()
}
