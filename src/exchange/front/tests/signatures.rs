//! Who signed: the known answers of `testdata/vectors/signing.json`, posted as a client would.

use super::world::World;
use crate::exchange::front::exchange::{Posted, Signers};
use crate::exchange::front::{Chains, HubConfig};
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use proptest::prelude::*;
use serde_json::{Value, json};

fn vectors(kind: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/signing.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn text<'v>(vector: &'v Value, key: &str) -> &'v str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} of {}", vector["name"]))
}

/// An L1 vector as a body; [`None`] for the SDK's own test actions, which no venue has.
fn body(vector: &Value, signature: &str) -> Option<Value> {
    (vector["action"]["type"] != "dummy").then(|| {
        json!({
            "action": vector["action"],
            "nonce": vector["nonce"],
            "signature": vector[signature],
            "vaultAddress": vector["vault_address"],
            "expiresAfter": vector["expires_after"],
        })
    })
}

fn signer(chains: Chains, body: &Value, known: Option<Address>) -> Option<Address> {
    let posted = Posted::read(body).unwrap_or_else(|| panic!("unreadable: {body}"));
    Signers::new(chains).of(&posted, |address| Some(*address) == known)
}

fn network(vector: &Value) -> Chains {
    if vector["is_mainnet"] == true { Chains::Mainnet } else { Chains::Testnet }
}

#[test]
fn every_action_is_its_signers() {
    let mut count = 0;
    for vector in vectors("l1_actions") {
        let expected = Address::parse(text(&vector, "signer_address"));
        let other = match network(&vector) {
            Chains::Mainnet => Chains::Testnet,
            _ => Chains::Mainnet,
        };
        for form in ["signature", "signature_padded"] {
            let Some(body) = body(&vector, form) else { continue };
            let name = text(&vector, "name");
            assert_eq!(signer(network(&vector), &body, None), expected, "{name} {form}");
            assert_ne!(signer(other, &body, None), expected, "{name}: another network's");
            assert_eq!(signer(Chains::Both, &body, expected), expected, "{name}: both, known");
            count += 1;
        }
    }
    assert!(count > 180, "only {count} checked");
}

/// The same over HTTP: a signer without an account is told his address.
#[test]
fn every_action_is_answered_with_its_signer() {
    let mut told = 0;
    for chains in [Chains::Mainnet, Chains::Testnet] {
        let mut world = World::new(HubConfig { chains, ..HubConfig::default() });
        for vector in vectors("l1_actions").iter().filter(|v| network(v) == chains) {
            let Some(body) = body(vector, "signature") else { continue };
            let reply = world.http("/exchange", body.to_string().as_bytes());
            let answer: Value = serde_json::from_slice(&reply.body).unwrap();
            let answer = answer["response"].as_str().unwrap_or_else(|| panic!("{answer}"));
            if answer.starts_with("User or API Wallet ") {
                assert!(answer.contains(text(vector, "signer_address")), "{answer}");
                told += 1;
            }
        }
    }
    assert!(told > 80, "only {told} were told");
}

#[test]
fn an_unknown_signer_is_the_testnet_one() {
    for vector in vectors("l1_actions").iter().take(30) {
        let Some(body) = body(vector, "signature") else { continue };
        let testnet = signer(Chains::Testnet, &body, None);
        assert_eq!(signer(Chains::Both, &body, None), testnet);
    }
}

#[test]
fn typed_data_is_its_signers() {
    let mut count = 0;
    for vector in vectors("user_signed_actions") {
        let mut action = vector["action"].clone();
        if action["type"].is_null() {
            action["type"] = json!(match text(&vector, "primary_type") {
                "HyperliquidTransaction:UsdSend" => "usdSend",
                _ => "withdraw3",
            });
        }
        let nonce = action.get("nonce").or(action.get("time")).unwrap().clone();
        let body = json!({"nonce": nonce, "action": action, "signature": vector["signature"]});
        // Two published vectors name the key only.
        let expected = match vector["signer_address"].as_str() {
            Some(address) => Address::parse(address),
            None => Signer::from_hex(text(&vector, "private_key")).ok().map(|s| s.address()),
        };
        assert_eq!(signer(Chains::Both, &body, None), expected, "{}", vector["name"]);
        // What is not hashed must be what is said.
        let mut changed = body.clone();
        changed["nonce"] = json!(1);
        assert!(Posted::read(&changed).is_none(), "nonces differ");
        for (key, value) in
            [("vaultAddress", json!("0x".to_owned() + &"1".repeat(40))), ("expiresAfter", json!(5))]
        {
            let mut changed = body.clone();
            changed[key] = value;
            assert!(Posted::read(&changed).is_none(), "{key}");
        }
        count += 1;
    }
    assert_eq!(count, 11);
}

/// One order vector, changed in one place: what a client may write otherwise, and what is another
/// action at the venue.
#[test]
fn only_what_is_hashed_the_same_is_the_same() {
    let all = vectors("l1_actions");
    let vector = all.iter().find(|v| v["name"] == "order_gtc_cloid").unwrap();
    let expected = Address::parse(text(vector, "signer_address"));
    let base = body(vector, "signature").unwrap();
    let with = |change: fn(&mut Value)| {
        let mut body = base.clone();
        change(&mut body);
        signer(Chains::Mainnet, &body, None)
    };
    for same in [
        |b: &mut Value| b["action"]["orders"][0]["p"] = json!("142.370"),
        |b: &mut Value| b["action"]["orders"][0]["extra"] = json!(1),
        |b: &mut Value| b["action"]["builder"] = Value::Null,
        |b: &mut Value| b["isFrontend"] = json!(true),
        |b: &mut Value| _ = b.as_object_mut().unwrap().remove("vaultAddress"),
    ] {
        assert_eq!(with(same), expected);
    }
    for other in [
        |b: &mut Value| b["action"]["orders"][0]["p"] = json!("142.38"),
        |b: &mut Value| _ = b["action"]["orders"][0].as_object_mut().unwrap().remove("c"),
        |b: &mut Value| b["action"]["grouping"] = json!("normalTpsl"),
        |b: &mut Value| b["nonce"] = json!(b["nonce"].as_u64().unwrap() + 1),
        |b: &mut Value| b["expiresAfter"] = json!(0),
        |b: &mut Value| b["vaultAddress"] = json!("0".repeat(40)),
        |b: &mut Value| b["signature"]["v"] = json!(55 - b["signature"]["v"].as_u64().unwrap()),
    ] {
        assert_ne!(with(other), expected);
        assert!(with(other).is_some(), "somebody else's, not nobody's");
    }
}

/// The documented trap: the client hashed the text as it sent it, with its zeros.
#[test]
fn a_hashed_trailing_zero_is_a_wrong_signer() {
    use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
    use botmm_pipeline::venue::hl::sign::{Envelope, Network, json_to_msgpack, keccak256};
    let key = Signer::from_hex(super::world::KEY).unwrap();
    let sign = |action: &Value| {
        let text = r#"{"type":"order","orders":[{"a":0,"b":true,"p":"PX","s":"1","r":false,"t":{"limit":{"tif":"Gtc"}}}],"grouping":"na"}"#;
        let px = action["orders"][0]["p"].as_str().unwrap();
        let mut preimage = json_to_msgpack(text.replace("PX", px).as_bytes()).unwrap();
        Envelope { nonce: 5, ..Envelope::default() }.append_to(&mut preimage);
        let digest = PhantomAgent::new(Network::Mainnet).digest(&keccak256(&preimage));
        let signature = key.sign(&digest);
        let hex = botmm_pipeline::venue::hl::sign::hex::text;
        let (r, s) = (hex(&signature.r), hex(&signature.s));
        let body =
            json!({"action": action, "nonce": 5, "signature": {"r": r, "s": s, "v": signature.v}});
        signer(Chains::Mainnet, &body, None)
    };
    let action = |px: &str| {
        json!({"type":"order","grouping":"na","orders":[
        {"t":{"limit":{"tif":"Gtc"}},"a":0,"b":true,"p":px,"s":"1","r":false}]})
    };
    assert_eq!(sign(&action("65000")), Some(key.address()));
    assert_ne!(sign(&action("65000.0")), Some(key.address()));
    assert_ne!(sign(&action("065000")), Some(key.address()));
}

#[test]
fn texts_that_are_no_signature_are_told() {
    let mut world = World::new(HubConfig::default());
    let all = vectors("l1_actions");
    let base = body(&all[2], "signature").unwrap();
    for bad in [
        json!({"r": "0x0", "s": "0x0", "v": 27}),
        json!({"r": "0x1", "s": "0x1", "v": 26}),
        json!({"r": "0x1", "s": "0x1", "v": 300}),
        json!({"r": "rubbish", "s": "0x1", "v": 27}),
        json!({"r": "0x".to_owned() + &"f".repeat(64), "s": "0x1", "v": 27}),
    ] {
        let mut body = base.clone();
        body["signature"] = bad.clone();
        let reply = world.http("/exchange", body.to_string().as_bytes());
        let expected = br#"{"status":"err","response":"Unable to recover signer."}"#;
        assert_eq!((reply.status, reply.body.as_slice()), (200, &expected[..]), "{bad}");
    }
}

proptest! {
    /// Keys in any order, keys that the venue does not know: the same action.
    #[test]
    fn key_order_never_matters(index in 0_usize..103, seed in any::<u64>()) {
        let all = vectors("l1_actions");
        let vector = &all[index];
        let Some(body) = body(vector, "signature") else { return Ok(()) };
        let mut seed = seed;
        let shuffled = shuffled(&body, &mut seed);
        let read: Value = serde_json::from_str(&shuffled).unwrap();
        let expected = Address::parse(text(vector, "signer_address"));
        prop_assert_eq!(signer(network(vector), &read, None), expected, "{}", shuffled);
    }
}

/// JSON text with keys in a random order and a foreign key in every map.
fn shuffled(value: &Value, seed: &mut u64) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(k, v)| format!("{k:?}:{}", shuffled(v, seed))).collect();
            // A map of one key chooses by it.
            if !map.contains_key("limit") && !map.contains_key("trigger") {
                entries.push("\"zz\":{\"a\":[1,2.5,null]}".to_owned());
            }
            for i in (1..entries.len()).rev() {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                entries.swap(i, (*seed >> 33) as usize % (i + 1));
            }
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| shuffled(item, seed)).collect();
            format!("[{}]", items.join(","))
        }
        plain => plain.to_string(),
    }
}
