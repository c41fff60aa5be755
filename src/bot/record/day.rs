//! What the manifest of a day says: what was recorded, what was not, and how it came.

use super::gauge::{Gauge, StreamReport};
use super::link::STREAMS;
use crate::data::capture::mark::Gap;
use crate::files::read_text_if_any;
use crate::when::{utc, utc_date};
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{AssetId, Nanos, Universe};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// The version of a manifest.
const FORMAT: u32 = 1;
/// Gaps and runs that a manifest names one by one; of more it has the newest, and the count of all.
const MOST_NAMED: usize = 1_000;
const MOST_RUNS: usize = 200;
/// No manifest is larger.
const MAX_BYTES: u64 = 8 << 20;
/// The state of a run that goes on.
pub const RUNNING: &str = "running";
/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// The day's name.
pub fn day_of(time: Nanos) -> String {
    utc_date(time.0.div_euclid(DAY))
}

/// What a recorder is, for its manifests.
#[derive(Clone, Debug)]
pub struct About {
    /// `botmm 0.1.0`
    pub recorder: String,
    /// The venue's address.
    pub network: String,
    /// Two connections.
    pub is_redundant: bool,
    /// What is recorded.
    pub universe: Universe,
    /// When this run of the recorder began.
    pub begun: Nanos,
}

/// The day that is being recorded.
pub struct Day {
    name: String,
    kept: Kept,
    run: Run,
    /// By asset, then by [`STREAMS`].
    gauges: Vec<[Gauge; STREAMS.len()]>,
}

/// What is carried from one run of the recorder to the next of the same day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    gaps: VecDeque<Gap>,
    gap_count: u64,
    gap_seconds: f64,
    runs: VecDeque<Value>,
}

/// One run of the recorder, as far as it is of this day.
#[derive(Clone, Debug, Default, Serialize)]
struct Run {
    from: String,
    to: String,
    /// [`RUNNING`], or how it ended.
    state: String,
    lines: u64,
    reconnects: u64,
    /// The venue's clock minus this machine's.
    clock_offset_ms: Option<f64>,
    streams: BTreeMap<String, BTreeMap<&'static str, StreamReport>>,
}

#[derive(Serialize)]
struct Manifest<'a> {
    format: u32,
    day: &'a str,
    recorder: &'a str,
    network: &'a str,
    redundant: bool,
    subscriptions: [&'static str; STREAMS.len()],
    coins: BTreeMap<&'a str, Coin>,
    written: String,
    #[serde(flatten)]
    kept: Kept,
}

#[derive(Serialize)]
struct Coin {
    index: u32,
    sz_decimals: u8,
    max_leverage: u8,
}

impl Day {
    /// Goes on with a day, or begins it.
    pub fn open(root: &Path, now: Nanos, universe: &Universe) -> Self {
        let name = day_of(now);
        let path = root.join(&name).join("manifest.json");
        let text = read_text_if_any(&path, MAX_BYTES).ok().flatten();
        // One that cannot be read is made anew: the segments have the same gaps.
        let kept = text.and_then(|text| serde_json::from_str(&text).ok());
        let mut kept: Kept = kept.unwrap_or_default();
        for run in kept.runs.iter_mut().filter(|run| run["state"] == RUNNING) {
            run["state"] = "killed".into(); // Or it would have said how it ended.
        }
        let run = Run { from: utc(now), state: RUNNING.to_owned(), ..Run::default() };
        let gauges = universe.assets().map(|_| [const { Gauge::NEW }; STREAMS.len()]).collect();
        Self { name, kept, run, gauges }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A frame came in.
    pub fn hear(&mut self, (stream, asset): (usize, AssetId), now: Nanos, said: Option<Nanos>) {
        self.gauges[asset.index()][stream].hear(now, said);
    }

    /// When a coin's book or touch was last heard of.
    pub fn heard(&self, asset: AssetId) -> Nanos {
        let streams = self.gauges[asset.index()].iter().take(3);
        streams.map(Gauge::heard).max().unwrap_or(Nanos::ZERO)
    }

    /// So many lines were written.
    pub fn wrote(&mut self, lines: u64) {
        self.run.lines += lines;
    }

    /// A connection was lost and is to come back.
    pub fn reconnects(&mut self) {
        self.run.reconnects += 1;
    }

    /// How far the venue's clock is ahead of ours.
    pub fn clock_is_off(&mut self, by: Nanos) {
        self.run.clock_offset_ms = Some(by.0 as f64 / 1e6);
    }

    /// Something may be missing.
    pub fn misses(&mut self, gap: Gap) {
        self.kept.gap_count += 1;
        self.kept.gap_seconds += (gap.to_ns.saturating_sub(gap.from_ns)) as f64 / 1e9;
        self.kept.gaps.push_back(gap);
        if self.kept.gaps.len() > MOST_NAMED {
            self.kept.gaps.pop_front();
        }
    }

    /// Its manifest.
    pub fn manifest(&self, about: &About, now: Nanos, state: &str) -> String {
        let mut run = Run { to: utc(now), state: state.to_owned(), ..self.run.clone() };
        for (asset, instrument) in about.universe.iter() {
            let gauges = self.gauges[asset.index()].iter().zip(STREAMS);
            let streams = gauges.map(|(gauge, (_, name))| (name, gauge.report()));
            run.streams.insert(instrument.coin.as_str().to_owned(), streams.collect());
        }
        let mut kept = self.kept.clone();
        kept.runs.extend(serde_json::to_value(run));
        if kept.runs.len() > MOST_RUNS {
            kept.runs.pop_front();
        }
        let coins = about.universe.iter().map(|(_, i)| {
            let (index, sz_decimals) = (i.venue_index, i.sz_decimals);
            (i.coin.as_str(), Coin { index, sz_decimals, max_leverage: i.max_leverage })
        });
        let manifest = Manifest {
            format: FORMAT,
            day: &self.name,
            recorder: &about.recorder,
            network: &about.network,
            redundant: about.is_redundant,
            subscriptions: STREAMS.map(|(_, name)| name),
            coins: coins.collect(),
            written: utc(now),
            kept,
        };
        serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n" // Ours always can be.
    }

    /// The next day begins: what this one came to is its manifest.
    pub fn turns(&mut self, now: Nanos) {
        self.name = day_of(now);
        self.kept = Kept::default();
        let clock_offset_ms = self.run.clock_offset_ms;
        let state = RUNNING.to_owned();
        self.run = Run { from: utc(now), state, clock_offset_ms, ..Run::default() };
        self.gauges.iter_mut().flatten().for_each(Gauge::begin_anew);
        debug_assert!(self.gauges.len() <= MAX_ASSETS);
    }
}
