use super::super::odds::DRAWS;
use super::super::story::{End, Step};
use super::*;
use botmm_pipeline::types::Qty;

/// A queue in which a cancel is behind us with just the probability of an exponent, and an order leaves when its price's
/// queue gets short, or when it has stood for long: what everybody sees decides that, and not its place.
fn simulated(n: f64, orders: usize, seed: u64) -> Vec<Story> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..orders).map(|_| order(n, &mut rng)).collect()
}

fn order(n: f64, rng: &mut ChaCha8Rng) -> Story {
    let mut ahead: i64 = rng.random_range(4..30);
    let mut behind: i64 = 0;
    let (first, mut steps, mut end) = (ahead, Vec::new(), End::Left);
    for _ in 0..30 {
        match rng.random_range(0..10) {
            0..4 => behind += rng.random_range(1..8),
            4..8 => {
                let most = (ahead + behind).min(7);
                let cancelled = if most > 0 { rng.random_range(1..=most) } else { 0 };
                let p = QueueModel::ProbPower(n).p_behind(ahead as f64, behind as f64);
                let of_behind = match rng.random::<f64>() < p {
                    true => cancelled.min(behind),
                    false => cancelled - cancelled.min(ahead),
                };
                (ahead, behind) = (ahead - (cancelled - of_behind), behind - of_behind);
            }
            _ => {
                let qty = rng.random_range(1..6);
                let is_hit = qty > ahead;
                steps.push(Step::Traded { qty: Qty::whole(qty), is_past: false, is_hit });
                if is_hit {
                    end = End::Filled;
                    break;
                }
                ahead -= qty;
            }
        }
        steps.push(Step::Shown(Qty::whole(ahead + behind)));
        if ahead + behind < 3 {
            break;
        }
    }
    Story { end, ..Story::left(Some(first), steps) }
}

fn fitted(n: f64, orders: usize, seed: u64) -> Fit {
    let stories = simulated(n, orders, seed);
    Likelihoods::of(stories.iter().zip(seed * 10_000..)).fit(seed).unwrap()
}

/// Of ten intervals of 95 % at least eight hold the exponent that the queue had (nine and a half are expected).
#[test]
fn the_exponent_of_a_simulated_queue_is_found_within_its_interval() {
    let tried: Vec<(f64, u64, Fit)> = [0.7, 1.0, 2.0, 3.0, 5.0]
        .iter()
        .flat_map(|n| [1, 2].map(|seed| (*n, seed, fitted(*n, 600, seed))))
        .collect();
    let holds = |(n, _, fit): &&(f64, u64, Fit)| fit.n_95[0] <= *n && *n <= fit.n_95[1];
    assert!(tried.iter().filter(holds).count() >= 8, "{tried:?}");
    assert!(tried.iter().all(|(_, _, fit)| fit.tells() && !fit.is_at_an_end()), "{tried:?}");
    // And the interval says something: 3 is told from 1.
    let of = |n: f64| {
        tried.iter().filter(move |tried| tried.0.to_bits() == n.to_bits()).map(|tried| tried.2)
    };
    assert!(of(0.7).all(|low| of(3.0).all(|high| low.n_95[1] < high.n_95[0])), "{tried:?}");
}

#[test]
fn its_probabilities_are_those_that_are_seen() {
    let stories = simulated(1.0, 1_500, 11);
    let said = |model: QueueModel| -> Vec<Vec<Chance>> {
        stories.iter().zip(0..).map(|(story, seed)| chances(story, model, seed)).collect()
    };
    let judged = |model| super::super::judge::judge(String::new(), &said(model)).unwrap();
    let own = judged(QueueModel::ProbPower(1.0));
    for class in own.reliability.iter().filter(|class| class.chances > 50) {
        // The draws' own noise beside the interval's.
        let reach = 1.5 * (class.seen_95[1] - class.seen_95[0]) / 2.0 + 1.0 / DRAWS as f64;
        assert!((class.said - class.seen).abs() < reach, "{class:?}");
    }
    let cautious = judged(QueueModel::RiskAverse);
    assert!(own.brier < cautious.brier && own.skill_t.unwrap() > 5.0, "{own:?} {cautious:?}");
}

#[test]
fn orders_that_tell_nothing_have_an_interval_of_all() {
    // Never a cancel: every exponent says the same.
    let mut plain = simulated(1.0, 1, 3).remove(0);
    plain.ahead = Some(Qty::whole(2));
    plain.steps = vec![Step::Traded { qty: Qty::whole(3), is_past: false, is_hit: true }];
    let likelihoods = Likelihoods::of([(&plain, 1), (&plain, 2)].into_iter());
    let fit = likelihoods.fit(1).unwrap();
    assert!(!fit.tells() && fit.is_at_an_end(), "{fit:?}");
    assert_eq!(Likelihoods::of(std::iter::empty()).fit(1), None);
}
