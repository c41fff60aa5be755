//! What a live run keeps of itself, so that it can be repeated decision by decision: what its pipeline was
//! built from, all that came in by both connections and from the side thread, and when each lane looked
//! ([`botmm_pipeline::rt::cycles`]).
//!
//! It is a capture like the recorder's: frames of the market as they came, so that `replay` reads it as a
//! recording, and beside them marks of ours ([`line`]). Nothing in it is secret: what we sent is not kept.

mod built;
mod difference;
mod kept;
mod line;
mod repeat;
mod what_if;
mod writer;

pub use built::{Built, Wired, seed_of_orders, wire};
pub use difference::{Change, Difference};
pub use kept::Kept;
pub use line::Line;
pub use repeat::{Problem, Repetition, repeat};
pub use what_if::WhatIf;
pub use writer::{Blackbox, Sources};

use crate::data::capture::{DaySegment, Folder, segments};
use std::path::{Path, PathBuf};

/// The folder of a run's own capture, in the run's.
pub const FOLDER: &str = "capture";

/// The capture of a run's folder; a folder without one is taken for a capture itself.
pub fn of_run(folder: &Path) -> PathBuf {
    let inner = folder.join(FOLDER);
    if inner.is_dir() { inner } else { folder.to_owned() }
}

/// Removes captures of earlier runs in a folder of runs, the oldest first, until they have at most so many
/// bytes together. Our own is not there yet; one that is written stays, and what cannot be removed stays too.
pub fn make_room(runs: Option<&Path>, own: &Path, max_bytes: u64) {
    let Some(entries) = runs.and_then(|runs| std::fs::read_dir(runs).ok()) else { return };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|run| run.path().join(FOLDER))
        .filter(|capture| capture != own)
        .filter_map(|capture| {
            let files = segments(&capture).ok()?;
            let of = |segment: &DaySegment| segment.path.metadata().map_or(0, |file| file.len());
            let bytes: u64 = files.iter().map(of).sum();
            let begun = files.first()?;
            Some((begun.day.clone(), begun.name.clone(), bytes, capture))
        })
        .collect();
    found.sort();
    let mut all: u64 = found.iter().map(|(_, _, bytes, _)| bytes).sum();
    for (_, _, bytes, capture) in found {
        if all <= max_bytes {
            return;
        }
        // Whoever holds it writes it.
        let Ok(held) = Folder::take(&capture) else { continue };
        if std::fs::remove_dir_all(&capture).is_ok() {
            all -= bytes;
        }
        drop(held);
    }
}
