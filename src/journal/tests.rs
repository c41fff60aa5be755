//! A journal that grows for long, on disks that are full.

use super::growing::Growing;
use super::packer::Bounds;
use super::segments::{LIVE, Reading, segments};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::BufRead as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

fn bounds(max_bytes: u64) -> Bounds {
    Bounds { max_bytes, keep: 30 * DAY, runs: None }
}

fn size_of(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|e| e.metadata().map_or(0, |of| of.len())).sum()
}

/// As long as a decision, and as hard to pack.
fn line(n: u64) -> Value {
    let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut digits = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{}.{:08}", 90_000 + state % 10_000, state >> 40)
    };
    let terms: Vec<String> = (0..60).map(|_| digits()).collect();
    json!({ "type": "decision", "coin": "BTC", "n": n, "terms": terms })
}

fn numbers(dir: &Path) -> Vec<u64> {
    let reading = Reading::open(&dir.join(LIVE)).unwrap();
    let mut all = Vec::new();
    for at in 0..reading.files() {
        let Some(lines) = reading.lines(at).unwrap() else { continue };
        for line in lines.lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            all.extend(line["n"].as_u64());
        }
    }
    all
}

/// A bot of five coins that decides twenty times a second each writes 8,640,000 decisions a day, about
/// 9 GB. This is that day at a thousandth of its length under a thousandth of the shipped bound: what
/// counts is that a day is several times the bound, and that the bound holds at every moment.
#[test]
fn a_day_at_full_rate_stays_within_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let max = 2_048 * 1_024 * 1_024 / 1_000;
    let mut growing = Growing::create(dir.path(), Some(bounds(max))).unwrap();
    let (mut largest, mut written) = (0, 0);
    for n in 0..8_640 {
        let line = line(n);
        written += line.to_string().len() as u64 + 1;
        growing.line(&line);
        if n % 20 == 0 {
            growing.flush().unwrap();
            largest = largest.max(size_of(dir.path()));
            growing.settle(); // A day goes by slowly enough for that.
        }
    }
    growing.finish().unwrap();
    largest = largest.max(size_of(dir.path()));
    println!("{written} bytes written, at most {largest} of {max} on the disk");
    assert!(written > 3 * max, "it tells nothing");
    assert!(largest <= max, "{largest} of {max}");
    let kept = numbers(dir.path());
    let first = kept[0];
    assert!(kept.iter().copied().eq(first..8_640), "a gap, or out of order");
    assert!(first > 0, "nothing was removed");
    assert_eq!(Reading::open(&dir.path().join(LIVE)).unwrap().first() > 1, first > 0);
}

#[test]
fn what_is_packed_is_read_in_order_while_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut growing = Growing::create(dir.path(), Some(bounds(16 << 20))).unwrap();
    for n in 0..4_000 {
        growing.line(&line(n));
        if n % 100 == 99 {
            growing.flush().unwrap();
            growing.settle();
            assert!(numbers(dir.path()).into_iter().eq(0..=n), "at {n}");
        }
    }
    let found = segments(dir.path()).unwrap();
    assert!(found.len() > 3 && found[0].is_packed(), "{found:?}");
    let ratio = (1 << 20) / found[0].bytes;
    assert!(ratio >= 2, "packed {ratio} times");
    // Of a run that was killed while it packed: the same segment twice.
    let unpacked = zstd::decode_all(std::fs::File::open(&found[0].path).unwrap()).unwrap();
    std::fs::write(dir.path().join("journal.000001.jsonl"), unpacked).unwrap();
    assert!(numbers(dir.path()).into_iter().eq(0..4_000));
}

#[test]
fn what_a_full_disk_does_not_take_is_kept_until_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut growing = Growing::create(dir.path(), None).unwrap();
    growing.line(&line(0));
    growing.flush().unwrap();
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let disk = growing.swap_file(full);
    growing.line(&line(1));
    for _ in 0..2 {
        let said = growing.flush().unwrap_err().to_string();
        assert!(said.contains("No space left on device"), "{said}");
    }
    growing.line(&line(2));
    growing.swap_file(disk);
    growing.flush().unwrap();
    growing.finish().unwrap();
    assert_eq!(numbers(dir.path()), [0, 1, 2]);
}

#[test]
fn runs_are_bounded_together_and_one_that_goes_on_is_left_alone() {
    let runs = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        let dir = runs.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        dir
    };
    let put = |dir: &Path, name: &str, bytes: usize, age: Duration| {
        let path = dir.join(name);
        std::fs::write(&path, vec![b'x'; bytes]).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        path
    };
    let (old, last, beside, own) = (run("a"), run("b"), run("c"), run("d"));
    let of_last_month = put(&old, LIVE, 10, 31 * DAY);
    let summary = put(&old, "summary.json", 10, 31 * DAY);
    let too_much = put(&last, "journal.000001.jsonl.zst", 600_000, 2 * DAY);
    let fits = put(&last, LIVE, 500_000, DAY);
    let goes_on = put(&beside, LIVE, 400_000, Duration::ZERO);
    let bounds = Bounds { runs: Some(runs.path().to_owned()), ..bounds(1_600_000) };
    let growing = Growing::create(&own, Some(bounds)).unwrap();
    growing.settle();
    let there = [&of_last_month, &too_much, &summary, &fits, &goes_on].map(|p| p.exists());
    assert_eq!(there, [false, false, true, true, true]);
    growing.finish().unwrap();
}
