//! The account as the venue itself sees it, asked over HTTPS by the side thread: for the comparison
//! at the end, and to cancel what rests when the order link cannot.

use super::startup::{Account, usd};
use crate::exit::AppError;
use crate::net::Rest;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Cloid, Nanos, Oid, Px, Qty, Universe, Usd, notional, parse_decimal};
use botmm_pipeline::venue::hl::sign::{Envelope, Nonce, RequestSigner, WireAction, WireCancel};
use serde_json::{Value, json};

/// Cancels in one request: few enough to weigh nothing.
const CANCELS_AT_ONCE: usize = 20;

/// Asks and cancels for one account.
pub struct VenueSide {
    /// The way there.
    pub rest: Rest,
    /// Whose.
    pub account: Account,
    /// Signs, beside the order link, with the same key and the same counter.
    pub signer: RequestSigner,
    /// That counter.
    pub nonce: Nonce,
    /// What is traded.
    pub universe: Universe,
    /// Another process trades here too: only orders of this run are ours to cancel.
    pub only_session: Option<u32>,
}

/// An order that rests at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    venue_index: u32,
    oid: Oid,
}

impl VenueSide {
    fn ask(&self, kind: &str) -> Result<Value, AppError> {
        let user = self.account.address.to_string();
        Ok(self.rest.info(&json!({ "type": kind, "user": user }))?)
    }

    /// Orders of ours, of any run unless another one lives, that rest: none may be left when a run has
    /// ended.
    pub fn open_orders(&self) -> Result<Vec<OpenOrder>, AppError> {
        let listed = self.ask("frontendOpenOrders")?;
        let Some(listed) = listed.as_array() else { return Err(unread("frontendOpenOrders")) };
        Ok(listed.iter().filter_map(|order| self.own(order)).collect())
    }

    fn own(&self, order: &Value) -> Option<OpenOrder> {
        let hex = order["cloid"].as_str()?.strip_prefix("0x")?;
        let cloid = Cloid::from_u128(u128::from_str_radix(hex, 16).ok()?);
        let asset = self.universe.find(order["coin"].as_str()?.as_bytes())?;
        let oid = Oid(order["oid"].as_u64()?);
        let venue_index = self.universe.get(asset).venue_index;
        let is_ours =
            cloid.is_ours() && self.only_session.is_none_or(|session| cloid.session() == session);
        is_ours.then_some(OpenOrder { venue_index, oid })
    }

    /// Cancels orders over HTTPS.
    pub fn cancel(&mut self, now: Nanos, orders: &[OpenOrder]) -> Result<(), AppError> {
        for chunk in orders.chunks(CANCELS_AT_ONCE) {
            let one = |o: &OpenOrder| WireCancel { asset: o.venue_index, id: o.oid };
            let cancels: Vec<_> = chunk.iter().map(one).collect();
            let envelope = Envelope {
                nonce: self.nonce.next(now),
                vault: self.account.vault,
                expires_after: None,
            };
            let mut body = Vec::new();
            let action = WireAction::Cancel { cancels: &cancels, fast: true };
            self.signer.write_body(&action, &envelope, &mut body);
            let answer = self.rest.exchange(&body)?;
            if answer["status"].as_str() != Some("ok") {
                return Err(AppError::data(
                    "cancel over HTTPS",
                    format!("refused: {}", answer["response"]),
                    "cancel the orders on the venue's page",
                ));
            }
        }
        Ok(())
    }

    /// What the account is worth: its cash, plus our coins at our marks and all others at the
    /// venue's; and its positions in our coins.
    pub fn value(&self, marks: &[Px; MAX_ASSETS]) -> Result<(Usd, Vec<Qty>), AppError> {
        let state = self.ask("clearinghouseState")?;
        let unread = || unread("clearinghouseState");
        let cash = usd(&state["marginSummary"]["totalRawUsd"]).ok_or_else(unread)?;
        let mut value = cash;
        let mut held = vec![Qty::ZERO; self.universe.len()];
        for entry in state["assetPositions"].as_array().ok_or_else(unread)? {
            let position = &entry["position"];
            let szi = position["szi"].as_str().and_then(|t| parse_decimal(t.as_bytes()).ok());
            let szi = Qty::from_raw(szi.ok_or_else(unread)?);
            let coin = position["coin"].as_str().unwrap_or_default();
            match self.universe.find(coin.as_bytes()) {
                Some(asset) => {
                    held[asset.index()] = szi;
                    value += notional(marks[asset.index()], szi);
                }
                None => {
                    let worth = usd(&position["positionValue"]).ok_or_else(unread)?;
                    value += if szi.is_negative() { -worth } else { worth };
                }
            }
        }
        Ok((value, held))
    }
}

fn unread(what: &str) -> AppError {
    AppError::data(what, "the answer has not the venue's shape", "report this with the answer")
}
