//! The guard, a real process with a key of its own: whatever becomes of the bot, its orders go, and it finds
//! itself killed.

use crate::bot::{Bot, Home, assert_no_trace};
use crate::common::{free_port, running, spawnable};
use crate::server::wait;
use crate::trading::check;
use crate::venue::{Key, Market};
use std::fs;
use std::time::{Duration, Instant};

/// From the last beat to no order at the venue: what is promised, three times over, for machines that are
/// busy.
const LIMIT: Duration = Duration::from_secs(3 * (3 + 2));

/// An account, and the agent that its guard signs with.
fn approved(home: &Home, market: &Market) -> Key {
    let agent = Key::of("the guard's agent");
    market.seen.approve(&home.key, &agent);
    agent
}

/// A bot that starts a guard of its own, both at work.
fn guarded<'a>(home: &'a Home, name: &str, market: &Market, guard: &Key) -> Bot<'a> {
    let args = ["--symbols", "BTC", "--json"];
    let mut command = home.command(&market.url(), &args);
    command.env("BOTMM_GUARD_KEY", &guard.hex);
    let mut bot = home.start(name, command);
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    bot.until("a guard", |bot| bot.has_said("guard: armed"));
    bot.until("its word", |_| log(home).contains("armed: "));
    bot
}

fn log(home: &Home) -> String {
    let path = format!("state/{}.guard.log", home.key.address());
    fs::read_to_string(home.path().join(path)).unwrap_or_default()
}

fn latch(home: &Home) -> String {
    let path = format!("state/{}.latch", home.key.address());
    fs::read_to_string(home.path().join(path)).unwrap_or_default()
}

/// None of its orders rests, in time, and the key is latched by the guard.
fn guard_acts(home: &Home, market: &Market) {
    let begun = Instant::now();
    wait("the guard's cancels", || {
        std::thread::sleep(Duration::from_millis(20));
        (market.seen.open_orders(home.key.address()) == 0).then_some(())
    });
    let after = begun.elapsed();
    println!("nothing rests {:.1} s after the last beat", after.as_secs_f64());
    assert!(after < LIMIT, "{after:?}");
    assert!(latch(home).contains("by the guard: no beat for 3.0 s"), "{}", latch(home));
    wait("its last word", || {
        std::thread::sleep(Duration::from_millis(50));
        log(home).contains("no order of the bot's rests").then_some(())
    });
    println!("{}", log(home));
}

fn rearm(home: &Home) {
    assert!(spawnable(home.path(), &["rearm"]).output().unwrap().status.success());
}

#[test]
fn a_bot_that_was_killed_outright_leaves_no_order_and_its_guard_ends() {
    let home = Home::new("guarded dead");
    let market = Market::open(&[(&home.key, 10_000)]);
    let agent = approved(&home, &market);
    let bot = guarded(&home, "run", &market, &agent);
    let own = format!("guard --state state --address {}", home.key.address());
    assert_eq!(running(&own), 1);
    bot.signal("-KILL");
    guard_acts(&home, &market);
    drop(bot);
    wait("its end", || (running(&own) == 0).then_some(()));
    assert_no_trace(&home.key, home.path());
    assert_no_trace(&agent, home.path());
    // The next run finds the latch; re-armed, it trades, and is guarded again.
    let mut bot = home.start("latched", home.command(&market.url(), &["--symbols", "BTC"]));
    bot.until("word of it", |bot| bot.has_said("by the guard: no beat for 3.0 s"));
    assert_eq!(bot.terminated().code, 6);
    rearm(&home);
    let bot = guarded(&home, "next", &market, &agent);
    check(&bot.terminated(), &market.seen, home.key.address());
    // One that ends in good order is no death.
    wait("its end", || (running(&own) == 0).then_some(()));
    assert_eq!(latch(&home), "");
}

#[test]
fn a_bot_that_stands_still_is_cancelled_for_and_wakes_up_killed() {
    let home = Home::new("guarded stopped");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let agent = approved(&home, &market);
    let mut bot = guarded(&home, "run", &market, &agent);
    bot.signal("-STOP");
    guard_acts(&home, &market);
    let sent = bot.orders();
    bot.signal("-CONT");
    bot.until("word of it", |bot| bot.has_said("by the guard: no beat for 3.0 s"));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        assert_eq!(market.seen.open_orders(account), 0);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(bot.orders(), sent, "nothing was sent after it woke up");
    rearm(&home);
    bot.until("orders again", |_| market.seen.open_orders(account) > 0);
    // The guard is at its post as before.
    bot.signal("-STOP");
    guard_acts(&home, &market);
    bot.signal("-CONT");
    bot.until("word of it", |bot| bot.has_said("killed at"));
    assert_eq!(bot.terminated().code, 6);
}

#[test]
fn without_a_key_of_its_own_the_rung_is_not_armed_and_that_is_said() {
    let home = Home::new("unguarded");
    let market = Market::open(&[(&home.key, 10_000)]);
    let mut bot = home.start("run", home.command(&market.url(), &["--symbols", "BTC", "--json"]));
    bot.until("word of it", |bot| bot.has_said("guard: not armed: no key (BOTMM_GUARD_KEY)"));
    // The bot's own key is none, nor is one that nobody approved.
    let guard = |key: &Key| {
        let mut command = spawnable(home.path(), &["guard"]);
        command.env_remove("CREDENTIALS_DIRECTORY").env("BOTMM_GUARD_KEY", &key.hex);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = guard(&home.key);
    assert_eq!(code, Some(3));
    assert!(said.contains("an agent key of its own"), "{said}");
    let (code, said) = guard(&Key::of("nobody's agent"));
    assert_eq!(code, Some(5));
    assert!(said.contains("neither an account nor an approved agent"), "{said}");
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    check(&bot.terminated(), &market.seen, home.key.address());
}

/// As its unit is started: before the bot, and before there ever was one.
#[test]
fn a_guard_that_is_there_first_waits_for_its_bot() {
    let home = Home::new("guard first");
    let market = Market::open(&[(&home.key, 10_000)]);
    let agent = approved(&home, &market);
    let said = || fs::read_to_string(home.path().join("guard")).unwrap();
    let file = fs::File::create(home.path().join("guard")).unwrap();
    let mut command = spawnable(home.path(), &["guard"]);
    command.env_remove("CREDENTIALS_DIRECTORY").env("BOTMM_GUARD_KEY", &agent.hex);
    let mut guard = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
    wait("its word", || {
        said().contains("waits for the first run to leave its state").then_some(())
    });
    let mut bot = home.start("run", home.command(&market.url(), &["--symbols", "BTC", "--json"]));
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    bot.until("a guard", |bot| bot.has_said("guard: armed"));
    bot.until("its word", |_| said().contains("armed: "));
    bot.signal("-KILL");
    wait("the guard's cancels", || {
        std::thread::sleep(Duration::from_millis(20));
        (market.seen.open_orders(home.key.address()) == 0).then_some(())
    });
    drop(bot);
    guard.kill().unwrap();
    guard.wait().unwrap();
    assert!(latch(&home).contains("by the guard: no beat for 3.0 s"), "{}", said());
}

/// A guard that knows the bot by what it says over a connection alone, as on another host.
struct Far<'a> {
    home: &'a Home,
    child: std::process::Child,
    port: u16,
}

impl<'a> Far<'a> {
    fn start(home: &'a Home, agent: &Key) -> Self {
        let port = free_port();
        let (listen, address) = (format!("127.0.0.1:{port}"), home.key.address().to_string());
        let args = ["guard", "--address", &address, "--listen", &listen, "--state", "far"];
        let mut command = spawnable(home.path(), &args);
        command.env_remove("CREDENTIALS_DIRECTORY").env("BOTMM_GUARD_KEY", &agent.hex);
        let file = |name: &str| fs::File::create(home.path().join(name)).unwrap();
        command.stdout(file("far.log")).stderr(file("far.err"));
        let config = format!("[general]\nguard_at = \"{}@{listen}\"\n", agent.address());
        fs::write(home.path().join("far.toml"), config).unwrap();
        Self { home, child: command.spawn().unwrap(), port }
    }

    fn is_latched(&self) -> bool {
        let path = format!("far/{}.latch", self.home.key.address());
        self.home.path().join(path).exists()
    }

    fn has_said(&self, words: &str) -> bool {
        fs::read_to_string(self.home.path().join("far.log")).unwrap().contains(words)
    }

    /// None of the bot's orders rests, in time, and the guard's own latch is set.
    fn acts(&self, market: &Market) {
        let begun = Instant::now();
        wait("the far guard's cancels", || {
            std::thread::sleep(Duration::from_millis(20));
            (market.seen.open_orders(self.home.key.address()) == 0).then_some(())
        });
        println!("nothing rests {:.1} s after the last beat", begun.elapsed().as_secs_f64());
        assert!(begun.elapsed() < LIMIT && self.is_latched());
    }
}

impl Drop for Far<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["far.log", "far.err", "dies/stderr", "next/stderr"] {
                let text = fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
                println!("{name}: {text}");
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_guard_on_another_host_cancels_for_a_bot_that_is_dead_or_stands_and_its_latch_holds_here() {
    let home = Home::new("guarded from afar");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let agent = approved(&home, &market);
    let far = Far::start(&home, &agent);
    let args = ["--symbols", "BTC", "--json", "--config", "far.toml"];
    let quotes = |bot: &mut Bot<'_>| {
        bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
        bot.until("a guard", |bot| {
            bot.has_said(&format!("guard at 127.0.0.1:{}: armed", far.port))
        });
    };
    let mut bot = home.start("dies", home.command(&market.url(), &args));
    quotes(&mut bot);
    wait("its word", || far.has_said("armed: ").then_some(()));
    bot.signal("-KILL");
    far.acts(&market);
    drop(bot);
    wait("its last word", || far.has_said("no order of the bot's rests").then_some(()));

    // The next run hears of it, and holds still until a person re-arms it, which ends it there, too.
    let mut bot = home.start("next", home.command(&market.url(), &args));
    bot.until("word of it", |bot| bot.has_said("KILLED by the guard at 127.0.0.1:"));
    assert!(latch(&home).contains("no beat for 3.0 s"), "{}", latch(&home));
    rearm(&home);
    wait("the far latch's end", || (!far.is_latched()).then_some(()));
    quotes(&mut bot);

    // One that stood still asks before it sends anything.
    bot.signal("-STOP");
    far.acts(&market);
    let sent = bot.orders();
    bot.signal("-CONT");
    bot.until("word of it", |bot| bot.has_said("no beat for 3.0 s)"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(
        (bot.orders(), market.seen.open_orders(account)),
        (sent, 0),
        "it sent before it knew"
    );
    rearm(&home);
    wait("the far latch's end", || (!far.is_latched()).then_some(()));
    bot.until("orders again", |_| market.seen.open_orders(account) > 0);

    // One that ends in good order is no death.
    check(&bot.terminated(), &market.seen, account);
    std::thread::sleep(Duration::from_secs(5));
    assert!(!far.is_latched(), "it took a clean end for a death");
    assert_no_trace(&home.key, home.path());
    assert_no_trace(&agent, home.path());
}
