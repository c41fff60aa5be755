//! The same with a guard beside the bot, a real process with an agent key of its own. Killed at any moment,
//! the bot is begun again at once, or only when the guard has done its work; or the guard is killed first, and
//! what rests waits for the next bot.
//!
//! `BOTMM_GUARDED_KILLS` kills (default 6); `BOTMM_SEED` draws the moments.

use crate::common::{running, spawnable};
use crate::{KEY, PATIENCE, Sequence, user};
use botmm::net::{Endpoint, Rest, Tls};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::venue::hl::sign::{ApproveAgent, Network, Signer};
use std::process::Command;
use std::time::{Duration, Instant};

/// A key for tests.
pub const GUARD_KEY: &str = "0x1123456789012345678901234567890123456789012345678901234567890123";
/// From the last beat to no order at the venue: what is promised, three times over, for machines that are
/// busy.
const LIMIT: Duration = Duration::from_secs(3 * (3 + 2));
/// Halted by a kill (docs/stop.md).
const HALTED: i32 = 6;

/// What becomes of the orders of a bot that was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The next bot is there before the guard is alarmed, or while it is at work.
    BeginsAtOnce,
    GuardActs,
    GuardIsKilledToo,
}

#[test]
fn killed_at_any_moment_with_a_guard_beside_it_no_order_is_left() {
    let env = |name, or| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let (kills, seed) = (env("BOTMM_GUARDED_KILLS", 6), env("BOTMM_SEED", 1));
    println!("{kills} kills, BOTMM_SEED={seed}");
    let mut sequence = Sequence::new(seed);
    sequence.approve_guard();
    let mut slowest = Duration::ZERO;
    let mut drawn = Vec::new();
    for kill in 0..kills {
        if drawn.is_empty() {
            drawn = vec![Then::BeginsAtOnce, Then::GuardActs, Then::GuardIsKilledToo];
        }
        let then = drawn.swap_remove(sequence.draw(0..drawn.len() as u64) as usize);
        sequence.kill_one(kill % 4 == 3);
        if then == Then::GuardIsKilledToo {
            sequence.kill_guard();
        }
        let left = sequence.look();
        sequence.note_kill(left);
        let mut said = String::new();
        match then {
            // One that was killed before it had started a guard has none, if the last one was killed too.
            Then::GuardActs if left > 0 && guards() > 0 => {
                let took = sequence.guard_acts();
                slowest = slowest.max(took);
                said = format!(", none {:.1} s later", took.as_secs_f64());
            }
            Then::GuardActs => std::thread::sleep(Duration::from_millis(sequence.draw(0..6_000))),
            Then::BeginsAtOnce | Then::GuardIsKilledToo => {}
        }
        println!("kill {kill}: {left} orders left, then {then:?}{said}");
    }
    sequence.until("end of the guard", || guards() == 0);
    if sequence.is_latched() {
        sequence.rearm();
    }
    sequence.ends_well();
    // It ends when it sees that the run has: soon, not at once.
    let began = Instant::now();
    while guards() > 0 {
        assert!(began.elapsed() < PATIENCE, "a guard is left");
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("the guard took {:.1} s at most", slowest.as_secs_f64());
}

impl Sequence {
    /// From here on bots start a guard.
    fn approve_guard(&mut self) {
        let agent = Signer::from_hex(GUARD_KEY).unwrap().address();
        let nonce = WallClock::default().now().as_millis() as u64;
        let action = ApproveAgent::new(agent, Some("guard"), nonce, Network::Testnet).unwrap();
        let body = action.signed_body(&Signer::from_hex(KEY).unwrap()).unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}", self.proxy.addr())).unwrap();
        let answer = Rest::new(&endpoint, &Tls::default()).unwrap().exchange(&body).unwrap();
        assert_eq!(answer["status"], "ok", "{answer}");
        self.is_guarded = true;
    }

    /// Starts a bot and kills it, while it starts or when it trades under guard.
    fn kill_one(&mut self, starts: bool) {
        let mut bot = self.start(&[]);
        if starts {
            std::thread::sleep(Duration::from_millis(self.draw(0..600)));
        } else {
            bot = self.wait_unless_latched(bot);
            self.until("guard", || guards() == 1);
            std::thread::sleep(Duration::from_millis(self.draw(0..1_000)));
        }
        bot.kill().unwrap();
        bot.wait().unwrap();
    }

    /// Until it quotes. One that finds itself latched by a guard which was at work when it began is re-armed,
    /// and begun again.
    pub fn wait_unless_latched(&mut self, mut bot: std::process::Child) -> std::process::Child {
        let began = Instant::now();
        loop {
            if self.quotes() {
                self.wait_until_it_quotes(&mut bot);
                return bot;
            }
            if let Some(status) = bot.try_wait().unwrap() {
                let said = std::fs::read_to_string(self.stderr()).unwrap();
                assert_eq!(status.code(), Some(HALTED), "{said}");
                assert!(said.contains("by the guard: no beat"), "{said}");
                self.until("end of the guard's work", || is_done(&self.log()));
                self.rearm();
                bot = self.start(&[]);
            }
            assert!(began.elapsed() < PATIENCE, "it does not quote");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// None rests, in time, none comes, and the key is latched until a person re-arms.
    fn guard_acts(&mut self) -> Duration {
        let began = Instant::now();
        self.until("guard's cancels", || self.exchange.resting().is_empty());
        let took = began.elapsed();
        assert!(took < LIMIT, "{took:?}");
        let begun = Instant::now();
        while !is_done(&self.log()) {
            assert!(begun.elapsed() < PATIENCE, "no last word of the guard: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.look(), 0, "an order came to rest after the guard");
        self.rearm();
        took
    }

    /// A session that was not there before has orders.
    fn quotes(&self) -> bool {
        self.exchange.resting().iter().any(|c| !self.sessions.contains(&c.session()))
    }

    fn is_latched(&self) -> bool {
        self.dir.path().join(format!("state/{}.latch", user())).exists()
    }

    fn rearm(&self) {
        let output = spawnable(self.dir.path(), &["rearm"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn kill_guard(&self) {
        // None is there yet when the bot was killed while it began.
        let _ = Command::new("pkill").args(["-KILL", "-f", &words()]).status().unwrap();
        self.until("end of the guard", || guards() == 0);
    }

    fn log(&self) -> String {
        let path = self.dir.path().join(format!("state/{}.guard.log", user()));
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

/// What a guard's command line has.
fn words() -> String {
    format!("guard --state state --address {}", user())
}

/// How many are at work.
fn guards() -> usize {
    running(&words())
}

/// What the guard has begun it has ended.
fn is_done(log: &str) -> bool {
    log.matches(" s: cancelling\n").count() == log.matches("no order of the bot's rests").count()
}
