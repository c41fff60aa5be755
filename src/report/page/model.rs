//! What a page is made of, before it is HTML, text or JSON: all three are made of this, so that they carry
//! the same numbers.

use crate::report::number::{Raw, cents, grouped, nanos};
use botmm_pipeline::types::Usd;
use serde::{Serialize, Serializer};

/// A page, from top to bottom.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Page {
    /// What it is of.
    pub title: String,
    /// When that was, and where.
    pub subtitle: String,
    /// What it came to, in one sentence.
    pub verdict: String,
    /// It lost money.
    pub is_loss: bool,
    /// What else must be known of that.
    pub sentences: Vec<String>,
    /// Where a loss came from, the largest first.
    pub causes: Vec<String>,
    /// What a reader must be warned of.
    pub warnings: Vec<String>,
    /// The figures.
    pub figures: Vec<Figure>,
    /// How this page, and what it is of, are made again.
    pub commands: Vec<Command>,
}

/// A command line, and what it is for.
#[derive(Clone, Debug, Serialize)]
pub struct Command {
    /// What for.
    pub purpose: String,
    /// It.
    pub line: String,
}

/// Something to be looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figure {
    /// Its name within the page.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// How to read it, in one sentence.
    pub how_to_read: String,
    /// What is drawn.
    pub charts: Vec<Chart>,
    /// What is written.
    pub table: Option<Table>,
    /// What else must be known.
    pub notes: Vec<String>,
    /// Why there is nothing to be seen, where there is nothing.
    pub absent: Option<String>,
}

/// One drawing of a figure.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Of what; empty where the figure has only one.
    pub name: String,
    /// What its numbers are in.
    pub unit: &'static str,
    /// Decimals that are shown.
    pub digits: usize,
    /// It.
    pub plot: Plot,
    /// What it comes to: for those who cannot see it, and for text.
    pub numbers: Table,
}

/// How it is drawn.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Plot {
    /// Values over time, or over a few places.
    Lines(Lines),
    /// A bar a row.
    Rows(Rows),
    /// Shares of time, in columns that each add up to 1.
    Shares(Shares),
}

/// See [`Plot::Lines`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lines {
    /// What is on the horizontal axis: nothing = seconds since 1970, UTC.
    pub places: Vec<Place>,
    /// Zero belongs into the picture.
    pub has_zero: bool,
    /// A part of it can be looked at closely.
    pub is_zoomable: bool,
    /// The lines.
    pub series: Vec<Series>,
    /// Levels that the values are held against.
    pub levels: Vec<Level>,
}

/// A place on an axis that is not time.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// Where.
    pub x: f64,
    /// What it is called.
    pub name: String,
}

/// A level across a chart.
#[derive(Clone, Debug, Serialize)]
pub struct Level {
    /// What it is.
    pub name: String,
    /// Where.
    pub y: f64,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Of what.
    pub name: String,
    /// Its colour.
    #[serde(skip)]
    pub tone: Tone,
    /// How it is drawn.
    pub shape: Shape,
    /// From left to right.
    pub points: Vec<Point>,
}

/// A value at a place.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// [`None`] = there is none: the line has a gap.
    pub y: Option<f64>,
    /// It lies in here with 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// What is said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

impl Point {
    /// One that is known.
    pub fn at(x: f64, y: f64) -> Self {
        Self { x, y: Some(y), ..Self::default() }
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// From point to point.
    Line,
    /// A value holds until the next one.
    Step,
    /// A line, and what is between it and zero.
    Area,
    /// Each point by itself.
    Dots,
}

/// A colour, by what it stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// What matters most.
    #[default]
    Ink,
    /// What brings money.
    Gain,
    /// What costs it.
    Loss,
    /// What is there beside it.
    Soft,
    /// Told apart from others, and no more.
    Of(usize),
}

impl Tone {
    /// Colours that are there to tell things apart.
    pub const COUNT: usize = 8;
    /// A buy, wherever it is drawn.
    pub const BUY: Self = Self::Of(0);
    /// A sell.
    pub const SELL: Self = Self::Of(1);

    /// Its class in the page's style.
    pub fn class(self) -> String {
        match self {
            Self::Ink => "ink".to_owned(),
            Self::Gain => "gain".to_owned(),
            Self::Loss => "loss".to_owned(),
            Self::Soft => "soft".to_owned(),
            Self::Of(n) => format!("c{}", n % Self::COUNT),
        }
    }
}

/// See [`Plot::Rows`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rows {
    /// Each step to the right is ten times as much.
    pub is_log: bool,
    /// The rows, from the top.
    pub rows: Vec<Row>,
    /// Levels that they are held against.
    pub levels: Vec<Level>,
    /// What the ends of bars and whiskers are, for the table.
    pub columns: [&'static str; 2],
}

/// A bar with a whisker.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Of what.
    pub name: String,
    /// Its colour.
    #[serde(skip)]
    pub tone: Tone,
    /// From here to there.
    pub bar: [f64; 2],
    /// A thin line from here to there.
    pub whisker: Option<[f64; 2]>,
}

/// See [`Plot::Shares`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shares {
    /// Where the columns begin, and the last one ends: seconds since 1970, UTC.
    pub edges: Vec<f64>,
    /// What they are made of, from the bottom.
    pub parts: Vec<Part>,
}

/// A part of each column.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// Its colour.
    #[serde(skip)]
    pub tone: Tone,
    /// Its share of each column.
    pub shares: Vec<f64>,
    /// Its share of all.
    pub of_all: f64,
}

/// Numbers in rows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// What the columns are.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// One without rows.
    pub fn of(columns: &[&str]) -> Self {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Self { columns, rows: Vec::new() }
    }
}

/// A number, or a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// Money.
    Usd(Usd),
    /// How many.
    Count(u64),
    /// Nanoseconds.
    Nanos(u64),
    /// A number, its decimals, and where it lies with 95 %.
    Number(f64, usize, Option<[f64; 2]>),
    /// It is not known.
    Unknown,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Basis points.
    pub fn bps(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, |value| Self::Number(value, 2, None))
    }

    /// Percents, of a share.
    pub fn percent(share: f64) -> Self {
        Self::Number(share * 100.0, 1, None)
    }

    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Usd(amount) => cents(*amount),
            Self::Count(count) => grouped(*count),
            Self::Nanos(ns) => nanos(*ns),
            Self::Number(value, digits, None) => fixed(*value, *digits),
            Self::Number(value, digits, Some([low, high])) => {
                let [value, low, high] = [value, low, high].map(|v| fixed(*v, *digits));
                format!("{value} [{low}, {high}]")
            }
            Self::Unknown => "–".to_owned(),
        }
    }

    /// Whether it stands at the left.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Usd(amount) => Raw(amount).serialize(to),
            Self::Count(count) | Self::Nanos(count) => to.serialize_u64(*count),
            Self::Number(value, _, None) => to.serialize_f64(*value),
            Self::Number(value, _, Some([low, high])) => [value, low, high].serialize(to),
            Self::Unknown => to.serialize_none(),
        }
    }
}

/// So many decimals, thousands apart, and no minus before a zero.
pub fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let is_zero = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    let sign = if value < 0.0 && !is_zero { "-" } else { "" };
    format!("{sign}{whole}{rest}")
}

impl Chart {
    /// One with so many decimals.
    pub fn new(name: impl Into<String>, unit: &'static str, digits: usize, plot: Plot) -> Self {
        let numbers = match &plot {
            Plot::Lines(lines) => of_lines(lines, digits),
            Plot::Rows(rows) => of_rows(rows, digits),
            Plot::Shares(shares) => of_shares(shares),
        };
        Self { name: name.into(), unit, digits, plot, numbers }
    }

    /// Whether there is anything to be seen.
    pub fn is_empty(&self) -> bool {
        match &self.plot {
            Plot::Lines(lines) => {
                lines.series.iter().all(|series| series.points.iter().all(|p| p.y.is_none()))
            }
            Plot::Rows(rows) => rows.rows.is_empty(),
            Plot::Shares(shares) => shares.parts.is_empty(),
        }
    }
}

fn of_lines(lines: &Lines, digits: usize) -> Table {
    let number = |value: f64| Cell::Number(value, digits, None);
    let mut table = Table::of(&["line", "points", "first", "lowest", "highest", "last"]);
    for series in &lines.series {
        let known: Vec<f64> = series.points.iter().filter_map(|p| p.y).collect();
        let (Some(first), Some(last)) = (known.first(), known.last()) else { continue };
        let low = known.iter().copied().fold(f64::INFINITY, f64::min);
        let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut row = vec![Cell::text(&*series.name), Cell::Count(known.len() as u64)];
        row.extend([*first, low, high, *last].map(number));
        table.rows.push(row);
    }
    for level in &lines.levels {
        let mut row = vec![Cell::text(&*level.name), Cell::Unknown];
        row.extend([level.y; 4].map(number));
        table.rows.push(row);
    }
    table
}

fn of_rows(rows: &Rows, digits: usize) -> Table {
    let number = |value: f64| Cell::Number(value, digits, None);
    // A bar from zero needs no column for where it begins.
    let begin = usize::from(rows.rows.iter().all(|row| row.bar[0] == 0.0));
    let has_whiskers = rows.rows.iter().any(|row| row.whisker.is_some());
    let ends: &[&str] = if has_whiskers { &["from", "to"] } else { &[] };
    let mut table = Table::of(&[&["of"], &rows.columns[begin..], ends].concat());
    for row in &rows.rows {
        let mut cells = vec![Cell::text(&*row.name)];
        cells.extend(row.bar[begin..].iter().copied().map(number));
        let whisker = |end: usize| row.whisker.map_or(Cell::Unknown, |w| number(w[end]));
        cells.extend((0..ends.len()).map(whisker));
        table.rows.push(cells);
    }
    table
}

fn of_shares(shares: &Shares) -> Table {
    let mut table = Table::of(&["part", "share of time, %"]);
    for part in &shares.parts {
        table.rows.push(vec![Cell::text(&*part.name), Cell::percent(part.of_all)]);
    }
    table
}
