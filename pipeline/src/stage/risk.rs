//! Risk: lets targets through the gate, keeps the account.

use crate::logic::equity::Equity;
use crate::logic::gate::{Approved, Gate, GateState};
use crate::rt::{HaltLevel, In, InLatest, LevelCell, Out, OutLatest, Stage};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::types::limits::{MAX_ASSETS, RING_VENUE};
use crate::types::{
    DecisionHash, Nanos, QuoteTarget, Reason, Record, RiskCommand, Side, VenueEvent, VenueEventKind,
};
use std::sync::Arc;

/// How often the account is published although nothing was filled.
const ACCOUNT_PERIOD: Nanos = Nanos::secs(1);

/// See the module.
pub struct RiskStage {
    targets: InLatest<QuoteTarget>,
    venue: In<VenueEvent>,
    commands: In<RiskCommand>,
    params: ParamsIn,
    level: Arc<LevelCell>,
    judge: Judge,
    /// The newest target of each asset, judged again when what is allowed changes.
    newest: [Option<QuoteTarget>; MAX_ASSETS],
    judged_under: (HaltLevel, GateState),
    next_account: Nanos,
    equity: Equity,
}

/// The gate with its way out: whatever it decides is hashed, counted, recorded and handed on.
struct Judge {
    gate: Gate,
    out: OutLatest<Approved<QuoteTarget>>,
    records: Out<Record>,
    metrics: Arc<Metrics>,
    hash: DecisionHash,
}

impl Judge {
    fn decide(&mut self, now: Nanos, level: HaltLevel, target: &QuoteTarget) {
        let mut wanted = *target;
        self.hold_to_level(level, &mut wanted);
        let approved = self.gate.approve(now, wanted);
        self.hash.target(approved.get());
        self.metrics.decisions.add(1);
        self.records.push_or_drop(Record::Decision(*approved.get()));
        self.out.push(target.asset.index(), approved);
    }

    /// What the shared level forbids, whatever the gate thinks.
    fn hold_to_level(&self, level: HaltLevel, target: &mut QuoteTarget) {
        if level == HaltLevel::Run {
            return;
        }
        let position = self.gate.ledger(target.asset).position();
        for side in Side::BOTH {
            let reduces = side.signed(position).is_negative();
            let allowed = level == HaltLevel::ReduceOnly && reduces;
            if target.reason(side) == Reason::Quoted && !allowed {
                target.clear(side, Reason::Halted);
            }
        }
    }
}

/// The rings of the risk stage.
pub struct RiskRings {
    /// From quote.
    pub targets: InLatest<QuoteTarget>,
    /// From dispatch.
    pub venue: In<VenueEvent>,
    /// From the side thread.
    pub commands: In<RiskCommand>,
    /// From the side thread.
    pub params: ParamsIn,
    /// To dispatch.
    pub out: OutLatest<Approved<QuoteTarget>>,
    /// To the side thread.
    pub records: Out<Record>,
}

impl RiskStage {
    /// A gate with its rings.
    pub fn new(rings: RiskRings, gate: Gate, level: Arc<LevelCell>, metrics: Arc<Metrics>) -> Self {
        let RiskRings { targets, venue, commands, params, out, records } = rings;
        let judge = Judge { gate, out, records, metrics, hash: DecisionHash::default() };
        Self {
            targets,
            venue,
            commands,
            params,
            level,
            judge,
            newest: [None; MAX_ASSETS],
            judged_under: (HaltLevel::Run, GateState::Safe),
            next_account: Nanos::ZERO,
            equity: Equity::default(),
        }
    }

    fn take_venue(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while work < RING_VENUE {
            let Some(event) = self.venue.pop() else { break };
            work += 1;
            self.judge.gate.on_venue(now, &event);
            if matches!(
                event.kind,
                VenueEventKind::Fill(_)
                    | VenueEventKind::Funding(_)
                    | VenueEventKind::Opening { .. }
            ) {
                let Judge { gate, metrics, .. } = &self.judge;
                metrics.set_costs(event.asset, gate.ledger(event.asset));
                self.next_account = now;
            }
        }
        work
    }

    /// When a breaker trips, the level rises or limits change, every asset is judged again at once:
    /// what rests must not wait for its next quote. Returns the decisions made.
    fn judge_again(&mut self, now: Nanos, limits_changed: bool) -> usize {
        let under = (self.level.get(), self.judge.gate.state());
        if under == self.judged_under && !limits_changed {
            return 0;
        }
        self.judged_under = under;
        let again = self.newest.iter().flatten();
        again.map(|target| self.judge.decide(now, under.0, target)).count()
    }

    fn tell(&mut self, now: Nanos) {
        let Judge { gate, records, metrics, hash, .. } = &mut self.judge;
        metrics.risk_hash.set(hash.finish());
        metrics.set_halted(gate.state());
        while let Some((asset, kind)) = gate.next_alert() {
            records.push_or_drop(Record::Alert { asset, time: now, kind });
        }
        if let Some(ended) = self.equity.update(now, gate.net()) {
            records.push_or_drop(Record::Day(ended));
            self.next_account = now; // What is shown as the present day must not be this one.
        }
        if now >= self.next_account {
            let account = gate.account(now);
            metrics.set_account(&account);
            metrics.set_equity(&self.equity);
            records.push_or_drop(Record::Account(account));
            self.next_account = now + ACCOUNT_PERIOD;
        }
    }
}

impl Stage for RiskStage {
    fn name(&self) -> &'static str {
        "risk"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        self.judge.out.flush();
        let venue = self.take_venue(now);
        let level = self.level.get();
        let Self { targets, params, judge, newest, .. } = self;
        let mut limits_changed = false;
        let decisions = targets.take(
            |t| t.asset.index(),
            |t| {
                limits_changed |=
                    params.advance(t.generation, |asset, new| judge.gate.set_params(asset, new));
                newest[t.asset.index()] = Some(*t);
                judge.decide(now, level, t);
            },
        );
        let again = self.judge_again(now, limits_changed);
        let work = venue + decisions + again;
        if work > 0 {
            self.tell(now);
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::ring;
    use crate::types::{AssetId, AssetParams, Coin, Instrument, Px, Qty, QuoteLevel, Universe};

    fn target(asset: usize, mid: i64) -> QuoteTarget {
        let level = |px| QuoteLevel { px: Px::whole(px), qty: Qty::whole(1) };
        let mut t = QuoteTarget {
            asset: AssetId::new(asset),
            mid: Px::whole(mid),
            bid_reason: Reason::Quoted,
            ask_reason: Reason::Quoted,
            ..QuoteTarget::default()
        };
        (t.bids[0], t.asks[0]) = (level(mid - 1), level(mid + 1));
        t
    }

    #[test]
    fn a_breaker_pulls_every_assets_quotes_at_once() {
        let inst = |name| Instrument {
            coin: Coin::new(name).unwrap(),
            venue_index: 0,
            sz_decimals: 2,
            max_leverage: 10,
        };
        let universe = Universe::new(vec![inst("A"), inst("B")]);
        let gate = Gate::new(universe, &[AssetParams::default(); 2]);
        let (mut tx, rx) = ring("quote->risk", 8);
        let (_venue_tx, venue) = ring("dispatch->risk", 8);
        let (out, approved) = ring("risk->dispatch", 8);
        let rings = RiskRings {
            targets: InLatest::new(rx, 2, 8, false),
            venue,
            commands: ring("side->risk", 8).1,
            params: ParamsIn::new(ring("side->risk params", 8).1),
            out: OutLatest::new(out, 2),
            records: ring("risk->side", 64).0,
        };
        let mut approved = InLatest::new(approved, 2, 8, false);
        let level = Arc::new(LevelCell::default());
        let mut risk = RiskStage::new(rings, gate, level.clone(), Arc::default());
        let mut poll = |now, targets: &[QuoteTarget]| {
            targets.iter().for_each(|t| tx.push(*t).unwrap());
            risk.poll(now);
            let mut seen = Vec::new();
            approved.take(
                |t| t.get().asset.index(),
                |t| seen.push((t.get().asset.index(), t.get().bid_reason)),
            );
            seen
        };
        let quoted = poll(Nanos::ZERO, &[target(0, 500), target(1, 500)]);
        assert_eq!(quoted, [(0, Reason::Quoted), (1, Reason::Quoted)]);
        let pulled = poll(Nanos::millis(500), &[target(0, 510)]);
        assert_eq!(pulled, [(0, Reason::Cooldown), (1, Reason::Cooldown)]);
        assert!(poll(Nanos::millis(600), &[]).is_empty(), "once is enough");
        level.raise(HaltLevel::Halt);
        assert_eq!(poll(Nanos::millis(700), &[]), [(0, Reason::Halted), (1, Reason::Halted)]);
    }
}
