//! A whole signed request: action, nonce, signature, vault and expiry (PROTOCOL §3 and §4.1), as a
//! POST body or inside a websocket `post`.

use super::action::{Encode, WireAction};
use super::eip712::{Hash32, Network, PhantomAgent, keccak256};
use super::key::{Address, Signature, Signer};
use super::pool::Pool;
use super::writer::{Json, Msgpack, WireWriter};
use crate::types::Nanos;
use crate::types::limits::MAX_BATCH;
use crate::venue::SigningCounts;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that hold the preimage of any batch of ours.
const PREIMAGE_BYTES: usize = 128 + MAX_BATCH * 192;
/// Bytes that hold any request of ours, in a websocket `post`.
pub const REQUEST_BYTES: usize = 640 + MAX_BATCH * 256;

/// What is signed besides the action itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Milliseconds, unique per signer; see [`Nonce`].
    pub nonce: u64,
    /// The vault or sub-account to act for.
    pub vault: Option<Address>,
    /// Milliseconds after which the venue refuses it.
    pub expires_after: Option<u64>,
}

impl Envelope {
    /// Appends to an action's msgpack what makes it the preimage of the connection id.
    #[inline]
    pub fn append_to(&self, preimage: &mut Vec<u8>) {
        preimage.extend_from_slice(&self.nonce.to_be_bytes());
        match &self.vault {
            None => preimage.push(0),
            Some(vault) => {
                preimage.push(1);
                preimage.extend_from_slice(vault.as_bytes());
            }
        }
        if let Some(time_ms) = self.expires_after {
            preimage.push(0);
            preimage.extend_from_slice(&time_ms.to_be_bytes());
        }
    }
}

/// The venue's nonces: milliseconds, always growing. Each is used once by one signer, also when the
/// clock steps back, and after a restart if it continues after what was used. Clones share one
/// counter: whoever signs with the key draws from it. A run's are even; those of another process that
/// signs with the key of a run (`botmm kill`) are odd, so that neither ever uses the other's.
#[derive(Clone, Debug, Default)]
pub struct Nonce {
    last: Arc<AtomicU64>,
    is_odd: bool,
}

impl Nonce {
    /// A run's: continues after `last` (zero: none was ever used).
    pub fn after(last: u64) -> Self {
        Self { last: Arc::new(AtomicU64::new(last)), is_odd: false }
    }
    /// Of a process beside the run, which goes on meanwhile. Two such processes are kept apart by `last`
    /// alone.
    pub fn beside(last: u64) -> Self {
        Self { is_odd: true, ..Self::after(last) }
    }
    /// The next one: the time in milliseconds, or more than the last; at most one ahead of both.
    pub fn next(&self, now: Nanos) -> u64 {
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(0);
        let step = |last: u64| {
            let next = now_ms.max(last + 1);
            next + (next + u64::from(self.is_odd)) % 2
        };
        // Relaxed: the counter orders nothing but itself.
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |l| Some(step(l)));
        last.map_or_else(step, step)
    }
    /// The last one used: what a restart must continue after.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }
}

/// Signs actions of one key, on one network, into buffers that are reused.
pub struct RequestSigner {
    signer: Arc<Signer>,
    agent: PhantomAgent,
    preimage: Vec<u8>,
    /// Signatures that were made ahead, where that was asked for.
    pool: Option<Pool>,
}

impl RequestSigner {
    /// Hashes what all actions have in common, and takes memory for the largest batch of ours. Two
    /// threads that sign with one key share its only copy.
    pub fn new(signer: impl Into<Arc<Signer>>, network: Network) -> Self {
        let signer = signer.into();
        let preimage = Vec::with_capacity(PREIMAGE_BYTES);
        Self { signer, agent: PhantomAgent::new(network), preimage, pool: None }
    }

    /// Signs with what was made ahead, as long as there is some.
    #[must_use]
    pub fn presigned(self, pool: Pool) -> Self {
        Self { pool: Some(pool), ..self }
    }

    /// Lets go of signatures that were made ahead and are not to be used any more. Call it often, and before
    /// each request.
    #[inline]
    pub fn tend(&mut self, now: Nanos) {
        if let Some(pool) = &mut self.pool {
            pool.tend(now);
        }
    }

    /// The venue does not know our signatures: from here on none that was made ahead is used.
    pub fn distrust(&mut self) {
        if let Some(pool) = &mut self.pool {
            pool.distrust();
        }
    }

    /// How requests were signed, where signatures are made ahead.
    pub fn counts(&self) -> SigningCounts {
        self.pool.as_ref().map(Pool::counts).unwrap_or_default()
    }

    /// Whose signatures these are.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// The digest to sign for an action.
    #[inline]
    pub fn digest(&mut self, action: &WireAction<'_>, envelope: &Envelope) -> Hash32 {
        self.preimage.clear();
        action.encode(&mut Msgpack(&mut self.preimage));
        envelope.append_to(&mut self.preimage);
        self.agent.digest(&keccak256(&self.preimage))
    }

    /// Signs an action.
    pub fn sign(&mut self, action: &WireAction<'_>, envelope: &Envelope) -> Signature {
        let digest = self.digest(action, envelope);
        let made_ahead = self.pool.as_mut().and_then(|pool| pool.sign(&digest));
        made_ahead.unwrap_or_else(|| self.signer.sign(&digest))
    }

    /// Signs an action and appends the body of its `POST /exchange`.
    pub fn write_body(&mut self, action: &WireAction<'_>, envelope: &Envelope, out: &mut Vec<u8>) {
        let signature = self.sign(action, envelope);
        write_body(action, envelope, &signature, out);
    }

    /// Signs an action and appends the websocket message that posts it under `id`.
    pub fn write_post(
        &mut self,
        id: u64,
        action: &WireAction<'_>,
        envelope: &Envelope,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(br#"{"method":"post","id":"#);
        Json::new(out).uint(id);
        out.extend_from_slice(br#","request":{"type":"action","payload":"#);
        self.write_body(action, envelope, out);
        out.extend_from_slice(b"}}");
    }
}

/// Appends the body of a request whose signature is known, in the key order of the official SDK.
pub fn write_body(
    action: &impl Encode,
    envelope: &Envelope,
    signature: &Signature,
    out: &mut Vec<u8>,
) {
    let mut w = Json::new(out);
    w.begin_map(5);
    w.key("action");
    action.encode(&mut w);
    w.key("nonce");
    w.uint(envelope.nonce);
    w.key("signature");
    signature.encode(&mut w);
    w.key("vaultAddress");
    match &envelope.vault {
        None => w.raw(b"null"),
        Some(vault) => w.hex(vault.as_bytes()),
    }
    w.key("expiresAfter");
    match envelope.expires_after {
        None => w.raw(b"null"),
        Some(time_ms) => w.uint(time_ms),
    }
    w.end_map();
}

#[cfg(test)]
mod tests {
    use super::super::action::{Modification, OrderRef, WireOrder};
    use super::*;
    use crate::types::{Cloid, Px, Qty};

    #[test]
    fn nonces_grow_whatever_the_clock_does() {
        let nonce = Nonce::after(0);
        let at = |ms| nonce.next(Nanos::millis(ms));
        assert_eq!(
            [at(1_000), at(1_000), at(999), at(-5), at(2_000)],
            [1000, 1002, 1004, 1006, 2000]
        );
        assert_eq!(nonce.last(), 2_000);
        let after_restart = Nonce::after(nonce.last());
        assert_eq!(after_restart.next(Nanos::millis(1_500)), 2_002);
    }

    #[test]
    fn nonces_of_a_run_and_of_one_beside_it_are_never_the_same() {
        let (run, beside) = (Nonce::after(0), Nonce::beside(0));
        let of = |nonce: &Nonce| -> Vec<u64> {
            let times = (0..3_000).map(|i| Nanos::millis(1_000 + i / 3 + i % 7));
            times.map(|now| nonce.next(now)).collect()
        };
        let (run, beside) = (of(&run), of(&beside));
        assert!(run.windows(2).chain(beside.windows(2)).all(|w| w[0] < w[1]));
        assert!(run.iter().all(|n| n % 2 == 0) && beside.iter().all(|n| n % 2 == 1));
    }

    #[test]
    fn the_largest_batch_of_ours_fits_the_buffers() {
        let order = WireOrder {
            asset: u32::MAX,
            px: Px::from_raw(i64::MIN),
            qty: Qty::from_raw(i64::MIN),
            cloid: Some(Cloid::from_u128(u128::MAX)),
            ..WireOrder::default()
        };
        let target = OrderRef::Cloid(Cloid::from_u128(u128::MAX));
        let modifies = [Modification { target, order }; MAX_BATCH];
        let action = WireAction::BatchModify { modifies: &modifies, always_place: true };
        let envelope = Envelope {
            nonce: u64::MAX,
            vault: Some(Address::new([0xff; 20])),
            expires_after: Some(u64::MAX),
        };
        let mut signer =
            RequestSigner::new(Signer::from_hex(&"1".repeat(64)).unwrap(), Network::Testnet);
        let mut out = Vec::with_capacity(REQUEST_BYTES);
        signer.write_post(u64::MAX, &action, &envelope, &mut out);
        assert!(signer.preimage.len() <= PREIMAGE_BYTES, "{}", signer.preimage.len());
        assert!(out.len() <= REQUEST_BYTES, "{}", out.len());
    }
}
