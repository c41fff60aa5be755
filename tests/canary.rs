//! A key that is typed where it does not belong is repeated nowhere: for every verb and every flag, for
//! every key of the configuration, in files that do not parse and in the environment, neither what is
//! printed nor any file holds it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use clap::{Arg, CommandFactory as _};
use common::{botmm, free_port, sample, spawnable};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No key of anybody's: what must not be seen again.
const CANARY: &str = "c0ffee0123456789abcdef0fedcba9876543210c0ffeec0ffee0decaf0c0ffee";
/// The secret part of a webhook's address.
const HOOK: &str = "aN-0ther_Canary_of-a-webh00k";
/// A throw-away key for verbs that want one.
const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";

/// The ways in which it is typed.
fn forms() -> [String; 4] {
    [
        format!("0x{CANARY}"),
        CANARY.to_uppercase(),
        format!("no/such/{CANARY}.toml"),
        format!("https://discord.com/api/webhooks/1/{HOOK}"),
    ]
}

/// Runs the command in this folder, and looks for the canary in everything that it leaves.
fn look(dir: &Path, args: &[&str], env: &[(&str, &str)], input: &str) -> String {
    let mut command = botmm(dir, args);
    command.env("HL_PRIVATE_KEY", KEY).envs(env.iter().copied());
    let output = command.timeout(Duration::from_secs(5)).write_stdin(input).output().unwrap();
    let mut all = vec![(String::from("stdout"), output.stdout), ("stderr".into(), output.stderr)];
    files(dir, &mut all);
    for (place, bytes) in &all {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        // Nor most of it, cut short.
        assert!(!text.contains(&CANARY[..24]), "{args:?} {env:?}: {place} has it: {text:.2000}");
        assert!(
            !text.contains(&HOOK.to_lowercase()),
            "{args:?} {env:?}: {place} has it: {text:.2000}"
        );
    }
    String::from_utf8_lossy(&all[1].1).into_owned()
}

/// Every file that the command wrote (what we wrote for it begins with `given`).
fn files(dir: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files(&path, all);
        } else if !name.starts_with("given") {
            // A socket has a name and no content.
            let content = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            all.push((path.display().to_string(), content));
        }
    }
}

/// What a verb needs beside the flag that is tried.
fn needs(verb: &str, tried: &str) -> Vec<String> {
    let sample = sample().display().to_string();
    let all: &[(&str, &[&str])] = match verb {
        "run" => {
            &[("network", &["--network", "http://127.0.0.1:1"]), ("duration", &["--for", "1s"])]
        }
        "record" => &[
            ("network", &["--network", "http://127.0.0.1:1"]),
            ("out", &["--out", "capture"]),
            ("duration", &["--for", "1s"]),
        ],
        "doctor" => &[("network", &["--network", "http://127.0.0.1:1"])],
        "drill" if tried == "only" => &[],
        "drill" => &[("only", &["--only", "hangup"])],
        "paper" => &[("duration", &["--for", "300ms"])],
        "replay" | "inspect" | "economics" | "backtest" => &[("paths", &[&sample])],
        "export" => &[
            ("paths", &[&sample]),
            ("format", &["--format", "csv"]),
            ("out", &["--out", "exported"]),
        ],
        "train" => &[("runs", &["--runs", "given_none"]), ("out", &["--out", "model"])],
        "calibrate" => &[("runs", &["given_none"])],
        "tune" if tried == "judge" => &[],
        "tune" => &[("judge", &["--judge", &sample])],
        "candles" => &[("paths", &["given_none.json"])],
        "report" => &[("folder", &["."])],
        "explain" => &[("coin", &["BTC"])],
        "exchange" if tried == "mirror_url" => &[("market", &["--market", "mirror"])],
        "exchange" if tried == "paths" => &[("market", &["--market", "tape"])],
        "exchange" => &[("listen", &["--listen", "127.0.0.1:0"])],
        _ => &[],
    };
    let wanted = all.iter().filter(|(id, _)| *id != tried);
    wanted.flat_map(|(_, words)| words.iter().map(|w| (*w).to_owned())).collect()
}

fn with_value(arg: &Arg, value: &str) -> Vec<String> {
    match arg.get_long() {
        Some(long) => vec![format!("--{long}"), value.to_owned()],
        None => vec![value.to_owned()],
    }
}

#[test]
fn no_flag_of_any_verb_repeats_a_key() {
    let mut tried = 0;
    for verb in botmm::cli::Cli::command().get_subcommands() {
        let name = verb.get_name();
        let takes_values = |arg: &&Arg| arg.get_action().takes_values();
        for (arg, form) in
            verb.get_arguments().filter(takes_values).flat_map(|arg| forms().map(|f| (arg, f)))
        {
            let dir = TempDir::new().unwrap();
            let mut args = vec![name.to_owned()];
            args.extend(needs(name, arg.get_id().as_str()));
            args.extend(with_value(arg, &form));
            look(dir.path(), &args.iter().map(String::as_str).collect::<Vec<_>>(), &[], "");
            tried += 1;
        }
        for form in forms() {
            let dir = TempDir::new().unwrap();
            look(dir.path(), &[name, "x", &form, &form], &[], "");
            look(dir.path(), &[name, &format!("--{form}")], &[], "");
            look(dir.path(), &[name, &format!("--seed={form}")], &[], "");
        }
    }
    let dir = TempDir::new().unwrap();
    for form in forms() {
        let said = look(dir.path(), &[&form], &[], "");
        assert!(said.contains("not repeated here"), "{said}");
        look(dir.path(), &[&format!("--{form}")], &[], "");
    }
    assert!(tried > 100, "{tried}");
}

/// Every key of the built-in configuration, by its path.
fn config_keys() -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/botmm.toml");
    let table: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    let mut keys = Vec::new();
    walk(&toml::Value::Table(table), &mut Vec::new(), &mut keys);
    keys.extend(
        ["asset.BTC.quote.tick_ms", "sim.maker_fee_bps"]
            .map(|k| k.split('.').map(str::to_owned).collect()),
    );
    keys
}

fn walk(value: &toml::Value, path: &mut Vec<String>, keys: &mut Vec<Vec<String>>) {
    let Some(table) = value.as_table() else { return keys.push(path.clone()) };
    for (key, value) in table {
        path.push(key.clone());
        walk(value, path, keys);
        path.pop();
    }
}

/// A file that sets one key, or holds one table.
fn config_of(path: &[String], value: toml::Value) -> String {
    let nest =
        |inner, key: &String| toml::Value::Table([(key.clone(), inner)].into_iter().collect());
    path.iter().rev().fold(value, nest).to_string()
}

fn check(text: &str) -> String {
    let dir = TempDir::new().unwrap();
    // A table's own text is inline, which is no file: one key a line.
    let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    fs::write(dir.path().join("given.toml"), text.trim()).unwrap();
    look(dir.path(), &["check", "--config", "given.toml"], &[], "")
}

#[test]
fn no_key_of_the_configuration_repeats_a_key() {
    let keys = config_keys();
    assert!(keys.len() > 100, "{}", keys.len());
    let mut refused = 0;
    for path in &keys {
        let said = check(&config_of(path, toml::Value::String(format!("0x{CANARY}"))));
        refused += usize::from(said.contains("not repeated here"));
        if path.len() > 1 {
            let list = toml::Value::Array(vec![CANARY.to_uppercase().into()]);
            check(&config_of(path, list));
            let mut below = path.clone();
            below.push(CANARY.to_owned());
            check(&config_of(&below, 1.into()));
            *below.last_mut().unwrap() = path[path.len() - 1].clone();
            below[path.len() - 1] = format!("0x{CANARY}");
            check(&config_of(&below, 1.into()));
        }
    }
    assert!(refused * 2 > keys.len(), "{refused}: the value is quoted, masked");
    for text in [
        format!("seed = {CANARY}"),
        format!("[{CANARY}]"),
        format!("{CANARY} = 1"),
        CANARY.to_string(),
        format!("[general]\nseed = \"{CANARY}"),
        format!("[asset.{CANARY}.quote]\ntick_ms = 1"),
        format!("[asset.\"0x{CANARY}\"]\nx = 1"),
        format!("[general]\nsymbols = [\"0x{CANARY}\"]"),
        format!("[general]\nlive_params = \"{CANARY}\""),
        format!("[general]\nsymbols = [\"BTC\"]\nsymbols = [\"{CANARY}\"]"),
    ] {
        check(&text);
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("given.toml"), &text).unwrap();
        look(dir.path(), &["check", "--config", "given.toml", "--json"], &[], "");
    }
}

#[test]
fn no_other_file_and_no_variable_repeats_a_key() {
    let dir = TempDir::new().unwrap();
    let given = |name: &str, text: &str| {
        fs::write(dir.path().join(name), text).unwrap();
    };
    given("given.toml", "[general]\nlive_params = \"given_live.json\"\n");
    for live in [
        format!("{{\"BTC\": {{\"{CANARY}\": 1}}}}"),
        format!("{{\"0x{CANARY}\": {{\"tick_ms\": 1}}}}"),
        format!("{{\"BTC\": {{\"tick_ms\": \"{CANARY}\"}}}}"),
        format!("{{\"{CANARY}"),
        CANARY.to_owned(),
    ] {
        given("given_live.json", &live);
        look(dir.path(), &["check", "--config", "given.toml"], &[], "");
    }
    for faults in [
        format!("seed = {CANARY}"),
        format!("[[fault]]\nkind = \"{CANARY}\""),
        format!("[[fault]]\nkind = \"drop\"\n{CANARY} = 1"),
    ] {
        given("given_faults.toml", &faults);
        look(
            dir.path(),
            &["exchange", "--listen", "127.0.0.1:0", "--faults", "given_faults.toml"],
            &[],
            "",
        );
    }
    given(
        "given.jsonl",
        &format!("{{\"type\":\"params\",\"time\":\"{CANARY}\",\"changes\":[]}}\n{CANARY}"),
    );
    let sample = sample().display().to_string();
    look(dir.path(), &["replay", &sample, "--params-from", "given.jsonl"], &[], "");
    for csv in [format!("{CANARY},b\n1,2\n"), format!("time,coin\n{CANARY},{CANARY}\n")] {
        given("given_BTC.csv", &csv);
        look(dir.path(), &["replay", "given_BTC.csv"], &[], "");
    }
    for action in [format!("{{\"type\":\"{CANARY}"), CANARY.to_owned(), format!("[\"{CANARY}\"]")] {
        look(dir.path(), &["sign", "--nonce", "1"], &[], &action);
    }
    let longer = format!("0x{CANARY}0");
    for name in [
        "HL_PRIVATE_KEY",
        "BOTMM_GUARD_KEY",
        "HL_WALLET_ADDRESS",
        "MM_SYMBOLS",
        "DISCORD_WEBHOOK_URL",
        "BOTMM_WEBHOOK_URL",
    ] {
        for value in [&longer, CANARY, &format!(" {CANARY} x")] {
            let env = [(name, value)];
            look(dir.path(), &["check"], &env, "");
            look(dir.path(), &["check", "--json"], &env, "");
            look(dir.path(), &["guard"], &env, "");
            look(dir.path(), &["sign", "--nonce", "1"], &env, "{\"type\":\"noop\"}");
            let run = ["run", "--network", "http://127.0.0.1:1", "--for", "1s"];
            look(dir.path(), &run, &env, "");
        }
    }
    given("given.key", &longer);
    look(dir.path(), &["run", "--network", "testnet", "--key-file", "given.key"], &[], "");
}

/// Killed by its page, a run whose folder is called like a key repeats it neither there nor in what it says.
#[test]
fn the_page_repeats_no_key() {
    let dir = TempDir::new().unwrap();
    let port = free_port();
    fs::write(dir.path().join("given.toml"), format!("[http]\nport = {port}\n")).unwrap();
    let out = format!("0x{CANARY}");
    let mut command =
        spawnable(dir.path(), &["paper", "--config", "given.toml", "--json", "--out", &out]);
    let said = fs::File::create(dir.path().join("said")).unwrap();
    let mut bot = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
    let ask = |line: &str, more: &str| {
        let mut answer = String::new();
        let head = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n");
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.read_to_string(&mut answer).unwrap();
        }
        assert!(!answer.to_lowercase().contains(&CANARY[..24]), "{line}: {answer}");
        answer
    };
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("a view", &|| ask("GET /status", "").starts_with("HTTP/1.1 200"));
    let mut written = Vec::new();
    files(&dir.path().join(&out), &mut written);
    let token = written.iter().find(|(path, _)| path.ends_with(".token")).unwrap();
    let token = String::from_utf8(token.1.clone()).unwrap();
    let said = ask("POST /kill", &format!("X-Botmm-Token: {}\r\n", token.trim()));
    assert!(said.contains("killed") && said.contains("not repeated here"), "{said}");
    until("the kill", &|| ask("GET /status", "").contains("KILLED"));
    for path in ["/", "/metrics", "/kill", &format!("/{out}")] {
        ask(&format!("GET {path}"), "");
    }
    bot.kill().unwrap();
    bot.wait().unwrap();
    let said = fs::read_to_string(dir.path().join("said")).unwrap();
    assert!(said.contains("page: http") && !said.contains(&CANARY[..24]), "{said}");
}

/// A page of a run whose folder is called like a key, and says so nowhere.
#[test]
fn no_report_repeats_a_key() {
    let dir = TempDir::new().unwrap();
    let out = format!("0x{CANARY}");
    let sample = sample().display().to_string();
    look(dir.path(), &["replay", &sample, "--out", &out, "--json"], &[], "");
    for form in ["--json", "--text", "--out=page.html"] {
        look(dir.path(), &["report", &out, form], &[], "");
    }
    let page = fs::read_to_string(dir.path().join("page.html")).unwrap();
    assert!(
        page.contains("not repeated here") && page.contains("USD of fees, from"),
        "{page:.2000}"
    );
}

/// Hashes look like keys, and are there to be read.
#[test]
fn hashes_of_data_stay_readable() {
    let dir = TempDir::new().unwrap();
    let run = |args: &[&str]| {
        let output = botmm(dir.path(), args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let sample = sample().display().to_string();
    let summary: serde_json::Value =
        serde_json::from_str(&run(&["replay", &sample, "--json"])).unwrap();
    let assumptions = &summary["assumptions"];
    assert!(is_hash(assumptions["config_sha256"].as_str().unwrap()), "{assumptions}");
    assert!(is_hash(assumptions["data"][0]["sha256"].as_str().unwrap()), "{assumptions}");
    let config: serde_json::Value = serde_json::from_str(&run(&["check", "--json"])).unwrap();
    assert!(is_hash(config["sha256"].as_str().unwrap()), "{config}");
}
