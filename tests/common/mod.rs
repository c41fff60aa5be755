//! What the tests of the built command share: running it, its summary, its journal, recordings.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "no test uses all of it, or goes on after a surprise"
)]

#[path = "../../pipeline/tests/coins/mod.rs"]
pub mod coins;

use assert_cmd::Command;
use botmm::journal::line::{Decision, Head, Line, Params};
use botmm::journal::reader::Lines;
use botmm::journal::segments::Reading;
use botmm_pipeline::types::Usd;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Environment that would change what a run does.
const OURS: [&str; 6] = [
    "MM_SYMBOLS",
    "HL_PRIVATE_KEY",
    "HL_WALLET_ADDRESS",
    "BOTMM_GUARD_KEY",
    "DISCORD_WEBHOOK_URL",
    "BOTMM_WEBHOOK_URL",
];
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);

/// The command, in `dir`, with nothing of this shell's settings.
pub fn botmm(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("botmm").unwrap();
    for name in OURS {
        command.env_remove(name);
    }
    command.env("BOTMM_TAPES", "off").current_dir(dir).args(args).timeout(TIMEOUT);
    command
}

/// The same, to be started and watched.
pub fn spawnable(dir: &Path, args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("botmm"));
    for name in OURS {
        command.env_remove(name);
    }
    command.env("BOTMM_TAPES", "off").current_dir(dir).args(args);
    command
}

/// Runs the command to its end, with compiled tapes where it puts them itself.
pub fn with_tapes(dir: &Path, args: &[&str]) -> Ended {
    let mut command = botmm(dir, args);
    command.env_remove("BOTMM_TAPES").env("XDG_CACHE_HOME", dir.join("cache"));
    Ended::after(command)
}

/// The compiled tapes in a folder; none where there is no folder.
pub fn tapes(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "tape"))
        .collect()
}

/// A port of this machine that nobody has.
pub fn free_port() -> u16 {
    let any = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    any.local_addr().unwrap().port()
}

/// The whole answer to an HTTP request; [`None`] = nobody takes it.
pub fn ask_port(port: u16, request: &str) -> Option<String> {
    use std::io::Read as _;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Processes of which the command line has these words.
pub fn running(words: &str) -> usize {
    let all = std::process::Command::new("ps").args(["-eo", "stat=,args="]).output().unwrap();
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    all.lines().filter(|l| !l.starts_with('Z') && l.contains(words)).count()
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Runs to the end. Whatever it was given, it must not panic.
    pub fn of(dir: &Path, args: &[&str]) -> Self {
        Self::after(botmm(dir, args))
    }

    /// The same of a command that was told more.
    pub fn after(mut command: Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
        Self { code: output.status.code().unwrap_or(-1), stdout, stderr }
    }

    /// The summary of a run that went well.
    pub fn summary(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

/// An amount of a summary by its path, from its own digits: no float in between.
pub fn exact(json: &str, path: &[&str]) -> Usd {
    let mut text = json.to_owned();
    for key in path {
        let mut map: HashMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
        text = map.remove(*key).unwrap_or_else(|| panic!("no {key} in {path:?}")).get().to_owned();
    }
    Usd::parse(&text).unwrap_or_else(|e| panic!("{path:?} is {text}: {e}"))
}

/// What holds of every summary, whatever the market did.
pub fn check_sound(summary: &Value) {
    assert!(number(&summary["equity_residual_usd"]).abs() < 0.01, "{summary:#}");
    for (coin, limit) in summary["max_position_usd"].as_object().unwrap() {
        let worst = number(&summary["max_worst_case_exposure_usd"][coin]);
        assert!(worst <= number(limit), "{coin}: {worst} of {limit}");
        for side in ["bid", "ask"] {
            let shares = summary["reasons"][coin][side].as_object().unwrap();
            let sum: f64 = shares.values().map(number).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{coin} {side}: {sum}");
        }
    }
    let facts = ["feed", "quote", "risk", "dispatch"].map(|stage| format!("{stage}->side facts"));
    let commentary = ["dispatch->side commentary", "risk->side commentary"].map(str::to_owned);
    let others = ["dispatch->quote", "dispatch->risk", "feed->book"].map(str::to_owned);
    for ring in facts.into_iter().chain(commentary).chain(others) {
        assert_eq!(summary["dropped"][&ring], 0, "{ring}");
    }
}

/// Without what differs from run to run.
pub fn without_timings(mut summary: Value) -> Value {
    for key in ["events_per_s", "latency_ns"] {
        assert!(summary.as_object_mut().unwrap().remove(key).is_some(), "no {key}");
    }
    summary
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// The made-up recording that comes with the source.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/recording")
}

/// A copy of the made-up recording, to be spoilt.
pub fn copy_of_sample() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("rec")).unwrap();
    let is_file = |entry: &fs::DirEntry| entry.file_type().unwrap().is_file();
    // Whoever replayed it has it compiled there, in a folder.
    for entry in fs::read_dir(sample()).unwrap().map(Result::unwrap).filter(is_file) {
        // Read and write: a copy would be as read-only as its source may be.
        let bytes = fs::read(entry.path()).unwrap();
        fs::write(dir.path().join("rec").join(entry.file_name()), bytes).unwrap();
    }
    dir
}

/// The text of each file of a folder of CSV that was written packed, by name.
pub fn texts(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let text = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.strip_suffix(".csv.zst").unwrap().to_owned();
        let text = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
        (name, String::from_utf8(text).unwrap())
    };
    entries.map(text).collect()
}

/// Writes these files into a folder, which is made where it is not there.
pub fn write_all(dir: &Path, all: &[(&str, &[u8])]) {
    fs::create_dir_all(dir).unwrap();
    all.iter().for_each(|(name, content)| fs::write(dir.join(name), content).unwrap());
}

/// These bytes, packed as `.gz`.
pub fn gz(plain: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(plain.as_ref()).unwrap();
    packed.finish().unwrap()
}

/// The same as `.lz4`, a frame.
pub fn lz4(plain: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = lz4_flex::frame::FrameEncoder::new(Vec::new());
    packed.write_all(plain.as_ref()).unwrap();
    packed.finish().unwrap()
}

/// The text has each of these parts.
pub fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

/// A line of the text has both the place and the words.
pub fn names(text: &str, place: &str, words: &str) {
    let is_named = text.lines().any(|line| line.contains(place) && line.contains(words));
    assert!(is_named, "no line has `{place}` and `{words}`:\n{text}");
}

/// Replays a path as JSON, with more arguments.
pub fn replay(path: &str, more: &[&str]) -> Ended {
    replay_in(path, more).1
}

/// The same in a folder of its own, which is there as long as it is held.
pub fn replay_in(path: &str, more: &[&str]) -> (TempDir, Ended) {
    let dir = TempDir::new().unwrap();
    let ended = Ended::of(dir.path(), &[&["replay", path, "--json"], more].concat());
    (dir, ended)
}

/// The summary of a replay of which there is nothing to say.
pub fn summary(path: &str, more: &[&str]) -> Value {
    let ended = replay(path, more);
    assert_eq!(ended.stderr, "", "{more:?}");
    let summary = ended.summary();
    check_sound(&summary);
    summary
}

/// Which coins were traded.
pub fn coins(summary: &Value) -> Vec<&String> {
    summary["position"].as_object().unwrap().keys().collect()
}

/// Every line of a journal, oldest first, by botmm's own reader. Of a run that goes on or was killed half
/// a last line is left out; whatever else is no line of ours fails.
pub fn journal(path: &Path) -> Vec<Line> {
    let reading = Reading::open(path).unwrap();
    let mut all = Vec::new();
    for file in 0..reading.files() {
        let mut lines = Lines::of(&reading, file).unwrap().unwrap();
        while let Some((number, text)) = lines.next_line().unwrap() {
            let line = text.and_then(Line::read);
            let line = line.unwrap_or_else(|e| panic!("{}:{number}: {e}", path.display()));
            all.push(line.unwrap_or_else(|| panic!("{}:{number}: unknown", path.display())));
        }
    }
    all
}

/// The same of a run that may not have begun one.
pub fn journal_so_far(path: &Path) -> Vec<Line> {
    if path.exists() { journal(path) } else { Vec::new() }
}

/// How many lines there are of a `type`.
pub fn count(lines: &[Line], kind: &str) -> usize {
    lines.iter().filter(|line| line.kind() == kind).count()
}

/// Its decisions.
pub fn decisions(lines: &[Line]) -> impl Iterator<Item = &Decision> {
    lines.iter().filter_map(|line| if let Line::Decision(d) = line { Some(d) } else { None })
}

/// Its changes of parameters.
pub fn params(lines: &[Line]) -> Vec<&Params> {
    let changes = lines.iter();
    changes.filter_map(|line| if let Line::Params(p) = line { Some(p) } else { None }).collect()
}

/// The coin that a line is about and when it was written, where it says so.
pub fn head(line: &Line) -> (Option<String>, Option<String>) {
    let text = line.to_string();
    let head = Head::of(&text).unwrap();
    (head.coin.map(Into::into), head.time.map(Into::into))
}
