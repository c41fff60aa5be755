//! What was read, and what was left out.

use botmm_pipeline::venue::tape::TapeCounts;
use std::path::Path;

/// Lines that are named one by one, of one file and in all; the others are only counted.
const MAX_NAMED_PER_FILE: u64 = 5;
const MAX_NAMED: usize = 20;

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Its name, without the folder.
    pub name: String,
    /// SHA-256 of its bytes as they lie on disk, in hex.
    pub sha256: String,
    /// Lines with data (neither header nor blank).
    pub rows: u64,
    /// Of these, not sound and skipped.
    pub skipped: u64,
    /// Of these, of coins that were not asked for.
    pub other_coins: u64,
}

/// Everything that a result has to say about its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// The files, in the order in which they were read.
    pub files: Vec<FileReport>,
    /// Events by kind.
    pub counts: TapeCounts,
    /// Trades dropped because their id came before.
    pub duplicates: u64,
    /// Events that, as recorded, reached us before they happened: the recorder's clock was behind.
    pub early: u64,
    /// What a person should know: lines skipped (`path:line: what is wrong`), files ignored.
    pub warnings: Vec<String>,
    named: usize,
}

impl LoadReport {
    /// Lines that were not sound, over all files.
    pub fn skipped(&self) -> u64 {
        self.files.iter().map(|f| f.skipped).sum()
    }

    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }
}

/// Counts the lines of one file while it is read, and names the first few that are not sound.
pub(super) struct FileLog<'a> {
    report: &'a mut LoadReport,
    path: &'a Path,
    named_here: u64,
    pub rows: u64,
    pub skipped: u64,
    pub other_coins: u64,
}

impl<'a> FileLog<'a> {
    pub fn new(path: &'a Path, report: &'a mut LoadReport) -> Self {
        Self { report, path, named_here: 0, rows: 0, skipped: 0, other_coins: 0 }
    }

    /// `lines` lines up to `line` are skipped, for this reason.
    pub fn skip(&mut self, line: u64, lines: u64, why: &str) {
        self.skipped += lines;
        if self.named_here < MAX_NAMED_PER_FILE && self.report.named < MAX_NAMED {
            self.named_here += 1;
            self.report.named += 1;
            self.report.warn(format!("{}:{line}: {why}", self.path.display()));
        }
    }

    pub fn warn(&mut self, text: &str) {
        self.report.warn(format!("{}: {text}", self.path.display()));
    }

    pub fn finish(mut self, sha256: String) -> FileReport {
        if self.skipped > self.named_here {
            let (skipped, rows) = (self.skipped, self.rows);
            self.warn(&format!("{skipped} of {rows} lines skipped in all"));
        }
        let name = self.path.file_name().map(|n| n.to_string_lossy().into_owned());
        FileReport {
            name: name.unwrap_or_default(),
            sha256,
            rows: self.rows,
            skipped: self.skipped,
            other_coins: self.other_coins,
        }
    }
}
