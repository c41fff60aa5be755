//! What of the risk state outlives a run, in `DIR/ADDRESS.risk.json`: what holds and how it ends, what
//! was lost today, how far the account is below its peak, the newest API errors. Readable for a person,
//! and exact: what is written is read back to the last unit.
//!
//! Profit in a run counts from its start, so these are distances and not absolute amounts: how a
//! position that is held between two runs moves in that time is in none of them.

mod keeper;
pub mod text;

pub use keeper::RiskKeeper;

use crate::exit::AppError;
use crate::files::{self, Readers, write_whole};
use crate::when::utc;
use botmm_pipeline::types::{BreakEnd, Breaks, RiskSnapshot};
use botmm_pipeline::venue::hl::sign::Address;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// No risk state is longer.
const MAX_BYTES: u64 = 1 << 20;

/// Where one key's risk state is, and where a person's request to re-arm waits for the running bot.
#[derive(Clone, Debug)]
pub struct RiskFile {
    path: PathBuf,
    request: PathBuf,
    /// What ends a break of it.
    command: String,
}

impl RiskFile {
    /// The files of a key. Nothing is read or written.
    pub fn new(dir: &Path, signer: Address) -> Self {
        let command = match dir == Path::new(DEFAULT_DIR) {
            true => "botmm rearm".to_owned(),
            false => format!("botmm rearm --state {}", dir.display()),
        };
        Self {
            path: dir.join(format!("{signer}.risk.json")),
            request: dir.join(format!("{signer}.rearm")),
            command,
        }
    }

    /// What was kept; [`None`] = nothing yet. A file that cannot be understood is an error: a halt in
    /// it must not be lost.
    pub fn read(&self) -> Result<Option<RiskSnapshot>, AppError> {
        let text = files::read_text_if_any(&self.path, MAX_BYTES)
            .map_err(AppError::io(self.path.as_path(), "read"))?;
        let Some(text) = text else { return Ok(None) };
        text::parse(&text).map(Some).map_err(|problem| {
            AppError::data(
                self.path.display().to_string(),
                format!("not a risk state: {problem}"),
                "mend it, or move it away: today's loss and any halt in it are then forgotten",
            )
        })
    }

    /// Keeps a state instead of the one before, whole.
    pub fn write(&self, kept: &RiskSnapshot) -> Result<(), AppError> {
        let text =
            text::write(kept).map_err(|e| AppError::io(self.path.as_path(), "write")(e.into()))?;
        write_whole(&self.path, text.as_bytes(), Readers::Owner)
    }

    /// Asks the running bot to re-arm.
    pub fn ask(&self) -> Result<(), AppError> {
        write_whole(&self.request, b"a person asks the running bot to re-arm\n", Readers::Owner)
    }

    /// Whether a person asks, and has not been answered.
    pub fn is_asked(&self) -> bool {
        self.request.exists()
    }

    /// Answers the request, or takes it back.
    pub fn answer(&self) -> Result<(), AppError> {
        match std::fs::remove_file(&self.request) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(AppError::io(self.request.as_path(), "remove")(e))
            }
            _ => Ok(()),
        }
    }

    /// The command that ends a break of it.
    pub fn command(&self) -> &str {
        &self.command
    }
}

/// Where `run` keeps its state when it is not told otherwise.
pub const DEFAULT_DIR: &str = "state";

/// The keys that a folder holds something of.
pub fn keys(dir: &Path) -> Result<BTreeSet<Address>, AppError> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(dir).map_err(AppError::io(dir, "read"))? {
        let name = entry.map_err(AppError::io(dir, "read"))?.file_name();
        let name = name.to_string_lossy();
        found.extend(name.split('.').next().and_then(Address::parse));
    }
    Ok(found)
}

/// The one key that a folder holds, or the one that was named.
pub fn which_key(dir: &Path, named: Option<Address>) -> Result<Address, AppError> {
    let place = || dir.display().to_string();
    let elsewhere = "name the folder with --state; `paper` keeps it in its run's folder";
    if !dir.is_dir() {
        let problem = "no such folder: no run has left its state there";
        return Err(AppError::Usage(format!("{}: {problem}; {elsewhere}", place())));
    }
    let keys = keys(dir)?;
    match (named, keys.first()) {
        (Some(key), _) if keys.contains(&key) => Ok(key),
        (None, Some(key)) if keys.len() == 1 => Ok(*key),
        (None, Some(_)) => {
            let all: Vec<String> = keys.iter().map(Address::to_string).collect();
            Err(AppError::Usage(format!(
                "{} holds the state of several keys: name one with --address ({})",
                place(),
                all.join(", ")
            )))
        }
        (Some(key), _) => Err(AppError::Usage(format!(
            "{}: holds no state of {key}; the address is the key's own; {elsewhere}",
            place()
        ))),
        (None, None) => {
            Err(AppError::Usage(format!("{}: holds no state of any run; {elsewhere}", place())))
        }
    }
}

/// The key of a bot that is to be killed: the one that was named, that which is at hand if the folder knows
/// it, the only one that it holds, and with none in it that which is at hand.
pub fn key_of_kill(
    dir: &Path,
    named: Option<Address>,
    at_hand: Option<Address>,
) -> Result<Address, AppError> {
    let known = if dir.is_dir() { keys(dir)? } else { BTreeSet::new() };
    match (named, at_hand) {
        (Some(key), _) => Ok(key),
        (None, Some(key)) if known.is_empty() || known.contains(&key) => Ok(key),
        _ => which_key(dir, None),
    }
}

/// What holds, for a person: `daily loss limit reached (until a person re-arms)`.
pub fn in_words(breaks: &Breaks) -> String {
    let one = |(why, end): (botmm_pipeline::types::BreakWhy, BreakEnd)| {
        let by = breaks.marks(why).map_or(String::new(), |marks| format!(" {}", marks.in_words()));
        format!("{}{by} ({})", why.in_words(), end_in_words(end))
    };
    breaks.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// How a break ends, for a person.
pub fn end_in_words(end: BreakEnd) -> String {
    match end {
        BreakEnd::At(time) => format!("until {}", utc(time)),
        BreakEnd::Rollover => "until 00:00 UTC".to_owned(),
        BreakEnd::Manual => "until a person re-arms".to_owned(),
    }
}
