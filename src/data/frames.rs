//! Raw frames as they came over the wire, one a line: `LOCAL_NS JSON`, or as the venue's public archive
//! has them.

use super::capture::mark::{Gap, is_mark};
use super::error::DataError;
use super::hygiene::{Intake, Place};
use super::report::{BOOKS, FileLog, FileReport, LoadReport, MAX_NAMED_PER_FILE};
use super::scan::DataFile;
use super::source::{Line, LineReader};
use super::time::{TimeColumn, TimeForm, split_time};
use super::{FrameDecoder, Progress};
use crate::when::utc;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{AssetId, Coin, FeedChange, FeedStatus, MarketEvent, Nanos, Universe};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::ops::Range;

const COIN_KEY: &[u8] = b"\"coin\":\"";
/// Lines between two reports of progress.
pub const PROGRESS_LINES: u64 = 1024;

/// The first coin that a frame names.
fn coin_of(json: &[u8]) -> Option<&[u8]> {
    let at = json.windows(COIN_KEY.len()).position(|w| w == COIN_KEY)? + COIN_KEY.len();
    let end = json[at..].iter().position(|&b| b == b'"')?;
    Some(&json[at..at + end])
}

/// Adds the coins that a file's frames name. Damage is left to [`read`] to report.
pub fn collect_coins(
    file: &DataFile,
    coins: &mut BTreeSet<String>,
    bar: &Progress<'_>,
) -> Result<(), DataError> {
    let mut source = open(file)?;
    let (mut line, mut rows) = (Vec::new(), 0_u64);
    while let Ok(Line::Whole | Line::TooLong) = source.next_line(&mut line) {
        rows += 1;
        if rows.is_multiple_of(PROGRESS_LINES) {
            bar.within(source.bytes_read());
        }
        if is_mark(split_time(&line).1) {
            continue;
        }
        let coin = coin_of(&line).and_then(|c| std::str::from_utf8(c).ok());
        if let Some(coin) = coin.filter(|c| Coin::new(c).is_some() && !coins.contains(*c)) {
            coins.insert(coin.to_owned());
        }
    }
    Ok(())
}

/// Reads a file of frames.
pub fn read(
    file: &DataFile,
    universe: &Universe,
    decode: &mut FrameDecoder<'_>,
    intake: &mut Intake,
    report: &mut LoadReport,
    bar: &Progress<'_>,
) -> Result<FileReport, DataError> {
    let mut log = FileLog::new(&file.path, report);
    let (mut times, mut is_deep, mut gaps) = (Times::new(), None, Gaps::default());
    let source = each_line(file, &mut log, bar, |number, line, log| {
        let parts = Parts::of(line);
        if let Some(mark) =
            parts.as_ref().ok().map(|p| &line[p.json.clone()]).filter(|j| is_mark(j))
        {
            return gaps.hear(mark, number, intake);
        }
        log.rows += 1;
        let kind = parts.as_ref().ok().and_then(|parts| kind_of(&line[parts.json.clone()]));
        if kind == Some(BOOKS) {
            is_deep.get_or_insert_with(|| levels(line) > 2 * BOOK_LEVELS);
        }
        let read = parts.and_then(|parts| {
            let time = times.read(&line[parts.time], parts.is_archived)?;
            frame(number, &mut line[parts.json], time, universe, decode, intake)
        });
        match read {
            Ok(true) => {}
            Ok(false) => log.other_coins += 1,
            Err(why) => {
                kind.into_iter().for_each(|kind| log.bad[kind] += 1);
                log.skip(number, 1, &why);
            }
        }
    })?;
    if let Some(form) = times.unusual() {
        log.warn(&format!("local times are read as {}", form.as_str()));
    }
    if is_deep == Some(true) {
        log.warn(&format!("more than {BOOK_LEVELS} levels: the deeper are not used"));
    }
    gaps.words().iter().for_each(|words| log.warn(words));
    intake.end_file(&mut log)?;
    finish(file, source, log)
}

/// The gaps that the recorder marked: to a replay the link is down as long.
#[derive(Default)]
struct Gaps {
    found: u64,
    lasted: Nanos,
    longest: Option<Gap>,
}

impl Gaps {
    fn hear(&mut self, mark: &[u8], line: u64, intake: &mut Intake) {
        let Some(gap) = Gap::read(mark).filter(|gap| gap.to_ns > gap.from_ns) else { return };
        let (down, up) = gap.down_and_up();
        for (change, at) in [(FeedChange::Down, down), (FeedChange::Up, up)] {
            let status = MarketEvent::Status(FeedStatus::of(change, AssetId::new(0), at));
            // A time that cannot be is the recorder's clock: its frames are refused for it, in words.
            let _ = intake.admit(&status, Place { line, rows: 1 });
        }
        let lasted = Nanos(gap.to_ns - gap.from_ns);
        self.found += 1;
        self.lasted = self.lasted + lasted;
        let longest = self.longest.as_ref().map_or(0, |gap| gap.to_ns - gap.from_ns);
        if lasted.0 > longest {
            self.longest = Some(gap);
        }
    }

    /// For a person, when there were any.
    fn words(&self) -> Option<String> {
        let longest = self.longest.as_ref()?;
        let (found, lasted) = (self.found, self.lasted.as_secs_f64());
        let (from, why) = (utc(Nanos(longest.from_ns)), &longest.why);
        let gaps = if found == 1 { "gap" } else { "gaps" };
        Some(format!(
            "{found} {gaps} of the recorder, {lasted:.1} s in all (the longest from {from}: {why}); the link is \
             down as long"
        ))
    }
}

/// The levels that a book's line has on both sides.
fn levels(line: &[u8]) -> usize {
    const PX_KEY: &[u8] = b"\"px\"";
    line.windows(PX_KEY.len()).filter(|window| *window == PX_KEY).count()
}

/// Which of [`KINDS`](super::report::KINDS) a frame is of, by the channel that it begins with.
fn kind_of(json: &[u8]) -> Option<usize> {
    const CHANNELS: [&[u8]; 3] = [b"trades\"", b"bbo\"", b"l2Book\""];
    let channel = json.strip_prefix(b"{\"channel\":\"")?;
    CHANNELS.iter().position(|name| channel.starts_with(name))
}

/// Where the time of receipt and the frame stand in a line.
struct Parts {
    time: Range<usize>,
    json: Range<usize>,
    is_archived: bool,
}

/// A line of the venue's public archive.
#[derive(Deserialize)]
struct Archived<'a> {
    time: &'a str,
    ver_num: Option<u64>,
    #[serde(borrow)]
    raw: &'a RawValue,
}

/// The version of the archive's lines that this was written for.
const ARCHIVE_VERSION: u64 = 1;
/// The key of the archive's frames stands within so many bytes.
const ARCHIVE_HEAD: usize = 128;

/// Whether a line is one of the venue's public archive, sound or not.
pub fn is_archived(line: &[u8]) -> bool {
    const KEY: &[u8] = b"\"raw\"";
    let head = &line[..line.len().min(ARCHIVE_HEAD)];
    head.starts_with(b"{") && head.windows(KEY.len()).any(|window| window == KEY)
}

impl Parts {
    fn of(line: &[u8]) -> Result<Self, String> {
        let (time, json) = split_time(line);
        if !json.starts_with(b"{") {
            return Err("not a frame (`LOCAL_NS JSON` expected)".to_owned());
        }
        let within = |part: &[u8]| {
            let start = part.as_ptr().addr() - line.as_ptr().addr();
            start..start + part.len()
        };
        if !time.is_empty() {
            return Ok(Self { time: within(time), json: within(json), is_archived: false });
        }
        if !is_archived(json) {
            return Err("no local time in front of the frame; write there when it was received \
                        (`LOCAL_NS JSON`, unix ns or ISO 8601)"
                .to_owned());
        }
        let line: Archived<'_> = serde_json::from_slice(json).map_err(|e| {
            format!("not a line of the archive (`{{\"time\":…,\"raw\":FRAME}}` expected): {e}")
        })?;
        if let Some(other) = line.ver_num.filter(|version| *version != ARCHIVE_VERSION) {
            return Err(format!("a line of the archive of version {other}: only 1 is known"));
        }
        let (time, json) = (within(line.time.as_bytes()), within(line.raw.get().as_bytes()));
        Ok(Self { time, json, is_archived: true })
    }
}

/// The times of receipt of a file.
struct Times {
    column: TimeColumn,
    /// As what wrote the file writes them; [`None`] before the first line.
    usual: Option<TimeForm>,
}

impl Times {
    fn new() -> Self {
        Self { column: TimeColumn::new(TimeForm::Nanos), usual: None }
    }

    fn read(&mut self, text: &[u8], is_archived: bool) -> Result<Nanos, String> {
        if self.usual.is_none() {
            let usual = if is_archived { TimeForm::Iso } else { TimeForm::Nanos };
            (self.column, self.usual) = (TimeColumn::new(usual), Some(usual));
        }
        let read = self.column.read(text);
        read.ok_or_else(|| format!("local time is not {}", self.column.form().as_str()))
    }

    /// How they are written, when it is worth a word.
    fn unusual(&self) -> Option<TimeForm> {
        let form = self.column.form();
        self.usual.filter(|usual| *usual != form).map(|_| form)
    }
}

/// Decodes one frame; `Ok(false)` when it is about a coin that was not asked for.
fn frame(
    number: u64,
    json: &mut [u8],
    time: Nanos,
    universe: &Universe,
    decode: &mut FrameDecoder<'_>,
    intake: &mut Intake,
) -> Result<bool, String> {
    if coin_of(json).is_some_and(|coin| universe.find(coin).is_none()) {
        return Ok(false);
    }
    let mut wrong = None;
    decode(json, time, universe, &mut |event| {
        if let Err(why) = intake.admit(event, Place { line: number, rows: 1 }) {
            wrong.get_or_insert(why);
        }
    })?;
    wrong.map_or(Ok(true), Err)
}

/// Opens a file that was found.
pub fn open(file: &DataFile) -> Result<LineReader, DataError> {
    LineReader::open(&file.path).map_err(|source| match source.kind() {
        std::io::ErrorKind::InvalidData => {
            DataError::NotARecording { path: file.path.clone(), why: source.to_string() }
        }
        _ => DataError::Unreadable { path: file.path.clone(), source },
    })
}

/// Hands every line that is not blank to `each`, with its number. Reports what cannot be read.
pub fn each_line(
    file: &DataFile,
    log: &mut FileLog<'_>,
    bar: &Progress<'_>,
    mut each: impl FnMut(u64, &mut [u8], &mut FileLog<'_>),
) -> Result<LineReader, DataError> {
    let mut source = open(file)?;
    let (mut line, mut number) = (Vec::new(), 0_u64);
    let mut missing = 0_u64;
    loop {
        number += 1;
        if number.is_multiple_of(PROGRESS_LINES) {
            bar.within(source.bytes_read());
        }
        let read = source.next_line(&mut line);
        for damage in source.take_damage() {
            missing += 1;
            if missing <= MAX_NAMED_PER_FILE {
                log.warn(&damage.to_string());
            }
        }
        let unreadable = match read {
            Ok(Line::Whole) if line.trim_ascii().is_empty() => continue,
            Ok(Line::Whole) => {
                each(number, &mut line, log);
                continue;
            }
            Ok(Line::TooLong) => {
                log.rows += 1;
                log.skip(number, 1, "longer than any line of a recording");
                continue;
            }
            Ok(Line::End) => break,
            Ok(Line::Cut) if line.trim_ascii().is_empty() => break,
            Ok(Line::Cut) => "the last line has no end: the file is cut short there".to_owned(),
            Err(e) => format!("the compressed stream ends early or is damaged ({e})"),
        };
        log.rows += 1;
        log.skip(number, 1, &unreadable);
        break;
    }
    if missing > MAX_NAMED_PER_FILE {
        log.warn(&format!("damaged in {missing} places in all"));
    }
    if log.rows == 0 {
        log.warn("no rows in this file");
    }
    Ok(source)
}

/// Closes a file's books.
pub fn finish(
    file: &DataFile,
    source: LineReader,
    log: FileLog<'_>,
) -> Result<FileReport, DataError> {
    let unreadable = |source| DataError::Unreadable { path: file.path.clone(), source };
    Ok(log.finish(source.finish().map_err(unreadable)?))
}
