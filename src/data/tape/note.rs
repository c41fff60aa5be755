//! What a compiled tape knows of where it came from: enough to tell whether it is still what would be read,
//! and to say of the recording what reading it would say.

use super::stamp::{Look, Stamp, look};
use crate::data::scan::DataFile;
use crate::data::{LoadOptions, LoadReport, Loaded};
use botmm_pipeline::types::{Instrument, Universe};
use botmm_pipeline::venue::tape::Tape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// To be raised when the same sources are read as other events than before.
const READER: u32 = 1;

fn reader() -> String {
    format!("{} {READER}", env!("CARGO_PKG_VERSION"))
}

/// What of the asking decides what is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    symbols: Vec<String>,
    allow_unsound: bool,
    /// What was known of the coins of the recording.
    known: Vec<Instrument>,
}

impl Asked {
    /// Of a recording with these coins.
    pub fn of(options: &LoadOptions<'_>, coins: &BTreeSet<String>) -> Self {
        let known = coins.iter().filter_map(|coin| (options.instrument)(coin));
        Self {
            symbols: options.symbols.to_vec(),
            allow_unsound: options.allow_unsound,
            known: known.collect(),
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Source {
    /// As it was named then; messages begin with it.
    path: PathBuf,
    stamp: Stamp,
    /// [`None`]: not read, for nobody asked for its coin.
    sha256: Option<String>,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Note {
    reader: String,
    asked: Asked,
    /// In the order in which they are read.
    sources: Vec<Source>,
    /// All that the sources hold.
    pub coins: BTreeSet<String>,
    universe: Vec<Instrument>,
    inferred: Vec<String>,
    report: LoadReport,
}

impl Note {
    /// Of what was read from these files, which had these stamps before; [`None`] when they changed
    /// meanwhile. `heard`: warnings that are not of the reading.
    pub fn new(
        asked: Asked,
        files: &[DataFile],
        before: Vec<Stamp>,
        coins: &BTreeSet<String>,
        loaded: &Loaded,
        heard: usize,
    ) -> Option<Self> {
        let mut reports = loaded.report.files.iter();
        let mut sources = Vec::with_capacity(files.len());
        for (file, stamp) in files.iter().zip(before) {
            if !Stamp::of(&file.path).is_ok_and(|now| now.is_like(&stamp)) {
                return None;
            }
            let sha256 = match file.is_of(&loaded.universe) {
                true => Some(reports.next()?.sha256.clone()),
                false => None,
            };
            sources.push(Source { path: file.path.clone(), stamp, sha256 });
        }
        let mut report = loaded.report.clone();
        report.warnings.drain(..heard.min(report.warnings.len()));
        Some(Self {
            reader: reader(),
            asked,
            sources,
            coins: coins.clone(),
            universe: loaded.universe.iter().map(|(_, i)| *i).collect(),
            inferred: loaded.report.inferred.iter().map(|i| i.coin.to_string()).collect(),
            report,
        })
    }

    /// That of a tape; [`None`] when this program did not write it.
    pub fn read(tape: &Tape) -> Option<Self> {
        let note: Self = serde_json::from_slice(tape.note()).ok()?;
        (note.reader == reader()).then_some(note)
    }

    /// As a tape keeps it.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether this is what was asked for.
    pub fn answers(&self, asked: &Asked) -> bool {
        self.asked == *asked
    }

    /// Whether its sources are what they were: those that were read, for of the others only the names count.
    /// True with new stamps, when they look otherwise and are the same.
    pub fn is_current(&mut self, files: &[DataFile]) -> Option<bool> {
        let mut is_restamped = false;
        if files.len() != self.sources.len() {
            return None;
        }
        for (file, source) in files.iter().zip(&mut self.sources) {
            let Some(sha256) = &source.sha256 else { continue };
            match look(&file.path, &source.stamp, sha256) {
                Look::Same(None) => {}
                Look::Same(Some(now)) => (source.stamp, is_restamped) = (now, true),
                Look::Other => return None,
            }
        }
        Some(is_restamped)
    }

    /// What reading the files anew would come to. `report`: what finding them said.
    pub fn load(self, tape: Tape, files: &[DataFile], report: &LoadReport) -> Option<Loaded> {
        let instruments = self.universe;
        let is_inferred = |i: &&Instrument| self.inferred.contains(&i.coin.to_string());
        let mut loaded = self.report;
        loaded.counts = tape.counts();
        loaded.inferred = instruments.iter().filter(is_inferred).copied().collect();
        for warning in &mut loaded.warnings {
            let named = self.sources.iter().zip(files).find_map(|(then, now)| {
                let rest = warning.strip_prefix(&*then.path.to_string_lossy())?;
                rest.starts_with(':').then(|| format!("{}{rest}", now.path.display()))
            });
            *warning = named.unwrap_or_else(|| std::mem::take(warning));
        }
        loaded.beside.clone_from(&report.beside);
        loaded.warnings = report.warnings.iter().cloned().chain(loaded.warnings).collect();
        let universe = Universe::new(instruments);
        Some(Loaded { tape, universe, report: loaded, orders: None, compiled: None })
    }
}
