//! The order connection (PROTOCOL §3–§6): actions go out as signed posts; answers, order updates and
//! fills come back as [`VenueEvent`]s.
//!
//! | module | what |
//! |---|---|
//! | [`posts`] | which question an answer belongs to |
//! | [`questions`] | what is asked, in the venue's words |
//! | [`answers`] | the answer to an action, and the end of the account's state |
//! | [`cases`] | orders whose fate is unknown, and how it is found out |
//! | [`fees`] | what a fill cost, where that is not told in USDC |
//! | [`holdings`] | positions by fills, and orders that rest, as the venue told us |
//! | [`others`] | another process of ours on the same account |
//! | [`outbox`] | events on their way to dispatch |
//! | [`orders`] | the list of open orders: strays, foreign ones, missing ones |
//! | [`reconcile`] | from an open link to one that may be traded on, and staying sure of it |
//! | [`view`] | where the link stands, for a person |
//! | [`watched`] | the moments of an action, for whoever measures |
//! | [`weights`] | the venue's weight limit |
//!
//! Nothing is sent but cancels until a reconcile agrees with the venue; an answer that does not come
//! says nothing about its action (it is asked for, never assumed). Nothing allocates once the
//! buffers have grown.

mod answers;
mod cases;
mod fees;
mod holdings;
mod orders;
mod others;
mod outbox;
mod posts;
mod questions;
mod reconcile;
mod rehearsed;
mod view;
mod watched;
mod weights;

use super::clock::VenueOffset;
use super::session::Session;
use super::sign::{Address, Envelope, Nonce, RequestSigner, WireAction, request::REQUEST_BYTES};
use super::user::{
    ChannelError, ChannelErrorKind, Funding, OrderState, RequestError, StreamKind, UserEvent,
    UserFill, UserParser, VenueText, Via,
};
use crate::rt::{BoardReader, Input, Stopwatch, board, bring_near};
use crate::types::{
    Action, ActionKind, AlertKind, Bps, Cloid, Fill, Inquiry, Nanos, RejectReason, Universe,
    VenueEvent, VenueEventKind,
};
use crate::venue::{Gateway, Received, SigningCounts, Transport};
use cases::{Cases, event_of};
use holdings::{Counted, Holdings};
use others::Others;
use outbox::Outbox;
use posts::Posts;
use reconcile::Reconcile;
use rehearsed::Rehearsed;
use std::collections::VecDeque;
pub use view::{GatewayView, Opening, VIEW_WORDS};
use weights::{Urgency, Weights, of_action};

/// Events of one frame: a snapshot tells 2000 fills, and each may be one.
const EVENTS: usize = 4096;

/// Who trades.
#[derive(Debug)]
pub struct GatewayConfig {
    /// Whose orders and fills these are: the account itself, never its agent.
    pub account: Address,
    /// The vault or sub-account to act for, when that is not the signer's own account.
    pub vault: Option<Address>,
    /// Draws the jitter of reconnects.
    pub seed: u64,
    /// How long what an earlier run sent may still be on its way to the venue, from our first look
    /// at the open orders; zero when that run ended in good order.
    pub settle: Nanos,
    /// Number of this run: part of every id of its orders.
    pub session: u32,
    /// How long another run's orders are watched for a sign of life before they are cancelled;
    /// [`None`] = other processes may trade on this account.
    pub watch: Option<Nanos>,
    /// What is known of the venue's clock; kept up from here on.
    pub offset: VenueOffset,
    /// The venue's clock may be so far from ours; beyond it the link is down.
    pub max_clock_offset: Nanos,
    /// A link that does not answer any more is noticed within this time.
    pub dead_after: Nanos,
    /// What a resting order's fill costs, where its fee is told in a token that we cannot count.
    pub maker_fee: Bps,
    /// The same of one that crosses.
    pub taker_fee: Bps,
}

/// See the module.
pub struct HlGateway<T> {
    transport: T,
    session: Session,
    parser: UserParser,
    /// What the newest frame said.
    heard: Vec<UserEvent>,
    wire: Wire,
    known: Known,
    out: Outbox,
    /// Why our requests are refused as such, until one is taken again: told once.
    refused: Option<RequestError>,
}

/// The way out: everything that an action or a question needs.
struct Wire {
    signer: RequestSigner,
    nonce: Nonce,
    config: GatewayConfig,
    /// The account in its wire form, which is not made anew for each question.
    account: String,
    universe: Universe,
    posts: Posts,
    weights: Weights,
    buffer: Vec<u8>,
    rehearsed: Rehearsed,
    watch: Option<Stopwatch>,
}

/// What is known of the venue's side.
struct Known {
    cases: Cases,
    holdings: Holdings,
    reconcile: Reconcile,
    others: Others,
}

impl Wire {
    /// Sends an action of ours. Nothing was sent when this is false.
    fn send_action(&mut self, now: Nanos, action: &Action, transport: &mut impl Transport) -> bool {
        let decided = watched::moment(&self.watch);
        let is_cancel = action.kind == ActionKind::Cancel;
        let urgency = if is_cancel { Urgency::Cancel } else { Urgency::Order };
        if !self.posts.has_room(is_cancel)
            || !self.weights.spend(now, of_action(action.items().len()), urgency)
        {
            return false;
        }
        let (nonce, expires_after) = (self.nonce.next(now), action.expires_after_ms());
        let envelope = Envelope { nonce, vault: self.config.vault, expires_after };
        let Self { signer, buffer, posts, universe, .. } = self;
        signer.tend(now);
        buffer.clear();
        WireAction::of_batch(action, universe, |wire| {
            signer.write_post(posts.next_id(), &wire, &envelope, buffer);
        });
        let signed = watched::moment(&self.watch);
        let sent = transport.send(now, &self.buffer);
        if sent {
            self.went(now, action, [decided, signed]);
        }
        sent
    }
}

impl<T: Transport> HlGateway<T> {
    /// A gateway that connects at its first turn, and the board on which it shows where it stands.
    pub fn new(
        transport: T,
        universe: Universe,
        signer: RequestSigner,
        nonce: Nonce,
        config: GatewayConfig,
    ) -> (Self, BoardReader<VIEW_WORDS>) {
        let mut session = Session::new(config.seed, config.dead_after);
        for kind in [
            StreamKind::OrderUpdates,
            StreamKind::UserFills,
            StreamKind::UserFundings,
            StreamKind::UserEvents,
            StreamKind::LedgerUpdates,
        ] {
            session.want_user(kind, config.account);
        }
        let (board, reader) = board();
        let holdings = Holdings::new(universe.len());
        let venue = config.offset.clock();
        let others = Others::new(config.session, config.watch);
        let wire = Wire {
            signer,
            nonce,
            account: config.account.to_string(),
            config,
            universe,
            posts: Posts::default(),
            weights: Weights::default(),
            buffer: Vec::with_capacity(REQUEST_BYTES),
            rehearsed: Rehearsed::default(),
            watch: None,
        };
        let gateway = Self {
            transport,
            session,
            parser: UserParser::new(),
            heard: Vec::with_capacity(EVENTS),
            wire,
            known: Known {
                cases: Cases::default(),
                holdings,
                reconcile: Reconcile::default(),
                others,
            },
            out: Outbox {
                events: VecDeque::with_capacity(EVENTS),
                venue,
                view: GatewayView::NOTHING,
                board,
            },
            refused: None,
        };
        (gateway, reader)
    }

    /// Takes in one thing from the transport; false when there is nothing.
    fn take(&mut self, now: Nanos) -> bool {
        match self.transport.recv(now) {
            None => return false,
            Some(Received::Opened) => self.session.on_opened(now, &mut self.transport),
            Some(Received::Closed) => {
                self.session.on_closed(now);
                self.lost(now);
            }
            Some(Received::Frame(frame)) => {
                let Self { parser, heard, wire, .. } = self;
                heard.clear();
                if parser.parse(frame, &wire.universe, &mut |event| heard.push(event)).is_err() {
                    // It may have held a fill: find out.
                    self.out.notice(now, AlertKind::BadFrame);
                    self.known.reconcile.audit_soon(now);
                }
                self.wire.answered(&self.heard, self.transport.arrival());
                for i in 0..self.heard.len() {
                    let event = self.heard[i];
                    self.hear(now, &event);
                }
            }
        }
        true
    }

    fn hear(&mut self, now: Nanos, event: &UserEvent) {
        match event {
            UserEvent::Pong => self.on_pong(),
            UserEvent::Subscribed(stream) => self.session.on_subscribed(stream),
            UserEvent::ChannelError(error) => self.on_channel_error(now, error),
            UserEvent::PostItem { id, index, status } => self.on_item(now, *id, *index, status),
            UserEvent::PostDone { id, items } => self.on_executed(now, *id, *items),
            UserEvent::AnswerUnread { id } => drop(self.wire.posts.end(*id)),
            UserEvent::PostRefused { id, reason, text } => {
                self.on_refused(now, *id, *reason, text);
            }
            UserEvent::PostFailed { id, status, text } => {
                self.out.show(|view| view.text = *text);
                if *status == 429 {
                    self.wire.weights.penalise(now);
                    self.out.notice(now, AlertKind::Throttled);
                }
                self.on_failed(now, *id);
            }
            UserEvent::OrderUpdate(state) => self.on_order(now, state),
            UserEvent::Fill(fill) => self.on_fill(now, fill),
            UserEvent::Funding(funding) => self.on_funding(now, funding),
            UserEvent::NonUserCancel { oid, .. } => {
                self.known.ask_about(now, self.out.venue.at(now), *oid)
            }
            UserEvent::Liquidation(liquidation) => {
                if liquidation.user == Some(self.wire.config.account) {
                    self.out.notice(now, AlertKind::Liquidated);
                    self.known.reconcile.audit_soon(now);
                }
            }
            UserEvent::LedgerUpdate => {
                self.out.notice(now, AlertKind::Transfer);
                self.known.reconcile.audit_soon(now);
            }
            _ => self.on_answer(now, event),
        }
    }

    /// The link carries both ways, or did when the ping went out.
    fn on_pong(&mut self) {
        if let Some(pinged) = self.session.on_pong()
            && self.out.view.is_up
        {
            self.out.show(|view| view.answered = pinged);
        }
    }

    /// A whole request was refused.
    fn on_refused(&mut self, now: Nanos, id: u64, reason: RequestError, text: &VenueText) {
        use RequestError::{
            BadSig, DuplicateNonce, MustDeposit, NonceTooLow, UnknownSigner, VaultUnknown,
        };
        self.out.show(|view| view.text = *text);
        let Some(post) = self.wire.posts.end(id) else { return };
        let is_of_key = matches!(reason, UnknownSigner | MustDeposit | VaultUnknown | BadSig);
        if is_of_key {
            self.wire.signer.distrust();
        }
        if is_of_key && self.refused.replace(reason) != Some(reason) {
            self.out.notice(now, AlertKind::Refused);
        }
        match reason {
            RequestError::AddressRateLimit => self.known.reconcile.ask_budget_soon(now),
            // It took long, or our clock is not the venue's any more: compare them now.
            RequestError::Expired => self.known.reconcile.audit_soon(now),
            _ => {}
        }
        if matches!(reason, DuplicateNonce | NonceTooLow) {
            return; // Whether it landed before is not known: its orders will be asked for.
        }
        self.refuse_post(now, &post.question, reason.as_reject());
    }

    fn on_channel_error(&mut self, now: Nanos, error: &ChannelError) {
        let is_news = self.out.view.text != error.text;
        self.out.show(|view| view.text = error.text);
        // A post that was complained about was not executed.
        let post = error.id.and_then(|id| self.wire.posts.end(id));
        use ChannelErrorKind::{AlreadySubscribed, AlreadyUnsubscribed, ParseError, TooManyPosts};
        match (error.kind, post, &error.stream) {
            (AlreadySubscribed, _, Some(stream)) => self.session.on_subscribed(stream),
            (AlreadySubscribed | AlreadyUnsubscribed, ..) => {}
            (ParseError, Some(post), _) => {
                self.refuse_post(now, &post.question, RejectReason::Other);
            }
            (TooManyPosts, Some(post), _) => {
                self.refuse_post(now, &post.question, RejectReason::RateLimit);
            }
            // The same about each stream, and at each new connection: told once.
            _ if is_news => self.out.notice(now, AlertKind::Complaint),
            _ => {}
        }
    }

    /// An order's update. That it was refused is told by the answer to its action alone: a modify's
    /// two legs share an id, and a refusal told twice could hit the next modify.
    fn on_order(&mut self, now: Nanos, state: &OrderState) {
        let has_begun = self.known.holdings.is_opened();
        if let Some(kind) = self.known.others.on_update(state, has_begun) {
            self.out.notice(now, kind);
        }
        let (Some(asset), Some(cloid)) = (state.order.asset, state.order.cloid) else { return };
        if !cloid.is_ours() {
            return;
        }
        if let Some(kind) = event_of(state) {
            self.known.holdings.on_order(now, cloid, asset, &kind);
            self.out.push_at(now, state.time, cloid, asset, kind);
        }
    }

    fn on_fill(&mut self, now: Nanos, told: &UserFill) {
        if let Via::Answer { .. } = told.via {
            self.known.reconcile.on_listed_fill(told.time);
        }
        let Some(asset) = told.asset else {
            // A coin that this run does not trade: its liquidation concerns the whole account. (Past
            // fills of a snapshot are no news of this run.)
            if told.via == Via::Stream {
                self.out.show(|view| view.trades_others = true);
                if self.is_our_liquidation(told) {
                    self.out.notice(now, AlertKind::Liquidated);
                }
            }
            return;
        };
        match self.known.holdings.on_fill(told.time, asset, &told.fill) {
            Counted::Known => {}
            Counted::New => {
                let cloid = told.cloid.unwrap_or_default();
                let is_liquidation = self.is_our_liquidation(told);
                let fill = Fill { fee: self.fee_of(now, told), is_liquidation, ..told.fill };
                self.out.push_at(now, told.time, cloid, asset, VenueEventKind::Fill(fill));
            }
            Counted::TooLarge => {
                self.out.notice(now, AlertKind::BadFrame);
                self.known.reconcile.audit_soon(now);
            }
        }
    }

    /// Whether a fill liquidates us, and not the other side of the trade. An address that cannot be
    /// read is taken for ours, unless the order was.
    fn is_our_liquidation(&self, told: &UserFill) -> bool {
        let is_order_of_ours = told.cloid.is_some_and(Cloid::is_ours);
        match told.liquidated {
            Some(user) if user == Address::default() => !is_order_of_ours,
            liquidated => liquidated == Some(self.wire.config.account),
        }
    }

    fn on_funding(&mut self, now: Nanos, funding: &Funding) {
        let Some(asset) = funding.asset else { return };
        if self.known.holdings.on_funding(funding.time, asset) {
            // The venue writes what we received; ours is a cost.
            let kind = VenueEventKind::Funding(-funding.usdc);
            self.out.push_at(now, funding.time, Cloid::default(), asset, kind);
        }
    }

    /// The link is gone, or cannot be trusted any more.
    fn lost(&mut self, now: Nanos) {
        self.wire.posts.clear();
        self.known.cases.ask_again();
        self.known.reconcile.restart();
        self.go_down(now);
    }

    fn go_down(&mut self, now: Nanos) {
        if self.out.view.is_up {
            self.out.show(|view| {
                view.is_up = false;
                view.losses += 1;
            });
            self.out.account(now, VenueEventKind::LinkDown);
        }
    }

    /// Does whatever is due.
    fn maintain(&mut self, now: Nanos) {
        let asked = self.wire.posts.missing_since();
        if self.session.maintain(now, asked, &mut self.transport) {
            self.out.show(|view| view.is_dead = true);
            self.lost(now);
        }
        self.wire.posts.expire(now);
        self.wire.signer.tend(now);
        if self.session.is_ready() {
            self.reconcile(now);
        }
    }
}

impl<T: Transport> Gateway for HlGateway<T> {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        let allowed = self.out.view.is_up || action.kind == ActionKind::Cancel;
        let sent = allowed
            && self.session.is_open()
            && self.wire.send_action(now, action, &mut self.transport);
        if sent && action.kind == ActionKind::Place {
            action.items().iter().for_each(|item| self.known.holdings.on_placed(item.cloid));
        }
        sent
    }

    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        while self.out.events.is_empty() && self.take(now) {}
        if self.out.events.is_empty() {
            self.maintain(now);
        }
        self.out.events.pop_front()
    }

    fn inquire(&mut self, now: Nanos, inquiry: &Inquiry) {
        self.known.cases.open(now, inquiry);
    }

    fn venue_time(&self, now: Nanos) -> Nanos {
        self.out.venue.at(now)
    }

    fn starts_up(&self) -> bool {
        false
    }

    fn input(&mut self) -> Option<&mut dyn Input> {
        self.transport.input()
    }

    fn signing(&self) -> SigningCounts {
        self.wire.signer.counts()
    }

    fn warm(&mut self, _: Nanos) {
        bring_near(self);
        let Wire { signer, buffer, universe, config, rehearsed, .. } = &mut self.wire;
        rehearsed.go_through(signer, universe, config.vault, buffer);
    }

    fn next_deadline(&self) -> Option<Nanos> {
        if let Some(waiting) = self.out.events.front() {
            return Some(waiting.recv_time);
        }
        let ready = self.session.is_ready();
        let cases = self.known.cases.next_deadline().filter(|_| ready);
        let reconcile = ready.then(|| self.known.reconcile.next_deadline());
        Some(self.session.next_deadline(self.wire.posts.missing_since()))
            .into_iter()
            .chain(self.transport.next_deadline())
            .chain(self.wire.posts.next_deadline())
            .chain(cases)
            .chain(reconcile)
            .min()
    }
}
