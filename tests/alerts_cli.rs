//! Whoever is away hears of a run, from its start to its end, and the address of the webhook is repeated
//! nowhere.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;
#[path = "common/http.rs"]
mod http;

use common::botmm;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use tempfile::TempDir;

const SECRET: &str = "aN-0ther_Canary_of-a-webh00k";

/// A webhook that takes everything, or nothing; its address, and what it was sent.
fn webhook(status: &'static str) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/webhooks/1/{SECRET}", listener.local_addr().unwrap());
    let (heard, posts) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            while let Some((_, body)) = http::request(&mut stream) {
                let _ = heard.send(serde_json::from_slice(&body).unwrap());
                // A server that repeats what it was asked for.
                let said = format!("/api/webhooks/1/{SECRET}");
                let length = said.len();
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{said}");
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    (url, posts)
}

/// What stands in a folder's files, and what was printed.
fn all_of(dir: &Path, output: &std::process::Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("given.url") => {}
                false => text += &String::from_utf8_lossy(&fs::read(&path).unwrap()),
            }
        }
    }
    text
}

#[test]
fn discord_hears_of_the_start_and_the_end_and_another_webhook_of_the_same_by_its_file() {
    let dir = TempDir::new().unwrap();
    let (discord, to_discord) = webhook("204 No Content");
    let (other, to_other) = webhook("200 OK");
    let file = dir.path().join("given.url");
    fs::write(&file, format!("{other}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(dir.path().join("botmm.toml"), "[webhook]\nurl_file = \"given.url\"\n").unwrap();
    let mut command = botmm(dir.path(), &["paper", "--for", "3s", "--out", "run"]);
    let output = command.env("DISCORD_WEBHOOK_URL", &discord).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(!all_of(dir.path(), &output).contains(SECRET));
    let embeds = to_discord.try_iter().flat_map(|post| post["embeds"].as_array().unwrap().clone());
    let told: Vec<String> = embeds.map(|e| e["description"].as_str().unwrap().to_owned()).collect();
    assert!(told[0].starts_with("started: BTC, ETH, SOL; the account is worth"), "{told:?}");
    assert!(told.last().unwrap().starts_with("ended, no order of ours rests; net "), "{told:?}");
    let alerts = to_other.try_iter().flat_map(|post| post["alerts"].as_array().unwrap().clone());
    let topics: Vec<Value> = alerts.map(|alert| alert["topic"].clone()).collect();
    assert!(
        topics.len() >= 2 && topics[0] == "run" && topics.last().unwrap() == "run",
        "{topics:?}"
    );
}

#[test]
fn a_webhook_that_was_deleted_is_told_of_and_its_address_is_in_no_file_and_no_message() {
    let dir = TempDir::new().unwrap();
    let (discord, posts) = webhook("404 Not Found");
    let mut command = botmm(dir.path(), &["paper", "--for", "4s", "--out", "run"]);
    let output = command.env("DISCORD_WEBHOOK_URL", &discord).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let all = all_of(dir.path(), &output);
    assert!(!all.contains(SECRET), "{all:.3000}");
    assert!(all.contains("takes no alerts, they wait: HTTP 404"), "{all:.3000}");
    assert!(posts.try_iter().count() >= 2);
}

#[test]
fn an_address_that_cannot_be_used_ends_the_start_and_is_not_repeated() {
    let refuse = |config: &str, value: &str, mode: u32| {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("given.url");
        fs::write(&file, value).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(dir.path().join("botmm.toml"), config).unwrap();
        let mut command = botmm(dir.path(), &["paper", "--for", "1s", "--out", "run"]);
        if config.is_empty() {
            command.env("DISCORD_WEBHOOK_URL", value);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Which configuration it is, and what is wrong.
        assert_eq!((output.status.code(), said.lines().count()), (Some(3), 2), "{said}");
        assert!(!said.contains(SECRET), "{said}");
        said
    };
    let url = format!("https://discord.com/api/webhooks/1/{SECRET}");
    let said = refuse("", &format!("http://discord.com/{SECRET}"), 0o600);
    assert!(said.contains("DISCORD_WEBHOOK_URL") && said.contains("https://HOST/PATH"), "{said}");
    let said = refuse("[discord]\nurl_file = \"given.url\"", SECRET, 0o600);
    assert!(said.contains("given.url") && said.contains("https://HOST/PATH"), "{said}");
    let said = refuse("[discord]\nurl_file = \"given.url\"", &url, 0o644);
    assert!(said.contains("chmod 0600"), "{said}");
    let said = refuse(&format!("[discord]\nurl_file = \"{url}\""), "", 0o600);
    assert!(said.contains("discord.url_file") && said.contains("is an address"), "{said}");
    let said = refuse(&format!("[discord]\nwebhook_url = \"{url}\""), "", 0o600);
    assert!(
        said.contains("unknown key; did you mean url_file?") || said.contains("allowed: url_file")
    );
}

#[test]
fn a_script_tells_by_the_same_webhooks_and_hears_whether_it_was_taken() {
    let dir = TempDir::new().unwrap();
    let alert = |url: Option<&str>| {
        let args = ["alert", "--level", "critical", "the disk is full"];
        let mut command = botmm(dir.path(), &args);
        if let Some(url) = url {
            command.env("BOTMM_WEBHOOK_URL", url);
        }
        command.output().unwrap()
    };
    let (url, posts) = webhook("204 No Content");
    let told = alert(Some(&url));
    assert_eq!((told.status.code(), &*told.stdout), (Some(0), &b"told\n"[..]), "{told:?}");
    let note = &posts.recv().unwrap()["alerts"][0];
    assert_eq!((&note["level"], &note["text"]), (&"critical".into(), &"the disk is full".into()));
    let nowhere = alert(None);
    assert_eq!(nowhere.status.code(), Some(3), "{nowhere:?}");
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("no webhook is set up"));
    let (url, _posts) = webhook("500 Internal Server Error");
    let refused = alert(Some(&url));
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    let text = all_of(dir.path(), &refused);
    assert!(text.contains("not taken within") && !text.contains(SECRET), "{text}");
}
