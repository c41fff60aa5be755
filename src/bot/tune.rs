//! The tuner against no tuning, on one market (`botmm tune --judge`): a shadow run. The recording is replayed without it,
//! then judged as a live run would be, each time from what was known by then; a change goes into the replay at its
//! moment, and the next judgement is of the replay with all changes before it.

use crate::bot::replay::engine::{How, Replay, Replayed, files};
use crate::bot::replay::params::RecordedParams;
use crate::bot::replay::samples::{Sample, flow};
use crate::bot::replay::{self, Reading};
use crate::data::Loaded;
use crate::exit::{AppError, Exit};
use crate::files::{Readers, make_folder, write_whole};
use crate::history::{History, follow, recent, run_name};
use crate::masked::masked;
use crate::report::stats::bootstrap::{interval, usual_block};
use crate::report::{cents, span};
use crate::settings::{Draft, FeedDelay, Settings};
use crate::side::tuner::layer::{Layer, TunerFiles, Verdict, differing};
use crate::side::tuner::rules::{Baseline, Evidence, Values, judge, window};
use crate::stop::Stop;
use crate::terminal::{self, Progress};
use crate::when::{exact_utc, utc_now};
use botmm_pipeline::types::{Nanos, Usd};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Samples of a span, for the interval.
const SAMPLES: i64 = 1_000;
/// Resamples of it.
const DRAWS: usize = 1_000;
/// A gain that rests on fewer changes is one of a few draws, however sure its interval looks.
const MIN_CHANGES: usize = 10;
/// More changes than this are no tuning.
const MAX_CHANGES: usize = 1_000;

/// What is asked for.
pub struct Request {
    /// Recordings: files, or folders of them.
    pub paths: Vec<PathBuf>,
    /// The configuration, flags on top.
    pub draft: Draft,
    /// When events reach us.
    pub feed: FeedDelay,
    /// Time between two judgements; [`None`] = as configured.
    pub every: Option<Nanos>,
    /// What each judgement is of; [`None`] = as configured.
    pub window: Option<Nanos>,
    /// How the recording is read.
    pub reading: Reading,
    /// Print JSON.
    pub json: bool,
}

/// Replays, compares, prints, and keeps the verdict where a run looks for it.
///
/// # Errors
/// The recording or the configuration will not do, it was interrupted, or a file cannot be written.
pub fn run(request: &Request) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let Request { paths, draft, reading, .. } = request;
    let (settings, loaded) = replay::read_shown(paths, draft.clone(), *reading, request.json)?;
    let of = std::env::temp_dir().join(format!("botmm-tune-{}", std::process::id()));
    let work = Work(of);
    let shadow = Shadow {
        settings: &settings,
        loaded: &loaded,
        feed: request.feed,
        every: request.every.unwrap_or(settings.tuner.every),
        window: request.window.unwrap_or(settings.tuner.window),
        stop: stop.flag(),
        is_quiet: request.json,
        work: &work,
    };
    let (verdict, changes) = shadow.verdict()?;
    TunerFiles { layer: settings.tuner.params.clone() }.keep(&verdict)?;
    terminal::print(&match request.json {
        true => {
            serde_json::to_string_pretty(&verdict).map_err(|e| AppError::of(Exit::Data, e))? + "\n"
        }
        false => masked(&text(&verdict, &changes)).into_owned(),
    })
}

/// A folder that goes with it.
struct Work(PathBuf);

impl Drop for Work {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // What stays lies among temporary files.
    }
}

struct Shadow<'a> {
    settings: &'a Settings,
    loaded: &'a Loaded,
    feed: FeedDelay,
    every: Nanos,
    window: Nanos,
    stop: &'a AtomicBool,
    is_quiet: bool,
    work: &'a Work,
}

/// A replay, and the history of it.
struct Seen {
    replayed: Replayed,
    history: History,
    run: String,
}

impl Shadow<'_> {
    fn verdict(&self) -> Result<(Verdict, Vec<String>), AppError> {
        let Some((first, last)) = self.loaded.tape.span() else {
            return Err(AppError::data("recording", "no usable event", "name another recording"));
        };
        let coins = self.loaded.universe.iter().map(|(_, i)| i.coin.to_string());
        let baseline: BTreeMap<String, Baseline> = coins
            .map(|coin| (coin.clone(), Baseline::of(self.settings, &coin, BTreeSet::new())))
            .collect();
        let plain = self.replay(0, &[])?;
        let (changes, tuned) = self.tuned((first, last), &baseline, &plain)?;
        let every = self.sample_every();
        let earned = |samples: &[Sample]| flow(samples).earned(first, last, every);
        let (without, with) = (&plain.replayed, tuned.as_ref().unwrap_or(&plain.replayed));
        let gains: Vec<f64> = earned(&with.samples)
            .iter()
            .zip(earned(&without.samples))
            .map(|(with, without)| with - without)
            .collect();
        let n = gains.len() as f64;
        let gain = interval(&gains, DRAWS, usual_block(gains.len()), self.settings.seed, 0.95);
        let gain = gain.filter(|_| !changes.is_empty()).map(|mean| mean * n);
        let verdict = Verdict {
            time: utc_now(),
            data: files(&self.loaded.report).into_iter().map(|file| file.sha256).collect(),
            config_sha256: self.settings.sha256(),
            span_s: (last - first).as_secs_f64(),
            every_s: self.every.as_secs_f64(),
            window_s: self.window.as_secs_f64(),
            changes: changes.len(),
            net_usd: [without, with].map(|r| r.summary.net_pnl_usd.to_f64()),
            fills: [without, with].map(|r| r.summary.fills),
            gain_interval_usd: gain.as_ref().map(|g| [g.low, g.high]),
            t: gain.as_ref().map(|g| g.t),
            is_better: changes.len() >= MIN_CHANGES && gain.as_ref().is_some_and(|g| g.low > 0.0),
            baseline: baseline.into_iter().map(|(coin, b)| (coin, b.values)).collect::<Layer>(),
        };
        Ok((verdict, changes))
    }

    /// The changes that the tuner makes, in words, and the replay with all of them; [`None`] = it makes none.
    fn tuned(
        &self,
        (first, last): (Nanos, Nanos),
        baseline: &BTreeMap<String, Baseline>,
        plain: &Seen,
    ) -> Result<(Vec<String>, Option<Replayed>), AppError> {
        let (mut own, mut lost): (Layer, BTreeMap<String, bool>) = Default::default();
        let (mut lines, mut said): (Vec<String>, Vec<String>) = Default::default();
        let mut tuned: Option<Seen> = None;
        let mut at = first + self.every;
        while at < last && lines.len() < MAX_CHANGES {
            let mut changes = Vec::new();
            for (coin, baseline) in baseline {
                let Seen { history, run, .. } = tuned.as_ref().unwrap_or(plain);
                let Some(traded) = recent(history, run, coin, window(at, self.window))? else {
                    continue;
                };
                let evidence = Evidence::of(&traded, baseline);
                let lost_before = lost.insert(coin.clone(), evidence.lost()).unwrap_or_default();
                let before = own.get(coin).cloned().unwrap_or_default();
                let (after, steps) = judge(&evidence, lost_before, baseline, &before);
                let changed = changed(coin, baseline, [&before, &after]);
                if !changed.is_empty() {
                    let why: Vec<&str> = steps.iter().map(|step| step.why.as_str()).collect();
                    said.push(format!("{} {coin}: {}", exact_utc(at), why.join("; ")));
                }
                changes.extend(changed);
                own.insert(coin.clone(), after);
            }
            if !changes.is_empty() {
                let line = json!({ "type": "params", "time": exact_utc(at), "changes": changes });
                lines.push(line.to_string());
                tuned = Some(self.replay(lines.len(), &lines)?);
            }
            at = at + self.every;
        }
        Ok((said, tuned.map(|seen| seen.replayed)))
    }

    /// A replay with these changes, in a folder of its own.
    fn replay(&self, number: usize, lines: &[String]) -> Result<Seen, AppError> {
        let dir = self.work.0.join(number.to_string());
        make_folder(&dir, Readers::Owner)?;
        let recorded = match lines.is_empty() {
            true => None,
            false => {
                let path = dir.join("changes.jsonl");
                let text = lines.join("\n") + "\n";
                write_whole(&path, text.as_bytes(), Readers::Owner)?;
                Some(RecordedParams::read(&path)?)
            }
        };
        let out = dir.join("run");
        let how = How { feed: self.feed, ..How::default() };
        let replay = Replay {
            recorded: recorded.as_ref(),
            out: Some(&out),
            sample_every: Some(self.sample_every()),
            ..Replay::of(self.settings, how)
        };
        let bar = Progress::new(self.is_quiet, "replaying");
        let replayed = replay.run(self.loaded, self.stop, &|done, of| bar.tell(done, of))?;
        drop(bar);
        if self.stop.load(Ordering::Relaxed) {
            return Err(AppError::Failed("interrupted: nothing is told of a part".to_owned()));
        }
        if let Some(trouble) = replayed.troubles.into_iter().next() {
            return Err(trouble);
        }
        let replayed = Replayed { troubles: Vec::new(), ..replayed };
        let mut history = History::open(&dir.join("history.db"))?.history;
        follow(&mut history, &out, Duration::MAX)?;
        let run = run_name(history.path(), &out);
        remove(&out);
        Ok(Seen { replayed, history, run })
    }

    fn sample_every(&self) -> Nanos {
        let span = self.loaded.tape.span().map_or(0, |(first, last)| (last - first).0);
        Nanos((span / SAMPLES).max(Nanos::secs(1).0))
    }
}

/// The journal is in the history, and large.
fn remove(out: &Path) {
    let _ = std::fs::remove_dir_all(out); // It goes with the rest at the end.
}

/// What differs, as a journal's line tells it.
fn changed(
    coin: &str,
    baseline: &Baseline,
    [before, after]: [&Values; 2],
) -> Vec<serde_json::Value> {
    let value = |of: &Values, key: &str| of.get(key).or_else(|| baseline.values.get(key)).copied();
    differing([before, after])
        .map(|key| {
            let (from, to) = (value(before, key), value(after, key));
            json!({ "coin": coin, "key": format!("quote.{key}"), "from": from, "to": to })
        })
        .collect()
}

fn text(verdict: &Verdict, changes: &[String]) -> String {
    let usd = |usd: f64| cents(Usd::clamped((usd * 1e8) as i128));
    let [without, with] = verdict.net_usd;
    let mut out = String::new();
    let line = match (verdict.is_better, verdict.changes) {
        (true, _) => {
            "BETTER than no tuning on this market: `tuner.mode = \"act\"` may act on what begins so"
        }
        (false, 0) => {
            "it changed nothing on this market, so nothing is shown: it may propose, and not act"
        }
        (false, _) => {
            "NOT SHOWN to be better than no tuning on this market: it may propose, and not act"
        }
    };
    let _ = writeln!(out, "{line}"); // Into a string: it cannot fail.
    let (every, length) = (span(verdict.every_s), span(verdict.window_s));
    let over = span(verdict.span_s);
    let _ =
        writeln!(out, "  market       {over}, a judgement every {every} of the {length} before");
    let [a, b] = verdict.fills;
    let _ = writeln!(out, "  without it   {} USD after fees and funding, {a} fills", usd(without));
    let _ = writeln!(out, "  with it      {} USD after fees and funding, {b} fills", usd(with));
    let interval = match (verdict.gain_interval_usd, verdict.t) {
        (Some([low, high]), Some(t)) => {
            format!("95 %: {} to {}, t {t:.1}", usd(low), usd(high))
        }
        _ => "too little to say how sure that is".to_owned(),
    };
    let _ = writeln!(out, "  gain         {} USD ({interval})", usd(with - without));
    let enough = if verdict.changes < MIN_CHANGES {
        format!(" (to act, {MIN_CHANGES} at least are asked for)")
    } else {
        String::new()
    };
    let _ = writeln!(out, "  changes      {}{enough}", verdict.changes);
    for change in changes {
        let _ = writeln!(out, "    {change}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_and_what_left_the_layer_begins_again() {
        let settings = Settings::load(None, &|_| None).unwrap();
        let baseline = Baseline::of(&settings, "ETH", BTreeSet::new());
        let values = |all: &[(&str, f64)]| -> Values {
            all.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
        };
        let before = values(&[("skew_factor", 0.5), ("order_size_usd", 120.0)]);
        let after = values(&[("order_size_usd", 120.0), ("min_spread_bps", 3.0)]);
        let all = changed("ETH", &baseline, [&before, &after]);
        let spread = baseline.values["min_spread_bps"];
        let skew = baseline.values["skew_factor"];
        assert_eq!(
            all,
            [
                json!({ "coin": "ETH", "key": "quote.min_spread_bps", "from": spread, "to": 3.0 }),
                json!({ "coin": "ETH", "key": "quote.skew_factor", "from": 0.5, "to": skew }),
            ]
        );
        assert!(changed("ETH", &baseline, [&after, &after]).is_empty());
    }
}
