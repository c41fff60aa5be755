//! The tuner's files: its layer of parameters, the log of its judgements, and what a shadow run said of it.
//!
//! The layer is a file like `live_params.json`, below it. The log has a line a judgement and coin, with the evidence, the
//! steps, and the coin's values before and after; going back is a line too.

use super::rules::{Baseline, Evidence, Step, Values};
use crate::exit::{AppError, Exit};
use crate::files::{self, Readers};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// No file of the tuner is larger.
const MAX_BYTES: u64 = 64 << 20;
/// Lines that the log keeps: years of judgements.
const MAX_LINES: usize = 20_000;

/// Where they lie: the layer as it is configured, the others beside it.
#[derive(Clone, Debug)]
pub struct TunerFiles {
    /// The layer.
    pub layer: PathBuf,
}

/// Values by coin.
pub type Layer = BTreeMap<String, Values>;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The tuner judged a window.
    Judged,
    /// A person went back by one judgement.
    RolledBack,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339.
    pub time: String,
    /// Whose parameters.
    pub coin: String,
    /// See there.
    pub what: What,
    /// [`None`] = a person's.
    pub evidence: Option<Evidence>,
    /// What followed from it.
    pub steps: Vec<Step>,
    /// The tuner's values of the coin.
    pub before: Values,
    /// The same, if it was applied.
    pub after: Values,
    /// Whether it was.
    pub is_applied: bool,
    /// Of a way back: the moment of the judgement that it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
}

/// What a shadow run said: the tuner against no tuning, on the same market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// When it was made, RFC 3339.
    pub time: String,
    /// On which recordings.
    pub data: Vec<String>,
    /// Of the configuration.
    pub config_sha256: String,
    /// Length of the market, seconds.
    pub span_s: f64,
    /// Time between two judgements, and of what each is, seconds.
    pub every_s: f64,
    /// See `every_s`.
    pub window_s: f64,
    /// Judgements that changed something.
    pub changes: usize,
    /// After fees and funding, without the tuner and with it, USD.
    pub net_usd: [f64; 2],
    /// How many, in the same order.
    pub fills: [u64; 2],
    /// With it less without, over the span: 95 % lie between; [`None`] = too short to say.
    pub gain_interval_usd: Option<[f64; 2]>,
    /// Of the gain against zero.
    pub t: Option<f64>,
    /// The gain is above zero with 95 %, and rests on enough changes.
    pub is_better: bool,
    /// What each coin began with.
    pub baseline: Layer,
}

impl TunerFiles {
    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.layer.file_stem().unwrap_or_default().to_owned();
        name.push(end);
        self.layer.with_file_name(name)
    }

    /// Where the log is.
    pub fn log_path(&self) -> PathBuf {
        self.beside(".log.jsonl")
    }

    /// Where a shadow run's verdict is.
    pub fn verdict_path(&self) -> PathBuf {
        self.beside(".verdict.json")
    }

    /// Keeps others out until it is dropped: a judgement, and a person who goes back by one, may meet.
    ///
    /// # Errors
    /// The lock beside the layer cannot be made.
    pub fn hold(&self) -> Result<File, AppError> {
        self.make_folder()?;
        let path = self.beside(".lock");
        let file = files::open_lock(&path).map_err(AppError::io(&path, "open"))?;
        file.lock().map_err(AppError::io(&path, "lock"))?;
        Ok(file)
    }

    /// What the tuner sets.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn layer(&self) -> Result<Layer, AppError> {
        Ok(self.json(&self.layer)?.unwrap_or_default())
    }

    /// What a shadow run said, if there was one.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn verdict(&self) -> Result<Option<Verdict>, AppError> {
        self.json(&self.verdict_path())
    }

    fn json<T: for<'a> Deserialize<'a>>(&self, path: &Path) -> Result<Option<T>, AppError> {
        let text = files::read_text_if_any(path, MAX_BYTES).map_err(AppError::io(path, "read"))?;
        let remedy = "mend it, or remove it";
        text.map(|text| {
            serde_json::from_str(&text)
                .map_err(|e| AppError::data(path.display().to_string(), e.to_string(), remedy))
        })
        .transpose()
    }

    /// The log, oldest first.
    ///
    /// # Errors
    /// It cannot be read, or a line is none of its lines.
    pub fn log(&self) -> Result<Vec<Entry>, AppError> {
        let path = self.log_path();
        let text =
            files::read_text_if_any(&path, MAX_BYTES).map_err(AppError::io(&path, "read"))?;
        let text = text.unwrap_or_default();
        let one = |(number, line): (usize, &str)| {
            let place = format!("{}:{}", path.display(), number + 1);
            serde_json::from_str(line)
                .map_err(|e| AppError::data(place, e.to_string(), "mend it, or remove it"))
        };
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(one).collect()
    }

    /// Writes what is applied of these, and logs all of them: the layer last, so that what holds is always told. To be
    /// called while they are held.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn take(&self, entries: &[Entry]) -> Result<(), AppError> {
        let mut all = self.log()?;
        all.extend_from_slice(entries);
        let kept = &all[all.len().saturating_sub(MAX_LINES)..];
        let line = |entry: &Entry| serde_json::to_string(entry).map(|line| line + "\n");
        let text: Result<String, _> = kept.iter().map(line).collect();
        let text = text.map_err(|e| AppError::of(Exit::Data, e))?;
        self.write(&self.log_path(), &text)?;
        let before = self.layer()?;
        let mut layer = before.clone();
        for entry in entries.iter().filter(|entry| entry.is_applied) {
            layer.insert(entry.coin.clone(), entry.after.clone());
        }
        layer.retain(|_, values| !values.is_empty());
        if layer != before {
            self.write(&self.layer, &pretty(&layer)?)?;
        }
        Ok(())
    }

    /// Keeps what a shadow run said.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, verdict: &Verdict) -> Result<(), AppError> {
        self.write(&self.verdict_path(), &pretty(verdict)?)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), AppError> {
        self.make_folder()?;
        files::write_whole(path, text.as_bytes(), Readers::Group)
    }

    fn make_folder(&self) -> Result<(), AppError> {
        let folder = self.layer.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.map_or(Ok(()), |folder| files::make_folder(folder, Readers::Group))
    }

    /// Goes back by the newest judgement that changed something and was not undone; what was done, [`None`] = there is
    /// none.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn roll_back(&self, time: String) -> Result<Option<Entry>, AppError> {
        let _held = self.hold()?;
        let log = self.log()?;
        let is_undone = |one: &Entry| {
            let undoes = |e: &&Entry| e.coin == one.coin && e.undoes.as_ref() == Some(&one.time);
            log.iter().any(|e| undoes(&e))
        };
        let changed = |e: &&Entry| e.what == What::Judged && e.is_applied && e.before != e.after;
        let Some(newest) = log.iter().rev().filter(changed).find(|e| !is_undone(e)) else {
            return Ok(None);
        };
        let entry = Entry {
            time,
            coin: newest.coin.clone(),
            what: What::RolledBack,
            evidence: None,
            steps: Vec::new(),
            before: newest.after.clone(),
            after: newest.before.clone(),
            is_applied: true,
            undoes: Some(newest.time.clone()),
        };
        self.take(std::slice::from_ref(&entry))?;
        Ok(Some(entry))
    }
}

fn pretty(value: &impl Serialize) -> Result<String, AppError> {
    Ok(serde_json::to_string_pretty(value).map_err(|e| AppError::of(Exit::Data, e))? + "\n")
}

/// Keys whose values differ, in order.
pub fn differing([before, after]: [&Values; 2]) -> impl Iterator<Item = &String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().filter(move |key| before.get(*key) != after.get(*key))
}

impl Verdict {
    /// Whether it lets the tuner act on a coin: with it was better, and the coin still begins as it did then.
    pub fn allows(&self, coin: &str, baseline: &Baseline) -> bool {
        self.is_better && self.baseline.get(coin) == Some(&baseline.values)
    }
}

impl Entry {
    /// What it did, in one line.
    pub fn in_words(&self) -> String {
        let value = |values: &Values, key: &str| {
            values.get(key).map_or("as it began".to_owned(), f64::to_string)
        };
        let changes: Vec<String> = differing([&self.before, &self.after])
            .map(|key| format!("{key} {} → {}", value(&self.before, key), value(&self.after, key)))
            .collect();
        let changes = if changes.is_empty() { "no change".to_owned() } else { changes.join(", ") };
        let why: Vec<&str> = self.steps.iter().map(|step| step.why.as_str()).collect();
        let how = match (self.what, self.is_applied) {
            (What::RolledBack, _) => "went back".to_owned(),
            (What::Judged, true) => why.join("; "),
            (What::Judged, false) => format!("proposed only: {}", why.join("; ")),
        };
        match self.steps.is_empty() && self.what == What::Judged {
            true => format!("{}: {changes}", self.coin),
            false => format!("{}: {changes} ({how})", self.coin),
        }
    }

    /// What a judgement rests on, in one line.
    pub fn evidence_in_words(&self) -> String {
        let Some(e) = &self.evidence else { return "a person's".to_owned() };
        let t = e.t.map_or("–".to_owned(), |t| format!("{t:.1}"));
        format!(
            "{} fills of {} orders, worth {:.2} USD a minute later after fees (t {t}), at most {:.0} % of the \
             position limit, fell by {:.0} % of the daily limit",
            e.fills,
            e.orders,
            e.net_usd,
            e.max_share * 100.0,
            e.fall_of_limit * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::Knob;
    use super::*;

    fn files() -> (tempfile::TempDir, TunerFiles) {
        let dir = tempfile::tempdir().unwrap();
        let layer = dir.path().join("data/tuned.json");
        (dir, TunerFiles { layer })
    }

    fn entry(hour: usize, coin: &str, spread: [f64; 2], is_applied: bool) -> Entry {
        let values = |spread: f64| match spread == 0.0 {
            true => Values::new(),
            false => [("min_spread_bps".to_owned(), spread)].into(),
        };
        Entry {
            time: format!("2026-11-30T{hour:02}:00:00Z"),
            coin: coin.to_owned(),
            what: What::Judged,
            evidence: Some(Evidence { fills: 3, net_usd: -1.25, ..Evidence::default() }),
            steps: vec![Step {
                knob: Knob::Spread,
                factor: Some(1.1),
                why: "lost twice".to_owned(),
            }],
            before: values(spread[0]),
            after: values(spread[1]),
            is_applied,
            undoes: None,
        }
    }

    #[test]
    fn what_is_applied_is_in_the_layer_and_going_back_undoes_one_judgement_after_the_other() {
        let (dir, files) = files();
        assert!(files.layer().unwrap().is_empty() && files.log().unwrap().is_empty());
        assert_eq!(files.roll_back("x".to_owned()).unwrap(), None);
        files
            .take(&[entry(4, "ETH", [0.0, 2.2], true), entry(4, "BTC", [0.0, 9.0], false)])
            .unwrap();
        files.take(&[entry(8, "ETH", [2.2, 2.42], true)]).unwrap();
        assert!((files.layer().unwrap()["ETH"]["min_spread_bps"] - 2.42).abs() < 1e-12);
        assert!(!files.layer().unwrap().contains_key("BTC"), "a proposal");
        // It is a file of live parameters.
        let text = std::fs::read(&files.layer).unwrap();
        assert!(crate::settings::LiveParams::parse("tuned", &text).is_ok());

        let back = files.roll_back("2026-11-30T09:00:00Z".to_owned()).unwrap().unwrap();
        assert_eq!(
            (back.what, back.undoes.as_deref()),
            (What::RolledBack, Some("2026-11-30T08:00:00Z"))
        );
        assert!((files.layer().unwrap()["ETH"]["min_spread_bps"] - 2.2).abs() < 1e-12);
        assert!(back.in_words().contains("min_spread_bps 2.42 → 2.2"), "{}", back.in_words());
        assert!(files.roll_back("2026-11-30T09:01:00Z".to_owned()).unwrap().is_some());
        assert!(files.layer().unwrap().is_empty(), "an empty layer sets nothing");
        assert_eq!(files.roll_back("2026-11-30T09:02:00Z".to_owned()).unwrap(), None);
        assert_eq!(files.log().unwrap().len(), 5);
        std::fs::write(files.log_path(), "{\"time\": 1}\n").unwrap();
        let e = files.log().unwrap_err().to_string();
        assert!(e.contains("tuned.log.jsonl:1"), "{e}");
        drop(dir);
    }

    #[test]
    fn who_judges_and_who_goes_back_do_not_meet() {
        let (_dir, files) = files();
        let held = files.hold().unwrap();
        files.take(&[entry(4, "ETH", [0.0, 2.2], true)]).unwrap();
        std::thread::scope(|scope| {
            let back = scope.spawn(|| files.roll_back("x".to_owned()));
            // It waits, however long that takes to be seen; what is written meanwhile is not lost.
            files.take(&[entry(8, "ETH", [2.2, 2.42], true)]).unwrap();
            let other = files::open_lock(&files.beside(".lock")).unwrap();
            assert!(other.try_lock().is_err(), "held");
            drop(held);
            let undone = back.join().unwrap().unwrap().unwrap().undoes;
            assert_eq!(undone.as_deref(), Some("2026-11-30T08:00:00Z"));
        });
        assert_eq!(files.log().unwrap().len(), 3);
    }

    #[test]
    fn a_verdict_allows_what_begins_as_it_did_then() {
        let settings = crate::settings::Settings::load(None, &|_| None).unwrap();
        let baseline = Baseline::of(&settings, "ETH", Default::default());
        let mut verdict = Verdict {
            time: String::new(),
            data: Vec::new(),
            config_sha256: String::new(),
            span_s: 86_400.0,
            every_s: 14_400.0,
            window_s: 86_400.0,
            changes: 2,
            net_usd: [-1.0, 1.0],
            fills: [9, 9],
            gain_interval_usd: Some([0.5, 3.5]),
            t: Some(2.5),
            is_better: true,
            baseline: [("ETH".to_owned(), baseline.values.clone())].into(),
        };
        let (_dir, files) = files();
        assert_eq!(files.verdict().unwrap(), None);
        files.keep(&verdict).unwrap();
        assert_eq!(files.verdict().unwrap().as_ref(), Some(&verdict));
        assert!(verdict.allows("ETH", &baseline) && !verdict.allows("BTC", &baseline));
        let mut other = baseline.clone();
        other.values.insert("skew_factor".to_owned(), 9.0);
        assert!(!verdict.allows("ETH", &other));
        verdict.is_better = false;
        assert!(!verdict.allows("ETH", &baseline));
    }
}
