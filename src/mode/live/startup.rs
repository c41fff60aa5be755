//! The start of a live run, step by step, before anything is quoted: reach the venue, its universe,
//! the account that the key trades for, its money, its fees, its request budget. Each step that
//! fails says what happened, where, and what to do.

use crate::exit::AppError;
use crate::mode::session;
use crate::net::{Endpoint, Rest, Tls};
use crate::settings::{Draft, Overrides, Settings};
use crate::side::reload::Complete;
use crate::side::state::RunState;
use crate::terminal;
use botmm_pipeline::rt::Plan;
use botmm_pipeline::types::decimal::SCALE_DIGITS;
use botmm_pipeline::types::{Bps, Coin, Instrument, Nanos, Usd, parse_decimal};
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use botmm_pipeline::wiring;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Clocks further apart than this make `expiresAfter` and staleness meaningless.
const MAX_CLOCK_SKEW: Nanos = Nanos::secs(5);
/// Clocks and links are not exact.
const CLOCK_GRACE: Nanos = Nanos::secs(1);
/// Sizes and leverages that our grid holds.
const MAX_SZ_DECIMALS: u64 = 6;
const MAX_LEVERAGE: u64 = 255;

/// What a live run needs to reach its venue.
pub struct Access {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Whom to trust.
    pub tls: Tls,
    /// The key.
    pub signer: Arc<Signer>,
    /// The account to trade for, when it was named.
    pub wallet: Option<Address>,
    /// Where the state of runs is kept.
    pub state_dir: PathBuf,
    /// Nobody minds whose key it is.
    pub key_is_disposable: bool,
}

/// Whom the key trades for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account whose orders, fills and positions these are.
    pub address: Address,
    /// It, when the venue has to be told (a sub-account or vault).
    pub vault: Option<Address>,
    /// The key is the account's own, which could also withdraw.
    pub is_own_key: bool,
}

/// What the start found out.
pub struct Started {
    /// For the side thread's questions.
    pub rest: Rest,
    /// With the venue's universe and the account's fees.
    pub settings: Settings,
    /// How they came about: parameters that change are read in the same way.
    pub complete: Complete,
    /// Whom the key trades for.
    pub account: Account,
}

/// Goes through all steps. `now` is read from the clock when it is compared.
pub fn start(
    access: &Access,
    draft: Draft,
    flags: &Overrides,
    now: &dyn Fn() -> Nanos,
) -> Result<Started, AppError> {
    let rest = Rest::new(&access.endpoint, &access.tls)?;
    let venue = Venue { rest: &rest, place: access.endpoint.rest_url() };
    let listed = venue.universe()?;
    let account = venue.account(access.signer.address(), access.wallet)?;
    venue.money_and_clock(&account, now)?;
    let maker_fee = venue.maker_fee(&account)?;
    venue.budget(&account)?;
    let flags = Overrides { maker_fee: Some(maker_fee), ..flags.clone() };
    let complete: Complete =
        Box::new(move |draft| draft.with_universe(&listed).with(&flags)?.build());
    let settings = complete(draft)?;
    Ok(Started { rest, settings, complete, account })
}

/// Every perpetual that a venue lists.
pub fn listed(endpoint: &Endpoint, tls: &Tls) -> Result<Vec<Instrument>, AppError> {
    listed_by(&Rest::new(endpoint, tls)?, endpoint.rest_url())
}

/// The same over a connection that is there; `place` is what messages call it.
pub fn listed_by(rest: &Rest, place: String) -> Result<Vec<Instrument>, AppError> {
    Venue { rest, place }.universe()
}

/// Questions to one venue.
struct Venue<'a> {
    rest: &'a Rest,
    place: String,
}

impl Venue<'_> {
    fn bad(&self, problem: impl Into<String>, remedy: &str) -> AppError {
        AppError::data(self.place.as_str(), problem, remedy)
    }

    fn unread(&self, what: &str) -> AppError {
        self.bad(
            format!("the answer to {what} has not the venue's shape"),
            "check that the address is a Hyperliquid API; if it is, report this",
        )
    }

    /// Every perpetual that is listed.
    fn universe(&self) -> Result<Vec<Instrument>, AppError> {
        let meta = self.rest.info(&json!({ "type": "meta" }))?;
        let listed = meta.get("universe").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| self.unread("meta"))?;
        let found: Vec<_> =
            listed.iter().zip(0..).filter_map(|(i, at)| instrument(i, at)).collect();
        if found.is_empty() {
            return Err(self.bad("the venue lists no perpetuals", "check the address"));
        }
        Ok(found)
    }

    fn role(&self, address: Address) -> Result<Value, AppError> {
        Ok(self.rest.info(&json!({ "type": "userRole", "user": address.to_string() }))?)
    }

    fn account(&self, signer: Address, wallet: Option<Address>) -> Result<Account, AppError> {
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
            return Ok(Account { address, vault: None, is_own_key });
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
        Ok(Account { address, vault: Some(address), is_own_key })
    }

    fn money_and_clock(&self, account: &Account, now: &dyn Fn() -> Nanos) -> Result<(), AppError> {
        let user = account.address.to_string();
        let state = self.rest.info(&json!({ "type": "clearinghouseState", "user": user }))?;
        let value = usd(&state["marginSummary"]["accountValue"])
            .ok_or_else(|| self.unread("clearinghouseState"))?;
        if let Some(time) = state["time"].as_i64() {
            let skew = now() - Nanos::millis(time);
            if skew > MAX_CLOCK_SKEW || skew < Nanos::ZERO - MAX_CLOCK_SKEW {
                return Err(self.bad(
                    format!(
                        "this machine's clock is {:.1} s {} the venue's",
                        skew.as_secs_f64().abs(),
                        if skew > Nanos::ZERO { "ahead of" } else { "behind" }
                    ),
                    "set the clock (timedatectl set-ntp true), then start again",
                ));
            }
        }
        if value > Usd::ZERO {
            return Ok(());
        }
        // Unified accounts keep the money that they trade with on the spot side.
        let kind = self.rest.info(&json!({ "type": "userAbstraction", "user": user }))?;
        if matches!(kind.as_str(), Some("unifiedAccount" | "portfolioMargin")) {
            return Ok(());
        }
        Err(self.bad(
            format!("account {user} has no money in its perpetuals balance"),
            "deposit or transfer USDC to it first",
        ))
    }

    fn maker_fee(&self, account: &Account) -> Result<Bps, AppError> {
        let user = account.address.to_string();
        let fees = self.rest.info(&json!({ "type": "userFees", "user": user }))?;
        let rate = fees["userAddRate"].as_str().and_then(|t| parse_decimal(t.as_bytes()).ok());
        let rate = rate.and_then(|raw| i32::try_from(raw).ok());
        rate.map(Bps::from_e8).ok_or_else(|| self.unread("userFees"))
    }

    fn budget(&self, account: &Account) -> Result<(), AppError> {
        let user = account.address.to_string();
        let limit = self.rest.info(&json!({ "type": "userRateLimit", "user": user }))?;
        let (used, cap) = (limit["nRequestsUsed"].as_u64(), limit["nRequestsCap"].as_u64());
        let (Some(used), Some(cap)) = (used, cap) else { return Err(self.unread("userRateLimit")) };
        if used >= cap {
            terminal::complain(format_args!(
                "warning: the address has used {used} of its {cap} requests: the venue takes one \
                 action in 10 s until volume is traded or weight is bought"
            ));
        }
        Ok(())
    }
}

/// Wall time needs threads.
pub fn threaded_plan(draft: &Draft, flags: &Overrides) -> Result<Plan, AppError> {
    let name = flags.plan.clone().unwrap_or_else(|| draft.plan_name());
    session::plan(&name)?.ok_or_else(|| {
        AppError::Usage(
            "plan `inline` has no threads, and this verb runs in wall time: use solo, paired, \
             dedicated or auto"
                .to_owned(),
        )
    })
}

/// How long to wait for what a killed run may have sent: until that is void.
pub fn settle(state: &RunState, config: &wiring::Config) -> Nanos {
    let void_after = config.params.iter().map(|p| p.risk.expires_after).max();
    let Some(void_after) = void_after.filter(|_| state.was_killed()) else { return Nanos::ZERO };
    let settle = void_after + CLOCK_GRACE;
    terminal::complain(format_args!(
        "the run before this one was killed: quoting waits {} s, until what it sent last is void",
        settle.as_secs_f64()
    ));
    settle
}

/// A listed perpetual of `meta`; [`None`] when it is delisted or of a shape that we do not trade.
fn instrument(entry: &Value, venue_index: u32) -> Option<Instrument> {
    if entry["isDelisted"].as_bool() == Some(true) {
        return None;
    }
    let in_range = |key: &str, most| entry[key].as_u64().filter(|n| *n <= most);
    Some(Instrument {
        coin: Coin::new(entry["name"].as_str()?)?,
        venue_index,
        sz_decimals: in_range("szDecimals", MAX_SZ_DECIMALS)? as u8,
        max_leverage: in_range("maxLeverage", MAX_LEVERAGE)?.max(1) as u8,
    })
}

fn address(value: &Value) -> Option<Address> {
    value.as_str().and_then(Address::parse)
}

/// An amount of the venue. What it shows beyond eight decimals is noise, and is cut off.
pub fn usd(value: &Value) -> Option<Usd> {
    let text = value.as_str()?;
    let point = text.find('.').unwrap_or(text.len());
    let exact = text.get(..point + 1 + SCALE_DIGITS as usize).unwrap_or(text);
    parse_decimal(exact.as_bytes()).ok().map(Usd::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_their_noise_is_cut_off() {
        let read = |text: &str| usd(&Value::String(text.to_owned())).map(|v| v.to_string());
        assert_eq!(read("9989.525556").as_deref(), Some("9989.525556"));
        assert_eq!(read("-12").as_deref(), Some("-12"));
        assert_eq!(read("39907.5661399998000001").as_deref(), Some("39907.56613999"));
        assert_eq!(read("1.5e3 USD"), None);
        assert_eq!(usd(&Value::Null), None);
    }
}
