//! The account as the venue itself sees it, asked over HTTPS by the side thread: for the comparison
//! at the end, and to cancel what rests when the order link cannot.

use super::worth::{Closing, Kind, Transfers, Worth, usdc};
use crate::exit::AppError;
use crate::net::Rest;
use crate::venue_numbers;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{
    AssetId, Cloid, Instrument, Nanos, Oid, Px, Qty, RejectReason, Universe, Usd, notional,
};
use botmm_pipeline::venue::hl::sign::{
    Address, Envelope, Nonce, RequestSigner, WireAction, WireCancel,
};
use botmm_pipeline::venue::hl::user::ItemError;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// Cancels in one request: few enough to weigh nothing.
const CANCELS_AT_ONCE: usize = 20;

/// Whom the key trades for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account whose orders, fills and positions these are.
    pub address: Address,
    /// It, when the venue has to be told (a sub-account or vault).
    pub vault: Option<Address>,
    /// The key is the account's own, which could also withdraw.
    pub is_own_key: bool,
}

/// Asks and cancels for one account.
pub struct AccountClient {
    /// The way there.
    pub rest: Rest,
    /// Whose.
    pub account: Principal,
    /// Signs, beside the order link, with the same key and the same counter.
    pub signer: RequestSigner,
    /// That counter.
    pub nonce: Nonce,
    /// What is traded.
    pub universe: Universe,
    /// Another process trades here too: only orders of this run are ours to cancel.
    pub only_session: OnlySession,
    /// What it was worth at the start.
    pub start: Worth,
    /// Takes note of what is cancelled.
    pub own_cancels: OwnCancels,
}

/// Makes a way to the venue that shares no connection with any other.
pub type Way = Arc<dyn Fn() -> Result<AccountClient, AppError> + Send + Sync>;

/// The run whose orders alone may be cancelled, when another process trades on the account; shared by
/// all ways to cancel, since that may show at any time.
#[derive(Clone, Debug, Default)]
pub struct OnlySession(Arc<OnceLock<u32>>);

impl OnlySession {
    /// From now on.
    pub fn set(&self, session: u32) {
        let _ = self.0.set(session); // It is always our own.
    }

    /// Its number; [`None`] = orders of any run of ours.
    pub fn get(&self) -> Option<u32> {
        self.0.get().copied()
    }
}

/// When orders of ours were last cancelled over HTTPS, by our clock; shared by all ways to cancel. The order link
/// tells of an order that is gone, and not who cancelled it.
#[derive(Clone, Debug, Default)]
pub struct OwnCancels(Arc<AtomicI64>);

impl OwnCancels {
    /// It is done now, or will be in a moment.
    pub fn at(&self, now: Nanos) {
        self.0.fetch_max(now.0, Ordering::Relaxed);
    }

    /// The last time; zero = never.
    pub fn last(&self) -> Nanos {
        Nanos(self.0.load(Ordering::Relaxed))
    }
}

/// An order that rests at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// Of its coin.
    pub(super) venue_index: u32,
    pub(super) oid: Oid,
}

impl OpenOrder {
    /// Whether it is of this coin.
    pub fn is_of(&self, instrument: &Instrument) -> bool {
        self.venue_index == instrument.venue_index
    }
}

#[cfg(test)]
impl OpenOrder {
    /// So many.
    pub fn some(count: usize) -> Vec<Self> {
        (0..count as u64).map(|n| Self { venue_index: 0, oid: Oid(n) }).collect()
    }
}

impl AccountClient {
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
        let session = session_of(order)?;
        let asset = self.universe.find(order["coin"].as_str()?.as_bytes())?;
        let oid = Oid(order["oid"].as_u64()?);
        let venue_index = self.universe.get(asset).venue_index;
        let is_ours = self.only_session.get().is_none_or(|s| session == s);
        is_ours.then_some(OpenOrder { venue_index, oid })
    }

    /// An order that we know to rest.
    pub fn order(&self, asset: AssetId, oid: Oid) -> OpenOrder {
        OpenOrder { venue_index: self.universe.get(asset).venue_index, oid }
    }

    /// Cancels orders over HTTPS. Those that are over already are no error.
    pub fn cancel(&mut self, now: Nanos, orders: &[OpenOrder]) -> Result<(), AppError> {
        self.signing().cancel(now, orders)
    }

    pub(super) fn signing(&mut self) -> Signing<'_> {
        let Self { rest, account, signer, nonce, own_cancels, .. } = self;
        Signing { rest, account, signer, nonce, own_cancels }
    }

    /// What the account is worth now.
    pub fn worth(&self) -> Result<Worth, AppError> {
        let state = self.ask("clearinghouseState")?;
        let ask = |question: &Value| Ok(self.rest.info(question)?);
        let worth = Worth::ask(&ask, &self.account.address.to_string(), &state)?;
        worth.ok_or_else(|| unread("clearinghouseState"))
    }

    /// The account at our marks, and its positions in our coins.
    pub fn closing(&self, marks: &[Px; MAX_ASSETS]) -> Result<(Closing, Vec<Qty>), AppError> {
        let state = self.ask("clearinghouseState")?;
        let unread = || unread("clearinghouseState");
        let balance = match self.start.kind {
            Kind::Perpetuals => Usd::ZERO,
            Kind::Unified => usdc(&self.ask("spotClearinghouseState")?).ok_or_else(unread)?,
        };
        let value = match self.start.kind {
            Kind::Perpetuals => {
                venue_numbers::usd(&state["marginSummary"]["totalRawUsd"]).ok_or_else(unread)?
            }
            Kind::Unified => balance,
        };
        let mut closing = Closing { value, balance, holds_others: false };
        let mut held = vec![Qty::ZERO; self.universe.len()];
        let mut coins = HashSet::new();
        for entry in state["assetPositions"].as_array().ok_or_else(unread)? {
            let position = &entry["position"];
            let szi = venue_numbers::position(&position["szi"]).ok_or_else(unread)?;
            let coin = position["coin"].as_str().unwrap_or_default();
            if !coins.insert(coin) {
                return Err(unread()); // Which of the two holds is anybody's guess.
            }
            let Some(asset) = self.universe.find(coin.as_bytes()) else {
                closing.holds_others |= !szi.is_zero();
                continue;
            };
            held[asset.index()] = szi;
            closing.value += notional(marks[asset.index()], szi);
            if self.start.kind == Kind::Unified {
                let entered_at = venue_numbers::px(&position["entryPx"]).ok_or_else(unread)?;
                closing.value -= notional(entered_at, szi);
            }
        }
        Ok((closing, held))
    }

    /// Money that came or went since a moment.
    pub fn transfers(&self, since: Nanos) -> Result<Transfers, AppError> {
        let (kind, user) = ("userNonFundingLedgerUpdates", self.account.address.to_string());
        let start = since.as_millis();
        let list = self.rest.info(&json!({ "type": kind, "user": user, "startTime": start }))?;
        Transfers::since(&list, since, &user, self.start.kind).ok_or_else(|| unread(kind))
    }
}

/// What signs an action over HTTPS.
pub(super) struct Signing<'a> {
    pub rest: &'a Rest,
    pub account: &'a Principal,
    pub signer: &'a mut RequestSigner,
    pub nonce: &'a Nonce,
    pub own_cancels: &'a OwnCancels,
}

impl Signing<'_> {
    /// See [`AccountClient::cancel`].
    pub fn cancel(&mut self, now: Nanos, orders: &[OpenOrder]) -> Result<(), AppError> {
        for chunk in orders.chunks(CANCELS_AT_ONCE) {
            self.own_cancels.at(now);
            let one = |o: &OpenOrder| WireCancel { asset: o.venue_index, id: o.oid };
            let cancels: Vec<_> = chunk.iter().map(one).collect();
            let answer =
                self.send(now, &WireAction::Cancel { cancels: &cancels, fast: true }, None)?;
            if let Some(why) = refusal(&answer) {
                return Err(AppError::data(
                    "cancel over HTTPS",
                    format!("refused: {why}"),
                    "cancel the orders on the venue's page",
                ));
            }
        }
        Ok(())
    }

    /// Sends an action; the venue's answer.
    pub fn send(
        &mut self,
        now: Nanos,
        action: &WireAction<'_>,
        expires_after: Option<u64>,
    ) -> Result<Value, AppError> {
        let envelope =
            Envelope { nonce: self.nonce.next(now), vault: self.account.vault, expires_after };
        let mut body = Vec::new();
        self.signer.write_body(action, &envelope, &mut body);
        Ok(self.rest.exchange(&body)?)
    }
}

/// The run that has sent an order of ours; [`None`] = it is not ours.
pub(super) fn session_of(order: &Value) -> Option<u32> {
    let hex = order["cloid"].as_str()?.strip_prefix("0x")?;
    let cloid = Cloid::from_u128(u128::from_str_radix(hex, 16).ok()?);
    cloid.is_ours().then(|| cloid.session())
}

/// Why a cancel was refused, whole or in part; an order that is gone needs none.
fn refusal(answer: &Value) -> Option<String> {
    if answer["status"].as_str() != Some("ok") {
        return Some(answer["response"].to_string());
    }
    let statuses = answer["response"]["data"]["statuses"].as_array()?;
    let refused = |status: &Value| {
        let text = status["error"].as_str()?;
        (ItemError::of(text).reason != RejectReason::NotFound).then(|| text.to_owned())
    };
    statuses.iter().find_map(refused)
}

pub(super) fn unread(what: &str) -> AppError {
    AppError::data(what, "the answer has not the venue's shape", "report this with the answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_that_is_refused_in_part_is_refused() {
        let gone = "Order was never placed, already canceled, or filled. asset=1";
        let answer = |statuses: Value| {
            let data = json!({ "type": "cancel", "data": { "statuses": statuses } });
            refusal(&json!({ "status": "ok", "response": data }))
        };
        assert_eq!(answer(json!(["success", { "error": gone }])), None);
        let told = answer(json!(["success", { "error": "Cannot cancel right now." }]));
        assert_eq!(told.unwrap(), "Cannot cancel right now.");
        let whole = refusal(&json!({ "status": "err", "response": "Too many" }));
        assert_eq!(whole.unwrap(), "\"Too many\"");
    }
}
