//! A socket as its callers meet it, hostile ones too.

use super::*;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const KEY: Address = Address::new([7; 20]);
/// A hang guard, no measure.
const PATIENCE: Duration = Duration::from_secs(60);

fn listen(dir: &Path) -> Control {
    let serve: Serve = Arc::new(|request| json!({ "asked": format!("{request:?}") }));
    Control::listen(dir, KEY, serve).unwrap()
}

/// Sends bytes as they are; the answer.
fn raw(dir: &Path, bytes: &[u8]) -> Value {
    let mut stream = UnixStream::connect(dir.join(format!("{KEY}.sock"))).unwrap();
    let _ = stream.write_all(bytes); // It may have been enough for it before.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    serde_json::from_slice(&said).unwrap_or(Value::Null)
}

#[test]
fn it_answers_its_owner_and_is_gone_when_the_run_is() {
    let dir = TempDir::new().unwrap();
    let asked = || ask(dir.path(), KEY, &Request::Hello, PATIENCE);
    assert_eq!(asked().unwrap(), None, "nobody is there");
    let control = listen(dir.path());
    assert_eq!(asked().unwrap(), Some(json!({ "asked": "Hello" })));
    let path = dir.path().join(format!("{KEY}.sock"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    drop(control);
    assert!(!path.exists());
    assert_eq!(asked().unwrap(), None);
    // What a killed run leaves keeps nobody from listening.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert_eq!(asked().unwrap(), None);
    let _control = listen(dir.path());
    assert!(asked().unwrap().is_some());
}

#[test]
fn a_folder_with_a_long_name_does_too() {
    let dir = TempDir::new().unwrap();
    let deep = dir.path().join("x".repeat(100)).join("y".repeat(100));
    std::fs::create_dir_all(&deep).unwrap();
    let _control = listen(&deep);
    assert!(ask(&deep, KEY, &Request::Hello, PATIENCE).unwrap().is_some());
}

#[test]
fn hostile_bytes_get_an_error_and_the_next_caller_an_answer() {
    let dir = TempDir::new().unwrap();
    let _control = listen(dir.path());
    let long = [b'x'; 100_000];
    let hostile: [&[u8]; 7] = [
        b"",
        b"\n",
        b"hello\n",
        b"{\"ask\":\"format the disk\"}\n",
        b"\xff\xfe\0\0\n",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        &long,
    ];
    for bytes in hostile {
        let said = raw(dir.path(), bytes);
        // Of one that sends on after it was told, the answer may be lost.
        assert!(said["error"].is_string() || bytes.len() == long.len(), "{said}");
    }
    assert_eq!(raw(dir.path(), b"{\"ask\":\"hello\"}"), json!({ "asked": "Hello" }), "half a line");
    let key = "ab".repeat(32);
    let said = raw(dir.path(), format!("{{\"ask\":\"{key}\"}}\n").as_bytes());
    assert!(!said.to_string().contains(&key), "{said}");
}

/// Callers that say nothing hold nobody up for longer than they are waited for.
#[test]
fn silent_callers_are_bounded() {
    let dir = TempDir::new().unwrap();
    let _control = listen(dir.path());
    let path = dir.path().join(format!("{KEY}.sock"));
    let silent: Vec<_> = (0..8).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let asked = || ask(dir.path(), KEY, &Request::Hello, PATIENCE);
    let refused = loop {
        if let Err(e) = asked() {
            break e.to_string();
        }
    };
    assert!(refused.contains("too many ask at once"), "{refused}");
    while asked().is_err() {}
    drop(silent);
}

#[test]
fn one_that_does_not_answer_is_not_waited_for_for_ever() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(format!("{KEY}.sock"));
    let _deaf = std::os::unix::net::UnixListener::bind(path).unwrap();
    let said = ask(dir.path(), KEY, &Request::Hello, Duration::from_millis(50)).unwrap_err();
    assert!(said.to_string().contains("no answer within 0.05 s"), "{said}");
}
