//! `botmm backtest` and `botmm sweep`: the same bytes however they were made, and what is wrong is named.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, has, sample, spawnable};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// BTC of the made-up recording, so many seconds later, as a folder of its own.
fn day(dir: &Path, name: &str, later_s: i64) -> String {
    let folder = dir.join(name);
    fs::create_dir_all(&folder).unwrap();
    for kind in ["orderbooks", "trades", "prices"] {
        let text = fs::read_to_string(sample().join(format!("{kind}_BTC.csv"))).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        let is_time =
            |name: &str| ["timestamp", "exchange_timestamp"].iter().position(|n| *n == name);
        let times: Vec<_> = header.split(',').map(is_time).collect();
        let later = |(field, time): (&str, &Option<usize>)| match time {
            None => field.to_owned(),
            Some(0) => {
                let (whole, rest) = field.split_once('.').unwrap();
                format!("{}.{rest}", whole.parse::<i64>().unwrap() + later_s)
            }
            Some(_) => (field.parse::<i64>().unwrap() + later_s * 1_000).to_string(),
        };
        let row = |line: &str| line.split(',').zip(&times).map(later).collect::<Vec<_>>().join(",");
        let rows: Vec<String> = lines.map(row).collect();
        fs::write(
            folder.join(format!("{kind}_BTC.csv")),
            format!("{header}\n{}\n", rows.join("\n")),
        )
        .unwrap();
    }
    folder.display().to_string()
}

fn sample_path() -> String {
    sample().display().to_string()
}

/// A backtest that goes well: its results, and the hash that it prints.
fn backtest(dir: &Path, args: &[&str]) -> (Value, String) {
    let ended = Ended::of(dir, &[&["backtest"], args].concat());
    assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
    told(dir, &ended)
}

/// The results file that a reduction names, and its hash.
fn told(dir: &Path, ended: &Ended) -> (Value, String) {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mut lines = ended.stdout.lines();
    let hash = lines.clone().find_map(|l| l.strip_prefix("results.json sha256 ")).unwrap();
    let path = lines.find(|l| l.ends_with("results.json")).unwrap();
    (serde_json::from_slice(&fs::read(dir.join(path)).unwrap()).unwrap(), hash.to_owned())
}

fn reduced(dir: &Path, folder: &str) -> String {
    told(dir, &Ended::of(dir, &["sweep", "reduce", folder])).1
}

fn outcomes(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("tasks")).into_iter().flatten();
    let mut all: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == "json"));
    all.sort();
    all
}

fn rows(results: &Value) -> &Vec<Value> {
    results["rows"].as_array().unwrap()
}

const GRID: [&str; 4] = ["--param", "order_size_usd=60,150", "--symbols", "BTC"];

#[test]
fn the_same_job_comes_to_the_same_bytes_by_one_worker_two_or_processes() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let path = sample_path();
    let job = [&[path.as_str()], &GRID[..], &["--feed", "50ms,recorded"]].concat();
    let (results, hash) = backtest(dir, &[&job[..], &["--out", "one", "--jobs", "1"]].concat());
    // Two sets, two queue models, two feeds.
    assert_eq!((rows(&results).len(), results["replays"].as_u64()), (8, Some(8)), "{results:#}");
    assert_eq!(
        (results["sets_tried"].as_u64(), results["sets_distinct"].as_u64()),
        (Some(2), Some(2))
    );
    assert_eq!(results["bands"].as_array().unwrap().len(), 4);
    assert_eq!(results["best"].as_array().unwrap().len(), 4);
    let two = backtest(dir, &[&job[..], &["--out", "two", "--jobs", "2"]].concat());
    assert_eq!(two.1, hash, "two workers");
    let again = Ended::of(dir, &[&["backtest"], &job[..], &["--out", "one"]].concat());
    assert_eq!(told(dir, &again).1, hash, "found done");
    // In parts, in the wrong order and one of them twice.
    let plan = Ended::of(dir, &[&["sweep", "plan"], &job[..], &["--out", "parts"]].concat());
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    has(&plan.stdout, &["8 tasks, plan ", "botmm sweep run parts --task N", "N = 0 to 7"]);
    let early = Ended::of(dir, &["sweep", "reduce", "parts"]);
    assert_eq!(early.code, 1, "{}", early.stdout);
    has(&early.stderr, &["8 of 8 tasks have no result, the first of them 0"]);
    for task in ["7", "0", "3", "3", "1", "2", "6", "5", "4"] {
        let ended = Ended::of(dir, &["sweep", "run", "parts", "--task", task]);
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    }
    assert_eq!(reduced(dir, "parts"), hash, "processes");
    assert_eq!(
        fs::read(dir.join("parts/results.parquet")).unwrap(),
        fs::read(dir.join("one/results.parquet")).unwrap()
    );
    let none = Ended::of(dir, &["sweep", "run", "parts", "--task", "8"]);
    assert_eq!(none.code, 2);
    has(&none.stderr, &["there is no task 8: they are 0 to 7"]);
}

#[test]
fn a_row_says_what_it_is_and_is_what_a_replay_says() {
    let dir = TempDir::new().unwrap();
    let path = sample_path();
    // A quoter that loses here.
    let config = dir.path().join("loses.toml");
    fs::write(&config, "[defaults.quote]\nfair_price = \"microprice\"\ntouch = \"free\"\n")
        .unwrap();
    let config = config.display().to_string();
    let ended = Ended::of(
        dir.path(),
        &[
            "backtest",
            &path,
            "--config",
            &config,
            "--symbols",
            "BTC",
            "--rules",
            "replay",
            "--queue",
            "risk_averse",
            "--out",
            "b",
        ],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    has(
        &ended.stdout,
        &[
            "tried        1 set of parameters, 1 replays",
            "best of 1 tried; deflated Sharpe – (nothing under 7 whole UTC days",
            "probability of over-fitting – (one set was tried",
            "NOT SHOWN TO PAY",
            "the venue's rules: replay; seed 1",
        ],
    );
    let (results, _) = told(dir.path(), &ended);
    let row = &rows(&results)[0];
    let replay = common::replay(&path, &["--config", &config, "--symbols", "BTC"]);
    let summary = replay.summary();
    assert_eq!(row["tasks"][0]["decision_hash"], summary["decision_hash"]);
    for (key, of_replay) in [
        ("net_usd", "net_pnl_usd"),
        ("gross_usd", "gross_pnl_usd"),
        ("fees_usd", "fees_usd"),
        ("volume_usd", "volume_usd"),
        ("fills", "fills"),
        ("decisions", "decisions"),
    ] {
        assert_eq!(row[key], summary[of_replay], "{key}");
    }
    assert!(row["fills"].as_u64() > Some(0), "{row:#}");
    assert_eq!((row["residual_usd"].as_f64(), row["sharpe"].is_null()), (Some(0.0), true));
    let interval = &row["net_interval"];
    let net = row["net_usd"].as_f64().unwrap();
    let (low, high) =
        (interval["low_usd"].as_f64().unwrap(), interval["high_usd"].as_f64().unwrap());
    assert!(low <= net && net <= high && low < high, "{interval}");
    let id = row["tasks"][0]["id"].as_str().unwrap();
    let kept = fs::read_to_string(dir.path().join(format!("b/tasks/{id}.json"))).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let flow = &kept["outcome"]["samples"];
    assert_eq!(
        flow["gross_usd"].as_array().unwrap().last(),
        Some(&row["gross_usd"]),
        "the last sample is the end"
    );
    assert_eq!(kept["outcome"]["summary"]["net_pnl_usd"], row["net_usd"]);
}

#[test]
fn killed_and_gone_on_with_it_comes_to_the_same_bytes() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let path = sample_path();
    let job = [
        &[path.as_str()],
        &GRID[..],
        &["--param", "skew_factor=0.1,0.2,0.4", "--feed", "10ms,recorded"],
    ]
    .concat();
    let whole = backtest(dir, &[&job[..], &["--out", "whole"]].concat()).1;
    let mut bot =
        spawnable(dir, &[&["backtest"], &job[..], &["--out", "killed", "--jobs", "1"]].concat())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
    let killed = dir.join("killed");
    while outcomes(&killed).len() < 3 && bot.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    bot.kill().unwrap();
    bot.wait().unwrap();
    let done = outcomes(&killed);
    assert!(done.len() >= 3, "{done:?}");
    let before: Vec<Vec<u8>> = done.iter().map(|p| fs::read(p).unwrap()).collect();
    // One is torn, another is somebody else's: both are named and made again.
    fs::write(&done[0], &before[0][..before[0].len() / 2]).unwrap();
    fs::write(&done[1], &before[2]).unwrap();
    let ended = Ended::of(dir, &["backtest", "--resume", "--out", "killed"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    has(&ended.stderr, &["torn (", "another task's; this result is not used, and is made again"]);
    assert_eq!(told(dir, &ended).1, whole);
    let after: Vec<Vec<u8>> = done.iter().map(|p| fs::read(p).unwrap()).collect();
    assert_eq!(after, before);
}

#[test]
fn an_end_that_is_asked_for_keeps_what_is_done_and_says_how_to_go_on() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let path = sample_path();
    let params = "min_spread_bps=1,1.1,1.2,1.3,1.4,1.5,1.6,1.7,1.8,1.9,2,2.1,2.2,2.3,2.4,2.5,2.6,2.7,2.8,2.9";
    let args =
        ["backtest", &path, "--symbols", "BTC", "--param", params, "--out", "s", "--jobs", "1"];
    let said = fs::File::create(dir.join("said")).unwrap();
    let mut bot =
        spawnable(dir, &args).stdout(std::process::Stdio::null()).stderr(said).spawn().unwrap();
    while outcomes(&dir.join("s")).is_empty() && bot.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_raw(bot.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let code = bot.wait().unwrap().code();
    let said = fs::read_to_string(dir.join("said")).unwrap();
    assert_eq!(code, Some(8), "{said}");
    has(&said, &["of 40 tasks are done and kept; botmm backtest --resume --out s goes on"]);
    assert!(outcomes(&dir.join("s")).len() < 40);
}

#[test]
fn a_recording_decides_the_same_as_text_as_tape_and_exported_and_imported() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let first = day(root, "text", 0);
    let exported = Ended::of(root, &["export", &first, "--format", "csv", "--out", "csv"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let hashes = |results: &Value| -> Vec<String> {
        let mut all: Vec<_> = rows(results)
            .iter()
            .map(|r| format!("{} {}", r["queue"], r["tasks"][0]["decision_hash"]))
            .collect();
        all.sort();
        all
    };
    let text = hashes(&backtest(root, &[&first, "--out", "a"]).0);
    assert_eq!(hashes(&backtest(root, &["csv", "--out", "b"]).0), text, "exported and read again");
    // The second time a tape is there.
    for out in ["c", "d"] {
        let ended = common::with_tapes(root, &["backtest", "text", "--out", out]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(hashes(&told(root, &ended).0), text, "{out}");
    }
    assert_eq!(common::tapes(&root.join("text/.botmm")).len(), 1, "compiled once");
}

#[test]
fn days_go_on_or_begin_flat_and_gaps_are_told() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let (a, b) = (day(root, "a", 0), day(root, "b", 7_200));
    let (results, _) = backtest(root, &[&b, &a, "--out", "on", "--queue", "prob_power"]);
    assert_eq!(results["gaps"].as_array().unwrap().len(), 1, "{results:#}");
    assert_eq!(rows(&results)[0]["days"], serde_json::json!(["a", "b"]), "in order of time");
    let (flat, _) =
        backtest(root, &[&a, &b, "--out", "flat", "--queue", "prob_power", "--flat-days"]);
    let row = &rows(&flat)[0];
    assert_eq!((rows(&flat).len(), row["tasks"].as_array().unwrap().len()), (1, 2));
    let net = |row: &Value| row["net_usd"].as_f64().unwrap();
    let alone = net(&row["tasks"][0]) + net(&row["tasks"][1]);
    assert!((net(row) - alone).abs() < 1e-9, "{row:#}");
    assert_eq!(
        row["tasks"][0]["decision_hash"],
        rows(&backtest(root, &[&a, "--out", "a1", "--queue", "prob_power"]).0)[0]["tasks"][0]["decision_hash"]
    );
    // Over the hour funding is paid at the rate that is given, and nothing without one.
    let hour = day(root, "hour", 340);
    let funding = |rate: &[&str], out: &str| {
        let args = [&[hour.as_str(), "--queue", "prob_power", "--out", out], rate].concat();
        rows(&backtest(root, &args).0)[0]["funding_usd"].as_f64().unwrap()
    };
    assert!(funding(&[], "f0").abs() < 1e-9);
    assert!(funding(&["--funding-rate", "0.01"], "f1").abs() > 1e-6);
}

#[test]
fn what_is_wrong_with_a_job_is_named() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let (a, b) = (day(root, "a", 0), day(root, "b", 60));
    fs::create_dir(root.join("empty")).unwrap();
    let mut sets: Vec<String> = (1..=8).map(|i| format!("{{\"min_spread_bps\": {i}}}")).collect();
    sets[6] = "{\"BTC.min_spread_bps\": 5000}".to_owned();
    fs::write(root.join("sets.jsonl"), sets.join("\n")).unwrap();
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (&[&a, "empty"], 5, &["empty", "no recording in this folder"]),
        (&[&a, &b], 5, &["overlaps", "leave one of them out"]),
        (&[&a, &a], 5, &["overlaps"]),
        (
            &[&a, "--params-file", "sets.jsonl"],
            3,
            &["row 7 of sets.jsonl: ", "5000", "out of range"],
        ),
        (&[&a, "--param", "min_spred_bps=1"], 3, &["did you mean min_spread_bps?"]),
        (&[&a, "--symbols", "ETH"], 5, &["ETH is not in the recording; it has: BTC"]),
        (&[&a, "--fee-tier", "tier99"], 2, &["the table has tier0 to"]),
        (&[&a, "--queue", "exact"], 5, &["--queue exact needs single orders"]),
    ];
    for (args, code, parts) in cases {
        let ended = Ended::of(root, &[&["backtest"], args, &["--out", "x"]].concat());
        assert_eq!(ended.code, code, "{args:?}: {}", ended.stderr);
        has(&ended.stderr, parts);
    }
    let again = Ended::of(root, &["backtest", "--resume", "--out", "nothing"]);
    assert_eq!(again.code, 5);
    has(&again.stderr, &["nothing is planned there"]);
    backtest(root, &[&a, "--out", "mine"]);
    let other = Ended::of(root, &["backtest", &b, "--out", "mine"]);
    assert_eq!(other.code, 5, "{}", other.stderr);
    has(&other.stderr, &["another backtest is planned there"]);
}

#[test]
fn a_recording_that_changed_is_named_and_what_is_done_is_kept() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let a = day(root, "a", 0);
    let plan = Ended::of(root, &["sweep", "plan", &a, "--out", "p"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert_eq!(Ended::of(root, &["sweep", "run", "p", "--task", "0"]).code, 0);
    let trades = root.join("a/trades_BTC.csv");
    let text = fs::read_to_string(&trades).unwrap();
    fs::write(&trades, &text[..text.len() - text.lines().last().unwrap().len() - 1]).unwrap();
    let ended = Ended::of(root, &["sweep", "run", "p", "--task", "1"]);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    has(
        &ended.stderr,
        &["the recording is not the one that was planned", "plan again", "0 of 1 tasks"],
    );
    assert_eq!(outcomes(&root.join("p")).len(), 1);
    fs::write(&trades, text).unwrap();
    assert_eq!(Ended::of(root, &["sweep", "run", "p", "--task", "1"]).code, 0);
}

/// Cut short it is seen at once, and compiled anew; changed in the middle only where that is read.
#[test]
fn a_torn_tape_is_named_and_what_is_done_is_kept() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    day(root, "a", 0);
    let run = |args: &[&str]| common::with_tapes(root, args);
    let (_, whole) = told(root, &run(&["backtest", "a", "--out", "whole"]));
    let spoil = |how: &dyn Fn(&mut Vec<u8>)| {
        let all = common::tapes(&root.join("a/.botmm"));
        assert!(!all.is_empty());
        for tape in &all {
            let mut bytes = fs::read(tape).unwrap();
            how(&mut bytes);
            fs::write(tape, bytes).unwrap();
        }
        all[0].file_name().unwrap().to_str().unwrap().to_owned()
    };
    for (folder, is_cut) in [("cut", true), ("changed", false)] {
        assert_eq!(run(&["sweep", "plan", "a", "--out", folder]).code, 0);
        assert_eq!(run(&["sweep", "run", folder, "--task", "0"]).code, 0);
        let done = fs::read(&outcomes(&root.join(folder))[0]).unwrap();
        let tape = spoil(&|bytes| match is_cut {
            true => bytes.truncate(bytes.len() / 2),
            false => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
        });
        let ended = run(&["sweep", "run", folder, "--task", "1"]);
        has(&ended.stderr, &[&tape, "this compiled tape is damaged (", "removed"]);
        if is_cut {
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            has(&ended.stderr, &["bytes); it is removed, and the recording itself is read"]);
        } else {
            assert_eq!(ended.code, 5, "{}", ended.stderr);
            has(&ended.stderr, &["run it again, and the recording itself is read"]);
            assert_eq!(outcomes(&root.join(folder)).len(), 1);
        }
        let ended = run(&["backtest", "--resume", "--out", folder]);
        assert_eq!(told(root, &ended).1, whole, "{folder}");
        assert!(!ended.stderr.contains("damaged"), "{}", ended.stderr);
        let kept = outcomes(&root.join(folder)).iter().any(|path| fs::read(path).unwrap() == done);
        assert!(kept, "{folder}: what was done is as it was");
    }
}

#[test]
fn a_capture_is_split_into_its_days() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    for (name, later) in [("2025-09-04", 0), ("2025-09-05", 3_600)] {
        day(&root.join("capture"), name, later);
        fs::write(root.join("capture").join(name).join("manifest.json"), "{}").unwrap();
    }
    let flat = ["--flat-days", "--queue", "risk_averse"];
    let (results, _) = backtest(root, &[&["capture", "--out", "split"], &flat[..]].concat());
    assert_eq!(results["rows"][0]["days"].as_array().unwrap().len(), 2, "{results:#}");
    let named = ["capture/2025-09-05", "capture/2025-09-04", "--out", "named"];
    let (by_name, _) = backtest(root, &[&named[..], &flat[..]].concat());
    assert_eq!(by_name["rows"], results["rows"]);
}

#[test]
fn a_full_disk_is_told_and_what_is_done_is_kept() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let path = sample_path();
    let plan =
        ["sweep", "plan", &path, "--symbols", "BTC", "--sample-every", "100ms", "--out", "p"];
    assert_eq!(Ended::of(root, &plan).code, 0);
    assert_eq!(Ended::of(root, &["sweep", "run", "p", "--task", "0"]).code, 0);
    // No file may grow beyond 4 KiB, which no result fits.
    let program = assert_cmd::cargo::cargo_bin("botmm");
    let mut limited = assert_cmd::Command::new("bash");
    limited.current_dir(root).env("BOTMM_TAPES", "off");
    limited.args(["-c", "ulimit -f 4; exec \"$0\" \"$@\""]);
    limited.arg(&program).args(["backtest", "--resume", "--out", "p"]);
    let ended = Ended::after(limited);
    assert_eq!(ended.code, 8, "{}", ended.stderr);
    has(&ended.stderr, &["cannot write", "1 of 2 tasks are done and kept in p"]);
    assert_eq!(outcomes(&root.join("p")).len(), 1);
    let ended = Ended::of(root, &["backtest", "--resume", "--out", "p"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn halving_keeps_the_best_on_more_days_and_counts_all_that_were_tried() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let days: Vec<String> = (0..3).map(|i| day(root, &format!("d{i}"), i * 3_600)).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let work = |folder: &str| {
        let ended = Ended::of(root, &["backtest", "--resume", "--out", folder]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        told(root, &ended).0
    };
    let job = [
        "--param",
        "min_spread_bps=1,2,3,4",
        "--queue",
        "prob_power",
        "--halving",
        "2",
        "--out",
        "r0",
    ];
    let plan = Ended::of(root, &[&["sweep", "plan"], &days[..], &job[..]].concat());
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let first = work("r0");
    assert_eq!((rows(&first).len(), first["days"].as_array().unwrap().len()), (4, 1));
    let mut lows: Vec<(f64, String)> = rows(&first)
        .iter()
        .map(|r| {
            (r["net_interval"]["low_usd"].as_f64().unwrap(), r["set"].as_str().unwrap().to_owned())
        })
        .collect();
    lows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let next = Ended::of(root, &["sweep", "plan", "--next", "r0", "--out", "r1"]);
    assert_eq!(next.code, 0, "{}", next.stderr);
    let second = work("r1");
    assert_eq!((rows(&second).len(), second["days"].as_array().unwrap().len()), (2, 2));
    let mut kept: Vec<_> = rows(&second).iter().map(|r| r["set"].as_str().unwrap()).collect();
    kept.sort();
    let mut best: Vec<_> = lows[..2].iter().map(|l| l.1.as_str()).collect();
    best.sort();
    assert_eq!(kept, best);
    assert_eq!((second["sets_tried"].as_u64(), second["rung"].as_u64()), (Some(4), Some(1)));
    assert_eq!(Ended::of(root, &["sweep", "plan", "--next", "r1", "--out", "r2"]).code, 0);
    work("r2");
    let last = Ended::of(root, &["sweep", "plan", "--next", "r2", "--out", "r3"]);
    assert_eq!(last.code, 2);
    has(&last.stderr, &["this was the last rung"]);
}

#[test]
fn what_was_chosen_on_one_part_is_judged_on_the_next() {
    let dir = TempDir::new().unwrap();
    let path = sample_path();
    let args = [
        "--queue",
        "prob_power",
        "--walk-forward",
        "2",
        "--fee-tier",
        "base,base-40%",
        "--out",
        "w",
    ];
    let args = [&[path.as_str()], &GRID[..], &args[..]].concat();
    let ended = Ended::of(dir.path(), &[&["backtest"], &args[..]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    has(
        &ended.stdout,
        &["Walk-forward: chosen on one part, judged on the next", "part 1 of 3", "0.9 base-40%"],
    );
    let results = fs::read(dir.path().join("w/results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    let walked = results["walk_forward"].as_array().unwrap();
    assert_eq!(walked.len(), 4, "two parts under each fee");
    for step in walked {
        assert!(step["judged_usd"].as_f64() <= step["best_there_usd"].as_f64(), "{step}");
    }
    // The fee is what differs, where decisions are the same; all else is as it was.
    let fees: Vec<f64> = rows(&results).iter().map(|r| r["fee_bps"].as_f64().unwrap()).collect();
    assert!(fees.contains(&1.5) && fees.contains(&0.9), "{fees:?}");
}
