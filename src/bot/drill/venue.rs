//! The exchange of a drill, in this process: what rests there, block by block, is the truth that a bot is
//! measured by.

use crate::bot::markets::{Asked, MarketKind};
use crate::bot::paper::exchange_config;
use crate::exchange::faults::{Fault, FaultKind, Faulty, Who};
use crate::exchange::front::Hub;
use crate::exchange::local;
use crate::exchange::model::OrderStatus;
use crate::exchange::server::{Limits, Server, ServerHandle};
use crate::exchange::venue::Venue;
use crate::exchange::{ConnId, Host, HttpId, HttpReply, HttpRequest, Outgoing};
use crate::exit::AppError;
use crate::net::{Endpoint, Rest, Tls};
use crate::settings::{Draft, Overrides};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{Nanos, Qty, Side, Usd, notional};
use botmm_pipeline::venue::hl::sign::{Address, ApproveAgent, Network, Signer};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What an account has at the venue, since the fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Orders that rest in the newest block.
    pub resting: usize,
    /// When the fault was; [`None`] = not yet.
    fault: Option<Nanos>,
    /// When the last one that rested was gone; [`None`] = some rest.
    pub gone_at: Option<Nanos>,
    /// In the worst block: position and resting orders, as if one side of each coin had filled whole, at the
    /// mark; all coins together.
    pub worst: Usd,
    /// The venue's switch has cancelled.
    pub switch_fired: bool,
}

#[derive(Default)]
struct Shared {
    seen: Seen,
    faults: Vec<Fault>,
}

/// An exchange with one account that is looked at.
pub struct DrillVenue {
    server: ServerHandle<Watched>,
    shared: Arc<Mutex<Shared>>,
}

impl DrillVenue {
    /// Opens one on a free port of this machine, with a synthetic market. The guard's key is an agent of the
    /// account's.
    ///
    /// # Errors
    /// The system has no port or thread.
    pub fn open(key: &Signer, guard: Address, clock: &WallClock) -> Result<Self, AppError> {
        let asked = Asked {
            market: MarketKind::Synthetic,
            speed: None,
            allow_unsound: false,
            mirror_url: None,
            paths: Vec::new(),
            flags: Overrides::default(),
            all_coins: false,
        };
        let listing = asked.open(Draft::load(None, &|_| None)?, clock)?;
        let mut config = exchange_config(listing, key);
        // The account is young, and its switch is to be tried all the same.
        config.venue.schedule_volume = Usd::ZERO;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (listen, account) = (config.listen, key.address());
        let host = Watched {
            inner: local::host(config),
            account,
            shared: shared.clone(),
            block: Nanos::ZERO,
        };
        let server = Server::bind(listen, host, clock.clone(), Limits::default())?.spawn()?;
        let venue = Self { server, shared };
        venue.approve(key, guard, clock.now())?;
        Ok(venue)
    }

    /// Time between its blocks.
    pub fn block() -> Duration {
        let block = crate::exchange::venue::VenueConfig::default().block_interval;
        Duration::from_nanos(block.0.unsigned_abs())
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.server.addr().port()
    }

    /// What its account has.
    pub fn seen(&self) -> Seen {
        self.shared().seen
    }

    /// From now on the worst counts, and when orders are gone.
    pub fn fault_comes(&self, now: Nanos) {
        let seen = &mut self.shared().seen;
        *seen = Seen { resting: seen.resting, fault: Some(now), ..Seen::default() };
    }

    /// Connections that carry orders are closed from now on, as soon as they are known to.
    pub fn kill_order_links(&self) {
        let (start, duration) = (Nanos::ZERO, Nanos::secs(3_600));
        self.shared().faults.push(Fault {
            kind: FaultKind::Drop { who: Who::User },
            start,
            duration,
        });
    }

    fn approve(&self, key: &Signer, agent: Address, now: Nanos) -> Result<(), AppError> {
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{}", self.port()))?;
        let failed = |problem: String| {
            AppError::data(
                "the drill's exchange",
                format!("no agent: {problem}"),
                "a defect: report it",
            )
        };
        let nonce = u64::try_from(now.as_millis()).unwrap_or(0);
        let action = ApproveAgent::new(agent, Some("guard"), nonce, Network::Testnet);
        let action = action.map_err(|e| failed(e.to_string()))?;
        let body = action.signed_body(key).map_err(|e| failed(e.to_string()))?;
        let answer = Rest::new(&endpoint, &Tls::default())?.exchange(&body)?;
        match answer["status"] == "ok" {
            true => Ok(()),
            false => Err(failed(answer.to_string())),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exchange, looked at after each block.
struct Watched {
    inner: Faulty<Hub>,
    account: Address,
    shared: Arc<Mutex<Shared>>,
    /// The newest that was looked at.
    block: Nanos,
}

impl Watched {
    fn look(&mut self) {
        let venue = self.inner.inner().venue();
        if venue.time() == self.block {
            return;
        }
        self.block = venue.time();
        let resting = venue.open_orders(&self.account).len();
        let exposure = exposure(venue, &self.account);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut shared.seen;
        seen.resting = resting;
        let Some(fault) = seen.fault else { return };
        seen.worst = seen.worst.max(exposure);
        let newest = venue.history(&self.account).iter().rev();
        let mut since = newest.take_while(|order| order.status_time >= fault);
        if resting > 0 {
            seen.gone_at = None;
        } else if seen.gone_at.is_none() {
            // Several blocks may have been looked at as one.
            seen.gone_at = Some(since.clone().next().map_or(self.block, |last| last.status_time));
        }
        seen.switch_fired |= since.any(|order| order.status == OrderStatus::ScheduledCancel);
    }
}

/// See [`Seen::worst`].
fn exposure(venue: &Venue, account: &Address) -> Usd {
    let (state, orders) = (venue.account(account), venue.open_orders(account));
    let of_coin = |asset| {
        let held = state.positions.iter().find(|p| p.asset == asset).map_or(Qty::ZERO, |p| p.szi);
        let on = |side| -> Qty {
            orders.iter().filter(|o| o.asset == asset && o.side == side).map(|o| o.leaves).sum()
        };
        let most = (held + on(Side::Bid)).abs().max((held - on(Side::Ask)).abs()).max(held.abs());
        notional(venue.ctx(asset).mark, most)
    };
    venue.universe().iter().map(|(asset, _)| of_coin(asset)).sum()
}

impl Host for Watched {
    fn http(&mut self, now: Nanos, peer: IpAddr, id: HttpId, request: &HttpRequest<'_>) {
        self.inner.http(now, peer, id, request);
    }

    fn open(&mut self, now: Nanos, peer: IpAddr, conn: ConnId) -> Result<(), HttpReply> {
        self.inner.open(now, peer, conn)
    }

    fn frame(&mut self, now: Nanos, conn: ConnId, text: &[u8]) {
        self.inner.frame(now, conn, text);
    }

    fn close(&mut self, now: Nanos, conn: ConnId) {
        self.inner.close(now, conn);
    }

    fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        let faults = {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut shared.faults)
        };
        for fault in faults {
            let _ = self.inner.add(now, fault); // There is room: a drill has one.
        }
        self.inner.poll(now, out);
        self.look();
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.inner.next_deadline()
    }
}
