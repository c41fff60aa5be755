//! The field's book-replay semantics and the grid job of comparisons: the naive simulator fills as the standard
//! engine was seen to fill.

#[path = "../../benches/harness/feed.rs"]
mod feed;
mod naive;

use feed::Spec;
use naive::{COLUMNS, Fill, Job, Queue};

/// Short, and thick, so that the queue models differ.
const FEED: Spec = Spec { rows: 60_000, ..feed::QUEUES };

/// What hftbacktest 0.9.4 made of it: executions, and FNV-1a of its file of them (`peers grid --fills`). Longer
/// feeds are compared by hand (`peers prove`).
const SEEN: [(Queue, usize, u64); 6] = [
    (Queue::RiskAverse, 542, 0x5880_a210_3c56_d91c),
    (Queue::Power(2.0), 554, 0x71cd_e5db_2c96_3794),
    (Queue::Power2(2.0), 590, 0xc1f5_0989_a02a_ce10),
    (Queue::Power3(3.0), 546, 0xd8d6_d641_abb3_1c6d),
    (Queue::Log, 568, 0x1406_2b3b_1ed5_9f82),
    (Queue::Log2, 552, 0xac10_0485_3288_dd52),
];

#[test]
fn the_naive_simulator_fills_as_the_engine_was_seen_to() {
    for (queue, executions, hash) in SEEN {
        let fills = naive_fills(queue);
        let lines: String = fills.iter().map(|fill| format!("{fill}\n")).collect();
        let file = format!("{COLUMNS}\n{lines}");
        let seen = file.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        assert_eq!((fills.len(), seen), (executions, hash), "{queue:?}");
    }
}

fn naive_fills(queue: Queue) -> Vec<Fill> {
    let job = Job { queue, half: 1, lots: 1000, latency_ns: 60_000_000 };
    naive::run(feed::rows(FEED), feed::rows(FEED), job)
}
