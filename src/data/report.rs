//! What was read, and what was left out.

use super::bars::kind::Beside;
use super::error::DataError;
use botmm_pipeline::types::Instrument;
use botmm_pipeline::venue::tape::TapeCounts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

/// Lines that are named one by one, of one file and in all; the others are only counted.
pub(super) const MAX_NAMED_PER_FILE: u64 = 5;
const MAX_NAMED: usize = 20;
/// Kinds of what is wrong that are counted each; all others are one.
const MAX_FLAWS: usize = 40;
const OTHER_FLAWS: &str = "anything else";

/// Kinds of data, in the order of [`MarketEvent::channel_rank`].
pub const KINDS: [&str; 3] = ["trades", "best bids and offers", "books"];

/// The place of books in [`KINDS`].
pub const BOOKS: usize = 2;

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The coin that all of it is of; [`None`] = any that its lines name.
    pub coin: Option<String>,
    /// Why it is an error unless what is sound of it is asked for.
    pub unsound: Option<String>,
}

/// Books or touches of one coin that have no mid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossings {
    /// Bid and ask are one price.
    pub locked: u64,
    /// The bid is above the ask.
    pub crossed: u64,
}

/// Everything that a result has to say about its data. A compiled tape keeps it, but for what it knows itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadReport {
    /// The files, in the order in which they were read.
    pub files: Vec<FileReport>,
    /// Events by kind.
    #[serde(skip)]
    pub counts: TapeCounts,
    /// Trades dropped because their id came before.
    pub duplicates: u64,
    /// Coins that the configuration does not have, with size decimals told from their sizes.
    #[serde(skip)]
    pub inferred: Vec<Instrument>,
    /// Events that, as recorded, reached us before they happened: the recorder's clock was behind.
    pub early: u64,
    /// Lines that are not sound, by what is wrong with them: the reason, without its numbers.
    pub bad_lines: BTreeMap<String, u64>,
    /// Of each coin, in the order of the universe, and each of [`KINDS`].
    pub crossings: Vec<[Crossings; KINDS.len()]>,
    /// What a person should know: lines skipped (`path:line: what is wrong`), files ignored.
    pub warnings: Vec<String>,
    /// Candles and contexts that lie beside the recording. A replay of books does not use them.
    #[serde(skip)]
    pub beside: Vec<Beside>,
    named: usize,
}

impl LoadReport {
    /// Lines that were not sound, over all files.
    pub fn skipped(&self) -> u64 {
        self.files.iter().map(|f| f.skipped).sum()
    }

    /// What was assumed of coins that the configuration does not have, and how to set it.
    pub fn assumed(&self) -> impl Iterator<Item = String> {
        self.inferred.iter().map(|i| {
            let Instrument { coin, venue_index, sz_decimals, max_leverage } = i;
            format!(
                "{coin} is not in [universe]: {sz_decimals} size decimals are assumed, the most that \
                 a recorded size of it has; to set them, write there: \"{coin}\" = {{ index = \
                 {venue_index}, sz_decimals = {sz_decimals}, max_leverage = {max_leverage} }}"
            )
        })
    }

    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    fn count_bad(&mut self, why: &str, lines: u64) {
        let flaw = flaw(why);
        let is_new = !self.bad_lines.contains_key(&flaw);
        let flaw =
            if is_new && self.bad_lines.len() >= MAX_FLAWS { OTHER_FLAWS.into() } else { flaw };
        *self.bad_lines.entry(flaw).or_default() += lines;
    }
}

/// Counts the lines of one file, and names the first few that are not sound.
pub(super) struct FileTally {
    path: PathBuf,
    named_here: u64,
    pub rows: u64,
    pub skipped: u64,
    pub other_coins: u64,
    /// Lines of each of [`KINDS`] that are not sound, as far as the kind can be told.
    pub bad: [u64; KINDS.len()],
    /// Events of each that were taken in, or were there before.
    pub admitted: [u64; KINDS.len()],
    /// Why it is an error unless what is sound of it is asked for.
    pub unsound: Option<String>,
    first: Option<String>,
}

impl FileTally {
    pub fn new(path: &Path) -> Self {
        let (bad, admitted) = ([0; KINDS.len()], [0; KINDS.len()]);
        let (rows, skipped, other_coins) = (0, 0, 0);
        let (unsound, first, path) = (None, None, path.to_owned());
        Self { path, named_here: 0, rows, skipped, other_coins, bad, admitted, unsound, first }
    }

    /// `lines` lines up to `line` are skipped, for this reason.
    pub fn skip(&mut self, line: u64, lines: u64, why: &str, report: &mut LoadReport) {
        self.skipped += lines;
        report.count_bad(why, lines);
        self.first.get_or_insert_with(|| format!("line {line}: {why}"));
        if self.named_here < MAX_NAMED_PER_FILE && report.named < MAX_NAMED {
            self.named_here += 1;
            report.named += 1;
            report.warn(format!("{}:{line}: {why}", self.path.display()));
        }
    }

    /// # Errors
    /// Most lines are not sound, or none of a kind of data is: what is left tells of another market.
    pub fn check(&self) -> Result<(), DataError> {
        let ours = self.rows - self.other_coins;
        let lost = (0..KINDS.len()).find(|k| self.bad[*k] > 0 && self.admitted[*k] == 0);
        let problem = if self.skipped * 2 > ours {
            format!("{} of {ours} lines are not sound", self.skipped)
        } else if let Some(kind) = lost {
            format!("none of its {} lines of {} is sound", self.bad[kind], KINDS[kind])
        } else {
            return Ok(());
        };
        let first = self.first.clone().unwrap_or_default();
        Err(DataError::Unsound { path: self.path.clone(), problem, first })
    }

    pub fn finish(self, sha256: String, report: &mut LoadReport) -> FileReport {
        if self.skipped > self.named_here {
            let (path, skipped, rows) = (self.path.display(), self.skipped, self.rows);
            report.warn(format!("{path}: {skipped} of {rows} lines skipped in all"));
        }
        let name = self.path.file_name().map(|n| n.to_string_lossy().into_owned());
        FileReport {
            name: name.unwrap_or_default(),
            sha256,
            rows: self.rows,
            skipped: self.skipped,
            other_coins: self.other_coins,
            coin: None,
            unsound: self.unsound,
        }
    }
}

/// The tally of a file that is read at one go, with the report that it goes to.
pub(super) struct FileLog<'a> {
    report: &'a mut LoadReport,
    tally: FileTally,
}

impl<'a> FileLog<'a> {
    pub fn new(path: &Path, report: &'a mut LoadReport) -> Self {
        Self { report, tally: FileTally::new(path) }
    }

    /// As [`FileTally::skip`].
    pub fn skip(&mut self, line: u64, lines: u64, why: &str) {
        self.tally.skip(line, lines, why, self.report);
    }

    pub fn warn(&mut self, text: &str) {
        self.report.warn(format!("{}: {text}", self.tally.path.display()));
    }

    pub fn finish(self, sha256: String) -> FileReport {
        self.tally.finish(sha256, self.report)
    }
}

impl Deref for FileLog<'_> {
    type Target = FileTally;

    fn deref(&self) -> &FileTally {
        &self.tally
    }
}

impl DerefMut for FileLog<'_> {
    fn deref_mut(&mut self) -> &mut FileTally {
        &mut self.tally
    }
}

/// What is wrong, without what differs from line to line: numbers, and what a line says.
fn flaw(why: &str) -> String {
    let (mut text, mut rest) = (String::new(), why);
    while let Some(at) = rest.find("is `") {
        let (before, quoted) = rest.split_at(at + "is `".len());
        text += before;
        text.push('…');
        rest = quoted.find('`').map_or("", |end| &quoted[end..]);
    }
    text += rest;
    let mut flaw = String::with_capacity(text.len());
    for c in text.chars() {
        let is_of_number = c.is_ascii_digit() || c == '.' && flaw.ends_with('N');
        match is_of_number {
            true if flaw.ends_with('N') => {}
            true => flaw.push('N'),
            false => flaw.push(c),
        }
    }
    flaw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_of_flaw_is_one_whatever_the_line_says() {
        for (why, kind) in [
            ("book is crossed (bid 100.5, ask 99)", "book is crossed (bid N, ask N)"),
            ("column `price` is `a 7`: not a number", "column `price` is `…`: not a number"),
            ("column `price` is `a", "column `price` is `…"),
            ("7 columns, the header has 83", "N columns, the header has N"),
            ("column `bid_price_3` is `1`: x", "column `bid_price_N` is `…`: x"),
        ] {
            assert_eq!(flaw(why), kind);
        }
        let mut report = LoadReport::default();
        let tens = |n: usize| char::from(b'a' + (n / 10) as u8);
        for n in 0..100 {
            let why: String = std::iter::repeat_n(tens(n), 1 + n % 10).collect();
            report.count_bad(&why, 2);
        }
        assert_eq!(report.bad_lines.len(), MAX_FLAWS + 1);
        assert_eq!(report.bad_lines.values().sum::<u64>(), 200);
        assert_eq!(report.bad_lines[OTHER_FLAWS], 120);
    }
}
