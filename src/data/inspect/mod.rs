//! What a recording is worth: what is in it, how dense and how late, what is wrong with it, and what of a
//! replay it can carry.
//!
//! Everything is told from what [`load`](super::load) makes of the files, so a number here is of the very
//! events that a replay sees.

mod coin;
mod stream;
mod text;
mod verdict;

pub use coin::{CoinReport, Use, Verdict};
pub use stream::{Gap, Spread, StreamReport};

use super::{DataError, LoadOptions, Loaded, load, venue_decoder};
use crate::masked::masked;
use crate::when;
use botmm_pipeline::types::{FeedChange, MarketEvent, Nanos};
use botmm_pipeline::venue::tape::Tape;
use coin::Collected;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The median delay of one minute and that of the next differ by more than this: a clock was set.
const CLOCK_STEP: Nanos = Nanos::secs(1);
/// Of fewer events a minute has no median that says anything.
const MIN_OF_A_MINUTE: usize = 10;
/// Steps and days that are named one by one.
const MAX_NAMED: usize = 5;
const DAY: i64 = 86_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;

/// All that is told of a recording.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// Its files, in the order in which they were read.
    pub files: Vec<FileLine>,
    /// First and last time of receipt, UTC.
    pub span: [String; 2],
    /// Its length.
    pub span_s: f64,
    /// UTC days within the span on which nothing was received.
    pub missing_days: Vec<String>,
    /// Lines of files that are not sound.
    pub bad_lines: u64,
    /// Of these, by what is wrong with them.
    pub bad_lines_by_kind: BTreeMap<String, u64>,
    /// Trades whose id came before, left out.
    pub repeated_trades: u64,
    /// Events that were received before they happened at the venue.
    pub received_early: u64,
    /// Gaps that the recorder marked: a replay takes its link for lost there.
    pub marked_gaps: u64,
    /// Where the clock of receipt moved against the venue's, of all coins.
    pub clock_steps: Vec<ClockStep>,
    /// By name.
    pub coins: Vec<CoinReport>,
    /// What a replay would say of it.
    pub warnings: Vec<String>,
}

/// One file.
#[derive(Debug, Serialize)]
pub struct FileLine {
    /// Its name, without the folder.
    pub name: String,
    /// Lines with data.
    pub lines: u64,
    /// Of these, not sound.
    pub bad: u64,
    /// Why `replay` wants `--allow-unsound` for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsound: Option<String>,
}

/// A minute from which on events came later, or sooner, than before.
#[derive(Debug, Serialize)]
pub struct ClockStep {
    /// The beginning of that minute, UTC.
    pub at: String,
    /// Median delay of the minute before, and of that one.
    pub delay_ms: [f64; 2],
}

/// Reads recordings, also what of them is mostly unsound, and tells what they hold. No symbols = all.
///
/// # Errors
/// There is nothing that can be read, or more coins than fit at once.
pub fn read(paths: &[PathBuf], symbols: &[String]) -> Result<Inspection, DataError> {
    let loaded = load(
        paths,
        LoadOptions {
            symbols,
            // All are told of alike, configured or not.
            instrument: &|_| None,
            allow_unsound: true,
            decode: &mut *venue_decoder(),
            progress: &|_, _| {},
        },
    )?;
    Ok(inspect(&loaded))
}

/// Tells what a recording holds.
pub fn inspect(loaded: &Loaded) -> Inspection {
    let Loaded { tape, universe, report, .. } = loaded;
    let mut coins: Vec<Collected> = universe.iter().map(|(_, i)| Collected::new(i.coin)).collect();
    let mut seen = Seen::default();
    for event in tape.iter_recv() {
        coins[event.asset().index()].add(&event);
        seen.add(&event);
    }
    for mark in tape.marks() {
        coins[mark.asset.index()].add(&MarketEvent::Mark(mark));
    }
    place_trades(tape, &mut coins);
    let Seen { marked_gaps, missing_days, minutes, .. } = seen;
    let clock_steps = clock_steps(minutes);
    let about = verdict::Whole { report, marked_gaps, has_clock_steps: !clock_steps.is_empty() };
    let crossings = |i: usize| report.crossings.get(i).copied().unwrap_or_default();
    let told = universe.iter().zip(coins).map(|((asset, instrument), collected)| {
        let mut coin = collected.tell(crossings(asset.index()));
        coin.good_for = verdict::judge(&coin, instrument.coin.as_str(), &about);
        coin
    });
    let mut coins: Vec<CoinReport> = told.collect();
    coins.sort_by(|a, b| a.coin.cmp(&b.coin));
    let (first, last) = tape.span().unwrap_or_default();
    let clean = |text: &str| masked(text).into_owned();
    let file = |f: &super::FileReport| FileLine {
        name: clean(&f.name),
        lines: f.rows,
        bad: f.skipped,
        unsound: f.unsound.as_deref().map(clean),
    };
    Inspection {
        files: report.files.iter().map(file).collect(),
        span: [first, last].map(when::utc),
        span_s: (last - first).as_secs_f64(),
        missing_days,
        bad_lines: report.skipped(),
        bad_lines_by_kind: report.bad_lines.iter().map(|(k, n)| (clean(k), *n)).collect(),
        repeated_trades: report.duplicates,
        received_early: report.early,
        marked_gaps,
        clock_steps,
        coins,
        warnings: report.warnings.iter().map(|w| clean(w)).collect(),
    }
}

impl Inspection {
    /// All of it.
    pub fn to_json(&self) -> serde_json::Value {
        // Nothing in it can fail: no map of it has keys that are no text.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Milliseconds, to the microsecond.
fn ms(span: Nanos) -> f64 {
    (span.0 as f64 / 1e3).round() / 1e3
}

/// Where each trade was against the best prices that stood before it, in the order of the venue.
fn place_trades(tape: &Tape, coins: &mut [Collected]) {
    for event in tape.iter_venue() {
        coins[event.asset().index()].place(&event);
    }
}

/// What of the whole recording is told from one walk by the clock of receipt.
#[derive(Default)]
struct Seen {
    marked_gaps: u64,
    missing_days: Vec<String>,
    last_day: Option<i64>,
    /// How late books and touches of each minute were: a trade may be an old one that the venue repeats.
    minutes: BTreeMap<i64, Vec<i64>>,
}

impl Seen {
    fn add(&mut self, event: &MarketEvent) {
        let received = event.recv_time();
        let day = received.0.div_euclid(DAY);
        if let Some(before) = self.last_day.filter(|before| *before < day) {
            self.missing_days.extend((before + 1..day).map(when::utc_date));
        }
        self.last_day = Some(day);
        match event {
            MarketEvent::Status(status) => {
                self.marked_gaps += u64::from(status.change == FeedChange::Down);
            }
            MarketEvent::Book(_) | MarketEvent::Bbo(_) | MarketEvent::Level(_) => {
                let delay = received - event.venue_time();
                self.minutes.entry(received.0.div_euclid(MINUTE)).or_default().push(delay.0);
            }
            MarketEvent::Trade(_) | MarketEvent::Mark(_) => {}
        }
    }
}

fn clock_steps(minutes: BTreeMap<i64, Vec<i64>>) -> Vec<ClockStep> {
    let median = |(minute, mut delays): (i64, Vec<i64>)| {
        delays.sort_unstable();
        (delays.len() >= MIN_OF_A_MINUTE).then(|| (minute, Nanos(delays[delays.len() / 2])))
    };
    let medians: Vec<(i64, Nanos)> = minutes.into_iter().filter_map(median).collect();
    let is_step = |a: Nanos, b: Nanos| (a - b).0.abs() > CLOCK_STEP.0;
    let steps = medians.windows(2).filter(|w| is_step(w[0].1, w[1].1));
    let step = |w: &[(i64, Nanos)]| ClockStep {
        at: when::utc_s(Nanos(w[1].0 * MINUTE)),
        delay_ms: [w[0].1, w[1].1].map(ms),
    };
    steps.map(step).collect()
}
