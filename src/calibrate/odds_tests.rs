use super::*;

const NEVER: f64 = 0.5 / 101.0;
const ALWAYS: f64 = 100.5 / 101.0;

fn story(ahead: Option<i64>, steps: &[Step]) -> Story {
    Story::left(ahead, steps.to_vec())
}

fn shown(now: i64) -> Step {
    Step::Shown(Qty::whole(now))
}

fn traded(qty: i64, is_hit: bool) -> Step {
    Step::Traded { qty: Qty::whole(qty), is_past: false, is_hit }
}

fn said(ahead: Option<i64>, steps: &[Step], model: QueueModel) -> Vec<f64> {
    chances(&story(ahead, steps), model, 7).iter().map(|chance| chance.said).collect()
}

#[test]
fn trades_take_from_the_front_and_need_no_model() {
    let steps = [traded(3, false), traded(2, false), traded(1, true)];
    for model in [QueueModel::RiskAverse, QueueModel::ProbPower(1.0), QueueModel::ProbLog] {
        assert_eq!(said(Some(5), &steps, model), [NEVER, NEVER, ALWAYS], "{model}");
    }
    let hits: Vec<bool> = chances(&story(Some(5), &steps), QueueModel::ProbLog, 7)
        .iter()
        .map(|chance| chance.is_hit)
        .collect();
    assert_eq!(hits, [false, false, true]);
}

/// 4 ahead, 6 came behind, 3 of the 10 were cancelled: behind us with 6/10 under an exponent of 1.
#[test]
fn a_cancel_is_ahead_as_often_as_the_model_says() {
    let before = [shown(10), shown(7), traded(2, true)];
    assert_eq!(said(Some(4), &before, QueueModel::RiskAverse), [NEVER]);
    for (n, ahead) in [(1.0, 0.4), (2.0, 16.0 / 52.0), (3.0, 64.0 / 280.0)] {
        let mean = (0..40)
            .map(|seed| chances(&story(Some(4), &before), QueueModel::ProbPower(n), seed)[0].said)
            .sum::<f64>()
            / 40.0;
        // 4,000 draws: four standard errors.
        assert!((mean - ahead).abs() < 0.032, "{n}: {mean} for {ahead}");
    }
    // What trades explain is no cancel.
    let steps = [shown(10), traded(3, false), shown(7), traded(1, false)];
    assert_eq!(said(Some(4), &steps, QueueModel::ProbPower(1.0)), [NEVER, NEVER]);
}

#[test]
fn that_a_trade_passed_by_is_known_from_then_on() {
    // 2 traded and did not reach us: it was no cancel ahead, so 4 were, and 2 are left.
    let steps = [shown(10), shown(7), traded(2, false), traded(2, false), traded(1, true)];
    let found = said(Some(4), &steps, QueueModel::ProbPower(1.0));
    assert!(found[0] > 0.2, "{found:?}");
    assert_eq!(found[1..], [NEVER, ALWAYS]);
    // A model that is refuted goes on with the order at the front.
    let steps = [traded(5, false), shown(9), traded(1, true)];
    assert_eq!(said(Some(4), &steps, QueueModel::RiskAverse), [ALWAYS, ALWAYS]);
}

#[test]
fn what_is_not_displayed_gives_no_chance_and_neither_does_a_trade_beyond_us() {
    let steps = [traded(9, false), shown(3), traded(4, true)];
    assert_eq!(said(None, &steps, QueueModel::RiskAverse), [ALWAYS]);
    let past = Step::Traded { qty: Qty::whole(9), is_past: true, is_hit: true };
    assert!(said(Some(1), &[past], QueueModel::RiskAverse).is_empty());
    // The displayed size bounds what is ahead.
    assert_eq!(said(Some(9), &[shown(2), traded(3, true)], QueueModel::RiskAverse), [ALWAYS]);
}

#[test]
fn the_same_seed_draws_the_same() {
    let steps = [shown(10), shown(7), shown(12), shown(6), traded(2, false), traded(2, true)];
    let of = |seed| chances(&story(Some(4), &steps), QueueModel::ProbPower(2.0), seed);
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
}
