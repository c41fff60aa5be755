//! The tuner in a session that trades (`botmm paper`): it judges, proposes until a shadow run lets it act, and acts
//! by way of its own layer of parameters; what a person set stays; a person takes it back.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use botmm::journal::line::{Line, Params};
use common::{Ended, check_sound, count, has, journal, journal_so_far, params, sample, spawnable};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes on any machine that is not hanging.
const HANG: Duration = Duration::from_secs(90);
/// A judgement every 3.6 seconds, each of the last minute. So wide a quote hardly fills: it wants to narrow it.
const QUICK: &str = "[defaults.quote]\nfair_price = \"mid\"\ntouch = \"free\"\nmin_spread_bps = 12\n\
                     [history]\nenabled = true\n\
                     [tuner]\nevery_h = 0.001\nwindow_h = 0.0167\n";
const LAYER: &str = "data/tuned_params.json";

/// A running `paper` of BTC and SOL. Killed when dropped.
struct Bot {
    dir: TempDir,
    child: Child,
}

impl Bot {
    /// Of a folder in which everything is laid out.
    fn new(dir: TempDir) -> Self {
        let file = |name: &str| fs::File::create(dir.path().join(name)).unwrap();
        let args = "paper --json --config my.toml --symbols BTC,SOL --plan solo --out runs/one";
        let args: Vec<&str> = args.split(' ').collect();
        let mut command = spawnable(dir.path(), &args);
        let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        Self { dir, child }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn lines(&self) -> Vec<Line> {
        journal_so_far(&self.path("runs/one/journal.jsonl"))
    }

    /// What the tuner said so far.
    fn told(&self) -> Vec<String> {
        let stderr = fs::read_to_string(self.path("stderr")).unwrap();
        // `botmm: TIME words`.
        let words = |line: &str| line.splitn(3, ' ').nth(2).map(str::to_owned);
        stderr.lines().filter_map(words).filter(|text| text.contains("tuner")).collect()
    }

    /// Waits until something is so.
    fn until(&mut self, what: &str, look: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + HANG;
        while !look(self) {
            let stderr = fs::read_to_string(self.path("stderr")).unwrap();
            let (told, seen) = (self.told(), params(&self.lines()).len());
            let so_far = format!("{stderr}\n{told:#?}\n{seen} changes");
            assert!(Instant::now() < deadline, "no {what} in {HANG:?}: {so_far}");
            assert!(self.child.try_wait().unwrap().is_none(), "no {what}: {so_far}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits for so many more judgements of a coin.
    fn judgements(&mut self, coin: &str, more: usize) {
        let of = format!("tuner: {coin}: ");
        let number = |bot: &Self| bot.told().iter().filter(|text| text.starts_with(&of)).count();
        let before = number(self);
        self.until("judgement", |bot| number(bot) >= before + more);
    }

    /// Its changes of parameters so far.
    fn changes(&self) -> Vec<Params> {
        let lines = self.lines();
        params(&lines).into_iter().cloned().collect()
    }

    /// Its summary and its journal, after it was told to stop.
    fn stop(mut self) -> (Value, Vec<Line>) {
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap();
        assert_eq!(status.code(), Some(0), "{}", read("stderr"));
        let summary = serde_json::from_str(&read("stdout")).unwrap();
        check_sound(&summary);
        (summary, journal(&self.path("runs/one/journal.jsonl")))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It has mostly ended; what matters was asserted.
        let _ = self.child.wait();
    }
}

/// A folder with a configuration, and what a person set: of SOL the spread.
fn laid_out(mode: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("my.toml"), format!("{QUICK}mode = {mode:?}\n")).unwrap();
    let live = json!({"SOL": {"spread": 14}}).to_string();
    fs::write(dir.path().join("data/live_params.json"), live).unwrap();
    dir
}

fn tune(dir: &Path, args: &[&str]) -> Ended {
    Ended::of(dir, &[&["tune", "--config", "my.toml"], args].concat())
}

/// What a shadow run over the made-up recording keeps.
fn judged(dir: &Path) -> Value {
    let recording = sample().display().to_string();
    let ended = tune(dir, &["--judge", &recording, "--every", "60s", "--window", "90s", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.summary()
}

/// The same, as if it had found a gain or none, of what the coins begin with here.
fn keep(dir: &Path, verdict: &Value, is_better: bool) {
    let mut verdict = verdict.clone();
    verdict["is_better"] = json!(is_better);
    verdict["baseline"]["SOL"]["min_spread_bps"] = json!(14.0);
    fs::write(dir.join("data/new"), verdict.to_string()).unwrap();
    fs::rename(dir.join("data/new"), dir.join("data/tuned_params.verdict.json")).unwrap();
}

#[test]
fn it_acts_in_a_session_only_when_a_shadow_run_lets_it_and_a_person_takes_it_back() {
    let dir = laid_out("act");
    let verdict = judged(dir.path());
    keep(dir.path(), &verdict, false);
    let mut bot = Bot::new(dir);
    let folder = bot.dir.path().to_owned();

    // A shadow run that found no gain: it says what it would do, and does nothing.
    bot.until("proposal", |bot| bot.told().iter().any(|text| text.contains("proposed only: ")));
    bot.until("warning", |bot| {
        bot.told().iter().any(|text| text.contains("no shadow run shows that it helps"))
    });
    assert!(!bot.path(LAYER).exists() && bot.changes().is_empty(), "{:?}", bot.changes());

    // One that found a gain: what it judges next comes into effect, by its own layer.
    keep(&folder, &verdict, true);
    bot.until("change", |bot| !bot.changes().is_empty());
    let first = bot.changes().swap_remove(0);
    assert_eq!(first.source, LAYER);
    let of = |key: &str| first.changes.iter().find(|c| c.key == key).unwrap();
    let spread = of("quote.min_spread_bps");
    assert_eq!((&spread.from, spread.to.get()), (&json!(12.0), "10.8"), "{first:?}");
    of("quote.vol_multiplier");
    // What a person set of SOL stays, and with it the whole knob.
    assert!(first.changes.iter().all(|c| c.coin.as_deref() == Some("BTC")), "{first:?}");
    bot.judgements("SOL", 1);
    let log = fs::read_to_string(bot.path("data/tuned_params.log.jsonl")).unwrap();
    let mut entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sol = entries.rfind(|e| e["coin"] == "SOL" && e["is_applied"] == true);
    assert_eq!(sol.unwrap()["after"], json!({}), "it might have, and left what a person set");
    let layer: Value = serde_json::from_slice(&fs::read(bot.path(LAYER)).unwrap()).unwrap();
    assert!(layer["BTC"]["min_spread_bps"].is_number() && layer["SOL"].is_null(), "{layer}");
    let live = fs::read_to_string(bot.path("data/live_params.json")).unwrap();
    assert_eq!(live, json!({"SOL": {"spread": 14}}).to_string());

    // Back by every change; what was taken back is left alone.
    let mut undone = 0;
    let last = loop {
        let back = tune(&folder, &["--rollback", "--json"]);
        if back.code != 0 {
            break back;
        }
        undone += 1;
        assert_eq!(back.summary()[0]["what"], "rolled_back");
    };
    has(&last.stderr, &["no change to go back by"]);
    assert!(undone >= 1);
    assert_eq!(fs::read_to_string(bot.path(LAYER)).unwrap().trim(), "{}");
    bot.until("way back", |bot| {
        let last = bot.changes().pop().unwrap();
        last.changes.iter().any(|c| c.key == "quote.min_spread_bps" && c.to.get() == "12.0")
    });
    let changes = bot.changes().len();
    bot.judgements("BTC", 2);
    assert_eq!(bot.changes().len(), changes, "what a person took back was set again");

    let told = tune(&folder, &["--history"]).stdout;
    let parts =
        ["proposed only: ", "BTC: min_spread_bps as it began → 10.8", "went back", "no change"];
    has(&told, &parts);
    let (summary, lines) = bot.stop();
    let notes = summary["assumptions"]["notes"].to_string();
    let said = format!("changes of parameters while it ran, see the journal: {changes}");
    assert!(notes.contains(&said), "{notes}");
    assert!(params(&lines).iter().all(|change| change.source == LAYER));
    assert!(count(&lines, "place") > 0 && count(&lines, "params_refused") == 0);
}

#[test]
fn it_only_proposes_when_that_is_all_it_may() {
    let dir = laid_out("propose");
    let verdict = judged(dir.path());
    keep(dir.path(), &verdict, true);
    let mut bot = Bot::new(dir);
    bot.until("proposal", |bot| bot.told().iter().any(|text| text.contains("proposed only: ")));
    bot.judgements("BTC", 1);
    assert!(!bot.path(LAYER).exists());
    let log = fs::read_to_string(bot.path("data/tuned_params.log.jsonl")).unwrap();
    assert!(log.contains("\"is_applied\":false") && !log.contains("\"is_applied\":true"), "{log}");
    let (_, lines) = bot.stop();
    assert!(params(&lines).is_empty());
}

#[test]
fn a_place_where_nothing_can_be_kept_is_refused_in_words() {
    let dir = TempDir::new().unwrap();
    let allowed = "tuner.params: \"\" is not allowed (out of range); allowed: the path of a file";
    for (value, says) in [
        ("\"\"", allowed),
        ("[]", "tuner.params: [] is not allowed (wrong type or unit); allowed: the path of a file"),
        ("\"data/live_params.json\"", "tuner.params: is the file of general.live_params"),
    ] {
        fs::write(dir.path().join("my.toml"), format!("[tuner]\nparams = {value}\n")).unwrap();
        for args in [&["check", "--config", "my.toml"][..], &["tune", "--config", "my.toml"]] {
            let ended = Ended::of(dir.path(), args);
            assert_eq!(ended.code, 3, "{value}: {}", ended.stderr);
            has(&ended.stderr, &["my.toml:2", says]);
        }
    }
}
