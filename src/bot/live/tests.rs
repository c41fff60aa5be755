//! A live run of which the side thread fails, against an exchange in this process.

use super::watchdog::{Guarded, Patience, Watchdog};
use super::*;
use crate::bot::markets::Listing;
use crate::bot::paper;
use crate::exchange::faults::Faulty;
use crate::exchange::front::Hub;
use crate::exchange::local;
use crate::exchange::server::ServerHandle;
use crate::exit::Exit;
use crate::net::{Endpoint, Tls};
use botmm_pipeline::venue::hl::sign::RequestSigner;
use botmm_pipeline::venue::hl::sign::{Network, Signer};
use std::sync::mpsc;
use tempfile::TempDir;

/// A hang guard, no measure.
const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    exchange: ServerHandle<Faulty<Hub>>,
    live: Live,
    stop: Arc<Stop>,
    signer: Arc<Signer>,
    _dir: TempDir,
}

/// A bot that runs, and whose orders rest. Nobody watches it yet.
fn world(seed: u64) -> World {
    let dir = TempDir::new().unwrap();
    let (clock, discipline) = WallClock::disciplined();
    let draft = Draft::load(None, &|_| None).unwrap();
    let settings = draft.clone().build().unwrap();
    let signer = Arc::new(paper::paper_key(seed).unwrap());
    let (universe, start) = (settings.universe(), clock.now());
    let universe = local::listed(universe.iter().map(|(_, i)| *i));
    let listing = Listing {
        market: Box::new(local::synthetic(&universe, start - local::HISTORY, seed)),
        settings,
        universe,
        history: local::HISTORY,
        start,
        lasts: None,
        words: String::new(),
    };
    let config = paper::exchange_config(listing, &signer);
    let exchange = local::launch(config, clock.clone()).unwrap();
    let stop = Arc::new(Stop::default());
    let request = Request {
        network: "TEST",
        is_real_money: false,
        title: "a test".to_owned(),
        market: "synthetic",
        queue: "exact".to_owned(),
        latency: "none".to_owned(),
        dir: dir.path().join("run"),
        runs: None,
        access: Access {
            endpoint: Endpoint::parse(&format!("http://{}", exchange.addr())).unwrap(),
            tls: Tls::default(),
            signer: signer.clone(),
            wallet: None,
            state_dir: dir.path().join("state"),
            key_is_disposable: true,
            wait: Duration::ZERO,
            strict_symbols: false,
            allow_other_session: false,
        },
        draft,
        flags: Overrides { plan: Some("solo".to_owned()), ..Overrides::default() },
        notes: Vec::new(),
        stop: stop.clone(),
    };
    let live = Live::start(request, (clock, discipline)).unwrap();
    World { exchange, live, stop, signer, _dir: dir }
}

impl World {
    fn another_way(&self) -> VenueSide {
        let venue = &self.live.venue;
        VenueSide {
            rest: venue.rest.clone(),
            account: venue.account,
            signer: RequestSigner::new(self.signer.clone(), Network::Testnet),
            nonce: venue.nonce.clone(),
            universe: venue.universe.clone(),
            only_session: venue.only_session.clone(),
            start: venue.start,
        }
    }

    fn until_orders_rest(&mut self) {
        let began = Instant::now();
        while self.live.venue.open_orders().unwrap().is_empty() {
            assert!(began.elapsed() < PATIENCE, "no order rests");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_panic_of_the_side_thread_is_a_halt_that_leaves_no_order() {
    let mut world = world(21);
    world.until_orders_rest();
    let ended = world.live.watch(Some(PATIENCE), &Show::Panics).unwrap_err();
    assert_eq!(ended.exit(), Exit::RiskHalt, "{ended}");
    assert!(ended.to_string().contains("the side thread panicked: a test"), "{ended}");
    assert_eq!(world.live.pipeline.level.raised(), HaltLevel::Halt);
    let venue = world.another_way();
    let finished = world.live.finish();
    assert!(finished.left.is_ok() && finished.troubles.is_empty(), "{:?}", finished.left);
    assert!(finished.summary.orders > 0);
    assert_eq!(venue.open_orders().unwrap(), []);
    drop(world.exchange.stop().unwrap());
}

#[test]
fn a_stop_that_is_not_taken_up_is_carried_out_by_the_watchdog() {
    let mut world = world(22);
    // The process is not to end in this test.
    world.live.watchdog.has_ended();
    world.until_orders_rest();
    let (tell, told) = mpsc::channel();
    let guarded = Guarded {
        stop: world.stop.clone(),
        level: world.live.pipeline.level.clone(),
        metrics: world.live.pipeline.metrics.clone(),
        venue: world.another_way(),
        clock: world.live.clock.clone(),
        leave: Box::new(move |words, code| {
            tell.send((words.join("\n"), code)).unwrap();
        }),
    };
    let patience = Patience { take_up: Duration::from_millis(300), end: PATIENCE };
    let _watchdog = Watchdog::start(guarded, patience).unwrap();
    assert!(told.recv_timeout(Duration::from_millis(800)).is_err(), "nobody asked for an end");
    world.stop.ask();
    // The side thread hangs: nobody calls `watch`.
    let (words, code) = told.recv_timeout(PATIENCE).unwrap();
    assert!(words.contains("the side thread has not taken up the end within"), "{words}");
    assert!(words.contains("no order of ours rests"), "{words}");
    assert_eq!(code, Exit::Data);
    assert_eq!(world.live.venue.open_orders().unwrap(), []);
    assert_eq!(world.live.pipeline.level.raised(), HaltLevel::Halt);
    drop(world.live.finish());
    drop(world.exchange.stop().unwrap());
}
