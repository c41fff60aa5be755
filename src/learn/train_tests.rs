//! Orders of a world in which what decides a fill is known.

use super::*;
use botmm_pipeline::types::params::FEATURES;
use botmm_pipeline::types::{Px, Side};
use rand::RngExt as _;

const HORIZON: Nanos = Nanos::secs(5);

/// Near orders are filled, and the mid goes against them by half of the imbalance that was there.
fn orders(seed: u64, count: usize) -> Vec<Order> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|i| {
            let mut asked: [f64; FEATURES] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
            asked[14] = 300.0;
            let sent = Nanos::millis(200 * i as i64);
            let is_filled = rng.random_bool(if asked[8] < 0.0 { 0.5 } else { 0.1 });
            Order {
                coin: "BTC".to_owned(),
                side: Side::Bid,
                leg: i as u32,
                px: Px::whole(1),
                sent,
                asked,
                filled: is_filled.then(|| sent + Nanos::secs(2)),
                adverse_bps: is_filled.then(|| 0.5 - 2.0 * asked[3] + rng.random_range(-1.0..1.0)),
            }
        })
        .collect()
}

fn how() -> How {
    How { horizon: HORIZON, test_share: 0.3, seed: 1, options: Options::default() }
}

#[test]
fn both_answers_are_learned_and_nothing_is_from_shuffled_labels() {
    for seed in 0..3 {
        let trained = train(&orders(seed, 6_000), Left::default(), &how()).unwrap();
        let Scores { fill, fill_shuffled, adverse, adverse_shuffled, constant, .. } =
            &trained.scores;
        let [auc, shuffled] = [fill, fill_shuffled].map(|scored| scored.auc.unwrap());
        assert!(auc > 0.68, "seed {seed}: {auc}");
        assert!(
            (shuffled - 0.5).abs() < 4.0 * fill_shuffled.auc_se.unwrap(),
            "seed {seed}: {shuffled}"
        );
        assert!(fill.brier < fill.brier_of_mean, "seed {seed}");
        let far = fill
            .reliability
            .iter()
            .filter(|c| (c.predicted - c.seen).abs() > 2.0 * c.half_interval);
        assert!(far.count() <= 1, "seed {seed}: {:?}", fill.reliability);
        assert!(adverse.r2.unwrap() > 0.5 && adverse.t.unwrap() > 5.0, "seed {seed}: {adverse:?}");
        assert!(adverse_shuffled.r2.unwrap() < 0.05, "seed {seed}: {adverse_shuffled:?}");
        assert_eq!(*constant, ["delay_ms"]);
        assert!(trained.fill.is_sound() && trained.adverse.is_sound());
    }
}

/// The guard itself: nothing learned from was still open when the tried part begins.
#[test]
fn parts_are_apart_by_the_time_that_outcomes_take() {
    let orders = orders(1, 3_000);
    let parts = cut(&orders, &how()).unwrap();
    let first = |rows: &[u32]| orders[rows[0] as usize].sent;
    let last = |rows: &[u32]| orders[rows[rows.len() - 1] as usize].sent;
    assert!(last(&parts.train) + HORIZON + HORIZON < first(&parts.valid));
    assert!(last(&parts.valid) + HORIZON + HORIZON < first(&parts.test));
    assert_eq!(parts.test.len(), 900);
    let trained = train(&orders, Left::default(), &how()).unwrap();
    assert!(trained.trained[1] < trained.tested[0], "a model is silent up to the first of these");
}

#[test]
fn the_same_orders_make_the_same_model() {
    let make = || {
        let Trained { fill, adverse, scores, .. } =
            train(&orders(4, 2_000), Left::default(), &how()).unwrap();
        (serde_json::to_string(&(fill, adverse)).unwrap(), serde_json::to_string(&scores).unwrap())
    };
    assert_eq!(make(), make());
}

#[test]
fn what_nothing_can_be_learned_from_is_named() {
    let fail = |orders: &[Order]| match train(orders, Left::default(), &how()) {
        Ok(_) => panic!("a model of nothing"),
        Err(e) => e.to_string(),
    };
    let few = fail(&orders(1, 60));
    assert!(few.contains("60 orders, parted by time with a gap of 10 s"), "{few}");
    assert!(fail(&[]).contains("0 orders"));
    let mut never = orders(1, 2_000);
    never.iter_mut().for_each(|o| (o.filled, o.adverse_bps) = (None, None));
    let one = fail(&never);
    assert!(
        one.contains("whether an order is filled: all") && one.contains("labels are 0"),
        "{one}"
    );
    let mut unknown = orders(1, 2_000);
    unknown.iter_mut().for_each(|o| o.adverse_bps = None);
    assert!(fail(&unknown).contains("how far the mid goes against a fill: 0 rows"));
    let mut wild = orders(1, 2_000);
    wild[7].asked[2] = f64::INFINITY;
    assert!(fail(&wild).contains("vol_ratio is infinite in row 7"));
    let mut still = orders(1, 2_000);
    still.iter_mut().for_each(|o| o.asked = [1.0; FEATURES]);
    assert!(fail(&still).contains("every feature is constant"));
}
