//! The guard in virtual time: it does what `botmm guard` does, by requests that its own agent signs, and is
//! polled with the exchange.

use crate::world::{KEY, LATENCY, Venue, params, universe, user};
use botmm_pipeline::rt::Stage;
use botmm_pipeline::types::{Nanos, Oid};
use botmm_pipeline::venue::hl::sign::{
    ApproveAgent, Envelope, Network, Nonce, RequestSigner, Signer, WireAction, WireCancel,
};
use std::sync::{Arc, Mutex};

/// A key for tests.
const AGENT: &str = "0x1123456789012345678901234567890123456789012345678901234567890123";
/// Without a beat for so long it acts (`guard_timeout_s`).
pub const TIMEOUT: Nanos = Nanos::secs(3);
const PAUSE: Nanos = Nanos::millis(500);
/// Beyond `expires_after`.
const GRACE: Nanos = Nanos::secs(1);
const PATH: &str = "/exchange";

/// See the module.
pub struct Guard {
    venue: Venue,
    signer: RequestSigner,
    nonce: Nonce,
    /// The bot's last beat; [`None`] = there is none to guard.
    pub beat: Option<Nanos>,
    /// It is not there itself.
    pub is_dead: bool,
    acts: Option<Acts>,
    /// How often it acted.
    pub acted: u64,
    /// How many orders it cancelled.
    pub cancelled: u64,
}

struct Acts {
    next: Nanos,
    quiet_since: Option<Nanos>,
}

impl Guard {
    pub fn new(venue: &Venue, now: Nanos) -> Self {
        let agent = Signer::from_hex(AGENT).unwrap();
        let nonce = u64::try_from(now.as_millis()).unwrap();
        let action =
            ApproveAgent::new(agent.address(), Some("guard"), nonce, Network::Mainnet).unwrap();
        let body = action.signed_body(&Signer::from_hex(KEY).unwrap()).unwrap();
        venue.post(now, PATH, &body);
        Self {
            venue: venue.clone(),
            signer: RequestSigner::new(agent, Network::Mainnet),
            nonce: Nonce::after(0),
            beat: None,
            is_dead: false,
            acts: None,
            acted: 0,
            cancelled: 0,
        }
    }

    /// The bot lives.
    pub fn hears(&mut self, now: Nanos) {
        self.beat = Some(now);
    }

    /// The key is latched: no bot begins.
    pub fn acts(&self) -> bool {
        self.acts.is_some()
    }

    fn turn(&mut self, now: Nanos) {
        let is_late = self.beat.is_some_and(|beat| now - beat >= TIMEOUT);
        if is_late && !self.is_dead {
            (self.beat, self.acted) = (None, self.acted + 1);
            self.acts = Some(Acts { next: now, quiet_since: None });
        }
        let Some(acts) = self.acts.as_mut().filter(|acts| now >= acts.next) else { return };
        acts.next = now + PAUSE;
        let open = ours(&self.venue);
        if open.is_empty() {
            let quiet = params().risk.expires_after + GRACE;
            if now - *acts.quiet_since.get_or_insert(now) >= quiet {
                self.acts = None;
            }
            return;
        }
        acts.quiet_since = None;
        self.cancelled += open.len() as u64;
        let cancels: Vec<_> =
            open.iter().map(|(asset, oid)| WireCancel { asset: *asset, id: *oid }).collect();
        let envelope = Envelope { nonce: self.nonce.next(now), vault: None, expires_after: None };
        let mut body = Vec::new();
        let action = WireAction::Cancel { cancels: &cancels, fast: true };
        self.signer.write_body(&action, &envelope, &mut body);
        self.venue.post(now + LATENCY, PATH, &body);
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let is_watching = !self.is_dead;
        let late = self.beat.filter(|_| is_watching).map(|beat| beat + TIMEOUT);
        self.acts.as_ref().map(|acts| acts.next).into_iter().chain(late).min()
    }
}

/// Our orders that rest, by the venue's number of the coin.
fn ours(venue: &Venue) -> Vec<(u32, Oid)> {
    venue.with(|host| {
        let open = host.inner().venue().open_orders(&user());
        let ours = open.iter().filter(|o| o.cloid.is_some_and(|c| c.is_ours()));
        ours.map(|o| (universe().get(o.asset).venue_index, o.oid)).collect()
    })
}

/// The exchange, and the guard beside it.
pub struct Outside<S> {
    pub venue: S,
    pub guard: Arc<Mutex<Guard>>,
}

impl<S: Stage> Stage for Outside<S> {
    fn name(&self) -> &'static str {
        "venue and guard"
    }
    fn poll(&mut self, now: Nanos) -> usize {
        self.guard.lock().unwrap().turn(now);
        self.venue.poll(now)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        let guard = self.guard.lock().unwrap().next_deadline();
        self.venue.next_deadline().into_iter().chain(guard).min()
    }
}
