//! From two orders to a signed request, by part: encode and hash, sign, JSON body; and the whole.
//!
//! `cargo bench --bench sign`. Each call takes the next of 256 different pairs of orders, so that no
//! branch predictor learns one by heart. First a known answer of the official SDK is asserted.

mod harness;

use botmm_pipeline::types::{Cloid, Px, Qty, Side};
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::request::{REQUEST_BYTES, write_body};
use botmm_pipeline::venue::hl::sign::writer::{Json, Msgpack};
use botmm_pipeline::venue::hl::sign::{
    Encode, Envelope, Network, RequestSigner, Signature, Signer, WireAction, WireOrder, hex,
    json_to_msgpack, keccak256,
};
use std::hint::black_box;

/// Different pairs of orders.
const PAIRS: usize = 256;
/// Calls of each candidate.
const CALLS: usize = 50_000;
/// A throw-away key, as in the vectors.
const KEY: &str = "0x35138b18b7dc8cad5201138bd48fcf8417e741074b6bfe797170d61fa235e104";
/// `order_batch2_alo_cloids` of `testdata/vectors/signing.json`.
const VECTOR_NAME: &str = "order_batch2_alo_cloids";

fn main() {
    harness::print_rig();
    assert_known_answer();
    let pairs: Vec<[WireOrder; 2]> = (0..PAIRS as i64).map(pair).collect();
    let bytes = sizes(&pairs[0]);
    let results = time_all(&pairs);
    let title = format!("2 orders with cloid: {} bytes hashed, {} sent", bytes.0, bytes.1);
    harness::print_table(&title, &results);
    let p50 = |i: usize| results[i].p50_ns;
    println!(
        "  parts (encode + hash, sign, body): {:.0} ns; the whole: {:.0} ns",
        p50(1) + p50(2) + p50(3),
        p50(0)
    );
}

/// A bid and an ask around a price that moves.
fn pair(i: i64) -> [WireOrder; 2] {
    let order = |side: Side| WireOrder {
        asset: 0,
        side,
        px: Px::whole(65_000 + i * 7 % 900 - side.sign()),
        qty: Qty::from_raw(1_000 * (1 + i * 37 % 5_000)),
        cloid: Some(Cloid::new(7, side as u16, i as u64)),
        ..WireOrder::default()
    };
    [order(Side::Bid), order(Side::Ask)]
}

fn envelope() -> Envelope {
    Envelope { nonce: 1_795_359_600_000, vault: None, expires_after: Some(1_795_359_603_000) }
}

fn key() -> Signer {
    Signer::from_hex(KEY).unwrap_or_else(|e| panic!("{e}"))
}

fn request_signer() -> RequestSigner {
    RequestSigner::new(key(), Network::Mainnet)
}

/// Bytes that are hashed, and bytes that are sent.
fn sizes(pair: &[WireOrder; 2]) -> (usize, usize) {
    let (action, mut hashed, mut sent) = (WireAction::Order(pair), Vec::new(), Vec::new());
    action.encode(&mut Msgpack(&mut hashed));
    envelope().append_to(&mut hashed);
    request_signer().write_body(&action, &envelope(), &mut sent);
    (hashed.len(), sent.len())
}

fn time_all(pairs: &[[WireOrder; 2]]) -> Vec<harness::Percentiles> {
    let envelope = envelope();
    let (mut whole, mut hasher, mut encoder) = (request_signer(), request_signer(), Vec::new());
    let (signer, signature) = (key(), key().sign(&[1; 32]));
    let (mut out, mut body) = (buffer(), buffer());
    let (mut a, mut b, mut c, mut d, mut e) = (0, 0, 0, 0, 0);
    let next = |i: &mut usize| {
        *i = (*i + 1) % pairs.len();
        WireAction::Order(black_box(&pairs[*i]))
    };
    let mut candidates: [harness::Candidate; 5] = [
        (
            "orders to signed body",
            Box::new(|| {
                out.clear();
                whole.write_body(&next(&mut a), &envelope, &mut out);
                black_box(&out);
            }),
        ),
        (
            "  encode + hash to digest",
            Box::new(|| {
                black_box(hasher.digest(&next(&mut b), &envelope));
            }),
        ),
        (
            "  sign (RFC 6979, recoverable)",
            Box::new(|| {
                c += 1_u64;
                let mut digest = [0x5a; 32];
                digest[..8].copy_from_slice(&c.to_le_bytes());
                black_box(signer.sign(black_box(&digest)));
            }),
        ),
        (
            "  JSON body",
            Box::new(|| {
                body.clear();
                write_body(&next(&mut d), &envelope, black_box(&signature), &mut body);
                black_box(&body);
            }),
        ),
        (
            "  (of which: msgpack alone)",
            Box::new(|| {
                encoder.clear();
                next(&mut e).encode(&mut Msgpack(&mut encoder));
                black_box(&encoder);
            }),
        ),
    ];
    harness::interleave(&mut candidates, CALLS)
}

fn buffer() -> Vec<u8> {
    Vec::with_capacity(REQUEST_BYTES)
}

/// The vector from its file, by both encoders.
fn assert_known_answer() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/signing.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let all: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
    let actions = all["l1_actions"].as_array().map_or(&[][..], Vec::as_slice);
    let vector = actions.iter().find(|v| v["name"] == VECTOR_NAME);
    let vector = vector.unwrap_or_else(|| panic!("{VECTOR_NAME} is gone"));
    let order = |side, px, cloid| WireOrder {
        side,
        px: Px::whole(px),
        qty: Qty::from_raw(1_000_000),
        cloid: Some(Cloid::from_u128(cloid)),
        ..WireOrder::default()
    };
    let orders = [order(Side::Bid, 64_999, 10), order(Side::Ask, 65_001, 11)];
    let action = WireAction::Order(&orders);
    let nonce = vector["nonce"].as_u64().unwrap_or_default();
    let envelope = Envelope { nonce, ..Envelope::default() };
    let signer = vector["private_key"].as_str().map(Signer::from_hex);
    let Some(Ok(signer)) = signer else { panic!("no key") };
    let mut signer = RequestSigner::new(signer, Network::Mainnet);
    let digest = signer.digest(&action, &envelope);
    assert_eq!(vector["eip712_digest"], hex::text(&digest));
    let Signature { r, s, v } = signer.sign(&action, &envelope);
    let expected = &vector["signature_padded"];
    assert_eq!(expected["r"], hex::text(&r));
    assert_eq!((&expected["s"], &expected["v"]), (&hex::text(&s).into(), &u64::from(v).into()));

    // The JSON that is sent, packed by the slow path, gives the same digest.
    let mut json = Vec::new();
    action.encode(&mut Json::new(&mut json));
    let mut preimage = json_to_msgpack(&json).unwrap_or_else(|e| panic!("{e}"));
    envelope.append_to(&mut preimage);
    assert_eq!(PhantomAgent::new(Network::Mainnet).digest(&keccak256(&preimage)), digest);
}
