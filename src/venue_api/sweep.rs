//! An account's orders of whatever coin, for who must cancel them without a run: `botmm kill`, the guard.

use super::account::{
    AccountClient, OpenOrder, OwnCancels, Principal, Signing, session_of, unread,
};
use super::clear::Orders;
use crate::exit::AppError;
use crate::net::Rest;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Oid;
use botmm_pipeline::venue::hl::sign::{Nonce, RequestSigner};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Whose orders are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those with our tag, of any run.
    Ours,
    /// Those of one run: another one of ours trades on the account too.
    OfRun(u32),
    /// All, a person's too.
    All,
}

/// See the module.
pub struct Sweep {
    /// The way there.
    pub rest: Rest,
    /// Whose account.
    pub account: Principal,
    /// Signs.
    pub signer: RequestSigner,
    /// With these nonces.
    pub nonce: Nonce,
    /// The time.
    pub clock: WallClock,
    /// Which orders.
    pub whose: Whose,
    /// Takes note of what is cancelled.
    own_cancels: OwnCancels,
    /// Where each coin is in the venue's list; asked for at the first need.
    coins: HashMap<String, u32>,
    /// What was seen and is left alone.
    pub spared: Spared,
}

/// Orders that rest and are not ours to cancel, or not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spared {
    /// Without our tag, or of another run.
    pub foreign: usize,
    /// Of what is no perpetual of the venue's own list (spot, other deployers).
    pub elsewhere: usize,
}

impl Sweep {
    /// Nothing is asked yet.
    pub fn new(
        rest: Rest,
        account: Principal,
        signer: RequestSigner,
        nonce: Nonce,
        clock: WallClock,
        whose: Whose,
    ) -> Self {
        let (coins, spared) = (HashMap::new(), Spared::default());
        let own_cancels = OwnCancels::default();
        Self { rest, account, signer, nonce, clock, whose, own_cancels, coins, spared }
    }

    /// What a run may cancel: its own orders alone when another one trades on the account.
    pub fn of(client: AccountClient, clock: WallClock) -> Self {
        let AccountClient { rest, account, signer, nonce, only_session, own_cancels, .. } = client;
        let whose = only_session.get().map_or(Whose::Ours, Whose::OfRun);
        Self { own_cancels, ..Self::new(rest, account, signer, nonce, clock, whose) }
    }

    pub(super) fn signing(&mut self) -> Signing<'_> {
        let Self { rest, account, signer, nonce, own_cancels, .. } = self;
        Signing { rest, account, signer, nonce, own_cancels }
    }

    fn ask_coins(&mut self) -> Result<(), AppError> {
        let meta = self.rest.info(&json!({ "type": "meta" }))?;
        let listed = meta["universe"].as_array().ok_or_else(|| unread("meta"))?;
        let named = |(coin, at): (&Value, u32)| Some((coin["name"].as_str()?.to_owned(), at));
        self.coins = listed.iter().zip(0..).filter_map(named).collect();
        Ok(())
    }

    /// Of what the venue lists as open, what is to go; takes note of what is not.
    fn sort(&mut self, listed: &[Value]) -> Result<Vec<OpenOrder>, AppError> {
        let (mut to_go, mut spared) = (Vec::new(), Spared::default());
        for order in listed {
            let is_meant = match (self.whose, session_of(order)) {
                (Whose::All, _) | (Whose::Ours, Some(_)) => true,
                (Whose::OfRun(run), Some(session)) => run == session,
                (_, None) => false,
            };
            let oid = order["oid"].as_u64().ok_or_else(|| unread("frontendOpenOrders"))?;
            match self.coins.get(order["coin"].as_str().unwrap_or_default()) {
                _ if !is_meant => spared.foreign += 1,
                None => spared.elsewhere += 1,
                Some(venue_index) => {
                    to_go.push(OpenOrder { venue_index: *venue_index, oid: Oid(oid) });
                }
            }
        }
        self.spared = spared;
        Ok(to_go)
    }
}

impl Orders for Sweep {
    fn open(&mut self) -> Result<Vec<OpenOrder>, AppError> {
        if self.coins.is_empty() {
            self.ask_coins()?;
        }
        let user = self.account.address.to_string();
        let listed = self.rest.info(&json!({ "type": "frontendOpenOrders", "user": user }))?;
        self.sort(listed.as_array().ok_or_else(|| unread("frontendOpenOrders"))?)
    }

    fn cancel(&mut self, orders: &[OpenOrder]) -> Result<(), AppError> {
        let now = self.clock.now();
        self.signing().cancel(now, orders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Endpoint, Tls};
    use botmm_pipeline::types::Cloid;
    use botmm_pipeline::venue::hl::sign::{Address, Network, Signer};

    fn sweep(whose: Whose) -> Sweep {
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let rest = Rest::new(&endpoint, &Tls::default()).unwrap();
        let signer = Signer::from_hex(&"1".repeat(64)).unwrap();
        let account = Principal { address: Address::new([1; 20]), vault: None, is_own_key: false };
        let signer = RequestSigner::new(signer, Network::Testnet);
        let mut sweep =
            Sweep::new(rest, account, signer, Nonce::beside(0), WallClock::default(), whose);
        sweep.coins = [("BTC".to_owned(), 0), ("GONE".to_owned(), 7)].into();
        sweep
    }

    fn order(oid: u64, coin: &str, cloid: Option<u128>) -> Value {
        json!({ "oid": oid, "coin": coin, "cloid": cloid.map(|c| format!("{c:#034x}")) })
    }

    #[test]
    fn only_what_is_meant_is_to_go_whatever_coin_it_is_of() {
        let ours = |session| Some(Cloid::new(session, 0, 1).to_u128());
        let listed = [
            order(1, "BTC", ours(5)),
            order(2, "GONE", ours(6)),
            order(3, "BTC", None),
            order(4, "BTC", Some(77)),
            order(5, "@107", ours(5)),
        ];
        let to_go = |whose| {
            let mut sweep = sweep(whose);
            let sorted = sweep.sort(&listed).unwrap();
            let oids: Vec<_> = sorted.iter().map(|o| (o.oid.0, o.venue_index)).collect();
            (oids, (sweep.spared.foreign, sweep.spared.elsewhere))
        };
        assert_eq!(to_go(Whose::Ours), (vec![(1, 0), (2, 7)], (2, 1)));
        assert_eq!(to_go(Whose::OfRun(6)), (vec![(2, 7)], (4, 0)));
        assert_eq!(to_go(Whose::All), (vec![(1, 0), (2, 7), (3, 0), (4, 0)], (0, 1)));
        assert!(sweep(Whose::All).sort(&[json!({ "coin": "BTC" })]).is_err(), "not its shape");
    }
}
