//! What a stage tells the side thread, over two rings: facts, which are never lost (a full ring halts), and
//! commentary, of which the newest is dropped and counted. Both are numbered in one count, so that whoever
//! reads them has the stage's order again, whatever was dropped. Their types keep a fact off the other ring.

use crate::rt::{In, LevelCell, Out, OutVital, RingStats, ring, vital_ring};
use crate::types::{Commentary, Fact, Record};
use std::sync::Arc;

/// Makes both rings of a stage, of these names and so much room: facts, commentary. Without room for
/// commentary there is none, and none is missed.
pub fn records(
    [facts, commentary]: [(&'static str, usize); 2],
    level: &Arc<LevelCell>,
) -> (RecordsOut, RecordsIn) {
    let (facts, mut records) = self::facts(facts, level);
    let (name, room) = commentary;
    let (out, commentary) = ring(name, room);
    records.commentary = Some(commentary);
    (RecordsOut { facts, commentary: out, comments: room > 0 }, records)
}

/// The same for a stage that has no commentary.
pub fn facts((name, room): (&'static str, usize), level: &Arc<LevelCell>) -> (FactsOut, RecordsIn) {
    let (ring, facts) = vital_ring(name, room, level);
    (FactsOut { ring, next: 0 }, RecordsIn { facts, commentary: None })
}

/// With its place among what its stage tells.
struct Numbered<T> {
    number: u64,
    told: T,
}

/// A stage's end of the ring of facts.
pub struct FactsOut {
    ring: OutVital<Numbered<Fact>>,
    next: u64,
}

impl FactsOut {
    /// Tells a fact. One that finds no room halts.
    pub fn tell(&mut self, told: Fact) {
        let number = self.number();
        self.ring.push(Numbered { number, told });
    }
    /// See [`crate::rt::Stage::fault_in`].
    pub fn fault_in(&mut self) {
        self.ring.fault_in();
    }
    /// The ring's name and loss count.
    pub fn stats(&self) -> &Arc<RingStats> {
        self.ring.stats()
    }
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// A stage's end of both.
pub struct RecordsOut {
    facts: FactsOut,
    commentary: Out<Numbered<Commentary>>,
    comments: bool,
}

impl RecordsOut {
    /// Whether anybody hears its commentary.
    pub fn comments(&self) -> bool {
        self.comments
    }
    /// Tells a fact. One that finds no room halts.
    pub fn fact(&mut self, told: Fact) {
        self.facts.tell(told);
    }
    /// Comments. What finds no room is dropped and counted.
    pub fn comment(&mut self, told: Commentary) {
        if !self.comments {
            return;
        }
        let number = self.facts.number();
        self.commentary.push_or_drop(Numbered { number, told });
    }
    /// Brings the place of the next comment near.
    pub fn warm(&mut self) {
        self.commentary.warm();
    }
    /// See [`crate::rt::Stage::fault_in`].
    pub fn fault_in(&mut self) {
        self.facts.fault_in();
        self.commentary.fault_in();
    }
    /// The rings' names and loss counts.
    pub fn stats(&self) -> [&Arc<RingStats>; 2] {
        [self.facts.stats(), self.commentary.stats()]
    }
}

/// The side thread's end.
pub struct RecordsIn {
    facts: In<Numbered<Fact>>,
    commentary: Option<In<Numbered<Commentary>>>,
}

impl RecordsIn {
    /// The oldest record of either ring.
    pub fn pop(&mut self) -> Option<Record> {
        // Who sees a record on one ring has, from then on, all before it in sight on the other: so the
        // ring that is looked at last decides, and the commentary is looked at again when it was empty.
        let comment = self.next_comment();
        let fact = self.facts.peek().map(|record| record.number);
        let is_fact = match (fact, comment) {
            (None, None) => return None,
            (None, Some(_)) => false,
            (Some(fact), Some(comment)) => fact < comment,
            (Some(fact), None) => self.next_comment().is_none_or(|comment| fact < comment),
        };
        match is_fact {
            true => self.facts.pop().map(|record| Record::Fact(record.told)),
            false => self.commentary.as_mut()?.pop().map(|record| Record::Commentary(record.told)),
        }
    }

    /// Commentary that was dropped.
    pub fn dropped(&self) -> u64 {
        self.commentary.as_ref().map_or(0, |ring| ring.stats().dropped())
    }

    fn next_comment(&self) -> Option<u64> {
        self.commentary.as_ref()?.peek().map(|record| record.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::HaltLevel;
    use crate::types::{DayNet, Nanos, QuoteTerms, Usd};
    use std::sync::atomic::{AtomicBool, Ordering};

    fn fact(n: i64) -> Fact {
        Fact::Day(DayNet { day: n, net: Usd::ZERO, whole: true })
    }

    fn comment(n: i64) -> Commentary {
        Commentary::Terms(QuoteTerms { time: Nanos(n), ..QuoteTerms::default() })
    }

    fn number(record: Record) -> i64 {
        match record {
            Record::Fact(Fact::Day(day)) => day.day,
            Record::Commentary(Commentary::Terms(terms)) => terms.time.0,
            other => panic!("{other:?}"),
        }
    }

    fn all(rx: &mut RecordsIn) -> Vec<i64> {
        std::iter::from_fn(|| rx.pop()).map(number).collect()
    }

    fn rings(rooms: [usize; 2]) -> (RecordsOut, RecordsIn, Arc<LevelCell>) {
        let level = Arc::new(LevelCell::default());
        let (tx, rx) = records([("facts", rooms[0]), ("commentary", rooms[1])], &level);
        (tx, rx, level)
    }

    #[test]
    fn a_full_commentary_ring_loses_commentary_counts_it_and_not_one_fact() {
        let (mut tx, mut rx, level) = rings([8, 2]);
        for n in 0..12 {
            if n % 3 == 0 { tx.fact(fact(n)) } else { tx.comment(comment(n)) }
        }
        assert_eq!(all(&mut rx), [0, 1, 2, 3, 6, 9], "in the order of telling");
        assert_eq!(tx.stats().map(|stats| stats.dropped()), [0, 6]);
        assert_eq!(level.get(), HaltLevel::Run);
        tx.comment(comment(12));
        assert_eq!(all(&mut rx), [12], "there is room again");
    }

    #[test]
    fn a_full_ring_of_facts_halts_and_counts_what_is_lost() {
        let (mut tx, mut rx, level) = rings([2, 8]);
        tx.fact(fact(0));
        tx.comment(comment(1));
        tx.fact(fact(2));
        assert_eq!(level.get(), HaltLevel::Run);
        tx.fact(fact(3));
        tx.comment(comment(4));
        assert_eq!(level.get(), HaltLevel::Halt);
        let [facts, commentary] = tx.stats();
        assert_eq!((facts.dropped(), facts.is_overrun()), (1, true));
        assert_eq!((commentary.dropped(), commentary.is_overrun()), (0, false));
        assert_eq!(all(&mut rx), [0, 1, 2, 4]);
    }

    /// Read while it is written to, the order is still that of telling.
    #[test]
    fn the_order_holds_between_threads() {
        const LAST: i64 = 200_000;
        let (mut tx, mut rx, level) = rings([1 << 18, 16]);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let teller = std::thread::spawn(move || {
            for n in 1..=LAST {
                // Runs of either kind, of lengths that differ.
                if (n / 7) % 3 == 0 || n % 5 == 0 {
                    tx.fact(fact(n))
                } else {
                    tx.comment(comment(n))
                }
            }
            over.store(true, Ordering::Release);
            tx.stats().map(|stats| stats.dropped())
        });
        let (mut last, mut count) = (0, 0);
        loop {
            let was_over = is_over.load(Ordering::Acquire);
            while let Some(record) = rx.pop() {
                let n = number(record);
                assert!(n > last, "{n} after {last}");
                (last, count) = (n, count + 1);
            }
            if was_over {
                break;
            }
        }
        let [facts, commentary] = teller.join().unwrap();
        assert_eq!((facts, count + commentary as i64), (0, LAST));
        assert_eq!(level.get(), HaltLevel::Run);
    }
}
