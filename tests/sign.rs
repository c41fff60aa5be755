//! `botmm sign` as a user meets it: known answers, refusals, and a key that never shows.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::io::Write as _;
use tempfile::NamedTempFile;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/signing.json");
const KEY: &str = "0x35138b18b7dc8cad5201138bd48fcf8417e741074b6bfe797170d61fa235e104";

/// Exit code, stdout, stderr; the key is in neither, whole or in part.
fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    for part in 2..KEY.len() - 8 {
        let part = &KEY[part..part + 8];
        assert!(!stdout.contains(part) && !stderr.contains(part), "{stdout}\n{stderr}");
    }
    (output.status.code().unwrap(), stdout, stderr)
}

fn sign(args: &[&str], action: &str) -> (i32, String, String) {
    let mut command = Command::cargo_bin("botmm").unwrap();
    command.env("HL_PRIVATE_KEY", KEY).arg("sign").args(args).write_stdin(action);
    outcome(&mut command)
}

fn signed(args: &[&str], action: &str) -> Value {
    let (code, stdout, stderr) = sign(args, action);
    assert_eq!((code, stderr.as_str()), (0, ""), "{action}");
    serde_json::from_str(&stdout).unwrap()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn all_vectors() -> Value {
    serde_json::from_str(&std::fs::read_to_string(VECTORS).unwrap()).unwrap()
}

fn vector(section: &str, name: &str) -> Value {
    let all = all_vectors();
    let found = all[section].as_array().unwrap().iter().find(|v| v["name"] == name);
    found.unwrap().clone()
}

/// `--vectors` with a file of this content.
fn check(content: &str) -> (i32, Value, String) {
    let file = file(content);
    let (code, stdout, stderr) = sign(&["--vectors", file.path().to_str().unwrap()], "");
    (code, serde_json::from_str(&stdout).unwrap_or(Value::Null), stderr)
}

#[test]
fn all_vectors_pass() {
    let (code, stdout, stderr) = sign(&["--vectors", VECTORS], "");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report, json!({ "passed": 116, "failed": 0, "failures": [] }));
    assert_eq!((code, stderr.as_str()), (0, ""));
}

#[test]
fn each_wrong_answer_is_named() {
    // The text is changed, not a parsed form: the order of an action's keys has to survive.
    let text = std::fs::read_to_string(VECTORS).unwrap();
    let noop = vector("l1_actions", "noop");
    let spoil = |key: &str| {
        let good = noop[key].as_str().unwrap();
        let last = if good.ends_with('0') { "1" } else { "0" };
        text.replace(good, &format!("{}{last}", &good[..good.len() - 1]))
    };
    for key in ["hash_preimage_hex", "action_hash", "eip712_digest"] {
        let (code, report, stderr) = check(&spoil(key));
        assert_eq!(code, 1, "{key}");
        assert_eq!((&report["passed"], &report["failed"]), (&115.into(), &1.into()), "{key}");
        assert_eq!(report["failures"], json!(["noop"]), "{key}");
        assert!(stderr.contains(&format!("noop: {key} differs")), "{stderr}");
        assert!(stderr.contains("1 of 116"), "{stderr}");
    }
    let s = noop["signature"]["s"].as_str().unwrap();
    let (code, report, stderr) = check(&text.replace(s, "0x1"));
    assert_eq!((code, &report["failures"]), (1, &json!(["noop"])));
    assert!(stderr.contains("noop: the signature differs"), "{stderr}");
}

#[test]
fn an_entry_that_is_none_fails_and_says_nothing_of_its_key() {
    let entry = format!(r#"{{"l1_actions":[{{"name":"odd","private_key":["{KEY}"]}},7]}}"#);
    let (code, report, _) = check(&entry);
    assert_eq!((code, &report["failures"]), (1, &json!(["odd", "l1_actions[1]"])));
    let half = &KEY[..40];
    let bad_key = format!(
        r#"{{"l1_connection_id_only":[{{"name":"half","private_key":"{half}","is_mainnet":true,
        "connection_id":"0x{}","signature":{{"r":"0x1","s":"0x1","v":27}}}}]}}"#,
        "0".repeat(64)
    );
    let (code, report, _) = check(&bad_key);
    assert_eq!((code, &report["failures"]), (1, &json!(["half"])));
}

#[test]
fn a_file_without_vectors_is_not_a_success() {
    for text in ["{}", "[]", "nonsense", r#"{"l1_actions":[]}"#] {
        let (code, report, stderr) = check(text);
        assert_eq!((code, report), (5, Value::Null), "{text}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    let (code, _, stderr) = sign(&["--vectors", "no/such.json"], "");
    assert_eq!(code, 5);
    assert!(stderr.contains("no/such.json: cannot read"), "{stderr}");
}

#[test]
fn an_l1_action_is_taken_apart() {
    let v = vector("l1_actions", "order_alo_btc_sell_vault_expires");
    let action = r#"{"type":"order","orders":[{"a":0,"b":false,"p":"65012","s":"0.00123","r":false,"t":{"limit":{"tif":"Alo"}}}],"grouping":"na"}"#;
    let vault = v["vault_address"].as_str().unwrap().to_uppercase().replace("0X", "0x");
    let (nonce, expires) = (v["nonce"].to_string(), v["expires_after"].to_string());
    let args = ["--nonce", &nonce, "--vault", &vault, "--expires-after", &expires];
    let out = signed(&args, action);
    for (ours, theirs) in [
        ("msgpack", "msgpack_hex"),
        ("hash_preimage", "hash_preimage_hex"),
        ("action_hash", "action_hash"),
        ("digest", "eip712_digest"),
        ("signature", "signature_padded"),
        ("signer", "signer_address"),
        ("nonce", "nonce"),
    ] {
        assert_eq!(out[ours], v[theirs], "{ours}");
    }
    // The same from a file, and for the other chain.
    let path = file(action);
    let mut with_file = args.to_vec();
    with_file.push(path.path().to_str().unwrap());
    assert_eq!(signed(&with_file, ""), out);
    with_file.extend(["--network", "testnet"]);
    let testnet = vector("l1_actions", "order_alo_btc_sell_vault_expires_testnet");
    assert_eq!(signed(&with_file, "")["digest"], testnet["eip712_digest"]);
}

#[test]
fn a_user_signed_action_carries_its_own_nonce_and_chain() {
    let v = vector("user_signed_actions", "approve_agent_named_valid_until_testnet");
    let action = v["action"].to_string();
    let out = signed(&[], &action);
    assert_eq!(out["digest"], v["eip712_digest"]);
    assert_eq!(out["signature"], v["signature_padded"]);
    assert_eq!((&out["nonce"], &out["msgpack"]), (&v["nonce"], &Value::Null));
    for args in [
        &["--nonce", "1"][..],
        &["--network", "mainnet"],
        &["--expires-after", "5"],
        &["--vault", "0x1719884eb866cb12b2287399b15f7db5e7d775ea"],
    ] {
        let (code, stdout, _) = sign(args, &action);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
    }
    assert_eq!(signed(&["--nonce", &v["nonce"].to_string(), "--network", "testnet"], &action), out);
}

#[test]
fn without_a_nonce_it_is_the_time() {
    let out = signed(&[], r#"{"type":"noop"}"#);
    assert!(out["nonce"].as_u64().unwrap() > 1_700_000_000_000);
}

#[test]
fn bad_actions_are_refused_in_one_line() {
    for (action, part) in [
        ("", "stdin"),
        ("[1]", "stdin"),
        (r#"{"orders":[]}"#, "type"),
        (r#"{"type":"order","p":65012.5}"#, "integer"),
        (r#"{"type":"order","c":null}"#, "null"),
        (r#"{"type":"order","f":true,"f":true}"#, "twice"),
        (r#"{"type":"usdSend","time":1}"#, "signatureChainId"),
        (&format!(r#"{{"type":"a{}"}}"#, "x".repeat(1 << 20)), "larger"),
        (&format!(r#"{{"type":"a","b":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000)), "stdin"),
    ] {
        let (code, stdout, stderr) = sign(&["--nonce", "1"], action);
        assert_eq!((code, stdout.as_str()), (5, ""), "{action:.60}");
        assert!(stderr.contains(part) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn keys_come_from_the_environment_or_a_private_file() {
    let without = |args: &[&str], key: Option<&str>| {
        let mut command = Command::cargo_bin("botmm").unwrap();
        command.env_remove("HL_PRIVATE_KEY").arg("sign").args(args);
        if let Some(key) = key {
            command.env("HL_PRIVATE_KEY", key);
        }
        outcome(command.write_stdin(r#"{"type":"noop"}"#))
    };
    for key in [None, Some(""), Some(&KEY[..60]), Some("mnemonic words")] {
        let (code, stdout, stderr) = without(&[], key);
        assert_eq!((code, stdout.as_str()), (3, ""));
        assert!(stderr.contains("HL_PRIVATE_KEY") && stderr.lines().count() == 1, "{stderr}");
    }
    let secret = file(&format!("{KEY}\n"));
    let path = secret.path().to_str().unwrap();
    let (code, stdout, _) = without(&["--key-file", path], Some("ignored"));
    assert_eq!(code, 0);
    assert!(stdout.contains("0x7383e9a3a208dea668a3a9d3fcfc6d916734cc75"));
    let (code, _, stderr) = without(&["--key-file", "no/such/key"], Some(KEY));
    assert_eq!(code, 3);
    assert!(stderr.contains("no/such/key"), "{stderr}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let (code, stdout, stderr) = without(&["--key-file", path], None);
        assert_eq!((code, stdout.as_str()), (3, ""));
        assert!(stderr.contains("0640") && stderr.contains("chmod 0600"), "{stderr}");
    }
}
