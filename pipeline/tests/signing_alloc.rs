//! From a batch of ours to a signed websocket frame nothing is allocated. Counted on this thread.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
mod counting;

use botmm_pipeline::types::limits::MAX_BATCH;
use botmm_pipeline::types::{
    Action, ActionKind, AssetId, Cloid, Instrument, Nanos, Oid, OrderRequest, Px, Qty, Universe,
};
use botmm_pipeline::venue::SigningCounts;
use botmm_pipeline::venue::hl::sign::request::REQUEST_BYTES;
use botmm_pipeline::venue::hl::sign::{
    Address, Envelope, Network, Nonce, RequestSigner, Signer, WireAction, pool,
};
use counting::allocations;
use std::hint::black_box;
use std::sync::Arc;

fn full_batch(kind: ActionKind, oid: Oid) -> Action {
    let mut action = Action::new(kind);
    for i in 0..MAX_BATCH {
        action.push(OrderRequest {
            cloid: Cloid::from_u128(u128::MAX - i as u128),
            oid,
            px: Px::parse("12345.678").unwrap(),
            qty: Qty::parse("0.00012345").unwrap(),
            asset: AssetId::new(0),
            ..OrderRequest::default()
        });
    }
    action
}

#[test]
fn signing_does_not_allocate_not_even_the_first_time() {
    let btc = Instrument { venue_index: 110_000, ..coins::coin("BTC", 5) };
    let universe = Universe::new(vec![btc]);
    let batches = [
        full_batch(ActionKind::Place, Oid::NONE),
        full_batch(ActionKind::Modify, Oid::NONE),
        full_batch(ActionKind::Modify, Oid(1 << 40)),
        full_batch(ActionKind::Cancel, Oid::NONE),
        full_batch(ActionKind::Cancel, Oid(1 << 40)),
    ];
    let key = Arc::new(Signer::from_hex(&"35".repeat(32)).unwrap());
    let (mut presigner, ahead) = pool(key.clone(), || 1);
    let now = Nanos::secs(1_795_359_600);
    (0..batches.len()).for_each(|i| presigner.make(now, &[i as u8; 32]));
    let ordinary = RequestSigner::new(key.clone(), Network::Mainnet);
    let presigned = RequestSigner::new(key, Network::Mainnet).presigned(ahead);
    assert_eq!(allocations_of(ordinary, &batches, &universe, now).presigned, 0);
    assert_eq!(allocations_of(presigned, &batches, &universe, now).presigned, 5);
}

/// It allocates nothing for any of these; how it signed them.
fn allocations_of(
    mut signer: RequestSigner,
    batches: &[Action],
    universe: &Universe,
    now: Nanos,
) -> SigningCounts {
    let mut out = Vec::with_capacity(REQUEST_BYTES);
    let nonce = Nonce::after(0);
    assert!(allocations(|| drop(black_box(vec![1_u8]))) > 0, "the counter counts");
    let found = allocations(|| {
        for batch in batches {
            signer.tend(now);
            let envelope = Envelope {
                nonce: nonce.next(now),
                vault: Some(Address::new([9; 20])),
                expires_after: Some(1_795_359_605_000),
            };
            out.clear();
            WireAction::of_batch(batch, universe, |action| {
                signer.write_post(1, &action, &envelope, &mut out);
            });
            black_box(&out);
        }
    });
    assert_eq!(found, 0);
    assert!(out.ends_with(b"}}}"));
    signer.counts()
}
