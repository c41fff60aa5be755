//! Where secrets come from, and nothing else: the signing key, and the addresses of webhooks. Each is read
//! once, at the start, into memory that is wiped, and never printed, logged or kept as text.
//!
//! The first of these that is there: a file (mode 0600; `--key-file` for the key), a variable of the
//! environment, a systemd credential (`LoadCredential=` or `LoadCredentialEncrypted=` in the unit).

use crate::exit::{AppError, Exit};
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a key is for: each has places of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Trading.
    Trader,
    /// The guard's cancels: an agent of its own.
    Guard,
}

impl Role {
    /// The variable that holds the key.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Trader => "HL_PRIVATE_KEY",
            Self::Guard => "BOTMM_GUARD_KEY",
        }
    }

    /// What it is called among a unit's credentials.
    const fn credential(self) -> &'static str {
        match self {
            Self::Trader => "hl_private_key",
            Self::Guard => "botmm_guard_key",
        }
    }
}

/// The variable that names the account to trade for, when the key is its agent's.
const ACCOUNT_VARIABLE: &str = "HL_WALLET_ADDRESS";
/// Where systemd puts a unit's credentials.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// The flag that names its file.
const KEY_FLAG: &str = "--key-file";
/// A file's name of so many hex digits and nothing else is more likely a key, or most of one.
const KEY_LIKE_DIGITS: usize = 32;
/// The largest key file that is read.
const MAX_KEY_BYTES: u64 = 4096;

/// The trader's key, of a file, of the environment or of a systemd credential. Nothing here says what was
/// read.
pub fn signer(file: Option<&Path>) -> Result<Signer, AppError> {
    let missing = || format!("{}: {MISSING}", Role::Trader.variable());
    signer_if_any(Role::Trader, file)?.ok_or_else(|| AppError::of(Exit::Config, missing()))
}

/// The same of a role's own places; [`None`] = there is none in any of them.
pub fn signer_if_any(role: Role, file: Option<&Path>) -> Result<Option<Signer>, AppError> {
    keep_memory_private()?;
    if file.is_some_and(is_a_key_itself) {
        let problem = "this is a key, not the name of a file, and not repeated here; whoever sees \
                       the command line has seen it: use another key, and write that to a file of \
                       mode 0600";
        return Err(AppError::of(Exit::Usage, format!("{KEY_FLAG}: {problem}")));
    }
    let (place, text) = match (file, variable(role.variable()), credential(role.credential())) {
        (Some(path), _, _) => (path.display().to_string(), owner_only_text(path)),
        (None, Some(text), _) => (role.variable().to_owned(), Ok(Zeroizing::new(text))),
        // systemd keeps others out by itself, and shows mode 0440 where it uses access lists.
        (None, None, Some(path)) => (path.display().to_string(), open(&path).and_then(text_of)),
        (None, None, None) => return Ok(None),
    };
    let signer = text.and_then(|text| Signer::from_hex(&text).map_err(|e| e.to_string()));
    let failed = |problem| AppError::of(Exit::Config, format!("{place}: {problem}"));
    signer.map(Some).map_err(failed)
}

/// Where a webhook's address is looked for.
#[derive(Clone, Copy, Debug)]
pub struct WebhookAt {
    /// The variable.
    pub variable: &'static str,
    /// The systemd credential.
    pub credential: &'static str,
    /// The key that names its file.
    pub key: &'static str,
}

/// Discord's.
pub const DISCORD: WebhookAt = WebhookAt {
    variable: "DISCORD_WEBHOOK_URL",
    credential: "discord_webhook_url",
    key: "discord.url_file",
};
/// Any other.
pub const WEBHOOK: WebhookAt =
    WebhookAt { variable: "BOTMM_WEBHOOK_URL", credential: "webhook_url", key: "webhook.url_file" };

/// The address of a webhook, and the place where it was found; [`None`] = there is none.
pub fn webhook(
    at: WebhookAt,
    file: Option<&Path>,
) -> Result<Option<(Zeroizing<String>, String)>, AppError> {
    if file.is_some_and(|file| file.to_string_lossy().contains("://")) {
        let problem = "this is an address, not the name of a file, and not repeated here: write it to \
                       a file of mode 0600, and name that";
        return Err(AppError::of(Exit::Config, format!("{}: {problem}", at.key)));
    }
    let (place, text) = match (file, variable(at.variable), credential(at.credential)) {
        (Some(path), _, _) => (path.display().to_string(), owner_only_text(path)),
        (None, Some(text), _) => (at.variable.to_owned(), Ok(Zeroizing::new(text))),
        (None, None, Some(path)) => (path.display().to_string(), open(&path).and_then(text_of)),
        (None, None, None) => return Ok(None),
    };
    match text {
        Ok(text) => Ok(Some((Zeroizing::new(text.trim().to_owned()), place))),
        Err(problem) => Err(AppError::of(Exit::Config, format!("{}: {place}: {problem}", at.key))),
    }
}

/// From here on this process holds a key: it leaves no core file, and no other process of the same
/// user may read its memory or attach to it.
fn keep_memory_private() -> Result<(), AppError> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let failed = AppError::io("this process", "keep its memory from other processes");
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let done = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let done = done.and_then(|()| {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
    });
    done.map_err(|e| failed(e.into()))
}

/// The account to trade for, if the environment names one.
pub fn account() -> Result<Option<Address>, AppError> {
    let Some(text) = variable(ACCOUNT_VARIABLE) else { return Ok(None) };
    match Address::parse(text.trim()) {
        Some(address) => Ok(Some(address)),
        None => {
            let problem = "not an address; allowed: 0x and 40 hex digits";
            Err(AppError::of(Exit::Config, format!("{ACCOUNT_VARIABLE}: {problem}")))
        }
    }
}

const MISSING: &str = "not set; a private key is needed there, in --key-file FILE, or as the systemd \
                       credential hl_private_key. Use an agent's key (approved on the venue's API \
                       page): it can trade, but not withdraw";

/// A key was typed where its file's name belongs: no message may repeat it.
fn is_a_key_itself(path: &Path) -> bool {
    let Some(text) = path.to_str() else { return false };
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_like_one =
        digits.len() >= KEY_LIKE_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_like_one && !path.exists()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

fn credential(name: &str) -> Option<PathBuf> {
    let path = Path::new(&variable(CREDENTIALS_VARIABLE)?).join(name);
    path.exists().then_some(path)
}

fn open(path: &Path) -> Result<std::fs::File, String> {
    crate::files::open(path).map_err(|e| format!("cannot read the file: {e}"))
}

fn owner_only_text(path: &Path) -> Result<Zeroizing<String>, String> {
    let file = open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = file.metadata().map_err(|e| format!("cannot read the file: {e}"))?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(format!("mode {mode:04o} lets others read it; chmod 0600 it"));
        }
    }
    text_of(file)
}

fn text_of(file: std::fs::File) -> Result<Zeroizing<String>, String> {
    // As long as it can get from the start: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_BYTES as usize));
    let read = file.take(MAX_KEY_BYTES).read_to_string(&mut text);
    read.map_err(|e| format!("cannot read the file: {e}"))?;
    Ok(text)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn a_process_with_a_key_leaves_no_core_and_lets_nobody_look() {
        keep_memory_private().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let cores = getrlimit(Resource::Core);
        assert_eq!((cores.current, cores.maximum), (Some(0), Some(0)));
        keep_memory_private().unwrap(); // A second time is no trouble.
    }
}
