//! The venue's way to write things.

use super::{COINS, Order};
use botmm_pipeline::types::decimal::write_decimal;
use botmm_pipeline::types::{Cloid, Side};
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::{
    Address, Envelope, Network, Recoverer, Signature, hex, json_to_msgpack, keccak256,
};
use serde_json::Value;

/// Minimal digits, but integers carry `.0`.
pub fn decimal(raw: i64) -> String {
    let mut text = String::new();
    write_decimal(raw, &mut text).unwrap();
    if text.contains('.') { text } else { text + ".0" }
}

pub fn side_of(side: Side) -> &'static str {
    if side == Side::Bid { "B" } else { "A" }
}

/// Our id of a text.
pub fn cloid(v: &Value) -> Option<Cloid> {
    hex::parse(v.as_str()?).map(|bytes| Cloid::from_u128(u128::from_be_bytes(bytes)))
}

/// The fields of an order as `orderUpdates` tells it.
pub fn order_item(order: &Order) -> String {
    let cloid = order.cloid.map_or(String::new(), |c| format!(r#","cloid":"{c}""#));
    format!("{}{cloid}", fields(order))
}

fn fields(order: &Order) -> String {
    format!(
        r#""coin":"{}","side":"{}","limitPx":"{}","sz":"{}","oid":{},"timestamp":{},"origSz":"{}""#,
        COINS[order.coin],
        side_of(order.side),
        decimal(order.px.raw()),
        decimal(order.leaves.raw()),
        order.oid,
        order.time_ms,
        decimal(order.orig.raw())
    )
}

/// An order as `frontendOpenOrders` tells it.
pub fn open_order_item(order: &Order) -> String {
    let cloid = order.cloid.map_or("null".to_owned(), |c| format!(r#""{c}""#));
    format!(
        r#"{{{},"triggerCondition":"N/A","isTrigger":false,"triggerPx":"0.0","children":[],"isPositionTpsl":false,"reduceOnly":false,"orderType":"Limit","tif":"Alo","cloid":{cloid}}}"#,
        fields(order)
    )
}

/// Who signed a request: by the action's text as it came, in its key order.
pub fn recovered(text: &str, payload: &Value) -> Option<Address> {
    let action = text.split_once(r#""action":"#)?.1.split_once(r#","nonce":"#)?.0;
    let mut preimage = json_to_msgpack(action.as_bytes()).ok()?;
    let envelope = Envelope {
        nonce: payload["nonce"].as_u64()?,
        vault: payload["vaultAddress"].as_str().and_then(Address::parse),
        expires_after: payload["expiresAfter"].as_u64(),
    };
    envelope.append_to(&mut preimage);
    let digest = PhantomAgent::new(Network::Testnet).digest(&keccak256(&preimage));
    let part = |name: &str| hex::parse(payload["signature"][name].as_str()?);
    let v = u8::try_from(payload["signature"]["v"].as_u64()?).ok()?;
    Recoverer::default().recover(&digest, &Signature { r: part("r")?, s: part("s")?, v })
}
