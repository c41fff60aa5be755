//! The vectors of `testdata/vectors/signing.json`, and their actions as our types.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "for tests")]

use botmm_pipeline::types::{Cloid, Oid, Px, Qty, Side};
use botmm_pipeline::venue::hl::sign::{
    Address, Envelope, Modification, Network, OrderRef, TimeInForce, WireAction, WireCancel,
    WireOrder, hex,
};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// An entry, each field as its text: key order matters within `action`.
pub struct Vector(BTreeMap<String, Box<RawValue>>);

pub fn section(name: &str) -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/signing.json");
    let text = std::fs::read_to_string(path).unwrap();
    let sections: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
    let entries: Vec<BTreeMap<_, _>> = serde_json::from_str(sections[name].get()).unwrap();
    entries.into_iter().map(Vector).collect()
}

impl Vector {
    pub fn raw(&self, key: &str) -> &str {
        self.0.get(key).map_or("null", |raw| raw.get())
    }
    pub fn value(&self, key: &str) -> Value {
        serde_json::from_str(self.raw(key)).unwrap()
    }
    pub fn text(&self, key: &str) -> String {
        self.value(key).as_str().unwrap_or_else(|| panic!("{}: {key}", self.name())).to_owned()
    }
    pub fn has(&self, key: &str) -> bool {
        !self.value(key).is_null()
    }
    pub fn name(&self) -> String {
        self.value("name").as_str().unwrap_or("?").to_owned()
    }
    pub fn network(&self) -> Network {
        if self.value("is_mainnet") == true { Network::Mainnet } else { Network::Testnet }
    }
    pub fn envelope(&self) -> Envelope {
        let vault = self.value("vault_address");
        Envelope {
            nonce: self.value("nonce").as_u64().unwrap(),
            vault: vault.as_str().map(|text| Address::parse(text).unwrap()),
            expires_after: self.value("expires_after").as_u64(),
        }
    }
    /// `r`, `s` and `v`, padded.
    pub fn signature(&self) -> (String, String, u64) {
        let signature = self.value("signature");
        let number =
            |key: &str| hex::text(&hex::parse_number(signature[key].as_str().unwrap()).unwrap());
        (number("r"), number("s"), signature["v"].as_u64().unwrap())
    }
}

/// An action that owns its lists.
#[derive(Debug)]
pub enum Owned {
    Orders(Vec<WireOrder>),
    Cancels(Vec<WireCancel<Oid>>, bool),
    CancelsByCloid(Vec<WireCancel<Cloid>>, bool),
    Modifies(Vec<Modification>, bool),
    Other(WireAction<'static>),
}

impl Owned {
    pub fn action(&self) -> WireAction<'_> {
        match self {
            Self::Orders(orders) => WireAction::Order(orders),
            Self::Cancels(cancels, fast) => WireAction::Cancel { cancels, fast: *fast },
            Self::CancelsByCloid(cancels, fast) => {
                WireAction::CancelByCloid { cancels, fast: *fast }
            }
            Self::Modifies(modifies, always) => {
                WireAction::BatchModify { modifies, always_place: *always }
            }
            Self::Other(action) => *action,
        }
    }

    /// None for what no maker of perps sends: triggers, groups, builders, transfers, ….
    pub fn of(json: &Value) -> Option<Self> {
        let flag = |key: &str| json[key] == true;
        let asset = || u32_of(&json["asset"]);
        Some(match json["type"].as_str()? {
            "order" if json["grouping"] == "na" && json["builder"].is_null() => {
                Self::Orders(all(&json["orders"], order)?)
            }
            "cancel" => {
                let id = |c: &Value| {
                    Some(WireCancel { asset: u32_of(&c["a"]), id: Oid(c["o"].as_u64()?) })
                };
                Self::Cancels(all(&json["cancels"], id)?, flag("f"))
            }
            "cancelByCloid" => {
                let id = |c: &Value| {
                    Some(WireCancel { asset: u32_of(&c["asset"]), id: cloid(&c["cloid"])? })
                };
                Self::CancelsByCloid(all(&json["cancels"], id)?, flag("f"))
            }
            "modify" => Self::Other(WireAction::Modify {
                modification: modification(json)?,
                always_place: flag("a"),
            }),
            "batchModify" => Self::Modifies(all(&json["modifies"], modification)?, flag("a")),
            "scheduleCancel" => Self::Other(WireAction::ScheduleCancel(json["time"].as_u64())),
            "updateLeverage" => Self::Other(WireAction::UpdateLeverage {
                asset: asset(),
                is_cross: flag("isCross"),
                leverage: u32_of(&json["leverage"]),
            }),
            "updateIsolatedMargin" => Self::Other(WireAction::UpdateIsolatedMargin {
                asset: asset(),
                micro_usd: json["ntli"].as_i64()?,
            }),
            "noop" => Self::Other(WireAction::Noop),
            "reserveRequestWeight" => Self::Other(WireAction::ReserveRequestWeight {
                weight: json["weight"].as_u64()?,
                destination: json["destination"].as_str().and_then(Address::parse),
            }),
            _ => return None,
        })
    }
}

fn all<T>(list: &Value, item: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    list.as_array()?.iter().map(item).collect()
}

fn u32_of(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn cloid(value: &Value) -> Option<Cloid> {
    hex::parse::<16>(value.as_str()?).map(|bytes| Cloid::from_u128(u128::from_be_bytes(bytes)))
}

fn modification(json: &Value) -> Option<Modification> {
    let target = match json["oid"].as_u64() {
        Some(oid) => OrderRef::Oid(Oid(oid)),
        None => OrderRef::Cloid(cloid(&json["oid"])?),
    };
    Some(Modification { target, order: order(&json["order"])? })
}

fn order(json: &Value) -> Option<WireOrder> {
    let tif = match json["t"]["limit"]["tif"].as_str()? {
        "Alo" => TimeInForce::Alo,
        "Ioc" => TimeInForce::Ioc,
        "Gtc" => TimeInForce::Gtc,
        other => panic!("tif {other}"),
    };
    Some(WireOrder {
        asset: u32_of(&json["a"]),
        side: if json["b"] == true { Side::Bid } else { Side::Ask },
        px: Px::parse(json["p"].as_str()?).unwrap(),
        qty: Qty::parse(json["s"].as_str()?).unwrap(),
        reduce_only: json["r"] == true,
        tif,
        cloid: cloid(&json["c"]),
    })
}
