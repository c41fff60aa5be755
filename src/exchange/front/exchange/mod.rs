//! `/exchange` (PROTOCOL §3 and §4): from a body to an action whose signer is known, and back to
//! the answer.

mod answer;
mod command;
mod schema;

pub use answer::{answer_json, refusal_json};
pub use command::assets_of;

use crate::exchange::model::Command;
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::{
    Address, Envelope, Hash32, Network, Recoverer, Signature, UserKind, hex, keccak256,
};
use serde::Deserialize;
use serde_json::Value;

/// Whose signatures an exchange takes: the phantom agent's `source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Chains {
    /// `b`, then `a`: official clients sign one or the other on loopback.
    #[default]
    Both,
    /// `a` only.
    Mainnet,
    /// `b` only.
    Testnet,
}

/// A body that could be read.
#[derive(Debug)]
pub struct Posted {
    /// What it asks for.
    pub command: Command,
    /// What it asks for it with.
    pub envelope: Envelope,
    /// What was signed.
    signed: SignedForm,
    /// [`None`]: texts or a `v` that no signature has.
    signature: Option<Signature>,
}

#[derive(Debug)]
enum SignedForm {
    /// An L1 action: its connection id.
    L1(Hash32),
    /// Typed data of the account: its digest.
    User(Hash32),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    action: Value,
    nonce: u64,
    signature: SignatureBody,
    vault_address: Option<String>,
    expires_after: Option<u64>,
}

#[derive(Deserialize)]
struct SignatureBody {
    r: String,
    s: String,
    v: u64,
}

impl SignatureBody {
    fn read(&self) -> Option<Signature> {
        let (r, s) = (hex::parse_number(&self.r)?, hex::parse_number(&self.s)?);
        Some(Signature { r, s, v: u8::try_from(self.v).ok()? })
    }
}

impl Posted {
    /// Reads a body; [`None`] when it is no request.
    pub fn read(body: &Value) -> Option<Self> {
        let body = Body::deserialize(body).ok()?;
        let vault = match &body.vault_address {
            None => None,
            Some(text) => Some(schema::vault_address(text)?),
        };
        let envelope = Envelope { nonce: body.nonce, vault, expires_after: body.expires_after };
        let signature = body.signature.read();
        let kind = body.action.get("type")?.as_str()?;
        let (command, signed) = match UserKind::by_action(kind) {
            Some(kind) => user_signed(kind, &body.action, &envelope)?,
            None => {
                let mut preimage = schema::encode(&body.action)?;
                envelope.append_to(&mut preimage);
                (command::l1_command(&body.action)?, SignedForm::L1(keccak256(&preimage)))
            }
        };
        Some(Self { command, envelope, signed, signature })
    }

    /// Orders, cancels or modifications in it, at least one.
    pub fn batch_length(&self) -> usize {
        assets_of(&self.command).len().max(1)
    }

    /// Whether it is typed data of the account itself.
    pub const fn is_user_signed(&self) -> bool {
        matches!(self.signed, SignedForm::User(_))
    }
}

/// What the account itself signed has neither vault nor expiry, and its own nonce is the envelope's.
fn user_signed(
    kind: &UserKind,
    action: &Value,
    envelope: &Envelope,
) -> Option<(Command, SignedForm)> {
    let own = action.get("nonce").or_else(|| action.get("time"))?.as_u64()?;
    if envelope.vault.is_some() || envelope.expires_after.is_some() || own != envelope.nonce {
        return None;
    }
    // Only plain values can be signed; other keys are not looked at.
    let mut plain = action.as_object()?.clone();
    plain.retain(|_, v| v.is_string() || v.is_boolean() || v.is_u64());
    let digest = kind.digest(Value::Object(plain).to_string().as_bytes()).ok()?;
    Some((command::user_command(action)?, SignedForm::User(digest)))
}

/// Finds out who signed.
pub struct Signers {
    recoverer: Recoverer,
    agents: Vec<PhantomAgent>,
}

impl Signers {
    /// Of these chains.
    pub fn new(chains: Chains) -> Self {
        let networks: &[Network] = match chains {
            // The first is who an unknown signer is said to be: SDKs sign `b` off the mainnet's URL.
            Chains::Both => &[Network::Testnet, Network::Mainnet],
            Chains::Mainnet => &[Network::Mainnet],
            Chains::Testnet => &[Network::Testnet],
        };
        let agents = networks.iter().map(|network| PhantomAgent::new(*network)).collect();
        Self { recoverer: Recoverer::default(), agents }
    }

    /// The signer that is known here, else the first that could have signed. [`None`]: nobody could.
    pub fn of(&self, posted: &Posted, is_known: impl Fn(&Address) -> bool) -> Option<Address> {
        let signature = posted.signature.as_ref()?;
        match &posted.signed {
            SignedForm::User(digest) => self.recoverer.recover(digest, signature),
            SignedForm::L1(connection_id) => {
                let mut first = None;
                for agent in &self.agents {
                    let signer = self.recoverer.recover(&agent.digest(connection_id), signature);
                    match signer {
                        Some(address) if is_known(&address) => return signer,
                        _ => first = first.or(signer),
                    }
                }
                first
            }
        }
    }
}
