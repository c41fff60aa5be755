//! Positions are closed by orders that take: immediate-or-cancel, reduce-only, in slices, and at no price
//! worse than a bound around the venue's mark. What finds no counterpart within the bound is tried again:
//! a one-sided book and the post-only window after an upgrade are waited out.

use super::account::unread;
use super::sweep::Sweep;
use crate::exit::AppError;
use crate::venue_numbers;
use botmm_pipeline::types::{Cloid, Instrument, Px, Qty, Side, Usd, notional};
use botmm_pipeline::venue::hl::sign::{TimeInForce, WireAction, WireOrder};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Between two slices, and after one that found nothing.
const PAUSE: Duration = Duration::from_millis(300);
const PAUSE_AFTER_NOTHING: Duration = Duration::from_secs(2);
/// The venue refuses a slice that comes later.
const EXPIRES_AFTER_MS: u64 = 5_000;

/// How long a running bot tries.
pub const FLATTEN_FOR: Duration = Duration::from_secs(60);

/// How positions are closed.
#[derive(Clone, Debug)]
pub struct Flatten {
    /// Which coins'; [`None`] = all.
    pub coins: Option<Vec<String>>,
    /// No price is further from the mark, in basis points.
    pub bound_bps: u32,
    /// The most that one order takes.
    pub slice: Usd,
    /// It is given up after so long.
    pub give_up: Duration,
    /// The run whose orders these are; [`None`] = of none that is known.
    pub session: Option<u32>,
}

impl Flatten {
    /// Of these coins, 5,000 USD at a time.
    pub fn new(coins: Option<Vec<String>>, bound_bps: u32, give_up: Duration) -> Self {
        Self { coins, bound_bps, slice: Usd::whole(5_000), give_up, session: None }
    }
}

/// A position that is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    instrument: Instrument,
    position: Qty,
    mark: Px,
}

/// Closes positions until the venue says that there is none. `say` hears each slice, and what goes wrong,
/// once.
///
/// # Errors
/// What is left when it is given up or `stopped`.
pub fn flatten(
    venue: &mut Sweep,
    how: &Flatten,
    stopped: &dyn Fn() -> bool,
    say: &mut dyn FnMut(String),
) -> Result<(), AppError> {
    let (begun, mut told) = (Instant::now(), Vec::new());
    loop {
        let outcome = held(venue, how.coins.as_deref()).and_then(|held| {
            let took = held.iter().map(|one| take(venue, one, how, say)).collect::<Vec<_>>();
            Ok((held, took.into_iter().collect::<Result<Vec<_>, _>>()?))
        });
        let (left, trouble) = match outcome {
            Ok((held, _)) if held.is_empty() => return Ok(()),
            Ok((held, refused)) => (in_words(&held), refused.into_iter().flatten().next()),
            Err(e) => ("cannot see what is held".to_owned(), Some(e.to_string())),
        };
        if let Some(said) = trouble.iter().find(|said| !told.contains(*said)) {
            say(said.clone());
            told.push(said.clone());
        }
        if begun.elapsed() >= how.give_up || stopped() {
            let why = trouble.map_or(String::new(), |why| format!(" ({why})"));
            return Err(AppError::data(
                "flatten",
                format!("not flat: {left}{why}"),
                "close it on the venue's page, or run this again",
            ));
        }
        std::thread::sleep(if trouble.is_some() { PAUSE_AFTER_NOTHING } else { PAUSE });
    }
}

/// What the account holds of these coins, with the venue's marks.
fn held(venue: &Sweep, coins: Option<&[String]>) -> Result<Vec<Held>, AppError> {
    let user = venue.account.address.to_string();
    let state = venue.rest.info(&json!({ "type": "clearinghouseState", "user": user }))?;
    let listed = state["assetPositions"].as_array();
    let listed = listed.ok_or_else(|| unread("clearinghouseState"))?;
    let mut positions = Vec::new();
    for position in listed.iter().map(|entry| &entry["position"]) {
        let coin = position["coin"].as_str().ok_or_else(|| unread("clearinghouseState"))?;
        let size = venue_numbers::position(&position["szi"]);
        let size = size.ok_or_else(|| unread("clearinghouseState"))?;
        let is_meant = coins.is_none_or(|coins| coins.iter().any(|c| c == coin));
        if is_meant && !size.is_zero() {
            positions.push((coin, size));
        }
    }
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let markets = venue.rest.info(&json!({ "type": "metaAndAssetCtxs" }))?;
    let found = positions.into_iter().map(|(coin, position)| {
        let (instrument, mark) = market(&markets, coin)?;
        Some(Held { instrument, position, mark })
    });
    found.collect::<Option<_>>().ok_or_else(|| unread("metaAndAssetCtxs"))
}

/// A coin's grid and mark.
fn market(markets: &Value, coin: &str) -> Option<(Instrument, Px)> {
    let listed = markets[0]["universe"].as_array()?;
    let at = listed.iter().position(|entry| entry["name"] == coin)?;
    let sz_decimals = u8::try_from(venue_numbers::whole(&listed[at]["szDecimals"])?).ok()?;
    let instrument = Instrument::new(coin, u32::try_from(at).ok()?, sz_decimals, 1)?;
    Some((instrument, venue_numbers::px(&markets[1][at]["markPx"])?))
}

/// Sends one slice; what was refused, in words.
fn take(
    venue: &mut Sweep,
    held: &Held,
    how: &Flatten,
    say: &mut dyn FnMut(String),
) -> Result<Option<String>, AppError> {
    let now = venue.clock.now();
    let cloid = how.session.map(|session| Cloid::closing(session, now));
    let order = WireOrder { cloid, ..slice(held, how) };
    let expires = u64::try_from(now.as_millis()).unwrap_or(0) + EXPIRES_AFTER_MS;
    let answer = venue.signing().send(now, &WireAction::Order(&[order]), Some(expires))?;
    let coin = held.instrument.coin;
    if answer["status"].as_str() != Some("ok") {
        return Ok(Some(format!("{coin}: refused: {}", answer["response"])));
    }
    let status = &answer["response"]["data"]["statuses"][0];
    if let Some(filled) = status["filled"]["totalSz"].as_str() {
        let (at, word) = (&status["filled"]["avgPx"], word(order.side));
        say(format!("{coin}: {word} {filled} at {}", at.as_str().unwrap_or("?")));
        return Ok(None);
    }
    let why = status["error"].as_str().map_or_else(|| status.to_string(), str::to_owned);
    let bound = format!("no further than {} bps from the mark {}", how.bound_bps, held.mark);
    Ok(Some(format!("{coin}: {} of {} {bound}: {why}", word(order.side), order.qty)))
}

const fn word(side: Side) -> &'static str {
    match side {
        Side::Bid => "bought",
        Side::Ask => "sold",
    }
}

/// The order for a part of a position: on the grid, inside the bound, never more than is held. What the
/// venue would refuse as too small is taken with the slice before it.
fn slice(held: &Held, how: &Flatten) -> WireOrder {
    let Held { instrument, position, mark } = held;
    let side = if position.is_negative() { Side::Bid } else { Side::Ask };
    let off = i128::from(mark.raw()) * i128::from(how.bound_bps) / 10_000;
    let off = i64::try_from(off).unwrap_or(0);
    let px = match side {
        Side::Bid => instrument.round_px_down(Px::from_raw(mark.raw().saturating_add(off))),
        Side::Ask => instrument.round_px_up(Px::from_raw(mark.raw().saturating_sub(off))),
    };
    let all = Qty::from_raw(position.raw().saturating_abs());
    let lot = instrument.lot();
    let most = Qty::from_raw(
        i64::try_from(i128::from(how.slice.raw()) * 100_000_000 / i128::from(mark.raw().max(1)))
            .unwrap_or(i64::MAX)
            / lot.raw()
            * lot.raw(),
    );
    // A rest of less than half a slice goes with this one.
    let is_last = notional(*mark, all) <= how.slice + Usd::from_raw(how.slice.raw() / 2);
    let qty = if is_last { all } else { most.max(lot).min(all) };
    WireOrder {
        asset: instrument.venue_index,
        side,
        px,
        qty,
        reduce_only: true,
        tif: TimeInForce::Ioc,
        cloid: None,
    }
}

fn in_words(held: &[Held]) -> String {
    let one = |h: &Held| {
        let usd = notional(h.mark, Qty::from_raw(h.position.raw().saturating_abs()));
        format!("{} {} (${:.0})", h.position, h.instrument.coin, usd.to_f64())
    };
    held.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held(sz_decimals: u8, position: i64, mark: i64) -> Held {
        Held {
            instrument: Instrument::new("X", 3, sz_decimals, 1).unwrap(),
            position: Qty::from_raw(position),
            mark: Px::from_raw(mark),
        }
    }

    proptest! {
        /// Whatever is held: one slice reduces it, is on the grid, at no worse price than the bound, and
        /// slices come to an end.
        #[test]
        fn slices_reduce_inside_the_bound_until_nothing_is_left(
            sz_decimals in 0_u8..=5,
            lots in prop_oneof![1_i64..50, 1_i64..100_000],
            is_short in any::<bool>(),
            mark in 10_000_i64..10_000_000_000_000,
        ) {
            let mut how = Flatten::new(None, 50, Duration::ZERO);
            how.slice = Usd::whole(500);
            let lot = held(sz_decimals, 0, mark).instrument.lot().raw();
            let mut left = if is_short { -lots * lot } else { lots * lot };
            let at_most = 2 + notional(Px::from_raw(mark), Qty::from_raw(left.abs())).raw()
                / (how.slice.raw() / 2);
            for _ in 0..at_most.min(200) {
                if left == 0 {
                    break;
                }
                let held = held(sz_decimals, left, mark);
                let order = slice(&held, &how);
                prop_assert!(order.reduce_only && order.tif == TimeInForce::Ioc);
                prop_assert_eq!(order.asset, 3);
                prop_assert_eq!(order.side == Side::Bid, is_short);
                prop_assert!(order.qty.raw() > 0 && order.qty.raw() <= left.abs());
                prop_assert_eq!(order.qty.raw() % lot, 0);
                let off = i128::from((order.px.raw() - mark).abs()) * 10_000;
                let bound = i128::from(mark) * i128::from(how.bound_bps);
                // The grid may be coarser than the bound: then it is the mark's own step, rounded in.
                let tick = i128::from(held.instrument.tick_at(held.mark).raw()) * 10_000;
                prop_assert!(off <= bound.max(tick), "{} of {}", order.px, held.mark);
                let value = notional(held.mark, order.qty);
                let lot_value = notional(held.mark, Qty::from_raw(lot));
                prop_assert!(value <= (how.slice + how.slice).max(lot_value), "{}", value);
                left -= if is_short { -order.qty.raw() } else { order.qty.raw() };
            }
            prop_assert!(left == 0 || at_most > 200, "{} of {} left", left, lots * lot);
        }
    }

    #[test]
    fn a_slice_by_hand() {
        let how = Flatten::new(None, 50, Duration::ZERO);
        // 0.25 BTC at 100,000: 25,000 USD in slices of 5,000; sold no lower than 0.5 % below.
        let order = slice(&held(5, 25_000_000, 10_000_000_000_000), &how);
        assert_eq!(
            (order.side, order.px, order.qty.to_string()),
            (Side::Ask, Px::whole(99_500), "0.05".to_owned())
        );
        let order = slice(&held(5, -7_000_000, 10_000_000_000_000), &how);
        assert_eq!(
            (order.side, order.px, order.qty.to_string()),
            (Side::Bid, Px::whole(100_500), "0.07".to_owned())
        );
    }
}
