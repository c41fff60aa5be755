use super::*;
use crate::coins::universe;
use crate::rt::{Out, ring};
use crate::stage::records::{RecordsIn, records};
use crate::types::AlertKind;
use crate::types::{AssetParams, BreakWhy, Cloid, Fill, Px, Qty, QuoteLevel, Record};

fn target(asset: usize, mid: i64) -> QuoteTarget {
    let level = |px| QuoteLevel { px: Px::whole(px), qty: Qty::whole(1) };
    let mut t = QuoteTarget {
        asset: AssetId::new(asset),
        mid: Some(Px::whole(mid)),
        bid_reason: Reason::Quoted,
        ask_reason: Reason::Quoted,
        ..QuoteTarget::default()
    };
    (t.bids[0], t.asks[0]) = (level(mid - 1), level(mid + 1));
    t
}

fn fill(asset: AssetId, side: Side, qty: i64) -> VenueEvent {
    let fill = Fill { side, px: Px::whole(1), qty: Qty::whole(qty), ..Fill::default() };
    VenueEvent::new(Cloid::default(), asset, [Nanos::ZERO; 2], VenueEventKind::Fill(fill))
}

/// A stage of two assets with the far ends of its rings.
struct Rig {
    risk: RiskStage,
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    targets: Out<QuoteTarget>,
    commands: Out<RiskCommand>,
    approved: InLatest<Approved<QuoteTarget>>,
    records: RecordsIn,
}

impl Rig {
    fn new(earlier: Option<RiskSnapshot>) -> Self {
        let gate = Gate::new(universe([("A", 2), ("B", 2)]), &[AssetParams::default(); 2]);
        let (targets, rx) = ring("quote->risk", 8);
        let (commands, commands_rx) = ring("side->risk", 8);
        let (out, approved) = ring("risk->dispatch", 8);
        let level = Arc::new(LevelCell::default());
        let (records_tx, records) =
            records([("risk->side facts", 64), ("risk->side commentary", 64)], &level);
        let rings = RiskRings {
            targets: InLatest::new(rx, 2, 8, false),
            venue: ring("dispatch->risk", 8).1,
            commands: commands_rx,
            params: ParamsIn::new(ring("side->risk params", 8).1),
            out: OutLatest::new(out, 2),
            records: records_tx,
        };
        let metrics = Arc::new(Metrics::default());
        let risk = RiskStage::new(rings, gate, earlier, level.clone(), metrics.clone());
        let approved = InLatest::new(approved, 2, 8, false);
        Self { risk, level, metrics, targets, commands, approved, records }
    }

    /// What comes out, by asset: of its bids.
    fn poll(&mut self, now: Nanos, targets: &[QuoteTarget]) -> Vec<(usize, Reason)> {
        let out = self.poll_both(now, targets);
        out.into_iter().map(|(asset, bid, _)| (asset, bid)).collect()
    }

    /// The same of both sides.
    fn poll_both(&mut self, now: Nanos, targets: &[QuoteTarget]) -> Vec<(usize, Reason, Reason)> {
        targets.iter().for_each(|t| self.targets.push(*t).unwrap());
        self.risk.poll(now);
        let mut seen = Vec::new();
        self.approved.take(
            |t| t.get().asset.index(),
            |t| seen.push((t.get().asset.index(), t.get().bid_reason, t.get().ask_reason)),
        );
        seen
    }

    fn records(&mut self) -> Vec<Record> {
        core::iter::from_fn(|| self.records.pop()).collect()
    }
}

#[test]
fn a_breaker_pulls_every_assets_quotes_at_once() {
    let mut rig = Rig::new(None);
    let quoted = rig.poll(Nanos::ZERO, &[target(0, 500), target(1, 500)]);
    assert_eq!(quoted, [(0, Reason::Quoted), (1, Reason::Quoted)]);
    let pulled = rig.poll(Nanos::millis(500), &[target(0, 510)]);
    assert_eq!(pulled, [(0, Reason::Cooldown), (1, Reason::Cooldown)]);
    assert!(rig.poll(Nanos::millis(600), &[]).is_empty(), "once is enough");
    rig.level.raise(HaltLevel::Halt);
    let halted = [(0, Reason::Halted), (1, Reason::Halted)];
    assert_eq!(rig.poll(Nanos::millis(700), &[]), halted);
    // A person ends the cool-down; the level is not theirs to lower.
    rig.commands.push(RiskCommand::Rearm).unwrap();
    assert_eq!(rig.poll(Nanos::millis(800), &[]), halted);
    assert!(!rig.risk.judge.gate.breaks().any());
}

#[test]
fn what_is_doubted_is_only_reduced_until_it_is_sure_again() {
    let mut rig = Rig::new(None);
    let a = AssetId::new(0);
    rig.risk.judge.gate.on_venue(Nanos::ZERO, &fill(a, Side::Bid, 3));
    let both = |out: &[(usize, Reason, Reason)]| (out[0].1, out[0].2);
    let quoted = rig.poll_both(Nanos::ZERO, &[target(0, 100)]);
    assert_eq!(both(&quoted), (Reason::Quoted, Reason::Quoted));
    let doubt = |venue| RiskCommand::Doubt { asset: a, venue };
    for (venue, bid, ask) in [
        (Some(Qty::whole(2)), Reason::OneSided, Reason::Quoted),
        (Some(Qty::whole(-2)), Reason::OneSided, Reason::OneSided),
        (None, Reason::Quoted, Reason::Quoted),
    ] {
        rig.commands.push(doubt(venue)).unwrap();
        let out = rig.poll_both(Nanos::millis(10), &[]);
        assert_eq!(both(&out), (bid, ask), "{venue:?}: what stands is judged again, at once");
    }
    for (only_reduces, bid) in [(true, Reason::OneSided), (false, Reason::Quoted)] {
        rig.commands.push(RiskCommand::ReduceOnly(only_reduces)).unwrap();
        let out = rig.poll_both(Nanos::millis(20), &[]);
        assert_eq!(both(&out), (bid, Reason::Quoted), "the whole account: {only_reduces}");
    }
}

#[test]
fn a_halt_of_an_earlier_run_holds_until_a_person_ends_it() {
    let mut earlier = RiskSnapshot::new(Nanos::secs(50));
    earlier.breaks.set(BreakWhy::Drawdown, Some(BreakEnd::Manual));
    let mut rig = Rig::new(Some(earlier));
    let b = AssetId::new(1);
    assert_eq!(rig.poll(Nanos::secs(100), &[]), []);
    assert_eq!(rig.metrics.risk_state(b), RiskState::CircuitBreak);
    assert_eq!(rig.metrics.risk.halted.get(), 1);
    assert!(rig.metrics.halted_by().eq([BreakWhy::Drawdown]));
    let told = rig.records();
    let kept = |record: &Record| match record {
        Record::Fact(Fact::Risk(kept)) => Some(*kept),
        _ => None,
    };
    assert!(told.iter().filter_map(kept).all(|kept| kept.breaks == earlier.breaks));
    let alert = AlertKind::Restored;
    let alert = Fact::Alert { asset: None, time: Nanos::secs(100), kind: alert };
    assert!(told.contains(&Record::Fact(alert)), "{told:?}");
    let out = rig.poll(Nanos::secs(101), &[target(0, 500)]);
    assert_eq!(out, [(0, Reason::Halted)]);

    rig.records();
    rig.commands.push(RiskCommand::Rearm).unwrap();
    assert_eq!(rig.poll(Nanos::millis(101_500), &[]), [(0, Reason::Quoted)]);
    assert_eq!(rig.metrics.risk_state(b), RiskState::Safe);
    assert_eq!(rig.metrics.risk.halted.get(), 0);
    let told = rig.records();
    let answer = told.iter().find_map(kept).unwrap();
    assert_eq!((answer.time, answer.breaks.any()), (Nanos::millis(101_500), false));
    // Asked again, there is nothing to end, but who asks is answered.
    rig.commands.push(RiskCommand::Rearm).unwrap();
    assert_eq!(rig.poll(Nanos::millis(101_600), &[]), []);
    let told = rig.records();
    assert_eq!(told.iter().filter_map(kept).count(), 1);
    assert!(!told.iter().any(|r| matches!(r, Record::Fact(Fact::Alert { .. }))), "{told:?}");
    rig.risk.on_stop();
    assert_eq!(rig.records().iter().filter_map(kept).count(), 1, "the last word");
}
