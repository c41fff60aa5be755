//! Compiled tapes: what is read from one is what reading the recording gives, and nothing else ever is.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use botmm::data::capture::Folder;
use botmm::data::{Cache, LoadOptions, Loaded, find_compiled, whole};
use botmm::exchange::markets::tape;
use botmm::settings::Settings;
use botmm_pipeline::types::{Instrument, MarketEvent, Nanos};
use botmm_pipeline::venue::hl::Decoder;
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::{Market, MarketOutput};
use common::{Ended, copy_of_sample, tapes, with_tapes, without_timings};
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What is asked of a recording.
#[derive(Clone)]
struct Ask {
    symbols: Vec<String>,
    allow_unsound: bool,
    known: fn(&str) -> Option<Instrument>,
    cache: Option<Cache>,
}

impl Ask {
    fn beside() -> Self {
        let cache = Cache { beside: true, elsewhere: None };
        let known = common::coins::major;
        Self { symbols: Vec::new(), allow_unsound: false, known, cache: Some(cache) }
    }

    /// What is loaded, and whether the recording itself was read.
    fn load(&self, path: &Path) -> (Loaded, bool) {
        let was_read = Cell::new(false);
        let progress = |_: u64, _: u64| was_read.set(true);
        let found = find_compiled(&[path.to_owned()], self.cache.as_ref(), &progress).unwrap();
        let mut decoder = Decoder::new();
        let options = LoadOptions {
            symbols: &self.symbols,
            instrument: &self.known,
            allow_unsound: self.allow_unsound,
            decode: &mut |frame, recv_time, universe, sink| {
                let decoded =
                    decoder.decode(frame, recv_time, universe, |event| sink(&event.to_kept()));
                decoded.map(|_| ()).map_err(|e| e.to_string())
            },
            progress: &progress,
        };
        let loaded = found.load(options).unwrap();
        (loaded, was_read.get())
    }

    /// The same, without any tape.
    fn read(&self, path: &Path) -> Loaded {
        Self { cache: None, ..self.clone() }.load(path).0
    }
}

fn events(loaded: &Loaded) -> [Vec<MarketEvent>; 2] {
    [loaded.tape.iter_recv().collect(), loaded.tape.iter_venue().collect()]
}

fn same(a: &Loaded, b: &Loaded) {
    assert_eq!(events(a), events(b));
    assert!(a.tape.marks().eq(b.tape.marks()));
    assert_eq!(a.report, b.report);
    let coins = |l: &Loaded| l.universe.iter().map(|(_, i)| *i).collect::<Vec<_>>();
    assert_eq!(coins(a), coins(b));
    whole(&a.tape, None).unwrap();
}

/// A copy of the sample, with a file that is none.
fn recording() -> (TempDir, PathBuf) {
    let dir = copy_of_sample();
    let rec = dir.path().join("rec");
    fs::write(rec.join("notes.csv"), "mine").unwrap();
    (dir, rec)
}

/// A file of a coin of the sample, plain.
fn a_file(rec: &Path) -> PathBuf {
    let files = fs::read_dir(rec).unwrap().map(|e| e.unwrap().path());
    let is_plain = |p: &PathBuf| {
        p.to_string_lossy().contains("trades_") && p.to_string_lossy().ends_with(".csv")
    };
    let mut files: Vec<_> = files.filter(is_plain).collect();
    files.sort();
    files.first().unwrap().clone()
}

#[test]
fn what_was_read_once_is_opened_and_says_the_same() {
    let ((_dir, rec), ask) = (recording(), Ask::beside());
    let line = "nonsense,1,2,buy,3,4\n";
    let file = a_file(&rec);
    fs::write(&file, fs::read_to_string(&file).unwrap() + line).unwrap();
    let direct = ask.read(&rec);
    assert!(direct.report.warnings.iter().any(|w| w.contains(&*file.to_string_lossy())));
    assert_eq!(tapes(&rec.join(".botmm")), [] as [PathBuf; 0]);
    let (first, was_read) = ask.load(&rec);
    assert!(was_read);
    same(&first, &direct);
    let kept = tapes(&rec.join(".botmm"));
    let [tape] = &kept[..] else { panic!("one tape: {kept:?}") };
    assert_eq!(first.compiled.as_deref(), Some(&**tape));
    let (second, was_read) = ask.load(&rec);
    assert!(!was_read);
    assert_eq!(second.compiled.as_deref(), Some(&**tape));
    same(&second, &direct);
    // Named otherwise, messages begin otherwise.
    let roundabout = rec.join("../rec");
    let (third, was_read) = ask.load(&roundabout);
    assert!(!was_read);
    same(&third, &ask.read(&roundabout));
}

#[test]
fn what_changes_is_read_anew() {
    let ((_dir, rec), ask) = (recording(), Ask::beside());
    let anew = |ask: &Ask, why: &str| {
        let (loaded, was_read) = ask.load(&rec);
        assert!(was_read, "{why}");
        same(&loaded, &ask.read(&rec));
        assert!(!ask.load(&rec).1, "{why}: kept");
    };
    anew(&ask, "never seen");
    let coin = ask.read(&rec).universe.iter().next().unwrap().1.coin.to_string();
    anew(&Ask { symbols: vec![coin], ..ask.clone() }, "another choice of coins");
    anew(&Ask { allow_unsound: true, ..ask.clone() }, "unsound files are allowed");
    let finer =
        |coin: &str| common::coins::major(coin).map(|i| Instrument { max_leverage: 3, ..i });
    anew(&Ask { known: finer, ..ask.clone() }, "another instrument");
    assert!(!ask.load(&rec).1, "the first is still there");
    // One digit of one file, at the same length.
    let file = a_file(&rec);
    let text = fs::read_to_string(&file).unwrap();
    let at = text.rfind(|c: char| c.is_ascii_digit()).unwrap();
    let other = if text[at..].starts_with('1') { "2" } else { "1" };
    fs::write(&file, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
    anew(&ask, "another digit");
    fs::remove_file(&file).unwrap();
    anew(&ask, "a file less");
    // Another version of the format.
    for tape in tapes(&rec.join(".botmm")) {
        let mut bytes = fs::read(&tape).unwrap();
        bytes[8] += 1;
        fs::write(&tape, bytes).unwrap();
    }
    anew(&ask, "another version");
}

/// Touched and copied, it is the same recording, and hashed once.
#[test]
fn what_only_looks_otherwise_is_not_read_anew() {
    let ((_dir, rec), ask) = (recording(), Ask::beside());
    ask.load(&rec);
    let file = a_file(&rec);
    fs::write(&file, fs::read(&file).unwrap()).unwrap();
    let (loaded, was_read) = ask.load(&rec);
    assert!(!was_read);
    same(&loaded, &ask.read(&rec));
}

#[test]
fn a_damaged_tape_never_passes_for_the_recording() {
    let ((_dir, rec), ask) = (recording(), Ask::beside());
    let direct = ask.read(&rec);
    let tape = ask.load(&rec).0.compiled.unwrap();
    let (good, all) = (fs::read(&tape).unwrap(), events(&direct));
    let (mut at_once, mut later) = (0, 0);
    let step = (good.len() / 150).max(1);
    for at in (0..good.len()).step_by(step).chain([good.len() - 1]) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&tape, &bytes).unwrap();
        let (loaded, was_read) = ask.load(&rec);
        if was_read {
            at_once += 1;
            same(&loaded, &direct);
            continue;
        }
        let told = events(&loaded);
        assert!(told.iter().zip(&all).all(|(told, all)| all.starts_with(told)));
        loaded.tape.marks().count();
        let error = whole(&loaded.tape, loaded.compiled.as_deref()).unwrap_err().to_string();
        assert!(error.contains("damaged") && error.contains("run it again"), "{error}");
        assert!(!tape.exists(), "the next run reads the recording");
        later += 1;
    }
    println!("{at_once} found at once, {later} on the way");
    assert!(at_once > 0 && later > 0);
    for len in [0, 7, 39, good.len() / 2, good.len() - 1] {
        fs::write(&tape, &good[..len]).unwrap();
        assert!(ask.load(&rec).1, "{len} bytes of it");
    }
}

#[test]
fn a_tape_lies_where_it_can() {
    let (dir, rec) = recording();
    let elsewhere = dir.path().join("cache/tapes");
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&rec, 0o555);
    let both = Cache { beside: true, elsewhere: Some(elsewhere.clone()) };
    let ask = Ask { cache: Some(both), ..Ask::beside() };
    let (first, was_read) = ask.load(&rec);
    assert!(was_read && first.compiled.unwrap().starts_with(&elsewhere));
    assert!(!rec.join(".botmm").exists());
    assert!(!ask.load(&rec).1);
    // Nowhere: it is said, and goes all the same.
    fs::write(dir.path().join("file"), "").unwrap();
    let nowhere = Cache { beside: true, elsewhere: Some(dir.path().join("file/tapes")) };
    let ask = Ask { cache: Some(nowhere), ..ask };
    let (loaded, was_read) = ask.load(&rec);
    assert!(was_read && loaded.compiled.is_none());
    let said = loaded.report.warnings.last().unwrap();
    assert!(said.contains("compiled tape") && said.contains("file/tapes"), "{said}");
    assert_eq!(events(&loaded), events(&ask.read(&rec)));
    mode(&rec, 0o755);
}

/// Frames have to be searched for their coins, but not twice.
#[test]
fn frames_are_opened_without_a_look_into_them() {
    let dir = TempDir::new().unwrap();
    let frame = |coin: &str, n: u64| {
        let side = |px: u64| format!(r#"[{{"px":"{px}","sz":"1.5","n":1}}]"#);
        let (bids, asks, time) =
            (side(100 + n % 3), side(110 + n % 3), 1_700_000_000_000 + 500 * n);
        format!(
            r#"{}000000 {{"channel":"l2Book","data":{{"coin":"{coin}","time":{time},"levels":[{bids},{asks}]}}}}"#,
            time + 40
        )
    };
    let lines: Vec<_> = (0..50).flat_map(|n| [frame("BTC", n), frame("SOL", n)]).collect();
    let path = dir.path().join("frames.jsonl");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let ask = Ask::beside();
    let (first, was_read) = ask.load(&path);
    assert!(was_read);
    assert_eq!(first.report.counts.books, 100);
    let (second, was_read) = ask.load(&path);
    assert!(!was_read);
    same(&second, &first);
    assert_eq!(second.tape.span().unwrap().0, Nanos::millis(1_700_000_000_040));
}

/// What the recorder wrote, over midnight, as an exchange plays it: raw, and from its tape.
#[test]
fn a_capture_is_played_at_any_speed_and_from_its_tape() {
    const EVERY_MS: i64 = 100;
    let dir = TempDir::new().unwrap();
    let midnight = Nanos(1_795_392_000_000_000_000);
    let at = |n: i64| midnight + Nanos::millis((n - 20) * EVERY_MS);
    let frame = |n: i64| {
        let side = |px: i64| format!(r#"[{{"px":"{px}","sz":"1.5","n":1}}]"#);
        let (bids, asks, time) = (side(100 + n % 3), side(110 + n % 3), at(n).as_millis() - 40);
        let book = format!(r#"{{"coin":"BTC","time":{time},"levels":[{bids},{asks}]}}"#);
        format!("{} {{\"channel\":\"l2Book\",\"data\":{book}}}\n", at(n).0)
    };
    let folder = Folder::take(dir.path()).unwrap();
    for range in [0..20, 20..40] {
        let (first, last) = (at(range.start), at(range.end - 1));
        let mut writer = folder.begin(first, "botmm test").unwrap();
        let text: String = range.map(frame).collect();
        writer.append(text.as_bytes(), 20, (first, last)).unwrap();
        writer.close().unwrap();
    }
    drop(folder);
    let settings = Settings::load(None, &|_| None).unwrap();
    let cache = Cache { beside: true, elsewhere: None };
    let mut told = Vec::new();
    for is_kept in [false, true] {
        let was_read = Cell::new(false);
        let path = [dir.path().to_owned()];
        let found = find_compiled(&path, Some(&cache), &|_, _| was_read.set(true)).unwrap();
        assert_eq!(was_read.get(), !is_kept, "its coins are searched once");
        let (recording, report) = tape::load(found, &settings, false).unwrap();
        assert_eq!((report.counts.books, report.files.len()), (40, 2));
        assert_eq!(tapes(&dir.path().join(".botmm")).len(), 1);
        for (speed, n) in [("1", 1), ("10", 10), ("50", 50)] {
            let (start, end) = (Nanos::secs(5_000), Nanos::secs(5_010));
            let speed = speed.parse().unwrap();
            let said = Box::new(|_: &str| {});
            let mut market = recording.market(start, speed, QueueModel::RiskAverse, said);
            let mut out = MarketOutput::default();
            market.advance(end, &mut out);
            let times: Vec<_> = out.events.iter().map(MarketEvent::venue_time).collect();
            let due = |i: i64| start + Nanos::millis(i * EVERY_MS / n);
            assert_eq!(times, (0..40).map(due).collect::<Vec<_>>(), "x {n}");
            told.push(out.events);
        }
    }
    assert_eq!(told[..3], told[3..], "from the tape as from the frames");
}

/// The command, with tapes where it puts them itself.
fn replay(dir: &Path, more: &[&str]) -> Ended {
    with_tapes(dir, &[&["replay", "rec", "--json"], more].concat())
}

#[test]
fn a_replay_says_the_same_from_its_tape() {
    let (dir, rec) = recording();
    for more in [&["--lossless"][..], &["--lossless", "--plan", "solo", "--feed", "20ms"]] {
        let direct = replay(dir.path(), &[more, &["--no-tape"]].concat());
        let expected = without_timings(direct.summary());
        for _ in 0..2 {
            let ended = replay(dir.path(), more);
            assert_eq!(without_timings(ended.summary()), expected);
            assert_eq!(ended.stderr, direct.stderr);
        }
    }
    let kept = tapes(&rec.join(".botmm"));
    let [tape] = &kept[..] else { panic!("one tape for all of these: {kept:?}") };
    // The first byte of its first stream: it is opened, and found on the way.
    let mut bytes = fs::read(tape).unwrap();
    bytes[40] ^= 1;
    fs::write(tape, bytes).unwrap();
    let ended = replay(dir.path(), &[]);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert!(ended.stderr.contains("damaged") && ended.stdout.is_empty(), "{}", ended.stderr);
    assert_eq!(replay(dir.path(), &[]).code, 0);
}
