//! What a model's probabilities were worth: Brier score beside the base rate's, and a reliability diagram. Chances of
//! one order share its place, so orders count as independent and chances do not.

use super::odds::Chance;
use crate::report::stats::blocks::ratio;
use serde::Serialize;

/// Classes of a reliability diagram, of equal width.
const CLASSES: usize = 10;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Which model.
    pub model: String,
    /// Mean square of probability − outcome.
    pub brier: f64,
    /// With 95 % it lies in here; [`None`] = of too few orders to say.
    pub brier_95: Option<[f64; 2]>,
    /// Of the base rate's Brier score so much is gone (1 = all; below zero = worse than saying the base rate).
    pub skill: f64,
    /// So many standard errors from no better than the base rate.
    pub skill_t: Option<f64>,
    /// Classes that have chances, by probability.
    pub reliability: Vec<Class>,
}

/// A class of a reliability diagram.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Probabilities from, to.
    pub between: [f64; 2],
    /// How many chances.
    pub chances: usize,
    /// Of how many orders.
    pub orders: usize,
    /// What was said, on average.
    pub said: f64,
    /// How many of them reached us, as a share.
    pub seen: f64,
    /// With 95 % that lies in here (Wilson, as many trials as orders).
    pub seen_95: [f64; 2],
}

/// How often a chance reaches us.
pub fn base_rate(orders: &[Vec<Chance>]) -> f64 {
    let all: Vec<&Chance> = orders.iter().flatten().collect();
    all.iter().filter(|chance| chance.is_hit).count() as f64 / all.len().max(1) as f64
}

/// Of the chances of each order, as a model says; [`None`] when there is none.
pub fn judge(model: String, orders: &[Vec<Chance>]) -> Option<Judged> {
    let base = base_rate(orders);
    let square = |said: f64, chance: &Chance| (said - f64::from(u8::from(chance.is_hit))).powi(2);
    let sums = |of: &dyn Fn(&Chance) -> f64| {
        let sum = |order: &Vec<Chance>| [order.iter().map(of).sum(), order.len() as f64];
        ratio(orders.iter().filter(|order| !order.is_empty()).map(sum))
    };
    let brier = sums(&|chance| square(chance.said, chance))?;
    let plain = sums(&|chance| square(base, chance))?;
    let better = sums(&|chance| square(base, chance) - square(chance.said, chance))?;
    Some(Judged {
        model,
        brier: brier.value,
        brier_95: brier.interval(),
        skill: if plain.value > 0.0 { better.value / plain.value } else { 0.0 },
        skill_t: better.t(),
        reliability: (0..CLASSES).filter_map(|class| reliability(class, orders)).collect(),
    })
}

fn reliability(class: usize, orders: &[Vec<Chance>]) -> Option<Class> {
    let of = |said: f64| ((said * CLASSES as f64) as usize).min(CLASSES - 1);
    let (mut all, mut distinct) = (Vec::<&Chance>::new(), 0);
    for order in orders {
        let before = all.len();
        all.extend(order.iter().filter(|chance| of(chance.said) == class));
        distinct += usize::from(all.len() > before);
    }
    if all.is_empty() {
        return None;
    }
    let n = all.len() as f64;
    let seen = all.iter().filter(|chance| chance.is_hit).count() as f64 / n;
    Some(Class {
        between: [class, class + 1].map(|edge| edge as f64 / CLASSES as f64),
        chances: all.len(),
        orders: distinct,
        said: all.iter().map(|chance| chance.said).sum::<f64>() / n,
        seen,
        seen_95: wilson(seen, distinct as f64),
    })
}

/// Wilson's 95 % interval of a share.
fn wilson(share: f64, n: f64) -> [f64; 2] {
    let z = 1.959_963_984_540_054_f64;
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let reach = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    [(middle - reach).max(0.0), (middle + reach).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(chances: &[(f64, bool)]) -> Vec<Chance> {
        chances.iter().map(|&(said, is_hit)| Chance { said, is_hit }).collect()
    }

    #[test]
    fn a_brier_score_and_its_classes_by_hand() {
        let orders = [
            said(&[(0.1, false), (0.15, false)]),
            said(&[(0.9, true)]),
            vec![],
            said(&[(0.5, false)]),
        ];
        let judged = judge("m".to_owned(), &orders).unwrap();
        // (0.01 + 0.0225 + 0.01 + 0.25) / 4, and of a quarter 0.75 · 0.25.
        assert!((judged.brier - 0.073_125).abs() < 1e-12, "{judged:?}");
        assert!((judged.skill - (1.0 - 0.073_125 / 0.187_5)).abs() < 1e-12, "{judged:?}");
        assert_eq!(
            (judged.brier_95, judged.skill_t),
            (None, None),
            "three orders say nothing of errors"
        );
        let classes: Vec<_> = judged
            .reliability
            .iter()
            .map(|c| (c.between[0], c.chances, c.orders, c.seen))
            .collect();
        assert_eq!(classes, [(0.1, 2, 1, 0.0), (0.5, 1, 1, 0.0), (0.9, 1, 1, 1.0)]);
        assert!((judged.reliability[0].said - 0.125).abs() < 1e-12);
        assert_eq!(judge("m".to_owned(), &[vec![]]), None);
    }

    #[test]
    fn intervals_are_those_of_the_text_book_and_count_orders() {
        // Wilson's interval of 5 in 10: 0.237 to 0.763.
        let [low, high] = wilson(0.5, 10.0);
        assert!((low - 0.237).abs() < 0.001 && (high - 0.763).abs() < 0.001);
        let one = said(&[(0.3, false), (0.3, true)]);
        let orders: Vec<_> = (0..40).map(|_| one.clone()).collect();
        let judged = judge("m".to_owned(), &orders).unwrap();
        let class = &judged.reliability[0];
        assert_eq!((class.chances, class.orders), (80, 40));
        assert_eq!(class.seen_95.map(f64::to_bits), wilson(0.5, 40.0).map(f64::to_bits));
        // All orders alike: no error at all, and worse than the base rate.
        assert!(judged.skill < 0.0, "{judged:?}");
    }
}
