//! The running bot's ear: the Unix socket `DIR/ADDRESS.sock`, beside the key's lock, for its owner alone.
//! One request a connection, as a line of JSON; one answer, as a line of JSON.
//!
//! | request | answer |
//! |---|---|
//! | `{"ask":"hello"}` | who runs: `pid`, `session`; `killed`: since when and why, or null |
//! | `{"ask":"kill","latch":true}` | once no order of its can rest any more: how many were `cancelled`; with `"flatten_within_bps":50` once it is flat, or what is `left` |
//! | `{"ask":"kill","latch":false}` | at once: it is `ending` |
//! | `{"ask":"status"}` | what the screen shows (`ui::view::View`) |
//!
//! An answer that begins with `error` says why there is none. To add a request: one variant here, one arm
//! where the bot answers.

mod client;
mod server;

pub use client::{ask, listeners};
pub use server::{Control, Serve};

use botmm_pipeline::venue::hl::sign::Address;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// No request is longer.
const MAX_REQUEST_BYTES: usize = 4 << 10;
/// No answer is longer.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// What the running bot can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Who is there?
    Hello,
    /// Stop trading.
    Kill {
        /// Until a person re-arms, and go on listening; else end the run, as by SIGTERM.
        latch: bool,
        /// Close positions too, at no price further from the mark than this.
        #[serde(default)]
        flatten_within_bps: Option<u32>,
    },
    /// How does it go?
    Status,
}

/// Where the bot that runs with a key listens. The folder's own name may be longer than a socket's path can
/// be, so it is gone to by the open folder.
struct Place {
    path: PathBuf,
    name: String,
}

impl Place {
    fn of(dir: &Path, signer: Address) -> Self {
        let name = format!("{signer}.sock");
        Self { path: dir.join(&name), name }
    }

    /// Calls with a path that is short enough.
    fn with<T>(&self, use_it: impl FnOnce(&Path) -> std::io::Result<T>) -> std::io::Result<T> {
        use std::os::fd::AsRawFd as _;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let folder = std::fs::File::open(folder)?;
        let short = format!("/proc/self/fd/{}/{}", folder.as_raw_fd(), self.name);
        use_it(Path::new(&short))
    }
}

#[cfg(test)]
mod tests;
