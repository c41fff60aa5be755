use super::super::story::{End, Step};
use super::*;
use botmm_pipeline::types::Qty;

/// An order behind 4 to 7; 6 came behind it, 3 were cancelled of which nobody knows where, and 3 were traded.
fn order(number: i64, is_hit: bool) -> Story {
    let traded = Step::Traded { qty: Qty::whole(3), is_past: false, is_hit };
    let ahead = 4 + number % 4;
    let steps =
        vec![Step::Shown(Qty::whole(ahead + 6)), Step::Shown(Qty::whole(ahead + 3)), traded];
    Story {
        joined: Nanos::secs(number),
        until: Nanos::secs(number + 1),
        end: if is_hit { End::Filled } else { End::Left },
        ..Story::left(Some(ahead), steps)
    }
}

fn of(orders: i64, is_hit: &dyn Fn(i64) -> bool) -> Report {
    let stories: Vec<Story> = (0..orders).map(|number| order(number, is_hit(number))).collect();
    report(Against::Mainnet, Vec::new(), &stories, ("hash".to_owned(), 1))
}

#[test]
fn too_few_orders_and_labels_of_one_kind_calibrate_nothing() {
    let why = |report: Report| report.why_not.unwrap();
    assert!(why(of(0, &|_| true)).starts_with("too few: 0 orders"));
    assert!(why(of(99, &|n| n % 4 == 0)).starts_with("too few: 99 orders"));
    for is_hit in [true, false] {
        let report = of(200, &|_| is_hit);
        assert_eq!(report.base_brier.to_bits(), 0.0_f64.to_bits());
        assert!(why(report).starts_with("too few of a kind"));
    }
}

#[test]
fn every_model_is_judged_by_the_same_chances_and_the_same_input_says_the_same() {
    // As a fair half of cancels ahead would have it: orders behind 4 or 5 are reached then, others are not.
    let is_hit = |number: i64| number % 4 < 2 && number % 8 < 4;
    let report = of(400, &is_hit);
    assert_eq!((report.orders, report.chances, report.reached), (400, 400, 100));
    assert_eq!(report.ends, BTreeMap::from([("filled", 100), ("left", 300)]));
    let names: Vec<&str> = report.models.iter().map(|judged| judged.model.as_str()).collect();
    assert_eq!(
        (names.first(), names.last(), names.len()),
        (Some(&"risk_averse"), Some(&"fitted"), 8)
    );
    for judged in &report.models {
        assert_eq!(judged.reliability.iter().map(|class| class.chances).sum::<usize>(), 400);
    }
    // Behind 4 or 5 the cautious model says never: a quarter of all are reached, so it is right three times of four.
    assert!((report.models[0].brier - 0.25).abs() < 0.01, "{:?}", report.models[0]);
    assert!(report.models.last().unwrap().brier < report.models[0].brier);
    assert_eq!(report.why_not, None, "{:?} {:?}", report.n, report.n_95);
    let again = of(400, &is_hit);
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&report).unwrap());
}
