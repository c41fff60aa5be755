//! The venue's public archive: lines of books and trades, plain and as lz4 frames.

use super::common::lz4;
use super::{LEVELS, ROWS, Row, books, essence, frames, market, nanos, replay, said};

/// A file of the venue's public archive: books, each within an envelope that has the time of receipt.
fn archive(rows: &[Row]) -> String {
    let iso = |ms: u64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
        humantime::format_rfc3339_nanos(time).to_string().replace('Z', "")
    };
    let envelope = |line: &str| {
        let (ns, raw) = line.split_once(' ').unwrap();
        let time = iso(ns.parse::<u64>().unwrap() / 1_000_000);
        format!("{{\"time\":\"{time}\",\"ver_num\":1,\"raw\":{raw}}}\n")
    };
    frames(rows, "BTC", LEVELS, nanos).lines().map(envelope).collect()
}

#[test]
fn the_venues_archive_is_read_plain_and_packed() {
    let rows = market();
    let (text, frames) = (archive(&rows), frames(&rows, "BTC", LEVELS, nanos));
    let plain = replay(&[("a.jsonl", frames.as_bytes())], &[]).summary();
    let (packed, halves) = (lz4(text.as_bytes()), text.split_at(text.len() / 2));
    let halves = [lz4(halves.0.as_bytes()), lz4(halves.1.as_bytes())].concat();
    let respelt = text.replace("\"time\":\"2", "\"time\": \"2").replace("\"raw\":", "\"raw\" : ");
    for (name, content) in [
        ("BTC.jsonl", text.as_bytes()),
        ("BTC.jsonl", respelt.as_bytes()),
        ("BTC.lz4", &packed),
        ("BTC.lz4", &halves),
        ("BTC.jsonl.lz4", &packed),
        ("a.jsonl.lz4", &lz4(frames.as_bytes())),
    ] {
        let ended = replay(&[(name, content)], &[]);
        said(&ended, &[]);
        assert_eq!(essence(&ended.summary()), essence(&plain), "{name}");
    }
    let csv = lz4(books(&rows).as_bytes());
    let ended = replay(&[("orderbooks_BTC.csv.lz4", &csv)], &[]);
    assert_eq!(ended.summary()["events"], ROWS);
}

#[test]
fn unsound_lines_of_the_archive_are_named() {
    let text = archive(&market());
    let ended = replay(&[("BTC.lz4", &lz4(&text.as_bytes()[..text.len() - 20]))], &[]);
    said(&ended, &["BTC.lz4:240: the last line has no end"]);
    let (first, second) = text.as_bytes().split_at(text.len() / 2);
    let cut = [lz4(first), lz4(second)].concat();
    let ended = replay(&[("BTC.lz4", &cut[..cut.len() - 400])], &[]);
    said(&ended, &["the compressed stream ends early or is damaged"]);
    let nested = format!("{{\"time\":\"2025-11-25T19:46:40.3\",\"raw\":{}", "[".repeat(50_000));
    for (line, says) in [
        (
            "{\"time\":\"2025-11-25T19:46:40.3\",\"ver_num\":2,\"raw\":{}}",
            "of version 2: only 1 is known",
        ),
        (
            "{\"time\":17,\"raw\":{}}",
            "not a line of the archive (`{\"time\":…,\"raw\":FRAME}` expected)",
        ),
        ("{\"time\":\"17\",\"raw\":{}}", "local time is not ISO 8601"),
        ("{\"time\":\"2025-11-25T19:46:40.3\",\"raw\":7}", ".jsonl:3: "),
        (&nested, "not a line of the archive"),
    ] {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[2] = line;
        let ended = replay(&[("BTC.jsonl", (lines.join("\n") + "\n").as_bytes())], &[]);
        said(&ended, &[says]);
        assert!(ended.stderr.contains("BTC.jsonl:3: "), "{}", ended.stderr);
        assert_eq!(ended.summary()["events"], 2 * ROWS - 1, "{line}");
    }
}
