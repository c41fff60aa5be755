//! Replays, through the command.

use crate::common::{Ended, botmm, check_sound, coins, number, replay, summary, without_timings};
use botmm::data::{LoadOptions, load};
use botmm::settings::Settings;
use serde_json::json;
use std::fs;
use tempfile::TempDir;

pub fn it_loads_without_a_word(path: &str) {
    let settings = Settings::load(None, &|_| None).unwrap();
    let options = LoadOptions {
        symbols: &[],
        instrument: &|coin| settings.instrument(coin),
        allow_unsound: false,
        decode: &mut |_, _, _, _| Ok(()),
        progress: &|done, total| assert!(done <= total),
    };
    let start = std::time::Instant::now();
    let loaded = load(&[path.into()], options).unwrap();
    println!("loaded in {:?}: {:?}", start.elapsed(), loaded.report.counts);
    assert_eq!(loaded.report.warnings, [] as [&str; 0]);
    let rows_of = |prefix: &str| -> u64 {
        let files = loaded.report.files.iter().filter(|f| f.name.starts_with(prefix));
        files.map(|f| f.rows).sum()
    };
    assert_eq!(rows_of("orderbooks_"), 3 * 3_785);
    assert_eq!(rows_of("trades_"), 6_675 + 6_884 + 4_437);
    assert_eq!(loaded.report.counts.books, 3 * 3_785);
    assert_eq!(loaded.report.counts.bbos, 13_896 + 15_259 + 13_211);
    assert_eq!(loaded.report.duplicates, 27);
    assert_eq!(loaded.report.counts.trades as u64, rows_of("trades_") - 27);
    assert_eq!(loaded.report.early, 0);
    let coins: Vec<_> = loaded.universe.iter().map(|(_, i)| i.coin.to_string()).collect();
    assert_eq!(coins, ["BTC", "ETH", "SOL"]);
}

pub fn it_is_processed_to_the_end_twice_alike(path: &str) {
    let first = summary(path, &[]);
    let rows = |prefix: &str| -> u64 {
        let files = first["assumptions"]["data"].as_array().unwrap();
        let named = files.iter().filter(|f| f["path"].as_str().unwrap().starts_with(prefix));
        named.map(|f| f["rows"].as_u64().unwrap()).sum()
    };
    assert!(rows("orderbooks_") > 11_000);
    assert!(first["events"].as_u64().unwrap() > rows("orderbooks_") + rows("trades_"));
    assert!(first["decisions"].as_u64().unwrap() > 1_000);
    assert!(first["fills"].as_u64().unwrap() > 0);
    assert!(number(&first["span_s"]) > 2_000.0);
    assert_eq!(coins(&first), ["BTC", "ETH", "SOL"]);
    assert_eq!(without_timings(first), without_timings(summary(path, &[])));
}

pub fn raw_frames_are_replayed(path: &str) {
    let summary = summary(path, &[]);
    assert_eq!(summary["assumptions"]["data"][0]["path"], "btcusd_20250126.gz");
    assert!(summary["events"].as_u64().unwrap() >= 46, "46 books and what else came");
}

pub fn garbage_frames_are_named_with_their_line(path: &str) {
    let mut text = String::new();
    let file = fs::File::open(path).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let huge = lines[0].replace("\"px\":\"", "\"px\":\"9999999");
    let negative = lines[0].replace("\"sz\":\"", "\"sz\":\"-");
    let nan = lines[0].replace("\"sz\":\"0", "\"sz\":\"NaN");
    let half = &lines[0][..lines[0].len() / 2];
    lines.splice(5..5, ["hello", &huge, &negative, &nan, half]);
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("frames.jsonl"), lines.join("\n") + "\n").unwrap();
    let ended = Ended::of(dir.path(), &["replay", "frames.jsonl", "--json"]);
    check_sound(&ended.summary());
    for line in 6..=10 {
        let place = format!("botmm: frames.jsonl:{line}: ");
        assert!(ended.stderr.contains(&place), "no {place} in {}", ended.stderr);
    }
}

/// From the compiled tape as from the files, whatever the plan and the way to the venue; and it is small.
pub fn its_tape_is_small_and_decides_the_same(path: &str) {
    let dir = TempDir::new().unwrap();
    let tapes = dir.path().join("tapes");
    let run = |more: &[&str]| {
        let mut command = botmm(dir.path(), &[&["replay", path, "--json"][..], more].concat());
        command.env("BOTMM_TAPES", &tapes);
        Ended::after(command)
    };
    let kinds: [&[&str]; 4] = [
        &["--no-tape"],
        &["--lossless", "--plan", "solo", "--no-tape"],
        &["--lossless", "--plan", "paired", "--no-tape"],
        &["--feed", "lognormal:300ms,0.5", "--no-tape"],
    ];
    for kind in kinds {
        let direct = run(kind);
        if direct.code == 2 && direct.stderr.contains("does not fit this machine") {
            continue;
        }
        let expected = without_timings(direct.summary());
        println!("{kind:?}: {} fills, {}", expected["fills"], expected["decision_hash"]);
        // The first of all compiles it.
        for _ in 0..2 {
            let compiled = run(&kind[..kind.len() - 1]);
            assert_eq!(without_timings(compiled.summary()), expected, "{kind:?}");
            assert_eq!(compiled.stderr, direct.stderr);
        }
    }
    let kept: Vec<_> = fs::read_dir(&tapes).unwrap().map(|e| e.unwrap().path()).collect();
    let [tape] = &kept[..] else { panic!("one tape: {kept:?}") };
    let size = fs::metadata(tape).unwrap().len();
    let plain: u64 = fs::read_dir(path)
        .unwrap()
        .map(|file| fs::File::open(file.unwrap().path()).unwrap())
        .map(|file| std::io::copy(&mut zstd::Decoder::new(file).unwrap(), &mut std::io::sink()))
        .map(|copied| copied.unwrap())
        .sum();
    let options = LoadOptions {
        symbols: &[],
        instrument: &crate::common::coins::major,
        allow_unsound: false,
        decode: &mut |_, _, _, _| Ok(()),
        progress: &|_, _| {},
    };
    let changes = load(&[path.into()], options).unwrap().tape.changes();
    println!(
        "{size} bytes of {plain} ({:.2} times smaller), {:.2} for each of {changes} events",
        plain as f64 / size as f64,
        size as f64 / changes as f64
    );
    assert!(size < plain / 8, "{size} bytes, and {plain} as text");
    assert!(size <= 32 * changes, "{size} bytes of {changes} events");
}

pub fn only_some_of_its_coins_are_replayed(path: &str) {
    assert_eq!(coins(&summary(path, &["--symbols", "BTC"])), ["BTC"]);
}

pub fn every_plan_decides_the_same(path: &str) {
    let runs = ["inline", "solo", "paired"].map(|plan| {
        // `paired` runs on two cores; where there is one, it is refused as a usage error.
        let ended = replay(path, &["--lossless", "--plan", plan]);
        if ended.code == 2 && ended.stderr.contains("does not fit this machine") {
            println!("skipped: {plan} does not fit this machine");
            return None;
        }
        let summary = ended.summary();
        check_sound(&summary);
        for (ring, dropped) in summary["dropped"].as_object().unwrap() {
            assert!(*dropped == 0 || ring == "lane->side", "{plan} {ring}: {dropped}");
        }
        Some(summary)
    });
    let first = runs[0].as_ref().unwrap();
    for run in runs.iter().flatten() {
        for key in ["decision_hash", "decisions", "fills", "net_pnl_usd", "reasons"] {
            assert_eq!(run[key], first[key], "{key} under {}", run["assumptions"]["plan"]);
        }
    }
}

/// As a journal tells, and then as the journal of that replay tells.
pub fn parameters_change_at_every_minute(path: &str) {
    let line = |minute: u32| {
        let to = f64::from(minute % 7 + 2);
        let wider = json!({ "coin": "ETH", "key": "quote.min_spread_bps", "from": 2.0, "to": to });
        let time = format!("2025-09-04T19:{minute}:00Z");
        format!("{}\n", json!({ "type": "params", "time": time, "changes": [wider] }))
    };
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("j.jsonl"), (47..=59).map(line).collect::<String>()).unwrap();
    // Half a spread from the mid.
    let plain = "[defaults.quote]\nfair_price = \"mid\"\nbias_strength = 0\n\
                 imbalance_strength = 0\nskew_factor = 0\ntouch = \"free\"\n";
    fs::write(dir.path().join("my.toml"), plain).unwrap();
    let run = |more: &str| {
        let args = ["replay", path, "--json", "--config", "my.toml", "--lossless"];
        let more = more.split_whitespace();
        let ended = Ended::of(dir.path(), &args.into_iter().chain(more).collect::<Vec<_>>());
        let summary = ended.summary();
        check_sound(&summary);
        summary
    };
    let (first, plain) = (run("--params-from j.jsonl --out first"), run(""));
    assert_ne!(first["decision_hash"], plain["decision_hash"]);
    let again = run("--params-from first/journal.jsonl --plan solo");
    assert_eq!(first["decision_hash"], again["decision_hash"]);
    let notes = first["assumptions"]["notes"].to_string();
    assert!(notes.contains("as j.jsonl tells: 13"), "{notes}");
}
