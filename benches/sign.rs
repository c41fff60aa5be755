//! From two orders to a signed request, by part: encode and hash, sign, JSON body; and the whole.
//!
//! `cargo bench --bench sign`. Each call takes the next of 256 different pairs of orders, so that no
//! branch predictor learns one by heart. First a known answer of the official SDK is asserted.
//!
//! Beside it the same with signatures that are made ahead (docs/signing.md), in turns with the ordinary ones, and
//! what it takes to make one. `cargo bench --bench sign -- --million` makes a million of them and asserts that each
//! recovers to the key's address, has a low s and an r of its own.

mod harness;

use botmm_pipeline::types::Nanos;
use botmm_pipeline::types::{Cloid, Px, Qty, Side};
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::request::{REQUEST_BYTES, write_body};
use botmm_pipeline::venue::hl::sign::writer::{Json, Msgpack};
use botmm_pipeline::venue::hl::sign::{
    Encode, Envelope, Hash32, Network, Pool, Presigner, Recoverer, RequestSigner, Signature,
    Signer, WireAction, WireOrder, hex, json_to_msgpack, keccak256, pool,
};
use harness::{Samples, Stopwatch, TURN};
use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;

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
    if std::env::args().any(|arg| arg == "--million") {
        return assert_many(1_000_000);
    }
    assert_many(harness::calls(1_000));
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
    print_presigned(&pairs);
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

/// Ordinary and made ahead, in turns; made between the turns.
fn print_presigned(pairs: &[[WireOrder; 2]]) {
    let (envelope, watch) = (envelope(), Stopwatch::new());
    let mut ordinary = request_signer();
    let ((mut maker, ahead), (mut maker_alone, mut alone)) = (both(), both());
    let mut presigned = request_signer().presigned(ahead);
    let names = [
        "orders to signed body, RFC 6979",
        "orders to signed body, presigned",
        "  sign, RFC 6979",
        "  sign, presigned (online part)",
        "  make one ahead (offline part)",
        "  look which process this is",
    ];
    let mut rows = names.map(Samples::new);
    let (mut out, mut i) = (buffer(), 0);
    let mut body = |signer: &mut RequestSigner| {
        i = (i + 1) % pairs.len();
        let action = WireAction::Order(black_box(&pairs[i]));
        watch.time(&mut || {
            out.clear();
            signer.tend(Nanos::ZERO);
            signer.write_body(&action, &envelope, &mut out);
            black_box(&out);
        })
    };
    let calls = harness::calls(CALLS);
    for turn in 0..calls.div_ceil(TURN) {
        for _ in 0..TURN {
            maker.make(Nanos::ZERO, &entropy());
            rows[4].record(watch.time(&mut || maker_alone.make(Nanos::ZERO, &[turn as u8; 32])));
        }
        (0..TURN).for_each(|_| rows[0].record(body(&mut ordinary)));
        (0..TURN).for_each(|_| rows[1].record(body(&mut presigned)));
        let digest = entropy();
        let key = key();
        for _ in 0..TURN {
            rows[2].record(watch.time(&mut || {
                black_box(key.sign(black_box(&digest)));
            }));
        }
        for _ in 0..TURN {
            rows[3].record(watch.time(&mut || {
                alone.tend(Nanos::ZERO);
                assert!(black_box(alone.sign(black_box(&digest))).is_some());
            }));
        }
        for _ in 0..TURN {
            rows[5].record(watch.time(&mut || {
                black_box(std::process::id());
            }));
        }
    }
    let counts = presigned.counts();
    assert_eq!((counts.presigned as usize).next_multiple_of(TURN), calls.next_multiple_of(TURN));
    assert_eq!((counts.ordinary, counts.dropped), (0, 0));
    let rows: Vec<_> = rows.iter().map(Samples::percentiles).collect();
    harness::print_table("signatures made ahead (in turns)", &rows);
    println!(
        "  presigned / RFC 6979: body {:.3}, signature alone {:.4} (of p50s)",
        rows[1].p50_ns / rows[0].p50_ns.max(1.0),
        rows[3].p50_ns / rows[2].p50_ns.max(1.0)
    );
}

fn both() -> (Presigner, Pool) {
    let (maker, mut pool) = pool(Arc::new(key()), std::process::id);
    pool.tend(Nanos::ZERO);
    (maker, pool)
}

fn entropy() -> [u8; 32] {
    rand::random()
}

/// So many signatures that were made ahead: each is of the key, has a low s, and an r of its own.
fn assert_many(count: usize) {
    const HALF_ORDER: &str = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    let half_order: Hash32 = hex::parse(HALF_ORDER).unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sign = move |count: usize| {
        let ((mut maker, mut pool), recoverer) = (both(), Recoverer::default());
        let (address, mut points) = (key().address(), Vec::with_capacity(count));
        while points.len() < count {
            let digest = entropy();
            maker.make(Nanos::ZERO, &entropy());
            let Some(signature) = pool.sign(&digest) else { panic!("none for {digest:?}") };
            assert_eq!(recoverer.recover(&digest, &signature), Some(address), "{digest:?}");
            assert!(signature.s <= half_order, "{digest:?}");
            points.push(signature.r);
        }
        points
    };
    let parts = (0..threads).map(|i| count / threads + usize::from(i < count % threads));
    let parts: Vec<_> = parts.map(|part| std::thread::spawn(move || sign(part))).collect();
    let points = parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|_| panic!("above")));
    let points: Vec<Hash32> = points.collect();
    let different: HashSet<&Hash32> = points.iter().collect();
    assert_eq!((points.len(), different.len()), (count, count), "an r came twice");
    println!(
        "{count} signatures made ahead on {threads} threads: all of the key, low s, no r twice"
    );
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
