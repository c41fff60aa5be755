//! `botmm history` and `botmm why`: after a replay and a paper run, of which the history was kept live.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use botmm::history::History;
use botmm_pipeline::types::Usd;
use common::{Ended, exact, sample};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A replay and a paper run, both in `runs`; their summaries as text.
fn two_runs(dir: &Path) -> [String; 2] {
    fs::create_dir(dir.join("runs")).unwrap();
    let sample = sample().display().to_string();
    let replayed = Ended::of(dir, &["replay", &sample, "--json", "--out", "runs/a-replay"]);
    let paper = Ended::of(dir, &["paper", "--for", "6s", "--json"]);
    assert_eq!((replayed.code, paper.code), (0, 0), "{replayed:?} {paper:?}");
    [replayed.stdout, paper.stdout]
}

fn history(dir: &Path, args: &[&str]) -> Ended {
    let ended = Ended::of(dir, &[&["history"], args].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended
}

fn usd(value: &Value) -> Usd {
    Usd::parse(value.as_str().unwrap()).unwrap()
}

fn dump(dir: &Path) -> String {
    History::read(&dir.join("runs/history.db")).unwrap().unwrap().dump().unwrap()
}

#[test]
fn what_was_kept_live_equals_the_summary_and_what_is_made_anew_from_the_journals() {
    let dir = tempfile::tempdir().unwrap();
    let [replayed, paper] = two_runs(dir.path());
    let kept = dump(dir.path());
    for (of, summary) in [("replay", &replayed), ("paper", &paper)] {
        let told = history(dir.path(), &["--of", of, "--json", "--lots"]).summary();
        let [section] = &told["sections"].as_array().unwrap()[..] else { panic!("{told:#}") };
        assert_eq!((&section["money"], &section["is_real_money"]), (&of.into(), &false.into()));
        assert_eq!(section["runs_without_end"].as_array().unwrap().len(), 0);
        let total = &section["total"];
        let counted: Value = serde_json::from_str(summary).unwrap();
        assert_eq!(total["fills"], counted["fills"], "{of}");
        for (ours, theirs) in
            [("net_usd", "net_pnl_usd"), ("fees_usd", "fees_usd"), ("volume_usd", "volume_usd")]
        {
            assert_eq!(usd(&total[ours]), exact(summary, &[theirs]), "{of}: {ours}");
        }
        let days = section["days"].as_object().unwrap().values();
        assert_eq!(days.map(|day| usd(&day["net_usd"])).sum::<Usd>(), usd(&total["net_usd"]));
        let lots = section["lots"].as_array().unwrap();
        let gains = lots.iter().filter(|lot| lot["gain_usd"].is_string());
        let gains = gains.map(|lot| usd(&lot["gain_usd"])).sum::<Usd>();
        assert_eq!(gains, usd(&total["fifo_gain_usd"]), "{of}");
        assert_eq!(total["lots_without_gain"], 0, "{of}: both began with nothing");
    }
    let fills: Value = serde_json::from_str(&replayed).unwrap();
    assert!(fills["fills"].as_u64().unwrap() > 10, "it tells nothing");

    let rebuilt = history(dir.path(), &["--rebuild", "--of", "all"]);
    assert!(rebuilt.stderr.contains("the one before is"), "{}", rebuilt.stderr);
    assert_eq!(dump(dir.path()), kept);
    assert_eq!(
        dump(dir.path()),
        {
            history(dir.path(), &[]);
            kept
        },
        "taken in twice"
    );
}

#[test]
fn one_kind_of_money_is_shown_at_a_time_and_every_line_fits() {
    let dir = tempfile::tempdir().unwrap();
    let [replayed, _] = two_runs(dir.path());
    let newest = history(dir.path(), &[]);
    assert!(newest.stdout.starts_with("PAPER: no real money"), "{}", newest.stdout);
    assert!(!newest.stdout.contains("REPLAY"), "{}", newest.stdout);
    assert!(newest.stderr.contains("not shown: 1 run of replay (--of replay)"), "{newest:?}");
    for args in
        [&["--of", "all"][..], &["--of", "all", "--lots"], &["--of", "all", "--coin", "BTC"]]
    {
        let table = history(dir.path(), args).stdout;
        let wide = table.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{table}");
        assert!(table.contains("REPLAY") && table.contains("PAPER"), "{table}");
        assert!(
            table.contains("1 run from 20") && table.contains("fees"),
            "span and fees: {table}"
        );
    }
    let csv = history(dir.path(), &["--of", "replay", "--csv"]).stdout;
    let rows: Vec<&str> = csv.lines().collect();
    let fills: Value = serde_json::from_str(&replayed).unwrap();
    assert_eq!(rows.len() as u64 - 1, fills["fills"].as_u64().unwrap());
    let columns = rows[0].split(',').count();
    assert!(rows[1..].iter().all(|row| row.starts_with("replay,recording,,a-replay,2025-")));
    assert!(rows.iter().all(|row| row.split(',').count() == columns));
    let none = history(dir.path(), &["--of", "replay", "--until", "2020-01-01"]).stdout;
    assert!(none.contains("no fills: this says nothing about profit"), "{none}");
    let mainnet = history(dir.path(), &["--of", "mainnet"]).stdout;
    assert_eq!(mainnet, "");
}

#[test]
fn without_any_run_it_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let none = Ended::of(dir.path(), &["history"]);
    assert!(none.code == 5 && none.stderr.contains("there is no history; start a run"), "{none:?}");
    assert!(!dir.path().join("runs").exists(), "a question makes nothing");
    fs::write(dir.path().join("off.toml"), "[history]\nenabled = false\n").unwrap();
    let args = ["paper", "--for", "1s", "--json", "--config", "off.toml"];
    assert_eq!(Ended::of(dir.path(), &args).code, 0);
    assert!(!dir.path().join("runs/history.db").exists());
    fs::write(dir.path().join("own.toml"), "[history]\npath = \"data/own.db\"\n").unwrap();
    let args = ["paper", "--for", "1s", "--json", "--config", "own.toml"];
    assert_eq!(Ended::of(dir.path(), &args).code, 0);
    assert!(dir.path().join("data/own.db").exists());
    let told = history(dir.path(), &["--config", "own.toml", "--json"]).summary();
    assert_eq!(told["sections"][0]["runs"], 2, "the one that kept none is taken in");
}

#[test]
fn why_tells_each_side_of_a_run_that_is_over() {
    let dir = tempfile::tempdir().unwrap();
    two_runs(dir.path());
    let why = |args: &[&str]| {
        Ended::of(dir.path(), &[&["why", "--journal", "runs/a-replay"], args].concat())
    };
    let json = why(&["--json"]).summary();
    assert_eq!(json["is_running"], false);
    for coin in ["BTC", "SOL"] {
        for side in ["bid", "ask"] {
            let shares = json["coins"][coin][side]["shares"].as_object().unwrap();
            let sum: f64 = shares.values().map(|share| share.as_f64().unwrap()).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{coin} {side}: {json:#}");
            assert!(shares["quoted"].as_f64().unwrap() > 0.1, "{json:#}");
        }
    }
    let text = why(&["btc", "--last", "10s"]);
    assert!(text.stdout.starts_with("NOT RUNNING: as of 2025-") && !text.stdout.contains("SOL"));
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 100), "{}", text.stdout);
    let newest = Ended::of(dir.path(), &["why", "ETH"]);
    assert!(newest.code == 0 && newest.stdout.contains("ETH bid: halted"), "{newest:?}");
    assert!(newest.stdout.contains("What ends it: A person: look at the alerts"), "{newest:?}");
}
