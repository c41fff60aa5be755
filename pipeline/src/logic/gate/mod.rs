//! The risk gate (STRATEGY §5): the only maker of [`Approved`] targets.
//!
//! Each asset is in one of three states. Safe: both sides may be quoted. Position limit: only the side
//! that reduces. Circuit break: nothing, until a cool-down is over (API errors, a large move), or, after
//! a daily loss or a drawdown, until a person re-arms. The worst case, which also counts orders in
//! flight and unknown, is held where orders are known, in `orders`, with the limits that an approved
//! target carries.

mod breakers;
mod market;
mod refusals;

use super::ledger::AssetLedger;
use super::sizing;
use crate::types::AlertKind;
use crate::types::record::AccountView;
use crate::types::{
    AssetId, AssetParams, Breaks, Marked, Marks, Nanos, Px, Qty, QuoteLevel, QuoteTarget, Reason,
    RejectReason, RiskLimits, RiskSnapshot, RiskState, Side, Universe, Usd, VenueEvent,
    VenueEventKind, notional,
};
use breakers::{Breakers, Profit};
use market::{MoveWindow, Storm};
use refusals::Refusals;

/// Limits are held to this share of what is configured, so that a mark that drifts between two
/// checks does not carry an exposure over the limit.
const LIMIT_USE: f64 = 0.98;

/// Something that a person should know, and of which asset ([`None`] = the account).
pub type Alert = (Option<AssetId>, AlertKind);

/// A target that the gate has let through. Nothing else can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }
}

struct AssetState {
    params: AssetParams,
    /// Its limits are numbers that can be held.
    is_usable: bool,
    ledger: AssetLedger,
    /// The last sound mid: the mark of everything. Its px is zero while none is known.
    mark: Marked,
    /// The venue's own, which has a say in losses only.
    venue_mark: Option<Marked>,
    moves: MoveWindow,
    storm: Storm,
    refusals: Refusals,
    /// The venue's position, while it is not the ledger's.
    doubted: Option<Qty>,
}

impl AssetState {
    fn new(params: &AssetParams) -> Self {
        Self {
            params: *params,
            is_usable: params.risk.is_usable(),
            ledger: AssetLedger::default(),
            mark: Marked::default(),
            venue_mark: None,
            moves: MoveWindow::default(),
            storm: Storm::default(),
            refusals: Refusals::default(),
            doubted: None,
        }
    }

    /// Until the market tells one, the price of a position is its mark: without any it would count
    /// as worth nothing.
    fn mark_if_unknown(&mut self, px: Px) {
        if !self.mark.px.is_positive() {
            self.mark.px = px;
        }
    }

    /// Profit at the mark.
    fn net(&self) -> Usd {
        self.ledger.net(self.mark.px)
    }

    /// Lowest and highest profit by the marks that are fresh, and which are: the book's, the venue's.
    /// When none is, by the last mid.
    fn range(&self, now: Nanos, max_age: Nanos) -> (Usd, Usd, [bool; 2]) {
        let fresh = |mark: &Marked| mark.px.is_positive() && now - mark.time <= max_age;
        let book = Some(self.mark).filter(fresh);
        let venue = self.venue_mark.filter(fresh);
        let net = |mark: Marked| self.ledger.net(mark.px);
        let (low, high) = match (book.map(net), venue.map(net)) {
            (Some(a), Some(b)) => (a.min(b), a.max(b)),
            (one, other) => {
                let net = one.or(other).unwrap_or_else(|| self.net());
                (net, net)
            }
        };
        (low, high, [book.is_some(), venue.is_some()])
    }
}

/// See the module.
pub struct Gate {
    universe: Universe,
    assets: Vec<AssetState>,
    breakers: Breakers,
    /// Orders or worth of the account are not what we believe.
    only_reduces: bool,
}

impl Gate {
    /// One set of parameters for each asset of the universe. Account-wide limits (capital, loss,
    /// drawdown, errors) are those of the first asset: settings give every asset the same.
    pub fn new(universe: Universe, params: &[AssetParams]) -> Self {
        assert_eq!(universe.len(), params.len(), "one set of parameters for each asset");
        let assets = params.iter().map(AssetState::new).collect();
        Self { universe, assets, breakers: Breakers::default(), only_reduces: false }
    }

    /// Other parameters of an asset; what was learned so far stays.
    pub fn set_params(&mut self, asset: AssetId, params: &AssetParams) {
        let state = &mut self.assets[asset.index()];
        (state.params, state.is_usable) = (*params, params.risk.is_usable());
        self.universe.set_grid(asset, params.sz_decimals);
        let limits = *self.account_limits();
        self.breakers.set_limits(&limits);
    }

    /// What it knows of all assets, as it lies in memory.
    pub fn memory(&self) -> &[impl Sized + use<>] {
        &self.assets[..]
    }

    /// Takes note of the time. To be told often: a long step is taken for a clock that jumped.
    pub fn on_time(&mut self, now: Nanos) {
        if self.breakers.pass(now) {
            self.breakers.roll_over(self.net());
        }
        if self.loss_due().is_some_and(|due| now >= due) {
            self.judge_losses(now);
        }
    }

    /// When a loss beyond a limit will have lasted long enough to halt, unless it is over before.
    pub fn loss_due(&self) -> Option<Nanos> {
        self.breakers.loss_due(self.account_limits()).filter(|_| self.assets[0].is_usable)
    }

    /// Holds the loss limits, by every fresh mark.
    fn judge_losses(&mut self, now: Nanos) {
        let limits = *self.account_limits();
        let (mut low, mut high, mut votes) = (Usd::ZERO, Usd::ZERO, [false; 2]);
        let is_flat = self.assets.iter().all(|a| a.ledger.position().is_zero());
        for asset in &self.assets {
            let (least, most, fresh) = asset.range(now, limits.mark_max_age);
            (low, high) = (low + least, high + most);
            // Where something is held, what is not held has no say.
            if is_flat || !asset.ledger.position().is_zero() {
                votes = [votes[0] | fresh[0], votes[1] | fresh[1]];
            }
        }
        let marks = match votes {
            [true, true] => Marks::Both,
            [true, false] => Marks::Book,
            [false, true] => Marks::Venue,
            [false, false] => Marks::Last,
        };
        self.breakers.judge_losses(now, &Profit { low, high, marks }, &limits);
    }

    /// Books what the venue says. Fills must have been made unique before.
    pub fn on_venue(&mut self, now: Nanos, event: &VenueEvent) {
        self.on_time(now);
        let Some(asset) = self.assets.get_mut(event.asset.index()) else { return };
        match &event.kind {
            VenueEventKind::Fill(fill) => {
                asset.ledger.book(fill.side, fill.px, fill.qty, fill.fee);
                asset.mark_if_unknown(fill.px);
                if fill.is_liquidation {
                    self.breakers.on_liquidation();
                }
            }
            VenueEventKind::Opening { position, mark } => {
                asset.ledger.open_with(*position, *mark);
                asset.mark_if_unknown(*mark);
            }
            VenueEventKind::Funding(paid) => asset.ledger.book_funding(*paid),
            VenueEventKind::Reject(reject) if reject.is_counted => {
                self.on_refusal(now, event.asset, reject.reason);
            }
            VenueEventKind::Notice(AlertKind::Liquidated) => self.breakers.on_liquidation(),
            _ => {}
        }
    }

    /// A request was refused: that is the account's trouble, or one coin's until it is that of
    /// several.
    fn on_refusal(&mut self, now: Nanos, asset: AssetId, reason: RejectReason) {
        let limits = *self.account_limits();
        if reason.is_of_account() {
            self.breakers.on_error(now);
        } else if self.assets[asset.index()].refusals.add(now, &limits) {
            self.breakers.alert(Some(asset), AlertKind::CoinPaused);
        }
        let of_coins = self.assets.iter_mut().map(|a| a.refusals.count(now, &limits)).sum();
        self.breakers.judge_errors(now, of_coins, &limits);
    }

    /// Takes note of the market that a target was made in, and lets through what may be quoted of it.
    pub fn approve(&mut self, now: Nanos, target: QuoteTarget) -> Approved<QuoteTarget> {
        self.on_time(now);
        self.watch_market(now, &target);
        self.judge(now, target)
    }

    /// Lets through what may be quoted of a target that was approved before: limits or breaks have
    /// changed since, the market has not. What comes out was decided on now.
    pub fn approve_again(&mut self, now: Nanos, target: QuoteTarget) -> Approved<QuoteTarget> {
        self.on_time(now);
        self.judge(now, QuoteTarget { time: now, is_prompt: false, ..target })
    }

    fn judge(&mut self, now: Nanos, mut target: QuoteTarget) -> Approved<QuoteTarget> {
        if self.assets[0].is_usable {
            self.judge_losses(now);
        }
        self.breakers.cool_down(now);
        let account_limits = *self.account_limits();
        if self.assets[target.asset.index()].refusals.end_row(now, &account_limits) {
            self.breakers.alert(Some(target.asset), AlertKind::PauseOver);
        }
        let closed = match (self.is_usable(target.asset), self.is_paused(now, target.asset)) {
            (false, _) => Some(Reason::ParamInvalid),
            (true, false) => self.breakers.breaks().reason(),
            (true, true) => self.breakers.breaks().reason().or(Some(Reason::CoinPaused)),
        };
        let limits = &self.assets[target.asset.index()].params.risk;
        target.max_exposure_usd = usable(limits.max_position_usd);
        target.max_total_exposure_usd = usable(limits.max_total_position_usd);
        for side in Side::BOTH {
            if target.reason(side) != Reason::Quoted {
                continue;
            }
            match closed {
                Some(reason) => target.clear(side, reason),
                None => self.trim(&mut target, side),
            }
        }
        Approved(target)
    }

    /// Cuts a side down to the room that positions leave, from the far end.
    fn trim(&self, target: &mut QuoteTarget, side: Side) {
        let mut room = self.room(target.asset, side);
        if target.rungs[side.index()] > 0 {
            // Of evenly spaced orders whole ones are cut.
            let fit = room.raw() / target.side(side)[0].qty.raw();
            return match u8::try_from(fit).unwrap_or(u8::MAX) {
                0 => target.clear(side, self.no_room(target.asset)),
                fit => target.keep_rungs(side, fit),
            };
        }
        let instrument = self.universe.get(target.asset);
        let mut used = 0;
        let levels = *target.side(side);
        for level in levels.iter().filter(|l| l.qty.is_positive()) {
            if let Some(qty) = sizing::finish(instrument, level.px, level.qty.min(room)) {
                target.side_mut(side)[used] = QuoteLevel { px: level.px, qty };
                room -= qty;
                used += 1;
            }
        }
        match used {
            0 => target.clear(side, self.no_room(target.asset)),
            _ => target.side_mut(side)[used..].fill(QuoteLevel::default()),
        }
    }

    /// Why nothing of a side is left.
    fn no_room(&self, asset: AssetId) -> Reason {
        match self.only_reduces || self.assets[asset.index()].doubted.is_some() {
            true => Reason::OneSided,
            false => Reason::PositionLimit,
        }
    }

    /// How much of a side the positions leave room for, by the asset's limit and by that of all.
    fn room(&self, asset: AssetId, side: Side) -> Qty {
        let AssetState { params, ledger, mark, doubted, .. } = &self.assets[asset.index()];
        // Whichever of the two is right: it does not grow.
        let reduces = |position: Qty| (-side.signed(position)).max(Qty::ZERO);
        match doubted {
            Some(venue) => return reduces(ledger.position()).min(reduces(*venue)),
            None if self.only_reduces => return reduces(ledger.position()),
            None => {}
        }
        let value = |a: &AssetState| notional(a.mark.px, a.ledger.position().abs());
        let others = self.assets.iter().enumerate().filter(|(i, _)| *i != asset.index());
        let others: Usd = others.map(|(_, a)| value(a)).sum();
        let left = (usable(params.risk.max_total_position_usd) - others).max(Usd::ZERO);
        let limit = usable(params.risk.max_position_usd).min(left).qty_at(mark.px);
        (limit - side.signed(ledger.position())).max(Qty::ZERO)
    }

    fn watch_market(&mut self, now: Nanos, target: &QuoteTarget) {
        let asset = &mut self.assets[target.asset.index()];
        asset.venue_mark = target.venue_mark;
        // Without a sound mid the last one stands, and a move is against mids of the last second only.
        let Some(mid) = target.mid.filter(|mid| mid.is_positive()) else { return };
        asset.mark = Marked { px: mid, time: target.cause.recv_time };
        let limits = &asset.params.risk;
        // The reference keeps updating while halted, so that a break does not trip itself again.
        let moved = asset.moves.update(now, mid);
        if !asset.is_usable {
            return;
        }
        if moved > limits.large_move_frac {
            self.breakers.on_large_move(now, target.asset, limits);
        }
        if let Some(kind) = asset.storm.update(now, target, limits) {
            self.breakers.alert(Some(target.asset), kind);
        }
    }

    /// The venue's position is another than the ledger's, or (nothing) no longer is.
    pub fn doubt(&mut self, asset: AssetId, venue: Option<Qty>) {
        self.assets[asset.index()].doubted = venue;
    }

    /// Positions are only reduced, or (false) quoted as before.
    pub fn reduce_only(&mut self, only_reduces: bool) {
        self.only_reduces = only_reduces;
    }

    /// A person ends what holds: losses, errors and moves count from here. Nothing when nothing
    /// holds.
    pub fn rearm(&mut self, now: Nanos) {
        self.on_time(now);
        self.assets.iter_mut().for_each(|a| a.refusals.clear());
        if self.breakers.breaks().any() {
            self.assets.iter_mut().for_each(|a| a.moves.clear());
            self.breakers.rearm(self.net());
        }
    }

    /// What of the risk state is to outlive the run.
    pub fn snapshot(&self, now: Nanos) -> RiskSnapshot {
        self.breakers.snapshot(now, self.net())
    }

    /// Goes on from what an earlier run kept: what was lost on this UTC day counts, and what held
    /// holds. A clock that was set back in between makes no cool-down longer than the limits do.
    pub fn restore(&mut self, kept: &RiskSnapshot, now: Nanos) {
        let limits = *self.account_limits();
        let longest = self.assets.iter().map(|a| a.params.risk.large_move_cooldown).max();
        let longest = [limits.api_error_cooldown, longest.unwrap_or(Nanos::ZERO)];
        self.breakers.restore(now, kept, self.net(), &limits, longest);
    }

    /// The next thing that a person should know.
    pub fn next_alert(&mut self) -> Option<Alert> {
        self.breakers.next_alert()
    }

    /// The assets that it judges.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// What holds of the account.
    pub fn breaks(&self) -> &Breaks {
        self.breakers.breaks()
    }

    /// Whether a coin pauses because its orders were refused.
    pub fn is_paused(&self, now: Nanos, asset: AssetId) -> bool {
        self.assets[asset.index()].refusals.holds(now)
    }

    /// What may be quoted of an asset.
    pub fn risk_state(&self, asset: AssetId) -> RiskState {
        let AssetState { ledger, mark, .. } = &self.assets[asset.index()];
        let adds = if ledger.position().is_negative() { Side::Ask } else { Side::Bid };
        let instrument = self.universe.get(asset);
        let has_room = || sizing::finish(instrument, mark.px, self.room(asset, adds)).is_some();
        match (self.breaks().any(), mark.px.is_positive()) {
            (true, _) => RiskState::CircuitBreak,
            (false, true) if !has_room() => RiskState::PositionLimit,
            _ => RiskState::Safe,
        }
    }

    /// Profit of all assets at their marks, after fees and funding.
    pub fn net(&self) -> Usd {
        self.assets.iter().map(AssetState::net).sum()
    }

    /// One asset's ledger.
    pub fn ledger(&self, asset: AssetId) -> &AssetLedger {
        &self.assets[asset.index()].ledger
    }

    /// The account, for the journal and the screen.
    pub fn account(&self, now: Nanos) -> AccountView {
        let mut view = AccountView::flat(now);
        for (i, asset) in self.assets.iter().enumerate() {
            view.position[i] = asset.ledger.position();
            view.mark[i] = asset.mark.px;
            view.entry[i] = asset.ledger.average_entry();
            view.net[i] = asset.net();
            view.realized += asset.ledger.realized();
            view.unrealized += asset.ledger.unrealized(asset.mark.px);
            view.fees += asset.ledger.fees();
            view.funding += asset.ledger.funding();
        }
        view
    }

    fn account_limits(&self) -> &RiskLimits {
        &self.assets[0].params.risk
    }

    /// Whether the limits that stand for an asset are numbers that can be held: its own, and the
    /// account's.
    fn is_usable(&self, asset: AssetId) -> bool {
        self.assets[asset.index()].is_usable && self.assets[0].is_usable
    }
}

/// The part of a limit that orders may use.
fn usable(limit: Usd) -> Usd {
    Usd::from_raw((limit.raw() as f64 * LIMIT_USE) as i64)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod two_marks;
