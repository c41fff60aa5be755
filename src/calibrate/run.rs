//! `botmm calibrate`: gathers the orders of runs, judges every queue model by them, and fits one.

use super::orders;
use super::report::{Report, Source, report};
use super::story::{End, Step, Story, stories};
use super::told;
use crate::bot::blackbox;
use crate::calibrated::{Against, Calibration};
use crate::exit::AppError;
use crate::files::{self, Readers};
use crate::journal::SUMMARY;
use crate::journal::find::run_folders;
use crate::journal::line::{Line, Run};
use crate::journal::reader::Lines;
use crate::journal::segments::{LIVE, Reading};
use crate::masked::masked;
use crate::net::Endpoint;
use crate::sha256;
use crate::terminal::{self, Progress};
use crate::when::utc;
use botmm_pipeline::types::{Nanos, Side};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// No summary is larger.
const MAX_SUMMARY_BYTES: u64 = 64 << 20;
/// What is asked for.
pub struct Request {
    /// Runs, or folders of runs.
    pub runs: Vec<PathBuf>,
    /// Where the calibration goes.
    pub out: Option<PathBuf>,
    /// Where all samples go, as CSV.
    pub table: Option<PathBuf>,
    /// Of draws and resamples.
    pub seed: u64,
    /// Print JSON.
    pub json: bool,
}

/// Gathers, judges, writes and tells.
///
/// # Errors
/// No run is usable, runs are of several venues, there are too few orders for the file that is asked for, or a file
/// cannot be written.
pub fn run(request: &Request) -> Result<(), AppError> {
    let (against, sources, stories) = gather(request)?;
    let table = csv(&stories);
    if let Some(path) = &request.table {
        files::write_whole(path, table.as_bytes(), Readers::All)?;
    }
    let samples_sha256 = sha256::of(table.as_bytes());
    let report = report(against, sources, &stories, (samples_sha256, request.seed));
    terminal::print(&masked(&match request.json {
        true => told::json(&report, request.out.as_deref())?,
        false => told::text(&report, request.out.as_deref()),
    }))?;
    match (&request.out, &report.why_not) {
        (None, _) => Ok(()),
        (Some(path), None) => calibration(&report, &stories).write(path),
        (Some(path), Some(why)) => {
            Err(AppError::Failed(format!("{}: not written: {why}", path.display())))
        }
    }
}

/// The stories of all orders of all runs that can be used; one that cannot is told, and left out.
fn gather(request: &Request) -> Result<(Against, Vec<Source>, Vec<Story>), AppError> {
    let mut folders = Vec::new();
    for path in &request.runs {
        folders.extend(runs_of(path)?);
    }
    let (mut all, mut sources, mut first) = (Vec::new(), Vec::new(), None);
    let mut venues: BTreeMap<Against, String> = BTreeMap::new();
    let bar = Progress::new(request.json, "reading runs");
    for (done, folder) in folders.iter().enumerate() {
        bar.tell(done as u64, folders.len() as u64);
        match usable(folder) {
            Ok((against, source, stories)) => {
                venues.entry(against).or_insert_with(|| source.run.clone());
                sources.push(source);
                all.extend(stories);
            }
            Err(e) => {
                if folders.len() > 1 {
                    terminal::complain(format!("left out: {e}"));
                }
                first.get_or_insert(e);
            }
        }
    }
    drop(bar);
    let venues: Vec<_> = venues.into_iter().collect();
    match (&venues[..], first) {
        ([(against, _)], _) => Ok((*against, sources, all)),
        ([], Some(e)) => Err(e),
        ([], None) => Err(AppError::Usage("name at least one run".to_owned())),
        ([(one, run), (other, another), ..], _) => Err(AppError::Usage(format!(
            "{run} is of {}, {another} of {}: their queues differ; name runs of one venue",
            one.as_str(),
            other.as_str()
        ))),
    }
}

/// The runs of a path: a run's folder, or one of these.
fn runs_of(path: &Path) -> Result<Vec<PathBuf>, AppError> {
    if path.join(LIVE).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let found = run_folders(path).map_err(AppError::io(path, "read"))?;
    match found.is_empty() {
        false => Ok(found),
        true => Err(AppError::data(
            path.display().to_string(),
            "no journal here",
            "name a run's folder, or one of such folders",
        )),
    }
}

fn usable(folder: &Path) -> Result<(Against, Source, Vec<Story>), AppError> {
    let against = against(folder)?;
    let told = orders::read(&blackbox::of_run(folder))?;
    let stories = stories(&told.market.tape, &told.market.universe, &told.orders);
    let source = Source {
        run: masked(&folder.display().to_string()).into_owned(),
        botmm: told.built.botmm,
        orders: told.orders.len(),
        gaps: told.gaps,
        damage: told.damage,
    };
    Ok((against, source, stories))
}

/// Whose queues a run's orders stood in.
fn against(folder: &Path) -> Result<Against, AppError> {
    let unusable = |problem: String| {
        let remedy = "name runs that traded on a venue, or paper runs of a synthetic market";
        AppError::data(folder.display().to_string(), problem, remedy)
    };
    let run = first_line(&folder.join(LIVE)).map_err(unusable)?;
    match (run.kind.as_str(), run.network.as_str()) {
        ("run", "mainnet") => Ok(Against::Mainnet),
        ("run", network) if is_testnet(network) => Ok(Against::Testnet),
        // An exchange of ours, wherever it listens.
        ("run", _) => Ok(Against::Simulated),
        ("paper", _) => match market(folder).map_err(unusable)? {
            (market, _) if market == "synthetic" => Ok(Against::Simulated),
            (market, queue) => Err(unusable(format!(
                "its market was {market}: what was filled is what the queue model {queue} said, and a model \
                 cannot be calibrated by itself"
            ))),
        },
        (kind, _) => Err(unusable(format!(
            "a {kind}'s orders stood in no venue's queue: what was filled is what its queue model said, and a \
             model cannot be calibrated by itself"
        ))),
    }
}

/// A journal names other venues than mainnet by their address.
fn is_testnet(network: &str) -> bool {
    Endpoint::parse("testnet").is_ok_and(|testnet| testnet.to_string() == network)
}

/// What a journal says of its run.
fn first_line(journal: &Path) -> Result<Run, String> {
    let reading = Reading::open(journal).map_err(|e| format!("its journal: cannot read: {e}"))?;
    let lines = Lines::of(&reading, 0).map_err(|e| e.to_string())?;
    let no_begin = || "its journal does not begin with what the run was".to_owned();
    let mut lines = lines.ok_or_else(no_begin)?;
    let Some((_, text)) = lines.next_line().map_err(|e| e.to_string())? else {
        return Err(no_begin());
    };
    match text.and_then(Line::read).map_err(|e| format!("its journal, line 1: {e}"))? {
        Some(Line::Run(run)) => Ok(run),
        _ => Err(no_begin()),
    }
}

/// A paper run's market and queue model, by its summary.
fn market(folder: &Path) -> Result<(String, String), String> {
    let path = folder.join(SUMMARY);
    let text = files::read_text_if_any(&path, MAX_SUMMARY_BYTES)
        .map_err(|e| format!("its summary: cannot read: {e}"))?
        .ok_or("it has no summary (it goes on, or was killed), and so does not say what its market was")?;
    let summary: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| format!("its summary is none: {e}"))?;
    let of = |key: &str| summary["assumptions"][key].as_str().unwrap_or("not told").to_owned();
    Ok((of("market"), of("queue")))
}

fn calibration(report: &Report, stories: &[Story]) -> Calibration {
    let fitted = report.models.iter().find(|judged| judged.model == "fitted");
    let last = stories.iter().map(|story| story.until).max().unwrap_or_default();
    Calibration {
        date: utc(last).chars().take(10).collect(),
        orders: report.orders,
        chances: report.chances,
        reached: report.reached,
        brier: fitted.map_or(1.0, |judged| judged.brier),
        base_brier: report.base_brier,
        samples_sha256: report.samples_sha256.clone(),
        seed: report.seed,
        runs: report.runs.iter().map(|source| source.run.clone()).collect(),
        ..Calibration::new(
            report.against,
            report.n.unwrap_or_default(),
            report.n_95.unwrap_or_default(),
        )
    }
}

/// An order a row: when and behind how much it joined, how long it stood, what was traded there, what became of it.
fn csv(stories: &[Story]) -> String {
    let mut text =
        "joined_ns,coin,side,px,qty,ahead,stood_ms,traded,looks,blocks,outcome\n".to_owned();
    for story in stories {
        let side = if story.side == Side::Bid { "buy" } else { "sell" };
        let ahead = story.ahead.map_or(String::new(), |qty| qty.to_string());
        let looks = story.steps.iter().filter(|s| matches!(s, Step::Shown(_))).count();
        let Story { coin, px, qty, joined, until, end, steps, .. } = story;
        let (stood, blocks) = (Nanos::as_millis(*until - *joined), steps.len() - looks);
        // Into a string: it cannot fail.
        let _ = writeln!(
            text,
            "{},{coin},{side},{px},{qty},{ahead},{stood},{},{looks},{blocks},{}",
            joined.0,
            story.traded(),
            End::as_str(*end)
        );
    }
    text
}
