//! Whether secrets are there. Their values are not kept: what does not exist cannot leak into a
//! log, a `Debug` line or a core dump. A live run reads them itself, once, at its start.

/// The variables that hold secrets.
const NAMES: [&str; 4] =
    ["HL_PRIVATE_KEY", "HL_WALLET_ADDRESS", "DISCORD_WEBHOOK_URL", "BOTMM_WEBHOOK_URL"];

/// Which secrets are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    present: [bool; NAMES.len()],
}

impl Secrets {
    /// Looks, and forgets what it saw. An empty variable is not set.
    pub(super) fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Self {
        Self { present: NAMES.map(|name| env(name).is_some_and(|v| !v.trim().is_empty())) }
    }

    /// Each secret's name and what may be said about it.
    pub fn masked(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let present = self.present;
        NAMES
            .into_iter()
            .zip(present)
            .map(|(name, set)| (name, if set { "set (masked)" } else { "not set" }))
    }
}
