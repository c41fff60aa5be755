//! The house rules that a compiler does not hold: floors, clocks, files, `unsafe`, size.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};

/// Module → floor (ARCHITECTURE.md, "Two crates, five floors"). Two modules of one floor do not see each other either.
const FLOORS: [(&str, u32); 6] =
    [("types", 0), ("logic", 1), ("rt", 1), ("venue", 2), ("stage", 3), ("wiring", 4)];
const MAX_LINES: usize = 500;

fn floor_of(module: &str) -> Option<u32> {
    FLOORS.iter().find(|(m, _)| *m == module).map(|(_, f)| *f)
}

/// The module that a source file belongs to.
fn module_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Lines of code: comments do not count, nor does what follows a file's test module.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l.split("//").next().unwrap_or("")))
        .filter(|(_, l)| !l.trim().is_empty())
}

/// Where a file mentions a module that it must not see.
fn floor_violations(path: &Path, text: &str) -> Vec<String> {
    let own = module_of(path);
    let Some(own_floor) = floor_of(&own) else { return Vec::new() };
    let mut found = Vec::new();
    for (line, code) in code_lines(text) {
        for part in code.split("crate::").skip(1) {
            let seen: String =
                part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(floor) = floor_of(&seen) else { continue };
            if seen != own && floor >= own_floor {
                found.push(format!(
                    "{}:{line}: {own} (floor {own_floor}) sees {seen} (floor {floor})",
                    path.display()
                ));
            }
        }
    }
    found
}

/// Words that code may use only in the files that a rule names.
const ONLY_IN: [(&str, &[&str]); 8] = [
    ("Instant::now", &[]),
    ("SystemTime::now", &["rt/clock.rs"]),
    ("std::fs", &[]),
    ("std::net", &[]),
    ("println!", &[]),
    ("unsafe ", &["rt/", "venue/hl/scan.rs"]),
    ("todo!", &[]),
    ("unimplemented!", &[]),
];

fn word_violations(path: &Path, text: &str) -> Vec<String> {
    // Tests may read files and recordings.
    if path.components().any(|c| c.as_os_str() == "tests.rs" || c.as_os_str() == "twin.rs") {
        return Vec::new();
    }
    let name = path.to_string_lossy().replace('\\', "/");
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    code_lines(code)
        .flat_map(|(line, code)| {
            let name = name.clone();
            ONLY_IN
                .iter()
                .filter(move |(word, places)| {
                    code.contains(word) && !places.iter().any(|p| name.starts_with(p))
                })
                .map(move |(word, _)| format!("{word} does not belong here (line {line})"))
        })
        .map(|v| format!("{}: {v}", path.display()))
        .collect()
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut todo = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 30, "only {} sources found", found.len());
    found
}

fn report(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn a_floor_sees_only_lower_floors() {
    report(sources().iter().flat_map(|(p, t)| floor_violations(p, t)).collect());
}

/// Proof that the test above can fail.
#[test]
fn a_look_upwards_is_found() {
    let bad = "//! use crate::stage is fine in a comment\nuse crate::venue::Feed;\n\
               fn f() { crate::wiring::build() }\nuse crate::types::Px;\n";
    let found = floor_violations(Path::new("logic/book.rs"), bad);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("logic/book.rs:2") && found[1].contains(":3"), "{found:?}");
    let sideways = floor_violations(Path::new("rt/lane.rs"), "use crate::logic::book::Book;");
    assert_eq!(sideways.len(), 1);
    assert!(
        floor_violations(Path::new("stage/book.rs"), "use crate::logic::book::Book;").is_empty()
    );
}

#[test]
fn clocks_files_and_unsafe_stay_where_they_belong() {
    report(sources().iter().flat_map(|(p, t)| word_violations(p, t)).collect());
    let found = word_violations(Path::new("stage/feed.rs"), "let t = Instant::now();");
    assert_eq!(found.len(), 1, "the rule can fail");
}

#[test]
fn files_stay_small() {
    let long = |(p, t): &(PathBuf, String)| {
        let lines = t.lines().count();
        (lines > MAX_LINES).then(|| format!("{}: {lines} lines, at most {MAX_LINES}", p.display()))
    };
    report(sources().iter().filter_map(long).collect());
}
