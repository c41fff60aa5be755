//! What code and documents cite is there to be read.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

/// Documents that are cited by section, under these names.
const CITED: [(&str, &str); 2] =
    [("PROTOCOL", "docs/protocol.md"), ("STRATEGY", "docs/strategy.md")];
/// A document that is no part of the repository.
const ELSEWHERE: &str = concat!("DESIGN", " §");

/// Every text of the repository that may cite.
fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["src", "pipeline/src", "pipeline/tests", "tests", "benches"]
        .into_iter()
        .chain(["docs", "config", "scripts", "deploy"])
        .map(|name| root.join(name))
        .collect();
    let mut files: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_text = path
                .extension()
                .is_some_and(|e| ["rs", "md", "toml", "sh", "py"].iter().any(|known| e == *known));
            match path.is_dir() {
                true => folders.push(path),
                false if is_text => files.push(path),
                false => {}
            }
        }
    }
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The sections that a line names: `2.7` of `§2.7`, and the letter of an appendix.
fn named(line: &str) -> Vec<String> {
    let number = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').to_owned()
    };
    let letter = |rest: &str| rest.chars().next().map(|c| c.to_uppercase().to_string());
    let sections = line.split('§').skip(1).map(number);
    let lower = line.to_ascii_lowercase();
    let appendices = lower.split("appendix ").skip(1).filter_map(letter);
    sections.chain(appendices).collect()
}

/// The numbers and letters of a document's headings.
fn headings(document: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let first_word = |line: &str| {
        let heading = line.strip_prefix("##")?.trim_start_matches('#').trim_start();
        let heading = heading.strip_prefix("Appendix ").unwrap_or(heading);
        Some(heading.split_whitespace().next()?.trim_end_matches('.').to_owned())
    };
    text.lines().filter_map(first_word).collect()
}

#[test]
fn every_citation_points_to_a_section_that_is_there() {
    let mut cited = 0;
    for (name, document) in CITED {
        let headings = headings(document);
        for (path, text) in texts() {
            for (i, line) in text.lines().enumerate() {
                // Not the lines that explain how citing works, nor other people's documents.
                if !line.contains(&format!("{name} §")) || line.contains("§N") {
                    continue;
                }
                for section in named(line) {
                    let place = format!("{}:{}", path.display(), i + 1);
                    assert!(headings.contains(&section), "{place}: {document} has no §{section}");
                    cited += 1;
                }
            }
        }
    }
    assert!(cited > 80, "only {cited} citations were found");
    for (path, text) in texts() {
        assert!(!text.contains(ELSEWHERE), "{} cites what is not here", path.display());
    }
}

#[test]
fn a_citation_of_nothing_is_found() {
    assert_eq!(named("(PROTOCOL §2.5 to §2.7, appendix C)."), ["2.5", "2.7", "C"]);
    let headings = headings("docs/protocol.md");
    assert!(headings.contains(&"2.7".to_owned()) && !headings.contains(&"2.9".to_owned()));
    assert!(headings.contains(&"D".to_owned()) && !headings.contains(&"B".to_owned()));
}
