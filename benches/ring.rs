//! A ring hop: push and pop on one thread, and between two threads.
//!
//! `cargo bench --bench ring`. Two threads spin, never more; they are not pinned, and on a machine
//! without two idle cores the two-thread figures say nothing.

mod harness;

use botmm_pipeline::rt::{In, Out, ring};
use botmm_pipeline::types::limits::{RING_BOOKS, RING_MARKET};
use botmm_pipeline::types::{BookSnapshot, MarketEvent, Nanos};
use botmm_pipeline::venue::market_ring::{MarketIn, MarketOut, market_ring};
use harness::{Samples, made};
use std::hint::black_box;
use std::time::Instant;

/// As many as the pipeline's market ring holds.
const CAPACITY: usize = RING_MARKET;
/// Hops of a timed call on one thread.
const BATCH: usize = 256;
const CALLS: usize = 20_000;
/// Timed round trips between two threads.
const ROUND_TRIPS: usize = 200_000;
/// Messages of the one-way throughput, and how often it is measured.
const MESSAGES: u64 = 4_000_000;
const THROUGHPUT_RUNS: usize = 5;
/// Failed tries after which a waiting thread lets others run: nearly never on an idle machine.
const SPINS_BEFORE_YIELD: u32 = 20_000;

/// The smallest message that fills a cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line([u64; 8]);

fn main() {
    harness::print_rig();
    let (line, book) = (Line([7; 8]), made::books(1, 5)[0]);
    same_thread(line, &book);
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("\ntwo threads: skipped, this process may use one core only");
        return;
    }
    let results = [round_trips("64-byte message", line), round_trips("a book alone", book)];
    harness::print_table("two threads, round trip / 2 (unpinned, spinning)", &results);
    println!("\ntwo threads, one way, ring kept full: million messages a second");
    throughput("64-byte message", |i| Line([i; 8]), |m| m.0[7]);
    throughput(
        &format!("a book alone, {} bytes", size_of::<BookSnapshot>()),
        |i| {
            let mut book = book;
            book.venue_time = Nanos(i as i64);
            book
        },
        |book| book.venue_time.0 as u64,
    );
}

/// Beside the market ring, whole events in one ring, as they would travel without it.
fn same_thread(line: Line, book: &BookSnapshot) {
    let (mut line_tx, mut line_rx) = ring::<Line>("bench", CAPACITY);
    let (mut whole_tx, mut whole_rx) = ring::<MarketEvent>("bench", CAPACITY);
    let mut market = market_ring(("bench", CAPACITY), ("bench books", RING_BOOKS));
    let (touch, book) = (MarketEvent::Bbo(made::bbo_of(book)), MarketEvent::Book(*book));
    for _ in 0..2 * CAPACITY {
        assert_eq!(hop(&mut line_tx, &mut line_rx, line), Some(line));
        assert_eq!(hop(&mut whole_tx, &mut whole_rx, touch), Some(touch));
        for event in [&touch, &book] {
            let mut seen = None;
            market_hop(&mut market, event, |whole| seen = Some(*whole));
            let expected = if let MarketEvent::Book(b) = event { Some(*b) } else { None };
            assert_eq!(seen, expected);
        }
    }
    let market = std::cell::RefCell::new(market);
    let through_market = |event: &MarketEvent| {
        let market = &mut *market.borrow_mut();
        for _ in 0..BATCH {
            market_hop(market, black_box(event), |book| {
                black_box(book);
            });
        }
    };
    let mut whole = |event: &MarketEvent| {
        for _ in 0..BATCH {
            black_box(&hop(&mut whole_tx, &mut whole_rx, *black_box(event)));
        }
    };
    let mut candidates: [harness::Candidate; 4] = [
        (
            "64-byte message",
            Box::new(|| {
                for _ in 0..BATCH {
                    black_box(&hop(&mut line_tx, &mut line_rx, *black_box(&line)));
                }
            }),
        ),
        ("touch, market ring", Box::new(|| through_market(&touch))),
        ("book, market ring", Box::new(|| through_market(&book))),
        ("touch, whole events in one ring", Box::new(|| whole(&touch))),
    ];
    let results = harness::interleave_batches(&mut candidates, CALLS, BATCH);
    let title = format!(
        "same thread, push + pop (an event {} bytes, a book {}, a whole event {})",
        size_of::<Line>(),
        size_of::<BookSnapshot>(),
        size_of::<MarketEvent>()
    );
    harness::print_table(&title, &results);
}

/// There as the feed stage pushes, and out as the book stage pops; `see` looks at a book.
fn market_hop(
    (tx, rx): &mut (MarketOut, MarketIn),
    event: &MarketEvent,
    see: impl FnOnce(&BookSnapshot),
) {
    assert!(tx.push(1, event.lend()), "one event at a time cannot fill a ring");
    match rx.pop() {
        Some(MarketEvent::Book(head)) => rx.take_book(&head, see),
        popped => drop(black_box(popped)),
    }
}

fn hop<T>(tx: &mut Out<T>, rx: &mut In<T>, message: T) -> Option<T> {
    if tx.push(message).is_err() {
        return None;
    }
    rx.pop()
}

/// Waits without giving the core up, until it takes far too long.
fn spin<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let mut tries = 0_u32;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        tries += 1;
        if tries.is_multiple_of(SPINS_BEFORE_YIELD) {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// There and back through two rings; half of it is a hop.
fn round_trips<T>(name: &str, message: T) -> harness::Percentiles
where
    T: Copy + PartialEq + std::fmt::Debug + Send,
{
    let (mut out, mut echo_in) = ring::<T>("there", CAPACITY);
    let (mut echo_out, mut back) = ring::<T>("back", CAPACITY);
    let (trips, warm_up) = (harness::calls(ROUND_TRIPS), harness::calls(10_000));
    let mut samples = Samples::of_batches(name, 2);
    let watch = harness::Stopwatch::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..trips + warm_up {
                let message = spin(|| echo_in.pop());
                assert!(echo_out.push(message).is_ok(), "one message at a time cannot fill a ring");
            }
        });
        for i in 0..trips + warm_up {
            let mut answer = None;
            let ns = watch.time(&mut || {
                let sent = out.push(message).is_ok();
                answer = sent.then(|| spin(|| back.pop()));
            });
            assert_eq!(answer, Some(message), "what comes back is what was sent");
            if i >= warm_up {
                samples.record(ns);
            }
        }
    });
    samples.percentiles()
}

/// The consumer checks that every message arrives, in order.
fn throughput<T: Copy + Send>(name: &str, make: impl Fn(u64) -> T + Sync, seq: fn(&T) -> u64) {
    let messages = if harness::is_smoke() { 10_000 } else { MESSAGES };
    let run = || {
        let (mut tx, mut rx) = ring::<T>("one way", CAPACITY);
        let make = &make;
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for i in 0..messages {
                    let mut message = make(i);
                    spin(|| match tx.push(message) {
                        Ok(()) => Some(()),
                        Err(back) => {
                            message = back;
                            None
                        }
                    });
                }
            });
            for i in 0..messages {
                let message = spin(|| rx.pop());
                assert_eq!(seq(&message), i, "none lost, none out of order");
            }
        });
        messages as f64 / start.elapsed().as_secs_f64() / 1e6
    };
    let mut rates: Vec<f64> = (0..harness::calls(THROUGHPUT_RUNS).min(5)).map(|_| run()).collect();
    rates.sort_by(f64::total_cmp);
    let (low, mid, high) = (rates[0], rates[rates.len() / 2], rates[rates.len() - 1]);
    println!("  {name:<34} median {mid:.1}  lowest {low:.1}  highest {high:.1}");
}
