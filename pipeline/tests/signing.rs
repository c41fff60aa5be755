//! Signing, by known answers of the official SDK and by properties.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
mod signing_model;

use botmm_pipeline::types::decimal::parse_decimal_exp;
use botmm_pipeline::types::{
    Action, ActionKind, AssetId, Cloid, DecimalError, Instrument, Oid, OrderRequest, Px, Qty, Side,
    Tif, Universe,
};
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::writer::{DecimalText, Json, Msgpack};
use botmm_pipeline::venue::hl::sign::{
    Address, ApproveAgent, Encode, Envelope, Modification, Network, OrderRef, Recoverer,
    RequestSigner, Signature, Signer, TimeInForce, UserKind, WireAction, WireCancel, WireOrder,
    hex, json_to_msgpack, keccak256,
};
use proptest::prelude::*;
use serde_json::Value;
use signing_model::{Owned, Vector, section};

fn msgpack(action: &WireAction<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    action.encode(&mut Msgpack(&mut out));
    out
}

fn json(action: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    action.encode(&mut Json::new(&mut out));
    out
}

fn padded(signature: &Signature) -> (String, String, u64) {
    (hex::text(&signature.r), hex::text(&signature.s), u64::from(signature.v))
}

/// The official SDK's request text in our form: no spaces, r and s in full.
fn sdk_body(vector: &Vector) -> String {
    let compact = vector.text("sdk_request_body").replace(", ", ",").replace(": ", ":");
    let minimal = vector.value("signature");
    let (r, s, _) = vector.signature();
    let field = |key: &str, text: &str| format!("\"{key}\":\"{text}\"");
    compact
        .replace(&field("r", minimal["r"].as_str().unwrap()), &field("r", &r))
        .replace(&field("s", minimal["s"].as_str().unwrap()), &field("s", &s))
}

#[test]
fn every_l1_vector_by_its_json_text() {
    let vectors = section("l1_actions");
    assert_eq!(vectors.len(), 103);
    let recoverer = Recoverer::default();
    for v in &vectors {
        let name = v.name();
        let mut preimage = json_to_msgpack(v.raw("action").as_bytes()).unwrap();
        assert_eq!(hex::text(&preimage), v.text("msgpack_hex"), "{name}");
        v.envelope().append_to(&mut preimage);
        assert_eq!(hex::text(&preimage), v.text("hash_preimage_hex"), "{name}");
        let connection_id = keccak256(&preimage);
        assert_eq!(hex::text(&connection_id), v.text("action_hash"), "{name}");
        let digest = PhantomAgent::new(v.network()).digest(&connection_id);
        assert_eq!(hex::text(&digest), v.text("eip712_digest"), "{name}");
        let signer = Signer::from_hex(&v.text("private_key")).unwrap();
        assert_eq!(signer.address().to_string(), v.text("signer_address"), "{name}");
        let signature = signer.sign(&digest);
        assert_eq!(padded(&signature), v.signature(), "{name}");
        assert_eq!(recoverer.recover(&digest, &signature), Some(signer.address()), "{name}");
    }
}

#[test]
fn every_l1_vector_that_a_maker_sends_by_its_type() {
    let (mut typed, mut bodies, mut left_out) = (0, 0, Vec::new());
    for v in &section("l1_actions") {
        let Some(owned) = Owned::of(&v.value("action")) else {
            left_out.push(v.name());
            continue;
        };
        let (name, action, envelope) = (v.name(), owned.action(), v.envelope());
        assert_eq!(hex::text(&msgpack(&action)), v.text("msgpack_hex"), "{name}");
        let key = Signer::from_hex(&v.text("private_key")).unwrap();
        let mut signer = RequestSigner::new(key, v.network());
        let digest = signer.digest(&action, &envelope);
        assert_eq!(hex::text(&digest), v.text("eip712_digest"), "{name}");
        assert_eq!(padded(&signer.sign(&action, &envelope)), v.signature(), "{name}");
        typed += 1;
        if v.has("sdk_request_body") {
            let mut body = Vec::new();
            signer.write_body(&action, &envelope, &mut body);
            assert_eq!(String::from_utf8(body).unwrap(), sdk_body(v), "{name}");
            bodies += 1;
        }
    }
    assert_eq!((typed, left_out.len()), (80, 23), "{left_out:?}");
    assert_eq!(bodies, 59);
}

#[test]
fn connection_ids_alone() {
    let vectors = section("l1_connection_id_only");
    assert_eq!(vectors.len(), 2);
    for v in &vectors {
        let id = hex::parse(&v.text("connection_id")).unwrap();
        let digest = PhantomAgent::new(v.network()).digest(&id);
        assert_eq!(hex::text(&digest), v.text("eip712_digest"));
        let signer = Signer::from_hex(&v.text("private_key")).unwrap();
        assert_eq!(signer.address().to_string(), v.text("signer_address"));
        let signature = signer.sign(&digest);
        assert_eq!(padded(&signature), v.signature());
        let rsv = [&signature.r[..], &signature.s, &[signature.v]].concat();
        assert_eq!(hex::text(&rsv), v.text("signature_rsv_hex"));
    }
}

#[test]
fn every_user_signed_vector() {
    let vectors = section("user_signed_actions");
    assert_eq!(vectors.len(), 11);
    for v in &vectors {
        let kind = UserKind::by_primary_type(&v.text("primary_type")).unwrap();
        if v.has("encode_type") {
            assert_eq!(kind.encode_type, v.text("encode_type"));
            assert_eq!(v.value("action")["type"], kind.action);
        }
        let digest = kind.digest(v.raw("action").as_bytes()).unwrap();
        if v.has("eip712_digest") {
            assert_eq!(hex::text(&digest), v.text("eip712_digest"), "{}", v.name());
        }
        let signer = Signer::from_hex(&v.text("private_key")).unwrap();
        assert_eq!(padded(&signer.sign(&digest)), v.signature(), "{}", v.name());
    }
}

#[test]
fn approving_an_agent_by_its_type() {
    let vectors = section("user_signed_actions");
    let approvals: Vec<_> =
        vectors.iter().filter(|v| v.name().starts_with("approve_agent")).collect();
    assert_eq!(approvals.len(), 3);
    for v in approvals {
        let action = v.value("action");
        let agent = Address::parse(action["agentAddress"].as_str().unwrap()).unwrap();
        let envelope =
            Envelope { nonce: v.value("nonce").as_u64().unwrap(), ..Envelope::default() };
        let name = action["agentName"].as_str();
        let approve = ApproveAgent::new(agent, name, envelope.nonce, v.network()).unwrap();
        let digest = approve.digest().unwrap();
        assert_eq!(hex::text(&digest), v.text("eip712_digest"), "{}", v.name());
        assert_eq!(
            UserKind::by_action("approveAgent").unwrap().digest(&json(&approve)),
            Ok(digest)
        );
        let body = approve.signed_body(&Signer::from_hex(&v.text("private_key")).unwrap()).unwrap();
        let mixed_case = action["agentAddress"].as_str().unwrap();
        let expected = sdk_body(v).replace(mixed_case, &agent.to_string());
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}

/// The SDK rounds floats that are within 1e-12 of eight decimals, and knows a negative zero; we take
/// exact decimals only. On everything else the two agree.
#[test]
fn numbers_as_the_sdk_writes_them() {
    let (mut same, mut refused, mut stricter) = (0, 0, Vec::new());
    for v in &section("float_to_wire") {
        let repr = v.text("value_repr");
        match (parse_decimal_exp(repr.as_bytes()), v.value("wire").as_str()) {
            (Ok(raw), Some(wire)) => {
                let ours = DecimalText::new(raw);
                let wire = if wire == "-0" { "0" } else { wire };
                assert_eq!(ours.as_bytes(), wire.as_bytes(), "{repr}");
                assert_eq!(parse_decimal_exp(wire.as_bytes()), Ok(raw), "{repr}");
                same += 1;
            }
            (Err(DecimalError::TooFine), None) => refused += 1,
            (Err(e), Some(_)) => stricter.push((repr, e)),
            (ours, wire) => panic!("{repr}: {ours:?}, the SDK {wire:?}"),
        }
    }
    assert_eq!((same, refused, stricter.len()), (41, 8, 9), "{stricter:?}");
}

#[test]
fn integers_as_the_sdk_makes_them() {
    let (mut same, mut refused) = (0, 0);
    for v in &section("float_to_int") {
        let (repr, decimals) = (v.text("value_repr"), v.value("decimals").as_u64().unwrap());
        let unit = 10_i64.pow(8 - u32::try_from(decimals).unwrap());
        let ours = parse_decimal_exp(repr.as_bytes()).ok().filter(|raw| raw % unit == 0);
        match (ours, v.value("int").as_i64()) {
            (Some(raw), expected @ Some(_)) => {
                assert_eq!(Some(raw / unit), expected, "{repr}");
                same += 1;
            }
            (None, None) => refused += 1, // rounding, or beyond 64 bits
            (ours, int) => panic!("{repr}: {ours:?}, the SDK {int:?}"),
        }
    }
    assert_eq!((same, refused), (11, 4));
}

fn universe() -> Universe {
    let listed = |name, venue_index| Instrument { venue_index, ..coins::coin(name, 3) };
    Universe::new(vec![listed("BTC", 3), listed("kPEPE", 110_000)])
}

/// A batch of two orders of ours, known to the venue as `oids`.
fn batch(kind: ActionKind, oids: [u64; 2]) -> Action {
    let mut action = Action::new(kind);
    for (i, oid) in oids.into_iter().enumerate() {
        action.push(OrderRequest {
            cloid: Cloid::from_u128(10 + i as u128),
            oid: Oid(oid),
            px: Px::whole(64_999),
            qty: Qty::parse("0.01").unwrap(),
            asset: AssetId::new(i),
            side: Side::BOTH[i],
            tif: [Tif::Alo, Tif::Ioc][i],
            reduce_only: i == 1,
            ..OrderRequest::default()
        });
    }
    action
}

#[test]
fn batches_of_the_pipeline_in_the_wires_words() {
    let text = |kind, oids| {
        let text = WireAction::of_batch(&batch(kind, oids), &universe(), |a| json(&a));
        String::from_utf8(text).unwrap()
    };
    let first = r#"{"a":3,"b":true,"p":"64999","s":"0.01","r":false,"t":{"limit":{"tif":"Alo"}},"c":"0x0000000000000000000000000000000a"}"#;
    let second = r#"{"a":110000,"b":false,"p":"64999","s":"0.01","r":true,"t":{"limit":{"tif":"Ioc"}},"c":"0x0000000000000000000000000000000b"}"#;
    assert_eq!(
        text(ActionKind::Place, [0, 0]),
        format!(r#"{{"type":"order","orders":[{first},{second}],"grouping":"na"}}"#)
    );
    assert_eq!(
        text(ActionKind::Modify, [77, 0]),
        format!(
            r#"{{"type":"batchModify","modifies":[{{"oid":77,"order":{first}}},{{"oid":"0x0000000000000000000000000000000b","order":{second}}}]}}"#
        )
    );
    assert_eq!(
        text(ActionKind::Cancel, [77, 78]),
        r#"{"type":"cancel","cancels":[{"a":3,"o":77},{"a":110000,"o":78}],"f":true}"#
    );
    assert_eq!(
        text(ActionKind::Cancel, [77, 0]),
        r#"{"type":"cancelByCloid","cancels":[{"asset":3,"cloid":"0x0000000000000000000000000000000a"},{"asset":110000,"cloid":"0x0000000000000000000000000000000b"}],"f":true}"#
    );
}

fn cloids() -> impl Strategy<Value = Cloid> {
    any::<u128>().prop_map(Cloid::from_u128)
}

/// Numbers of every length.
fn uints() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift)
}

fn orders() -> impl Strategy<Value = WireOrder> {
    let tif = prop_oneof![Just(TimeInForce::Alo), Just(TimeInForce::Ioc), Just(TimeInForce::Gtc)];
    let money = || (any::<i64>(), 0_u32..64).prop_map(|(raw, shift)| raw >> shift);
    (uints(), any::<bool>(), money(), money(), any::<bool>(), tif, proptest::option::of(cloids()))
        .prop_map(|(asset, is_buy, px, qty, reduce_only, tif, cloid)| WireOrder {
            asset: asset as u32,
            side: Side::BOTH[usize::from(is_buy)],
            px: Px::from_raw(px),
            qty: Qty::from_raw(qty),
            reduce_only,
            tif,
            cloid,
        })
}

fn modifications() -> impl Strategy<Value = Modification> {
    let oids = uints().prop_map(|oid| OrderRef::Oid(Oid(oid)));
    let target = prop_oneof![oids, cloids().prop_map(OrderRef::Cloid)];
    (target, orders()).prop_map(|(target, order)| Modification { target, order })
}

fn cancels<Id: std::fmt::Debug>(
    ids: impl Strategy<Value = Id>,
) -> impl Strategy<Value = Vec<WireCancel<Id>>> {
    let cancel = (any::<u32>(), ids).prop_map(|(asset, id)| WireCancel { asset, id });
    proptest::collection::vec(cancel, 0..40)
}

fn actions() -> impl Strategy<Value = Owned> {
    use WireAction::*;
    let many = 0..40;
    let other = prop_oneof![
        Just(Noop),
        proptest::option::of(uints()).prop_map(ScheduleCancel),
        (modifications(), any::<bool>())
            .prop_map(|(modification, always_place)| Modify { modification, always_place }),
        (any::<u32>(), any::<bool>(), any::<u32>())
            .prop_map(|(asset, is_cross, leverage)| UpdateLeverage { asset, is_cross, leverage }),
        (any::<u32>(), any::<i64>(), 0_u32..64)
            .prop_map(|(asset, usd, s)| UpdateIsolatedMargin { asset, micro_usd: usd >> s }),
        (uints(), proptest::option::of(any::<[u8; 20]>())).prop_map(|(weight, to)| {
            ReserveRequestWeight { weight, destination: to.map(Address::new) }
        }),
    ];
    prop_oneof![
        3 => proptest::collection::vec(orders(), many.clone()).prop_map(Owned::Orders),
        1 => (cancels(uints().prop_map(Oid)), any::<bool>()).prop_map(|(c, f)| Owned::Cancels(c, f)),
        1 => (cancels(cloids()), any::<bool>()).prop_map(|(c, f)| Owned::CancelsByCloid(c, f)),
        2 => (proptest::collection::vec(modifications(), many), any::<bool>())
            .prop_map(|(m, a)| Owned::Modifies(m, a)),
        2 => other.prop_map(Owned::Other),
    ]
}

fn envelopes() -> impl Strategy<Value = Envelope> {
    let vault = proptest::option::of(any::<[u8; 20]>());
    (uints(), vault, proptest::option::of(uints())).prop_map(|(nonce, vault, expires_after)| {
        Envelope { nonce, vault: vault.map(Address::new), expires_after }
    })
}

proptest! {
    /// What is hashed is what is sent: our JSON, read by others and packed by the naive twin.
    #[test]
    fn msgpack_and_json_say_the_same(owned in actions()) {
        let action = owned.action();
        let text = json(&action);
        let read: Value = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(&json(&Owned::of(&read).unwrap().action()), &text);
        prop_assert_eq!(json_to_msgpack(&text).unwrap(), msgpack(&action));
    }

    #[test]
    fn a_signature_leads_back_to_its_signer(
        owned in actions(), envelope in envelopes(), key in 1_u128.., is_mainnet: bool
    ) {
        let key = format!("{key:064x}");
        let network = if is_mainnet { Network::Mainnet } else { Network::Testnet };
        let mut signer = RequestSigner::new(Signer::from_hex(&key).unwrap(), network);
        let (action, mut post) = (owned.action(), Vec::new());
        signer.write_post(7, &action, &envelope, &mut post);
        let post: Value = serde_json::from_slice(&post).unwrap();
        prop_assert_eq!((&post["method"], &post["id"]), (&"post".into(), &7.into()));
        prop_assert_eq!(&post["request"]["type"], "action");

        // As the venue would: from what was sent alone.
        let body = &post["request"]["payload"];
        let sent = Owned::of(&body["action"]).unwrap();
        let number = |key: &str| hex::parse(body["signature"][key].as_str().unwrap()).unwrap();
        let v = body["signature"]["v"].as_u64().unwrap() as u8;
        let signature = Signature { r: number("r"), s: number("s"), v };
        let received = Envelope {
            nonce: body["nonce"].as_u64().unwrap(),
            vault: body["vaultAddress"].as_str().and_then(Address::parse),
            expires_after: body["expiresAfter"].as_u64(),
        };
        prop_assert_eq!(received, envelope);
        let mut preimage = msgpack(&sent.action());
        received.append_to(&mut preimage);
        let digest = PhantomAgent::new(network).digest(&keccak256(&preimage));
        prop_assert_eq!(Recoverer::default().recover(&digest, &signature), Some(signer.address()));
        prop_assert!(signature.s[0] < 0x80, "low s");
    }
}

proptest! {
    /// Text that is nearly an action is refused or packed, and never reaches a panic.
    #[test]
    fn no_text_reaches_a_panic(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("{"), Just("}"), Just("["), Just("]"), Just(":"), Just(","), Just("\"a\""),
                Just("\"type\":\"order\""), Just("\"\\u00e9\\n\""), Just("-1"), Just("1e9"),
                Just("18446744073709551616"), Just("null"), Just("true"), Just(" "), Just("\"")
            ],
            0..40,
        ),
        noise in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        for text in [pieces.concat().into_bytes(), noise] {
            let packed = json_to_msgpack(&text);
            let is_json = serde_json::from_slice::<Value>(&text).is_ok_and(|v| v.is_object());
            prop_assert!(is_json || packed.is_err(), "{:?}", text);
            prop_assert!(UserKind::by_action("usdSend").unwrap().digest(&text).is_err());
        }
    }
}

#[test]
fn nothing_in_an_action_goes_unsigned() {
    let key = || Signer::from_hex(&"7".repeat(64)).unwrap();
    let vault = Some(Address::new([7; 20]));
    let envelope = Envelope { nonce: 5, vault, expires_after: Some(9) };
    let orders = [WireOrder { px: Px::whole(1), qty: Qty::whole(1), ..WireOrder::default() }];
    let sign = |network, orders: &[WireOrder], envelope| {
        RequestSigner::new(key(), network).digest(&WireAction::Order(orders), &envelope)
    };
    let digest = sign(Network::Mainnet, &orders, envelope);
    let order = |change: fn(&mut WireOrder)| {
        let mut changed = orders;
        change(&mut changed[0]);
        sign(Network::Mainnet, &changed, envelope)
    };
    let others = [
        sign(Network::Testnet, &orders, envelope),
        sign(Network::Mainnet, &orders, Envelope { nonce: 6, ..envelope }),
        sign(Network::Mainnet, &orders, Envelope { vault: None, ..envelope }),
        sign(Network::Mainnet, &orders, Envelope { expires_after: None, ..envelope }),
        sign(Network::Mainnet, &[], envelope),
        order(|o| o.asset = 1),
        order(|o| o.side = Side::Ask),
        order(|o| o.px = Px::from_raw(1)),
        order(|o| o.qty = Qty::from_raw(1)),
        order(|o| o.reduce_only = true),
        order(|o| o.tif = TimeInForce::Gtc),
        order(|o| o.cloid = Some(Cloid::from_u128(1))),
    ];
    let mut all: Vec<_> = others.iter().chain([&digest]).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), others.len() + 1);
}
