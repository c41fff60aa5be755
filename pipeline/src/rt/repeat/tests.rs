//! Two lanes on threads that talk to each other both ways, recorded and repeated.

use super::*;
use crate::rt::cycles::Recorder;
use crate::rt::ring::{In, InLatest, Out, OutLatest, ring};
use crate::rt::{Input, LanePlan, Plan, Stage, WallClock};
use crate::rt::{idle::IdleStrategy, threads::Threads};
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};

#[derive(Default)]
struct Hashes([AtomicU64; 2], AtomicI64);

impl Shared for Hashes {
    fn read(&self) -> [i64; 3] {
        [self.1.load(Ordering::Relaxed), 0, 0]
    }
    fn told(&self) -> [u64; 2] {
        [self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed)]
    }
    fn tellers(&self) -> [&'static str; 2] {
        ["wants", "does"]
    }
    fn set(&self, [word, ..]: [i64; 3]) {
        self.1.store(word, Ordering::Relaxed);
    }
}

fn mix(hash: &AtomicU64, words: [i64; 4]) {
    let mut h = hash.load(Ordering::Relaxed);
    for word in words {
        h = (h ^ word as u64).wrapping_mul(0x0100_0000_01b3).rotate_left(7);
    }
    hash.store(h, Ordering::Relaxed);
}

/// Takes numbers from outside and answers of the other lane, and wants something, also when time passes.
struct Wants {
    numbers: In<i64>,
    answers: In<i64>,
    out: OutLatest<(usize, i64)>,
    hashes: Arc<Hashes>,
    sum: i64,
    due: Nanos,
}

impl Stage for Wants {
    fn name(&self) -> &'static str {
        "wants"
    }
    fn poll(&mut self, now: Nanos) -> usize {
        self.out.flush();
        let before = self.sum;
        while let Some(answer) = self.answers.pop() {
            self.sum += answer;
        }
        let mut work = usize::from(self.sum != before);
        while let Some(number) = self.numbers.pop() {
            self.sum += number;
            work += 1;
        }
        if work > 0 || now >= self.due {
            self.due = now + Nanos::millis(1);
            let shared = self.hashes.1.load(Ordering::Relaxed);
            mix(&self.hashes.0[0], [now.0, self.sum, shared, 0]);
            let key = self.sum.rem_euclid(3) as usize;
            self.out.push(key, (key, self.sum + now.0));
            work += 1;
        }
        work
    }
    fn next_deadline(&self) -> Option<Nanos> {
        Some(self.due)
    }
    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        see(&mut self.numbers);
        see(&mut self.answers);
    }
}

/// Hands on what came from outside, then looks at what is wanted, of which the newest counts.
struct Does {
    venue: In<i64>,
    wanted: InLatest<(usize, i64)>,
    answers: Out<i64>,
    hashes: Arc<Hashes>,
    heard: usize,
}

impl Does {
    fn take_venue(&mut self) -> usize {
        let mut work = 0;
        while let Some(number) = self.venue.pop() {
            self.answers.push(number * 7).unwrap();
            work += 1;
        }
        work
    }
}

impl Stage for Does {
    fn name(&self) -> &'static str {
        "does"
    }
    fn poll(&mut self, now: Nanos) -> usize {
        let venue = self.take_venue();
        let Self { wanted, hashes, heard, .. } = self;
        let venue = venue + core::mem::take(heard);
        if venue > 0 {
            mix(&hashes.0[1], [now.0, venue as i64, 0, 2]);
        }
        let seen = wanted
            .take(|(key, _)| *key, |(key, want)| mix(&hashes.0[1], [now.0, *key as i64, *want, 1]));
        venue + seen
    }
    fn hear(&mut self, _: Nanos) -> usize {
        let heard = self.take_venue();
        self.heard += heard;
        heard
    }
    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        see(&mut self.venue);
        see(self.wanted.input());
    }
    fn late_inputs(&self) -> usize {
        1
    }
}

struct Rig {
    lanes: Vec<Lane>,
    numbers: Out<i64>,
    venue: Out<i64>,
    hashes: Arc<Hashes>,
}

fn rig() -> Rig {
    rig_on(&[&["wants"], &["does"]])
}

/// On lanes of these stages.
fn rig_on(lanes: &[&[&str]]) -> Rig {
    let hashes = Arc::<Hashes>::default();
    let ((numbers, numbers_in), (venue, venue_in)) =
        (ring("side->wants", 1 << 16), ring("venue->does", 1 << 16));
    let ((answers, answers_in), (wanted, wanted_in)) =
        (ring("does->wants", 1 << 16), ring("wants->does", 1 << 14));
    let wants = Wants {
        numbers: numbers_in,
        answers: answers_in,
        out: OutLatest::new(wanted, 3),
        hashes: hashes.clone(),
        sum: 0,
        due: Nanos::ZERO,
    };
    let wanted = InLatest::new(wanted_in, 3, 64, false);
    let does = Does { venue: venue_in, wanted, answers, hashes: hashes.clone(), heard: 0 };
    let lane = |stages: &&[&str]| LanePlan {
        stages: stages.iter().map(|&name| name.to_owned()).collect(),
        core: None,
        idle: IdleStrategy::Backoff,
    };
    let plan = Plan {
        name: "test".to_owned(),
        lanes: lanes.iter().map(lane).collect(),
        ..Plan::default()
    };
    let stages: Vec<Box<dyn Stage>> = vec![Box::new(wants), Box::new(does)];
    let (lanes, _) = Lane::by_plan(&plan, stages, &WallClock::default());
    Rig { lanes, numbers, venue, hashes }
}

/// Runs on threads; the cycles of each lane, what was put in, and what it came to.
fn recorded(room: usize) -> (Vec<Cycle>, [Vec<i64>; 2], [u64; 2]) {
    let Rig { mut lanes, mut numbers, mut venue, hashes } = rig();
    let mut records = Vec::new();
    for (i, lane) in lanes.iter_mut().enumerate() {
        let (recorder, cycles) = Recorder::new(i, room, hashes.clone());
        lane.record(recorder);
        records.push(cycles);
    }
    let threads = Threads::start(lanes, &WallClock::default(), &Arc::default()).unwrap();
    // On a busy machine all could be over before a lane began.
    while threads.pulse().lanes().any(|(_, newest)| newest == Nanos::ZERO) {
        std::thread::yield_now();
    }
    let mut given = [Vec::new(), Vec::new()];
    for i in 0..400 {
        if i % 100 == 50 {
            hashes.1.store(i, Ordering::Relaxed);
        }
        numbers.push(i).unwrap();
        given[0].push(i);
        if i % 3 > 0 {
            venue.push(-i).unwrap();
            given[1].push(-i);
        }
        std::thread::sleep(std::time::Duration::from_micros(if i % 20 == 0 { 3_000 } else { 30 }));
    }
    threads.stop().unwrap();
    let told = hashes.told();
    let cycles = records.iter_mut().flat_map(|r| std::iter::from_fn(|| r.pop())).collect();
    (cycles, given, told)
}

/// Repeats; the step that ended it, and what it came to.
fn repeated(cycles: &[Cycle], given: &[Vec<i64>; 2]) -> (Step, [u64; 2]) {
    let Rig { lanes, mut numbers, mut venue, hashes } = rig();
    given[0].iter().for_each(|n| numbers.push(*n).unwrap());
    given[1].iter().for_each(|n| venue.push(*n).unwrap());
    let mut repeat = Repeat::new(lanes, hashes.clone());
    cycles.iter().for_each(|cycle| assert!(repeat.push(*cycle)));
    loop {
        match repeat.step() {
            Step::Same(_) => {}
            ended => return (ended, hashes.told()),
        }
    }
}

#[test]
fn a_run_on_threads_is_repeated_to_the_last_decision() {
    let mut same = 0;
    for _ in 0..9 {
        let (cycles, given, told) = recorded(1 << 16);
        // On a busy machine a lane finds much at once.
        assert!(cycles.len() > 20, "{}", cycles.len());
        match repeated(&cycles, &given) {
            // Told by chance while a cycle went on, as we do it here many times a second.
            (Step::Unsure(cycle), _) => assert!(cycle.moved),
            ended => {
                assert_eq!(ended, (Step::Done, told));
                same += 1;
            }
        }
    }
    assert!(same > 0, "not one run in nine could be compared");
}

#[test]
fn whatever_is_otherwise_is_noticed() {
    let (cycles, given, _) = recorded(1 << 16);
    let worked: Vec<usize> = (0..cycles.len()).filter(|i| cycles[*i].took[0] > 0).collect();
    for (n, at) in worked.iter().copied().enumerate().step_by(worked.len() / 20 + 1) {
        let mut other = cycles.clone();
        match n % 4 {
            0 => other[at].now = other[at].now + Nanos(1),
            1 => other[at].took[0] -= 1,
            2 => {
                let lane = usize::from(other[at].lane);
                other[at].told[lane] ^= 1;
            }
            _ => drop(other.remove(at)),
        }
        let (step, _) = repeated(&other, &given);
        assert_ne!(step, Step::Done, "cycle {at}, change {}", n % 4);
    }
    let mut numbers = given.clone();
    numbers[0][7] += 1;
    let (step, _) = repeated(&cycles, &numbers);
    assert!(matches!(step, Step::Differs { .. } | Step::Unsure(_)), "{step:?}");
}

/// A halt in the midst of a cycle shows as another number of messages on the way to the next stage, or only
/// in the lane that takes them.
#[test]
fn what_follows_a_change_in_the_midst_of_a_cycle_proves_nothing_either_way() {
    let rig = rig_on(&[&["wants", "does"]]);
    let (mut lanes, mut numbers, hashes) = (rig.lanes, rig.numbers, rig.hashes);
    let (recorder, mut cycles) = Recorder::new(0, 64, hashes);
    lanes[0].record(recorder);
    for at in 1..=9 {
        numbers.push(at).unwrap();
        lanes[0].poll(Nanos::millis(60 * at));
    }
    let cycles: Vec<Cycle> = std::iter::from_fn(|| cycles.pop()).collect();
    let ends = |moved: &[usize], tamper: &dyn Fn(&mut Cycle)| {
        let mut cycles = cycles.clone();
        moved.iter().for_each(|at| cycles[*at].moved = true);
        tamper(&mut cycles[4]);
        let Rig { lanes, mut numbers, hashes, .. } = rig_on(&[&["wants", "does"]]);
        (1..=9).for_each(|n| numbers.push(n).unwrap());
        let mut repeat = Repeat::new(lanes, hashes);
        cycles.iter().for_each(|cycle| assert!(repeat.push(*cycle)));
        std::iter::from_fn(|| Some(repeat.step())).find(|step| !matches!(step, Step::Same(_)))
    };
    let wanted = |cycle: &mut Cycle| cycle.took[3] += 2;
    let told = |cycle: &mut Cycle| cycle.told[1] ^= 1;
    assert_eq!(ends(&[3, 4, 7], &|_| ()), Some(Step::Done));
    for (moved, is_unsure) in [(4, true), (3, true), (2, false), (5, false)] {
        let (took, said) = (ends(&[moved], &wanted), ends(&[moved], &told));
        match is_unsure {
            true => assert!(
                matches!((took, said), (Some(Step::Unsure(_)), Some(Step::Unsure(_)))),
                "{moved}: {took:?} {said:?}"
            ),
            false => assert!(
                matches!(
                    (took, said),
                    (Some(Step::Took { input: 3, .. }), Some(Step::Differs { .. }))
                ),
                "{moved}: {took:?} {said:?}"
            ),
        }
    }
}

#[test]
fn after_cycles_that_found_no_room_the_next_one_says_so_and_nothing_is_compared() {
    let Rig { mut lanes, mut numbers, hashes, .. } = rig();
    let (recorder, mut cycles) = Recorder::new(0, 4, hashes);
    lanes[0].record(recorder);
    let mut kept = Vec::new();
    for at in 0..12 {
        numbers.push(at).unwrap();
        lanes[0].poll(Nanos::millis(at));
        if at == 8 {
            kept.extend(std::iter::from_fn(|| cycles.pop()));
        }
    }
    kept.extend(std::iter::from_fn(|| cycles.pop()));
    let lost: Vec<_> = kept.iter().map(|c| (c.now.as_millis(), c.lost)).collect();
    assert_eq!(lost[..5], [(0, false), (1, false), (2, false), (3, false), (9, true)]);
    let (step, _) = repeated(&kept, &[(0..12).collect(), Vec::new()]);
    assert!(matches!(step, Step::Lost(cycle) if cycle == kept[4]), "{step:?}");
}

#[test]
fn of_a_pause_the_last_look_before_it_is_kept_and_of_idle_looks_nothing_else() {
    let Rig { mut lanes, hashes, .. } = rig();
    let (recorder, mut cycles) = Recorder::new(1, 64, hashes);
    lanes[1].record(recorder);
    let looks = [0, 1, 2, 40, 41, 900, 901, 902];
    for at in looks {
        lanes[1].poll(Nanos::millis(at));
    }
    let kept: Vec<_> = std::iter::from_fn(|| cycles.pop()).map(|c| c.now.as_millis()).collect();
    assert_eq!(kept, [0, 41]);
}

#[test]
fn a_lane_that_is_not_there_is_refused() {
    let cycle = Cycle {
        now: Nanos(1),
        lane: 7,
        lost: false,
        moved: false,
        took: [0; MAX_INPUTS],
        shared: [0; 3],
        told: [0; 2],
    };
    let Rig { lanes, hashes, .. } = rig();
    assert!(!Repeat::new(lanes, hashes).push(cycle));
}
