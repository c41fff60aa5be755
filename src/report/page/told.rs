//! The twins of a page: text for people at a terminal, JSON for programs.

use super::model::{Cell, Chart, Figure, Page, Plot, Table};
use std::fmt::{self, Display};

/// Columns of a line of text.
const WIDTH: usize = 100;
/// Rows of a table that are shown as text; JSON has all.
const ROWS: usize = 40;
/// Heights of a small curve.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many of them.
const CURVE: usize = 60;

impl Page {
    /// For programs: figures with all their points.
    ///
    /// # Errors
    /// Never: no number in it is without a form in JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}

impl Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n", self.title, self.subtitle)?;
        wrapped(f, "", &self.verdict)?;
        self.sentences.iter().try_for_each(|sentence| wrapped(f, "", sentence))?;
        if !self.causes.is_empty() {
            writeln!(f, "\nWhy, the largest cause first")?;
        }
        for (n, cause) in self.causes.iter().enumerate() {
            wrapped(f, &format!("  {}. ", n + 1), cause)?;
        }
        self.warnings.iter().try_for_each(|warning| wrapped(f, "WARNING: ", warning))?;
        self.figures.iter().try_for_each(|figure| figure_text(f, figure))?;
        writeln!(f, "\nTo make it again")?;
        for command in &self.commands {
            wrapped(f, "  ", &command.purpose)?;
            writeln!(f, "    {}", command.line)?;
        }
        Ok(())
    }
}

fn figure_text(f: &mut fmt::Formatter<'_>, figure: &Figure) -> fmt::Result {
    writeln!(f, "\n{}", figure.title)?;
    wrapped(f, "  ", &figure.how_to_read)?;
    if let Some(why) = &figure.absent {
        wrapped(f, "  ", why)?;
    }
    for chart in &figure.charts {
        if !chart.name.is_empty() && figure.charts.len() > 1 {
            writeln!(f, "  {}, {}", chart.name, chart.unit)?;
        } else {
            writeln!(f, "  {}", chart.unit)?;
        }
        curves(f, chart)?;
        table_text(f, &chart.numbers)?;
    }
    if let Some(table) = &figure.table {
        table_text(f, table)?;
    }
    figure.notes.iter().try_for_each(|note| wrapped(f, "  ", note))
}

/// The first line of a chart over time, small.
fn curves(f: &mut fmt::Formatter<'_>, chart: &Chart) -> fmt::Result {
    let Plot::Lines(lines) = &chart.plot else { return Ok(()) };
    let Some(series) = lines.series.first().filter(|_| lines.places.is_empty()) else {
        return Ok(());
    };
    let known: Vec<(f64, f64)> = series.points.iter().filter_map(|p| Some((p.x, p.y?))).collect();
    let ([first, .., last], true) = (&known[..], known.len() > 2) else { return Ok(()) };
    let low = known.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let high = known.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let room = (high - low).max(f64::MIN_POSITIVE);
    let mut drawn = String::new();
    let mut at = 0;
    for n in 0..CURVE {
        let until = first.0 + (last.0 - first.0) * (n + 1) as f64 / CURVE as f64;
        while at + 1 < known.len() && known[at + 1].0 <= until {
            at += 1;
        }
        let height = ((known[at].1 - low) / room * 7.0).round() as usize;
        drawn.push(HEIGHTS[height.min(7)]);
    }
    writeln!(f, "  {drawn} {}", series.name)
}

fn table_text(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let shown: Vec<Vec<String>> =
        table.rows.iter().take(ROWS).map(|row| row.iter().map(Cell::shown).collect()).collect();
    let widest = |at: usize| {
        let cells = shown.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain([table.columns[at].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(widest).collect();
    let is_text = |at: usize| table.rows.iter().all(|row| row.get(at).is_none_or(Cell::is_text));
    let line = |cells: &[String]| {
        let set = cells.iter().enumerate().map(|(at, cell)| match is_text(at) {
            true => format!("{cell:<0$}", widths[at]),
            false => format!("{cell:>0$}", widths[at]),
        });
        set.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(f, "  {}", line(&table.columns))?;
    shown.iter().try_for_each(|row| writeln!(f, "  {}", line(row)))?;
    match table.rows.len().saturating_sub(ROWS) {
        0 => Ok(()),
        more => writeln!(f, "  … and {more} more: --json has them"),
    }
}

/// A text in lines of [`WIDTH`] columns, the first with a label, the others set in as far.
fn wrapped(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let inset = " ".repeat(label.chars().count());
    let mut line = label.to_owned();
    let mut has_words = false;
    for word in text.split_whitespace() {
        if has_words && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(f, "{}", line.trim_end())?;
            line.clone_from(&inset);
            has_words = false;
        }
        if has_words {
            line.push(' ');
        }
        line += word;
        has_words = true;
    }
    writeln!(f, "{}", line.trim_end())
}
