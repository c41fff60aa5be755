//! Sets of parameters: every combination of what is listed on the command line, and the rows of a file.

use super::axes::parts;
use crate::exit::{AppError, Exit};
use crate::files;
use crate::masked::masked;
use crate::settings::{ParamSetting, Settings};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// A file of sets is no larger.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// More sets are a mistake.
const MAX_SETS: usize = 100_000;

/// One set: what differs from the configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    /// `[COIN.][TABLE.]KEY` and its value as JSON, or a word; in the order in which they are set.
    pub params: Vec<(String, String)>,
    /// Where it is from, for messages.
    pub place: Option<String>,
}

/// Every combination of rows and lists.
///
/// # Errors
/// A list or a row is none, or there are too many.
pub(super) fn sets(lists: &[String], file: Option<&Path>) -> Result<Vec<Set>, AppError> {
    let mut all = match file {
        None => vec![Set::default()],
        Some(path) => rows(path)?,
    };
    for list in lists {
        let (name, values) =
            list.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                AppError::Usage(format!("--param {list}: expected [COIN.]KEY=VALUE,VALUE…"))
            })?;
        let values = parts(values);
        if all.len().saturating_mul(values.len()) > MAX_SETS {
            return Err(AppError::Usage(format!("more than {MAX_SETS} sets of parameters")));
        }
        let with = |set: &Set, value: &str| {
            let mut set = set.clone();
            set.params.push((name.to_owned(), value.to_owned()));
            set
        };
        all = all.iter().flat_map(|set| values.iter().map(|value| with(set, value))).collect();
    }
    Ok(all)
}

/// A JSON object a line.
fn rows(path: &Path) -> Result<Vec<Set>, AppError> {
    let text = files::read_text(path, MAX_FILE_BYTES).map_err(AppError::io(path, "read"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let rows: Result<Vec<Set>, AppError> = lines
        .map(|(i, line)| {
            let place = format!("row {} of {}", i + 1, path.display());
            let row: BTreeMap<String, &RawValue> =
                serde_json::from_str(line).map_err(|e| refused(&place, &e.to_string()))?;
            let word =
                |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or(raw.get().to_owned());
            let params = row.into_iter().map(|(name, raw)| (name, word(raw))).collect();
            Ok(Set { params, place: Some(place) })
        })
        .collect();
    let rows = rows?;
    match rows.len() {
        0 => Err(refused(&path.display().to_string(), "no sets of parameters in it")),
        n if n > MAX_SETS => {
            Err(refused(&path.display().to_string(), "too many sets of parameters"))
        }
        _ => Ok(rows),
    }
}

impl Set {
    /// The part of it that is about these coins. One of another coin alone is of no concern here.
    pub fn of(&self, coins: &[String], all: &[String]) -> Self {
        let is_of_another = |name: &str| {
            all.iter().any(|coin| !coins.contains(coin) && name.starts_with(&format!("{coin}.")))
        };
        let params = self.params.iter().filter(|(name, _)| !is_of_another(name)).cloned().collect();
        Self { params, place: self.place.clone() }
    }
}

/// The settings with these parameters in place.
///
/// # Errors
/// There is no such parameter, or its value is not allowed; with the place where it was written.
pub(super) fn put(
    params: &[(String, String)],
    place: Option<&str>,
    settings: &Settings,
    coins: &[String],
) -> Result<Settings, AppError> {
    if params.is_empty() {
        return Ok(settings.clone());
    }
    let place = place.unwrap_or("--param");
    let mut all = Vec::new();
    for (name, value) in params {
        let written = ParamSetting::written(name, value, coins).map_err(|e| refused(place, &e))?;
        all.extend(written);
    }
    settings.with_params(&all, place).map_err(|e| {
        let said = e.to_string();
        let said =
            said.strip_prefix(place).map_or(said.as_str(), |rest| rest.trim_start_matches(": "));
        refused(place, said)
    })
}

fn refused(place: &str, why: &str) -> AppError {
    AppError::of(Exit::Config, masked(&format!("{place}: {why}")).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_a_set_and_rows_know_their_place() {
        let lists =
            ["min_spread_bps=2,3".to_owned(), "BTC.level_weights=[1,0,0,0],[1,1,1,1]".to_owned()];
        let all = sets(&lists, None).unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(all[3].params[1], ("BTC.level_weights".into(), "[1,1,1,1]".into()));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sets.jsonl");
        std::fs::write(
            &path,
            "{\"model\":\"glft\"}\n\n{\"BTC.tick_ms\":500,\"order_size_usd\":20.5}\n",
        )
        .unwrap();
        let rows = sets(&lists[..1], Some(&path)).unwrap();
        assert_eq!(rows.len(), 4);
        assert!(rows[3].place.as_ref().unwrap().starts_with("row 3 of"));
        assert_eq!(
            rows[3].params[..2],
            [("BTC.tick_ms".into(), "500".into()), ("order_size_usd".into(), "20.5".into())]
        );
        assert_eq!(rows[0].params[0].1, "glft");
        let coins = ["SOL".to_owned()];
        let other = rows[3].of(&coins, &["BTC".to_owned(), "SOL".to_owned()]);
        assert_eq!(other.params.len(), 2, "BTC's is of no concern to SOL");
        std::fs::write(&path, "{\"model\":\n").unwrap();
        assert!(sets(&[], Some(&path)).unwrap_err().to_string().contains("row 1 of"));
        std::fs::write(&path, "\n").unwrap();
        assert!(sets(&[], Some(&path)).is_err());
        assert!(sets(&["min_spread_bps".to_owned()], None).is_err());
    }

    #[test]
    fn what_is_out_of_range_is_named_with_its_row() {
        let settings = Settings::load(None, &|_| None).unwrap();
        let coins = ["BTC".to_owned()];
        let put = |name: &str, value: &str| {
            let params = [(name.to_owned(), value.to_owned())];
            super::put(&params, Some("row 7 of x.jsonl"), &settings, &coins)
                .map(|s| s.params("BTC").min_spread_bps.to_string())
        };
        assert_eq!(put("min_spread_bps", "3").unwrap(), "3");
        for (name, value, words) in [
            ("min_spread_bps", "-5", "out of range"),
            ("min_spred_bps", "5", "no such parameter"),
            ("min_spread_bps", "900", "row 7 of x.jsonl: "),
            ("NOPE.min_spread_bps", "5", "no such coin"),
        ] {
            let error = put(name, value).unwrap_err();
            let said = error.to_string();
            assert!(said.starts_with("row 7 of x.jsonl: ") && said.contains(words), "{said}");
            assert_eq!((error.exit(), said.matches("row 7").count()), (Exit::Config, 1), "{said}");
        }
    }
}
