//! An action that is encoded and hashed while nothing comes, so that the next one finds the way warm.

use crate::types::limits::MAX_BATCH;
use crate::types::{Action, ActionKind, Cloid, OrderRequest, Px, Qty, Universe};
use crate::venue::hl::sign::request::write_body;
use crate::venue::hl::sign::{Address, Envelope, RequestSigner, Signature, WireAction};
use core::hint::black_box;

/// The action: of the form of most, a modification of every order of the first coin.
pub(super) struct Rehearsed(Action);

impl Default for Rehearsed {
    fn default() -> Self {
        let mut action = Action::new(ActionKind::Modify);
        let (px, qty) = (Px::whole(65_000), Qty::from_raw(1_234_000));
        for i in 1..=MAX_BATCH as u128 {
            let cloid = Cloid::from_u128(i);
            action.push(OrderRequest { cloid, px, qty, ..OrderRequest::default() });
        }
        Self(action)
    }
}

impl Rehearsed {
    /// Makes its body where the next one will be made, and leaves nothing there. It is not signed, and draws
    /// no nonce.
    pub fn go_through(
        &self,
        signer: &mut RequestSigner,
        universe: &Universe,
        vault: Option<Address>,
        buffer: &mut Vec<u8>,
    ) {
        let envelope = Envelope { nonce: 0, vault, expires_after: Some(0) };
        let unsigned = Signature { r: [0; 32], s: [0; 32], v: 27 };
        buffer.clear();
        WireAction::of_batch(&self.0, universe, |wire| {
            black_box(signer.digest(&wire, &envelope));
            write_body(&wire, &envelope, &unsigned, buffer);
        });
        buffer.clear();
    }
}
