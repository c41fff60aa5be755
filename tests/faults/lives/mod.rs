//! One account and many lives of its bot, in virtual time: killed at random moments, while it starts too,
//! and begun again on what the killed one left on disk and at the venue; a guard beside it, that may be dead
//! itself. Whatever happens: what a life takes over is what the venue says, no fill is booked twice, its
//! profit goes on where the one before left it, and once both are told to stop no order is left.
//!
//! `BOTMM_LIVES` lives (default 150), `BOTMM_SEED` draws them.

mod guard;

use crate::number;
use crate::spy::Tamper;
use crate::world::{Begin, Bot, MONEY, START, Setup, Venue, bot, exchange, params, universe, user};
use botmm::side::risk_state::RiskFile;
use botmm::side::state::RunState;
use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{BoardReader, HaltLevel, Lane, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::*;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use botmm_pipeline::wiring::Pipeline;
use guard::{Guard, Outside};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const LIVES: u64 = 150;
/// How often the venue is looked at.
const LOOK_EVERY: Nanos = Nanos::millis(100);
/// A fill is known here at the latest so long after its block.
const NEWS: Nanos = Nanos::millis(300);
/// Until a bot that was told to stop has cancelled everything.
const STOPS: Nanos = Nanos::secs(20);
/// Our numbers and the venue's may differ by so much: fees and products are rounded.
const TOLERANCE: Usd = Usd::from_raw(1_000_000);

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// `kill -9`.
    Killed,
    /// It is told to.
    Clean,
}

/// What goes on from life to life.
struct Account {
    venue: Venue,
    setup: Setup,
    dir: TempDir,
    rng: ChaCha8Rng,
    guard: Arc<Mutex<Guard>>,
    now: Nanos,
    /// Every fill that any life has booked: coin, trade.
    booked: BTreeSet<(usize, u64)>,
    count: Count,
}

/// What it came to.
#[derive(Debug, Default)]
struct Count {
    kills: u64,
    with_orders: u64,
    begun_late: u64,
    fills: u64,
    between: u64,
    longest_rest_ms: i64,
}

/// What a life has seen so far.
struct Seen {
    session: u32,
    begun: Nanos,
    link: BoardReader<VIEW_WORDS>,
    metrics: Arc<Metrics>,
    /// When its link came up, and the account's money then.
    up: Option<(Nanos, Usd)>,
    /// Of fills and funding that it has booked, since then.
    flow: Usd,
    fills: Vec<(AssetId, Fill)>,
    risk: Option<RiskSnapshot>,
    next_look: Nanos,
}

#[test]
fn killed_in_virtual_time_a_thousand_times_nothing_is_lost_and_nothing_is_left() {
    let lives = number("BOTMM_LIVES").unwrap_or(LIVES);
    let seed = number("BOTMM_SEED").unwrap_or(1);
    println!("{lives} lives, BOTMM_SEED={seed}");
    let mut account = Account::new(seed);
    for _ in 0..lives {
        account.one_more();
    }
    account.ends(lives);
}

/// The checks are known to be able to fail.
#[test]
fn a_bot_that_is_broken_on_purpose_does_not_get_through_its_lives() {
    for tamper in [Tamper::LoseFill, Tamper::CountTwice, Tamper::SwallowCancels, Tamper::SendTwice]
    {
        let lives = std::panic::AssertUnwindSafe(|| {
            let mut account = Account::of(tamper, 2);
            (0..8).for_each(|_| account.one_more());
            account.ends(8);
        });
        assert!(std::panic::catch_unwind(lives).is_err(), "{tamper:?} was not noticed");
    }
}

impl Account {
    fn new(seed: u64) -> Self {
        Self::of(Tamper::Nothing, seed)
    }

    fn of(tamper: Tamper, seed: u64) -> Self {
        let setup = Setup { tamper, ..Setup::new(seed, Vec::new(), Nanos::ZERO) };
        let venue = exchange(&setup);
        let guard = Guard::new(&venue, START);
        Self {
            venue,
            setup,
            dir: TempDir::new().unwrap(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            guard: Arc::new(Mutex::new(guard)),
            now: START,
            booked: BTreeSet::new(),
            count: Count::default(),
        }
    }

    fn one_more(&mut self) {
        // One in four is killed while it starts; one in six ends in good order.
        let lasts = match self.rng.random_range(0..4) {
            0 => 0..2_500,
            _ => 4_000..9_000,
        };
        let lasts = self.draw_ms(lasts);
        let end = if self.rng.random_range(0..6) == 0 { End::Clean } else { End::Killed };
        self.guard.lock().unwrap().is_dead = self.rng.random_range(0..5) == 0;
        self.live(lasts, end);
        // Begun again before the guard is alarmed, or after it.
        let down = if self.rng.random_range(0..2) == 0 { 0..2_900 } else { 3_000..12_000 };
        let down = self.draw_ms(down);
        self.is_down(down);
    }

    fn live(&mut self, lasts: Nanos, end: End) {
        let begun = self.now;
        let files = RiskFile::new(self.dir.path(), user());
        let earlier = files.read().unwrap();
        let state = RunState::open(self.dir.path(), user(), begun).unwrap();
        let grace = Nanos::secs(1);
        let settle =
            if state.was_killed() { params().risk.expires_after + grace } else { Nanos::ZERO };
        let (session, nonce) = (state.session(), state.nonce());
        let begin = Begin { session, nonce, settle, risk: earlier };
        let Bot { mut pipeline, link, seen: on_the_wire } = bot(&self.setup, &self.venue, begin);
        let stages = core::mem::take(&mut pipeline.stages);
        let mut seen = Seen {
            session,
            begun,
            link,
            metrics: pipeline.metrics.clone(),
            up: None,
            flow: Usd::ZERO,
            fills: Vec::new(),
            risk: None,
            next_look: begun,
        };
        // What is kept is up to so old when it is killed.
        let written = begun + lasts - self.draw_ms(0..5_000);
        let mut kept = None;
        let told = begun + lasts;
        let last = if end == End::Clean { told + STOPS } else { told };
        let mut moment = |now: Nanos| {
            if now < last {
                self.guard.lock().unwrap().hears(now);
            }
            seen.drain(&mut pipeline, &mut self.booked);
            seen.look(now, &self.venue);
            if now <= written {
                kept = seen.risk.or(kept);
            }
            if now < told || end == End::Killed {
                return true;
            }
            pipeline.level.raise(HaltLevel::Halt);
            !(open(&self.venue).is_empty() && now >= told + Nanos::secs(1))
        };
        let mut reached = begun;
        let mut after_moment = |now| {
            reached = now;
            moment(now)
        };
        let venue = Outside { venue: self.venue.stage(), guard: self.guard.clone() };
        let drive = Drive {
            start: begun,
            end: last,
            venue: Box::new(venue),
            after_moment: &mut after_moment,
        };
        run_inline(Lane::inline(stages, &WallClock::default()).0, drive);
        let ended = if end == End::Clean { reached } else { last };
        assert_eq!(on_the_wire.nonce_refusals.load(Ordering::Relaxed), 0, "nonces were refused");
        let at_the_end = seen.last_word(&mut pipeline);
        seen.goes_on_from(earlier, at_the_end);
        self.count.begun_late += u64::from(seen.up.is_none());
        self.count.fills += seen.fills.len() as u64;
        let left = open(&self.venue).len();
        match end {
            End::Clean => {
                assert_eq!(left, 0, "{session}: orders rest after a clean end");
                seen.agrees(&self.venue);
                seen.books_are_complete(ended, &self.venue);
                files.write(&at_the_end).unwrap();
                state.finish().unwrap();
                self.guard.lock().unwrap().beat = None;
            }
            End::Killed => {
                self.count.kills += 1;
                self.count.with_orders += u64::from(left > 0);
                seen.books_are_complete(ended - NEWS, &self.venue);
                if let Some(kept) = kept {
                    files.write(&kept).unwrap();
                }
                drop(state);
            }
        }
        self.now = ended;
    }

    /// Nobody trades; the guard does what it does. It is over when the guard is done.
    fn is_down(&mut self, at_least: Nanos) {
        let began = self.now;
        let (until, last) = (began + at_least, began + Nanos::secs(120));
        let before = self.venue_fills(began, Nanos::MAX).len();
        let mut reached = began;
        let (mut rested, guard) = (Nanos::ZERO, self.guard.clone());
        let mut after_moment = |now: Nanos| {
            reached = now;
            if !open(&self.venue).is_empty() {
                rested = now - began;
            }
            now < until || guard.lock().unwrap().acts()
        };
        let venue = Outside { venue: self.venue.stage(), guard: self.guard.clone() };
        let drive = Drive {
            start: began,
            end: last,
            venue: Box::new(venue),
            after_moment: &mut after_moment,
        };
        run_inline(Vec::new(), drive);
        assert!(reached < last, "the guard is never done");
        let is_guarded = !self.guard.lock().unwrap().is_dead;
        if is_guarded && at_least > guard::TIMEOUT {
            assert_eq!(open(&self.venue).len(), 0, "the guard has left orders");
            let most = guard::TIMEOUT + Nanos::secs(2);
            assert!(rested <= most, "orders rested {rested} after the last beat");
            self.count.longest_rest_ms = self.count.longest_rest_ms.max(rested.as_millis());
        }
        self.count.between += (self.venue_fills(began, Nanos::MAX).len() - before) as u64;
        self.now = reached;
    }

    /// The last life ends in good order, the guard too: nothing comes any more.
    fn ends(mut self, lives: u64) {
        self.guard.lock().unwrap().is_dead = false;
        self.live(Nanos::secs(10), End::Clean);
        self.guard.lock().unwrap().is_dead = true;
        self.is_down(Nanos::secs(30));
        assert_eq!(open(&self.venue).len(), 0, "orders rest although both were told to stop");
        let fills = self.venue_fills(START, Nanos::MAX);
        let all = fills.iter().map(|f| (f.asset.index(), f.tid)).collect::<BTreeSet<_>>();
        let gained =
            self.venue.with(|host| host.inner().venue().account(&user())).total_raw_usd - MONEY;
        let Count { kills, with_orders, begun_late, fills, between, longest_rest_ms } = self.count;
        let (acted, cancelled) = {
            let guard = self.guard.lock().unwrap();
            (guard.acted, guard.cancelled)
        };
        println!(
            "{lives} lives in {:.0} s: {kills} killed, {with_orders} of them with orders at the venue, \
             {begun_late} before their link was up; the guard acted {acted} times, cancelled {cancelled} \
             orders, the last {longest_rest_ms} ms after the last beat; {fills} fills booked, {between} \
             while nobody was there, {gained} USD of cash gained",
            (self.now - START).as_secs_f64(),
        );
        // The venue keeps so many of the newest.
        let booked = all.iter().filter(|key| self.booked.contains(key)).count();
        assert!(booked > 0 && fills > lives, "little was traded: {booked}, {fills}");
        assert!(with_orders > lives / 4 && acted > lives / 10, "the lives are too easy");
    }

    fn venue_fills(&self, from: Nanos, to: Nanos) -> Vec<botmm::exchange::model::UserFill> {
        fills(&self.venue, from, to)
    }

    fn draw_ms(&mut self, range: Range<i64>) -> Nanos {
        Nanos::millis(self.rng.random_range(range))
    }
}

impl Seen {
    fn drain(&mut self, pipeline: &mut Pipeline, booked: &mut BTreeSet<(usize, u64)>) {
        for i in 0..pipeline.records.len() {
            while let Some(record) = pipeline.records[i].pop() {
                let Record::Fact(fact) = record else { continue };
                match fact {
                    Fact::Fill { asset, fill, .. } => {
                        let is_new = booked.insert((asset.index(), fill.tid));
                        assert!(is_new, "fill {} was booked before", fill.tid);
                        let cash = notional(fill.px, fill.qty);
                        let cash = if fill.side == Side::Bid { -cash } else { cash };
                        self.flow = self.flow + cash - fill.fee;
                        self.fills.push((asset, fill));
                    }
                    Fact::Funding { paid, .. } => self.flow -= paid,
                    Fact::Risk(kept) => self.risk = Some(kept),
                    Fact::Alert { kind: AlertKind::RingFull(_) | AlertKind::Refused, .. } => {
                        panic!("{record:?}");
                    }
                    _ => {}
                }
            }
        }
    }

    fn look(&mut self, now: Nanos, venue: &Venue) {
        if self.up.is_none() && GatewayView::read(&self.link).is_up {
            let money = venue.with(|host| host.inner().venue().account(&user())).total_raw_usd;
            self.up = Some((now, money));
            assert!(self.fills.is_empty(), "it has traded before it was up");
        }
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK_EVERY;
        let sessions: BTreeSet<u32> = open(venue).into_iter().collect();
        if sessions.contains(&self.session) {
            assert_eq!(sessions.len(), 1, "it quotes beside what an earlier life left");
        }
        let is_settled = self.up.is_some_and(|(at, _)| now - at >= Nanos::secs(1));
        if is_settled && fills(venue, now - NEWS, Nanos::MAX).is_empty() {
            self.agrees(venue);
        }
    }

    /// Positions are the venue's, and so is the cash that came of what was booked.
    fn agrees(&self, venue: &Venue) {
        let Some((_, money)) = self.up else { return };
        let account = venue.with(|host| host.inner().venue().account(&user()));
        for (asset, instrument) in universe().iter() {
            let theirs = account.positions.iter().find(|p| p.asset == asset);
            let theirs = theirs.map_or(Qty::ZERO, |p| p.szi);
            let ours = Qty::from_raw(self.metrics.risk.position[asset.index()].get() as i64);
            assert_eq!(ours, theirs, "{}: {} held", self.session, instrument.coin);
        }
        let (theirs, ours) = (account.total_raw_usd - money, self.flow);
        let apart = theirs - ours;
        assert!(apart < TOLERANCE && -apart < TOLERANCE, "{theirs} USD came, {ours} were booked");
    }

    /// Every fill of this life's orders that was long enough ago has been booked, as it was.
    fn books_are_complete(&self, until: Nanos, venue: &Venue) {
        for fill in fills(venue, self.begun, until) {
            if fill.cloid.is_none_or(|c| c.session() != self.session) {
                continue;
            }
            let same =
                |(asset, ours): &&(AssetId, Fill)| *asset == fill.asset && ours.tid == fill.tid;
            let Some((_, ours)) = self.fills.iter().find(same) else {
                panic!("fill {} at {} was not booked", fill.tid, fill.time);
            };
            let (ours, theirs) = (
                (ours.px, ours.qty, ours.side, ours.fee, ours.oid),
                (fill.px, fill.qty, fill.side, fill.fee, fill.oid),
            );
            assert_eq!(ours, theirs, "fill {}", fill.tid);
        }
    }

    /// What the risk stage says as it goes down: of this very moment, which its counters are of, too.
    fn last_word(&self, pipeline: &mut Pipeline) -> RiskSnapshot {
        let mut last = self.risk;
        for i in 0..pipeline.records.len() {
            while let Some(record) = pipeline.records[i].pop() {
                if let Record::Fact(Fact::Risk(kept)) = record {
                    last = Some(kept);
                }
            }
        }
        last.unwrap()
    }

    /// The day's profit goes on from what was kept, by what this life has earned.
    fn goes_on_from(&self, earlier: Option<RiskSnapshot>, last: RiskSnapshot) {
        let before = earlier.filter(|kept| kept.day == last.day);
        let before = before.map_or(Usd::ZERO, |kept| kept.day_profit);
        let expected = before + self.metrics.net_pnl();
        assert_eq!(last.day_profit, expected, "{}: after {before} before it", self.session);
    }
}

/// The runs whose orders rest.
fn open(venue: &Venue) -> Vec<u32> {
    venue.with(|host| {
        let open = host.inner().venue().open_orders(&user());
        open.iter().map(|o| o.cloid.unwrap().session()).collect()
    })
}

/// The account's fills of blocks in `from..to`.
fn fills(venue: &Venue, from: Nanos, to: Nanos) -> Vec<botmm::exchange::model::UserFill> {
    venue.with(|host| {
        let fills = host.inner().venue().fills(&user()).iter();
        fills.filter(|f| (from..to).contains(&f.time)).cloned().collect()
    })
}
