//! The first decision of a repetition that is another one, beside the run's own of the same moment: which prices
//! and sizes, and of which terms.

use crate::exit::AppError;
use crate::journal::line::{Action, Decision, Item, Level, Line, Terms};
use crate::journal::reader::Lines;
use crate::journal::segments::{LIVE, Reading};
use crate::when::utc;
use botmm_pipeline::logic::sizer::FACTOR_NAMES;
use botmm_pipeline::types::Nanos;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What differs, of one coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which coin.
    pub coin: String,
    /// A decision, or an action: what of it, as it was and as it is here. [`None`] = there was none.
    pub changes: Vec<Change>,
}

/// One part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which part: `bids`, `bid floor`, …
    pub what: String,
    /// In the run.
    pub was: Option<String>,
    /// In the repetition.
    pub is: Option<String>,
}

/// What was decided and done at one moment, by coin: the parts of it, in words.
type Parts = BTreeMap<String, Vec<(String, String)>>;

/// The differences between what the run's journal, in this folder, has of a moment and these lines of it.
/// In words why nothing can be said.
pub fn explain(run: &Path, at: Nanos, lines: &[Line]) -> Result<Vec<Difference>, String> {
    let path = run.join(LIVE);
    if !path.is_file() {
        return Err(format!(
            "{} is not there, so the run's own terms are not known",
            path.display()
        ));
    }
    // A decision may be judged again later: its line has the time of that.
    let mut times: BTreeSet<String> = lines.iter().filter_map(time_of).collect();
    times.insert(utc(at));
    let theirs = journalled(&path, &times).map_err(|e| e.to_string())?;
    let (was, is) = (parts(&theirs), parts(lines));
    let coins: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let none = Vec::new();
    let of = |coin: &String| {
        let (was, is) = (was.get(coin).unwrap_or(&none), is.get(coin).unwrap_or(&none));
        Difference { coin: coin.clone(), changes: changes(was, is) }
    };
    Ok(coins.into_iter().map(of).filter(|d| !d.changes.is_empty()).collect())
}

/// What a journal has of these moments.
fn journalled(path: &Path, times: &BTreeSet<String>) -> Result<Vec<Line>, AppError> {
    let reading = Reading::open(path).map_err(AppError::io(path, "read"))?;
    let mut found = Vec::new();
    for file in 0..reading.files() {
        let Some(mut lines) = Lines::of(&reading, file)? else { continue };
        while let Some((_, text)) = lines.next_line()? {
            // A line that cannot be read is no decision of that moment.
            let line = text.ok().and_then(|text| Line::read(text).ok().flatten());
            found.extend(line.filter(|line| time_of(line).is_some_and(|t| times.contains(&t))));
        }
    }
    Ok(found)
}

/// When a decision was made or an action sent.
fn time_of(line: &Line) -> Option<String> {
    match line {
        Line::Decision(decision) => Some(decision.time.clone()),
        Line::Place(action) | Line::Modify(action) | Line::Cancel(action) => {
            Some(action.time.clone())
        }
        _ => None,
    }
}

fn parts(lines: &[Line]) -> Parts {
    let mut parts = Parts::new();
    for line in lines {
        match line {
            Line::Decision(decision) => {
                parts.entry(decision.coin.clone()).or_default().extend(of_decision(decision));
            }
            Line::Place(action) | Line::Modify(action) | Line::Cancel(action) => {
                let coin = action.coin.clone().unwrap_or_default();
                parts.entry(coin).or_default().extend(of_action(line.kind(), action));
            }
            _ => {}
        }
    }
    parts
}

fn of_decision(decision: &Decision) -> Vec<(String, String)> {
    let mut parts = vec![
        ("bids".to_owned(), ladder(&decision.bids, &decision.bid)),
        ("asks".to_owned(), ladder(&decision.asks, &decision.ask)),
    ];
    parts.extend(decision.mid.iter().map(|mid| ("mid".to_owned(), mid.clone())));
    parts.extend(decision.fair.iter().map(|fair| ("fair price".to_owned(), fair.clone())));
    parts.extend(decision.terms.iter().flat_map(|terms| of_terms(terms)));
    parts
}

fn of_terms(terms: &Terms) -> Vec<(String, String)> {
    let side = |side: &str, of: &BTreeMap<String, String>| -> Vec<(String, String)> {
        of.iter().map(|(term, px)| (format!("{side} {term}"), px.clone())).collect()
    };
    let mut parts = side("bid", &terms.bid);
    parts.extend(side("ask", &terms.ask));
    for (what, is) in [
        ("model", &terms.model),
        ("strategy", &terms.strategy),
        ("regime", &terms.regime),
        ("spacing", &terms.spacing),
        ("wanted size, USD", &terms.size_usd),
        ("position", &terms.position),
    ] {
        parts.push((what.to_owned(), is.clone()));
    }
    let factors = FACTOR_NAMES.iter().zip(&terms.size_factors);
    parts.extend(factors.map(|(name, is)| (format!("size by {name}"), is.to_string())));
    parts
}

fn ladder(levels: &[Level], reason: &str) -> String {
    match levels {
        [] => format!("none ({reason})"),
        levels => {
            let orders: Vec<_> = levels.iter().map(|[px, qty]| format!("{qty} @ {px}")).collect();
            orders.join(", ")
        }
    }
}

fn of_action(kind: &str, action: &Action) -> Vec<(String, String)> {
    let item = |item: &Item| serde_json::to_string(item).unwrap_or_default();
    let items: Vec<_> = action.items.iter().map(item).collect();
    vec![(format!("action {kind}"), items.join(", "))]
}

fn changes(was: &[(String, String)], is: &[(String, String)]) -> Vec<Change> {
    let of = |parts: &[(String, String)], what: &str| {
        parts.iter().find(|(name, _)| name == what).map(|(_, part)| part.clone())
    };
    let mut names: Vec<&String> = Vec::new();
    for (what, _) in was.iter().chain(is) {
        if !names.contains(&what) {
            names.push(what);
        }
    }
    let change =
        |what: &String| Change { what: what.clone(), was: of(was, what), is: of(is, what) };
    names.into_iter().map(change).filter(|change| change.was != change.is).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    fn decision(bid: &str, floor: &str) -> serde_json::Value {
        json!({
            "type": "decision", "v": 1, "time": "2026-01-01T00:00:00.000001Z", "coin": "BTC",
            "mid": "100", "fair": "100", "vol_bps": 1.0, "bids": [[bid, "1"]], "asks": [],
            "bid": "quoted", "ask": "max_position", "market_seq": 7,
            "terms": {"fair": "100", "bid": {"floor": floor}, "ask": {}, "spacing": "1",
                      "size_usd": "150", "model": "linear", "position": "0"},
        })
    }

    #[test]
    fn terms_that_differ_are_named_one_by_one_and_what_is_missing_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let at = Nanos(1_767_225_600_000_001_000);
        let is = |bid: &str, floor: &str| {
            Line::read(&decision(bid, floor).to_string()).unwrap().unwrap()
        };
        let unknown = explain(dir.path(), at, &[]).unwrap_err();
        assert!(unknown.contains("journal.jsonl is not there"), "{unknown}");
        fs::write(dir.path().join(LIVE), format!("{}\n", decision("99", "-1"))).unwrap();
        assert_eq!(explain(dir.path(), at, &[is("99", "-1")]).unwrap(), []);
        let found = explain(dir.path(), at, &[is("98", "-2")]).unwrap();
        let change = |what: &str, was: &str, is: &str| Change {
            what: what.to_owned(),
            was: Some(was.to_owned()),
            is: Some(is.to_owned()),
        };
        let changes = vec![change("bids", "1 @ 99", "1 @ 98"), change("bid floor", "-1", "-2")];
        assert_eq!(found, [Difference { coin: "BTC".to_owned(), changes }]);
        // Nothing was decided here.
        let found = explain(dir.path(), at, &[]).unwrap();
        assert!(found[0].changes.iter().all(|c| c.was.is_some() && c.is.is_none()), "{found:?}");
    }
}
