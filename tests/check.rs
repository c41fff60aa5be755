//! The command as a user meets it: what it prints, and the code it ends with.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use assert_cmd::Command;
use std::io::Write as _;
use tempfile::NamedTempFile;

fn botmm(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("botmm").unwrap();
    for name in [
        "MM_SYMBOLS",
        "HL_PRIVATE_KEY",
        "HL_WALLET_ADDRESS",
        "DISCORD_WEBHOOK_URL",
        "BOTMM_WEBHOOK_URL",
    ] {
        command.env_remove(name);
    }
    command.args(args);
    command
}

/// Exit code, stdout, stderr.
fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn config(text: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// `check` must refuse this with code 3 and one line that holds every one of `parts`.
fn refused(text: &str, parts: &[&str]) {
    let file = config(text);
    let path = file.path().to_str().unwrap();
    let (code, stdout, stderr) = outcome(&mut botmm(&["check", "--config", path]));
    assert_eq!((code, stdout.as_str()), (3, ""), "{text}\n{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for part in parts.iter().chain(&[path]) {
        assert!(stderr.contains(part), "{text}\nno {part:?} in {stderr}");
    }
}

#[test]
fn the_built_in_configuration_is_sound_and_printed_as_toml() {
    let (code, stdout, stderr) = outcome(&mut botmm(&["check"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let table: toml::Table = stdout.parse().unwrap();
    assert_eq!(table["defaults"]["quote"]["min_spread_bps"].as_float(), Some(2.0));
    // Of secrets those that somebody reads, and no others.
    let secrets = stdout.lines().filter_map(|l| l.strip_prefix("# ")?.strip_suffix(": not set"));
    let secrets: Vec<&str> = secrets.collect();
    let names = ["HL_PRIVATE_KEY", "HL_WALLET_ADDRESS", "DISCORD_WEBHOOK_URL", "BOTMM_WEBHOOK_URL"];
    assert_eq!(secrets, names);
    for name in secrets {
        assert!(include_str!("../src/keys.rs").contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn json_spells_out_each_coin_and_masks_secrets() {
    let file = config("[asset.ETH.quote]\nmin_spread_bps = 4\n");
    let mut command = botmm(&["check", "--json", "--config", file.path().to_str().unwrap()]);
    command.env("HL_PRIVATE_KEY", "0xdeadbeef").env("MM_SYMBOLS", "ETHUSDT,kPEPE");
    let (code, stdout, _) = outcome(&mut command);
    assert_eq!(code, 0);
    assert!(!stdout.contains("deadbeef"));
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["general"]["symbols"], serde_json::json!(["ETH", "kPEPE"]));
    assert_eq!(json["symbols"]["ETH"]["quote"]["min_spread_bps"], 4);
    assert_eq!(json["symbols"]["kPEPE"]["quote"]["min_spread_bps"], 2.0);
    assert_eq!(json["secrets"]["HL_PRIVATE_KEY"], "set (masked)");
    assert_eq!(json["set_by"]["general.symbols"], "MM_SYMBOLS");
}

#[test]
fn faults_end_with_code_3_and_one_line() {
    refused("[defaults.quote]\nmin_spred_bps = 2", &[":2", "min_spred_bps", "min_spread_bps?"]);
    refused("[defaults.quote]\nvol_sample_s = 1", &[":2", "did you mean vol_sample_ms?"]);
    refused("[defaults.quote]\ntick_ms = \"1s\"", &[":2", "tick_ms", "\"1s\"", "whole number"]);
    refused("[defaults.quote]\nmax_spread_bps = 1", &[":2", "= 2.0 is above max_spread_bps = 1"]);
    let untraded = "[asset.DOGE.quote]\nmax_spread_bps = 1\norder_size_usd = 11";
    let (code, stdout, stderr) =
        outcome(&mut botmm(&["check", "--config", config(untraded).path().to_str().unwrap()]));
    assert_eq!((code, stderr.as_str()), (0, ""), "nobody trades DOGE: {stdout}");
    let traded = "[asset.DOGE.quote]\nmax_spread_bps = 1\n[general]\nsymbols = [\"DOGE\"]";
    refused(traded, &[":2", ": DOGE: min_spread_bps = 2.0 is above max_spread_bps = 1"]);
    let two = "[defaults.quote]\nmin_spread_bps = 60\n[asset.ETH.quote]\nmax_spread_bps = 70";
    refused(two, &[":2", ": BTC, SOL: min_spread_bps = 60 is above max_spread_bps = 50.0"]);
    refused("[defaults.risk]\ncapital_usd = -10", &[":2", "-10", "from 10 to"]);
    refused("[defaults.risk]\nmax_drawdown_pct = nan", &[":2", "nan", "0.01 to 100"]);
    refused("[defaults.risk]\nmax_position_usd = inf", &[":2", "inf", "amount"]);
    refused("[general]\nsymbols = [\"BTC\", \"EHT\"]", &[":2", "\"EHT\"", "did you mean ETH?"]);
    refused("[general\n", &[":1", "not valid TOML"]);
}

#[test]
fn a_missing_file_and_an_unknown_symbol_are_configuration_errors() {
    let (code, _, stderr) = outcome(&mut botmm(&["check", "--config", "no/such/file.toml"]));
    assert_eq!(code, 3);
    assert!(stderr.starts_with("botmm: no/such/file.toml: cannot read: "), "{stderr}");
    let (code, _, stderr) = outcome(botmm(&["check"]).env("MM_SYMBOLS", "BTC,XPR"));
    assert_eq!(code, 3);
    assert!(stderr.contains("MM_SYMBOLS") && stderr.contains("did you mean XRP?"), "{stderr}");
}

#[test]
fn usage_errors_end_with_code_2() {
    for args in [
        &["chekc"][..],
        &["check", "--conf"],
        &["--for", "30"],
        &["replay"],
        &["replay", "x", "--plan", "two"],
        &["replay", "x", "--fee-bps", "cheap"],
    ] {
        let (code, stdout, stderr) = outcome(&mut botmm(args));
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(!stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn help_names_verbs_units_and_exit_codes() {
    let (code, stdout, _) = outcome(&mut botmm(&["--help"]));
    assert_eq!(code, 0);
    for part in ["replay", "paper", "check", "Exit codes:", "MM_SYMBOLS", "30s"] {
        assert!(stdout.contains(part), "no {part:?} in {stdout}");
    }
}
