//! `candles_COIN.csv`: a state of a bar a row.
//!
//! `timestamp` is when it was received (unix seconds; empty = not known), `open_time` and `close_time` are
//! the venue's (unix milliseconds, the close the last one of the bar), `volume` is in coins, `turnover` in money.

use super::Bar;
use super::interval::{Interval, KNOWN};
use crate::data::fields::{delimiter, split};
use crate::data::time::{LOCAL, Seconds, TimeColumn, TimeForm};
use crate::masked::excerpt;
use botmm_pipeline::types::decimal::parse_whole;
use botmm_pipeline::types::{Candle, Nanos, Px, Qty, Usd, read_decimal};
use std::fmt::Write as _;
use std::ops::Range;

/// The header.
pub const HEADER: &str =
    "timestamp,interval,open_time,close_time,open,high,low,close,volume,turnover,trades";

/// Writes a row.
pub fn row(bar: &Bar, line: &mut String) {
    let Candle { open_time, open, high, low, close } = bar.candle;
    let last_ms = bar.end().as_millis() - 1;
    // Writing to a string does not fail.
    if let Some(recv) = bar.recv_time {
        let _ = write!(line, "{}", Seconds(recv));
    }
    let (name, open_ms) = (bar.interval.name(), open_time.as_millis());
    let _ = write!(line, ",{name},{open_ms},{last_ms},{open},{high},{low},{close},{},", bar.volume);
    if let Some(usd) = bar.turnover {
        let _ = write!(line, "{usd}");
    }
    line.push(',');
    if let Some(trades) = bar.trades {
        let _ = write!(line, "{trades}");
    }
    line.push('\n');
}

/// The columns of a table, and the fields of its current row.
pub struct Columns {
    names: Vec<String>,
    delimiter: u8,
    fields: Vec<Range<usize>>,
}

impl Columns {
    /// Of a header.
    pub fn new(header: &[u8]) -> Self {
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let (delimiter, mut fields) = (delimiter(header), Vec::new());
        split(header, delimiter, &mut fields);
        let name = |field: &Range<usize>| String::from_utf8_lossy(&header[field.clone()]);
        let names = fields.iter().map(|f| name(f).trim().to_owned()).collect();
        Self { names, delimiter, fields }
    }

    /// Where a column is.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Takes a row apart.
    ///
    /// # Errors
    /// It has more or fewer columns than the header.
    pub fn split(&mut self, line: &[u8]) -> Result<(), String> {
        split(line, self.delimiter, &mut self.fields);
        let (have, want) = (self.fields.len(), self.names.len());
        if have == want { Ok(()) } else { Err(format!("{have} columns, the header has {want}")) }
    }

    /// A field of the row.
    pub fn text<'a>(&self, line: &'a [u8], column: usize) -> &'a [u8] {
        line[self.fields[column].clone()].trim_ascii()
    }

    /// In words what is wrong with a field.
    pub fn bad(&self, line: &[u8], column: usize, why: impl std::fmt::Display) -> String {
        let text = excerpt(self.text(line, column));
        format!("column `{}` is `{text}`: {why}", self.names[column])
    }
}

/// Reads the rows below a header.
pub struct Table {
    columns: Columns,
    recv: (Option<usize>, TimeColumn),
    open_time: (usize, TimeColumn),
    close_time: (Option<usize>, TimeColumn),
    interval: usize,
    prices: [usize; 4],
    volume: usize,
    turnover: Option<usize>,
    trades: Option<usize>,
}

impl Table {
    /// For the rows below a header; [`None`] when it is not one of bars.
    ///
    /// # Errors
    /// It is, and lacks a column.
    pub fn new(header: &[u8]) -> Option<Result<Self, String>> {
        let columns = Columns::new(header);
        columns.find("open_time")?;
        let find = |name: &str| {
            columns
                .find(name)
                .ok_or_else(|| format!("column `{name}` is missing; expected {HEADER}"))
        };
        let parts = || {
            let prices = [find("open")?, find("high")?, find("low")?, find("close")?];
            Ok((find("open_time")?, find("interval")?, prices, find("volume")?))
        };
        let (open_time, interval, prices, volume) = match parts() {
            Ok(parts) => parts,
            Err(why) => return Some(Err(why)),
        };
        let [recv, close_time, turnover, trades] =
            [LOCAL, "close_time", "turnover", "trades"].map(|name| columns.find(name));
        let millis = || TimeColumn::new(TimeForm::Millis);
        Some(Ok(Self {
            columns,
            recv: (recv, TimeColumn::new(TimeForm::Seconds)),
            open_time: (open_time, millis()),
            close_time: (close_time, millis()),
            interval,
            prices,
            volume,
            turnover,
            trades,
        }))
    }

    /// The bar of a row.
    ///
    /// # Errors
    /// In words what is not sound.
    pub fn row(&mut self, line: &[u8]) -> Result<Bar, String> {
        self.columns.split(line)?;
        let columns = &self.columns;
        let name = columns.text(line, self.interval);
        let interval = std::str::from_utf8(name).ok().and_then(Interval::named);
        let not_known = || columns.bad(line, self.interval, format_args!("known are {KNOWN}"));
        let interval = interval.ok_or_else(not_known)?;
        let [open, high, low, close] = self.prices;
        let px = |column| decimal(columns, line, column).map(Px::from_raw);
        let open_time = time(columns, line, self.open_time.0, &mut self.open_time.1)?;
        let candle = Candle {
            open_time,
            open: px(open)?,
            high: px(high)?,
            low: px(low)?,
            close: px(close)?,
        };
        let is_there = |column: &usize| !columns.text(line, *column).is_empty();
        let [recv, close_time, turnover, trades] =
            [self.recv.0, self.close_time.0, self.turnover, self.trades]
                .map(|c| c.filter(is_there));
        let whole = |c: usize| {
            let read = parse_whole(columns.text(line, c));
            read.ok_or_else(|| columns.bad(line, c, "not a whole number"))
        };
        let bar = Bar {
            interval,
            candle,
            volume: Qty::from_raw(decimal(columns, line, self.volume)?),
            turnover: turnover.map(|c| decimal(columns, line, c).map(Usd::from_raw)).transpose()?,
            trades: trades.map(whole).transpose()?,
            recv_time: recv.map(|c| time(columns, line, c, &mut self.recv.1)).transpose()?,
        };
        if let Some(column) = close_time {
            let last = time(columns, line, column, &mut self.close_time.1)?;
            closes_at(&bar, last).map_err(|why| columns.bad(line, column, why))?;
        }
        bar.check()?;
        Ok(bar)
    }
}

/// # Errors
/// The last moment that is told of a bar is not its last millisecond, nor the one after it.
pub fn closes_at(bar: &Bar, last: Nanos) -> Result<(), String> {
    let end = bar.end().as_millis();
    if (end - 1..=end).contains(&last.as_millis()) {
        return Ok(());
    }
    Err(format!(
        "a bar of {} that opens at {} closes at {}",
        bar.interval.name(),
        bar.candle.open_time.as_millis(),
        end - 1
    ))
}

fn decimal(columns: &Columns, line: &[u8], column: usize) -> Result<i64, String> {
    read_decimal(columns.text(line, column)).map_err(|e| columns.bad(line, column, e))
}

/// The time in a column.
///
/// # Errors
/// It is none.
pub fn time(
    columns: &Columns,
    line: &[u8],
    column: usize,
    times: &mut TimeColumn,
) -> Result<Nanos, String> {
    let read = times.read(columns.text(line, column));
    read.ok_or_else(|| {
        columns.bad(line, column, format_args!("not a time in {}", times.form().as_str()))
    })
}
