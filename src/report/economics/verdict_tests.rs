//! Answers that are known beforehand.

use super::verdict::{Answer, Bench, Touch, Verdict, Worth, judge};

const DAY_S: f64 = 86_400.0;

/// An hour whose minutes bring `mean` and `mean` ± `swing` in turn.
fn worth(mean: f64, swing: f64, fills: u64) -> Worth {
    let minutes: Vec<f64> = (0..60).map(|i| mean + swing * f64::from(i % 3 - 1)).collect();
    Worth::of(&minutes, fills, 0, 7)
}

/// Against 10,000 USD at 5 % for so long.
fn judged(band: &[Worth], touches: &[Touch], span_s: f64) -> Verdict {
    judge(band, touches, Bench::of(5.0, 10_000.0, span_s), span_s)
}

#[test]
fn lending_brings_what_a_bank_would_say() {
    let bench = Bench::of(5.0, 10_000.0, 365.0 * DAY_S);
    assert!((bench.usd - 500.0).abs() < 1e-9, "{bench:?}");
}

#[test]
fn an_answer_is_that_of_the_whole_band() {
    let (won, lost) = (worth(1.0, 0.5, 100), worth(-1.0, 0.5, 100));
    let unsure = worth(0.01, 5.0, 100);
    for (band, answer) in [
        (&[won, won][..], Answer::Pays),
        (&[lost], Answer::DoesNotPay),
        (&[won, lost], Answer::CannotTell),
        (&[won, unsure], Answer::CannotTell),
        (&[worth(1.0, 0.5, 29)], Answer::CannotTell),
        (&[worth(0.0, 0.0, 100)], Answer::DoesNotPay),
    ] {
        let verdict = judged(band, &[], 3_600.0);
        assert_eq!(verdict.answer, answer, "{}", verdict.line);
        assert!(verdict.line.starts_with(&answer.to_string()), "{}", verdict.line);
        assert_eq!(verdict.annual_pct, None, "nothing under seven days is annualised");
    }
    let apart = judged(&[won, lost], &[], 3_600.0);
    assert_eq!(apart.days_needed, None);
    assert!(apart.line.contains("the queue models disagree"), "{}", apart.line);
    let few = judged(&[worth(1.0, 0.5, 29)], &[], 3_600.0);
    assert!(few.line.contains("too few to judge by alone"), "{}", few.line);
    // An hour that brings 60 USD of 10,000 would be 5,256 % a year; said only of seven days.
    let week = judged(&[worth(1.0, 0.0, 100)], &[], 7.0 * DAY_S);
    let [low, high] = week.annual_pct.unwrap();
    let a_year = 60.0 / 10_000.0 * 365.0 / 7.0 * 100.0;
    assert!((low - a_year).abs() < 1e-9 && (high - a_year).abs() < 1e-9, "{week:?}");
}

#[test]
fn where_fills_cannot_tell_the_touch_may() {
    let touch = |edge_bps| Touch { edge_bps, se: 0.1 };
    let none = worth(0.0, 0.0, 0);
    for (touches, answer) in [
        (&[touch(-1.0), touch(-0.3)][..], Answer::DoesNotPay),
        (&[touch(-1.0), touch(-0.1)], Answer::CannotTell),
        (&[touch(-1.0), touch(0.5)], Answer::CannotTell),
        (&[], Answer::CannotTell),
    ] {
        assert_eq!(judged(&[none], touches, 3_600.0).answer, answer, "{touches:?}");
    }
    // It never turns a gain into a loss.
    let gained = worth(1.0, 0.5, 100);
    assert_eq!(judged(&[gained], &[touch(-1.0)], 3_600.0).answer, Answer::Pays);
    let unsure = worth(0.01, 5.0, 100);
    assert_eq!(judged(&[unsure], &[touch(-1.0)], 3_600.0).answer, Answer::CannotTell);
}

/// As many days as are said are enough: with so many times the data the interval ends where lending is.
#[test]
fn the_days_that_are_needed_are_enough_and_not_too_many() {
    let hour = worth(-0.02, 0.4, 100);
    let told = judged(&[hour], &[], 3_600.0);
    assert_eq!(told.answer, Answer::CannotTell, "{}", told.line);
    let needed = told.days_needed.unwrap() * DAY_S;
    assert!(needed > 3_600.0, "{told:?}");
    let of = |times: f64| {
        let hours = (needed / 3_600.0 * times).ceil() as i32;
        let minutes: Vec<f64> =
            (0..60 * hours).map(|i| -0.02 + 0.4 * f64::from(i % 3 - 1)).collect();
        let worth = Worth::of(&minutes, 100, 0, 7);
        judged(&[worth], &[], f64::from(hours) * 3_600.0).answer
    };
    assert_eq!([of(3.0), of(1.0 / 3.0)], [Answer::DoesNotPay, Answer::CannotTell]);
}

#[test]
fn a_few_minutes_have_no_interval() {
    for minutes in [&[1.0][..], &[1.0; 19]] {
        let worth = Worth::of(minutes, 100, 0, 7);
        assert_eq!((worth.interval_usd, worth.t), (None, None), "{minutes:?}");
        let verdict = judged(&[worth], &[], 60.0);
        assert_eq!((verdict.answer, verdict.days_needed), (Answer::CannotTell, None));
    }
    assert!(Worth::of(&[1.0; 20], 100, 0, 7).interval_usd.is_some());
}
