//! The house rules of `src` that a compiler does not hold: rooms, circles, size (ARCHITECTURE.md, "Rooms").
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../pipeline/tests/house/mod.rs"]
mod house;

use house::{MAX_LINES, Source, circles, long_files, read, report};
use std::path::Path;

/// The rooms from top to bottom. Each may see only rooms below it, but for those that it names.
const ROOMS: [Room; 33] = [
    room("mode", &[]),
    room("cli", &[]),
    room("calibrate", &["side", "ui", "venue_api", "exchange", "settings"]),
    room("learn", &["side", "ui", "net", "venue_api", "exchange"]),
    room("backtest", &["side", "ui", "net", "venue_api", "exchange"]),
    room("bot", &[]),
    room("side", &["report"]),
    room("ui", &["report", "journal", "venue_api", "exchange", "settings", "net", "data"]),
    room("history", &["venue_api", "exchange", "settings", "net", "data"]),
    room("report", &["venue_api", "exchange", "settings", "net", "data"]),
    room("journal", &["venue_api", "exchange", "settings", "net", "data"]),
    room("venue_api", &["exchange", "settings", "data"]),
    room("exchange", &["net"]),
    room("settings", &["net", "data"]),
    room("predictor", &["net", "data"]),
    room("calibrated", &["net", "data"]),
    room("net", &["data"]),
    room("data", &[]),
    room("rungs", &[]),
    room("systemd", &[]),
    room("keys", &[]),
    room("stop", &[]),
    room("speaker", &[]),
    room("terminal", &[]),
    room("sha256", &[]),
    room("base64", &[]),
    room("files", &[]),
    room("venue_numbers", &[]),
    room("origin", &[]),
    room("http_status", &[]),
    room("when", &[]),
    room("exit", &[]),
    room("masked", &[]),
];

struct Room {
    name: &'static str,
    /// Rooms below that it does not see either.
    never: &'static [&'static str],
}

const fn room(name: &'static str, never: &'static [&'static str]) -> Room {
    Room { name, never }
}
/// Rooms that show what was: of the pipeline they see neither how it is built nor its counters, which
/// come to them once, as plain numbers (`stage::numbers`).
const SHOWING: [&str; 4] = ["ui", "report", "history", "journal"];
const NEVER_OF_PIPELINE: [&[&str]; 2] = [&["wiring"], &["stage", "metrics"]];
/// A verb: from the command line to one call.
const MAX_VERB_LINES: usize = 120;

/// From the top.
fn place_of(room: &str) -> Option<usize> {
    ROOMS.iter().position(|r| r.name == room)
}

/// Why a room does not see another; [`None`] = it may.
fn refusal(own: &str, seen: &str) -> Option<String> {
    let (own_place, seen_place) = (place_of(own)?, place_of(seen)?);
    if own == seen {
        return None;
    }
    if seen_place < own_place {
        return Some(format!("{own} sees {seen}, which is above it"));
    }
    ROOMS[own_place].never.contains(&seen).then(|| format!("{own} sees {seen}, and never may"))
}

/// Where a file names a room that it must not see, or hands another room's things on.
fn room_violations(source: &Source) -> Vec<String> {
    let Some(own) = source.module.first() else { return Vec::new() };
    let lines: Vec<&str> = source.code.lines().collect();
    let hands_on = |line: usize| {
        let text = lines[line - 1].trim();
        text.starts_with("pub") && (text.contains(" use ") || text.contains(" type "))
    };
    let mut found = Vec::new();
    for look in source.looks() {
        let Some(seen) = look.path.first().filter(|seen| place_of(seen).is_some()) else {
            continue;
        };
        let passed = (seen != own && hands_on(look.line))
            .then(|| format!("{own} hands on what is {seen}'s: name it where it is"));
        for problem in refusal(own, seen).into_iter().chain(passed) {
            found.push(format!("{}:{}: {problem}", source.path, look.line));
        }
    }
    for look in source.paths(&["botmm_pipeline"]) {
        let is_seen = |module: &&&[&str]| {
            look.path.len() > module.len()
                && module.iter().zip(&look.path[1..]).all(|(m, p)| m == p)
        };
        let banned = NEVER_OF_PIPELINE.iter().find(is_seen);
        if let Some(module) = banned.filter(|_| SHOWING.contains(&own.as_str())) {
            let problem = format!("{own} sees the pipeline's {}", module.join("::"));
            found.push(format!("{}:{}: {problem}", source.path, look.line));
        }
    }
    found.dedup();
    found
}

fn sources() -> Vec<Source> {
    let found = read(&root().join("src"));
    assert!(found.len() > 100, "only {} sources found", found.len());
    found
}

#[test]
fn a_room_sees_only_rooms_below_it() {
    let all = sources();
    report(all.iter().filter(|s| !s.is_test).flat_map(room_violations).collect());
}

#[test]
fn every_module_of_the_crate_is_a_room() {
    let unknown = |s: &Source| {
        let room = s.module.first().filter(|room| place_of(room).is_none())?;
        Some(format!("{}: `{room}` is in no row of ROOMS", s.path))
    };
    let all = sources();
    report(all.iter().filter_map(unknown).collect());
    let gone =
        ROOMS.iter().filter(|r| !all.iter().any(|s| s.module.first() == Some(&r.name.to_owned())));
    report(gone.map(|r| format!("`{}` is in ROOMS and not in src", r.name)).collect());
}

/// The table that people read is the one that is held.
#[test]
fn the_architecture_has_the_same_table() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let start = text.find("## Rooms").unwrap();
    let rows = text[start..]
        .lines()
        .skip_while(|l| !l.starts_with("| `"))
        .take_while(|l| l.starts_with('|'));
    let words = |cell: &str| -> Vec<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let mut told = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        told.extend(words(cells[1]).into_iter().map(|room| (room, words(cells[3]))));
    }
    let held = ROOMS
        .iter()
        .map(|r| (r.name.to_owned(), r.never.iter().map(|n| (*n).to_owned()).collect()));
    assert_eq!(told, held.collect::<Vec<_>>());
}

/// What the documents name is there.
/// Each invariant names what holds it: tests that are there, or the compiler.
#[test]
fn each_invariant_names_its_test() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = text.split("## Invariants").nth(1).unwrap().split("**Absent").next().unwrap();
    let folders = ["src", "tests", "pipeline/src", "pipeline/tests"];
    let code: String = folders.iter().flat_map(|f| read(&root().join(f))).map(|s| s.text).collect();
    let mut invariants: Vec<String> = Vec::new();
    for line in section.lines() {
        match line.split_once(". ").filter(|(n, _)| n.parse::<u32>().is_ok()) {
            Some((_, rest)) => invariants.push(rest.to_owned()),
            None => invariants.iter_mut().last().map_or((), |last| last.push_str(line)),
        }
    }
    assert!(invariants.len() > 8, "only {} invariants found", invariants.len());
    for invariant in invariants {
        let quoted = invariant.split('`').skip(1).step_by(2);
        let tests: Vec<_> = quoted.filter(|q| q.matches('_').count() >= 2).collect();
        assert!(!tests.is_empty() || invariant.contains("the compiler"), "no test: {invariant}");
        for test in tests {
            assert!(code.contains(&format!("fn {test}(")), "no test is called {test}");
        }
    }
}

#[test]
fn every_path_of_the_architecture_leads_somewhere() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let is_ours = |p: &&str| {
        ["src", "pipeline", "tests", "config", "scripts", "docs"]
            .iter()
            .any(|top| p.starts_with(&format!("{top}/")))
    };
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_ours).collect();
    assert!(named.len() > 40, "only {} paths found", named.len());
    let gone = named.into_iter().filter(|p| !p.contains('*') && !root().join(p).exists());
    report(gone.map(|p| format!("ARCHITECTURE.md names {p}, which is not there")).collect());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Proof that the tests above can fail, in every form that Rust has for a look at another room.
#[test]
fn a_look_at_the_wrong_room_is_found() {
    for (path, look, says) in [
        ("side/candles.rs", "use crate::bot::session;", "side sees bot, which is above it"),
        ("side/reload/watch.rs", "fn f() { super::super::super::mode::run() }", "sees mode"),
        (
            "net/rest.rs",
            "use crate::{exit::AppError, venue_api::venue::Venue};",
            "net sees venue_api",
        ),
        (
            "settings/live.rs",
            "use crate::{\n    files,\n    journal::{self, Journal},\n};",
            "settings/live.rs:1: settings sees journal",
        ),
        ("ui/screen/mod.rs", "use crate::settings::Settings;", "ui sees settings, and never may"),
        ("report/text.rs", "use crate::net::Rest;", "report sees net, and never may"),
        ("ui/view.rs", "use botmm_pipeline::wiring::Control;", "the pipeline's wiring"),
        ("report/a.rs", "use botmm_pipeline::stage::{NAMES, metrics::Metrics};", "stage::metrics"),
        (
            "history/apply.rs",
            "use crate::settings::Settings;",
            "history sees settings, and never may",
        ),
        (
            "history/apply.rs",
            "use crate::side::task::Task;",
            "history sees side, which is above it",
        ),
        ("bot/mod.rs", "pub use crate::journal::Journal;", "hands on what is journal's"),
        ("bot/mod.rs", "pub(crate) use super::journal::{Bounds as B};", "hands on"),
        ("bot/mod.rs", "pub type Lines = crate::journal::Journal;", "hands on"),
        ("exit.rs", "use crate::net::NetError;", "exit sees net"),
    ] {
        let found = room_violations(&Source::new(path, look));
        assert_eq!(found.len(), 1, "{path}: {look}: {found:?}");
        assert!(found[0].contains(says), "{path}: {look}: {found:?}");
    }
    let down = "use crate::{bot::live::Live, exit::AppError};\npub use self::sub::Thing;\n\
                #[cfg(test)]\nmod tests {\n    use crate::cli::Cli;\n}\n";
    assert!(room_violations(&Source::new("cli/market.rs", down)).is_empty());
}

/// One style in the crate: what has parts is `name/mod.rs`.
#[test]
fn a_module_with_parts_is_a_folder() {
    let all = sources();
    let doubled = |s: &Source| {
        let folder = format!("{}/", s.path.strip_suffix(".rs")?);
        let part = all.iter().find(|other| other.path.starts_with(&folder))?;
        Some(format!("{} has parts ({}): call it {folder}mod.rs", s.path, part.path))
    };
    report(all.iter().filter_map(doubled).collect());
}

#[test]
fn no_two_files_see_each_other() {
    let told = |circle: Vec<String>| format!("a circle: {}", circle.join(", "));
    report(circles(&sources()).into_iter().map(told).collect());
}

/// Proof that the test above can fail: by names of the crate, of the parent, and in groups.
#[test]
fn a_circle_is_found() {
    let three = [
        Source::new("side/a.rs", "use super::b::B;"),
        Source::new("side/b.rs", "use crate::{exit::Exit, net::c::C};"),
        Source::new("net/c.rs", "fn f() { super::super::side::a::g() }"),
        Source::new("side/d.rs", "use super::a::A;"),
    ];
    assert_eq!(circles(&three), [["net::c", "side::a", "side::b"]]);
}

#[test]
fn files_stay_small() {
    report(long_files(&sources(), most_lines));
}

#[test]
fn a_long_file_is_found() {
    let text = "fn f() {}\n".repeat(121);
    let told = |path, text| long_files(&[Source::new(path, text)], most_lines);
    assert_eq!(told("mode/run.rs", &text), ["mode/run.rs: 121 lines, at most 120"]);
    assert!(told("bot/run.rs", &text).is_empty());
    assert_eq!(told("bot/run.rs", &text.repeat(5)).len(), 1);
}

fn most_lines(source: &Source) -> usize {
    if source.path.starts_with("mode/") { MAX_VERB_LINES } else { MAX_LINES }
}
