//! The CSV layout. Fields are split by hand: a day of books has a hundred million of them.

use super::Progress;
use super::error::DataError;
use super::frames::{each_line, finish};
use super::hygiene::{Intake, plausible};
use super::report::{FileLog, FileReport, LoadReport};
use super::scan::{CsvKind, DataFile};
use botmm_pipeline::types::decimal::parse_decimal_exp;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{
    AssetId, Bbo, BookSnapshot, Level, MarketEvent, Nanos, Px, Qty, Side, Trade,
};
use std::ops::Range;

/// Reads one CSV file. Fails only when its header lacks a column.
pub fn read(
    file: &DataFile,
    kind: CsvKind,
    asset: AssetId,
    intake: &mut Intake,
    report: &mut LoadReport,
    bar: &Progress<'_>,
) -> Result<FileReport, DataError> {
    let mut log = FileLog::new(&file.path, report);
    let mut reader: Option<Result<Reader, DataError>> = None;
    let source = each_line(file, &mut log, bar, |number, line, log| match &mut reader {
        None => reader = Some(Reader::new(file, kind, asset, line, log)),
        Some(Err(_)) => {}
        Some(Ok(reader)) => {
            log.rows += 1;
            if let Err((line, rows, why)) = reader.row(number, line, intake) {
                log.skip(line, rows, &why);
            }
        }
    })?;
    let last_push = reader.transpose()?.map(|mut reader| reader.touch.flush(intake));
    if let Some(Err((line, rows, why))) = last_push {
        log.skip(line, rows, &why);
    }
    finish(file, source, log)
}

/// Fields of the current row, by number.
struct Row<'a> {
    line: &'a [u8],
    fields: &'a [Range<usize>],
    names: &'a [String],
}

impl Row<'_> {
    fn text(&self, column: usize) -> &[u8] {
        self.line[self.fields[column].clone()].trim_ascii()
    }
    fn bad(&self, column: usize, why: impl std::fmt::Display) -> String {
        let text = String::from_utf8_lossy(self.text(column));
        let text: String = text.chars().take(40).collect();
        format!("column `{}` is `{}`: {why}", self.names[column], text.escape_debug())
    }
    fn decimal(&self, column: usize) -> Result<i64, String> {
        parse_decimal_exp(self.text(column)).map_err(|e| self.bad(column, e))
    }
    /// A moment, of a unit with so many decimals to the nanosecond.
    fn time(&self, column: usize, decimals: u32, unit: &str) -> Result<Nanos, String> {
        let time = parse_scaled(self.text(column), decimals).filter(|t| plausible(Nanos(*t)));
        time.map(Nanos).ok_or_else(|| self.bad(column, format!("not a time in {unit}")))
    }
    fn side(&self, column: usize, bid: [&[u8]; 2], ask: [&[u8]; 2]) -> Result<Side, String> {
        let text = self.text(column);
        if bid.contains(&text) {
            return Ok(Side::Bid);
        }
        if ask.contains(&text) {
            return Ok(Side::Ask);
        }
        Err(self.bad(column, "not a side"))
    }
}

/// An exact decimal number times 10^`decimals`; [`None`] when it is none, finer, or too large.
fn parse_scaled(text: &[u8], decimals: u32) -> Option<i64> {
    let point = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let (whole, fraction) = (&text[..point], text.get(point + 1..).unwrap_or_default());
    if whole.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    let padding = (decimals as usize).saturating_sub(fraction.len());
    let digits = whole.iter().chain(fraction).chain(std::iter::repeat_n(&b'0', padding));
    for (i, &b) in digits.enumerate() {
        let digit = b.is_ascii_digit().then(|| i64::from(b - b'0'))?;
        if i >= whole.len() + decimals as usize {
            if digit != 0 {
                return None;
            }
            continue;
        }
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(value)
}

/// Where the columns of a kind are.
enum Columns {
    Books { levels: Vec<[usize; 4]> },
    Trades { px: usize, qty: usize, side: usize, tid: usize },
    Prices { px: usize, qty: usize, side: usize },
}

/// Rows that are skipped: the last one's line number, how many, and why.
type Skipped = (u64, u64, String);

struct Reader {
    asset: AssetId,
    names: Vec<String>,
    fields: Vec<Range<usize>>,
    local: usize,
    venue: usize,
    columns: Columns,
    touch: Touch,
}

impl Reader {
    fn new(
        file: &DataFile,
        kind: CsvKind,
        asset: AssetId,
        header: &[u8],
        log: &mut FileLog<'_>,
    ) -> Result<Self, DataError> {
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let text = String::from_utf8_lossy(header);
        let names: Vec<String> = text.split(',').map(|n| n.trim().to_owned()).collect();
        let find = |name: &str| names.iter().position(|n| n == name);
        let column = |name: &str| {
            find(name).ok_or_else(|| DataError::MissingColumn {
                path: file.path.clone(),
                column: name.to_owned(),
                found: text.chars().take(80).collect::<String>().escape_debug().to_string(),
            })
        };
        let columns = match kind {
            CsvKind::Books => {
                let level = |i: usize| {
                    ["bid_price", "bid_size", "ask_price", "ask_size"].map(|n| format!("{n}_{i}"))
                };
                let used = |i: &usize| *i == 0 || find(&level(*i)[0]).is_some();
                let mut levels = Vec::new();
                for i in (0..BOOK_LEVELS).take_while(used) {
                    let [a, b, c, d] = level(i);
                    levels.push([column(&a)?, column(&b)?, column(&c)?, column(&d)?]);
                }
                if find(&level(BOOK_LEVELS)[0]).is_some() {
                    log.warn(&format!("more than {BOOK_LEVELS} levels: the deeper are not used"));
                }
                Columns::Books { levels }
            }
            CsvKind::Trades => Columns::Trades {
                px: column("price")?,
                qty: column("size")?,
                side: column("side")?,
                tid: column("trade_id")?,
            },
            CsvKind::Prices => Columns::Prices {
                px: column("price")?,
                qty: column("size")?,
                side: column("side")?,
            },
        };
        let (local, venue) = (column("timestamp")?, column("exchange_timestamp")?);
        let (fields, touch) = (Vec::with_capacity(names.len()), Touch::default());
        Ok(Self { asset, names, fields, local, venue, columns, touch })
    }

    /// Takes in one row.
    fn row(&mut self, number: u64, line: &[u8], intake: &mut Intake) -> Result<(), Skipped> {
        self.fields.clear();
        let mut start = 0;
        for field in line.split(|&b| b == b',') {
            self.fields.push(start..start + field.len());
            start += field.len() + 1;
        }
        let (have, want) = (self.fields.len(), self.names.len());
        let one = |why: String| (number, 1, why);
        if have != want {
            return Err(one(format!("{have} columns, the header has {want}")));
        }
        let row = Row { line, fields: &self.fields, names: &self.names };
        let recv_time = row.time(self.local, 9, "unix seconds").map_err(one)?;
        let venue_time = row.time(self.venue, 6, "unix milliseconds").map_err(one)?;
        let at = Times { asset: self.asset, recv_time, venue_time };
        match &self.columns {
            Columns::Books { levels } => {
                let event = book(&row, at, levels).map_err(one)?;
                intake.admit(&event).map_err(one)
            }
            Columns::Trades { px, qty, side, tid } => {
                let event = trade(&row, at, [*px, *qty, *side, *tid]).map_err(one)?;
                intake.admit(&event).map_err(one)
            }
            Columns::Prices { px, qty, side } => {
                let (side, level) = touch(&row, [*px, *qty, *side]).map_err(one)?;
                self.touch.set(Push { at, seen: [false; 2], line: number }, side, level, intake)
            }
        }
    }
}

/// What every row has.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Times {
    asset: AssetId,
    recv_time: Nanos,
    venue_time: Nanos,
}

fn level(row: &Row<'_>, px: usize, qty: usize) -> Result<Level, String> {
    Ok(Level { px: Px::from_raw(row.decimal(px)?), qty: Qty::from_raw(row.decimal(qty)?) })
}

fn book(row: &Row<'_>, at: Times, columns: &[[usize; 4]]) -> Result<MarketEvent, String> {
    let Times { asset, recv_time, venue_time } = at;
    let mut book = BookSnapshot { asset, recv_time, venue_time, ..BookSnapshot::EMPTY };
    for side in Side::BOTH {
        let (levels, count) = match side {
            Side::Bid => (&mut book.bids, &mut book.bid_count),
            Side::Ask => (&mut book.asks, &mut book.ask_count),
        };
        let mut ended = false;
        for (i, column) in columns.iter().enumerate() {
            let [px, qty] = [column[2 * side.index()], column[2 * side.index() + 1]];
            // A shallow book leaves its last levels blank.
            if row.text(px).is_empty() && row.text(qty).is_empty() {
                ended = true;
                continue;
            }
            if ended {
                return Err(row.bad(px, "a level after a blank one"));
            }
            levels[i] = level(row, px, qty)?;
            *count += 1;
        }
    }
    Ok(MarketEvent::Book(book))
}

fn trade(row: &Row<'_>, at: Times, columns: [usize; 4]) -> Result<MarketEvent, String> {
    let Times { asset, recv_time, venue_time } = at;
    let [px, qty, side, tid] = columns;
    let Level { px, qty } = level(row, px, qty)?;
    let aggressor = row.side(side, [b"buy", b"B"], [b"sell", b"A"])?;
    let id = std::str::from_utf8(row.text(tid)).ok().and_then(|t| t.parse().ok());
    let tid = id.ok_or_else(|| row.bad(tid, "not a trade id"))?;
    let trade = Trade { asset, aggressor, recv_time, venue_time, px, qty, tid, ..Trade::default() };
    Ok(MarketEvent::Trade(trade))
}

fn touch(row: &Row<'_>, columns: [usize; 3]) -> Result<(Side, Level), String> {
    let [px, qty, side] = columns;
    let side = row.side(side, [b"bid", b"B"], [b"ask", b"A"])?;
    let level = level(row, px, qty)?;
    if !level.px.is_positive() || !level.qty.is_positive() {
        let (px, qty) = (level.px, level.qty);
        return Err(format!("best price {px} with size {qty}: both must be positive"));
    }
    Ok((side, level))
}

/// One push of the touch: rows of equal times, at most one a side.
#[derive(Clone, Copy)]
struct Push {
    at: Times,
    seen: [bool; 2],
    line: u64,
}

/// Puts the two rows of one push together again. A side that a push does not mention keeps its
/// last value; nothing is emitted before both sides are known.
#[derive(Default)]
struct Touch {
    last: [Option<Level>; 2],
    push: Option<Push>,
}

impl Touch {
    /// Takes in one row, as a push of its own, which joins the current one when it belongs there.
    fn set(
        &mut self,
        row: Push,
        side: Side,
        level: Level,
        intake: &mut Intake,
    ) -> Result<(), Skipped> {
        let belongs = |push: &Push| push.at == row.at && !push.seen[side.index()];
        let before =
            if self.push.as_ref().is_none_or(belongs) { Ok(()) } else { self.flush(intake) };
        self.last[side.index()] = Some(level);
        let push = self.push.get_or_insert(row);
        push.seen[side.index()] = true;
        push.line = row.line;
        before
    }

    /// Emits the push that is being put together.
    fn flush(&mut self, intake: &mut Intake) -> Result<(), Skipped> {
        let Some(push) = self.push.take() else { return Ok(()) };
        let [Some(bid), Some(ask)] = self.last else { return Ok(()) };
        let Times { asset, recv_time, venue_time } = push.at;
        let bbo = Bbo { asset, recv_time, venue_time, bid, ask, ..Bbo::default() };
        let rows = push.seen.iter().filter(|s| **s).count() as u64;
        intake.admit(&MarketEvent::Bbo(bbo)).map_err(|why| (push.line, rows, why))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_scaled;

    #[test]
    fn times_are_exact() {
        let ns = |text: &str| parse_scaled(text.as_bytes(), 9);
        assert_eq!(ns("1757015216.673878"), Some(1_757_015_216_673_878_000));
        assert_eq!(ns("1757015217.1651921"), Some(1_757_015_217_165_192_100));
        assert_eq!(ns("1757015217"), Some(1_757_015_217_000_000_000));
        assert_eq!(ns("1.1234567891"), None, "finer than a nanosecond");
        assert_eq!(ns("1.1234567890000"), Some(1_123_456_789));
        assert_eq!(parse_scaled(b"1757015216253.0", 6), Some(1_757_015_216_253_000_000));
        for bad in ["", ".", ".5", "-1", "1e9", "nan", "99999999999999999999", "1.2.3"] {
            assert_eq!(ns(bad), None, "{bad}");
        }
    }
}
