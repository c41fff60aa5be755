//! What is asked of a venue before and while it is traded on. Each answer that will not do says what
//! happened, where, and what to do.

use super::account::Principal;
use super::universe::Listed;
use super::wait::Wait;
use super::worth::{Kind, Worth};
use crate::exit::AppError;
use crate::net::{Endpoint, Rest, Tls};
use crate::{terminal, venue_numbers};
use botmm_pipeline::types::{Bps, Instrument, Nanos, Usd};
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::sign::Address;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Round trips that say that the clocks are apart, before that is believed.
const CLOCK_TRIPS: usize = 3;

/// Every perpetual that a venue lists.
pub fn listed(endpoint: &Endpoint, tls: &Tls) -> Result<Vec<Instrument>, AppError> {
    Ok(listed_by(&Rest::new(endpoint, tls)?, endpoint.rest_url())?.coins)
}

/// What a venue lists, over a connection that is there; `place` is what messages call it.
pub fn listed_by(rest: &Rest, place: String) -> Result<Listed, AppError> {
    let never = Wait::new(Duration::ZERO, Arc::new(|| false));
    InfoClient { rest, wait: never, place }.universe()
}

/// Questions to one venue.
pub struct InfoClient<'a> {
    /// The way there.
    pub rest: &'a Rest,
    /// How long it is waited for.
    pub wait: Wait,
    /// What messages call it.
    pub place: String,
}

/// An address's budget of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    /// Requests sent.
    pub used: u64,
    /// Requests that it may send.
    pub cap: u64,
    /// Value traded, all in all.
    pub traded: Usd,
}

impl RequestLimit {
    /// Of an answer to `userRateLimit`.
    pub(super) fn of(limit: &Value) -> Option<Self> {
        Some(Self {
            used: venue_numbers::whole(&limit["nRequestsUsed"])?,
            cap: venue_numbers::whole(&limit["nRequestsCap"])?,
            traded: venue_numbers::usd(&limit["cumVlm"])?,
        })
    }
}

impl InfoClient<'_> {
    fn bad(&self, problem: impl Into<String>, remedy: &str) -> AppError {
        AppError::data(self.place.as_str(), problem, remedy)
    }

    fn unread(&self, what: &str) -> AppError {
        self.bad(
            format!("the answer to {what} has not the venue's shape"),
            "check that the address is a Hyperliquid API; if it is, report this",
        )
    }

    fn ask(&self, question: &Value) -> Result<Value, AppError> {
        self.wait.ask(self.rest, question)
    }

    /// Every perpetual that is listed.
    pub fn universe(&self) -> Result<Listed, AppError> {
        let meta = self.ask(&json!({ "type": "meta" }))?;
        let listed = Listed::of(&meta).ok_or_else(|| self.unread("meta"))?;
        if listed.coins.is_empty() {
            return Err(self.bad("the venue lists no perpetuals", "check the address"));
        }
        Ok(listed)
    }

    fn role(&self, address: Address) -> Result<Value, AppError> {
        self.ask(&json!({ "type": "userRole", "user": address.to_string() }))
    }

    /// Whom the key trades for: the account that it is, or that approved it, or the one that was named.
    pub fn account(&self, signer: Address, wallet: Option<Address>) -> Result<Principal, AppError> {
        let role = self.role(signer)?;
        let master = match role["role"].as_str() {
            Some("agent") => {
                address(&role["data"]["user"]).ok_or_else(|| self.unread("userRole"))?
            }
            Some("user") => signer,
            _ => {
                return Err(self.bad(
                    format!(
                        "the key's address {signer} is neither an account nor an approved agent"
                    ),
                    "deposit with this account, or approve this agent on the venue's API page \
                     (for the right network)",
                ));
            }
        };
        let is_own_key = master == signer;
        let address = wallet.unwrap_or(master);
        if address == master {
            return Ok(Principal { address, vault: None, is_own_key });
        }
        let wallet_role = self.role(address)?;
        let is_ours = match wallet_role["role"].as_str() {
            Some("subAccount") => self::address(&wallet_role["data"]["master"]) == Some(master),
            Some("vault") => true, // Whose it is, the venue checks with the first action.
            _ => false,
        };
        if !is_ours {
            return Err(self.bad(
                format!("HL_WALLET_ADDRESS {address} is not what this key trades for ({master})"),
                "set it to that account, to a sub-account or vault of it, or leave it out",
            ));
        }
        Ok(Principal { address, vault: Some(address), is_own_key })
    }

    /// The account's state. Each answer also tells the venue's time.
    fn state(
        &self,
        account: &Principal,
        offset: &mut VenueOffset,
        now: &dyn Fn() -> Nanos,
    ) -> Result<Value, AppError> {
        let user = account.address.to_string();
        let sent = now();
        let state = self.ask(&json!({ "type": "clearinghouseState", "user": user }))?;
        if let Some(time) =
            venue_numbers::whole(&state["time"]).and_then(|ms| i64::try_from(ms).ok())
        {
            offset.hear(sent, now(), Nanos::millis(time));
        }
        Ok(state)
    }

    /// What the account is worth; one without money is refused.
    pub fn money(
        &self,
        account: &Principal,
        offset: &mut VenueOffset,
        now: &dyn Fn() -> Nanos,
    ) -> Result<Worth, AppError> {
        let user = account.address.to_string();
        let state = self.state(account, offset, now)?;
        let worth = Worth::ask(&|question| self.ask(question), &user, &state)?;
        let worth = worth.ok_or_else(|| self.unread("clearinghouseState"))?;
        if worth.value > Usd::ZERO {
            return Ok(worth);
        }
        let place = match worth.kind {
            Kind::Perpetuals => "in its perpetuals balance",
            Kind::Unified => "in USDC (the account is unified)",
        };
        Err(self.bad(
            format!("account {user} has no money {place}"),
            "deposit or transfer USDC to it first",
        ))
    }

    /// The clocks are close enough. One slow answer is no proof that they are not.
    pub fn check_clock(
        &self,
        account: &Principal,
        offset: &mut VenueOffset,
        tolerated: Nanos,
        now: &dyn Fn() -> Nanos,
    ) -> Result<(), AppError> {
        let is_off =
            |offset: &VenueOffset| offset.clock().offset().0.saturating_abs() > tolerated.0;
        for _ in 1..CLOCK_TRIPS {
            if is_off(offset) {
                self.state(account, offset, now)?;
            }
        }
        if !is_off(offset) {
            return Ok(());
        }
        let offset = offset.clock().offset();
        Err(self.bad(
            format!(
                "this machine's clock is {:.1} s {} the venue's, and max_clock_offset_ms = {}",
                offset.as_secs_f64().abs(),
                if offset < Nanos::ZERO { "ahead of" } else { "behind" },
                tolerated.as_millis()
            ),
            "set the clock (timedatectl set-ntp true), then start again",
        ))
    }

    /// What the account pays as a maker; positive = cost.
    pub fn maker_fee(&self, account: &Principal) -> Result<Bps, AppError> {
        let user = account.address.to_string();
        let fees = self.ask(&json!({ "type": "userFees", "user": user }))?;
        venue_numbers::rate(&fees["userAddRate"]).ok_or_else(|| self.unread("userFees"))
    }

    /// What the account may still ask for, and what it has traded.
    pub fn request_limit(&self, account: &Principal) -> Result<RequestLimit, AppError> {
        let user = account.address.to_string();
        let limit = self.ask(&json!({ "type": "userRateLimit", "user": user }))?;
        RequestLimit::of(&limit).ok_or_else(|| self.unread("userRateLimit"))
    }

    /// Warns when the address has spent its requests.
    pub fn budget(&self, account: &Principal) -> Result<(), AppError> {
        let RequestLimit { used, cap, .. } = self.request_limit(account)?;
        if used >= cap {
            terminal::complain(format_args!(
                "warning: the address has used {used} of its {cap} requests: the venue takes one \
                 action in 10 s until volume is traded or weight is bought"
            ));
        }
        Ok(())
    }

    /// Until when the venue takes this agent's signatures; [`None`] = it does not say (the unnamed agent).
    pub fn agent_end(
        &self,
        account: &Principal,
        agent: Address,
    ) -> Result<Option<Nanos>, AppError> {
        // A sub-account's agents are its master's.
        let role = self.role(agent)?;
        let master = address(&role["data"]["user"]).unwrap_or(account.address);
        let agents = self.ask(&json!({ "type": "extraAgents", "user": master.to_string() }))?;
        let agents = agents.as_array().ok_or_else(|| self.unread("extraAgents"))?;
        let own = agents.iter().find(|one| address(&one["address"]) == Some(agent));
        let end_ms = own.and_then(|one| venue_numbers::whole(&one["validUntil"]));
        Ok(end_ms.and_then(|ms| i64::try_from(ms).ok()).map(Nanos::millis))
    }
}

fn address(value: &Value) -> Option<Address> {
    value.as_str().and_then(Address::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Stopped;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// A venue that answers with these, one after the other, the last one for ever; how often it was
    /// asked.
    fn serve(answers: Vec<(&'static str, String)>) -> (Endpoint, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut line, mut length) = (String::new(), 0);
                while stream.read_line(&mut line).unwrap() > 2 {
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let at = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                let (status, text) = &answers[at];
                let head = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    text.len()
                );
                stream.get_mut().write_all((head + text).as_bytes()).unwrap();
            }
        });
        (Endpoint::parse(&url).unwrap(), asked)
    }

    fn universe_of(
        endpoint: &Endpoint,
        patience: Duration,
        stopped: &Stopped,
    ) -> Result<Listed, AppError> {
        let rest = Rest::until(endpoint, &Tls::default(), stopped.clone()).unwrap();
        let wait = Wait::new(patience, stopped.clone());
        InfoClient { rest: &rest, wait, place: endpoint.rest_url() }.universe()
    }

    fn meta() -> (&'static str, String) {
        let coin = |name, is_delisted| json!({ "name": name, "szDecimals": 2, "maxLeverage": 5, "isDelisted": is_delisted });
        let odd = [Value::Null, json!({ "name": "ODD" })];
        let coins: Vec<_> =
            [coin("BTC", false), coin("SOL", true)].into_iter().chain(odd).collect();
        ("200 OK", json!({ "universe": coins }).to_string())
    }

    #[test]
    fn a_venue_that_is_down_is_asked_again_and_its_first_answer_counts() {
        let html = "<html><body><h1>502 Bad Gateway</h1></body></html>".to_owned();
        let (endpoint, asked) = serve(vec![
            ("502 Bad Gateway", html.clone()),
            ("200 OK", html), // Of a proxy that means well.
            meta(),
        ]);
        let found = universe_of(&endpoint, Duration::from_secs(60), &(Arc::new(|| false) as _));
        let Listed { coins, delisted, .. } = found.unwrap();
        assert_eq!(
            (coins.len(), coins[0].coin.as_str()),
            (1, "BTC"),
            "odd entries are passed over"
        );
        assert_eq!(delisted, ["SOL"]);
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_refusal_is_an_answer_and_patience_ends() {
        let never: Stopped = Arc::new(|| false);
        let (endpoint, asked) = serve(vec![("403 Forbidden", "not from here".to_owned())]);
        let error = universe_of(&endpoint, Duration::from_secs(60), &never).err().unwrap();
        assert!(error.to_string().contains("not from here"), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "asked again after an answer");
        let (endpoint, asked) = serve(vec![("429 Too Many Requests", String::new())]);
        let error = universe_of(&endpoint, Duration::from_millis(300), &never).err().unwrap();
        assert!(error.to_string().contains("HTTP 429"), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), 2, "once more when the patience is over");
    }

    /// A venue that takes the call and says nothing, and one that is not there.
    #[test]
    fn a_person_ends_the_waiting_at_once() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for address in [silent.local_addr().unwrap(), gone] {
            let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let asked = stop.clone();
            let stopped: Stopped = Arc::new(move || asked.load(Ordering::SeqCst));
            let waiting =
                std::thread::spawn(move || universe_of(&endpoint, Duration::MAX, &stopped).err());
            std::thread::sleep(Duration::from_millis(1_300));
            assert!(!waiting.is_finished(), "{address}");
            stop.store(true, Ordering::SeqCst);
            let error = waiting.join().unwrap().unwrap().to_string();
            assert!(error.contains("stopped while the venue did not answer"), "{error}");
            assert!(!error.contains("no answer within"), "it waited for the deadline: {error}");
        }
    }
}
