//! `botmm exchange` as a user meets it: what it refuses, what it serves, what it survives, how it ends.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;
mod echo;

use botmm_pipeline::venue::hl::sign::{Envelope, Network, RequestSigner, Signer, WireAction};
use common::{Ended, spawnable};
use echo::{client, read_reply, until, ws};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Child;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tungstenite::Message;

/// Keys of nobody.
const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
const USER: &str = "0x14791697260e4c9a71f18484c9f997b308e59325";
const STRANGER: &str = "0x2222222222222222222222222222222222222222222222222222222222222222";

/// One that runs until it is dropped.
struct Running {
    child: Child,
    addr: SocketAddr,
    dir: TempDir,
}

impl Running {
    fn start(dir: TempDir, more: &[&str]) -> Self {
        let file = |name: &str| fs::File::create(dir.path().join(name)).unwrap();
        let args = [&["exchange", "--listen", "127.0.0.1:0"], more].concat();
        let mut command = spawnable(dir.path(), &args);
        let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        let mut addr = None;
        until("it listens", || {
            let text = fs::read_to_string(dir.path().join("stdout")).unwrap();
            let line = text.lines().next().filter(|_| text.contains('\n'));
            addr = line.map(|l| l.strip_prefix("exchange: listening on http://").unwrap().parse());
            addr.is_some()
        });
        Self { child, addr: addr.unwrap().unwrap(), dir }
    }

    /// The answer to a request on a connection of its own.
    fn post(&self, path: &str, body: &str) -> Value {
        let mut stream = client(self.addr);
        let (length, json) = (body.len(), "Content-Type: application/json");
        let head = format!("POST {path} HTTP/1.1\r\n{json}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes()).unwrap();
        let reply = read_reply(&mut stream);
        serde_json::from_str(&reply).unwrap_or_else(|e| panic!("{body}: {e}: {reply}"))
    }

    /// The answer to a noop of a key's with a nonce so far from now.
    fn noop(&self, key: &str, nonce_offset_ms: i64) -> String {
        let mut signer = RequestSigner::new(Signer::from_hex(key).unwrap(), Network::Testnet);
        let nonce = now_ms().checked_add_signed(nonce_offset_ms).unwrap();
        let mut body = Vec::new();
        let envelope = Envelope { nonce, ..Envelope::default() };
        signer.write_body(&WireAction::Noop, &envelope, &mut body);
        self.post("/exchange", std::str::from_utf8(&body).unwrap())["response"].to_string()
    }

    fn time_ms(&self) -> i64 {
        self.post("/info", r#"{"type":"exchangeStatus"}"#)["time"].as_i64().unwrap()
    }

    /// Ends it as `kill` does: it goes in order, and had nothing to complain of.
    fn end(mut self) {
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let mut status = None;
        until("it has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let stderr = fs::read_to_string(self.dir.path().join("stderr")).unwrap();
        assert_eq!((status.unwrap().code(), stderr.as_str()), (Some(0), ""));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn refused(dir: &Path, args: &[&str], code: i32, first_line: &str) {
    let stdio = Ended::of(dir, &[&["exchange"], args].concat());
    assert_eq!((stdio.code, stdio.stdout.as_str()), (code, ""), "{args:?}: {}", stdio.stderr);
    let first = stdio.stderr.lines().next().unwrap();
    assert!(first.contains(first_line), "{args:?}: {first}");
    // Ours are one line; the command line's own errors add how to get help.
    assert!(code == 2 || stdio.stderr.lines().count() == 1, "{}", stdio.stderr);
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("kind.toml", "seed = 7\n\n[[fault]]\nkind = \"explode\"\nduration = \"3s\"\n");
    write("short.toml", "seed = 7\n\n[[fault]]\nkind = \"refuse\"\n");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let fund = |amount: &str| format!("{USER}={amount}");
    let any = ["--listen", "127.0.0.1:0"];
    for (args, code, says) in [
        (["--fund", "0x12=5"], 2, "an address is 0x and 40 hex digits"),
        (["--fund", USER], 2, "expected ADDRESS=USD"),
        (["--fund", &fund("-5")], 2, "above zero"),
        (["--fund", &fund("100000000.1")], 2, "at most 100000000"),
        (["--fund", &fund("ten")], 2, "not part of a decimal number"),
        (["--listen", "localhost"], 2, "invalid socket address"),
        (["--listen", "0.0.0.0:0"], 5, "only a loopback address may be served"),
        (["--listen", &taken], 5, "choose another port"),
        (["--admin", &taken], 5, "choose another port"),
        (["--admin", "0.0.0.0:0"], 5, "only a loopback address may be served"),
        (["--block-interval", "0s"], 2, "0 is no time"),
        (["--source", "c"], 2, "'c' for '--source"),
        (["--market", "moon"], 2, "'moon' for '--market"),
        (["--faults", "kind.toml"], 3, "botmm: kind.toml:4: unknown variant `explode`"),
        (["--faults", "short.toml"], 3, "botmm: short.toml:3: `duration` is missing"),
        (["--faults", "none.toml"], 3, "botmm: none.toml: cannot read"),
        (["--config", "none.toml"], 3, "botmm: none.toml: cannot read"),
    ] {
        let whole = if args[0] == "--listen" { args.to_vec() } else { [args, any].concat() };
        refused(dir.path(), &whole, code, says);
    }
    let (once, twice) = (fund("5"), fund("7"));
    refused(dir.path(), &["--fund", &once, "--fund", &twice], 2, "twice");
}

#[test]
fn it_serves_accounts_and_strangers_and_ends_when_told() {
    let venue = Running::start(TempDir::new().unwrap(), &["--fund", &format!("{USER}=12345")]);
    let meta = venue.post("/info", r#"{"type":"meta"}"#);
    assert_eq!(meta["universe"][0]["name"], "BTC");
    let worth = |user: &str| {
        let body = format!(r#"{{"type":"clearinghouseState","user":"{user}"}}"#);
        venue.post("/info", &body)["marginSummary"]["accountValue"].clone()
    };
    assert_eq!((worth(USER), worth(&format!("0x{:040}", 7))), ("12345.0".into(), "0.0".into()));
    // A clock ten seconds off does no harm; one that is days off is told so.
    for offset_ms in [-10_000, 10_000] {
        assert_eq!(venue.noop(KEY, offset_ms), r#"{"type":"default"}"#);
    }
    let answer = venue.noop(KEY, -3 * 86_400_000);
    assert!(answer.starts_with("\"Invalid nonce"), "{answer}");
    let stranger = Signer::from_hex(STRANGER).unwrap().address();
    let expected = format!("\"User or API Wallet {stranger} does not exist.\"");
    assert_eq!(venue.noop(STRANGER, 0), expected);

    let mut socket = ws(venue.addr);
    let subscribe = r#"{"method":"subscribe","subscription":{"type":"bbo","coin":"BTC"}}"#;
    socket.send(Message::text(subscribe)).unwrap();
    for channel in ["subscriptionResponse", "bbo", "bbo"] {
        let frame: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(frame["channel"], channel);
    }
    // It does not wait for who has not finished speaking, or does not read.
    let mut slow = client(venue.addr);
    slow.write_all(b"POST /info HTTP/1.1\r\nContent-Le").unwrap();
    venue.end();
}

#[test]
fn faults_of_a_file_happen() {
    let dir = TempDir::new().unwrap();
    let skew = "[[fault]]\nkind = \"clock_skew\"\noffset = \"-1h\"\nduration = \"1h\"\n";
    fs::write(dir.path().join("faults.toml"), skew).unwrap();
    let venue = Running::start(dir, &["--faults", "faults.toml"]);
    let behind_ms = now_ms() as i64 - venue.time_ms();
    // More than an hour by the age of its newest block, less by the time that its answer took.
    assert!((3_500_000..3_700_000).contains(&behind_ms), "{behind_ms} ms behind");
    venue.end();
}

#[test]
fn garbage_harms_only_who_sends_it() {
    let venue = Running::start(TempDir::new().unwrap(), &["--fund", &format!("{USER}=10")]);
    let mut good = ws(venue.addr);
    let mut held = Vec::new(); // who never finishes
    let upgrade = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n";
    let unmasked = [upgrade.as_bytes(), &[0x81, 0x02, b'h', b'i']].concat();
    let endless = [upgrade.as_bytes(), &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]].concat();
    let deep = "[".repeat(500_000);
    let deep = format!(
        "POST /exchange HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{deep}",
        deep.len()
    );
    let sorts: [&[u8]; 9] = [
        b"",
        b"\x16\x03\x01\x02\x00\x01",
        b"POST /info HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /info HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /info HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"\xff\xfe\r\n\r\n",
        &unmasked,
        &endless,
        deep.as_bytes(),
    ];
    for turn in 0..40 {
        for sort in sorts {
            let mut stream = client(venue.addr);
            // It may be closed on us before we have said all.
            let _ = stream.write_all(sort);
            if turn % 4 == 0 {
                held.push(stream);
            }
        }
    }
    for text in ["", "{", "[]", &"[".repeat(100_000), r#"{"method":"post","id":1e99,"request":{}}"#]
    {
        good.send(Message::text(text)).unwrap();
        let frame: Value = serde_json::from_str(good.read().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(frame["channel"], "error", "{text:.40}");
    }
    good.send(Message::text(r#"{"method":"ping"}"#)).unwrap();
    assert_eq!(good.read().unwrap().to_text().unwrap(), r#"{"channel":"pong"}"#);
    assert_eq!(venue.noop(KEY, 0), r#"{"type":"default"}"#);
    drop(held);
    venue.end();
}
