//! The house rules that a compiler does not hold: floors, circles, clocks, files, `unsafe`, size.
#![allow(clippy::unwrap_used, missing_docs)]

mod house;

use house::{MAX_LINES, Source, circles, long_files, long_functions, read, report};
use std::path::Path;

/// Module → floor (ARCHITECTURE.md, "Two crates, five floors"). Two modules of one floor do not see each other either.
const FLOORS: [(&str, u32); 6] =
    [("types", 0), ("logic", 1), ("rt", 1), ("venue", 2), ("stage", 3), ("wiring", 4)];

/// What code outside tests may name only in the files that a rule lists.
const PATHS_ONLY_IN: [(&str, &[&str]); 8] = [
    ("std::fs", &[]),
    ("std::net", &[]),
    ("std::env", &[]),
    ("std::process", &[]),
    ("std::os", &[]),
    ("std::time::Instant", &[]),
    ("std::time::SystemTime", &["rt/clock.rs"]),
    ("quanta", &["rt/clock.rs"]),
];
const WORDS_ONLY_IN: [(&str, &[&str]); 7] = [
    ("Instant::now", &[]),
    ("SystemTime::now", &["rt/clock.rs"]),
    ("println!", &[]),
    ("eprintln!", &[]),
    ("unsafe ", &["rt/", "venue/hl/scan"]),
    ("todo!", &[]),
    ("unimplemented!", &[]),
];

fn floor_of(module: &str) -> Option<u32> {
    FLOORS.iter().find(|(m, _)| *m == module).map(|(_, f)| *f)
}

/// Where a file names a module that it must not see. Test code keeps to its floor too.
fn floor_violations(source: &Source) -> Vec<String> {
    let Some(own) = source.module.first() else { return Vec::new() };
    let Some(own_floor) = floor_of(own) else { return Vec::new() };
    let breaks = |look: house::Look| {
        let seen = look.path.first()?;
        let floor = floor_of(seen)?;
        (seen != own && floor >= own_floor).then(|| {
            format!(
                "{}:{}: {own} (floor {own_floor}) sees {seen} (floor {floor})",
                source.path, look.line
            )
        })
    };
    let mut found: Vec<String> = source.looks().into_iter().filter_map(breaks).collect();
    found.dedup();
    found
}

/// Where code outside tests names what belongs elsewhere.
fn place_violations(source: &Source) -> Vec<String> {
    if source.is_test {
        return Vec::new();
    }
    let may = |places: &[&str]| places.iter().any(|p| source.path.starts_with(p));
    let mut found = Vec::new();
    for (rule, _) in PATHS_ONLY_IN.iter().filter(|(_, places)| !may(places)) {
        let wanted: Vec<&str> = rule.split("::").collect();
        let starts = |path: &[String]| path.iter().zip(&wanted).filter(|(a, b)| a == b).count();
        let hits = source.paths(&wanted[..1]).into_iter();
        for look in hits.filter(|l| starts(&l.path) == wanted.len()) {
            found.push(format!("{}:{}: {rule} does not belong here", source.path, look.line));
        }
    }
    for (word, _) in WORDS_ONLY_IN.iter().filter(|(_, places)| !may(places)) {
        for (i, _) in source.code.lines().enumerate().filter(|(_, line)| line.contains(word)) {
            found.push(format!("{}:{}: {word} does not belong here", source.path, i + 1));
        }
    }
    found.dedup();
    found
}

fn sources() -> Vec<Source> {
    let found = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.len() > 30, "only {} sources found", found.len());
    found
}

#[test]
fn a_floor_sees_only_lower_floors() {
    report(sources().iter().flat_map(floor_violations).collect());
}

/// Proof that the test above can fail, in every form that Rust has for a look upwards.
#[test]
fn a_look_upwards_is_found() {
    let bad = "//! use crate::stage is fine in a comment\nuse crate::venue::Feed;\n\
               fn f() { crate::wiring::build() }\nuse crate::types::Px;\n";
    let found = floor_violations(&Source::new("logic/book.rs", bad));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("logic/book.rs:2") && found[1].contains(":3"), "{found:?}");
    for (path, look) in [
        ("rt/lane.rs", "use crate::logic::book::Book;"),
        ("logic/book.rs", "use super::super::venue::Feed;"),
        ("logic/gate/mod.rs", "use super::super::{stage::risk, types::Px};"),
        (
            "types/px.rs",
            "use crate::{\n    types::{self, Qty},\n    rt::{Stage, ring::{self}},\n};",
        ),
        ("logic/gate/mod.rs", "fn f() { super::super::wiring::build() }"),
    ] {
        let found = floor_violations(&Source::new(path, look));
        assert_eq!(found.len(), 1, "{path}: {look}: {found:?}");
    }
    let down = Source::new("stage/book.rs", "use crate::{logic::book::Book, types::{Px, Qty}};");
    assert!(floor_violations(&down).is_empty());
}

#[test]
fn clocks_files_and_unsafe_stay_where_they_belong() {
    report(sources().iter().flat_map(place_violations).collect());
}

/// Proof that the test above can fail.
#[test]
fn what_is_out_of_place_is_found() {
    for bad in [
        "let t = Instant::now();",
        "use std::{fs, collections::BTreeMap};",
        "use std::{\n    collections::{self, BTreeMap},\n    net::{IpAddr, TcpStream},\n};",
        "fn f() -> std::fs::File { todo_later() }",
        "let clock = quanta::Clock::new();",
        "fn f() { unsafe { g() } }",
        "#[cfg(test)]\nuse std::fs;\nfn f() { println!(\"{}\", 1) }",
    ] {
        let found = place_violations(&Source::new("stage/feed.rs", bad));
        assert_eq!(found.len(), 1, "{bad}: {found:?}");
    }
    let fine = "use std::{collections::BTreeMap, time::Duration};\n#[cfg(test)]\nmod tests {\n    \
                use std::fs;\n}\n";
    assert!(place_violations(&Source::new("stage/feed.rs", fine)).is_empty());
    let clock = Source::new("rt/clock.rs", "let clock = quanta::Clock::new();");
    assert!(place_violations(&clock).is_empty());
}

/// Only what its parent compiles for tests alone is test code, whatever a file is called.
#[test]
fn test_code_is_known_by_its_parent() {
    let all = sources();
    let is_test = |path: &str| all.iter().find(|s| s.path == path).unwrap().is_test;
    assert!(is_test("venue/sim/recorded/twin.rs") && is_test("logic/gate/tests/refusals.rs"));
    assert!(!is_test("venue/hl/tape_parser.rs") && !is_test("venue/sim/recorded.rs"));
}

#[test]
fn no_two_modules_see_each_other() {
    let told = |circle: Vec<String>| format!("a circle: {}", circle.join(", "));
    report(circles(&sources()).into_iter().map(told).collect());
    let pair = [
        Source::new("types/a.rs", "use super::b::B;"),
        Source::new("types/b.rs", "use super::c::C;"),
        Source::new("types/c.rs", "fn f() { crate::types::a::g() }"),
        Source::new("types/d.rs", "use super::a::A;"),
    ];
    assert_eq!(circles(&pair), [["types::a", "types::b", "types::c"]], "the rule can fail");
}

#[test]
fn files_stay_small() {
    report(long_files(&sources(), |_| MAX_LINES));
}

#[test]
fn a_long_function_is_found() {
    let body = "    let x = 1;\n".repeat(80);
    let text = format!(
        "impl A {{\n    pub(super) const fn long(&self) {{\n{body}    }}\n    fn short() {{}}\n}}\n"
    );
    let found = long_functions(&Source::new("logic/a.rs", &text));
    assert_eq!(found, ["logic/a.rs:2: long, 82 lines"]);
}
