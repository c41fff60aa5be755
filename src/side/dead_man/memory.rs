//! What the switch of one run leaves to the next, in `DIR/ADDRESS.switch.json`: how often it fired on the UTC day,
//! which the venue counts however often a bot starts, and when it fires, should nobody move it on.

use crate::exit::AppError;
use crate::files::{self, Readers, write_whole};
use crate::side::task::{Turn, Writing};
use botmm_pipeline::venue::hl::sign::Address;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// No such file is longer.
const MAX_BYTES: u64 = 4 << 10;

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// A UTC day of the venue's, since 1970.
    pub day: i64,
    /// So often it fired then.
    pub fired: u32,
    /// When it fires, Unix nanoseconds by our clock: what the venue has taken, or may have.
    pub fires_at: Option<i64>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Memory {
    /// [`None`] = nothing is kept.
    path: Option<PathBuf>,
    kept: Kept,
    writing: Writing,
}

impl Memory {
    /// Of a key, whose state must have been taken before. What cannot be read is told, and forgotten.
    pub fn open(dir: &Path, signer: Address) -> (Self, Option<String>) {
        let path = dir.join(format!("{signer}.switch.json"));
        let (kept, trouble) = match read(&path) {
            Ok(kept) => (kept, None),
            Err(e) => (Kept::default(), Some(e.to_string())),
        };
        (Self { path: Some(path), kept, writing: Writing::default() }, trouble)
    }

    /// What was kept last.
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// Keeps this from now on; what a person must know.
    pub fn keep(&mut self, new: Kept, turn: &Turn<'_>) -> Option<String> {
        let said = self.writing.turn(turn.now);
        if let Some(path) = self.path.clone()
            && new != self.kept
            && self.writing.is_free()
        {
            self.kept = new;
            self.writing.begin(turn.now, &turn.workers.files, move || write(&path, new));
        }
        said
    }

    /// Keeps this at the end of a run, or before it stops for a while; what a person must know.
    pub fn keep_now(&mut self, new: Kept) -> Option<String> {
        self.writing.wait();
        self.kept = new;
        write(self.path.as_deref()?, new).err().map(|e| e.to_string())
    }
}

fn read(path: &Path) -> Result<Kept, AppError> {
    let text = files::read_text_if_any(path, MAX_BYTES).map_err(AppError::io(path, "read"))?;
    let Some(text) = text else { return Ok(Kept::default()) };
    serde_json::from_str(&text).map_err(|e| {
        let problem = format!("not what is known of the venue's dead man's switch: {e}");
        let remedy = "nothing: how often it fired today counts from zero, and is written anew";
        AppError::data(path.display().to_string(), problem, remedy)
    })
}

fn write(path: &Path, kept: Kept) -> Result<(), AppError> {
    let text = serde_json::to_string(&kept).map_err(|e| AppError::io(path, "write")(e.into()))?;
    write_whole(path, (text + "\n").as_bytes(), Readers::Owner)
}
