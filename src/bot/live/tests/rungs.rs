//! The dead man's ladder against the embedded exchange: what still cancels when parts of the bot stand.

use super::*;
use botmm_pipeline::rt::plan::allowed_cores;
use serde_json::{Value, json};

/// What the issue allows, seconds: the horizon and a block. A loaded machine takes its time to see it.
const HORIZON: Duration = Duration::from_secs(10);
const BLOCK: Duration = Duration::from_millis(80);
const LOOK: Duration = Duration::from_secs(2);
const SHORT_HORIZON: &str = "[dead_man]\nhorizon_s = 10.0\n";

/// A bot whose lane can be made to stand, at a venue that asks for so much volume before it sets a switch.
fn world_that_stands(seed: u64, volume: Usd, plan: &str) -> (World, Frozen) {
    let frozen = Frozen::by_hand();
    let venue = |config: &mut LocalConfig| config.venue.schedule_volume = volume;
    (world_where((seed, plan), SHORT_HORIZON, venue, |_| {}, frozen.clone()), frozen)
}

impl World {
    /// Until none rests; how long that took.
    fn until_none_rests(&mut self, watch: bool) -> Duration {
        let began = Instant::now();
        while !self.live.venue.open_orders().unwrap().is_empty() {
            assert!(began.elapsed() < PATIENCE, "orders rest for ever");
            match watch {
                true => self.live.watch(Some(self.live.started.elapsed()), &Show::Nothing).unwrap(),
                false => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        began.elapsed()
    }

    /// How the venue says that orders ended.
    fn endings(&self) -> Vec<String> {
        let user = self.signer.address().to_string();
        let question = json!({ "type": "historicalOrders", "user": user });
        let told = self.live.venue.rest.info(&question).unwrap();
        let status = |order: &Value| order["status"].as_str().unwrap().to_owned();
        told.as_array().unwrap().iter().map(status).collect()
    }

    /// Until that is so, or nobody believes in it any more.
    fn watch_until(&mut self, what: &str, is_so: impl Fn(&Live) -> bool) {
        let began = Instant::now();
        while !is_so(&self.live) {
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: {}, {:?}",
                self.live.rungs(),
                self.live.alerts
            );
            self.watch_for(Duration::from_millis(50));
        }
    }

    fn watch_for(&mut self, span: Duration) {
        self.live.watch(Some(self.live.started.elapsed() + span), &Show::Nothing).unwrap();
    }
}

/// As under SIGSTOP: neither a lane nor the side thread moves.
#[test]
fn the_venue_cancels_what_rests_within_a_horizon_and_a_block_when_the_whole_bot_stands() {
    let (mut world, stands) = world_that_stands(31, Usd::ZERO, "solo");
    world.until_orders_rest();
    world.watch_until("it is armed", |live| live.rungs().exchange.armed);
    world.live.watchdog.has_ended(); // It stands, too.
    assert!(!world.endings().contains(&"scheduledCancel".to_owned()));
    stands.lane(true);
    let took = world.until_none_rests(false);
    println!("time to cancel: {took:?}, of a horizon of {HORIZON:?} and a block of {BLOCK:?}");
    assert!(took <= HORIZON + BLOCK + LOOK, "{took:?}");
    assert!(world.endings().contains(&"scheduledCancel".to_owned()), "{:?}", world.endings());
    stands.lane(false);
    // It is told, and set anew.
    let told = |live: &Live| live.alerts.iter().any(|a| a.contains("switch fired"));
    world.watch_until("it is told", told);
    world.watch_until("it is set anew", |live| live.rungs().exchange.armed);
    let finished = world.live.finish();
    assert!(finished.left.is_ok() && finished.troubles.is_empty(), "{:?}", finished.troubles);
    let rungs = finished.summary.rungs.unwrap();
    assert!(rungs.exchange.armed && rungs.exchange_requests >= 2, "{rungs:?}");
    drop(world.exchange.stop().unwrap());
}

/// The lane holds the order link, too: nobody but the side thread is left.
#[test]
fn a_lane_that_stands_has_its_orders_cancelled_over_https_whatever_the_venue_would_do() {
    let (mut world, stands) = world_that_stands(32, Usd::whole(1_000_000), "solo");
    world.until_orders_rest();
    world.watch_until("the venue wants more volume", |live| {
        live.rungs().exchange.why.is_some_and(|why| why.ends_with("of 1000000 USD traded"))
    });
    stands.lane(true);
    let took = world.until_none_rests(true);
    println!("time to cancel: {took:?}");
    assert!(took < HORIZON, "{took:?}");
    world.watch_until("it is told", |live| {
        live.alerts.iter().any(|a| a.contains("stands still: ") && a.contains("over HTTPS"))
    });
    stands.lane(false);
    world.watch_until("orders again", |live| live.pipeline.metrics.dispatch.open_orders.get() > 0);
    let finished = world.live.finish();
    assert!(finished.left.is_ok() && finished.troubles.is_empty(), "{:?}", finished.troubles);
    drop(world.exchange.stop().unwrap());
}

/// The lane of the orders goes on, and knows old targets: it does not place anew what was cancelled.
#[test]
fn while_a_lane_stands_the_lane_of_the_orders_cancels_and_places_nothing() {
    let plan = if allowed_cores().len() < 2 { "solo" } else { "paired" };
    let (mut world, stands) = world_that_stands(33, Usd::whole(1_000_000), plan);
    world.until_orders_rest();
    world.watch_until("lanes go", |live| live.progress.proof().lanes > Nanos::ZERO);
    stands.lane(true);
    world.until_none_rests(true);
    world.watch_until("it is told", |live| {
        live.alerts.iter().any(|a| a.contains("nothing is quoted until it goes on"))
    });
    world.watch_for(Duration::from_secs(1));
    // What was cancelled stays so, for longer than the fallback's next look.
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(8) {
        world.live.watch(Some(world.live.started.elapsed()), &Show::Nothing).unwrap();
        assert_eq!(world.live.venue.open_orders().unwrap(), [], "{:?}", since.elapsed());
    }
    stands.lane(false);
    world.watch_until("orders again", |live| live.pipeline.metrics.dispatch.open_orders.get() > 0);
    let finished = world.live.finish();
    assert!(finished.left.is_ok() && finished.troubles.is_empty(), "{:?}", finished.troubles);
    drop(world.exchange.stop().unwrap());
}
