//! A run's folder as a page: made of its journal and its summary, and of nothing else.

mod fills;
mod market;
pub(super) mod money;
mod read;
pub(super) mod rest;
pub(super) mod summary;
#[cfg(test)]
mod tests;
pub(super) mod words;

use super::model::Page;
use crate::exit::AppError;
use crate::files;
use crate::journal::SUMMARY;
use crate::journal::segments::{LIVE, segments};
use crate::masked::masked;
use crate::sha256;
use crate::when::utc_s;
use money::Result as Came;
use read::Told;
use std::path::Path;
use summary::Kept;

/// No summary is larger.
const MAX_SUMMARY_BYTES: u64 = 64 << 20;

/// Whether a folder holds a run's journal.
pub fn is_one(folder: &Path) -> bool {
    folder.join(LIVE).exists()
}

/// The page of a run's folder.
///
/// # Errors
/// There is no journal, or a file cannot be read, or the summary is none.
pub fn page(folder: &Path) -> Result<Page, AppError> {
    let told = read::read(folder)?;
    let kept = kept(&folder.join(SUMMARY))?;
    let own = hashes(folder, kept.is_some())?;
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy());
    let (told, kept, name) = (&told, kept.as_ref(), &*masked(&name));
    let steps = money::over_time(told);
    let came = Came::of(told, &steps, kept);
    let figures = [
        money::at_the_end(told, &came, kept),
        money::equity(&steps),
        market::price(told),
        market::inventory(told),
        money::drawdown(&steps, kept),
        fills::markouts(told),
        fills::groups(told),
        market::reasons(told),
        rest::latency(told, kept),
        rest::queue_band(kept),
    ];
    let ends = [rest::assumptions(told, kept), rest::data(kept, &own)];
    Ok(Page {
        title: title(told, name),
        subtitle: subtitle(told),
        verdict: came.verdict(),
        is_loss: came.split.net.is_negative(),
        sentences: if came.fills == 0 { Vec::new() } else { came.sentences(&steps, kept) },
        causes: came.causes(kept),
        warnings: warnings(told, &came, kept),
        figures: figures.into_iter().chain(rest::alerts(told)).chain(ends).collect(),
        commands: rest::commands(folder, name, told, kept),
    })
}

/// The summary; [`None`] = the run goes on, or was killed.
fn kept(path: &Path) -> Result<Option<Kept>, AppError> {
    let text =
        files::read_text_if_any(path, MAX_SUMMARY_BYTES).map_err(AppError::io(path, "read"))?;
    let read = |text: String| serde_json::from_str(&text);
    text.map(read).transpose().map_err(|e| {
        let place = path.display().to_string();
        AppError::data(
            place,
            format!("not a run's summary: {e}"),
            "name the folder of a run, paper or replay",
        )
    })
}

/// The files that a page is made of, and the hash of their bytes.
fn hashes(folder: &Path, has_summary: bool) -> Result<Vec<(String, String)>, AppError> {
    let found = segments(folder).map_err(AppError::io(folder, "read"))?;
    let mut paths: Vec<_> = found.into_iter().map(|segment| segment.path).collect();
    paths.extend(has_summary.then(|| folder.join(SUMMARY)));
    let mut all = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        all.push((name, sha256::of_file(&path).map_err(AppError::io(&path, "read"))?));
    }
    Ok(all)
}

fn title(told: &Told, name: &str) -> String {
    match &told.run {
        Some(run) => format!("{} of {} on {}: {name}", run.kind, run.coins.join(", "), run.network),
        None => format!("run {name}"),
    }
}

fn subtitle(told: &Told) -> String {
    let time = told.span.map_or("no time".to_owned(), |[first, last]| {
        format!("{} to {}", utc_s(first), utc_s(last))
    });
    let money = match &told.run {
        Some(run) if run.is_real_money => "real money",
        _ => "no real money",
    };
    format!("{time}, {money}")
}

fn warnings(told: &Told, came: &Came, kept: Option<&Kept>) -> Vec<String> {
    let mut all: Vec<String> = kept.map_or_else(Vec::new, |kept| kept.warnings.clone());
    match kept {
        None => all.push(
            "There is no summary: the run goes on, or was killed. All numbers are the journal's, as far as it goes."
                .to_owned(),
        ),
        Some(kept) => {
            all.extend(money::differences(came, kept));
            if let Some(residual) = kept.equity_residual_usd.filter(|r| !r.0.is_zero()) {
                all.push(format!("Our account and the venue's differ by {} USD.", residual.0));
            }
        }
    }
    if told.lost > 0 {
        all.push(format!(
            "{} lines of the journal could not be written and are missing here.",
            told.lost
        ));
    }
    if told.first_segment > 1 {
        all.push(format!(
            "The journal begins with its segment {}: those before were removed.",
            told.first_segment
        ));
    }
    if let Some(problem) = &told.problem {
        let (count, problem) = (told.passed_over, masked(problem));
        all.push(format!("{count} lines of the journal are passed over: {problem}"));
    }
    all.extend(
        told.end.iter().flat_map(|end| &end.halted).map(|why| format!("Halted at the end: {why}.")),
    );
    all
}
