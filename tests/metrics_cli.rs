//! Prometheus reads a bot that runs, and nobody else does.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{ask_port, free_port, spawnable};
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A bot; killed when dropped.
struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(port: u16, path: &str, host: &str) -> Option<String> {
    ask_port(port, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

/// The value of the one sample that begins so.
fn value(text: &str, begin: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(begin))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn a_running_bot_is_read_by_this_machine_alone_and_however_often_it_goes_on() {
    let dir = TempDir::new().unwrap();
    let port = free_port();
    fs::write(dir.path().join("botmm.toml"), format!("[http]\nport = {port}\n")).unwrap();
    let mut command = spawnable(dir.path(), &["paper", "--for", "60s", "--out", "run"]);
    let _bot = Bot(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let host = format!("127.0.0.1:{port}");
    let begun = Instant::now();
    let text = loop {
        let text = get(port, "/metrics", &host).unwrap_or_default();
        if value(&text, "botmm_open_orders ").is_some_and(|open| open > 0.0) {
            break text;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no order rests: {text:.2000}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("text/plain; version=0.0.4"),
        "{text:.300}"
    );
    for begin in [
        "botmm_info{version=\"",
        "botmm_equity_usd ",
        "botmm_position{coin=\"BTC\"} ",
        "botmm_reason_seconds_total{coin=\"ETH\",side=\"bid\",reason=\"quoted\"} ",
        "botmm_stage_latency_seconds_bucket{stage=\"quote\",le=\"+Inf\"} ",
        "botmm_ring_dropped_total{ring=\"",
        "botmm_connection_up{connection=\"orders\"} 1",
        "botmm_order_link_up 1",
    ] {
        assert!(value(&text, begin).is_some(), "no {begin} in {text}");
    }
    let address = text.to_lowercase().contains("0x");
    assert!(!address, "no account and no key is named");
    let events = |text: &str| value(text, "botmm_events_total{kind=\"bbo\"} ").unwrap();
    let before = events(&text);
    for _ in 0..300 {
        assert!(get(port, "/metrics", "localhost").unwrap().starts_with("HTTP/1.1 200"));
    }
    let begun = Instant::now();
    while events(&get(port, "/metrics", &host).unwrap()) <= before {
        assert!(begun.elapsed() < Duration::from_secs(60), "it goes on");
        std::thread::sleep(Duration::from_millis(100));
    }
    let status = |answer: Option<String>| answer.unwrap()[9..12].to_owned();
    assert_eq!(status(get(port, "/metrics", "evil.example")), "403");
    assert_eq!(status(get(port, "/x", &host)), "404");
    let post = format!(
        "POST /metrics HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(status(ask_port(port, &post)), "405");
}

#[test]
fn a_port_that_is_taken_ends_the_start_and_says_so() {
    let dir = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    fs::write(dir.path().join("botmm.toml"), format!("[http]\nport = {port}\n")).unwrap();
    let mut command = spawnable(dir.path(), &["paper", "--for", "1s", "--out", "run"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status.code(), Some(0));
    assert!(said.contains(&port.to_string()) && said.contains("http.port"), "{said}");
}
