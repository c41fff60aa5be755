//! Known answers in the layout of `testdata/vectors/signing.json`.

use super::known::{Digest, Entry, check};
use crate::exit::AppError;
use crate::terminal;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::path::Path;

/// No file of known answers is longer.
const MAX_BYTES: u64 = 64 << 20;

/// The sections with signatures; others are not looked at.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    l1_actions: Vec<Box<RawValue>>,
    #[serde(default)]
    l1_connection_id_only: Vec<Box<RawValue>>,
    #[serde(default)]
    user_signed_actions: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Checks every signature of a file and prints the count; fails when one does not match.
pub fn run(path: &Path) -> Result<(), AppError> {
    let text = crate::files::read_text(path, MAX_BYTES).map_err(AppError::io(path, "read"))?;
    let unusable = |problem: String| {
        let remedy = "it should look like testdata/vectors/signing.json";
        AppError::data(path.display().to_string(), problem, remedy)
    };
    let file: File = serde_json::from_str(&text).map_err(|e| unusable(e.to_string()))?;
    let sections: [(&str, &[Box<RawValue>], Digest); 3] = [
        ("l1_actions", &file.l1_actions, Entry::l1_digest),
        ("l1_connection_id_only", &file.l1_connection_id_only, Entry::connection_digest),
        ("user_signed_actions", &file.user_signed_actions, Entry::user_digest),
    ];
    let (mut passed, mut failures) = (0_usize, Vec::new());
    for (section, entries, digest) in sections {
        for (i, raw) in entries.iter().enumerate() {
            match check(raw, digest) {
                Ok(()) => passed += 1,
                Err(problem) => {
                    let name = serde_json::from_str::<Name>(raw.get());
                    let name = name.map_or_else(|_| format!("{section}[{i}]"), |n| n.name);
                    terminal::complain(format_args!("{name}: {problem}"));
                    failures.push(name);
                }
            }
        }
    }
    let total = passed + failures.len();
    if total == 0 {
        return Err(unusable("no signatures in it".to_owned()));
    }
    let report = json!({ "passed": passed, "failed": failures.len(), "failures": failures });
    terminal::print(&format!("{report:#}\n"))?;
    match failures.len() {
        0 => Ok(()),
        n => Err(AppError::Failed(format!("{n} of {total} vectors do not match"))),
    }
}
