//! What can go wrong on purpose: [`Faulty`] is a [`Host`] around a [`Host`] that shows [`Fault`]s by
//! a schedule, so that a client can be tried against a venue on a bad day. Time is an argument and
//! chance has a seed: same schedule, seed and traffic, same faults.
//!
//! A schedule is a TOML file ([`read_schedule`]), explained by `config/faults.example.toml`:
//!
//! ```toml
//! seed = 7                  # of everything that is left to chance; default 0
//! [[fault]]
//! kind = "delay_answers"    # see FaultKind; in snake_case
//! start = "30s"             # since the start of the exchange; default 0s
//! duration = "10s"          # only `drop` and `liquidation` can do without: it then happens once
//! delay = "2s"              # delay_answers, reorder, late_feed
//! percent = 50              # delay_answers, lose_answers, lose_actions, duplicate, reorder;
//!                           # default 100
//! # who = "user"            # drop: all (default), user, public
//! # every = "250ms"         # garbage
//! # offset = "-3s"          # clock_jump, clock_skew
//! # coin = "ETH"            # silent_coin, empty_side, far_level, refuse_orders, liquidation
//! # side = "ask"            # empty_side, far_level: bid, ask
//! ```
//!
//! Or one comes at a time while the exchange runs, by [`admin()`]: the same fields as JSON.

mod admin;
mod fault;
mod file;
mod market;
mod outputs;
#[cfg(test)]
mod tests;
mod wire;

pub use admin::admin;
pub use fault::{Fault, FaultKind, FaultSpec, MAX_FAULTS, Who};
pub use file::{
    Schedule, ScheduleError, parse_schedule, random_market_days, random_schedule, read_schedule,
};

use super::{ConnId, Host, HttpId, HttpReply, HttpRequest, Outgoing};
use botmm_pipeline::types::{Coin, Nanos};
use market::{Disturbance, News};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use wire::Heard;

/// Messages held back at a time; beyond it they are not held.
const MAX_HELD: usize = 65_536;
/// Actions of one connection (or all of HTTP) whose answers can be told from others; of more, the
/// oldest are forgotten.
const MAX_ACTIONS: usize = 4096;
/// Garbage that needs no real frame.
const CANNED: [&str; 5] = [
    "Websocket connection established.",
    "{\"channel\":\"l2Book\",\"data\":{\"coin\":\"BTC\",\"time\":17",
    "{\"channel\":\"trades\",\"data\":[{]}",
    "[[[[[[[[[[[[[[[[",
    "<html><body>502 Bad Gateway</body></html>",
];

/// What a host does about faults that happen inside it. By default nothing.
pub trait FaultTarget {
    /// From now until this time, by the host's own clock, only post-only orders are taken;
    /// [`Nanos::ZERO`] = no longer.
    fn set_post_only_until(&mut self, _until: Nanos) {}

    /// In its next block, the host closes by force whatever position anybody has in a coin.
    fn liquidate(&mut self, _coin: Coin) {}

    /// The number that actions name a coin by; [`None`] = it is not listed.
    fn index_of(&self, _coin: Coin) -> Option<u32> {
        None
    }
}

/// A host with faults.
///
/// **Clock jumps.** While [`FaultKind::ClockJump`] lasts, the inner host is given the time plus the
/// offset: it commits blocks, lets orders expire and stamps messages by it. Its time never runs
/// backwards: a clock that is set back (by a negative offset, or by the end of a positive one)
/// stands still until true time has caught up, and the host with it.
///
/// **Inputs** that meet a fault are lost or answered here, and the inner host never hears of them.
/// **Outputs** are lost, delayed, repeated or misdated on their way out.
pub struct Faulty<H> {
    inner: H,
    start: Nanos,
    rng: ChaCha8Rng,
    planned: Vec<Planned>,
    next_id: u64,
    /// Nothing begins or ends before this.
    next_change: Nanos,
    effects: Effects,
    /// What the inner host was last told the time was.
    inner_now: Nanos,
    lines: BTreeMap<ConnId, Conn>,
    /// HTTP requests to `/exchange` not yet answered.
    actions: BTreeSet<HttpId>,
    /// To be said at the next poll.
    ready: Vec<Outgoing>,
    /// Held back until then; the number keeps what is due at once in order.
    held: BTreeMap<(Nanos, u64), Outgoing>,
    held_count: u64,
    from_inner: Vec<Outgoing>,
}

/// A fault with its place in time.
struct Planned {
    id: u64,
    fault: Fault,
    begin: Nanos,
    end: Nanos,
    begun: bool,
    /// When the next garbage is due.
    next_garbage: Nanos,
}

/// What the active faults amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Effects {
    jump: Nanos,
    skew: Nanos,
    post_only_until: Nanos,
}

/// A connection.
#[derive(Default)]
struct Conn {
    is_user: bool,
    /// It was told to close; nothing more is sent.
    closing: bool,
    /// Posted actions not yet answered.
    actions: BTreeSet<u64>,
    /// Its last frame, kept while garbage is made of it.
    last: Vec<u8>,
    /// Market data that was told later than it should have been is told until then; newer waits behind it.
    public_until: Nanos,
    /// When each coin's book and touch were last told, while news are rare.
    told: BTreeMap<News, Nanos>,
}

impl<H: Host + FaultTarget> Faulty<H> {
    /// A host with these faults, counted from `start`.
    pub fn new(inner: H, start: Nanos, schedule: &Schedule) -> Self {
        let mut faulty = Self {
            inner,
            start,
            rng: ChaCha8Rng::seed_from_u64(schedule.seed),
            planned: Vec::new(),
            next_id: 1,
            next_change: Nanos::MAX,
            effects: Effects::default(),
            inner_now: Nanos(i64::MIN),
            lines: BTreeMap::new(),
            actions: BTreeSet::new(),
            ready: Vec::new(),
            held: BTreeMap::new(),
            held_count: 0,
            from_inner: Vec::new(),
        };
        schedule.faults.iter().for_each(|f| faulty.plan(*f, start));
        faulty
    }

    /// The host inside.
    pub fn inner(&self) -> &H {
        &self.inner
    }

    /// The host inside.
    #[cfg(test)]
    pub fn inner_mut(&mut self) -> &mut H {
        &mut self.inner
    }

    /// Whether no fault is active, nothing is held back, and the clock is right.
    pub fn is_quiet(&self, now: Nanos) -> bool {
        let active = |p: &Planned| p.begin <= now && (now < p.end || !p.begun);
        !self.planned.iter().any(active) && self.held.is_empty() && self.inner_now <= now
    }

    /// Adds a fault whose start is counted from `now`. Its number.
    ///
    /// # Errors
    /// There are [`MAX_FAULTS`] already.
    pub fn add(&mut self, now: Nanos, fault: Fault) -> Result<u64, String> {
        if self.planned.len() >= MAX_FAULTS {
            return Err(format!("there are {MAX_FAULTS} faults already; end them first"));
        }
        self.plan(fault, now);
        Ok(self.next_id - 1)
    }

    /// Ends all faults, also those that have not begun. What was held back comes at once.
    pub fn clear(&mut self, now: Nanos) {
        self.planned.clear();
        self.next_change = now;
        self.ready.extend(std::mem::take(&mut self.held).into_values());
        self.turn(now);
    }

    fn plan(&mut self, fault: Fault, from: Nanos) {
        let at = |span: Nanos| Nanos(from.0.saturating_add(span.0));
        let (begin, end) = (at(fault.start), at(fault.end()));
        let (id, begun) = (self.next_id, false);
        self.planned.push(Planned { id, fault, begin, end, begun, next_garbage: begin });
        self.next_id += 1;
        self.next_change = self.next_change.min(begin);
    }

    /// Begins and ends what is due.
    fn turn(&mut self, now: Nanos) {
        if now < self.next_change {
            return;
        }
        let mut begun = Vec::new();
        for planned in self.planned.iter_mut().filter(|p| !p.begun && p.begin <= now) {
            planned.begun = true;
            begun.push(planned.fault.kind);
        }
        self.planned.retain(|p| !p.begun || now < p.end);
        let change = |p: &Planned| if p.begun { p.end } else { p.begin };
        self.next_change = self.planned.iter().map(change).min().unwrap_or(Nanos::MAX);
        begun.into_iter().for_each(|kind| self.strike(kind));

        let mut effects = Effects::default();
        let active: Vec<_> = self.active().map(|p| (p.fault.kind, p.end)).collect();
        for (kind, end) in active {
            match kind {
                FaultKind::ClockJump { offset } => effects.jump = effects.jump + offset,
                FaultKind::ClockSkew { offset } => effects.skew = effects.skew + offset,
                FaultKind::PostOnly => {
                    effects.post_only_until = effects.post_only_until.max(end);
                }
                _ => {}
            }
        }
        if effects.post_only_until > Nanos::ZERO {
            effects.post_only_until = effects.post_only_until + effects.jump;
        }
        let before = std::mem::replace(&mut self.effects, effects);
        if before.post_only_until != effects.post_only_until {
            self.inner.set_post_only_until(effects.post_only_until);
        }
    }

    /// The inner host's time.
    fn inner_time(&mut self, now: Nanos) -> Nanos {
        self.inner_now = self.inner_now.max(now + self.effects.jump);
        self.inner_now
    }

    fn active(&self) -> impl Iterator<Item = &Planned> {
        self.planned.iter().filter(|p| p.begun)
    }

    fn has(&self, kind: FaultKind) -> bool {
        self.active().any(|p| p.fault.kind == kind)
    }

    /// The first active fault that `pick` knows, if chance hits.
    fn hit<T>(&mut self, pick: impl Fn(FaultKind) -> Option<(T, u8)>) -> Option<T> {
        let (what, percent) = self.active().find_map(|p| pick(p.fault.kind))?;
        (self.rng.random_range(0..100) < percent).then_some(what)
    }

    fn loses_action(&mut self) -> bool {
        let lost = self.hit(|kind| match kind {
            FaultKind::LoseActions { percent } => Some(((), percent)),
            _ => None,
        });
        lost.is_some()
    }

    /// Whether actions must be looked into at all.
    fn may_refuse(&self) -> bool {
        let may = |kind| matches!(kind, FaultKind::RefuseOrders { .. } | FaultKind::RefuseCancels);
        self.active().any(|p| may(p.fault.kind))
    }

    /// What can be the matter of a moment happens: when it begins, and again and again while it lasts.
    fn strike(&mut self, kind: FaultKind) {
        match kind {
            FaultKind::Drop { who } => self.drop_lines(who),
            FaultKind::Liquidation { coin } => self.inner.liquidate(coin),
            _ => {}
        }
    }

    fn drop_lines(&mut self, who: Who) {
        for (conn, line) in &mut self.lines {
            let meant = match who {
                Who::All => true,
                Who::User => line.is_user,
                Who::Public => !line.is_user,
            };
            if meant && !std::mem::replace(&mut line.closing, true) {
                self.ready.push(Outgoing::Close(*conn));
            }
        }
    }

    fn throw_garbage(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        for planned in self.planned.iter_mut().filter(|p| p.begun && p.next_garbage <= now) {
            let FaultKind::Garbage { every } = planned.fault.kind else { continue };
            planned.next_garbage = now + every;
            for (conn, line) in self.lines.iter().filter(|(_, line)| !line.closing) {
                out.push(Outgoing::Frame(*conn, garbage(&mut self.rng, &line.last)));
            }
        }
    }

    /// What an action is answered when a fault refuses it before it happens.
    fn refused(&self, action: &serde_json::Value) -> Option<serde_json::Value> {
        let index = |coin| self.inner.index_of(coin);
        self.active().find_map(|p| market::refusal(p.fault.kind, action, index))
    }

    /// The status that every request is answered with, if there is one.
    fn refusal(&self) -> Option<(u16, &'static str)> {
        let refusal = |p: &Planned| match p.fault.kind {
            FaultKind::ServerError => Some((500, "500 Internal Server Error")),
            FaultKind::TooManyRequests => Some((429, "429 Too Many Requests")),
            _ => None,
        };
        self.active().find_map(refusal)
    }
}

impl FaultKind {
    /// Whether it changes what comes out, or needs to know it.
    fn concerns_outputs(self) -> bool {
        matches!(
            self,
            Self::DelayAnswers { .. }
                | Self::LoseAnswers { .. }
                | Self::Duplicate { .. }
                | Self::Reorder { .. }
                | Self::Garbage { .. }
                | Self::StaleBook
                | Self::LateFeed { .. }
                | Self::RareNews { .. }
        ) || Disturbance::of(self).is_some()
    }
}

impl<H: Host + FaultTarget> Host for Faulty<H> {
    fn http(&mut self, now: Nanos, peer: IpAddr, id: HttpId, request: &HttpRequest<'_>) {
        self.turn(now);
        if let Some((status, _)) = self.refusal() {
            let (content_type, body) = ("application/json", b"null".to_vec());
            return self.ready.push(Outgoing::Reply(id, HttpReply { status, content_type, body }));
        }
        if request.path == "/exchange" {
            if self.loses_action() {
                return;
            }
            if self.may_refuse()
                && let Some(payload) =
                    wire::http_action(request.body).and_then(|a| self.refused(&a))
            {
                let (status, content_type) = (200, "application/json");
                let reply = HttpReply { status, content_type, body: payload.to_string().into() };
                return self.ready.push(Outgoing::Reply(id, reply));
            }
            remember(&mut self.actions, id);
        }
        let time = self.inner_time(now);
        self.inner.http(time, peer, id, request);
    }

    fn open(&mut self, now: Nanos, peer: IpAddr, conn: ConnId) -> Result<(), HttpReply> {
        self.turn(now);
        if self.has(FaultKind::Refuse) {
            let body = b"no new connections for now".to_vec();
            return Err(HttpReply { status: 503, content_type: "text/plain", body });
        }
        let time = self.inner_time(now);
        self.inner.open(time, peer, conn)?;
        self.lines.insert(conn, Conn::default());
        Ok(())
    }

    fn frame(&mut self, now: Nanos, conn: ConnId, text: &[u8]) {
        self.turn(now);
        let refusal = self.refusal();
        let Some(line) = self.lines.get_mut(&conn).filter(|l| !l.closing) else { return };
        match wire::heard(text) {
            Heard::UserSubscription => line.is_user = true,
            Heard::Post { id, is_action } => {
                if let Some((_, status)) = refusal {
                    let answer = Outgoing::Frame(conn, wire::post_error(id, status));
                    return self.ready.push(answer);
                }
                if is_action {
                    remember(&mut line.actions, id);
                    if self.loses_action() {
                        return;
                    }
                    if self.may_refuse()
                        && let Some(payload) =
                            wire::posted_action(text).and_then(|a| self.refused(&a))
                    {
                        let answer = Outgoing::Frame(conn, wire::post_answer(id, &payload));
                        return self.ready.push(answer);
                    }
                }
            }
            Heard::Other => {}
        }
        let time = self.inner_time(now);
        self.inner.frame(time, conn, text);
    }

    fn close(&mut self, now: Nanos, conn: ConnId) {
        if self.lines.remove(&conn).is_some() {
            let time = self.inner_time(now);
            self.inner.close(time, conn);
        }
    }

    fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        self.turn(now);
        let lasting: Vec<FaultKind> =
            self.active().map(|p| p.fault.kind).filter(|kind| kind.can_be_a_moment()).collect();
        lasting.into_iter().for_each(|kind| self.strike(kind));
        let time = self.inner_time(now);
        let mut said = std::mem::take(&mut self.from_inner);
        self.inner.poll(time, &mut said);
        for mut said in said.drain(..) {
            self.misdate(&mut said);
            self.pass(now, said, out);
        }
        self.from_inner = said;
        self.release(now, out);
        self.throw_garbage(now, out);
        out.append(&mut self.ready);
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let inner = self.inner.next_deadline();
        let inner = inner.map(|at| Nanos(at.0.saturating_sub(self.effects.jump.0)));
        let held = self.held.first_key_value().map(|((at, _), _)| *at);
        let garbage = self
            .active()
            .filter(|p| matches!(p.fault.kind, FaultKind::Garbage { .. }))
            .map(|p| p.next_garbage);
        let change = (self.next_change < Nanos::MAX).then_some(self.next_change);
        inner.into_iter().chain(held).chain(garbage).chain(change).min()
    }
}

/// Keeps a bounded number of the newest.
fn remember<T: Ord>(set: &mut BTreeSet<T>, item: T) {
    set.insert(item);
    if set.len() > MAX_ACTIONS {
        set.pop_first();
    }
}

/// Something that is no message: words, what looks like JSON, or a real frame cut short.
fn garbage(rng: &mut ChaCha8Rng, last: &[u8]) -> Vec<u8> {
    let pick = rng.random_range(0..2 * CANNED.len());
    if let Some(canned) = CANNED.get(pick) {
        return canned.as_bytes().to_vec();
    }
    // Text frames are UTF-8: the cut must not tear a character.
    let text = std::str::from_utf8(last).unwrap_or_default();
    let mut cut = rng.random_range(0..text.len().max(1));
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    text.as_bytes()[..cut].to_vec()
}
