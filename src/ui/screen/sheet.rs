//! The sheet that a screen is drawn on: so many columns and rows, with colour or without. Nothing on
//! it wraps or scrolls: what does not fit ends in `…`, or begins a new line between two words.

use console::{Style, measure_text_width, truncate_str};

/// Between things that stand beside each other.
pub(super) const GAP: &str = "  ·  ";
/// Where a line goes on that began above.
const INDENT: &str = "  ";

/// How large the screen is, and whether it knows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Columns.
    pub cols: usize,
    /// Rows.
    pub rows: usize,
    /// Colours may be used.
    pub has_colour: bool,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing.
    Plain,
    /// Which network this is.
    Badge,
    /// The same, where it is real money.
    RealMoney,
    /// Money was lost.
    Loss,
    /// Something holds us, or somebody must look.
    Alarm,
    /// Not as it should be, and it will pass.
    Warning,
}

impl Sheet {
    /// The text in its colour.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Badge => Style::new().bold().reverse(),
            Tone::RealMoney => Style::new().bold().white().on_red(),
            Tone::Loss => Style::new().red(),
            Tone::Alarm => Style::new().red().bold(),
            Tone::Warning => Style::new().yellow(),
        };
        match self.has_colour {
            true => style.force_styling(true).apply_to(text).to_string(),
            false => text.to_owned(),
        }
    }

    /// A line, cut where the screen ends.
    pub(super) fn cut(self, line: &str) -> String {
        truncate_str(line, self.cols, "…").into_owned()
    }

    /// Parts one after the other, as many to a line as fit.
    pub(super) fn flow(self, parts: impl IntoIterator<Item = String>) -> Vec<String> {
        self.fill(parts, GAP, "")
    }

    /// The same after a name, which nothing stands below.
    pub(super) fn flow_after(self, name: &str, parts: Vec<String>) -> Vec<String> {
        let mut parts = parts;
        if let Some(first) = parts.first_mut() {
            first.insert_str(0, name);
        }
        self.fill(parts, GAP, &" ".repeat(measure_text_width(name)))
    }

    /// A sentence over at most so many lines; what is left over is cut.
    pub(super) fn sentence(self, text: &str, max_lines: usize) -> Vec<String> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let mut lines = self.fill(words.iter().cloned(), " ", INDENT);
        if lines.len() > max_lines {
            let kept: usize =
                lines[..max_lines - 1].iter().map(|l| l.split_whitespace().count()).sum();
            let rest = words.iter().filter(|w| !w.is_empty()).skip(kept).cloned();
            let rest = rest.collect::<Vec<_>>().join(" ");
            lines.truncate(max_lines - 1);
            let indent = if lines.is_empty() { "" } else { INDENT };
            lines.push(self.cut(&format!("{indent}{rest}")));
        }
        lines
    }

    fn fill(self, parts: impl IntoIterator<Item = String>, gap: &str, indent: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            let fits = |line: &String| {
                let width = measure_text_width(line) + measure_text_width(gap);
                width + measure_text_width(&part) <= self.cols
            };
            match lines.last_mut() {
                Some(line) if fits(line) => {
                    line.push_str(gap);
                    line.push_str(&part);
                }
                Some(_) => lines.push(self.cut(&format!("{indent}{part}"))),
                None => lines.push(self.cut(&part)),
            }
        }
        lines
    }
}

/// Padded on the left to so many columns.
pub(super) fn right(text: &str, cols: usize) -> String {
    format!("{}{text}", " ".repeat(cols.saturating_sub(measure_text_width(text))))
}

/// Padded on the right to so many columns.
pub(super) fn left(text: &str, cols: usize) -> String {
    format!("{text}{}", " ".repeat(cols.saturating_sub(measure_text_width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(cols: usize) -> Sheet {
        Sheet { cols, rows: 24, has_colour: false }
    }

    fn owned(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|p| (*p).to_owned()).collect()
    }

    #[test]
    fn parts_flow_over_as_many_lines_as_they_need() {
        let parts = ["one", "two", "three"];
        assert_eq!(sheet(40).flow(owned(&parts)), ["one  ·  two  ·  three"]);
        assert_eq!(sheet(12).flow(owned(&parts)), ["one  ·  two", "three"]);
        assert_eq!(sheet(4).flow(owned(&parts)), ["one", "two", "thr…"]);
    }

    #[test]
    fn sentences_break_between_words_and_end_in_time() {
        let text = "a large move within a second";
        assert_eq!(sheet(40).sentence(text, 2), [text]);
        assert_eq!(sheet(18).sentence(text, 2), ["a large move", "  within a second"]);
        assert_eq!(sheet(12).sentence(text, 2), ["a large move", "  within a …"]);
        assert_eq!(sheet(12).sentence(text, 1), ["a large mov…"]);
    }

    #[test]
    fn colours_take_no_room_and_can_be_off() {
        let coloured = Sheet { has_colour: true, ..sheet(8) };
        let loss = coloured.paint(Tone::Loss, "-12.34");
        assert_ne!(loss, "-12.34");
        assert_eq!(measure_text_width(&coloured.cut(&loss)), 6);
        assert_eq!(sheet(8).paint(Tone::Loss, "-12.34"), "-12.34");
    }
}
