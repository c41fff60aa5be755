//! The venue as this machine and this key find it.

use super::{Findings, Request, feed};
use crate::exit::AppError;
use crate::keys;
use crate::net::Rest;
use crate::settings::Settings;
use crate::venue_api::account::Principal;
use crate::venue_api::universe::Listed;
use crate::venue_api::venue::InfoClient;
use crate::venue_api::wait::Wait;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::sign::Address;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Questions whose answers are timed; the first opens the connection.
const TIMED: usize = 5;
/// A round trip beyond which quotes are old when they arrive.
const SLOW: Duration = Duration::from_millis(250);
/// An agent that ends within so long should be renewed.
const ENDS_SOON: Nanos = Nanos::secs(14 * 86_400);
/// What the venue asks for before it takes a scheduleCancel (PROTOCOL §8).
const SWITCH_VOLUME: Usd = Usd::whole(1_000_000);
/// Requests left below which a quote that follows the market uses them up within the hour.
const FEW_REQUESTS: u64 = 2_000;
/// Positions of so many times the capital leave little to a liquidation.
const FAR_ABOVE_CAPITAL: i64 = 5;

pub(super) fn look(request: &Request, found: &mut Findings) {
    let signer = found.of("key", keys::signer(request.key_file.as_deref()));
    let wallet = found.of("key", keys::account()).flatten();
    let Some(rest) = found.of("venue", reach(request)) else { return };
    let never = Wait::new(Duration::ZERO, Arc::new(|| false));
    let client = InfoClient { rest: &rest, wait: never, place: request.endpoint.rest_url() };
    let Some(listed) = found.of("venue", client.universe()) else { return };
    pace(&client, &listed, found);
    let settings = configured(request, &listed, found);
    if let Some(settings) = &settings {
        feed::look(request, &settings.universe(), found);
    }
    let Some(signer) = signer else { return };
    let key = signer.address();
    let Some(account) = found.of("key", client.account(key, wallet)) else { return };
    of_key(&client, key, &account, found);
    if let Some(settings) = settings {
        of_account(&client, &account, &settings, found);
    }
}

fn reach(request: &Request) -> Result<Rest, AppError> {
    Ok(Rest::new(&request.endpoint, &request.tls)?)
}

/// How long a question takes, the connection being there.
fn pace(client: &InfoClient<'_>, listed: &Listed, found: &mut Findings) {
    let mut times: Vec<Duration> = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let asked = Instant::now();
        if found.of("venue", client.universe()).is_none() {
            return;
        }
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    let median = times[times.len() / 2];
    let says = format!(
        "{} lists {} perpetuals, answers in {:.0} ms (the middle of {TIMED})",
        client.place,
        listed.coins.len(),
        median.as_secs_f64() * 1e3
    );
    match median > SLOW {
        true => found.warn("venue", says, "a machine near the venue (Tokyo) answers faster"),
        false => found.ok("venue", says),
    }
}

/// The configuration with what the venue lists.
fn configured(request: &Request, listed: &Listed, found: &mut Findings) -> Option<Settings> {
    let draft = request.draft.clone().with_universe(&listed.coins);
    let built = draft.without(&listed.delisted, true).build();
    let settings = found.of("coins", built.map_err(Into::into))?;
    found.ok("coins", format!("all listed: {}", settings.symbols.join(", ")));
    for warning in &settings.warnings {
        found.warn("configuration", warning.clone(), "");
    }
    Some(settings)
}

fn of_key(client: &InfoClient<'_>, key: Address, account: &Principal, found: &mut Findings) {
    if account.is_own_key {
        return found.warn(
            "key",
            format!("{key} is the account's own key, which can also withdraw"),
            "approve an agent on the venue's API page, and use its key (docs/key.md)",
        );
    }
    let says = format!("agent {key} of {}", account.address);
    let Some(end) = found.of("key", client.agent_end(account, key)) else { return };
    let Some(end) = end else {
        return found.ok("key", format!("{says}; the venue tells no end of it"));
    };
    let left = end - WallClock::default().now();
    let days = left.as_secs_f64() / 86_400.0;
    let says = format!("{says}, ends in {days:.0} days");
    match left {
        left if left <= Nanos::ZERO => found.fail("key", says, "approve a new agent (docs/key.md)"),
        left if left < ENDS_SOON => found.warn("key", says, "approve a new agent before that"),
        _ => found.ok("key", says),
    }
}

fn of_account(
    client: &InfoClient<'_>,
    account: &Principal,
    settings: &Settings,
    found: &mut Findings,
) {
    let (clock, mut offset) = (WallClock::default(), VenueOffset::default());
    let now = || clock.now();
    let limits = settings.account_limits();
    if let Some(worth) = found.of("capital", client.money(account, &mut offset, &now)) {
        let says = format!(
            "{} USD; positions of up to {} USD together",
            worth.value, limits.max_total_position_usd
        );
        match limits.max_total_position_usd.raw() / FAR_ABOVE_CAPITAL > worth.value.raw() {
            true => found.warn("capital", says, "lower max_total_position_usd, or add money"),
            false => found.ok("capital", says),
        }
        let checked = client.check_clock(account, &mut offset, limits.max_clock_offset, &now);
        if found.of("clock", checked).is_some() {
            let ms = offset.clock().offset().as_millis();
            found.ok("clock", format!("{ms} ms from the venue's"));
        }
    }
    if let Some(fee) = found.of("fee", client.maker_fee(account)) {
        let says = format!("{fee} bps as maker (positive = a cost of every fill)");
        found.ok("fee", says);
    }
    if let Some(limit) = found.of("requests", client.request_limit(account)) {
        let left = limit.cap.saturating_sub(limit.used);
        let says = format!("{left} left of {}", limit.cap);
        match left {
            0 => found.fail("requests", says, "trade, or buy some from the venue"),
            1..FEW_REQUESTS => found.warn("requests", says, "a wider requote_threshold_bps"),
            _ => found.ok("requests", says),
        }
        let says = format!("{} of {SWITCH_VOLUME} USD traded", limit.traded);
        match limit.traded < SWITCH_VOLUME {
            true => found.warn(
                "venue's switch",
                format!("not to be had yet: {says}"),
                "until then a guard is what cancels for a dead bot (docs/stop.md)",
            ),
            false => found.ok("venue's switch", format!("it will be armed: {says}")),
        }
    }
}
