//! The journal: one JSON object a line, in `DIR/journal.jsonl` and the whole segments before it
//! ([`segments`]), readable while it grows.
//!
//! Decisions are written when they differ from the asset's last one (same orders and reasons, a
//! new time, would only fill the disk); actions, fills, mids at them, markouts, funding, rejects, state
//! changes, days and alerts always; the account after each fill, when a position was found, and at most once a minute without either; the risk state
//! when a break begins or ends, and an asset's when it changes. A decision carries the terms of its
//! prices, from which `explain` adds them up again.

pub mod day;
mod encoder;
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
mod writer;
#[cfg(test)]
mod writer_tests;

pub use encoder::Encoder;
pub use packer::Bounds;
pub use writer::Journal;

use crate::exit::AppError;
use crate::files::{Readers, make_folder};
use crate::when::utc_s;
use botmm_pipeline::types::{BreakEnd, Nanos};
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Where runs keep their folders, unless `--out` names one.
pub const RUNS: &str = "runs";
/// What a run came to is kept in its folder under this name, once it is over.
pub const SUMMARY: &str = "summary.json";

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
