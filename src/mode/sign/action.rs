//! The action that is to be signed, and where it is from.

use crate::cli::SignArgs;
use crate::exit::AppError;
use serde::Deserialize;
use serde_json::Value;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

/// The largest action that is read.
const MAX_ACTION_BYTES: u64 = 1 << 20;

/// What an action says about itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    #[serde(rename = "type")]
    pub kind: String,
    nonce: Option<Value>,
    time: Option<Value>,
    hyperliquid_chain: Option<String>,
}

impl Head {
    /// The nonce within a user-signed action, which flags may repeat but not change.
    pub fn user_nonce(&self, args: &SignArgs) -> Result<u64, AppError> {
        let usage = |problem: &str| Err(AppError::Usage(format!("{}: {problem}", self.kind)));
        if args.vault.is_some() || args.expires_after.is_some() {
            return usage("--vault and --expires-after are for L1 actions only");
        }
        if let (Some(network), Some(chain)) = (args.network, self.hyperliquid_chain.as_deref())
            && network.chain_name() != chain
        {
            return usage("--network and the action's hyperliquidChain differ");
        }
        let own = self.nonce.as_ref().or(self.time.as_ref()).and_then(Value::as_u64);
        match (own, args.nonce) {
            (Some(own), None) => Ok(own),
            (Some(own), Some(given)) if own == given => Ok(own),
            (Some(_), Some(_)) => usage("--nonce and the action's own nonce differ"),
            (None, _) => usage("the action has no nonce or time of its own"),
        }
    }
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Where the action is from, and its text.
pub(super) fn read_action(args: &SignArgs) -> Result<(String, String), AppError> {
    let (place, reader): (String, Box<dyn Read>) = match &args.action {
        Some(path) => {
            let file = crate::files::open(path).map_err(AppError::io(path, "read"))?;
            (path.display().to_string(), Box::new(file))
        }
        None => ("stdin".to_owned(), Box::new(std::io::stdin().lock())),
    };
    let mut text = String::new();
    let read = reader.take(MAX_ACTION_BYTES + 1).read_to_string(&mut text);
    read.map_err(AppError::io(place.as_str(), "read"))?;
    if text.len() as u64 > MAX_ACTION_BYTES {
        return Err(AppError::data(place, "larger than any action", "give one action of JSON"));
    }
    Ok((place, text))
}
