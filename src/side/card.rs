//! What a helper must know of a run that it may find hanging or dead: the file `DIR/ADDRESS.run`, written
//! when the run begins and left there when it ends. Nothing in it is secret.

use crate::exit::AppError;
use crate::files::{self, Readers, write_whole};
use crate::venue_api::account::Principal;
use botmm_pipeline::venue::hl::sign::Address;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No card is longer.
const MAX_BYTES: u64 = 64 << 10;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its process.
    pub pid: u32,
    /// The number in its order ids.
    pub session: u32,
    /// Where it trades.
    pub venue: String,
    /// Whom it trusts there, beside the public authorities.
    pub ca: Option<PathBuf>,
    /// The account whose orders these are.
    account: String,
    /// Whether the venue has to be told so: a sub-account or vault.
    is_vault: bool,
    /// After so long nothing that it sent can come to rest.
    quiet_ms: u64,
    /// Another run of ours may trade on the account: only orders of this one are its.
    pub shares_account: bool,
    /// What it trades.
    pub coins: Vec<String>,
}

impl Card {
    /// Of a run; `venue` and so on are as named there.
    pub fn new(venue: String, session: u32, account: &Principal, quiet: Duration) -> Self {
        Self {
            pid: std::process::id(),
            session,
            venue,
            ca: None,
            account: account.address.to_string(),
            is_vault: account.vault.is_some(),
            quiet_ms: u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX),
            shares_account: false,
            coins: Vec::new(),
        }
    }

    fn path(dir: &Path, signer: Address) -> PathBuf {
        dir.join(format!("{signer}.run"))
    }

    /// Leaves it for others.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, dir: &Path, signer: Address) -> Result<(), AppError> {
        let path = Self::path(dir, signer);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| AppError::io(&path, "write")(e.into()))?;
        write_whole(&path, (text + "\n").as_bytes(), Readers::Owner)
    }

    /// That of the newest run with a key; [`None`] = there was none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(dir: &Path, signer: Address) -> Result<Option<Self>, AppError> {
        let path = Self::path(dir, signer);
        let text =
            files::read_text_if_any(&path, MAX_BYTES).map_err(AppError::io(&path, "read"))?;
        let Some(text) = text else { return Ok(None) };
        let card = serde_json::from_str(&text).map_err(|e| e.to_string());
        let card: Result<Self, _> = card.and_then(|card: Self| match card.account() {
            Some(_) => Ok(card),
            None => Err("its account is no address".to_owned()),
        });
        card.map(Some).map_err(|problem| {
            let remedy = "name what it says by flags, or move it away";
            AppError::data(path.display().to_string(), format!("not of a run: {problem}"), remedy)
        })
    }

    /// The account, and whether the venue has to be told.
    pub fn account(&self) -> Option<(Address, bool)> {
        Address::parse(&self.account).map(|address| (address, self.is_vault))
    }

    /// After so long nothing that it sent can come to rest.
    pub fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_a_spoilt_one_is_named() {
        let (dir, key) = (tempfile::tempdir().unwrap(), Address::new([7; 20]));
        assert_eq!(Card::read(dir.path(), key).unwrap(), None);
        let account = Principal { address: Address::new([1; 20]), vault: None, is_own_key: true };
        let mut card = Card::new("https://x".to_owned(), 5, &account, Duration::from_millis(6_000));
        card.coins.push("BTC".to_owned());
        card.write(dir.path(), key).unwrap();
        assert_eq!(Card::read(dir.path(), key).unwrap(), Some(card.clone()));
        assert_eq!(card.account(), Some((account.address, false)));
        assert_eq!(card.quiet(), Duration::from_secs(6));
        let path = dir.path().join(format!("{key}.run"));
        let text = std::fs::read_to_string(&path).unwrap();
        for spoilt in ["", "{", &text.replace("0x01", "0xzz"), &text.replace("quiet_ms", "q")] {
            std::fs::write(&path, spoilt).unwrap();
            let error = Card::read(dir.path(), key).unwrap_err().to_string();
            assert!(error.contains("not of a run"), "{error}");
        }
    }
}
