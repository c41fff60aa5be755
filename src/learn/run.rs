//! `botmm train`: gathers labelled orders, learns, writes the model and tells what it is worth.

use super::boost::Unfit;
use super::causal::{self, Leak};
use super::label::{Labels, Left, Order, label};
use super::options::Options;
use super::told;
use super::train::{How, NoModel, judge, train};
use crate::bot::replay::engine::{How as Replaying, Replay};
use crate::bot::replay::{self, Reading};
use crate::exit::{AppError, Exit};
use crate::files::{self, Readers};
use crate::journal::Encoder;
use crate::journal::find::run_folders;
use crate::journal::line::Line;
use crate::journal::reader::Lines;
use crate::journal::segments::{LIVE, Reading as Journal};
use crate::masked::masked;
use crate::predictor::{self, Head, Learned};
use crate::settings::{Draft, FeedDelay};
use crate::sha256;
use crate::stop::Stop;
use crate::terminal::{self, Progress};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::params::FILL_FEATURES;
use botmm_pipeline::types::{Nanos, Side};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// No dump of LightGBM's is longer.
const MAX_DUMP: u64 = 16 << 20;

/// What is asked for.
pub struct Request {
    /// Journals: of runs, or of folders of them.
    pub runs: Vec<PathBuf>,
    /// Recordings that are replayed, and whose simulated orders are learned from.
    pub captures: Vec<PathBuf>,
    /// The configuration of these replays, flags on top.
    pub draft: Draft,
    /// When events reach us in them.
    pub feed: FeedDelay,
    /// How recordings are read.
    pub reading: Reading,
    /// Filled within this time; and the mid so long after.
    pub horizon: Nanos,
    /// The share of orders, the latest, that the model is tried on.
    pub test_share: f64,
    /// Of shuffled labels and cuts.
    pub seed: u64,
    /// How trees are grown.
    pub options: Options,
    /// Trees that were grown elsewhere: LightGBM's dumps of both answers.
    pub lightgbm: Option<[PathBuf; 2]>,
    /// Where labelled orders go, as CSV.
    pub table: Option<PathBuf>,
    /// Where the model goes.
    pub out: PathBuf,
    /// Print JSON.
    pub json: bool,
}

/// All orders of all sources.
#[derive(Default)]
struct Gathered {
    orders: Vec<Order>,
    left: Left,
    sources: Vec<String>,
}

impl From<Leak> for AppError {
    fn from(e: Leak) -> Self {
        Self::of(Exit::Failed, e)
    }
}

impl From<NoModel> for AppError {
    fn from(e: NoModel) -> Self {
        Self::data("train", e.to_string(), remedy(&e))
    }
}

fn remedy(e: &NoModel) -> &'static str {
    match e {
        NoModel::Unfit { unfit: Unfit::Options(_), .. } => "ask for others",
        _ => "add runs or captures with --runs and --captures, or take another --test-share",
    }
}

/// Learns, writes and tells.
///
/// # Errors
/// A source cannot be read, there is nothing to learn from, a number looks into the future, or the file cannot
/// be written.
pub fn run(request: &Request) -> Result<(), AppError> {
    let horizon = HORIZONS.iter().find(|h| **h == request.horizon).ok_or_else(|| {
        let all: Vec<String> = HORIZONS.iter().map(|h| format!("{}s", h.as_secs_f64())).collect();
        AppError::Usage(format!("--horizon: allowed: {}", all.join(", ")))
    })?;
    let mut gathered = Gathered::default();
    for path in &request.runs {
        for journal in journals(path)? {
            gathered.journal(&journal, *horizon, request.seed)?;
        }
    }
    if !request.captures.is_empty() {
        gathered.captures(request)?;
    }
    let Gathered { mut orders, left, sources } = gathered;
    // Sources one after the other, in the order of time; of one moment as they came.
    orders.sort_by_key(|order| order.sent);
    let table = csv(&orders);
    if let Some(path) = &request.table {
        files::write_whole(path, table.as_bytes(), Readers::All)?;
    }
    let how = How {
        horizon: *horizon,
        test_share: request.test_share,
        seed: request.seed,
        options: request.options.clone(),
    };
    let trained = match &request.lightgbm {
        None => train(&orders, left, &how)?,
        Some(paths) => judge(&orders, left, &how, [dump(&paths[0])?, dump(&paths[1])?])?,
    };
    let not_json = |e: serde_json::Error| AppError::Failed(e.to_string());
    let coins: BTreeSet<&String> = orders.iter().map(|order| &order.coin).collect();
    let head = Head {
        made_by: match &request.lightgbm {
            None => format!("botmm {}", env!("CARGO_PKG_VERSION")),
            Some(_) => "LightGBM".to_owned(),
        },
        seed: how.seed,
        horizon: how.horizon,
        data_sha256: sha256::of(table.as_bytes()),
        sources,
        coins: coins.into_iter().cloned().collect(),
        trained: trained.trained,
        tested: trained.tested,
        options: serde_json::to_value(&how.options).map_err(not_json)?,
        scores: serde_json::to_value(&trained.scores).map_err(not_json)?,
    };
    let learned = Learned { head: head.clone(), fill: trained.fill, adverse: trained.adverse };
    let sha256 = predictor::write(&request.out, learned)?;
    terminal::print(&match request.json {
        true => told::json(&request.out, &sha256, &head),
        false => told::text(&request.out, &sha256, &head, &trained.scores),
    })
}

impl Gathered {
    /// Takes in what a source's lines say.
    fn take(&mut self, name: &str, labels: Labels) {
        let (mut orders, left) = labels.end();
        let first = self.orders.iter().map(|order| order.leg + 1).max().unwrap_or(0);
        orders.iter_mut().for_each(|order| order.leg += first);
        self.orders.extend(orders);
        self.left.undecided += left.undecided;
        self.left.open += left.open;
        self.left.strange_fills += left.strange_fills;
        self.sources.push(masked(name).into_owned());
    }

    fn journal(&mut self, path: &Path, horizon: Nanos, seed: u64) -> Result<(), AppError> {
        let reading = Journal::open(path).map_err(AppError::io(path, "read"))?;
        let (mut labels, mut first) = (Labels::new(horizon), Vec::new());
        for at in 0..reading.files() {
            let Some(mut lines) = Lines::of(&reading, at)? else { continue };
            let name = lines.name().to_owned();
            while let Some((number, text)) = lines.next_line()? {
                match text.and_then(Line::read) {
                    Ok(Some(line)) => hear(&mut labels, &mut first, line),
                    Ok(None) => {}
                    Err(problem) => terminal::complain(format!("{name}:{number}: {problem}")),
                }
            }
        }
        causal::check(&first, seed, |lines| label(lines, horizon))?;
        self.take(&path.display().to_string(), labels);
        Ok(())
    }

    /// Replays recordings, and learns from the orders that were simulated.
    fn captures(&mut self, request: &Request) -> Result<(), AppError> {
        let stop = Stop::listen(false)?;
        let (settings, loaded) = replay::read_shown(
            &request.captures,
            request.draft.clone(),
            request.reading,
            request.json,
        )?;
        let mut encoder = Encoder::new(&loaded.universe);
        let (mut labels, mut first) = (Labels::new(request.horizon), Vec::new());
        let bar = Progress::new(request.json, "replaying");
        let how = Replaying { lossless: true, feed: request.feed, ..Replaying::default() };
        let replayed = Replay::of(&settings, how).run_heard(
            &loaded,
            stop.flag(),
            &|done, of| bar.tell(done, of),
            &mut |record| {
                if let Some(line) = encoder.line(record) {
                    hear(&mut labels, &mut first, line);
                }
            },
        )?;
        drop(bar);
        // A limit that halted it is told; what was quoted up to then is learned from.
        replayed.verdict.err().iter().for_each(|e| terminal::complain(e.to_string()));
        causal::check(&first, request.seed, |lines| label(lines, request.horizon))?;
        let names: Vec<String> =
            request.captures.iter().map(|path| path.display().to_string()).collect();
        self.take(&format!("{} (replayed, feed {})", names.join(", "), request.feed), labels);
        Ok(())
    }
}

fn hear(labels: &mut Labels, first: &mut Vec<Line>, line: Line) {
    labels.hear(&line);
    if first.len() < causal::LINES {
        first.push(line);
    }
}

/// The journals of a path: a file, a run's folder, or a folder of these.
fn journals(path: &Path) -> Result<Vec<PathBuf>, AppError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let own = path.join(LIVE);
    if own.exists() {
        return Ok(vec![own]);
    }
    let found = run_folders(path).map_err(AppError::io(path, "read"))?;
    match found.is_empty() {
        false => Ok(found.into_iter().map(|folder| folder.join(LIVE)).collect()),
        true => {
            let place = path.display().to_string();
            Err(AppError::data(
                place,
                "no journal here",
                "name a run's folder, or one of such folders",
            ))
        }
    }
}

fn dump(path: &Path) -> Result<botmm_pipeline::types::params::Forest, AppError> {
    let text = files::read_text(path, MAX_DUMP).map_err(AppError::io(path, "read"))?;
    predictor::parse_lightgbm(&text).map_err(|problem| {
        AppError::data(path.display().to_string(), problem, "see docs/learning.md")
    })
}

/// Labelled orders, a row each: what others learn from too.
fn csv(orders: &[Order]) -> String {
    let mut text =
        format!("sent_ns,coin,side,order,{},fill_after_ns,adverse_bps\n", FILL_FEATURES.join(","));
    let number = |v: f64| if v.is_nan() { String::new() } else { v.to_string() };
    for order in orders {
        let side = if order.side == Side::Bid { "buy" } else { "sell" };
        let asked: Vec<String> = order.asked.iter().map(|v| number(*v)).collect();
        let after = order.filled.map_or(String::new(), |at| (at - order.sent).0.to_string());
        let adverse = number(order.adverse_bps.unwrap_or(f64::NAN));
        let Order { sent, coin, leg, .. } = order;
        // Into a string: it cannot fail.
        let _ =
            writeln!(text, "{},{coin},{side},{leg},{},{after},{adverse}", sent.0, asked.join(","));
    }
    text
}
