//! The tuner (STRATEGY §7, AutoTuner; docs/tuner.md): every four hours it looks at what the last day came to, and turns
//! spread, skew and size a little.
//!
//! It writes a file of parameters, which lies below `live_params.json` and is taken over like any other
//! ([`super::reload`]): whole, between two events, in the journal. What a person set is not touched. It acts only where
//! a shadow run said that it is better than nothing (`botmm tune --judge`); else it proposes. All of it is an errand of
//! the worker of files: a turn only asks and hears.

pub mod layer;
pub mod rules;

use self::layer::{Entry, TunerFiles, What};
use self::rules::{Baseline, Evidence, judge, window};
use super::alert::{Alert, Level, Topic};
use super::errands::{Missed, Pending};
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::history::{History, recent};
use crate::settings::{TunerMode, TunerSettings};
use crate::when::{exact_utc, parse_utc};
use botmm_pipeline::types::Nanos;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A judgement may take so long before that is told.
const PATIENCE: Nanos = Nanos::secs(60);
/// After one that failed, unless it is judged more often.
const AGAIN: Nanos = Nanos::secs(600);

/// What a judgement is of.
#[derive(Clone, Debug)]
struct Of {
    files: TunerFiles,
    history: PathBuf,
    /// What the history calls the run.
    run: String,
    length: Nanos,
    mode: TunerMode,
}

/// See the module.
pub struct Tuner {
    of: Of,
    every: Nanos,
    next: Nanos,
    /// What each coin begins with, as it was last asked for.
    asked: Option<BTreeMap<String, Baseline>>,
    under_way: Option<Pending<Result<Vec<Entry>, AppError>>>,
    is_late: bool,
    /// Said once: that it only proposes.
    has_said: bool,
}

impl Tuner {
    /// Of the run that the history calls so; [`None`] = it is off, or there is no history to read.
    pub fn of(
        settings: &TunerSettings,
        history: Option<(PathBuf, String)>,
        now: Nanos,
    ) -> Option<Self> {
        if settings.mode == TunerMode::Off {
            return None;
        }
        let (history, run) = history?;
        let files = TunerFiles { layer: settings.params.clone() };
        let of = Of { files, history, run, length: settings.window, mode: settings.mode };
        let (every, next) = (settings.every, now + settings.every);
        Some(Self {
            of,
            every,
            next,
            asked: None,
            under_way: None,
            is_late: false,
            has_said: false,
        })
    }

    /// Whether it wants to know what the coins begin with.
    pub fn asks(&self, now: Nanos) -> bool {
        now >= self.next && self.asked.is_none() && self.under_way.is_none()
    }

    /// What they begin with: the settings without its own layer; [`None`] = it cannot be told now.
    pub fn hears(&mut self, now: Nanos, baseline: Option<BTreeMap<String, Baseline>>) {
        match baseline {
            Some(baseline) => self.asked = Some(baseline),
            None => self.next = now + self.again(),
        }
    }

    fn again(&self) -> Nanos {
        AGAIN.min(self.every)
    }

    fn told(&mut self, entries: &[Entry]) -> Vec<Alert> {
        let mut said = Vec::new();
        for entry in entries {
            let text = format!("tuner: {}; {}", entry.in_words(), entry.evidence_in_words());
            said.push(Alert { level: Level::Info, topic: Topic::Params, text });
        }
        let only_proposed = entries.iter().any(|e| !e.is_applied && !e.steps.is_empty());
        if only_proposed
            && self.of.mode == TunerMode::Act
            && !std::mem::replace(&mut self.has_said, true)
        {
            let text = "tuner.mode = \"act\", and no shadow run shows that it helps these parameters: it proposes \
                        only (botmm tune --judge RECORDING)";
            said.push(Alert::warn(Topic::Params, text.to_owned()));
        }
        said
    }
}

impl Task for Tuner {
    fn name(&self) -> &'static str {
        "tuner"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        if let Some(baseline) = self.asked.take() {
            let (of, now) = (self.of.clone(), turn.now);
            let work = move || judged(&of, &baseline, now);
            self.under_way = Some(turn.workers.files.send(now, PATIENCE, work));
            self.next = now + self.every;
            return;
        }
        let Some(answer) = self.under_way.as_ref().and_then(|p| p.poll(turn.now)) else { return };
        match answer {
            Ok(Ok(entries)) => {
                (self.under_way, self.is_late) = (None, false);
                self.told(&entries).into_iter().for_each(|alert| turn.say(alert));
            }
            Err(Missed::Late) if self.is_late => {}
            Err(Missed::Late) => {
                self.is_late = true;
                turn.say(Alert::warn(Topic::Params, "the tuner waits for the disk".to_owned()));
            }
            Ok(Err(e)) => {
                (self.under_way, self.is_late, self.next) = (None, false, turn.now + self.again());
                turn.say(Alert::warn(Topic::Params, format!("the tuner changes nothing: {e}")));
            }
            Err(missed) => {
                (self.under_way, self.is_late, self.next) = (None, false, turn.now + self.again());
                turn.say(Alert::warn(
                    Topic::Params,
                    format!("the tuner changes nothing: {missed}"),
                ));
            }
        }
    }
}

/// Judges every coin, applies what may be applied, and logs all of it.
fn judged(
    of: &Of,
    baseline: &BTreeMap<String, Baseline>,
    now: Nanos,
) -> Result<Vec<Entry>, AppError> {
    let Some(history) = History::read(&of.history)? else {
        let problem = "there is no history yet";
        return Err(AppError::data(
            of.history.display().to_string(),
            problem,
            "see history.enabled",
        ));
    };
    let _held = of.files.hold()?;
    let (log, layer) = (of.files.log()?, of.files.layer()?);
    let verdict = of.files.verdict()?;
    let mut entries = Vec::new();
    for (coin, baseline) in baseline {
        let Some(traded) = recent(&history, &of.run, coin, window(now, of.length))? else {
            continue;
        };
        let evidence = Evidence::of(&traded, baseline);
        let own = layer.get(coin).cloned().unwrap_or_default();
        let mut baseline = baseline.clone();
        baseline.held.extend(rolled_back(&log, coin, now, of.length));
        let newest = log.iter().rev().find(|e| e.coin == *coin && e.what == What::Judged);
        let lost_before = newest.and_then(|e| e.evidence).is_some_and(|e| e.lost());
        let (after, steps) = judge(&evidence, lost_before, &baseline, &own);
        let allowed = verdict.as_ref().is_some_and(|v| v.allows(coin, &baseline));
        entries.push(Entry {
            time: exact_utc(now),
            coin: coin.clone(),
            what: What::Judged,
            evidence: Some(evidence),
            steps,
            before: own,
            after,
            is_applied: of.mode == TunerMode::Act && allowed,
            undoes: None,
        });
    }
    of.files.take(&entries)?;
    Ok(entries)
}

/// Keys of a coin that a person took back within so long: they stay as that person wants them.
fn rolled_back(log: &[Entry], coin: &str, now: Nanos, length: Nanos) -> BTreeSet<String> {
    let is_young = |e: &&Entry| parse_utc(&e.time).is_ok_and(|time| time > now - length);
    let ours = log.iter().filter(|e| e.coin == coin && e.what == What::RolledBack);
    let keys = ours.filter(is_young).flat_map(|e| e.before.keys().chain(e.after.keys()));
    keys.cloned().collect()
}

#[cfg(test)]
mod tests;
