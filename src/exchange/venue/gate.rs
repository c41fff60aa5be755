//! The checks of a whole request, in the venue's order: who signed it, its nonce, its expiry, its
//! vault, and the address's budget.

use super::Venue;
use super::config::UnknownSignerText;
use crate::exchange::model::{Command, Signed};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::Usd;
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::sim::core::{Refused, rules};
use std::collections::BTreeSet;

/// Nonces kept of a signer: the highest ones.
const NONCES: usize = 100;
/// How far a nonce may lie behind block time (ms), and before it.
const NONCE_BEHIND_MS: u64 = 2 * 86_400_000;
const NONCE_AHEAD_MS: u64 = 86_400_000;
/// Price of one request: 0.0005 USD.
const REQUEST_PRICE: Usd = Usd::from_raw(50_000);

impl Venue {
    /// Block time in Unix milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.core.time.as_millis()).unwrap_or(0)
    }

    /// Whether a request may be executed, and for which account. Its nonce is used up as soon as
    /// the signer is known.
    pub(super) fn admit(&mut self, action: &Signed) -> Result<usize, Refusal> {
        let who = self.account_of_signer(action)?;
        self.use_nonce(action.signer, action.nonce)?;
        if action.expires_after_ms.is_some_and(|until| rules::is_expired(self.core.time, until)) {
            self.core.spend_late(who);
            return Err(Refused::Expired.into());
        }
        if let Some(vault) = action.vault {
            return Err(Refusal::VaultUnknown(vault));
        }
        let (items, is_cancel) = match &action.command {
            Command::Order(orders) | Command::Grouped(_, orders) => (orders.len(), false),
            Command::Cancel(cancels) | Command::FastCancel(cancels) => (cancels.len(), true),
            Command::Modify { items, .. } => (items.len(), false),
            _ => (1, false),
        };
        if items == 0 {
            return Err(Refusal::EmptyBatch);
        }
        self.core.spend(who, items as u64, is_cancel)?;
        Ok(who)
    }

    fn account_of_signer(&self, action: &Signed) -> Result<usize, Refusal> {
        let signer = action.signer;
        if let Some(who) = self.ids.get(&signer) {
            return Ok(*who);
        }
        if action.user_signed {
            return Err(Refusal::MustDeposit(signer));
        }
        self.agent_of(&signer).ok_or(match self.config.unknown_signer {
            UnknownSignerText::DoesNotExist => Refusal::UnknownSigner(signer),
            UnknownSignerText::MustDeposit => Refusal::MustDeposit(signer),
        })
    }

    fn use_nonce(&mut self, signer: Address, nonce: u64) -> Result<(), Refusal> {
        let now_ms = self.now_ms();
        let window = now_ms.saturating_sub(NONCE_BEHIND_MS)..=now_ms + NONCE_AHEAD_MS;
        if !window.contains(&nonce) {
            return Err(Refusal::NonceOutOfWindow(nonce, now_ms));
        }
        let kept: &mut BTreeSet<u64> = self.nonces.entry(signer).or_default();
        if kept.contains(&nonce) {
            return Err(Refusal::DuplicateNonce(nonce));
        }
        if kept.len() == NONCES
            && let Some(&least) = kept.first()
        {
            if nonce < least {
                return Err(Refusal::NonceTooLow(nonce, least));
            }
            kept.pop_first();
        }
        kept.insert(nonce);
        Ok(())
    }

    /// Sells requests, out of free cash.
    pub(super) fn reserve_requests(
        &mut self,
        who: usize,
        weight: u64,
        destination: Option<Address>,
    ) -> Result<(), Refusal> {
        let target = match destination {
            Some(address) => *self.ids.get(&address).ok_or(Refusal::MustDeposit(address))?,
            None => who,
        };
        let price = i64::try_from(weight).ok().and_then(|w| REQUEST_PRICE.raw().checked_mul(w));
        let price = Usd::from_raw(price.ok_or(Refused::Margin)?);
        if self.core.margin(who).available() < price {
            return Err(Refused::Margin.into());
        }
        self.core.accounts[who].cash -= price;
        self.requests_sold += price;
        self.core.accounts[target].bought += weight;
        Ok(())
    }
}
