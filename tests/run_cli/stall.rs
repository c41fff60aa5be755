//! Connections that do not break but stop to carry anything, in one direction or both, while HTTPS
//! works: what rests must not stay unattended.

use crate::bot::Home;
use crate::trading::check;
use crate::venue::Market;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// From silence to no order at the venue: three times what is promised, for machines that are busy.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Which direction of WebSockets carries nothing, those that are opened anew included.
#[derive(Default)]
struct Stalled {
    to_venue: AtomicBool,
    to_bot: AtomicBool,
}

/// A proxy before a venue; the port that it listens on.
fn proxy(venue_port: u16, stalled: &Arc<Stalled>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let stalled = stalled.clone();
    thread::spawn(move || {
        for bot in listener.incoming().map_while(Result::ok) {
            let stalled = stalled.clone();
            thread::spawn(move || drop(carry(bot, venue_port, &stalled)));
        }
    });
    port
}

/// Carries one connection's bytes until one of its ends is closed.
fn carry(mut bot: TcpStream, venue_port: u16, stalled: &Arc<Stalled>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut more = [0; 4096];
        match bot.read(&mut more)? {
            0 => return Ok(()),
            n => head.extend_from_slice(&more[..n]),
        }
    }
    let is_ws = String::from_utf8_lossy(&head).to_ascii_lowercase().contains("upgrade: websocket");
    let mut venue = TcpStream::connect((Ipv4Addr::LOCALHOST, venue_port))?;
    let (down, up) = (stalled.clone(), stalled.clone());
    let back = (venue.try_clone()?, bot.try_clone()?);
    thread::spawn(move || pump(back.0, back.1, || is_ws && down.to_bot.load(Ordering::Relaxed)));
    let is_held = || is_ws && up.to_venue.load(Ordering::Relaxed);
    while is_held() {
        thread::sleep(LOOK_EVERY);
    }
    venue.write_all(&head)?;
    pump(bot, venue, is_held);
    Ok(())
}

fn pump(mut from: TcpStream, mut to: TcpStream, is_held: impl Fn() -> bool) {
    let mut bytes = vec![0; 64 << 10];
    from.set_read_timeout(Some(LOOK_EVERY)).unwrap();
    loop {
        // What is not read fills the buffers between: to the sender it looks like a full line.
        if is_held() {
            thread::sleep(LOOK_EVERY);
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(n) if to.write_all(&bytes[..n]).is_ok() => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(_) | Err(_) => break,
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn nothing_rests_soon_after(name: &str, to_venue: bool, to_bot: bool) {
    let home = Home::new(name);
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let stalled = Arc::new(Stalled::default());
    let url = format!("http://127.0.0.1:{}", proxy(market.port(), &stalled));
    let mut bot = home.start("run", home.command(&url, &["--symbols", "BTC", "--json"]));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    stalled.to_venue.store(to_venue, Ordering::Relaxed);
    stalled.to_bot.store(to_bot, Ordering::Relaxed);
    let begun = Instant::now();
    bot.until("the cancels", |_| market.seen.open_orders(account) == 0);
    let after = begun.elapsed();
    println!("{name}: nothing rests {:.1} s after the silence began", after.as_secs_f64());
    assert!(after < LIMIT, "{after:?}");
    // Where our own frames still arrive, the cancels of a stale book may have been first: then HTTPS says
    // that nothing rests.
    bot.until("word of it", |bot| bot.has_said("order link down: "));
    stalled.to_venue.store(false, Ordering::Relaxed);
    stalled.to_bot.store(false, Ordering::Relaxed);
    bot.until("orders again", |_| market.seen.open_orders(account) > 0);
    check(&bot.terminated(), &market.seen, account);
}

#[test]
fn a_line_that_carries_nothing_at_all() {
    nothing_rests_soon_after("both ways", true, true);
}

#[test]
fn a_line_that_carries_nothing_to_the_venue() {
    nothing_rests_soon_after("to the venue", true, false);
}

#[test]
fn a_line_that_carries_nothing_from_the_venue() {
    nothing_rests_soon_after("from the venue", false, true);
}
