//! A page as one HTML file that asks nobody for anything: its own policy forbids it to.

use super::escaped::escaped;
use super::model::{Cell, Figure, Page, Table};
use super::svg;
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("zoom.js");
/// Nothing is loaded, nothing is sent, nothing is framed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";
/// Rows of a table that stand open; a longer one is folded.
const OPEN_ROWS: usize = 40;

/// A longer text of a table is broken into lines.
const LONG_CHARS: usize = 30;

impl Page {
    /// The whole file.
    pub fn to_html(&self) -> String {
        let title = escaped(&self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <header><h1>{title}</h1><p class=\"soft\">{}</p></header>\n",
            escaped(&self.subtitle)
        );
        self.verdict_html(&mut out);
        self.contents_html(&mut out);
        self.figures.iter().for_each(|figure| figure_html(&mut out, figure));
        self.commands_html(&mut out);
        let _ = write!(out, "</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
        out
    }

    fn verdict_html(&self, out: &mut String) {
        let tone = if self.is_loss { "loss" } else { "" };
        let verdict = escaped(&self.verdict);
        let _ = write!(out, "<section id=\"verdict\">\n<p class=\"big {tone}\">{verdict}</p>\n");
        for sentence in &self.sentences {
            let _ = writeln!(out, "<p>{}</p>", escaped(sentence));
        }
        if !self.causes.is_empty() {
            out.push_str("<h2>Why, the largest cause first</h2>\n<ol>\n");
            for cause in &self.causes {
                let _ = writeln!(out, "<li>{}</li>", escaped(cause));
            }
            out.push_str("</ol>\n");
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "<p class=\"warning\">{}</p>", escaped(warning));
        }
        out.push_str("</section>\n");
    }

    fn contents_html(&self, out: &mut String) {
        out.push_str("<nav>");
        for Figure { id, title, .. } in &self.figures {
            let _ = write!(out, "<a href=\"#{id}\">{}</a> ", escaped(title));
        }
        out.push_str("</nav>\n");
    }

    fn commands_html(&self, out: &mut String) {
        out.push_str("<section id=\"again\">\n<h2>To make it again</h2>\n");
        for command in &self.commands {
            let (purpose, line) = (escaped(&command.purpose), escaped(&command.line));
            let _ = writeln!(out, "<p>{purpose}</p>\n<pre>{line}</pre>");
        }
        out.push_str("</section>\n");
    }
}

fn figure_html(out: &mut String, figure: &Figure) {
    let Figure { id, title, how_to_read, charts, table, notes, absent } = figure;
    let (title, how) = (escaped(title), escaped(how_to_read));
    let _ = writeln!(out, "<section id=\"{id}\" class=\"figure\">\n<h2>{title}</h2>");
    let _ = writeln!(out, "<p class=\"how\">{how}</p>");
    if let Some(why) = absent {
        let _ = writeln!(out, "<p class=\"absent\">{}</p>", escaped(why));
    }
    for chart in charts {
        out.push_str("<div class=\"chart\">");
        if !chart.name.is_empty() && charts.len() > 1 {
            let _ = write!(out, "<h3>{}</h3>", escaped(&chart.name));
        }
        out.push_str(&svg::chart(chart));
        out.push_str("<details><summary>numbers</summary>");
        table_html(out, &chart.numbers);
        out.push_str("</details></div>\n");
    }
    if let Some(table) = table {
        let is_long = table.rows.len() > OPEN_ROWS;
        if is_long {
            let _ = write!(out, "<details><summary>{} rows</summary>", table.rows.len());
        }
        table_html(out, table);
        out.push_str(if is_long { "</details>" } else { "" });
    }
    for note in notes {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", escaped(note));
    }
    out.push_str("</section>\n");
}

fn table_html(out: &mut String, table: &Table) {
    out.push_str("<div class=\"wide\"><table><thead><tr>");
    let is_text = |at: usize| table.rows.iter().all(|row| row.get(at).is_none_or(Cell::is_text));
    for (at, name) in table.columns.iter().enumerate() {
        let class = if is_text(at) { " class=\"t\"" } else { "" };
        let _ = write!(out, "<th{class}>{}</th>", escaped(name));
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let tone = match cell {
                Cell::Usd(amount) if amount.is_negative() => "loss",
                Cell::Text(text) if text.chars().count() > LONG_CHARS => "t long",
                _ if is_text(at) => "t",
                _ => "",
            };
            let _ = write!(out, "<td class=\"{tone}\">{}</td>", escaped(&cell.shown()));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}
