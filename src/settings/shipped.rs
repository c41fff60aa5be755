//! The shipped file as it is written: which comment explains which keys. The file is the one place
//! where a key is explained; the starter file and the editors' schema take it from there.

use super::SHIPPED;

/// A comment and the lines right under it: the header of a table, keys that it explains together, or
/// nothing.
pub(super) struct Block<'a> {
    /// The table that it is in, or that it stands before: `defaults.quote`.
    pub table: &'a str,
    /// Lines, with their `#`.
    pub comment: Vec<&'a str>,
    /// `[defaults.quote]`, or `key = value` lines.
    pub lines: Vec<&'a str>,
}

/// The blocks of the shipped file, in order.
pub(super) fn blocks() -> Vec<Block<'static>> {
    blocks_of(SHIPPED)
}

/// The same of any text that is laid out like it: a value on its key's line, and no comment behind it.
pub(super) fn blocks_of(text: &str) -> Vec<Block<'_>> {
    let mut blocks = vec![Block::empty()];
    let mut table = "";
    for line in text.lines() {
        let comment = is_comment(line);
        let header = line.starts_with('[');
        let open = blocks.last().is_some_and(|b| b.lines.is_empty());
        if line.is_empty() || (!open && (comment || header)) {
            blocks.push(Block { table, ..Block::empty() });
        }
        if header {
            table = line.trim_matches(['[', ']']);
            // Comments since the last key are about the table that begins here.
            let since = blocks.iter_mut().rev().take_while(|b| b.lines.is_empty());
            since.for_each(|b| b.table = table);
        }
        let Some(block) = blocks.last_mut() else { continue };
        match line {
            "" => {}
            _ if comment => block.comment.push(line),
            _ => block.lines.push(line),
        }
        if header {
            blocks.push(Block { table, ..Block::empty() });
        }
    }
    blocks.retain(|b| !(b.comment.is_empty() && b.lines.is_empty()));
    blocks
}

impl Block<'_> {
    fn empty() -> Self {
        Self { table: "", comment: Vec::new(), lines: Vec::new() }
    }

    /// Whether it is the header of its table.
    pub fn is_header(&self) -> bool {
        self.lines.first().is_some_and(|line| line.starts_with('['))
    }

    /// Its keys, those that are switched off too.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| Some(on(line).split_once(" = ")?.0))
    }

    /// The comment as one paragraph.
    pub fn explanation(&self) -> String {
        let words = self.comment.iter().flat_map(|line| line[1..].split_whitespace());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Whether a line is words. A key that is switched off has its `#` right before it.
pub(super) fn is_comment(line: &str) -> bool {
    line == "#" || line.starts_with("# ") || line.starts_with("#:")
}

/// The line of a key without the `#` that switches it off.
pub(super) fn on(line: &str) -> &str {
    line.strip_prefix('#').unwrap_or(line)
}

/// What the shipped file says about a key: the comment over it, else the one over its table (the rows
/// of the universe and of the fees are explained there).
pub(super) fn explanation(blocks: &[Block<'_>], table: &str, key: &str) -> String {
    let own = blocks.iter().find(|b| b.table == table && b.keys().any(|k| k == key));
    match own {
        Some(block) if !block.comment.is_empty() => block.explanation(),
        _ => about(blocks, table),
    }
}

/// What it says about a table.
pub(super) fn about(blocks: &[Block<'_>], table: &str) -> String {
    let header = blocks.iter().find(|b| b.table == table && b.is_header());
    header.map_or(String::new(), Block::explanation)
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::super::spec::{SPECS, Section};
    use super::*;
    use toml::Value;

    #[test]
    fn comments_go_with_what_is_right_under_them() {
        let text = "# The file.\n\n# About all.\n\n# A table.\n[a]\n# Two keys:\n# both.\nx = 1\ny = 2\n\
                    # Off.\n#z = 3\n[b]\nx = 4\n";
        let blocks = blocks_of(text);
        let seen: Vec<(&str, String, Vec<&str>)> =
            blocks.iter().map(|b| (b.table, b.explanation(), b.lines.clone())).collect();
        let block = |table, comment: &str, lines: &[&'static str]| {
            (table, comment.to_owned(), lines.to_vec())
        };
        assert_eq!(
            seen,
            [
                block("a", "The file.", &[]),
                block("a", "About all.", &[]),
                block("a", "A table.", &["[a]"]),
                block("a", "Two keys: both.", &["x = 1", "y = 2"]),
                block("a", "Off.", &["#z = 3"]),
                block("b", "", &["[b]"]),
                block("b", "", &["x = 4"]),
            ]
        );
        assert_eq!(explanation(&blocks, "a", "y"), "Two keys: both.");
        assert_eq!(explanation(&blocks, "a", "z"), "Off.");
        assert_eq!(explanation(&blocks, "a", "w"), "A table.");
    }

    /// Every number in a text, however it is written.
    fn numbers(text: &str) -> Vec<f64> {
        let part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_');
        let words = text.split(|c| !part(c)).map(|w| w.trim_end_matches('.').replace('_', ""));
        words.filter_map(|w| w.parse().ok()).collect()
    }

    /// Whether a comment tells this default.
    fn tells(comment: &str, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().all(|item| tells(comment, item)),
            // Money keeps its decimal text.
            Value::String(text) if text.parse::<f64>().is_err() => comment.contains(text.as_str()),
            Value::Boolean(flag) => comment.contains(&format!("default {flag}")),
            number => {
                let wanted: f64 = number.to_string().trim_matches('"').parse().unwrap();
                numbers(comment).iter().any(|n| n.to_bits() == wanted.to_bits())
            }
        }
    }

    #[test]
    fn every_key_has_a_comment_that_tells_its_unit_and_the_default_that_is_shipped() {
        let shipped = Document::parse("x", SHIPPED).unwrap().table;
        let blocks = blocks();
        let rows = [Section::Instrument, Section::VolumeTier, Section::MakerRebate];
        for spec in SPECS {
            let table = spec.section.table();
            if rows.contains(&spec.section) {
                assert!(!about(&blocks, table).is_empty(), "[{table}] is not explained");
                continue;
            }
            let name = format!("{table}.{}", spec.key);
            let block = blocks.iter().find(|b| b.table == table && b.keys().any(|k| k == spec.key));
            let comment = block.map_or(String::new(), Block::explanation);
            assert!(comment.contains("default"), "{name}: no default in {comment:?}");
            let unit = spec.unit.split(' ').next().unwrap();
            let named = !["bps", "ms", "s", "percent", "USD"].contains(&unit)
                || comment.split([' ', ',', ';', '(', ')']).any(|word| word == unit);
            assert!(named, "{name}: no {unit} in {comment:?}");
            let keys = table.split('.').fold(&shipped, |t, part| t[part].as_table().unwrap());
            match keys.get(spec.key) {
                Some(value) => assert!(tells(&comment, value), "{name} = {value}: {comment:?}"),
                None => assert_eq!(spec.key, "maker_fee_bps", "the one key without a value"),
            }
        }
    }

    #[test]
    fn defaults_are_recognised_as_people_write_them() {
        let weights: Value = vec![0.5, 0.3].into();
        assert!(tells("shares (default .50 .30).", &weights));
        assert!(!tells("shares (default .50 .20).", &weights));
        assert!(tells("loss (USD; default 10000)", &Value::Integer(10_000)));
        assert!(!tells("loss (USD; default 1000)", &Value::Integer(10_000)));
        assert!(!tells("(default true)", &Value::Boolean(false)));
    }
}
