//! The gated reconcile (ARCHITECTURE.md, "The order link"): from an open link to one that may be
//! traded on, and staying sure of it.
//!
//! ```text
//! Fills ──> Orders ──> Cases ──> State ──> Budget ──> Up
//!              ^ │ strays          │ positions differ: Fills again
//!              └─┘                 │ clocks differ: wait
//! ```
//!
//! The first time, what the account holds is the opening position, if no fill came while it was
//! read: fills are listed once more before it counts (`Settle`). While up, the account's state is compared every ten seconds and the list of open
//! orders every minute; what differs twice takes the link down until it agrees again.

use super::posts::Question;
use super::questions::{write_fills_since, write_status, write_user};
use super::weights::Urgency;
use super::{HlGateway, Known, Opening, Wire};
use crate::types::AlertKind;
use crate::types::limits::MAX_ASSETS;
use crate::types::{AssetId, Cloid, Inquiry, Nanos, Oid, Px, Qty, Usd, VenueEventKind, notional};
use crate::venue::Transport;
use crate::venue::hl::user::{MarginSummary, UserEvent, Via};
use std::io::Write as _;

/// An answer that does not come by then is asked for again.
const ANSWER_TIMEOUT: Nanos = Nanos::secs(5);
/// Pause before a step is tried again.
pub(super) const STEP_PAUSE: Nanos = Nanos::millis(500);
/// How often the positions are compared while up, and soon after a doubt.
const STATE_EVERY: Nanos = Nanos::secs(10);
/// How often the open orders are compared while up.
const ORDERS_EVERY: Nanos = Nanos::secs(60);
/// How often the request budget is read while up.
const BUDGET_EVERY: Nanos = Nanos::secs(60);
/// Comparisons that may differ before the link is taken down: a fill may be on its way.
const DIFFERENCES: u32 = 2;
/// Fills are asked for from a little before the last list of them: clocks and servers differ.
const FILLS_OVERLAP: Nanos = Nanos::secs(15);
/// How far back fills are listed at the opening, so that none of them is taken for a new one.
const OPENING_LOOK_BACK: Nanos = Nanos::secs(600);
/// Fills in one answer, at most (PROTOCOL §2): more have to be asked for.
const FILLS_PAGE: u32 = 2000;
/// Fills that weigh one more.
const FILLS_PER_WEIGHT: u32 = 20;
/// How often clocks that differ are compared again.
const SKEW_PAUSE: Nanos = Nanos::secs(5);
/// Weights of the questions (PROTOCOL §2).
const LIGHT: u32 = 2;
const HEAVY: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Step {
    #[default]
    Fills,
    Orders,
    Cases,
    State,
    /// At the opening: were there fills while the positions were read?
    Settle,
    Budget,
    Up,
}

/// A position of the account's state.
#[derive(Clone, Copy, Debug)]
struct Held {
    asset: AssetId,
    szi: Qty,
    mark: Px,
    /// Average price at which it was entered; zero = not told.
    entry: Px,
}

/// Where the reconcile stands.
#[derive(Debug, Default)]
pub struct Reconcile {
    pub(super) step: Step,
    /// The post whose answer this step waits for, and since when.
    pub(super) waiting: Option<(u64, Nanos)>,
    not_before: Nanos,
    differences: u32,
    next_state: Nanos,
    pub(super) next_orders: Nanos,
    next_budget: Nanos,
    /// When the list of open orders was asked for, and when for the first time.
    pub(super) orders_asked: Nanos,
    pub(super) first_orders: Option<Nanos>,
    /// What the list of open orders that is being read has shown so far.
    pub(super) foreign: u64,
    pub(super) strays: Vec<(AssetId, Oid)>,
    pub(super) listed: Vec<Oid>,
    /// Some of them bear our tag and another run's number.
    pub(super) others_rest: bool,
    /// What the state that is being read has shown so far.
    positions: Vec<Held>,
    /// At the opening: fills told before the positions were asked for, and the state's time and
    /// cash.
    told_before: u64,
    opening: (Nanos, Usd),
    /// Newest fill of the list that is being read.
    page_last: Nanos,
    /// The last list of fills was as long as a page: what came after it is listed from here on.
    page: Option<Nanos>,
    said_skew: bool,
    said_difference: bool,
    pub(super) said_foreign: u64,
    pub(super) said_strays: bool,
}

impl Reconcile {
    /// From the beginning: the link is gone.
    pub fn restart(&mut self) {
        (self.step, self.waiting, self.not_before) = (Step::Fills, None, Nanos::ZERO);
        self.page = None;
    }

    /// A fill was listed in the answer to a question.
    pub fn on_listed_fill(&mut self, time: Nanos) {
        self.page_last = self.page_last.max(time);
    }

    /// Something may have been missed: compare at the next turn.
    pub fn audit_soon(&mut self, now: Nanos) {
        (self.next_state, self.next_orders) = (now, now);
    }

    /// The venue says that the budget is spent: ask how much there is.
    pub fn ask_budget_soon(&mut self, now: Nanos) {
        self.next_budget = now;
    }

    /// This will not be answered: it is due again.
    pub fn unanswered(&mut self, now: Nanos, question: &Question) {
        match question {
            Question::State => self.next_state = now,
            Question::OpenOrders => self.next_orders = now,
            Question::Budget => self.next_budget = now,
            _ => {}
        }
    }

    /// When there is something to do, on a link that is ready.
    pub fn next_deadline(&self) -> Nanos {
        match (self.waiting, self.step) {
            (Some((_, since)), _) => since + ANSWER_TIMEOUT,
            (None, Step::Up) => {
                self.next_state.min(self.next_orders).min(self.next_budget).max(self.not_before)
            }
            (None, _) => self.not_before,
        }
    }

    pub(super) fn go(&mut self, step: Step) {
        (self.step, self.waiting) = (step, None);
    }

    /// Tries the present step, or this one, again a little later.
    pub(super) fn again(&mut self, now: Nanos, step: Step, pause: Nanos) {
        self.go(step);
        self.not_before = now + pause;
    }
}

impl<T: Transport> HlGateway<T> {
    /// Asks what is to be asked next. The link is ready.
    pub(super) fn reconcile(&mut self, now: Nanos) {
        while let Some(ask) = self.known.cases.next(now) {
            if self.known.cases.needs_time(self.out.venue.at(now), &ask) {
                self.ask(now, Question::Time, LIGHT, |w| write_user(w, "clearinghouseState"));
            }
            let question = Question::Status { slot: ask.slot, leg: ask.leg };
            if self.ask(now, question, LIGHT, |wire| write_status(wire, &ask)).is_none() {
                self.known.cases.hold(now + STEP_PAUSE);
                break;
            }
            self.known.cases.asked(now, &ask);
        }
        if let Some((id, since)) = self.known.reconcile.waiting {
            if now - since < ANSWER_TIMEOUT {
                return;
            }
            self.known.reconcile.waiting = None;
            if let Some(post) = self.wire.posts.give_up(id) {
                self.known.reconcile.unanswered(now, &post.question);
            }
        }
        let state = &mut self.known.reconcile;
        if now < state.not_before {
            return;
        }
        if state.step == Step::Cases && self.known.cases.are_settled() {
            state.go(Step::State);
        }
        self.known.others.begin(self.out.venue.at(now) + self.wire.config.settle);
        match self.known.reconcile.step {
            Step::Fills | Step::Settle => self.ask_fills(now),
            Step::Orders => self.ask_orders(now),
            Step::Cases => self.known.reconcile.not_before = now + STEP_PAUSE,
            Step::State => self.ask_state(now),
            Step::Budget => self.ask_budget(now),
            Step::Up => self.stay_sure(now),
        }
    }

    fn stay_sure(&mut self, now: Nanos) {
        let since = self.fills_since();
        let state = &self.known.reconcile;
        let (state_due, orders_due) = (now >= state.next_state, now >= state.next_orders);
        // A fill was missed, perhaps: the answers come in this order, or the next time. (Two missed
        // fills that cancel each other out show in no position: they are listed now and then.)
        if state_due && state.differences > 0 || orders_due && !state_due {
            self.ask(now, Question::Fills, HEAVY, write_fills_since(since));
        }
        let state = &self.known.reconcile;
        if state_due {
            self.ask_state(now);
        } else if orders_due {
            self.ask_orders(now);
        } else if now >= state.next_budget {
            self.ask_budget(now);
        }
    }

    /// Posts a question; its number, when it could be sent.
    fn ask(
        &mut self,
        now: Nanos,
        question: Question,
        weight: u32,
        write: impl FnOnce(&mut Wire),
    ) -> Option<u64> {
        let Self { wire, transport, .. } = self;
        if !wire.posts.has_room(false) || !wire.weights.spend(now, weight, Urgency::Info) {
            return None;
        }
        wire.buffer.clear();
        let id = wire.posts.next_id();
        let _ = write!(
            wire.buffer,
            r#"{{"method":"post","id":{id},"request":{{"type":"info","payload":"#
        );
        write(wire);
        wire.buffer.extend_from_slice(b"}}");
        if !transport.send(now, &wire.buffer) {
            return None;
        }
        Some(wire.posts.sent(now, question))
    }

    /// Posts a question that the present step waits for; tries again later when it cannot be sent.
    fn ask_and_wait(
        &mut self,
        now: Nanos,
        question: Question,
        weight: u32,
        write: impl FnOnce(&mut Wire),
    ) {
        let asked = self.ask(now, question, weight, write);
        let state = &mut self.known.reconcile;
        match asked {
            Some(id) => {
                state.waiting = Some((id, now));
                match question {
                    Question::State => state.next_state = now + STATE_EVERY,
                    Question::OpenOrders => state.next_orders = now + ORDERS_EVERY,
                    Question::Budget => state.next_budget = now + BUDGET_EVERY,
                    _ => {}
                }
            }
            None => state.not_before = now + STEP_PAUSE,
        }
    }

    /// From when on fills may have been missed, or were not listed yet.
    fn fills_since(&self) -> Nanos {
        let Known { reconcile, holdings, .. } = &self.known;
        reconcile.page.unwrap_or(holdings.listed() - FILLS_OVERLAP)
    }

    fn ask_fills(&mut self, now: Nanos) {
        if self.known.holdings.listed() == Nanos::ZERO {
            self.known.holdings.begin_at(self.out.venue.at(now) - OPENING_LOOK_BACK);
        }
        let since = self.fills_since();
        self.ask_and_wait(now, Question::Fills, HEAVY, write_fills_since(since));
    }

    fn ask_orders(&mut self, now: Nanos) {
        let state = &mut self.known.reconcile;
        (state.foreign, state.orders_asked, state.others_rest) = (0, now, false);
        state.strays.clear();
        state.listed.clear();
        self.ask_and_wait(now, Question::OpenOrders, HEAVY, |w| {
            write_user(w, "frontendOpenOrders")
        });
    }

    fn ask_state(&mut self, now: Nanos) {
        self.known.reconcile.positions.clear();
        self.ask_and_wait(now, Question::State, LIGHT, |w| write_user(w, "clearinghouseState"));
    }

    fn ask_budget(&mut self, now: Nanos) {
        self.ask_and_wait(now, Question::Budget, HEAVY, |w| write_user(w, "userRateLimit"));
    }

    /// An answer to one of the questions above.
    pub(super) fn on_answer(&mut self, now: Nanos, event: &UserEvent) {
        match event {
            UserEvent::OrderStatus { id, found } => {
                let Some(post) = self.wire.posts.end(*id) else { return };
                let Question::Status { slot, leg } = post.question else { return };
                let Self { known, out, .. } = self;
                let mut tell = |inquiry: &Inquiry, kind: VenueEventKind| {
                    known.holdings.on_order(now, inquiry.cloid, inquiry.asset, &kind);
                    out.push(now, inquiry.cloid, inquiry.asset, kind);
                };
                known.cases.answered(now, slot, leg, *found, &mut tell);
            }
            UserEvent::OpenOrder { id: Some(id), order } if self.awaits(*id) => {
                self.on_listed(order)
            }
            UserEvent::OpenOrdersEnd { id: Some(id), .. } if self.ends(*id) => self.on_orders(now),
            UserEvent::FillsEnd { via: Via::Answer { id }, total } => {
                if let Some(post) = self.wire.posts.end(*id) {
                    self.on_fills(now, post.sent, *total);
                }
            }
            UserEvent::Position { id: Some(id), asset: None, szi, .. }
                if self.awaits(*id) && !szi.is_zero() =>
            {
                self.out.show(|view| view.trades_others = true);
            }
            UserEvent::Position { id: Some(id), asset: Some(asset), szi, mark_px, entry_px }
                if self.awaits(*id) && self.asked_for_state(*id) =>
            {
                let (asset, szi, mark, entry) = (*asset, *szi, *mark_px, *entry_px);
                self.known.reconcile.positions.push(Held { asset, szi, mark, entry });
            }
            UserEvent::AccountState { id: Some(id), account } => {
                self.on_account(now, *id, account);
            }
            UserEvent::RateLimit { id, used, cap } => self.on_budget(now, *id, *used, *cap),
            UserEvent::InfoEmpty { id } => self.on_failed(now, *id),
            _ => {}
        }
    }

    /// A request failed on its way. Whether an action was executed is not known: its orders will be
    /// asked for.
    pub(super) fn on_failed(&mut self, now: Nanos, id: u64) {
        if let Some(post) = self.wire.posts.end(id) {
            self.known.reconcile.unanswered(now, &post.question);
        }
    }

    /// Whether this answers the present question. An answer that came too late must not be mixed
    /// into the next one's: a position told twice would be opened twice.
    fn awaits(&self, id: u64) -> bool {
        self.known.reconcile.waiting.is_some_and(|(waiting, _)| waiting == id)
    }

    /// The answer to another question may have the shape of a state.
    fn asked_for_state(&self, id: u64) -> bool {
        self.wire.posts.get(id).is_some_and(|post| matches!(post.question, Question::State))
    }

    /// Ends a post; false when nobody waits for its answer any more.
    fn ends(&mut self, id: u64) -> bool {
        self.wire.posts.end(id).is_some()
    }

    /// The fills are told, up to when they were asked for.
    fn on_fills(&mut self, now: Nanos, asked: Nanos, total: u32) {
        self.wire.weights.add(total / FILLS_PER_WEIGHT);
        let Self { known: Known { reconcile: state, holdings, .. }, out, .. } = self;
        let last = std::mem::take(&mut state.page_last);
        // The next page begins with the last millisecond of this one, which may have more; were that
        // a page of its own, nothing would ever come after it.
        let next = |began: Option<Nanos>| match began {
            Some(began) if last <= began => began + Nanos::millis(1),
            _ => last,
        };
        let is_full_page = total >= FILLS_PAGE;
        state.page = is_full_page.then(|| next(state.page));
        holdings.on_listed(if is_full_page { last } else { out.venue.at(asked) });
        let told_before = std::mem::replace(&mut state.told_before, holdings.told_before());
        match state.step {
            Step::Fills | Step::Settle if is_full_page => state.waiting = None,
            Step::Up if is_full_page => {
                let since = self.fills_since();
                self.ask(now, Question::Fills, HEAVY, write_fills_since(since));
            }
            Step::Fills => state.go(Step::Orders),
            Step::Settle if told_before != state.told_before => state.go(Step::State),
            Step::Settle => self.open(now),
            _ => {}
        }
    }

    /// The positions were read, and no fill came meanwhile: they are what everything begins with.
    fn open(&mut self, now: Nanos) {
        let Self { known: Known { reconcile: state, holdings, .. }, out, wire, .. } = self;
        let (time, cash) = state.opening;
        let held = held(&state.positions);
        holdings.open(time, &held[..wire.universe.len()]);
        let worth = |h: &Held| notional(h.mark, h.szi);
        let opening = Opening {
            time: time.max(Nanos::millis(1)),
            value: cash + state.positions.iter().map(worth).sum(),
            open_profit: state.positions.iter().map(|h| worth(h) - notional(h.entry, h.szi)).sum(),
        };
        out.show(|view| view.opening = Some(opening));
        for Held { asset, szi: position, mark, .. } in state.positions.drain(..) {
            let kind = VenueEventKind::Opening { position, mark };
            out.push_at(now, time, Cloid::default(), asset, kind);
        }
        state.go(Step::Budget);
    }

    /// The account's state is complete.
    pub(super) fn on_state(&mut self, now: Nanos, time: Nanos, account: &MarginSummary) {
        if self.out.venue.offset().0.saturating_abs() > self.wire.config.max_clock_offset.0 {
            return self.on_skew(now);
        }
        self.known.reconcile.said_skew = false;
        let held = held(&self.known.reconcile.positions);
        let held = &held[..self.wire.universe.len()];
        if !self.known.holdings.is_opened() {
            self.known.reconcile.opening = (time, account.total_raw_usd);
            self.known.reconcile.go(Step::Settle);
        } else if self.known.holdings.agrees(held) {
            let Self { known: Known { cases, holdings, .. }, out, .. } = self;
            cases.close_forgotten(&mut |inquiry, kind| {
                holdings.on_order(now, inquiry.cloid, inquiry.asset, &kind);
                out.push(now, inquiry.cloid, inquiry.asset, kind);
            });
            let state = &mut self.known.reconcile;
            (state.waiting, state.differences, state.said_difference) = (None, 0, false);
            if state.step != Step::Up {
                state.go(Step::Budget);
            }
        } else {
            self.on_difference(now);
        }
    }

    fn on_skew(&mut self, now: Nanos) {
        self.go_down(now);
        let state = &mut self.known.reconcile;
        state.again(now, Step::State, SKEW_PAUSE);
        if !std::mem::replace(&mut state.said_skew, true) {
            self.out.notice(now, AlertKind::ClockSkew);
        }
    }

    /// The venue's positions are not ours: a fill is on its way, or was missed.
    fn on_difference(&mut self, now: Nanos) {
        let state = &mut self.known.reconcile;
        state.differences += 1;
        if state.step == Step::Up && state.differences <= DIFFERENCES {
            (state.waiting, state.next_state) = (None, now + STEP_PAUSE);
            return;
        }
        let say =
            state.differences > DIFFERENCES && !std::mem::replace(&mut state.said_difference, true);
        state.again(now, Step::Fills, STEP_PAUSE);
        if say {
            self.out.notice(now, AlertKind::PositionMismatch);
        }
        self.go_down(now);
    }

    fn on_budget(&mut self, now: Nanos, id: u64, used: u64, cap: u64) {
        let Some(post) = self.wire.posts.end(id) else { return };
        self.out.show(|view| view.requests = (used, cap));
        self.out.account(now, VenueEventKind::Requests { used, cap });
        let state = &mut self.known.reconcile;
        state.waiting = None;
        if state.step == Step::Budget {
            state.go(Step::Up);
            state.next_state = now + STATE_EVERY;
            state.next_orders = now + ORDERS_EVERY;
            state.next_budget = now + BUDGET_EVERY;
            self.out
                .show(|view| (view.is_up, view.is_dead, view.answered) = (true, false, post.sent));
            self.out.account(now, VenueEventKind::LinkUp);
        }
    }
}

/// Positions by asset; what was not told is flat.
fn held(positions: &[Held]) -> [Qty; MAX_ASSETS] {
    let mut held = [Qty::ZERO; MAX_ASSETS];
    for position in positions {
        held[position.asset.index()] = position.szi;
    }
    held
}
