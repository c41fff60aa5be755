//! What the stages tell the side thread, in an order in which it makes sense; and word of rings that must
//! never be full and were.

use botmm_pipeline::rt::RingStats;
use botmm_pipeline::stage::records::RecordsIn;
use botmm_pipeline::types::{AlertKind, Fact, Nanos, Record};
use std::sync::Arc;

/// See the module.
pub struct Records {
    /// In the stages' order.
    stages: Vec<RecordsIn>,
    /// Rings that have not been told of.
    rings: Vec<Arc<RingStats>>,
}

impl Records {
    /// Of a pipeline with these rings.
    pub fn new(stages: Vec<RecordsIn>, rings: &[Arc<RingStats>]) -> Self {
        Self { stages, rings: rings.to_vec() }
    }

    /// Takes what has come, the earlier stages' records first, while the stages go on. A stage tells of a
    /// decision after the stage before it told of what it rests on, so the later stages are emptied first:
    /// whatever their records rest on is there by then.
    pub fn take(&mut self, now: Nanos) -> Vec<Record> {
        let overruns = self.overruns(now);
        let mut taken: Vec<Vec<Record>> = Vec::with_capacity(self.stages.len());
        for stage in self.stages.iter_mut().rev() {
            taken.push(std::iter::from_fn(|| stage.pop()).collect());
        }
        taken.into_iter().rev().flatten().chain(overruns).collect()
    }

    /// The same while the stages stand still.
    pub fn each(&mut self, now: Nanos, mut tell: impl FnMut(&Record)) {
        for stage in &mut self.stages {
            while let Some(record) = stage.pop() {
                tell(&record);
            }
        }
        self.overruns(now).iter().for_each(tell);
    }

    /// Commentary that was dropped.
    pub fn dropped(&self) -> u64 {
        self.stages.iter().map(RecordsIn::dropped).sum()
    }

    /// An alert for each ring that was full although it must never be; once.
    fn overruns(&mut self, time: Nanos) -> Vec<Record> {
        let full = self.rings.extract_if(.., |ring| ring.is_overrun());
        let alert = |ring: Arc<RingStats>| {
            Record::Fact(Fact::Alert { asset: None, time, kind: AlertKind::RingFull(ring.name) })
        };
        full.map(alert).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::{HaltLevel, LevelCell};
    use botmm_pipeline::stage::records::{RecordsOut, records};
    use botmm_pipeline::types::{Commentary, QuoteTarget, QuoteTerms};
    use std::sync::atomic::{AtomicBool, Ordering};

    fn told(n: i64) -> (Commentary, Commentary) {
        let time = Nanos(n);
        let terms = Commentary::Terms(QuoteTerms { time, ..QuoteTerms::default() });
        (terms, Commentary::Decision(QuoteTarget { time, ..QuoteTarget::default() }))
    }

    /// Two stages with so much room for either kind of record, and what is read of them.
    fn stages(room: usize) -> ([RecordsOut; 2], Records, Arc<LevelCell>) {
        let level = Arc::new(LevelCell::default());
        let (a, a_in) = records([("a facts", room), ("a commentary", room)], &level);
        let (b, b_in) = records([("b facts", room), ("b commentary", room)], &level);
        let rings: Vec<_> = [&a, &b].into_iter().flat_map(|s| s.stats()).cloned().collect();
        ([a, b], Records::new(vec![a_in, b_in], &rings), level)
    }

    /// Two stages tell as fast as they can; each decision finds its terms in what was taken by then.
    #[test]
    fn no_decision_comes_before_its_terms() {
        let ([mut quote, mut risk], mut records, _) = stages(1 << 15);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let teller = std::thread::spawn(move || {
            for n in 1..=20_000 {
                let (terms, decision) = told(n);
                quote.comment(terms);
                risk.comment(decision);
            }
            over.store(true, Ordering::Release);
        });
        let (mut terms, mut decisions) = (0, 0);
        loop {
            let was_over = is_over.load(Ordering::Acquire);
            for record in records.take(Nanos::ZERO) {
                match record {
                    Record::Commentary(Commentary::Terms(t)) => terms = t.time.0,
                    Record::Commentary(Commentary::Decision(d)) => {
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

    fn alert(n: i64, kind: AlertKind) -> Fact {
        Fact::Alert { asset: None, time: Nanos(n), kind }
    }

    #[test]
    fn earlier_stages_come_first_and_each_in_its_own_order() {
        let ([mut a, mut b], mut records, _) = stages(4);
        let fact = |n| alert(n, AlertKind::Recovered);
        b.fact(fact(2));
        a.comment(told(1).0);
        b.comment(told(3).1);
        a.fact(fact(1));
        b.fact(fact(4));
        let expected = [
            Record::Commentary(told(1).0),
            Record::Fact(fact(1)),
            Record::Fact(fact(2)),
            Record::Commentary(told(3).1),
            Record::Fact(fact(4)),
        ];
        assert_eq!(records.take(Nanos::ZERO), expected);
    }

    #[test]
    fn a_full_ring_of_facts_halts_and_is_told_once_by_its_name() {
        let ([mut a, mut b], mut records, level) = stages(2);
        let fact = |n| alert(n, AlertKind::Recovered);
        for n in 0..5 {
            a.comment(told(n).0);
        }
        assert_eq!(records.take(Nanos(5)).len(), 2, "what was dropped of commentary halts nothing");
        assert_eq!(level.get(), HaltLevel::Run);
        (0..3).for_each(|n| b.fact(fact(n)));
        assert_eq!(level.get(), HaltLevel::Halt);
        let told = alert(7, AlertKind::RingFull("b facts"));
        let expected = [fact(0), fact(1), told].map(Record::Fact);
        assert_eq!(records.take(Nanos(7)), expected);
        let mut again = 0;
        records.each(Nanos(8), |_| again += 1);
        assert_eq!(again, 0, "once is enough");
        let words = AlertKind::RingFull("b facts").to_string();
        assert!(words.contains("halted") && words.contains("`b facts`"), "{words}");
        assert!(AlertKind::RingFull("b facts").is_halt());
    }
}
