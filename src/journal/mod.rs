//! The journal: one JSON object a line, in `DIR/journal.jsonl` and the whole segments before it
//! ([`segments`]), readable while it grows.
//!
//! Decisions are written when they differ from the asset's last one (same orders and reasons, a
//! new time, would only fill the disk); actions, fills, funding, mids at them, markouts, rejects, state changes, days and
//! alerts always; the account after each fill and at most once a minute without one; the risk state
//! when a break begins or ends, and an asset's when it changes. A decision carries the terms of its
//! prices, from which `explain` adds them up again.

pub mod find;
mod growing;
pub mod line;
#[cfg(test)]
mod line_tests;
mod packer;
pub mod reader;
pub mod segments;
#[cfg(test)]
mod tests;
mod told;

pub use packer::Bounds;

use crate::exit::AppError;
use crate::files::{Readers, make_folder};
use crate::when::utc_s;
use botmm_pipeline::types::{BreakEnd, Nanos, Record, Universe};
use growing::Growing;
use line::Line;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use told::Told;

/// Where runs keep their folders, unless `--out` names one.
pub const RUNS: &str = "runs";
/// What a run came to is kept in its folder under this name, once it is over.
pub const SUMMARY: &str = "summary.json";

/// See the module.
pub struct Journal {
    out: Growing,
    told: Told,
}

/// A folder name for a run that starts now: `2026-11-22T17-45-10Z`.
fn run_name(time: Nanos) -> String {
    utc_s(time).replace(':', "-")
}

/// Makes a folder for a run that starts now, in `base`: one that no other run has, even one that
/// started in the same second.
pub fn make_run_folder(base: &Path, time: Nanos) -> Result<PathBuf, AppError> {
    make_folder(base, Readers::Group)?;
    let name = run_name(time);
    let mut dir = base.join(&name);
    for n in 2_u32.. {
        match DirBuilder::new().mode(Readers::Group.dir_mode()).create(&dir) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                dir = base.join(format!("{name}-{n}"))
            }
            made => return made.map(|()| dir.clone()).map_err(AppError::io(&dir, "create")),
        }
    }
    Ok(dir)
}

/// Takes a folder of [`make_run_folder`] away again, with the one around it: the run did not begin. What
/// holds anything stays.
pub fn remove_empty_run_folder(dir: &Path) {
    let removed = std::fs::remove_dir(dir).is_ok();
    if let Some(base) = dir.parent().filter(|_| removed) {
        let _ = std::fs::remove_dir(base);
    }
}

impl Journal {
    /// Starts a journal in a folder, which is made when it is not there. A folder that already holds
    /// one is refused: a run's record is never overwritten. Without bounds it is one file, however long.
    pub fn create(
        dir: &Path,
        universe: &Universe,
        bounds: Option<Bounds>,
    ) -> Result<Self, AppError> {
        make_folder(dir, Readers::Group)?;
        Ok(Self { out: Growing::create(dir, bounds)?, told: Told::new(universe) })
    }

    /// Takes in a record. A full disk must not stop trading: [`Journal::flush`] tells of it.
    pub fn write(&mut self, record: &Record) {
        if let Some(line) = self.told.line(record) {
            self.write_line(&line);
        }
    }

    /// Takes in a line that the side thread makes itself.
    pub fn write_line(&mut self, line: &Line) {
        self.out.line(line);
    }

    /// Hands what was written to the system, so that readers see it; what a person must know: that it
    /// cannot be written, or can be again. Each once.
    pub fn flush(&mut self) -> Option<String> {
        self.out.flush()
    }

    /// Ends it; an error when some of it could not be written.
    pub fn finish(self) -> Result<PathBuf, AppError> {
        self.out.finish()
    }
}

/// How a halt ends, in files and journals.
pub const BY_HAND: &str = "by_hand";
/// As [`BY_HAND`].
pub const AT_ROLLOVER: &str = "at_rollover";

/// How a break ends, in files and journals, with a time as `utc` writes it.
pub fn end_word(end: BreakEnd, utc: impl Fn(Nanos) -> String) -> String {
    match end {
        BreakEnd::At(time) => utc(time),
        BreakEnd::Rollover => AT_ROLLOVER.to_owned(),
        BreakEnd::Manual => BY_HAND.to_owned(),
    }
}
