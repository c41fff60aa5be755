//! The file that `botmm init` writes: what most people change first, switched off, in the words of the
//! shipped file.

use super::shipped::{self, Block};
use std::fmt::Write as _;

/// What the file begins with. The units and what follows are the shipped file's.
const HEAD: &str = "\
#:schema ./botmm.schema.json
# The line above is for editors that know schemas of TOML: they explain, complete and check every key.
# Make the file that it names with `botmm schema > botmm.schema.json`.

# Your configuration, on top of what is built in. A key with a # right before it is switched off and
# shows what holds without it: to change it, take the # away. Here is what most people change first;
# config/botmm.toml in the source has every key, and so has the schema.
#
# How to go on, with the name of this file for FILE:
#   botmm check --config FILE                    is it sound, and what does it come to?
#   botmm --config FILE                          paper: on this machine, no key, no network
#   botmm run --network testnet --config FILE    trades there, with the key in HL_PRIVATE_KEY
";

/// What it offers, by table. A block of the shipped file comes whole: what shares a comment is
/// understood together.
const CHOSEN: [(&str, &[&str]); 4] = [
    ("general", &["symbols", "plan"]),
    ("sim", &["fee_tier"]),
    (
        "defaults.quote",
        &[
            "model",
            "strategy",
            "min_spread_bps",
            "vol_multiplier",
            "min_edge_bps",
            "skew_factor",
            "risk_aversion",
            "num_levels",
            "order_size_usd",
        ],
    ),
    (
        "defaults.risk",
        &[
            "max_position_usd",
            "max_total_position_usd",
            "capital_usd",
            "max_daily_loss_pct",
            "max_drawdown_pct",
        ],
    ),
];

/// A commented file to begin with, which changes nothing as it is.
pub fn starter() -> String {
    let mut out = HEAD.to_owned();
    let mut under_header = false;
    // The shipped file's own head is about the shipped file.
    for block in shipped::blocks().iter().skip(1).filter(|b| is_offered(b)) {
        if !under_header {
            out.push('\n');
        }
        under_header = block.is_header();
        let off = if under_header { "" } else { "#" };
        for line in &block.comment {
            let _ = writeln!(out, "{line}");
        }
        for line in &block.lines {
            let _ = writeln!(out, "{off}{}", shipped::on(line));
        }
    }
    out
}

/// Of a chosen table its header, what is said about it, and the chosen keys; of a coin's all.
fn is_offered(block: &Block<'_>) -> bool {
    match CHOSEN.iter().find(|(table, _)| *table == block.table) {
        Some((_, keys)) => {
            let mut own = block.keys();
            block.is_header() || block.lines.is_empty() || own.any(|k| keys.contains(&k))
        }
        None => block.table.starts_with("asset."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;
    use toml::Table;

    fn settings(text: &str) -> Settings {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        Settings::load(Some(file.path()), &|_| None).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    /// The text with keys switched on: all of them, or that of one line.
    fn switched_on(text: &str, only: Option<usize>) -> String {
        let line = |(i, line)| match only.is_none_or(|n| n == i) && !shipped::is_comment(line) {
            true => shipped::on(line),
            false => line,
        };
        text.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn it_changes_nothing_as_it_is_nor_when_all_of_it_is_switched_on() {
        let built_in = Settings::load(None, &|_| None).unwrap();
        let text = starter();
        for text in [text.clone(), switched_on(&text, None)] {
            let own = settings(&text);
            assert_eq!(own.sha256(), built_in.sha256(), "{text}");
            assert!(own.warnings.is_empty(), "{:?}", own.warnings);
        }
        let off: Table = text.parse().unwrap();
        let on: Table = switched_on(&text, None).parse().unwrap();
        let count = |table: &Table| table["defaults"]["quote"].as_table().unwrap().len();
        assert!(count(&off) == 0 && count(&on) > 5, "{} and {}", count(&off), count(&on));
    }

    #[test]
    fn each_key_alone_can_be_switched_on() {
        let text = starter();
        let mut keys = 0;
        for (i, line) in text.lines().enumerate() {
            let on = switched_on(&text, Some(i));
            keys += usize::from(on.lines().nth(i) != Some(line));
            settings(&on);
        }
        let all = shipped::blocks_of(&text).iter().map(|b| b.keys().count()).sum::<usize>();
        assert!(keys == all && keys > 20, "{keys} of {all}");
    }

    #[test]
    fn what_is_chosen_is_there_and_explained() {
        let text = starter();
        let blocks = shipped::blocks_of(&text);
        for (table, keys) in CHOSEN {
            for key in keys {
                let block = blocks.iter().find(|b| b.table == table && b.keys().any(|k| k == *key));
                let comment = block.unwrap_or_else(|| panic!("no {table}.{key}")).explanation();
                assert_eq!(comment, shipped::explanation(&shipped::blocks(), table, key));
                assert!(comment.contains("default"), "{key}: {comment}");
            }
        }
        for part in
            ["#:schema ./botmm.schema.json\n", "botmm schema >", "check --config", "_usd US"]
        {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        assert!(text.starts_with("#:schema ") && text.ends_with('\n') && !text.contains("\n\n\n"));
    }
}
