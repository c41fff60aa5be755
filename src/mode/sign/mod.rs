//! `botmm sign`: an action's bytes, hashes and signature, for debugging and for other people's
//! clients. Nothing is sent, and the key is never printed.

mod action;
mod known;
mod vectors;

use crate::cli::SignArgs;
use crate::exit::AppError;
use crate::keys;
use crate::side::presign::fresh;
use crate::terminal;
use action::{Head, now_ms, read_action};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::{
    Envelope, GenericError, Hash32, Network, Signature, Signer, UserKind, hex, json_to_msgpack,
    keccak256, pool,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Signs one action and prints it taken apart, or checks a file of known answers.
pub fn run(args: &SignArgs) -> Result<(), AppError> {
    if let Some(path) = &args.vectors {
        return vectors::run(path);
    }
    let (place, action) = read_action(args)?;
    let bad = |problem: String| {
        AppError::data(place.as_str(), problem, "see `botmm sign --help` for an example")
    };
    let head: Head = serde_json::from_str(&action).map_err(|e| bad(format!("no action: {e}")))?;
    let signer = Arc::new(keys::signer(args.key_file.as_deref())?);
    let output = match UserKind::by_action(&head.kind) {
        Some(kind) => {
            let nonce = head.user_nonce(args)?;
            let digest = kind.digest(action.as_bytes()).map_err(|e| bad(e.to_string()))?;
            if args.presigned {
                return Err(bad(
                    "an action that the account itself signs is not presigned".to_owned()
                ));
            }
            shown(&signer, nonce, None, (&digest, signer.sign(&digest)))
        }
        None => {
            let envelope = Envelope {
                nonce: args.nonce.unwrap_or_else(now_ms),
                vault: args.vault,
                expires_after: args.expires_after,
            };
            let network = args.network.unwrap_or(Network::Mainnet);
            let l1 = L1::of(&action, &envelope, network).map_err(|e| bad(e.to_string()))?;
            let signature = match args.presigned {
                true => presigned(&signer, &l1.digest)?,
                false => signer.sign(&l1.digest),
            };
            shown(&signer, envelope.nonce, Some(&l1), (&l1.digest, signature))
        }
    };
    terminal::print(&format!("{output:#}\n"))
}

/// An L1 action on its way to the digest, in the order in which to look for a difference.
struct L1 {
    msgpack: Vec<u8>,
    preimage: Vec<u8>,
    action_hash: Hash32,
    digest: Hash32,
}

impl L1 {
    fn of(action: &str, envelope: &Envelope, network: Network) -> Result<Self, GenericError> {
        let msgpack = json_to_msgpack(action.as_bytes())?;
        let mut preimage = msgpack.clone();
        envelope.append_to(&mut preimage);
        let action_hash = keccak256(&preimage);
        let digest = PhantomAgent::new(network).digest(&action_hash);
        Ok(Self { msgpack, preimage, action_hash, digest })
    }
}

/// By the way of a run that signs ahead.
fn presigned(signer: &Arc<Signer>, digest: &Hash32) -> Result<Signature, AppError> {
    let (mut maker, mut pool) = pool(signer.clone(), std::process::id);
    let entropy = fresh().map_err(|e| AppError::io("entropy", "draw")(e.into()))?;
    pool.tend(Nanos::ZERO);
    maker.make(Nanos::ZERO, &entropy);
    pool.sign(digest).ok_or_else(|| {
        AppError::data(
            "signature",
            "none could be made ahead",
            "try again, or leave --presigned out",
        )
    })
}

fn shown(
    signer: &Signer,
    nonce: u64,
    l1: Option<&L1>,
    (digest, signature): (&Hash32, Signature),
) -> Value {
    let Signature { r, s, v } = signature;
    json!({
        "signed_as": if l1.is_some() { "l1" } else { "user" },
        "signer": signer.address().to_string(),
        "nonce": nonce,
        "msgpack": l1.map(|l1| hex::text(&l1.msgpack)),
        "hash_preimage": l1.map(|l1| hex::text(&l1.preimage)),
        "action_hash": l1.map(|l1| hex::text(&l1.action_hash)),
        "digest": hex::text(digest),
        "signature": { "r": hex::text(&r), "s": hex::text(&s), "v": v },
    })
}
