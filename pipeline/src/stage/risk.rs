//! Risk: lets targets through the gate, keeps the account.

use crate::logic::gate::{Approved, Gate};
use crate::rt::{In, InLatest, Level, LevelCell, Out, OutLatest, Stage};
use crate::stage::metrics::Metrics;
use crate::types::limits::RING_VENUE;
use crate::types::{
    DecisionHash, Nanos, QuoteTarget, Reason, Record, Side, VenueEvent, VenueEventKind,
};
use std::sync::Arc;

/// How often the account is published although nothing was filled.
const ACCOUNT_PERIOD: Nanos = Nanos::secs(1);

/// See the module.
pub struct RiskStage {
    targets: InLatest<QuoteTarget>,
    venue: In<VenueEvent>,
    out: OutLatest<Approved<QuoteTarget>>,
    records: Out<Record>,
    gate: Gate,
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    hash: DecisionHash,
    next_account: Nanos,
}

/// The rings of the risk stage.
pub struct RiskRings {
    /// From quote.
    pub targets: InLatest<QuoteTarget>,
    /// From dispatch.
    pub venue: In<VenueEvent>,
    /// To dispatch.
    pub out: OutLatest<Approved<QuoteTarget>>,
    /// To the side thread.
    pub records: Out<Record>,
}

impl RiskStage {
    /// A gate with its rings.
    pub fn new(rings: RiskRings, gate: Gate, level: Arc<LevelCell>, metrics: Arc<Metrics>) -> Self {
        let RiskRings { targets, venue, out, records } = rings;
        Self {
            targets,
            venue,
            out,
            records,
            gate,
            level,
            metrics,
            hash: DecisionHash::default(),
            next_account: Nanos::ZERO,
        }
    }

    fn take_venue(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while work < RING_VENUE {
            let Some(event) = self.venue.pop() else { break };
            work += 1;
            self.gate.on_venue(now, &event);
            if matches!(event.kind, VenueEventKind::Fill(_) | VenueEventKind::Funding(_)) {
                self.next_account = now;
            }
        }
        work
    }

    /// What the shared level forbids, whatever the gate thinks.
    fn hold_to_level(level: Level, gate: &Gate, target: &mut QuoteTarget) {
        if level == Level::Run {
            return;
        }
        let position = gate.ledger(target.asset).position();
        for side in Side::BOTH {
            let reduces = side.signed(position).is_negative();
            if target.reason(side) == Reason::Quoted && !(level == Level::ReduceOnly && reduces) {
                target.clear(side, Reason::Halted);
            }
        }
    }

    fn tell(&mut self, now: Nanos) {
        while let Some((asset, kind)) = self.gate.next_alert() {
            self.records.push_or_drop(Record::Alert { asset, time: now, kind });
        }
        if now >= self.next_account {
            let account = self.gate.account(now);
            self.metrics.set_account(&account);
            self.records.push_or_drop(Record::Account(account));
            self.next_account = now + ACCOUNT_PERIOD;
        }
    }
}

impl Stage for RiskStage {
    fn name(&self) -> &'static str {
        "risk"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        self.out.flush();
        let venue = self.take_venue(now);
        let level = self.level.get();
        let Self { targets, gate, out, hash, metrics, records, .. } = self;
        let decisions = targets.take(
            |t| t.asset.index(),
            |t| {
                let mut wanted = *t;
                Self::hold_to_level(level, gate, &mut wanted);
                let approved = gate.approve(now, wanted);
                hash.target(approved.get());
                metrics.decisions.add(1);
                records.push_or_drop(Record::Decision(*approved.get()));
                out.push(t.asset.index(), approved);
            },
        );
        if venue + decisions > 0 {
            metrics.risk_hash.set(hash.finish());
            metrics.set_halted(gate.state());
            self.tell(now);
        }
        venue + decisions
    }
}
