use super::super::alert::Level;
use super::super::progress::tests::Bench;
use super::super::task::tests::Stand;
use super::*;
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::sign::Address;
use std::sync::Mutex;

const HORIZON: Nanos = Nanos::secs(15);
const START: Nanos = Nanos::secs(1_795_359_600);
/// The venue's clock is ahead of ours.
const OFFSET: Nanos = Nanos::secs(3);
const STEP: Nanos = Nanos::millis(100);
/// As the order link's pings go.
const PING: Nanos = Nanos::millis(1_500);

/// A venue that holds one switch, by its own clock.
#[derive(Default)]
struct Venue {
    fires_at: Option<Nanos>,
    asked: Vec<Ask>,
    says: Option<Switch>,
    traded: Usd,
    is_gone: bool,
}

struct World {
    venue: Arc<Mutex<Venue>>,
    bench: Bench,
    stand: Stand,
    switch: DeadMan,
    said: Vec<Alert>,
}

impl World {
    fn new() -> Self {
        let venue = Arc::new(Mutex::new(Venue::default()));
        let asked = venue.clone();
        let ask = move |_, ask: Ask| {
            let mut venue = asked.lock().unwrap();
            venue.asked.push(ask);
            if venue.is_gone {
                return Err(AppError::Usage("nobody answers".to_owned()));
            }
            Ok(match (ask, venue.says.clone()) {
                (Ask::Traded, _) => Told::Traded(venue.traded),
                (Ask::Set { .. }, Some(says)) => Told::Switch(says),
                (Ask::Set { at, .. }, None) => {
                    venue.fires_at = at;
                    Told::Switch(Switch::Done)
                }
            })
        };
        let bench = Bench::new();
        let mut offset = VenueOffset::default();
        offset.hear(START, START, START + OFFSET);
        let (progress, link) = (bench.progress.clone(), bench.link.clone());
        let switch = DeadMan::new(Arc::new(ask), progress, link, offset.clock(), Some(HORIZON));
        let mut stand = Stand::with_room(1);
        stand.now = START;
        Self { venue, bench, stand, switch, said: Vec::new() }
    }

    /// A turn, and what the venue answers to it.
    fn turn(&mut self) {
        let said = self.stand.turn(&mut self.switch).said;
        self.said.extend(said);
        let Self { stand, switch, said, .. } = self;
        stand.until(|stand| {
            said.extend(stand.turn(switch).said);
            switch.asking.is_none()
        });
    }

    /// So long, in steps: the lanes go, the link goes, the side thread has its turns.
    fn run(&mut self, span: Nanos, [lanes, link, side]: [bool; 3]) {
        let end = self.stand.now + span;
        while self.stand.now < end {
            self.stand.now = self.stand.now + STEP;
            if lanes {
                self.bench.lanes_go(self.stand.now);
            } else {
                self.bench.lanes[0]
                    .store(self.stand.now.0 as u64, std::sync::atomic::Ordering::Relaxed);
            }
            if link && (self.stand.now - START).0 % PING.0 == 0 {
                self.bench.link_goes(self.stand.now);
            }
            if side {
                self.turn();
            }
        }
    }

    /// When the venue cancels everything, by our clock.
    fn fires_at(&self) -> Option<Nanos> {
        self.venue.lock().unwrap().fires_at.map(|at| at - OFFSET)
    }

    fn asked(&self) -> Vec<Ask> {
        self.venue.lock().unwrap().asked.clone()
    }

    fn says(&self, says: Option<Switch>) {
        self.venue.lock().unwrap().says = says;
    }
}

const ALL: [bool; 3] = [true; 3];

#[test]
fn what_rests_is_gone_a_horizon_after_anything_stands_and_never_before() {
    for (what, goes) in [
        ("a lane", [false, true, true]),
        ("the link", [true, false, true]),
        ("the side", [true, true, false]),
    ] {
        for lived in [20_000, 21_300, 23_700, 24_900, 26_100] {
            let mut world = World::new();
            world.run(Nanos::secs(3), ALL);
            let mut left = Nanos::millis(lived);
            while left > Nanos::ZERO {
                world.run(STEP, ALL);
                left = left - STEP;
                let at = world.fires_at().unwrap();
                assert!(
                    at - world.stand.now > MIN_AHEAD + WAY,
                    "{what}: it is always moved on in time"
                );
            }
            let stood = world.stand.now;
            world.run(Nanos::secs(40), goes);
            let at = world.fires_at().unwrap();
            assert!(at <= stood + HORIZON, "{what}, {lived} ms: {} late", at - stood - HORIZON);
            assert!(at >= stood + MIN_AHEAD, "{what}, {lived} ms: {} after it stood", at - stood);
        }
    }
}

#[test]
fn a_switch_that_fired_is_told_and_set_again_once_all_goes_on() {
    let mut world = World::new();
    world.run(Nanos::secs(10), ALL);
    assert_eq!(world.switch.rung(world.stand.now), Rung::ARMED);
    assert_eq!(world.said, []);
    world.run(Nanos::secs(30), [false, true, true]);
    assert_eq!(world.switch.rung(world.stand.now), Rung::not_armed("waits for progress"));
    assert_eq!(world.said.len(), 1, "{:?}", world.said);
    assert_eq!(world.said[0].level, Level::Critical);
    assert!(world.said[0].text.contains("fired at"), "{:?}", world.said);
    assert!(
        world.said[0].text.contains("lane quote+risk+dispatch stood still"),
        "{:?}",
        world.said
    );
    let asked = world.asked().len();
    world.run(Nanos::secs(2), ALL);
    assert_eq!(world.asked().len(), asked + 1, "set again at once");
    assert_eq!(world.switch.rung(world.stand.now), Rung::ARMED);
    for _ in 0..7 {
        world.run(Nanos::secs(20), [true, false, true]);
        world.run(Nanos::secs(2), ALL);
    }
    let last = &world.said.last().unwrap().text;
    assert!(last.contains("8 times today, and does so 10 times at most"), "{last}");
}

/// All goes on again at the very moment at which it fires, by a clock that is known to a fraction of a second.
#[test]
fn one_that_may_have_fired_is_told_however_close_it_was() {
    for early in [-300, -100, 0, 100, 300].map(Nanos::millis) {
        let mut world = World::new();
        world.run(Nanos::secs(10), ALL);
        let at = world.fires_at().unwrap();
        let span = at - early - world.stand.now;
        world.run(span, [false; 3]);
        world.run(Nanos::secs(2), ALL);
        let told: Vec<_> = world.said.iter().filter(|a| a.text.contains("fired at")).collect();
        assert_eq!(told.len(), 1, "{early} before it fired: {:?}", world.said);
        assert_eq!(world.switch.rung(world.stand.now), Rung::ARMED, "and set again");
    }
}

/// What moves it on was sent in time, and answered when the moment had passed.
#[test]
fn one_that_fired_while_an_answer_was_on_its_way_is_told() {
    let mut world = World::new();
    world.run(Nanos::secs(10), ALL);
    let at = world.fires_at().unwrap();
    let span = at - Nanos::secs(2) - world.stand.now;
    world.run(span, [true, true, false]);
    drop(world.stand.turn(&mut world.switch));
    assert!(world.switch.asking.is_some(), "it is on its way");
    world.stand.now = at + Nanos::secs(1);
    world.run(Nanos::secs(2), ALL);
    assert!(world.said.iter().any(|a| a.text.contains("fired at")), "{:?}", world.said);
    assert_eq!(world.switch.rung(world.stand.now), Rung::ARMED, "and set again");
}

#[test]
fn an_account_that_has_traded_too_little_is_shown_and_asked_about_until_it_has() {
    let mut world = World::new();
    let required = Usd::whole(1_000_000);
    world.says(Some(Switch::TooLittleVolume { required, traded: Usd::parse("12.5").unwrap() }));
    world.run(Nanos::secs(30), ALL);
    assert_eq!(world.switch.rung(world.stand.now), Rung::not_armed("12 of 1000000 USD traded"));
    assert_eq!(world.asked().len(), 1, "one request, and no more: {:?}", world.asked());
    world.venue.lock().unwrap().traded = Usd::whole(999_999);
    world.run(Nanos::secs(600), ALL);
    assert_eq!(world.switch.rung(world.stand.now), Rung::not_armed("999999 of 1000000 USD traded"));
    world.says(None);
    world.venue.lock().unwrap().traded = required;
    world.run(Nanos::secs(601), ALL);
    assert_eq!(world.switch.rung(world.stand.now), Rung::ARMED);
    assert_eq!(world.said, [], "a young account is no trouble: the rung says it");
}

#[test]
fn it_is_cleared_at_a_clean_end_and_what_is_not_is_told() {
    let mut world = World::new();
    assert_eq!(world.switch.clear(world.stand.now), None, "there is nothing to clear");
    assert!(world.asked().is_empty());
    world.run(Nanos::secs(20), ALL);
    let requests = world.switch.requests();
    assert_eq!(requests, world.asked().len() as u64);
    assert!((4..=6).contains(&requests), "{requests} in 20 s");
    world.venue.lock().unwrap().is_gone = true;
    let told = world.switch.clear(world.stand.now).unwrap();
    assert!(told.contains("nobody answers") && told.contains("it cancels every order"), "{told}");
    world.venue.lock().unwrap().is_gone = false;
    assert_eq!(world.switch.clear(world.stand.now), None);
    assert_eq!(world.fires_at(), None);
    // A stop for a while, and on.
    world.run(Nanos::secs(2), ALL);
    assert!(world.fires_at().is_some());
    // A request that comes late is void.
    for ask in world.asked() {
        let Ask::Set { at, void_after } = ask else { panic!("{ask:?}") };
        assert!(at.is_none_or(|at| at - void_after >= Nanos::secs(2)), "{ask:?}");
    }
}

#[test]
fn a_venue_that_does_not_answer_is_asked_again_soon_and_one_that_refuses_is_not() {
    let mut world = World::new();
    world.venue.lock().unwrap().is_gone = true;
    world.run(Nanos::secs(10), ALL);
    assert!((6..=11).contains(&world.asked().len()), "{}", world.asked().len());
    world.venue.lock().unwrap().is_gone = false;
    world.says(Some(Switch::NoRequests));
    world.run(Nanos::secs(30), ALL);
    let asked = world.asked().len();
    assert!(asked <= 12, "{asked}");
    let rung = world.switch.rung(world.stand.now);
    assert_eq!(rung, Rung::not_armed("the account's requests are spent"));
    world.says(Some(Switch::Spent));
    world.run(Nanos::secs(60), ALL);
    assert_eq!(world.asked().len(), asked + 1);
    assert!(world.switch.rung(world.stand.now).why.unwrap().contains("back at 00:00 UTC"));
    world.says(None);
    world.stand.now = world.stand.now + Nanos::secs(86_400);
    world.bench.go(world.stand.now);
    world.run(Nanos::secs(4), ALL);
    assert_eq!(world.switch.rung(world.stand.now), Rung::ARMED, "another day");
}

#[test]
fn foreign_orders_and_a_small_budget_are_told_once_and_off_is_off() {
    let mut world = World::new();
    world.bench.view.foreign_orders = 2;
    world.bench.view.requests = (9_000, 10_000);
    world.run(Nanos::secs(10), ALL);
    let said: Vec<_> = world.said.iter().map(|alert| alert.text.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("2 orders on the account are not ours"), "{said:?}");
    assert!(
        said[1].contains("1000 requests are left") && said[1].contains("takes 720"),
        "{said:?}"
    );
    let mut world = World::new();
    let link = world.bench.link.clone();
    let (ask, progress) = (world.switch.ask.clone(), world.bench.progress.clone());
    world.switch = DeadMan::new(ask, progress, link, VenueClock::default(), None);
    world.run(Nanos::secs(10), ALL);
    assert!(world.asked().is_empty() && world.said.is_empty());
    assert!(world.switch.rung(world.stand.now).why.unwrap().starts_with("switched off"));
}

/// The venue counts by the day, and not by the run.
#[test]
fn how_often_it_fired_is_known_over_restarts_and_what_fired_meanwhile_too() {
    let (dir, key) = (tempfile::tempdir().unwrap(), Address::new([7; 20]));
    let start = |at: Nanos| {
        let mut world = World::new();
        world.stand.now = at;
        let (memory, trouble) = Memory::open(dir.path(), key);
        assert_eq!(trouble, None);
        let World { switch, .. } = World::new();
        let ask = world.switch.ask.clone();
        let (progress, link) = (world.bench.progress.clone(), world.bench.link.clone());
        let fresh = DeadMan::new(ask, progress, link, switch.venue, Some(HORIZON));
        world.switch = fresh.going_on(memory, at);
        world
    };
    let kept = || Memory::open(dir.path(), key).0.kept();
    let told = |world: &World, words: &str| world.said.iter().any(|a| a.text.contains(words));
    let mut at = START;
    for run in 1..=8 {
        // Killed while it was set, and begun again when that had fired.
        let mut world = start(at);
        world.run(Nanos::secs(3), ALL);
        assert_eq!(told(&world, "while no run was there"), run > 1, "{run}: {:?}", world.said);
        assert_eq!(world.switch.fired.1, run - 1);
        assert!(!told(&world, "times today"), "{run}: {:?}", world.said);
        world.stand.until(|stand| {
            stand.turn(&mut world.switch);
            kept().fires_at == world.switch.fires_at.map(|at| at.0) && kept().fired == run - 1
        });
        at = world.stand.now + Nanos::secs(60);
    }
    // Begun again before it could fire: it is moved on, and nothing is counted.
    let mut world = start(at);
    world.run(Nanos::secs(3), ALL);
    assert!(told(&world, "the switch fired 8 times today"), "{:?}", world.said);
    let set = world.switch.fires_at.unwrap();
    world.stand.until(|stand| {
        stand.turn(&mut world.switch);
        kept().fires_at == Some(set.0)
    });
    let mut world = start(world.stand.now + Nanos::secs(1));
    assert_eq!((world.switch.fires_at, world.switch.fired.1), (Some(set), 8));
    world.run(Nanos::secs(8), ALL);
    assert!(world.fires_at().unwrap() > set && !told(&world, "while no run was there"));
    // A clean end leaves nothing that could have fired.
    assert_eq!(world.switch.clear(world.stand.now), None);
    let (at, cleared) = (world.stand.now + Nanos::secs(60), kept());
    assert_eq!((cleared.fired, cleared.fires_at), (8, None));
    assert_eq!(start(at).switch.fired.1, 8);
    // What cannot be read is told, and counts from zero.
    std::fs::write(dir.path().join(format!("{key}.switch.json")), "{").unwrap();
    let (memory, trouble) = Memory::open(dir.path(), key);
    assert_eq!(memory.kept(), Kept::default());
    assert!(trouble.unwrap().contains("switch.json"));
}
