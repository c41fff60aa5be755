//! `botmm explain`: on the journal of a replay, on a run that goes on, and on nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use botmm::journal::line::Decision;
use botmm_pipeline::types::{Px, Side};
use common::{Ended, decisions, head, journal, sample, spawnable};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The decisions of a replay of the sample recording into `dir/run`.
fn replayed(dir: &Path, config: &str) -> Vec<Decision> {
    std::fs::write(dir.join("x.toml"), config).unwrap();
    let recording = sample();
    let args = ["replay", recording.to_str().unwrap(), "--json", "--config", "x.toml"];
    Ended::of(dir, &[&args[..], &["--out", "run"]].concat()).summary();
    decisions(&journal(&dir.join("run/journal.jsonl"))).cloned().collect()
}

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

fn px(text: &str) -> i64 {
    Px::parse(text).unwrap().raw()
}

/// In every decision of a whole run, whatever the model, the terms add up to the nearest price.
#[test]
fn every_decisions_terms_add_up() {
    for model in ["linear", "avellaneda_stoikov", "glft"] {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "[defaults.quote]\nmodel = \"{model}\"\nstrategy = \"adaptive\"\n\
             arrival_rate_per_s = 2.0\narrival_decay_per_bps = 0.8\n[defaults.toxicity]\n\
             use_toxicity = true\n"
        );
        let decisions = replayed(dir.path(), &config);
        let mut checked = 0;
        for d in &decisions {
            for (side, ladder) in [(Side::Bid, &d.bids), (Side::Ask, &d.asks)] {
                let Some([nearest, _]) = ladder.first() else { continue };
                let terms = d.terms.as_ref().unwrap();
                let of_side = if side == Side::Bid { &terms.bid } else { &terms.ask };
                let sum: i64 = of_side.values().map(|term| px(term)).sum();
                assert_eq!(px(&terms.fair) + sum, px(nearest), "{model}: {d:?}");
                checked += 1;
            }
        }
        assert!(checked > 100, "{model}: only {checked} quotes in {} decisions", decisions.len());
    }
}

#[test]
fn a_moment_is_explained_in_words_and_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let decisions = replayed(dir.path(), "");
    let btc: Vec<&Decision> = decisions.iter().filter(|d| d.coin == "BTC").collect();
    let explain = |args: &[&str]| {
        Ended::of(dir.path(), &[&["explain"], args, &["--journal", "run"]].concat())
    };

    let newest = explain(&["btc"]);
    assert_eq!((newest.code, newest.stderr.as_str()), (0, ""));
    assert!(newest.stdout.contains("the terms add up to the price"), "{}", newest.stdout);
    assert!(newest.stdout.contains(&btc.last().unwrap().time));

    let middle = btc[btc.len() / 2];
    let at = middle.time.as_str();
    let json = explain(&["BTC", "--at", at, "--json"]).summary();
    assert_eq!((&json["adds_up"], json["time"].as_str()), (&Value::Bool(true), Some(at)));
    assert_eq!(json["bid"]["price"], middle.bids[0][0]);

    // It is over: seconds ago count from its end, which is in 2025.
    let lines = journal(&dir.path().join("run/journal.jsonl"));
    let times = lines.iter().filter_map(|line| head(line).1);
    let asked = times.map(|t| time(&t)).max().unwrap() - Duration::from_secs(5);
    let expected = btc.iter().rfind(|d| time(&d.time) <= asked).unwrap();
    assert_ne!(expected.time, btc.last().unwrap().time, "nothing in the last 5 s");
    let ago = explain(&["BTC", "--at", "-5s", "--json"]).summary();
    assert_eq!(ago["time"], expected.time);
    let early = explain(&["BTC", "--at", "2020-01-01T00:00:00Z"]);
    assert!(early.code == 5 && early.stderr.contains("that early"), "{early:?}");
    let other = explain(&["DOGE"]);
    assert!(other.code == 5 && other.stderr.contains("some about: BTC, SOL"), "{other:?}");
    let odd = explain(&["BTC", "--at", "noon"]);
    assert!(odd.code == 2 && odd.stderr.contains("2026-11-26T19:17:00Z"), "{odd:?}");
}

/// Ended when the test ends, however that ends.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_run_that_goes_on_is_explained_without_being_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = spawnable(dir.path(), &["paper", "--symbols", "ETH"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running(command.spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    let explained = loop {
        let explained = Ended::of(dir.path(), &["explain", "ETH", "--json"]);
        if explained.code == 0 && explained.summary()["bid"]["reason"] == "quoted" {
            break explained.summary();
        }
        assert!(Instant::now() < deadline, "{explained:?}");
        assert_eq!(running.0.try_wait().unwrap(), None, "it must still run");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(explained["adds_up"], true);
    assert_eq!(explained["bid"]["price"], explained["bid"]["levels"][0]["px"]);

    // Once it is over, what is told is the last quote, and not that everything was cancelled after it.
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert!(running.0.wait().unwrap().success());
    let last = Ended::of(dir.path(), &["explain", "ETH", "--json"]).summary();
    assert_eq!((&last["bid"]["reason"], &last["adds_up"]), (&json!("quoted"), &json!(true)));
    let end = Ended::of(dir.path(), &["explain", "ETH", "--json", "--at", "-0s"]).summary();
    assert_eq!(end["bid"]["reason"], "halted");
}

#[test]
fn without_any_run_it_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = Ended::of(dir.path(), &["explain", "BTC"]);
    assert!(nowhere.code == 5 && nowhere.stderr.contains("runs: cannot read"), "{nowhere:?}");
    std::fs::create_dir_all(dir.path().join("runs/x")).unwrap();
    let empty = Ended::of(dir.path(), &["explain", "BTC"]);
    assert!(empty.code == 5 && empty.stderr.contains("no run has left a journal"), "{empty:?}");
}
