//! A page of memory is met for the first time before a lane's first poll, and not by a tick: what is written to round
//! and round does not grow a run for hours, and costs no tick a fault of a page. Faults are counted by thread.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;

use botmm_pipeline::rt::ring::ring;
use botmm_pipeline::rt::{Lane, WallClock};
use botmm_pipeline::types::limits::RING_COMMENTARY;
use botmm_pipeline::types::{AssetParams, Nanos};
use botmm_pipeline::venue::nowhere::{MadeFeed, Nowhere};
use botmm_pipeline::wiring::{self, Config, Pipeline};
use std::fs::read_to_string;

const PAGE_BYTES: usize = 4096;

/// Pages that this thread has met for the first time so far.
fn faults() -> u64 {
    let stat = read_to_string("/proc/thread-self/stat").unwrap();
    // Behind the thread's name, which may hold anything, comes the third field; this is the tenth.
    let (_, behind) = stat.rsplit_once(')').unwrap();
    behind.split_whitespace().nth(7).unwrap().parse().unwrap()
}

/// Those that it meets in `work`.
fn faults_of(work: impl FnOnce()) -> u64 {
    faults(); // Its own.
    let before = faults();
    work();
    faults() - before
}

/// Whether the system hands out pages so large that one holds hundreds of ours.
fn are_pages_huge() -> bool {
    read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|modes| modes.contains("[always]"))
}

/// Without it there are many, so that these tests can fail.
fn assert_met_before(without: u64, with: u64, pages: usize) {
    assert!(are_pages_huge() || without > pages as u64 * 3 / 4, "{without} of {pages} pages");
    assert!(with < pages as u64 / 20, "{with} of {pages} pages");
}

#[test]
fn a_lap_of_a_ring_meets_no_new_page() {
    const ROOM: usize = 1 << 14;
    let lap = |is_met: bool| {
        let (mut tx, mut rx) = ring("a->b", ROOM);
        // What is on its way stays as it is.
        tx.push([7_u64; 128]).unwrap();
        if is_met {
            tx.fault_in();
        }
        let met = faults_of(|| {
            for n in 0..ROOM as u64 {
                tx.push_or_drop([n; 128]);
                rx.pop().unwrap();
            }
        });
        assert_eq!((rx.pop(), rx.stats().dropped()), (Some([ROOM as u64 - 1; 128]), 0));
        met
    };
    assert_met_before(lap(false), lap(true), ROOM * 1024 / PAGE_BYTES);
}

/// All rings of a pipeline between a made market and nowhere, each of whose books moves every order.
#[test]
fn a_pipeline_that_runs_on_threads_meets_no_new_page() {
    let universe = coins::universe([("BTC", 5)]);
    let mut params = AssetParams { requote_min: Nanos(1), ..AssetParams::default() };
    params.risk.action_budget = 1 << 60;
    (params.risk.max_actions_per_min, params.risk.max_orders_per_min) = (u32::MAX, u32::MAX);
    let config = Config::new(universe.clone(), vec![params]);
    let lap = |is_met: bool| {
        let Pipeline { stages, mut records, .. } =
            wiring::build(&config, MadeFeed::new(universe.clone()), Nowhere::default());
        let (mut lanes, mut latencies) = Lane::inline(stages, &WallClock::default());
        let lane = &mut lanes[0];
        if is_met {
            lane.fault_in();
        }
        lane.start();
        let (mut now, mut told) = (Nanos::secs(1_700_000_000), 0);
        let mut rounds = |n: usize| {
            for _ in 0..n {
                now = now + Nanos::millis(10);
                lane.poll(now);
                records.iter_mut().for_each(|from| {
                    while from.pop().is_some() {
                        told += 1
                    }
                });
                latencies.drain();
            }
        };
        // Estimates warm up, and small rings go round.
        rounds(2_000);
        let met = faults_of(|| rounds(RING_COMMENTARY));
        assert!(told > 3 * RING_COMMENTARY, "terms, a decision and an action each: {told}");
        met
    };
    // Two of the three rings of commentary, of 6000 KiB each, less what the warm-up has met.
    assert_met_before(lap(false), lap(true), 2 * 1_100);
}
