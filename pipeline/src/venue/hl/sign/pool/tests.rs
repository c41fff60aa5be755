use super::super::key::Recoverer;
use super::*;
use rand::RngExt as _;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU32;

const KEY: &str = "0123456789012345678901234567890123456789012345678901234567890123";
const START: Nanos = Nanos::secs(1_000);
const STEP: Nanos = Nanos::millis(20);

fn both() -> (Presigner, Pool) {
    pool(Arc::new(Signer::from_hex(KEY).unwrap()), || 1)
}

/// Makes as many as there is room for.
fn fill(presigner: &mut Presigner, now: Nanos) {
    while presigner.has_room() {
        presigner.make(now, &rand::random());
    }
}

/// Looks now and then, as a lane does, up to this time.
fn look_until(pool: &mut Pool, mut from: Nanos, until: Nanos) {
    while from < until {
        from = (from + STEP).min(until);
        pool.tend(from);
    }
}

fn counts(presigned: u64, ordinary: u64, dropped: u64) -> SigningCounts {
    SigningCounts { presigned, ordinary, dropped }
}

#[test]
fn each_is_used_once_then_the_key_signs_as_ever_and_that_is_counted() {
    let (mut presigner, mut pool) = both();
    let (recoverer, address) = (Recoverer::default(), presigner.signer.address());
    pool.tend(START);
    fill(&mut presigner, START);
    presigner.make(START, &rand::random());
    let signatures: Vec<_> = (0..ROOM + 2).map(|i| pool.sign(&[i as u8; 32])).collect();
    let mut points = HashSet::new();
    for (i, signature) in signatures.iter().take(ROOM).enumerate() {
        let signature = signature.as_ref().unwrap();
        assert_eq!(recoverer.recover(&[i as u8; 32], signature), Some(address));
        assert!(points.insert(signature.r), "the {i}th has an r of another");
    }
    assert_eq!(signatures[ROOM..], [None, None], "one more than fits was not kept");
    assert_eq!(pool.counts(), counts(ROOM as u64, 2, 0));
    presigner.make(START, &rand::random());
    assert!(pool.sign(&[9; 32]).is_some(), "and on it goes");
}

#[test]
fn none_is_used_that_is_old() {
    let (mut presigner, mut pool) = both();
    pool.tend(START);
    presigner.make(START, &rand::random());
    presigner.make(START + Nanos::secs(1), &rand::random());
    look_until(&mut pool, START, START + KEPT_FOR - Nanos(1));
    assert_eq!(pool.counts(), counts(0, 0, 0));
    look_until(&mut pool, START + KEPT_FOR - Nanos(1), START + KEPT_FOR);
    assert_eq!(pool.counts(), counts(0, 0, 1));
    assert!(pool.sign(&[1; 32]).is_some(), "the younger one");
    assert_eq!((pool.sign(&[1; 32]), pool.counts()), (None, counts(1, 1, 1)));
}

#[test]
fn none_is_used_before_somebody_has_looked() {
    let (mut presigner, mut pool) = both();
    fill(&mut presigner, START);
    assert_eq!(pool.sign(&[1; 32]), None);
}

/// What a lane sees of a stop and SIGCONT, of a machine that slept, or that was copied: a long step, or one
/// back.
#[test]
fn after_a_standstill_all_are_dropped() {
    for again in [START + STOOD_STILL + Nanos(1), START - Nanos(1)] {
        let (mut presigner, mut pool) = both();
        pool.tend(START);
        fill(&mut presigner, START);
        pool.tend(again);
        assert_eq!((pool.sign(&[1; 32]), pool.counts()), (None, counts(0, 1, ROOM as u64)));
        fill(&mut presigner, again);
        pool.tend(again + STEP);
        assert!(pool.sign(&[1; 32]).is_some(), "new ones are good");
    }
}

/// SIGCONT, or a clock that was set: noticed by another thread, even between a look and a signature.
#[test]
fn what_was_made_before_a_doubt_is_not_used() {
    let (mut presigner, mut pool) = both();
    pool.tend(START);
    fill(&mut presigner, START);
    assert!(pool.sign(&[1; 32]).is_some());
    presigner.generation().clone().end();
    assert_eq!(pool.sign(&[2; 32]), None, "at once");
    pool.tend(START + STEP);
    assert_eq!(pool.counts(), counts(1, 1, ROOM as u64 - 1));
    presigner.make(START + STEP, &rand::random());
    assert!(pool.sign(&[3; 32]).is_some());
}

#[test]
fn a_forked_process_does_not_use_its_copy() {
    static PROCESS: AtomicU32 = AtomicU32::new(1);
    let signer = Arc::new(Signer::from_hex(KEY).unwrap());
    let (mut presigner, mut pool) = pool(signer, || PROCESS.load(Ordering::Relaxed));
    pool.tend(START);
    fill(&mut presigner, START);
    assert!(pool.sign(&[1; 32]).is_some());
    PROCESS.store(2, Ordering::Relaxed);
    assert_eq!(pool.sign(&[2; 32]), None);
    PROCESS.store(1, Ordering::Relaxed);
    assert!(pool.sign(&[3; 32]).is_some(), "the parent goes on");
}

#[test]
fn none_is_used_once_the_venue_does_not_know_the_signer() {
    let (mut presigner, mut pool) = both();
    pool.tend(START);
    fill(&mut presigner, START);
    pool.distrust();
    assert_eq!((pool.sign(&[1; 32]), pool.counts()), (None, counts(0, 1, 0)));
}

/// Whoever catches a panic and goes on has lost the one that was in use.
#[test]
fn after_a_panic_the_next_is_another() {
    let (mut presigner, mut pool) = both();
    pool.tend(START);
    fill(&mut presigner, START);
    let mut points = HashSet::new();
    for i in 0..ROOM {
        let signs = catch_unwind(AssertUnwindSafe(|| {
            let signature = pool.sign(&[i as u8; 32]).unwrap();
            assert!(points.insert(signature.r), "the {i}th has an r of another");
            std::panic::resume_unwind(Box::new("before it was sent"));
        }));
        assert!(signs.is_err());
    }
    assert_eq!((points.len(), pool.counts().presigned), (ROOM, ROOM as u64));
    // The same before it has signed: it is taken out first.
    fill(&mut presigner, START);
    let taken = catch_unwind(AssertUnwindSafe(|| {
        let _taken = pool.take().unwrap();
        std::panic::resume_unwind(Box::new("between"));
    }));
    assert!(taken.is_err());
    assert_eq!((0..ROOM).filter(|_| pool.sign(&[1; 32]).is_some()).count(), ROOM - 1);
}

#[test]
fn eight_threads_with_one_key_share_no_r() {
    const EACH: usize = 300;
    let thread = |_| {
        std::thread::spawn(|| {
            let (mut presigner, mut pool) = both();
            pool.tend(START);
            let sign = |i: usize| {
                presigner.make(START, &rand::rng().random());
                pool.sign(&[i as u8 / 2; 32]).unwrap().r
            };
            (0..EACH).map(sign).collect::<Vec<_>>()
        })
    };
    let threads: Vec<_> = (0..8).map(thread).collect();
    let mut points = HashSet::new();
    for thread in threads {
        points.extend(thread.join().unwrap());
    }
    assert_eq!(points.len(), 8 * EACH);
}

/// Should the system's entropy stand still, the count of those made still tells one from the next.
#[test]
fn with_the_same_entropy_no_r_comes_twice() {
    let (mut presigner, mut pool) = both();
    pool.tend(START);
    let mut points = HashSet::new();
    for i in 0..200 {
        presigner.make(START, &[7; 32]);
        assert!(points.insert(pool.sign(&[i; 32]).unwrap().r), "the {i}th has an r of another");
    }
}

#[test]
fn made_and_used_on_two_threads_at_once() {
    const COUNT: u64 = 2_000;
    let (mut presigner, mut pool) = both();
    let (recoverer, address) = (Recoverer::default(), presigner.signer.address());
    pool.tend(START);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while presigner.made < COUNT {
                match presigner.has_room() {
                    true => presigner.make(START, &rand::random()),
                    false => std::thread::yield_now(),
                }
            }
        });
        let mut points = HashSet::new();
        while points.len() < COUNT as usize {
            let digest = rand::random();
            let Some(signature) = pool.sign(&digest) else {
                std::thread::yield_now();
                continue;
            };
            assert_eq!(recoverer.recover(&digest, &signature), Some(address));
            assert!(points.insert(signature.r));
        }
    });
    assert_eq!((pool.counts().presigned, pool.counts().dropped), (COUNT, 0));
}
