//! `botmm init` and `botmm schema` as a user meets them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, botmm};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// What a folder holds, by name.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// `check`'s SHA-256 of what is resolved.
fn sha256(dir: &Path, args: &[&str]) -> String {
    let ended = Ended::of(dir, &[&["check", "--json"], args].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    json["sha256"].as_str().unwrap().to_owned()
}

#[test]
fn init_writes_a_file_that_changes_nothing_and_says_how_to_go_on() {
    let dir = TempDir::new().unwrap();
    let ended = Ended::of(dir.path(), &["init"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    for part in ["botmm.toml: written", "botmm check --config botmm.toml\n", "botmm --config"] {
        assert!(ended.stdout.contains(part), "no {part:?} in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('?'), "nothing is asked: {}", ended.stdout);
    assert_eq!(names(dir.path()), ["botmm.toml"], "nothing else is left");
    let built_in = sha256(TempDir::new().unwrap().path(), &[]);
    assert_eq!(sha256(dir.path(), &["--config", "botmm.toml"]), built_in);

    // The way that the file itself tells: take a # away, and change the value.
    let path = dir.path().join("botmm.toml");
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replace("\n#order_size_usd = 150\n", "\norder_size_usd = 151\n");
    assert_ne!(changed, text);
    fs::write(&path, changed).unwrap();
    assert_ne!(sha256(dir.path(), &["--config", "botmm.toml"]), built_in);
}

#[test]
fn a_file_that_is_there_is_overwritten_by_force_only() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("my.toml");
    fs::write(&path, "mine").unwrap();
    // Nobody sits at a pipe: a yes in it is not an answer.
    for input in ["", "y\n"] {
        let output = botmm(dir.path(), &["init", "my.toml"]).write_stdin(input).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("botmm: my.toml: already there") && said.contains("--force"));
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
    let ended = Ended::of(dir.path(), &["init", "my.toml", "--force"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(fs::read_to_string(&path).unwrap().starts_with("#:schema "));
    assert_eq!(names(dir.path()), ["my.toml"]);
}

#[test]
fn where_no_file_can_be_written_one_line_says_so() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    for (args, part) in [
        (&["init", "no/such/botmm.toml"][..], "no/such/botmm.toml: cannot write: "),
        (&["init", "folder", "--force"], "folder: cannot write: "),
    ] {
        let ended = Ended::of(dir.path(), args);
        assert_eq!((ended.code, ended.stdout.as_str()), (5, ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert_eq!(names(dir.path()), ["folder"], "{args:?}");
    }
}

#[test]
fn schema_is_json_with_every_part_and_the_same_each_time() {
    let dir = TempDir::new().unwrap();
    let [one, two] = [(), ()].map(|()| Ended::of(dir.path(), &["schema"]));
    assert_eq!((one.code, one.stderr.as_str()), (0, ""));
    assert_eq!(one.stdout, two.stdout);
    let schema: Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let tables = schema["properties"].as_object().unwrap();
    for table in [
        "general", "dead_man", "discord", "webhook", "http", "history", "tuner", "universe", "sim",
        "fees", "defaults", "asset", "wire",
    ] {
        assert!(tables.contains_key(table), "no {table}");
    }
    let coin = &tables["asset"]["additionalProperties"]["properties"];
    for parts in [&tables["defaults"]["properties"], coin] {
        for part in ["quote", "signal", "adaptive", "toxicity", "risk"] {
            assert_eq!(parts[part]["type"], "object", "{part}");
        }
    }
    assert_eq!(tables.len(), 13);
}

// The configuration of the working folder.

#[test]
fn a_configuration_of_the_working_folder_is_used_and_told() {
    let dir = TempDir::new().unwrap();
    let sample = common::sample();
    let sample = sample.to_str().unwrap();
    let config_of = |args: &[&str]| {
        let ended = Ended::of(dir.path(), args);
        let sha256 = ended.summary()["assumptions"]["config_sha256"].clone();
        (ended.stderr, sha256)
    };
    let replay = ["replay", sample, "--json"];
    let (said, built_in) = config_of(&replay);
    assert_eq!(said, "");
    fs::write(dir.path().join("botmm.toml"), "[general]\nseed = 7\n").unwrap();
    let (said, own) = config_of(&replay);
    assert_eq!(said, "botmm: using botmm.toml of this folder\n");
    assert_ne!(own, built_in);
    let (said, _) = config_of(&["paper", "--for", "300ms", "--json"]);
    assert!(said.starts_with("botmm: using botmm.toml of this folder\n"), "{said}");
    let ended = Ended::of(dir.path(), &["check"]);
    assert_eq!(ended.stderr, "botmm: using botmm.toml of this folder\n");
    assert!(ended.stdout.contains("seed = 7"));
    // One that is named is the one.
    fs::write(dir.path().join("other.toml"), "").unwrap();
    let (said, other) = config_of(&["replay", sample, "--json", "--config", "other.toml"]);
    assert_eq!((said.as_str(), other), ("", built_in));
    // Where real money is traded it must be named.
    fs::write(dir.path().join("botmm.toml"), "no configuration").unwrap();
    let ended = Ended::of(dir.path(), &["run", "--network", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("botmm: botmm.toml of this folder is not used: `run` takes"));
    assert!(ended.stderr.contains("HL_PRIVATE_KEY: not set"), "{}", ended.stderr);
}

#[test]
fn a_start_that_fails_leaves_no_folder() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("agent.key"), format!("0x{}\n", "11".repeat(32))).unwrap();
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(dir.path().join("agent.key"), mode).unwrap();
    fs::write(dir.path().join("inline.toml"), "[general]\nplan = \"inline\"\n").unwrap();
    let run = ["run", "--network", "http://127.0.0.1:1", "--key-file", "agent.key"];
    for (args, code) in [
        (&["paper", "--for", "1s", "--config", "inline.toml"][..], 2),
        (&[&run[..], &["--config", "inline.toml"]].concat(), 2),
    ] {
        let ended = Ended::of(dir.path(), args);
        assert_eq!(ended.code, code, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("plan `inline` has no threads"), "{}", ended.stderr);
        assert_eq!(names(dir.path()), ["agent.key", "inline.toml"], "{args:?}");
    }
}
