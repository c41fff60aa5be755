//! One known signature, against ours.

use super::L1;
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::{Address, Envelope, Hash32, Network, Signer, UserKind, hex};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is known of one signature. What is absent is not compared.
#[derive(Deserialize)]
pub(super) struct Entry {
    private_key: String,
    signer_address: Option<String>,
    /// As text: the order of its keys is what is signed.
    action: Option<Box<RawValue>>,
    nonce: Option<u64>,
    vault_address: Option<String>,
    expires_after: Option<u64>,
    is_mainnet: bool,
    connection_id: Option<String>,
    primary_type: Option<String>,
    msgpack_hex: Option<String>,
    hash_preimage_hex: Option<String>,
    action_hash: Option<String>,
    eip712_digest: Option<String>,
    signature: KnownSignature,
}

#[derive(Deserialize)]
struct KnownSignature {
    r: String,
    s: String,
    v: u64,
}

/// From an entry to the digest that is signed, comparing what it knows on the way.
pub(super) type Digest = fn(&Entry) -> Result<Hash32, String>;

/// Whether our signature is the known one.
pub(super) fn check(raw: &RawValue, digest: Digest) -> Result<(), String> {
    // serde_json repeats a wrong value in its message, and a key must not be printed.
    let entry: Entry =
        serde_json::from_str(raw.get()).map_err(|e| format!("not a vector: {:?}", e.classify()))?;
    let digest = digest(&entry)?;
    same("eip712_digest", entry.eip712_digest.as_deref(), &digest)?;
    let signer = Signer::from_hex(&entry.private_key).map_err(|e| format!("private_key: {e}"))?;
    same("signer_address", entry.signer_address.as_deref(), signer.address().as_bytes())?;
    let signature = signer.sign(&digest);
    let number = |text: &str| hex::parse_number(text);
    let KnownSignature { r, s, v } = &entry.signature;
    let known = (number(r), number(s), *v);
    if known != (Some(signature.r), Some(signature.s), u64::from(signature.v)) {
        return Err("the signature differs".to_owned());
    }
    Ok(())
}

fn same(what: &str, known: Option<&str>, ours: &[u8]) -> Result<(), String> {
    match known {
        Some(known) if !known.eq_ignore_ascii_case(&hex::text(ours)) => {
            Err(format!("{what} differs: ours is {}", hex::text(ours)))
        }
        _ => Ok(()),
    }
}

impl Entry {
    fn network(&self) -> Network {
        if self.is_mainnet { Network::Mainnet } else { Network::Testnet }
    }

    fn action(&self) -> Result<&str, String> {
        self.action.as_ref().map(|raw| raw.get()).ok_or_else(|| "no action".to_owned())
    }

    pub fn l1_digest(&self) -> Result<Hash32, String> {
        let vault = match &self.vault_address {
            None => None,
            Some(text) => Some(Address::parse(text).ok_or("vault_address is no address")?),
        };
        let nonce = self.nonce.ok_or("no nonce")?;
        let envelope = Envelope { nonce, vault, expires_after: self.expires_after };
        let l1 = L1::of(self.action()?, &envelope, self.network()).map_err(|e| e.to_string())?;
        same("msgpack_hex", self.msgpack_hex.as_deref(), &l1.msgpack)?;
        same("hash_preimage_hex", self.hash_preimage_hex.as_deref(), &l1.preimage)?;
        same("action_hash", self.action_hash.as_deref(), &l1.action_hash)?;
        Ok(l1.digest)
    }

    pub fn connection_digest(&self) -> Result<Hash32, String> {
        let id = self.connection_id.as_deref().and_then(hex::parse);
        let id = id.ok_or("connection_id is not 32 bytes of hex")?;
        Ok(PhantomAgent::new(self.network()).digest(&id))
    }

    pub fn user_digest(&self) -> Result<Hash32, String> {
        let kind = self.primary_type.as_deref().and_then(UserKind::by_primary_type);
        let kind = kind.ok_or("no primary_type that an account signs")?;
        kind.digest(self.action()?.as_bytes()).map_err(|e| e.to_string())
    }
}
