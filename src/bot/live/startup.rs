//! The start of a live run, step by step, before anything is quoted: reach the venue, its universe,
//! the account that the key trades for, its money, its fees, its request budget. Each step that
//! fails says what happened, where, and what to do.

use crate::bot::session;
use crate::exit::{AppError, Exit};
use crate::net::{Endpoint, Rest, Stopped, Tls};
use crate::settings::{Draft, Overrides, Settings};
use crate::side::books::{self, Books};
use crate::side::reload::Complete;
use crate::side::state::RunState;
use crate::side::takeover::{self, Difference};
use crate::terminal;
use crate::venue_api::account::{AccountClient, Principal};
use crate::venue_api::universe::Listed;
use crate::venue_api::venue::InfoClient;
use crate::venue_api::wait::Wait;
use crate::venue_api::worth::Worth;
use botmm_pipeline::rt::Plan;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use botmm_pipeline::wiring;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Clocks and links are not exact.
const CLOCK_GRACE: Nanos = Nanos::secs(1);

const NOT_ITS_OWN: &str = "general.signing = \"presigned\" takes an agent's key, and this is the account's own, \
                           which can also withdraw: approve an agent on the venue's API page and use its key, \
                           or set signing = \"rfc6979\" (docs/signing.md)";

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
    /// How long a venue that does not answer is waited for.
    pub wait: Duration,
    /// A coin that the venue has delisted ends the start.
    pub strict_symbols: bool,
    /// There is a key for a guard, which is started.
    pub has_guard_key: bool,
    /// Another process of ours may trade on this account.
    pub allow_other_session: bool,
}

/// What the start found out.
pub struct Started {
    /// For more questions of the start.
    pub asking: Rest,
    /// For the side thread's questions.
    pub rest: Rest,
    /// What the venue lists.
    pub listed: Listed,
    /// With the venue's universe and the account's fees.
    pub settings: Settings,
    /// How they came about: parameters that change are read in the same way.
    pub complete: Complete,
    /// Whom the key trades for.
    pub account: Principal,
    /// What its answers told of the venue's clock.
    pub offset: VenueOffset,
    /// What that is worth.
    pub worth: Worth,
}

/// Goes through all steps. `now` is read from the clock when it is compared.
pub fn start(
    access: &Access,
    draft: Draft,
    flags: &Overrides,
    now: &dyn Fn() -> Nanos,
    stopped: &Stopped,
) -> Result<Started, AppError> {
    // What is asked here is given up when somebody stops; later questions are not.
    let (asking, rest) = (
        Rest::until(&access.endpoint, &access.tls, stopped.clone())?,
        Rest::new(&access.endpoint, &access.tls)?,
    );
    let wait = Wait::new(access.wait, stopped.clone());
    let venue = InfoClient { rest: &asking, wait, place: access.endpoint.rest_url() };
    let listed = venue.universe()?;
    let Listed { coins, delisted, .. } = listed.clone();
    let account = venue.account(access.signer.address(), access.wallet)?;
    let mut offset = VenueOffset::default();
    let worth = venue.money(&account, &mut offset, now)?;
    let maker_fee = venue.maker_fee(&account)?;
    venue.budget(&account)?;
    let flags = Overrides { maker_fee: Some(maker_fee), ..flags.clone() };
    let strict = access.strict_symbols;
    let complete: Complete = Box::new(move |draft| {
        draft.with_universe(&coins).without(&delisted, strict).with(&flags)?.build()
    });
    let settings = complete(draft.with_account(worth.value))?;
    if settings.is_presigned && account.is_own_key && !access.key_is_disposable {
        return Err(AppError::of(Exit::Config, NOT_ITS_OWN.to_owned()));
    }
    let tolerated = settings.account_limits().max_clock_offset;
    venue.check_clock(&account, &mut offset, tolerated, now)?;
    Ok(Started { asking, rest, listed, settings, complete, account, worth, offset })
}

/// What the venue says otherwise than the last run with this key, and its journal. That it could not be compared
/// is told and hinders nothing: the order link reads the account before anything is quoted.
pub fn found_otherwise(access: &Access, venue: &AccountClient) -> Vec<Difference> {
    let of_here = |kept: &Books| {
        kept.account == venue.account.address.to_string()
            && kept.venue == access.endpoint.rest_url()
    };
    let found = books::read(&access.state_dir, access.signer.address()).and_then(|kept| {
        let Some(kept) = kept.filter(of_here) else { return Ok(Vec::new()) };
        let word = takeover::ask(venue, !access.allow_other_session)?;
        Ok(takeover::differences(&word, &kept))
    });
    found.unwrap_or_else(|e| {
        terminal::complain(format_args!(
            "warning: what the last run left could not be compared with the venue: {e}"
        ));
        Vec::new()
    })
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

/// What is allowed but probably not meant.
pub fn warn(settings: &Settings, account: Principal, access: &Access) {
    let mut warnings = settings.warnings.clone();
    if account.is_own_key && !access.key_is_disposable {
        warnings.push(
            "this is the account's own key, which can also withdraw; approve an agent key on the \
             venue's API page and use that"
                .to_owned(),
        );
    }
    if settings.is_presigned && !access.key_is_disposable && is_virtual("/proc/cpuinfo") {
        warnings.push(
            "signing = \"presigned\" in a virtual machine: a snapshot or a clone of it that goes on gives \
             the key away (docs/signing.md)"
                .to_owned(),
        );
    }
    warnings.iter().for_each(|said| terminal::complain(format_args!("warning: {said}")));
}

/// Whether the processor says that it is one of a virtual machine's.
fn is_virtual(cpuinfo: &str) -> bool {
    let text = std::fs::read_to_string(cpuinfo).unwrap_or_default();
    let mut flags = text.lines().filter(|line| line.starts_with("flags")).take(1);
    flags.any(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

/// How long to wait for what a killed run may have sent: until that is void.
pub fn settle(state: &RunState, config: &wiring::Config) -> Nanos {
    if !state.was_killed() {
        return Nanos::ZERO;
    }
    let settle = longest_way(config) + CLOCK_GRACE;
    terminal::complain(format_args!(
        "the run before this one was killed: quoting waits {} s, until what it sent last is void",
        settle.as_secs_f64()
    ));
    settle
}

/// How long an action of ours may be on its way, at most.
pub fn longest_way(config: &wiring::Config) -> Nanos {
    config.params.iter().map(|p| p.risk.expires_after).max().unwrap_or(Nanos::ZERO)
}

/// How long no order may have been open before it is certain that none comes to rest any more.
pub fn quiet(config: &wiring::Config) -> Duration {
    let quiet = longest_way(config) + CLOCK_GRACE;
    Duration::from_nanos(quiet.0.max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_machine_is_told_by_its_processor() {
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("cpuinfo");
        let says = |text: &str| {
            std::fs::write(&file, text).unwrap();
            is_virtual(file.to_str().unwrap())
        };
        assert!(says("processor\t: 0\nflags\t\t: fpu hypervisor lahf_lm\n"));
        assert!(!says("processor\t: 0\nflags\t\t: fpu lahf_lm\nbugs\t: hypervisor\n"));
        assert!(!says("") && !is_virtual("/nowhere"));
    }
}
