//! Against webhook servers of every kind, with the side thread's turns.

#[path = "../../../tests/common/http.rs"]
mod http;

use super::*;
use crate::side::alert::Topic;
use crate::side::notify::outlet::MAX_WAITING;
use crate::side::task::tests::Stand;
use botmm_pipeline::types::{AssetId, Fill, Px, Usd};
use serde_json::Value;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

const SECRET: &str = "s3cr3t-t0ken-of-the-webhook";

/// A server that answers the n-th request as it is told to, and hands on what it was asked.
fn server(
    mut answer: impl FnMut(usize, &mut TcpStream) + Send + 'static,
) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/webhooks/1/{SECRET}", listener.local_addr().unwrap());
    let (heard, posts) = channel();
    std::thread::spawn(move || {
        let mut n = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            while let Some((_, body)) = http::request(&mut stream) {
                let _ = heard.send(serde_json::from_slice(&body).unwrap());
                answer(n, &mut stream);
                n += 1;
            }
        }
    });
    (url, posts)
}

fn says(status: &'static str, more: &'static str, body: &'static str) -> impl Fn(&mut TcpStream) {
    move |stream| {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\n\r\n{body}");
        let _ = stream.write_all(text.as_bytes());
    }
}

struct World {
    stand: Stand,
    notify: Notify,
    said: Vec<String>,
}

impl World {
    fn to(urls: &[(Shape, &str)]) -> Self {
        let timeouts =
            Timeouts { connect: Duration::from_secs(1), total: Duration::from_millis(400) };
        let outlet = |(shape, url): &(Shape, &str)| {
            let hook = Hook::new(url, &Tls::default(), timeouts).unwrap();
            Outlet::new(*shape, hook, Level::Info, 20)
        };
        let universe = crate::coins::universe([("A", 2), ("B", 2)]);
        let speaker = Speaker { network: "TEST".to_owned(), title: "a test".to_owned() };
        let outlets = urls.iter().map(outlet).collect();
        let mut stand = Stand::with_room(4);
        stand.now = Nanos::secs(1_795_369_510);
        let notify = Notify::to(outlets, speaker, universe, stand.now);
        Self { stand, notify, said: Vec::new() }
    }

    fn tell(&mut self, level: Level, text: &str) {
        let alert = Alert { level, topic: Topic::Risk, text: text.to_owned() };
        self.notify.tell(self.stand.now, &alert);
    }

    /// A turn, so many virtual ms later.
    fn turn(&mut self, later_ms: i64) {
        self.stand.now = self.stand.now + Nanos::millis(later_ms);
        let out = self.stand.turn(&mut self.notify);
        self.said.extend(out.said.into_iter().map(|alert| alert.text));
    }

    /// Turns while time hardly goes on, until something came. A hang guard, no measure.
    fn until<T>(&mut self, later_ms: i64, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            self.turn(later_ms);
            if let Some(found) = look(self) {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it never came: {:?}", self.said);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn texts(post: &Value) -> Vec<String> {
    let embeds = post["embeds"].as_array().unwrap();
    embeds.iter().map(|e| e["description"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_belongs_together_comes_together_and_what_is_urgent_at_once() {
    let (url, posts) = server(|_, s| says("204 No Content", "", "")(s));
    let (other, plain) = server(|_, s| says("200 OK", "", "ok")(s));
    let mut w = World::to(&[(Shape::Discord, &url), (Shape::Plain, &other)]);
    for text in ["one", "two", "two"] {
        w.tell(Level::Info, text);
    }
    w.turn(20);
    w.turn(20);
    assert!(posts.try_recv().is_err(), "it waits for company");
    w.tell(Level::Critical, "three");
    let post = w.until(20, |_| posts.try_recv().ok());
    assert_eq!(texts(&post), ["one", "two", "three"]);
    assert_eq!(post["embeds"][1]["title"], "risk (2 times)");
    assert_eq!(post["embeds"][2]["title"], "critical: risk");
    assert_eq!(post["embeds"][2]["footer"]["text"], "TEST  ·  a test");
    let post = w.until(20, |_| plain.try_recv().ok());
    assert_eq!(post["alerts"][2]["level"], "critical");
    assert_eq!(
        post["text"],
        "[info] risk: one\n[info] risk: two (2 times)\n[critical] risk: three"
    );
    w.tell(Level::Info, "four");
    assert_eq!(texts(&w.until(100, |_| posts.try_recv().ok())), ["four"]);
    assert_eq!(w.said, [""; 0]);
}

#[test]
fn a_level_that_is_not_wanted_is_not_sent_and_fills_are_batched() {
    let (url, posts) = server(|_, s| says("204 No Content", "", "")(s));
    let mut w = World::to(&[(Shape::Plain, &url)]);
    let fill =
        Fill { px: Px::parse("100").unwrap(), qty: Qty::parse("2").unwrap(), ..Fill::default() };
    for ms in 0..40 {
        let (asset, time) = (AssetId::new(1), w.stand.now + Nanos::millis(ms));
        w.notify.hear(&Fact::Fill { asset, time, venue_time: time, fill });
    }
    w.turn(59_000);
    assert!(posts.try_recv().is_err());
    let post = w.until(1_000, |_| posts.try_recv().ok());
    let text = post["alerts"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("40 fills, 8000.00 USD"), "{text}");

    let (quiet, silence) = server(|_, s| says("204 No Content", "", "")(s));
    let hook = Hook::new(&quiet, &Tls::default(), TIMEOUTS).unwrap();
    w.notify.outlets = vec![Outlet::new(Shape::Discord, hook, Level::Warn, 20)];
    w.tell(Level::Info, "no");
    w.tell(Level::Warn, "yes");
    assert_eq!(texts(&w.until(2_000, |_| silence.try_recv().ok())), ["yes"]);
}

#[test]
fn the_days_numbers_come_at_midnight_and_equal_the_ledger() {
    let (url, posts) = server(|_, s| says("204 No Content", "", "")(s));
    let mut w = World::to(&[(Shape::Plain, &url)]);
    let time = w.stand.now;
    let fill = Fill {
        px: Px::parse("100").unwrap(),
        qty: Qty::parse("0.5").unwrap(),
        fee: Usd::parse("0.0123").unwrap(),
        ..Fill::default()
    };
    w.notify.hear(&Fact::Fill { asset: AssetId::new(0), time, venue_time: time, fill });
    let day = DayNet {
        day: botmm_pipeline::types::risk::utc_day(time),
        net: Usd::parse("12.3456").unwrap(),
        whole: true,
    };
    w.notify.hear(&Fact::Day(day));
    let post = w.until(500, |_| posts.try_recv().ok());
    let report = &post["alerts"][0];
    assert_eq!(report["topic"], "daily");
    let data = &report["data"];
    assert_eq!((&data["net_pnl_usd"], &data["fees_usd"]), (&"12.3456".into(), &"0.0123".into()));
    assert_eq!((&data["gross_pnl_usd"], &data["fills"]), (&"12.3579".into(), &1.into()));
    assert!(report["text"].as_str().unwrap().contains("net 12.35 USD"), "{report}");
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it_and_then_the_same_message() {
    let wait = "Retry-After: 30\r\n";
    let body = r#"{"message":"You are being rate limited.","retry_after":64.5,"global":false}"#;
    let (url, posts) = server(move |n, s| match n {
        0 => says("429 Too Many Requests", wait, body)(s),
        _ => says("204 No Content", "", "")(s),
    });
    let mut w = World::to(&[(Shape::Discord, &url)]);
    w.tell(Level::Critical, "x");
    let first = w.until(0, |_| posts.try_recv().ok());
    let begun = w.stand.now;
    w.until(0, |w| w.notify.outlets[0].has_answer().then_some(()));
    w.turn(64_000);
    std::thread::sleep(Duration::from_millis(20));
    assert!(posts.try_recv().is_err(), "not before the longer of both is over");
    let second = w.until(100, |_| posts.try_recv().ok());
    assert!(w.stand.now - begun >= Nanos::millis(64_500));
    assert_eq!(first, second);
    assert_eq!(w.said, [""; 0], "nothing is wrong");
}

#[test]
fn whatever_a_server_does_turns_stay_short_the_pauses_grow_and_nothing_is_lost() {
    for (name, trouble) in [
        (
            "late",
            (|s: &mut TcpStream| {
                std::thread::sleep(Duration::from_millis(600));
                says("204 No Content", "", "")(s);
            }) as fn(&mut TcpStream),
        ),
        ("500", |s| says("500 Internal Server Error", "", "no")(s)),
        ("garbage", |s| {
            let _ = s.write_all(b"\x00\xffgarbage\r\n\r\n");
            let _ = s.shutdown(std::net::Shutdown::Both);
        }),
        ("cut", |s| {
            let _ = s.shutdown(std::net::Shutdown::Both);
        }),
        ("429 without a word", |s| says("429 Too Many Requests", "", "<html>")(s)),
        ("gone", |s| says("404 Not Found", "", r#"{"message": "Unknown Webhook"}"#)(s)),
    ] {
        let (url, posts) = server(move |n, s| match n {
            0..5 => trouble(s),
            _ => says("204 No Content", "", "")(s),
        });
        let mut w = World::to(&[(Shape::Discord, &url)]);
        w.tell(Level::Critical, "the one");
        let mut longest = Duration::ZERO;
        let mut times = Vec::new();
        while times.len() < 6 {
            let post = w.until(100, |w| {
                let begun = Instant::now();
                w.turn(0);
                longest = longest.max(begun.elapsed());
                posts.try_recv().ok()
            });
            assert_eq!(texts(&post)[0], "the one", "{name}");
            times.push(w.stand.now);
        }
        let pauses: Vec<_> = times.windows(2).map(|t| t[1] - t[0]).collect();
        for (n, pause) in pauses.iter().enumerate() {
            assert!(*pause >= Nanos::secs(1 << n), "{name}: {pauses:?}");
        }
        w.until(20, |w| w.notify.outlets[0].is_idle().then_some(()));
        w.until(20, |w| (w.said.len() == 2).then_some(()));
        assert!(w.said[0].contains("takes no alerts, they wait") && w.said[1].contains("again"));
        assert!(!format!("{:?}", w.said).contains("s3cr3t"), "{name}: {:?}", w.said);
        println!("{name}: longest turn {longest:?}, pauses {pauses:?}; {}", w.said[0]);
    }
}

#[test]
fn a_server_that_never_answers_costs_the_oldest_of_the_least_important_and_that_is_told() {
    let (url, posts) = server(|n, s| match n {
        0 => std::thread::sleep(Duration::from_millis(900)),
        _ => says("204 No Content", "", "")(s),
    });
    let mut w = World::to(&[(Shape::Discord, &url)]);
    w.tell(Level::Critical, "first");
    w.until(0, |_| posts.try_recv().ok());
    w.tell(Level::Critical, "keep me");
    for n in 0..1_000 {
        w.tell(Level::Info, &format!("{n}"));
        w.turn(0);
    }
    let mut got = Vec::new();
    let mut told = String::new();
    w.until(500, |w| {
        while let Ok(post) = posts.try_recv() {
            got.extend(texts(&post));
            told += post["content"].as_str().unwrap();
        }
        w.notify.outlets[0].is_idle().then_some(())
    });
    got.dedup(); // The first was sent again: nobody had said that it arrived.
    assert_eq!((got[0].as_str(), got[1].as_str()), ("first", "keep me"));
    assert_eq!(got.len(), 1 + MAX_WAITING, "{got:?}");
    assert_eq!(got.last().unwrap(), "999", "the newest stay");
    let dropped = 1_001 - MAX_WAITING;
    assert!(told.starts_with(&format!("{dropped} alerts before this")), "{told}");
    assert_eq!(w.notify.counts(), [("discord", [dropped as u64, 0])]);
}

#[test]
fn no_more_messages_a_minute_than_allowed() {
    let (url, posts) = server(|_, s| says("204 No Content", "", "")(s));
    let mut w = World::to(&[(Shape::Discord, &url)]);
    let mut times: Vec<Nanos> = Vec::new();
    let begun = w.stand.now;
    let mut n = 0;
    w.until(100, |w| {
        n += 1;
        w.tell(Level::Critical, &format!("{n}"));
        times.extend(posts.try_iter().map(|_| w.stand.now));
        (w.stand.now - begun > Nanos::secs(180)).then_some(())
    });
    assert!(times.len() > 40, "{}", times.len());
    for (i, at) in times.iter().enumerate() {
        // A post is seen a turn or two after it was sent.
        let within = times[i..].iter().filter(|t| **t - *at < Nanos::secs(59)).count();
        assert!(within <= 20, "{within} within a minute");
    }
}

#[test]
fn a_message_that_is_refused_keeps_no_other_waiting() {
    let (url, posts) = server(|n, s| match n {
        0 => says("400 Bad Request", "", r#"{"embeds": ["0"]}"#)(s),
        _ => says("204 No Content", "", "")(s),
    });
    let mut w = World::to(&[(Shape::Discord, &url)]);
    w.tell(Level::Critical, "odd");
    w.until(0, |_| posts.try_recv().ok());
    w.tell(Level::Critical, "sound");
    let post = w.until(20, |_| posts.try_recv().ok());
    assert_eq!(texts(&post), ["sound"]);
    assert!(post["content"].as_str().unwrap().starts_with("1 alerts"), "{post}");
    assert!(w.said[0].contains("HTTP 400"), "{:?}", w.said);
}
