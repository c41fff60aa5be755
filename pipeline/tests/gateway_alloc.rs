//! The order gateway allocates nothing once it is warm: not for actions, answers, updates and
//! fills, not for its audits, not for questions about orders in doubt. Counted on this thread, in
//! the gateway's calls only.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
mod counting;
mod tiny_venue;

use botmm_pipeline::types::{ActionKind, Inquiry, Nanos, Oid, Side, VenueEventKind};
use botmm_pipeline::venue::Gateway;
use counting::allocations;
use tiny_venue::rig::{Rig, action, order, under};

/// What the gateway did and took.
#[derive(Default)]
struct Count {
    allocations: u64,
    fills: u64,
    sent: usize,
}

/// Everything that happens for a while, the gateway's calls counted.
fn run(rig: &mut Rig, time: Nanos, count: &mut Count) {
    let end = rig.now + time;
    while rig.now < end {
        loop {
            let mut event = None;
            count.allocations += allocations(|| event = rig.gateway.next(rig.now));
            let Some(event) = event else { break };
            count.fills += u64::from(matches!(event.kind, VenueEventKind::Fill(_)));
        }
        let sent = rig.sent.len();
        rig.settle(); // The venue's turn: the gateway has nothing more to do.
        count.sent += rig.sent.len() - sent;
        let mut deadline = None;
        count.allocations += allocations(|| deadline = rig.gateway.next_deadline());
        rig.now = deadline.unwrap().min(end);
    }
}

fn submit(
    rig: &mut Rig,
    kind: ActionKind,
    items: &[botmm_pipeline::types::OrderRequest],
    count: &mut Count,
) {
    let action = action(rig.now, kind, items);
    let mut taken = false;
    count.allocations += allocations(|| taken = rig.gateway.submit(rig.now, &action));
    assert!(taken);
}

/// One order's life: placed, asked about, moved, filled in part, cancelled.
fn round(rig: &mut Rig, sequence: u64, count: &mut Count) {
    let bid = order(sequence, Side::Bid, "98", "1");
    let ask = order(sequence + 1, Side::Ask, "102", "1");
    submit(rig, ActionKind::Place, &[bid, ask], count);
    run(rig, Nanos::millis(200), count);
    let open = rig.venue.open();
    let (old, current, void_after) = (Oid::NONE, Oid(open[0]), rig.now);
    let asked = Inquiry { cloid: bid.cloid, asset: bid.asset, old, current, void_after };
    count.allocations += allocations(|| rig.gateway.inquire(rig.now, &asked));
    submit(rig, ActionKind::Modify, &[under(open[0], bid), under(open[1], ask)], count);
    run(rig, Nanos::millis(200), count);
    let open = rig.venue.open();
    rig.fill(open[0], "0.25");
    rig.fill(open[1], "0.25");
    run(rig, Nanos::secs(3), count);
    submit(rig, ActionKind::Cancel, &[under(open[0], bid), under(open[1], ask)], count);
    run(rig, Nanos::secs(3), count);
    assert!(rig.venue.open().is_empty());
}

#[test]
fn a_warm_gateway_does_not_allocate() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1_u8]))) > 0, "the counter counts");
    let (mut rig, mut warm_up, mut count) = (Rig::up(), Count::default(), Count::default());
    // The line's own buffers are a part of what is counted: they grow first.
    (0..30).for_each(|i| round(&mut rig, 1 + 2 * i, &mut warm_up));
    let before = rig.sent.len();
    (30..60).for_each(|i| round(&mut rig, 1 + 2 * i, &mut count));
    let asked = |part: &str| rig.sent[before..].iter().filter(|s| s.contains(part)).count();
    assert_eq!(count.fills, 60);
    assert!(asked("clearinghouseState") >= 15 && asked("frontendOpenOrders") >= 3);
    assert_eq!(asked("orderStatus"), 30);
    assert_eq!(count.allocations, 0, "{} while warming up", warm_up.allocations);
}
