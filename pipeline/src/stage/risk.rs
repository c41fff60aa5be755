//! Risk: lets targets through the gate, keeps the account.

use crate::logic::equity::Equity;
use crate::logic::gate::{Approved, Gate};
use crate::rt::{HaltLevel, In, InLatest, Input, LevelCell, OutLatest, Stage, bring_near};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::stage::records::RecordsOut;
use crate::types::limits::{MAX_ASSETS, RING_COMMAND, RING_VENUE};
use crate::types::{
    AssetId, BreakEnd, Breaks, Commentary, DecisionHash, Fact, Nanos, QuoteTarget, Reason,
    RiskCommand, RiskSnapshot, RiskState, Side, VenueEvent, VenueEventKind,
};
use std::sync::Arc;

/// How often the account and its risk state are published although nothing happened.
const ACCOUNT_PERIOD: Nanos = Nanos::secs(1);
/// How often the gate is told the time in virtual time, if nothing else comes: a long step is taken for a clock
/// that jumped.
const TIME_TOLD: Nanos = Nanos::secs(1);

/// See the module.
pub struct RiskStage {
    targets: InLatest<QuoteTarget>,
    venue: In<VenueEvent>,
    commands: In<RiskCommand>,
    params: ParamsIn,
    level: Arc<LevelCell>,
    judge: Judge,
    /// What an earlier run kept, until the first poll tells the time.
    earlier: Option<RiskSnapshot>,
    /// The newest target of each asset, judged again when what is allowed changes.
    newest: [Option<QuoteTarget>; MAX_ASSETS],
    judged_under: (HaltLevel, Option<Reason>),
    /// Coins that paused when they were last judged.
    judged_paused: [bool; MAX_ASSETS],
    /// What held when it was last told.
    told: Breaks,
    next_account: Nanos,
    equity: Equity,
    /// What is doubted is another: every asset is judged again.
    doubts_changed: bool,
    /// Messages taken in and not acted on yet.
    heard: usize,
    now: Nanos,
}

/// The gate with its way out: whatever it decides is hashed, counted, recorded and handed on.
struct Judge {
    gate: Gate,
    out: OutLatest<Approved<QuoteTarget>>,
    records: RecordsOut,
    metrics: Arc<Metrics>,
    hash: DecisionHash,
    states: [RiskState; MAX_ASSETS],
}

impl Judge {
    /// Judges a new target, or one again.
    fn decide(&mut self, now: Nanos, level: HaltLevel, target: &QuoteTarget, is_new: bool) {
        let mut wanted = *target;
        self.hold_to_level(level, &mut wanted);
        let approved = match is_new {
            true => self.gate.approve(now, wanted),
            false => self.gate.approve_again(now, wanted),
        };
        self.hash.target(approved.get());
        self.metrics.risk.decisions.add(1);
        if self.records.comments() {
            self.records.comment(Commentary::Decision(*approved.get()));
        }
        self.out.push(target.asset.index(), approved);
        self.show_state(now, target.asset);
    }

    fn show_state(&mut self, time: Nanos, asset: AssetId) {
        let state = self.gate.risk_state(asset);
        if core::mem::replace(&mut self.states[asset.index()], state) != state {
            self.metrics.risk.state[asset.index()].set(state as u64);
            self.records.fact(Fact::RiskState { asset, time, state });
        }
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
    pub records: RecordsOut,
}

impl RiskStage {
    /// A gate with its rings. `earlier` is what an earlier run of the account kept.
    pub fn new(
        rings: RiskRings,
        gate: Gate,
        earlier: Option<RiskSnapshot>,
        level: Arc<LevelCell>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let RiskRings { targets, venue, commands, params, out, records } = rings;
        let states = [RiskState::Safe; MAX_ASSETS];
        let judge = Judge { gate, out, records, metrics, hash: DecisionHash::default(), states };
        Self {
            targets,
            venue,
            commands,
            params,
            level,
            judge,
            earlier,
            newest: [None; MAX_ASSETS],
            judged_under: (HaltLevel::Run, None),
            judged_paused: [false; MAX_ASSETS],
            told: Breaks::default(),
            next_account: Nanos::ZERO,
            equity: Equity::default(),
            doubts_changed: false,
            heard: 0,
            now: Nanos::ZERO,
        }
    }

    /// Goes on from an earlier run, once; how many there were to go on from.
    fn take_earlier(&mut self, now: Nanos) -> usize {
        let Some(earlier) = self.earlier.take() else { return 0 };
        self.judge.gate.restore(&earlier, now);
        1
    }

    /// A halt level that was raised stays so: it ends with the run, and not by a command.
    fn take_commands(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while work < RING_COMMAND {
            let Some(command) = self.commands.pop() else { break };
            work += 1;
            match command {
                RiskCommand::Rearm => {
                    self.judge.gate.rearm(now);
                    self.next_account = now; // Who asked waits for word of it.
                }
                RiskCommand::Doubt { asset, venue } => {
                    self.judge.gate.doubt(asset, venue);
                    self.doubts_changed = true;
                }
                RiskCommand::ReduceOnly(only_reduces) => {
                    self.judge.gate.reduce_only(only_reduces);
                    self.doubts_changed = true;
                }
            }
        }
        work
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

    /// When a breaker trips, the level rises or limits change, every asset is judged again at once, and
    /// a coin when it begins to pause or goes on: what rests must not wait for its next quote. Returns the decisions made.
    fn judge_again(&mut self, now: Nanos, limits_changed: bool) -> usize {
        let under = (self.level.get(), self.judge.gate.breaks().reason());
        let all = under != self.judged_under || limits_changed;
        self.judged_under = under;
        let mut decided = 0;
        for target in self.newest.iter().flatten() {
            let is_paused = self.judge.gate.is_paused(now, target.asset);
            let was_paused = &mut self.judged_paused[target.asset.index()];
            if core::mem::replace(was_paused, is_paused) != is_paused || all {
                self.judge.decide(now, under.0, target, false);
                decided += 1;
            }
        }
        decided
    }

    fn tell(&mut self, now: Nanos) {
        let breaks = *self.judge.gate.breaks();
        let has_changed = !breaks.same_as(&core::mem::replace(&mut self.told, breaks));
        if has_changed {
            let assets = self.judge.gate.universe().len();
            (0..assets).for_each(|i| self.judge.show_state(now, AssetId::new(i)));
        }
        let Judge { gate, records, metrics, hash, .. } = &mut self.judge;
        metrics.risk.hash.set(hash.finish());
        metrics.risk.halted.set(u64::from(breaks.is_halt()));
        let halts = breaks.iter().filter(|(_, end)| !matches!(end, BreakEnd::At(_)));
        metrics.risk.halted_by.set(halts.map(|(why, _)| 1 << why as u32).sum());
        if let Some(ended) = self.equity.update(now, gate.net()) {
            records.fact(Fact::Day(ended));
            self.next_account = now; // What is shown as the present day must not be this one.
        }
        let is_due = now >= self.next_account;
        if is_due || has_changed {
            records.fact(Fact::Risk(gate.snapshot(now)));
        }
        while let Some((asset, kind)) = gate.next_alert() {
            records.fact(Fact::Alert { asset, time: now, kind });
        }
        if is_due {
            self.tell_account(now);
            self.next_account = now + ACCOUNT_PERIOD;
        }
    }

    fn tell_account(&mut self, now: Nanos) {
        let Judge { gate, records, metrics, .. } = &mut self.judge;
        let account = gate.account(now);
        metrics.set_account(&account);
        metrics.set_equity(&self.equity);
        records.fact(Fact::Account(account));
    }
}

impl Stage for RiskStage {
    fn name(&self) -> &'static str {
        "risk"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        self.hear(now);
        let mut work = core::mem::take(&mut self.heard);
        let level = self.level.get();
        let Self { targets, params, judge, newest, doubts_changed, .. } = self;
        let mut limits_changed = core::mem::take(doubts_changed);
        work += targets.take(
            |t| t.asset.index(),
            |t| {
                limits_changed |=
                    params.advance(t.generation, |asset, new| judge.gate.set_params(asset, new));
                newest[t.asset.index()] = Some(*t);
                judge.decide(now, level, t, true);
            },
        );
        work += self.judge_again(now, limits_changed);
        if work > 0 {
            self.tell(now);
        }
        work
    }

    /// Books what the venue says; what follows from it waits for the targets of the same moment.
    fn hear(&mut self, now: Nanos) -> usize {
        self.now = now;
        self.judge.out.flush();
        let earlier = self.take_earlier(now) + self.take_commands(now);
        self.judge.gate.on_time(now);
        let heard = earlier + self.take_venue(now);
        self.heard += heard;
        heard
    }

    fn hears(&self, now: Nanos) -> bool {
        self.venue.has_some()
            || now - self.now >= TIME_TOLD
            || self.judge.gate.loss_due().is_some_and(|due| due <= now)
            || self.commands.has_some()
            || self.judge.out.has_pending()
            || self.earlier.is_some()
    }

    fn is_due(&self, now: Nanos) -> bool {
        let under = (self.level.get(), self.judge.gate.breaks().reason());
        self.heard > 0
            || self.targets.peek().is_some()
            || self.doubts_changed
            || under != self.judged_under
            || self.judged_paused.contains(&true)
            || self.hears(now)
    }

    /// A loss that lasts halts although no target comes.
    fn next_deadline(&self) -> Option<Nanos> {
        self.judge.gate.loss_due()
    }

    fn fault_in(&mut self) {
        self.judge.records.fault_in();
    }

    fn warm(&mut self, _: Nanos) {
        bring_near(self);
        bring_near(self.judge.gate.memory());
        bring_near(&self.judge.metrics.risk);
        self.judge.out.warm();
        self.judge.records.warm();
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        see(self.targets.input());
        see(&mut self.venue);
        see(&mut self.commands);
    }

    /// The last word on the account, whenever it was last told.
    fn on_stop(&mut self) {
        let kept = self.judge.gate.snapshot(self.now);
        self.judge.records.fact(Fact::Risk(kept));
        self.tell_account(self.now);
    }
}

#[cfg(test)]
mod tests;
