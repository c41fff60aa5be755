//! Reads the sources of a crate, for the tests that hold its house rules: which module sees which, what
//! is test code, what stands where. It knows as much Rust as those rules need: comments and inline test
//! modules are blanked, `use` trees are opened, `crate::`, `self::` and `super::` are resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A file's lines, at most.
pub const MAX_LINES: usize = 500;
/// Longer functions are told, not refused: a table of fields may be as long as it must.
const LONG_FUNCTION_LINES: usize = 70;

/// One file below a crate's `src`.
#[derive(Clone, Debug)]
pub struct Source {
    /// Relative to `src`, with `/`.
    pub path: String,
    /// As in paths of the code: `["venue", "hl", "decode"]`; of the crate's root nothing.
    pub module: Vec<String>,
    /// As it stands in the file.
    pub text: String,
    /// The same, line by line, with comments and inline test modules blanked.
    pub code: String,
    /// Compiled for tests alone: `#[cfg(test)] mod name;` stands in its parent, or in a parent's.
    pub is_test: bool,
}

/// A look of one file at another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Look {
    /// Where it stands, from 1.
    pub line: usize,
    /// The path that is looked at, without `crate`.
    pub path: Vec<String>,
}

impl Source {
    /// Of a file's text. Whether it is test code only its parents know ([`read`]).
    pub fn new(path: &str, text: &str) -> Self {
        let mut module: Vec<String> =
            path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|m| matches!(m.as_str(), "mod" | "lib" | "main")) {
            module.pop();
        }
        let code = without_tests(&without_comments(text));
        Self { path: path.to_owned(), module, text: text.to_owned(), code, is_test: false }
    }

    /// Everything of the own crate that this file's code names by `crate::`, `self::` or `super::`.
    pub fn looks(&self) -> Vec<Look> {
        let own = |mut look: Look| {
            look.path = self.absolute(&look.path)?;
            Some(look)
        };
        self.paths(&["crate", "self", "super"]).into_iter().filter_map(own).collect()
    }

    /// Every path of this file's code that begins with one of these names, as it is written: of
    /// `use std::{fs, net::IpAddr}` both `std::fs` and `std::net::IpAddr`.
    pub fn paths(&self, names: &[&str]) -> Vec<Look> {
        let mut found = BTreeSet::new();
        for (at, _) in self.code.match_indices("::") {
            let start = self.code[..at].rfind(|c: char| !is_word(c)).map_or(0, |i| i + 1);
            if self.code[..start].ends_with("::") || !names.contains(&&self.code[start..at]) {
                continue;
            }
            let line = self.code[..start].matches('\n').count() + 1;
            found.extend(tree(&self.code[start..]).into_iter().map(|path| Look { line, path }));
        }
        found.into_iter().collect()
    }

    /// A path of this file from the crate's root; [`None`] when it climbs above that.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut rest = path.iter().peekable();
        let mut whole = match rest.peek()?.as_str() {
            "crate" => Vec::new(),
            _ => self.module.clone(),
        };
        while let Some(step) = rest.next_if(|s| matches!(s.as_str(), "crate" | "self" | "super")) {
            if step == "super" {
                whole.pop()?;
            }
        }
        whole.extend(rest.cloned());
        Some(whole)
    }
}

/// Every source below `src`, sorted by path.
pub fn read(src: &Path) -> Vec<Source> {
    let mut todo = vec![src.to_owned()];
    let mut found = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(src).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source::new(&name, &std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let tests: Vec<Vec<String>> = found.iter().flat_map(test_modules).collect();
    for source in &mut found {
        source.is_test = tests.iter().any(|t| source.module.starts_with(t));
    }
    found
}

/// Fails with all of them.
pub fn report(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// The modules that see each other, directly or in a circle: each circle's members, sorted. Test code
/// does not count, nor does what a parent says of its own children by their bare names.
pub fn circles(sources: &[Source]) -> Vec<Vec<String>> {
    let modules: BTreeSet<&[String]> =
        sources.iter().filter(|s| !s.is_test).map(|s| s.module.as_slice()).collect();
    let mut sees: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
    for source in sources.iter().filter(|s| !s.is_test) {
        for look in source.looks() {
            let known = (1..=look.path.len()).rev().find_map(|n| modules.get(&look.path[..n]));
            if let Some(seen) = known.filter(|m| **m != source.module.as_slice()) {
                sees.entry(&source.module).or_default().insert(seen);
            }
        }
    }
    let reach = |from: &[String]| -> BTreeSet<&[String]> {
        let mut all = BTreeSet::new();
        let mut todo: Vec<&[String]> = sees.get(from).into_iter().flatten().copied().collect();
        while let Some(next) = todo.pop() {
            if all.insert(next) {
                todo.extend(sees.get(next).into_iter().flatten().copied());
            }
        }
        all
    };
    let reached: BTreeMap<&[String], _> = modules.iter().map(|m| (*m, reach(m))).collect();
    let circle_of = |m: &&[String]| -> Vec<String> {
        let back = |other: &&&[String]| reached[**other].contains(m);
        reached[*m].iter().filter(back).map(|o| o.join("::")).collect()
    };
    let all: BTreeSet<Vec<String>> = modules.iter().map(circle_of).collect();
    all.into_iter().filter(|c| !c.is_empty()).collect()
}

/// The files that are longer than they may be; functions that are long are printed.
pub fn long_files(sources: &[Source], most: impl Fn(&Source) -> usize) -> Vec<String> {
    for function in sources.iter().flat_map(long_functions) {
        println!("long: {function}");
    }
    let too_long = |source: &Source| {
        let (lines, most) = (source.text.lines().count(), most(source));
        (lines > most).then(|| format!("{}: {lines} lines, at most {most}", source.path))
    };
    sources.iter().filter_map(too_long).collect()
}

/// The functions that are longer than [`LONG_FUNCTION_LINES`], signature and closing brace included, as
/// `path:line: name, lines`.
pub fn long_functions(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some((_, rest)) = line.split_once("fn ").filter(|(before, _)| {
            before.split_whitespace().all(|w| w.starts_with("pub") || w == "const" || w == "in")
        }) else {
            continue;
        };
        // Without a body, as in a trait, or with all of it in its own line there is nothing to count.
        let signature = lines[at..].iter().find(|l| l.ends_with(['{', '}', ';']));
        if signature.is_none_or(|l| !l.ends_with('{')) {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let len = lines[at..].iter().position(|l| **l == *closing).map_or(1, |n| n + 1);
        if len > LONG_FUNCTION_LINES {
            let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
            found.push(format!("{}:{}: {name}, {len} lines", source.path, at + 1));
        }
    }
    found
}

/// The paths of a `use` tree or of a plain path, up to where it ends.
fn tree(text: &str) -> Vec<Vec<String>> {
    fn one(text: &mut &str, before: &[String], found: &mut Vec<Vec<String>>) {
        let mut path = before.to_vec();
        loop {
            *text = text.trim_start();
            if let Some(group) = text.strip_prefix('{') {
                *text = group;
                while !text.trim_start().starts_with('}') && !text.trim_start().is_empty() {
                    one(text, &path, found);
                    *text = text.trim_start();
                    *text = text.strip_prefix(',').unwrap_or(text);
                }
                *text = text.trim_start().strip_prefix('}').unwrap_or("");
                return;
            }
            let word = text.find(|c: char| !is_word(c)).unwrap_or(text.len());
            if word > 0 && (path.is_empty() || &text[..word] != "self") {
                path.push(text[..word].to_owned());
            }
            *text = text[word..].strip_prefix('*').unwrap_or(&text[word..]);
            match text.strip_prefix("::") {
                Some(rest) => *text = rest,
                None => break,
            }
        }
        // `as name` of a tree, or whatever follows a plain path.
        let end = text.find([',', '}', ';', '\n']).unwrap_or(text.len());
        *text = &text[end..];
        found.push(path);
    }
    let mut found = Vec::new();
    let mut rest = text;
    one(&mut rest, &[], &mut found);
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Comments blanked, line by line. A `//` inside a string counts as one: no rule looks into strings.
fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or("").trim_end().to_owned();
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

/// Items under `#[cfg(test)]` blanked, line by line: `mod tests { … }`, a function, an import.
fn without_tests(code: &str) -> String {
    let mut out = Vec::new();
    let mut until: Option<String> = None;
    let mut is_next = false;
    for line in code.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if let Some(closing) = &until {
            if line == closing {
                until = None;
            }
            out.push("");
        } else if line.trim() == "#[cfg(test)]" {
            is_next = true;
            out.push("");
        } else if is_next {
            is_next = line.trim().starts_with("#[");
            if line.ends_with('{') {
                until = Some(format!("{indent}}}"));
            }
            out.push("");
        } else {
            out.push(line);
        }
    }
    out.join("\n")
}

/// The children of a file that are test code: `#[cfg(test)] mod name;`.
fn test_modules(source: &Source) -> Vec<Vec<String>> {
    let text = without_comments(&source.text);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_test = |i: usize| i > 0 && lines[i - 1] == "#[cfg(test)]";
    let name = |line: &str| -> Option<String> {
        let rest = line.split_once("mod ")?.1;
        rest.strip_suffix(';').map(str::to_owned)
    };
    lines
        .iter()
        .enumerate()
        .filter(|(i, _)| is_test(*i))
        .filter_map(|(_, line)| name(line))
        .map(|name| [source.module.as_slice(), &[name]].concat())
        .collect()
}
