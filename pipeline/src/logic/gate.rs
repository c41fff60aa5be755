//! The risk gate (STRATEGY §5): the only maker of [`Approved`] targets.
//!
//! States: safe; position limit (an asset may only reduce); circuit break (nothing is quoted until
//! a cool-down ends, or, after a daily loss or a drawdown, until a person re-arms). The worst case,
//! which also counts orders in flight and unknown, is held where orders are known, in `orders`,
//! with the limits that an approved target carries.

use super::ledger::AssetLedger;
use super::sizing;
use crate::types::limits::MAX_ASSETS;
use crate::types::record::{AccountView, AlertKind};
use crate::types::{
    AssetId, AssetParams, Nanos, Px, Qty, QuoteLevel, QuoteTarget, Reason, RiskLimits, Side,
    Universe, Usd, VenueEvent, VenueEventKind,
};
use std::collections::VecDeque;

/// Limits are held to this share of what is configured, so that a mark that drifts between two
/// checks does not carry an exposure over the limit.
const LIMIT_USE: f64 = 0.98;
/// Window of the large-move breaker.
const MOVE_WINDOW: Nanos = Nanos::secs(1);
/// Mids kept for it; samples closer together than window/this replace each other.
const MOVE_SAMPLES: usize = 64;
/// API errors remembered: more than any sensible limit.
const MAX_ERRORS: usize = 256;
const DAY: Nanos = Nanos::secs(86_400);

/// A target that the gate has let through. Nothing else can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// What the gate does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// Quoting.
    Safe,
    /// No quotes until then.
    Break {
        /// When it ends by itself.
        until: Nanos,
    },
    /// No quotes until a person re-arms it.
    Halted,
}

/// Mids of the last second.
#[derive(Clone, Debug, Default)]
struct MoveWindow {
    samples: VecDeque<(Nanos, Px)>,
}

impl MoveWindow {
    /// Takes note of a mid; the largest relative move against any mid of the last second.
    fn update(&mut self, now: Nanos, mid: Px) -> f64 {
        while self.samples.front().is_some_and(|(t, _)| now - *t > MOVE_WINDOW) {
            self.samples.pop_front();
        }
        let mid_f = mid.to_f64();
        let largest = self
            .samples
            .iter()
            .map(|(_, m)| (mid_f / m.to_f64() - 1.0).abs())
            .fold(0.0_f64, f64::max);
        let spacing = Nanos(MOVE_WINDOW.0 / MOVE_SAMPLES as i64);
        if self.samples.back().is_none_or(|(t, _)| now - *t >= spacing) {
            if self.samples.len() == MOVE_SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back((now, mid));
        }
        largest
    }
}

struct AssetState {
    params: AssetParams,
    ledger: AssetLedger,
    mark: Px,
    moves: MoveWindow,
}

/// See the module.
pub struct Gate {
    universe: Universe,
    assets: Vec<AssetState>,
    state: GateState,
    errors: VecDeque<Nanos>,
    day: i64,
    day_start_net: Usd,
    peak_net: Usd,
    alerts: VecDeque<(Option<AssetId>, AlertKind)>,
}

impl Gate {
    /// One set of parameters for each asset of the universe. Account-wide limits (capital, loss,
    /// drawdown, errors) are those of the first asset: settings give every asset the same.
    pub fn new(universe: Universe, params: &[AssetParams]) -> Self {
        assert_eq!(universe.len(), params.len(), "one set of parameters for each asset");
        let asset = |p: &AssetParams| AssetState {
            params: *p,
            ledger: AssetLedger::default(),
            mark: Px::ZERO,
            moves: MoveWindow { samples: VecDeque::with_capacity(MOVE_SAMPLES) },
        };
        Self {
            universe,
            assets: params.iter().map(asset).collect(),
            state: GateState::Safe,
            errors: VecDeque::with_capacity(MAX_ERRORS),
            day: i64::MIN,
            day_start_net: Usd::ZERO,
            peak_net: Usd::ZERO,
            alerts: VecDeque::with_capacity(MAX_ASSETS),
        }
    }

    /// Other parameters of an asset; what was learned so far stays.
    pub fn set_params(&mut self, asset: AssetId, params: &AssetParams) {
        self.assets[asset.index()].params = *params;
    }

    /// Books what the venue says. Fills must have been made unique before.
    pub fn on_venue(&mut self, now: Nanos, event: &VenueEvent) {
        match &event.kind {
            VenueEventKind::Fill(fill) => {
                let ledger = &mut self.assets[event.asset.index()].ledger;
                ledger.book(fill.side, fill.px, fill.qty, fill.fee);
            }
            VenueEventKind::Opening { position, mark } => {
                let asset = &mut self.assets[event.asset.index()];
                asset.ledger.open_with(*position, *mark);
                if asset.mark.is_zero() {
                    // Until a book tells another: without a mark it would be all loss.
                    asset.mark = *mark;
                }
            }
            VenueEventKind::Funding(paid) => {
                self.assets[event.asset.index()].ledger.book_funding(*paid);
            }
            VenueEventKind::Reject(reject) if reject.reason.is_error() => self.on_error(now),
            _ => {}
        }
    }

    fn on_error(&mut self, now: Nanos) {
        let limits = *self.account_limits();
        while self.errors.front().is_some_and(|t| now - *t > limits.api_error_window) {
            self.errors.pop_front();
        }
        if self.errors.len() == MAX_ERRORS {
            self.errors.pop_front();
        }
        self.errors.push_back(now);
        if self.errors.len() > limits.max_api_errors as usize {
            self.errors.clear();
            self.trip(now + limits.api_error_cooldown, None, AlertKind::ApiErrors);
        }
    }

    /// Checks a target and lets through what may be quoted.
    pub fn approve(&mut self, now: Nanos, mut target: QuoteTarget) -> Approved<QuoteTarget> {
        let limits = self.assets[target.asset.index()].params.risk;
        self.watch_market(now, &target, &limits);
        self.watch_account(now);
        if let GateState::Break { until } = self.state
            && now >= until
        {
            self.state = GateState::Safe;
            self.alert(None, AlertKind::Recovered);
        }
        let closed = match self.state {
            GateState::Safe => None,
            GateState::Break { .. } => Some(Reason::Cooldown),
            GateState::Halted => Some(Reason::Halted),
        };
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

    /// Cuts a side down to the room that its position leaves, from the far end.
    fn trim(&self, target: &mut QuoteTarget, side: Side) {
        let position = self.assets[target.asset.index()].ledger.position();
        let limit = target.max_exposure_usd.qty_at(target.mid);
        let mut room = (limit - side.signed(position)).max(Qty::ZERO);
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
            0 => target.clear(side, Reason::PositionLimit),
            _ => target.side_mut(side)[used..].fill(QuoteLevel::default()),
        }
    }

    fn watch_market(&mut self, now: Nanos, target: &QuoteTarget, limits: &RiskLimits) {
        if !target.mid.is_positive() {
            return;
        }
        let asset = &mut self.assets[target.asset.index()];
        asset.mark = target.mid;
        // The reference keeps updating while halted, so that a break does not trip itself again.
        if asset.moves.update(now, target.mid) > limits.large_move_frac {
            let until = now + limits.large_move_cooldown;
            self.trip(until, Some(target.asset), AlertKind::LargeMove);
        }
    }

    fn watch_account(&mut self, now: Nanos) {
        let limits = *self.account_limits();
        let net = self.net();
        let day = now.0.div_euclid(DAY.0);
        if day != self.day {
            (self.day, self.day_start_net) = (day, net);
        }
        self.peak_net = self.peak_net.max(net);
        let capital = limits.capital_usd.to_f64();
        let lost = |since: Usd, frac: f64| (since - net).to_f64() > capital * frac;
        if self.state == GateState::Halted {
            return;
        }
        if lost(self.day_start_net, limits.max_daily_loss_frac) {
            self.state = GateState::Halted;
            self.alert(None, AlertKind::DailyLoss);
        } else if lost(self.peak_net, limits.max_drawdown_frac) {
            self.state = GateState::Halted;
            self.alert(None, AlertKind::Drawdown);
        }
    }

    fn trip(&mut self, until: Nanos, asset: Option<AssetId>, kind: AlertKind) {
        match self.state {
            GateState::Halted => return,
            GateState::Break { until: already } => {
                self.state = GateState::Break { until: already.max(until) };
                return;
            }
            GateState::Safe => self.state = GateState::Break { until },
        }
        self.alert(asset, kind);
    }

    fn alert(&mut self, asset: Option<AssetId>, kind: AlertKind) {
        if self.alerts.len() < MAX_ASSETS {
            self.alerts.push_back((asset, kind));
        }
    }

    /// The next thing that a person should know.
    pub fn next_alert(&mut self) -> Option<(Option<AssetId>, AlertKind)> {
        self.alerts.pop_front()
    }

    /// What the gate does now.
    pub fn state(&self) -> GateState {
        self.state
    }

    /// Profit of all assets at their marks, after fees and funding.
    pub fn net(&self) -> Usd {
        self.assets.iter().map(|a| a.ledger.net(a.mark)).sum()
    }

    /// One asset's ledger.
    pub fn ledger(&self, asset: AssetId) -> &AssetLedger {
        &self.assets[asset.index()].ledger
    }

    /// The account, for the journal and the screen.
    pub fn account(&self, now: Nanos) -> AccountView {
        let mut view = AccountView {
            time: now,
            position: [Qty::ZERO; MAX_ASSETS],
            mark: [Px::ZERO; MAX_ASSETS],
            entry: [Px::ZERO; MAX_ASSETS],
            net: [Usd::ZERO; MAX_ASSETS],
            realized: Usd::ZERO,
            unrealized: Usd::ZERO,
            fees: Usd::ZERO,
            funding: Usd::ZERO,
        };
        for (i, asset) in self.assets.iter().enumerate() {
            view.position[i] = asset.ledger.position();
            view.mark[i] = asset.mark;
            view.entry[i] = asset.ledger.average_entry();
            view.net[i] = asset.ledger.net(asset.mark);
            view.realized += asset.ledger.realized();
            view.unrealized += asset.ledger.unrealized(asset.mark);
            view.fees += asset.ledger.fees();
            view.funding += asset.ledger.funding();
        }
        view
    }

    fn account_limits(&self) -> &RiskLimits {
        &self.assets[0].params.risk
    }
}

/// The part of a limit that orders may use.
fn usable(limit: Usd) -> Usd {
    Usd::from_raw((limit.raw() as f64 * LIMIT_USE) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ActionKind, Cloid, Coin, Fill, Instrument, Reject, RejectReason};

    fn gate(params: AssetParams) -> Gate {
        let inst = Instrument {
            coin: Coin::new("X").unwrap(),
            venue_index: 0,
            sz_decimals: 2,
            max_leverage: 10,
        };
        Gate::new(Universe::new(vec![inst]), &[params])
    }

    fn target(mid: i64) -> QuoteTarget {
        let level = |p: i64, q: &str| QuoteLevel { px: Px::whole(p), qty: Qty::parse(q).unwrap() };
        let mut t = QuoteTarget {
            mid: Px::whole(mid),
            bid_reason: Reason::Quoted,
            ask_reason: Reason::Quoted,
            ..QuoteTarget::default()
        };
        t.bids[..2].copy_from_slice(&[level(mid - 1, "2"), level(mid - 2, "1")]);
        t.asks[..2].copy_from_slice(&[level(mid + 1, "2"), level(mid + 2, "1")]);
        t
    }

    fn event(kind: VenueEventKind) -> VenueEvent {
        VenueEvent {
            cloid: Cloid::default(),
            asset: AssetId::new(0),
            _pad: [0; 6],
            venue_time: Nanos::ZERO,
            recv_time: Nanos::ZERO,
            kind,
        }
    }

    fn buy(px: i64, qty: &str) -> VenueEvent {
        event(VenueEventKind::Fill(Fill {
            px: Px::whole(px),
            qty: Qty::parse(qty).unwrap(),
            side: Side::Bid,
            ..Fill::default()
        }))
    }

    #[test]
    fn a_side_is_cut_to_the_room_that_the_position_leaves() {
        let mut g = gate(AssetParams::default());
        let t = *g.approve(Nanos::ZERO, target(100)).get();
        assert_eq!(
            (t.total_qty(Side::Bid), t.total_qty(Side::Ask)),
            (Qty::whole(3), Qty::whole(3))
        );
        // The limit is $1000, of which 98 % are used: 9.8 at 100.
        g.on_venue(Nanos::ZERO, &buy(100, "7.5"));
        let t = *g.approve(Nanos::ZERO, target(100)).get();
        assert_eq!(t.bids.map(|l| l.qty.to_string())[..2], ["2", "0.3"]);
        assert_eq!(t.total_qty(Side::Ask), Qty::whole(3));
        g.on_venue(Nanos::ZERO, &buy(100, "2.3"));
        let t = *g.approve(Nanos::ZERO, target(100)).get();
        assert_eq!((t.bid_reason, t.ask_reason), (Reason::PositionLimit, Reason::Quoted));
    }

    #[test]
    fn a_large_move_breaks_and_recovers() {
        let mut g = gate(AssetParams::default());
        g.approve(Nanos::ZERO, target(1000));
        let t = *g.approve(Nanos::millis(900), target(1011)).get();
        assert_eq!((t.bid_reason, t.ask_reason), (Reason::Cooldown, Reason::Cooldown));
        assert_eq!(g.next_alert(), Some((Some(AssetId::new(0)), AlertKind::LargeMove)));
        let t = *g.approve(Nanos::secs(300), target(1011)).get();
        assert_eq!(t.bid_reason, Reason::Cooldown);
        let t = *g.approve(Nanos::secs(301), target(1011)).get();
        assert_eq!(t.bid_reason, Reason::Quoted);
        assert_eq!(g.next_alert(), Some((None, AlertKind::Recovered)));
        // The same move over more than a second is none.
        let t = *g.approve(Nanos::millis(302_100), target(1022)).get();
        assert_eq!(t.bid_reason, Reason::Quoted);
    }

    #[test]
    fn too_many_errors_break_but_the_moving_market_does_not() {
        let mut g = gate(AssetParams::default());
        let rejected = |reason| {
            event(VenueEventKind::Reject(Reject {
                of: ActionKind::Place,
                reason,
                _pad: [0; 6],
                best_bid: Px::ZERO,
                best_ask: Px::ZERO,
            }))
        };
        (0..50).for_each(|_| g.on_venue(Nanos::ZERO, &rejected(RejectReason::BadAloPx)));
        (0..5).for_each(|_| g.on_venue(Nanos::ZERO, &rejected(RejectReason::Tick)));
        assert_eq!(g.state(), GateState::Safe);
        g.on_venue(Nanos::secs(61), &rejected(RejectReason::Tick));
        assert_eq!(g.state(), GateState::Safe, "the first five are older than the window");
        (0..5).for_each(|_| g.on_venue(Nanos::secs(61), &rejected(RejectReason::Tick)));
        assert_eq!(g.state(), GateState::Break { until: Nanos::secs(181) });
    }

    /// Long 5 at 1000 with 1000 USD of capital, and no breaker but losses.
    fn long_five_with_a_thousand() -> Gate {
        let mut params = AssetParams::default();
        params.risk.capital_usd = Usd::whole(1_000);
        params.risk.max_position_usd = Usd::whole(10_000);
        params.risk.large_move_frac = 1.0;
        let mut g = gate(params);
        g.approve(Nanos::ZERO, target(1000));
        g.on_venue(Nanos::ZERO, &buy(1000, "5"));
        g
    }

    #[test]
    fn a_daily_loss_halts_until_re_armed() {
        let mut g = long_five_with_a_thousand();
        let t = *g.approve(Nanos::secs(2), target(990)).get();
        assert_eq!(t.bid_reason, Reason::Quoted, "50 of 1000 is the limit, not beyond it");
        let t = *g.approve(Nanos::secs(4), target(989)).get();
        assert_eq!((t.bid_reason, g.state()), (Reason::Halted, GateState::Halted));
        assert_eq!(g.next_alert(), Some((None, AlertKind::DailyLoss)));
        let t = *g.approve(Nanos::secs(90_000), target(1200)).get();
        assert_eq!(t.ask_reason, Reason::Halted, "a new day does not re-arm it");
    }

    #[test]
    fn a_drawdown_over_days_halts() {
        let mut g = long_five_with_a_thousand();
        for (day, mid) in [(1, 992), (2, 984)] {
            g.approve(Nanos::secs(86_400 * day), target(mid));
            assert_eq!(g.state(), GateState::Safe);
        }
        g.approve(Nanos::secs(86_400 * 3), target(979));
        assert_eq!(g.next_alert(), Some((None, AlertKind::Drawdown)));
    }
}
