//! What the stages tell the side thread, in an order in which it makes sense.

use botmm_pipeline::rt::In;
use botmm_pipeline::types::Record;

/// Takes what has come over the rings, which are in the stages' order; the earlier stages' records
/// first. A stage tells of a decision after the stage before it told of what it rests on, so the
/// later rings are emptied first: whatever their records rest on is in the earlier ones by then.
pub fn take(rings: &mut [In<Record>]) -> Vec<Record> {
    let mut taken: Vec<Vec<Record>> = Vec::with_capacity(rings.len());
    for ring in rings.iter_mut().rev() {
        taken.push(std::iter::from_fn(|| ring.pop()).collect());
    }
    taken.into_iter().rev().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::ring;
    use botmm_pipeline::types::AlertKind;
    use botmm_pipeline::types::{Nanos, QuoteTarget, QuoteTerms};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn told(n: i64) -> (Record, Record) {
        let time = Nanos(n);
        let terms = Record::Terms(QuoteTerms { time, ..QuoteTerms::default() });
        (terms, Record::Decision(QuoteTarget { time, ..QuoteTarget::default() }))
    }

    /// Two stages tell as fast as they can; each decision finds its terms in what was taken by then.
    #[test]
    fn no_decision_comes_before_its_terms() {
        let (mut quote, quote_rx) = ring("quote->side", 1 << 15);
        let (mut risk, risk_rx) = ring("risk->side", 1 << 15);
        let mut rings = [quote_rx, risk_rx];
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let teller = std::thread::spawn(move || {
            for n in 1..=20_000 {
                let (terms, decision) = told(n);
                assert!(quote.push_or_drop(terms) && risk.push_or_drop(decision));
            }
            over.store(true, Ordering::Release);
        });
        let (mut terms, mut decisions) = (0, 0);
        loop {
            let was_over = is_over.load(Ordering::Acquire);
            for record in take(&mut rings) {
                match record {
                    Record::Terms(t) => terms = t.time.0,
                    Record::Decision(d) => {
                        assert!(d.time.0 <= terms, "decision {} before its terms", d.time.0);
                        decisions += 1;
                    }
                    _ => {}
                }
            }
            if was_over {
                break;
            }
        }
        teller.join().unwrap();
        assert_eq!((terms, decisions), (20_000, 20_000));
    }

    #[test]
    fn earlier_stages_come_first() {
        let (mut a, a_rx) = ring("a->side", 4);
        let (mut b, b_rx) = ring("b->side", 4);
        let alert = |n| Record::Alert { asset: None, time: Nanos(n), kind: AlertKind::Recovered };
        assert!(b.push_or_drop(alert(2)) && a.push_or_drop(alert(1)) && b.push_or_drop(alert(3)));
        assert_eq!(take(&mut [a_rx, b_rx]), [alert(1), alert(2), alert(3)]);
    }
}
