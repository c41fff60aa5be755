//! The recordings of a job: each path a day (or whatever it holds), but for a capture, which has a folder a UTC day; all
//! looked at before anything is replayed.

use crate::bot::replay::{self, Reading, exact};
use crate::data::Loaded;
use crate::exit::{AppError, Exit};
use crate::masked::{masked, masked_path};
use crate::settings::{Draft, Settings};
use crate::when::utc_s;
use botmm_pipeline::types::Nanos;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Nothing for so long between two days is told.
const GAP: Nanos = Nanos::secs(600);
/// What a capture keeps beside the segments of a day.
const MANIFEST: &str = "manifest.json";

/// One path of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Day {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name, for people.
    pub name: String,
    /// The first moment at which something was received.
    pub from: Nanos,
    /// The last one.
    pub to: Nanos,
    /// What it is made of.
    pub files: Vec<DayFile>,
    /// Every coin that is traded has its single orders there.
    pub has_orders: bool,
}

/// One file of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct DayFile {
    /// Its name.
    pub name: String,
    /// Of its bytes on the disk.
    pub sha256: String,
    /// The one coin that it is of; [`None`] = any.
    pub coin: Option<String>,
}

impl Day {
    /// The hashes of what holds these coins.
    pub fn hashes(&self, coins: &[String]) -> impl Iterator<Item = String> {
        let is_of = |file: &&DayFile| file.coin.as_ref().is_none_or(|coin| coins.contains(coin));
        self.files.iter().filter(is_of).map(|file| file.sha256.clone())
    }
}

/// Looks at each path: days in order of time, and the settings with their coins.
///
/// # Errors
/// One is not usable, two overlap, or one lacks a coin that another has.
pub(super) fn look(
    paths: &[PathBuf],
    draft: &Draft,
    how: Reading,
    progress: &dyn Fn(u64, u64),
) -> Result<(Settings, Vec<Day>), AppError> {
    let (mut first, mut days): (Option<Settings>, Vec<Day>) = (None, Vec::new());
    let paths: Vec<PathBuf> = paths.iter().flat_map(|path| split(path)).collect();
    for path in &paths {
        let one = std::slice::from_ref(path);
        let read = replay::read(one, draft.clone(), how, progress);
        let (settings, loaded) = read.map_err(|e| of_day(path, e))?;
        days.push(day(path, &loaded)?);
        match &first {
            None => first = Some(settings),
            Some(first) if first.symbols == settings.symbols => {}
            Some(first) => {
                let (has, other) = (settings.symbols.join(", "), first.symbols.join(", "));
                let remedy = "name with --symbols what all of them have";
                let problem = format!("it has {has}, and {} has {other}", paths[0].display());
                return Err(AppError::data(masked_path(path), problem, remedy));
            }
        }
    }
    let Some(settings) = first else {
        return Err(AppError::Usage("which recordings? name files or folders".to_owned()));
    };
    days.sort_by_key(|day| (day.from, day.to));
    let overlap = days.windows(2).find(|pair| pair[1].from <= pair[0].to);
    if let Some([a, b]) = overlap {
        let problem = format!("overlaps {}, which ends at {}", masked_path(&a.path), utc_s(a.to));
        let place = format!("{}, from {}", masked_path(&b.path), utc_s(b.from));
        return Err(AppError::data(place, problem, "leave one of them out"));
    }
    Ok((settings, days))
}

/// The days of a capture, each a folder with a manifest that is called as its date; of anything else itself.
fn split(path: &Path) -> Vec<PathBuf> {
    let is_date = |name: &str| {
        name.len() == 10
            && name.bytes().enumerate().all(|(i, b)| match i {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            })
    };
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut days: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_date))
        .map(|entry| entry.path())
        .filter(|day| day.join(MANIFEST).is_file())
        .collect();
    days.sort();
    if days.is_empty() { vec![path.to_owned()] } else { days }
}

/// Where nothing was recorded between two days, in words.
pub(super) fn gaps(days: &[Day]) -> Vec<String> {
    let gap = |pair: &[Day]| {
        let (end, begin) = (pair[0].to, pair[1].from);
        let is_gap = begin - end > GAP;
        is_gap.then(|| format!("nothing from {} to {}", utc_s(end), utc_s(begin)))
    };
    days.windows(2).filter_map(gap).collect()
}

fn day(path: &Path, loaded: &Loaded) -> Result<Day, AppError> {
    let Some((from, to)) = loaded.tape.span() else {
        return Err(AppError::data(masked_path(path), "no usable event", "name another recording"));
    };
    let file = |f: &crate::data::FileReport| DayFile {
        name: masked(&f.name).into_owned(),
        sha256: f.sha256.clone(),
        coin: f.coin.clone(),
    };
    let path = path.canonicalize().map_err(AppError::io(path, "find"))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = masked(&name).into_owned();
    let files = loaded.report.files.iter().map(file).collect();
    let has_orders = exact::of(loaded.orders.as_ref(), &loaded.universe).is_ok();
    Ok(Day { name, path, from, to, files, has_orders })
}

/// An error that says of which day it is.
fn of_day(path: &Path, error: AppError) -> AppError {
    let (said, place) = (error.to_string(), path.display().to_string());
    match said.contains(&place) || error.exit() != Exit::Data {
        true => error,
        false => AppError::of(Exit::Data, format!("{place}: {said}")),
    }
}
