//! The bot against an exchange that plays a recording, over sockets.

use crate::common::{check_sound, number, spawnable};
use botmm::net::{Endpoint, Rest, Tls};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// A test key, and its address.
const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
const USER: &str = "0x14791697260e4c9a71f18484c9f997b308e59325";

/// Ended with its owner.
struct Exchange(Child);

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn the_bot_trades_on_it_at_speed(recording: &str) {
    let dir = TempDir::new().unwrap();
    let fund = format!("{USER}=10000");
    let args = ["exchange", "--listen", "127.0.0.1:0", "--market", "tape", recording];
    let args = [&args[..], &["--speed", "60", "--fund", &fund]].concat();
    let stderr = dir.path().join("stderr");
    let mut command = spawnable(dir.path(), &args);
    let command = command.stdout(Stdio::piped()).stderr(std::fs::File::create(&stderr).unwrap());
    let mut exchange = Exchange(command.spawn().unwrap());
    let mut lines = BufReader::new(exchange.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("exchange: listening on ").unwrap();
    let said = || std::fs::read_to_string(&stderr).unwrap();

    let args = ["run", "--network", url, "--for", "20s", "--json", "--symbols", "BTC,ETH"];
    let output = spawnable(dir.path(), &args).env("HL_PRIVATE_KEY", KEY).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{summary:#}\n{}", said());
    check_sound(&summary);
    assert!(number(&summary["orders"]) > 0.0);
    let rest = Rest::new(&Endpoint::parse(url).unwrap(), &Tls::default()).unwrap();
    let open = rest.info(&json!({"type": "openOrders", "user": USER})).unwrap();
    assert_eq!(open, json!([]), "no order is left");
    assert!(!said().contains("panicked"), "{}", said());
}
