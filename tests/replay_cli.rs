//! `botmm replay` as a user meets it: what a recording comes to, and what is said of a bad one.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{
    Ended, check_sound, coins, copy_of_sample, count, journal, number, sample, spawnable, summary,
    without_timings,
};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

fn sample_summary(more: &[&str]) -> Value {
    summary(sample().to_str().unwrap(), more)
}

// What a recording comes to.

#[test]
fn queue_models_are_named_in_the_assumptions() {
    for model in ["risk_averse", "prob_power", "prob_power:1", "prob_log"] {
        let summary = sample_summary(&["--queue", model]);
        let named = summary["assumptions"]["queue"].as_str().unwrap();
        assert!(named.starts_with(model), "{named} for {model}");
        assert!(summary["decisions"].as_u64().unwrap() > 100, "{model}");
    }
}

#[test]
fn a_seed_decides_the_random_latency() {
    let run = |seed| sample_summary(&["--latency", "lognormal:50ms,0.3", "--seed", seed]);
    let (one, again, two) = (run("1"), run("1"), run("2"));
    assert_ne!(one["decision_hash"], two["decision_hash"]);
    assert_eq!(without_timings(one), without_timings(again));
}

#[test]
fn a_rebate_is_a_negative_fee() {
    let paid = sample_summary(&["--fee-bps", "1.5"]);
    let earned = sample_summary(&["--fee-bps", "-0.1"]);
    assert!(number(&paid["fees_usd"]) > 0.0);
    assert!(earned["fills"].as_u64().unwrap() > 0 && number(&earned["fees_usd"]) < 0.0);
    for s in [paid, earned] {
        let net = number(&s["gross_pnl_usd"]) - number(&s["fees_usd"]);
        assert!((net - number(&s["net_pnl_usd"])).abs() < 1e-6, "{s:#}");
    }
}

#[test]
fn a_lean_replay_decides_and_fills_the_same_and_says_nothing_of_latency() {
    let jobs =
        ["", "--queue prob_power:3 --latency lognormal:50ms,0.3", "--lossless --rules venue"];
    for job in jobs {
        let words: Vec<&str> = job.split_whitespace().collect();
        let (full, lean) =
            (sample_summary(&words), sample_summary(&[&words[..], &["--lean"]].concat()));
        assert_ne!(full["latency_ns"], serde_json::json!({}), "{job}");
        assert_eq!(lean["latency_ns"], serde_json::json!({}), "{job}");
        assert_eq!(without_timings(full), without_timings(lean), "{job}");
    }
}

#[test]
fn only_the_symbols_asked_for_are_traded() {
    assert_eq!(coins(&sample_summary(&["--symbols", "BTC"])), ["BTC"]);
    assert_eq!(coins(&sample_summary(&[])), ["BTC", "SOL"], "all there are");
}

#[test]
fn the_text_shows_profit_with_fees_fills_and_span() {
    let dir = TempDir::new().unwrap();
    let ended = Ended::of(dir.path(), &["replay", sample().to_str().unwrap()]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let net = ended.stdout.lines().find(|l| l.contains("net PnL")).unwrap();
    for part in [" USD", "after fees", " fills in ", " m "] {
        assert!(net.contains(part), "{part:?} is not in {net}");
    }
    assert!(ended.stdout.contains("the accounts add up"), "{}", ended.stdout);
    assert!(ended.stdout.contains("funding is not simulated"), "{}", ended.stdout);
}

#[test]
fn out_holds_the_summary_and_a_readable_journal() {
    let dir = TempDir::new().unwrap();
    let ended = Ended::of(
        dir.path(),
        &["replay", sample().to_str().unwrap(), "--json", "--out", "deep/er"],
    );
    let summary = ended.summary();
    assert_eq!(fs::read_to_string(dir.path().join("deep/er/summary.json")).unwrap(), ended.stdout);
    let lines = journal(&dir.path().join("deep/er/journal.jsonl"));
    let fills = summary["fills"].as_u64().unwrap();
    assert_eq!(count(&lines, "fill") as u64, fills, "each fill is told once");
    assert!(count(&lines, "decision") > 0 && count(&lines, "place") > 0);
    assert_eq!(files_in(&dir.path().join("deep/er")), ["journal.jsonl", "summary.json"]);
}

// What is said of a bad one.

fn files_in(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name());
    let mut names: Vec<_> = names.map(|n| n.into_string().unwrap()).collect();
    names.sort();
    names
}

/// Replays with `--out`, which must end with this code, one line that holds every one of `parts`,
/// and nothing written.
fn refused(dir: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let before = files_in(dir);
    let ended = Ended::of(dir, &[&["replay"], args, &["--json", "--out", "out"]].concat());
    assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{args:?}: {}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{args:?}: {}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{args:?}: no {part:?} in {}", ended.stderr);
    }
    assert_eq!(files_in(dir), before, "{args:?} left something behind");
}

/// The sample with one of its files spoilt: it must go to its end, say `said` of that file, and
/// count so many lines.
fn spoilt(file: &str, spoil: impl FnOnce(&mut Vec<u8>), said: &str, lines: u64) {
    let dir = copy_of_sample();
    let path = dir.path().join("rec").join(file);
    let mut bytes = fs::read(&path).unwrap();
    spoil(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let ended = Ended::of(dir.path(), &["replay", "rec", "--json", "--out", "out"]);
    let summary = ended.summary();
    check_sound(&summary);
    let notes = summary["assumptions"]["notes"].to_string();
    let counted = format!("{lines} unsound lines skipped");
    match lines {
        0 => assert!(!notes.contains("skipped") && ended.stderr.is_empty(), "{said}: {ended:?}"),
        _ => assert!(notes.contains(&counted), "{said}: {notes}"),
    }
    let named = ended.stderr.lines().any(|l| l.starts_with(&format!("botmm: rec/{file}:")));
    assert!(lines == 0 || named, "no place in {}", ended.stderr);
    assert!(ended.stderr.contains(said), "no {said:?} in {}", ended.stderr);
    assert_eq!(files_in(&dir.path().join("out")), ["journal.jsonl", "summary.json"]);
}

/// Sets columns of line 50.
fn columns<'a>(changes: &'a [(usize, &'a str)]) -> impl FnOnce(&mut Vec<u8>) + 'a {
    move |bytes| {
        let text = String::from_utf8(std::mem::take(bytes)).unwrap();
        let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
        let mut fields: Vec<&str> = lines[49].split(',').collect();
        changes.iter().for_each(|(column, value)| fields[*column] = value);
        lines[49] = fields.join(",");
        *bytes = lines.join("\r\n").into_bytes();
    }
}

fn line_50(line: &str) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| {
        let at = |n| bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(n).unwrap().0 + 1;
        let range = at(48)..at(49);
        bytes.splice(range, format!("{line}\r\n").into_bytes());
    }
}

#[test]
fn an_unsound_book_is_named_with_its_line_and_counted() {
    let says = |changes: &[(usize, &str)], said: &str| {
        let said = format!("orderbooks_BTC.csv:50: {said}");
        spoilt("orderbooks_BTC.csv", columns(changes), &said, 1);
    };
    says(&[(3, "NaN")], "column `bid_price_0` is `NaN`: ");
    says(&[(4, "-1")], "bid size -1 is not positive");
    says(&[(3, "70000")], "book is crossed (bid 70000, ask ");
    says(&[(3, "60029.0"), (5, "60029.0")], "book is locked at 60029");
    says(&[(2, "1759999999000")], "venue time goes back by ");
    says(&[(3, "1e300")], "column `bid_price_0` is `1e300`: beyond ±92 billion");
    // The largest numbers that fit are of no market either, and must not overflow a sum.
    says(&[(4, "92233720368")], "bid size 92233720368 is above 1000000000, as in no market");
    says(
        &[(3, "92233720368"), (5, "92233720368.5")],
        "bid price 92233720368 is above 10000000, as in no market",
    );
    says(
        &[(2, "99999999999999999999")],
        "column `exchange_timestamp` is `99999999999999999999`: not",
    );
    // A wrong digit in a time must not become years of replay.
    says(&[(0, "1960000000.0")], "local and venue time are ");
    spoilt("orderbooks_BTC.csv", line_50("what?"), ":50: 1 columns, the header has 43", 1);
}

#[test]
fn an_unsound_trade_or_touch_is_named_with_its_line_and_counted() {
    spoilt("trades_BTC.csv", columns(&[(1, "nan")]), "trades_BTC.csv:50: column `price`", 1);
    spoilt("trades_BTC.csv", columns(&[(2, "-3")]), ":50: trade size -3 is not positive", 1);
    spoilt("trades_BTC.csv", columns(&[(3, "hold")]), ":50: column `side` is `hold`", 1);
    spoilt("trades_BTC.csv", columns(&[(4, "9e99")]), ":50: column `trade_id` is `9e99`", 1);
    spoilt("prices_BTC.csv", columns(&[(1, "inf")]), ":50: column `price` is `inf`", 1);
    spoilt("prices_BTC.csv", columns(&[(2, "-1")]), "with size -1: both must be positive", 1);
}

#[test]
fn files_cut_short_are_told() {
    let cut = |to: usize| move |bytes: &mut Vec<u8>| bytes.truncate(to);
    let early = "the compressed stream ends early";
    spoilt("orderbooks_SOL.csv.gz", cut(3_000), early, 1);
    spoilt("trades_BTC.csv", cut(9_001), "the last line has no end: the file is cut short", 1);
    // Zstandard, cut in its second half.
    let dir = copy_of_sample();
    let books = dir.path().join("rec/orderbooks_BTC.csv");
    let packed = zstd::encode_all(&fs::read(&books).unwrap()[..], 3).unwrap();
    fs::write(dir.path().join("rec/orderbooks_BTC.csv.zst"), &packed[..packed.len() * 3 / 4])
        .unwrap();
    fs::remove_file(books).unwrap();
    // Nothing of it can be unpacked: a kind of data is lost whole, unless that is allowed.
    let ended = Ended::of(dir.path(), &["replay", "rec", "--json"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (5, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains(early), "{}", ended.stderr);
    let ended = Ended::of(dir.path(), &["replay", "rec", "--json", "--allow-unsound"]);
    check_sound(&ended.summary());
    assert!(ended.stderr.contains(early), "{}", ended.stderr);
}

#[test]
fn line_ends_do_not_matter_and_endless_lines_do() {
    let unix = |bytes: &mut Vec<u8>| bytes.retain(|b| *b != b'\r');
    spoilt("orderbooks_BTC.csv", unix, "", 0);
    let endless = |bytes: &mut Vec<u8>| bytes.extend(vec![b'7'; 10_000_000]);
    spoilt("trades_BTC.csv", endless, "longer than any line of a recording", 1);
}

#[test]
fn where_nothing_usable_remains_the_code_is_5_and_nothing_is_written() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let refuse = |name: &str, parts: &[&str]| refused(dir.path(), &[name], 5, parts);
    // Noise without the bytes that would make it, by chance, something else.
    let noise: Vec<u8> =
        (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let header = fs::read_to_string(sample().join("orderbooks_BTC.csv")).unwrap();
    let header = header.lines().next().unwrap();

    refuse("nowhere", &["nowhere: no such file or folder; check"]);
    refuse("no\nwhere", &["no\\nwhere: no such file"]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    refuse("empty", &["empty: no recording in this folder (it is empty)"]);
    write("orderbooks_BTC.csv", &noise);
    refuse("orderbooks_BTC.csv", &["orderbooks_BTC.csv:1: column `bid_price_0` is missing"]);
    write("noise.jsonl", &noise);
    refuse("noise.jsonl", &["noise.jsonl: not a recording we know (its first line is no frame)"]);
    write("noise.zst", &noise);
    refuse("noise.zst", &["named .zst, but its content is not"]);
    write("photo.png", &noise);
    refuse("photo.png", &["neither CSV nor frames by its name"]);
    write("trades_BTC.csv", b"");
    refuse("trades_BTC.csv", &["no usable event", "trades_BTC.csv: no rows"]);
    write("trades_BTC.csv.gz", b"");
    refuse("trades_BTC.csv.gz", &["no usable event", "trades_BTC.csv.gz: no rows"]);
    write("frames.jsonl", b"");
    refuse("frames.jsonl", &["frames.jsonl: not a recording we know (it is empty)"]);
    write("orderbooks_BTC.csv", format!("{header}\r\n").as_bytes());
    refuse("orderbooks_BTC.csv", &["no usable event", "orderbooks_BTC.csv: no rows"]);
    write("orderbooks_BTC.csv", format!("{header}\r\n?\r\n??\r\n").as_bytes());
    refuse(
        "orderbooks_BTC.csv",
        &["orderbooks_BTC.csv: 2 of 2 lines are not sound (first: line 2: 1 columns"],
    );
    write("orderbooks_BTC.csv", &vec![b'1'; 10_000_000]);
    refuse("orderbooks_BTC.csv", &["orderbooks_BTC.csv", "longer than any line"]);
    let packed = fs::read(sample().join("trades_SOL.csv.gz")).unwrap();
    write("trades_SOL.csv.gz", &packed[..20]);
    refuse("trades_SOL.csv.gz", &["trades_SOL.csv.gz", "the compressed stream ends early"]);
    let recording = sample();
    let recording = recording.to_str().unwrap();
    refused(dir.path(), &[recording, "--symbols", "ETH"], 5, &["ETH is not in the recording"]);
    refused(dir.path(), &[recording, "--symbols", "NOPE"], 2, &["unknown coin \"NOPE\"; known: "]);
    let missing = ["no.toml: cannot read"];
    refused(dir.path(), &[recording, "--config", "no.toml"], 3, &missing);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = TempDir::new().unwrap();
    let locked = dir.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&locked).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    refused(dir.path(), &["locked"], 5, &["locked: cannot be read (", "check its permissions"]);
}

#[test]
fn out_that_cannot_be_written_is_named() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("file"), "mine").unwrap();
    fs::create_dir_all(dir.path().join("taken/summary.json")).unwrap();
    let recording = sample();
    for (out, said) in [
        ("file", "file: cannot create"),
        ("file/below", "file/below: cannot create"),
        ("taken", "taken/summary.json: cannot write"),
    ] {
        let args = ["replay", recording.to_str().unwrap(), "--json", "--out", out];
        let ended = Ended::of(dir.path(), &args);
        // What was computed is told all the same, where it can be.
        assert_eq!((ended.code, ended.stdout.is_empty()), (5, out != "taken"), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "no {said:?} in {}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "mine");
    let left = files_in(&dir.path().join("taken"));
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
}

#[test]
fn a_file_named_twice_is_read_once() {
    let dir = copy_of_sample();
    let once = Ended::of(dir.path(), &["replay", "rec", "--json"]).summary();
    let args = ["replay", "rec", "rec/../rec/orderbooks_BTC.csv", "--json"];
    let twice = Ended::of(dir.path(), &args);
    assert!(twice.stderr.contains("named more than once, read once"), "{}", twice.stderr);
    assert_eq!(without_timings(once), without_timings(twice.summary()));
}

#[test]
fn prices_gone_mad_halt_and_never_panic() {
    let dir = copy_of_sample();
    for file in ["orderbooks_BTC.csv", "prices_BTC.csv", "trades_BTC.csv"] {
        let path = dir.path().join("rec").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let prices: Vec<usize> = (0..lines[0].split(',').count())
            .filter(|i| lines[0].split(',').nth(*i).unwrap().contains("price"))
            .collect();
        let half = lines.len() / 2;
        for line in &mut lines[half..] {
            let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
            // 60,000 becomes 6,000,000: believable to a parser, to nobody else.
            prices.iter().for_each(|i| fields[*i] = fields[*i].replace(".0", "00.0"));
            *line = fields.join(",");
        }
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let ended = Ended::of(dir.path(), &["replay", "rec", "--json", "--out", "out"]);
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(number(&summary["equity_residual_usd"]).abs() < 0.01, "{summary:#}");
    assert!([0, 6].contains(&ended.code), "{ended:?}");
    let lines = journal(&dir.path().join("out/journal.jsonl"));
    assert!(count(&lines, "alert") > 0, "nobody was told");
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    for more in [&["--json"][..], &[]] {
        let dir = TempDir::new().unwrap();
        let sample = sample();
        let args = [&["replay", sample.to_str().unwrap()], more].concat();
        let mut command = spawnable(dir.path(), &args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    }
}
