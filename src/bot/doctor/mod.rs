//! `botmm doctor`: would a live run do well here? Each thing that it rests on, looked at by itself, with
//! what to do. Nothing is sent to the venue but questions.

mod feed;
mod machine;
mod venue;

use crate::exit::AppError;
use crate::masked::masked;
use crate::net::{Endpoint, Tls};
use crate::settings::Draft;
use crate::terminal;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What is to be looked at.
pub struct Request {
    /// The configuration, flags on top.
    pub draft: Draft,
    /// The venue.
    pub endpoint: Endpoint,
    /// Whom to trust.
    pub tls: Tls,
    /// Where the key is, if a file was named.
    pub key_file: Option<PathBuf>,
    /// Where the state of runs is kept.
    pub state: PathBuf,
    /// Print JSON.
    pub json: bool,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, and could be better, or will not for long.
    Warn,
    /// A run would be refused, or should be.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do about it; empty when all is well.
    #[serde(rename = "do")]
    remedy: String,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Verdict::Ok, found.into(), "");
    }

    fn warn(&mut self, check: &'static str, found: impl Into<String>, remedy: &str) {
        self.add(check, Verdict::Warn, found.into(), remedy);
    }

    fn fail(&mut self, check: &'static str, found: impl Into<String>, remedy: &str) {
        self.add(check, Verdict::Fail, found.into(), remedy);
    }

    fn add(&mut self, check: &'static str, verdict: Verdict, found: String, remedy: &str) {
        self.0.push(Finding { check, verdict, found, remedy: remedy.to_owned() });
    }

    /// What a step that can fail came to; its error says what to do.
    fn of<T>(&mut self, check: &'static str, came_to: Result<T, AppError>) -> Option<T> {
        came_to.map_err(|e| self.fail(check, e.to_string(), "")).ok()
    }

    fn worst(&self) -> Verdict {
        self.0.iter().map(|f| f.verdict).max().unwrap_or(Verdict::Ok)
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|f| f.verdict == verdict).count()
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for Finding { check, verdict, found, remedy } in &self.0 {
            let word = match verdict {
                Verdict::Ok => "ok",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            let _ = writeln!(text, "{word:<5} {check:<14} {found}");
            if !remedy.is_empty() {
                let _ = writeln!(text, "{:<20} -> {remedy}", "");
            }
        }
        let (warn, fail) = (self.count(Verdict::Warn), self.count(Verdict::Fail));
        let _ = writeln!(text, "\n{} checks: {warn} warn, {fail} fail", self.0.len());
        text
    }
}

/// Looks, and prints what it found.
///
/// # Errors
/// Something fails, or stdout takes nothing.
pub fn run(request: &Request) -> Result<(), AppError> {
    let mut found = Findings::default();
    machine::look(request, &mut found);
    venue::look(request, &mut found);
    let text = match request.json {
        true => {
            let all = serde_json::json!({ "verdict": found.worst(), "checks": found.0 });
            format!("{all:#}\n")
        }
        false => found.to_text(),
    };
    // It repeats names of files and what others said.
    terminal::print(&masked(&text))?;
    match found.count(Verdict::Fail) {
        0 => Ok(()),
        1 => Err(AppError::Failed("one check fails: see above".to_owned())),
        n => Err(AppError::Failed(format!("{n} checks fail: see above"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_and_each_says_what_to_do() {
        let mut found = Findings::default();
        assert_eq!(found.worst(), Verdict::Ok);
        found.ok("clock", "2 ms off");
        found.warn("disk", "2.0 GiB free", "make room");
        assert_eq!(found.worst(), Verdict::Warn);
        assert!(found.of::<()>("key", Err(AppError::Failed("no".to_owned()))).is_none());
        assert_eq!((found.worst(), found.count(Verdict::Fail)), (Verdict::Fail, 1));
        let text = found.to_text();
        assert!(text.contains("ok    clock          2 ms off\n"), "{text}");
        assert!(text.contains("-> make room\n") && text.contains("3 checks: 1 warn, 1 fail"));
    }
}
