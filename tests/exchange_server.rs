//! The exchange's sockets, from outside: what clients get, and what a hostile one cannot do.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod echo;

use botmm::exchange::faults::{Faulty, Schedule, admin};
use botmm::exchange::server::{Limits, Server, ServerHandle, StatsSnapshot};
use botmm::exchange::{HttpReply, HttpRequest};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use echo::{Echo, client, read_reply, read_to_end, until, ws};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;
use tungstenite::{Error, Message};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Limits small enough to be reached in a test.
const SHORT: Limits = Limits {
    max_open: 64,
    request: Nanos::millis(400),
    answer: Nanos::millis(400),
    idle: Nanos::millis(400),
    linger: Nanos::millis(200),
    ..Limits::LOOPBACK
};

fn serve(limits: Limits) -> ServerHandle<Echo> {
    let server = Server::bind(ANY, Echo::default(), WallClock::default(), limits).unwrap();
    server.spawn().unwrap()
}

fn stats(server: &ServerHandle<Echo>) -> StatsSnapshot {
    server.stats().snapshot()
}

/// One request on a connection of its own; the whole answer.
fn ask(server: &ServerHandle<Echo>, request: &str) -> String {
    let mut stream = client(server.addr());
    stream.write_all(request.as_bytes()).unwrap();
    read_to_end(&mut stream)
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The server still does its work, for a new client too.
fn assert_serves(server: &ServerHandle<Echo>) {
    let mut stream = client(server.addr());
    stream.write_all(post("/info", "alive?").as_bytes()).unwrap();
    assert!(read_reply(&mut stream).ends_with("POST /info alive?"));
}

#[test]
fn requests_are_answered_in_order_on_one_connection() {
    let server = serve(Limits::LOOPBACK);
    let mut stream = client(server.addr());
    for turn in 0..100 {
        stream.write_all(post("/info", &format!("{turn}")).as_bytes()).unwrap();
        assert!(read_reply(&mut stream).ends_with(&format!("POST /info {turn}")));
    }
    let pipelined: String = (0..50).map(|n| post("/exchange?x", &format!("late {n}"))).collect();
    stream.write_all(pipelined.as_bytes()).unwrap();
    for n in 0..50 {
        assert!(read_reply(&mut stream).ends_with(&format!("POST /exchange late {n}")));
    }
    let big = "x".repeat(1 << 20);
    stream.write_all(post("/info", &big).as_bytes()).unwrap();
    assert_eq!(read_reply(&mut stream).len(), "POST /info ".len() + big.len());
    assert_eq!((stats(&server).requests, stats(&server).open), (151, 1));
    drop(stream);
    until("the connection is gone", || stats(&server).open == 0);
    server.stop().unwrap();
}

#[test]
fn odd_but_sound_requests_are_served() {
    let server = serve(Limits::LOOPBACK);
    let mut stream = client(server.addr());
    let head = "POST /info HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut word = [0; 25];
    stream.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n").unwrap();
    assert!(read_reply(&mut stream).ends_with("POST /info abcd"));

    // Who has ended its side after the request still gets its answer.
    stream.write_all(post("/info", "late but here").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(read_to_end(&mut stream).ends_with("POST /info late but here"));

    let old = ask(&server, "POST /info HTTP/1.0\r\nContent-Length: 1\r\n\r\nx");
    assert!(old.contains("Connection: close") && old.ends_with("POST /info x"), "{old}");
    server.stop().unwrap();
}

#[test]
fn what_is_not_served_is_said_in_plain_text() {
    let server = serve(Limits::LOOPBACK);
    let close = "HTTP/1.1\r\nConnection: close\r\n\r\n";
    let says = |request: &str, status: &str| {
        let answer = ask(&server, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {answer}");
        assert!(answer.contains("Content-Type: text/plain"), "{answer}");
        answer
    };
    assert!(says(&format!("GET /info {close}"), "405").contains("Allow: POST"));
    assert!(says(&format!("HEAD /exchange {close}"), "405").ends_with("\r\n\r\n"));
    says(&format!("GET / {close}"), "404");
    says(&format!("PUT /orders {close}"), "404");
    says(&format!("GET /ws {close}"), "426");
    says("\x16\x03\x01 this is no HTTP\r\n\r\n", "400");
    says("POST /info HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", "413");
    says(&format!("GET /{} {close}", "x".repeat(17 << 10)), "431");
    let upgrade = "GET /ws HTTP/1.1\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n";
    says(&format!("{upgrade}Sec-WebSocket-Version: 8\r\n\r\n"), "426");
    says(&format!("{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n"), "400");
    assert_eq!(stats(&server).malformed, 3);
    assert_serves(&server);
    server.stop().unwrap();
}

#[test]
fn only_loopback_is_served_and_a_taken_port_is_said() {
    let bind = |addr: SocketAddr| {
        let bound = Server::bind(addr, Echo::default(), WallClock::default(), Limits::LOOPBACK);
        bound.map(|s| s.local_addr()).map_err(|e| e.to_string())
    };
    let message = bind("0.0.0.0:0".parse().unwrap()).unwrap_err();
    assert!(message.contains("0.0.0.0:0: only a loopback address"), "{message}");
    let server = serve(Limits::LOOPBACK);
    let message = bind(server.addr()).unwrap_err();
    assert!(message.contains("choose another port"), "{message}");
    server.stop().unwrap();
}

#[test]
fn frames_go_both_ways_and_the_host_hears_of_each_end_once() {
    let server = serve(Limits::LOOPBACK);
    let mut one = ws(server.addr());
    let mut two = ws(server.addr());
    for n in 0..200 {
        one.send(Message::text(format!("one {n}"))).unwrap();
        two.send(Message::text(format!("two {n}"))).unwrap();
    }
    for n in 0..200 {
        assert_eq!(one.read().unwrap(), Message::text(format!("one {n}")));
        assert_eq!(two.read().unwrap(), Message::text(format!("two {n}")));
    }
    one.send(Message::Ping("p".into())).unwrap();
    assert_eq!(one.read().unwrap(), Message::Pong("p".into()));
    let big = "b".repeat(1 << 20);
    one.send(Message::text(big.as_str())).unwrap();
    assert_eq!(one.read().unwrap().len(), big.len());

    // The host ends one; the other leaves without a word.
    one.send(Message::text("please close")).unwrap();
    assert!(matches!(one.read(), Ok(Message::Close(Some(c))) if u16::from(c.code) == 1000));
    assert!(matches!(one.read(), Err(Error::ConnectionClosed)));
    drop(two);
    until("both are gone", || stats(&server).open == 0);
    let _still_open = ws(server.addr());
    let host = server.stop().unwrap();
    assert_eq!((host.opened, host.closed), (3, 3), "each open was followed by one close");
}

fn upgrade_request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

#[test]
fn pages_of_elsewhere_are_refused_on_both_ports() {
    let handler: botmm::exchange::server::AdminHandler<Echo> =
        |_, _, _, _| HttpReply { status: 200, content_type: "text/plain", body: b"admin".to_vec() };
    let server =
        Server::bind(ANY, Echo::default(), WallClock::default(), Limits::LOOPBACK).unwrap();
    let server = server.with_admin(ANY, handler).unwrap().spawn().unwrap();
    let ask_at = |addr: SocketAddr, request: &str| {
        let mut stream = client(addr);
        stream.write_all(request.as_bytes()).unwrap();
        read_to_end(&mut stream)
    };
    for addr in [server.addr(), server.admin_addr().unwrap()] {
        for bad in ["Host: evil.example", "Host: localhost\r\nOrigin: http://evil.example"] {
            let post = format!("POST /info HTTP/1.1\r\n{bad}\r\nContent-Length: 2\r\n\r\nhi");
            let answer = ask_at(addr, &post);
            assert!(answer.starts_with("HTTP/1.1 403 Forbidden"), "{answer}");
            assert!(answer.contains("evil.example") && answer.contains("127.0.0.1"), "{answer}");
        }
        let good = format!(
            "POST /info HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://localhost:9\r\n\
             Connection: close\r\nContent-Length: 2\r\n\r\nhi"
        );
        assert!(ask_at(addr, &good).starts_with("HTTP/1.1 200 OK"));
    }
    let upgrade =
        |more: &str| upgrade_request("/ws").replace("\r\n\r\n", &format!("\r\n{more}\r\n\r\n"));
    let refused =
        ask_at(server.addr(), &upgrade("Host: localhost\r\nOrigin: https://evil.example"));
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let mut open = client(server.addr());
    open.write_all(upgrade("Host: [::1]:80\r\nOrigin: http://127.0.0.1").as_bytes()).unwrap();
    let mut head = [0; 12];
    open.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    server.stop().unwrap();
}

#[test]
fn a_host_can_refuse_a_websocket() {
    let host = Echo { refuse_open: true, ..Echo::default() };
    let server = Server::bind(ANY, host, WallClock::default(), Limits::LOOPBACK).unwrap();
    let server = server.spawn().unwrap();
    let mut stream = client(server.addr());
    for _ in 0..2 {
        stream.write_all(upgrade_request("/ws").as_bytes()).unwrap();
        assert_eq!(read_reply(&mut stream), "no more connections"); // and the connection lives on
    }
    assert_eq!(server.stop().unwrap().closed, 0);
}

#[test]
fn frames_that_no_websocket_sends_end_their_connection_alone() {
    let server = serve(SHORT);
    let mut good = ws(server.addr());
    let end = |bytes: &[u8]| {
        let mut stream = client(server.addr());
        stream.write_all(upgrade_request("/ws").as_bytes()).unwrap();
        // In one go with the upgrade or after it: both are read.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all); // a reset is an end too
        let frames = all.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
        all[frames..].to_vec()
    };
    let code = |bytes: &[u8]| u16::from_be_bytes([bytes[2], bytes[3]]);
    assert_eq!(code(&end(b"\x81\x05hello")), 1002, "not masked");
    assert_eq!(code(&end(b"\x82\x81\0\0\0\0x")), 1003, "binary");
    assert_eq!(code(&end(b"\xf1\x81\0\0\0\0x")), 1002, "reserved bits");
    assert_eq!(code(&end(b"\x81\x81\0\0\0\0\xff")), 1007, "not UTF-8");
    assert_eq!(code(&end(b"\x81\xff\0\0\0\0\0\x10\0\x01\0\0\0\0x")), 1009, "over 1 MiB");
    assert_eq!(stats(&server).malformed, 5);
    good.send(Message::text("still here")).unwrap();
    assert_eq!(good.read().unwrap(), Message::text("still here"));
    server.stop().unwrap();
}

#[test]
fn who_does_not_get_on_with_it_is_closed() {
    let server = serve(SHORT);
    let mut silent = client(server.addr());
    let mut partial = client(server.addr());
    partial.write_all(b"POST /info HTTP/1.1\r\nContent-Le").unwrap();
    let mut idle = client(server.addr());
    idle.write_all(post("/info", "x").as_bytes()).unwrap();
    assert!(read_reply(&mut idle).ends_with('x'));
    let mut unanswered = client(server.addr());
    unanswered.write_all(post("/info", "never").as_bytes()).unwrap();

    // A byte now and then does not help.
    let mut loris = client(server.addr());
    let mut sent = 0;
    while loris.write_all(b"A").is_ok() && sent < 1000 {
        sent += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(sent < 1000, "a slow request goes on for ever");
    assert_eq!(read_to_end(&mut silent), "");
    assert!(read_to_end(&mut partial).starts_with("HTTP/1.1 408 "));
    assert_eq!(read_to_end(&mut idle), "");
    assert!(read_to_end(&mut unanswered).starts_with("HTTP/1.1 504 "));
    until("all are gone", || stats(&server).open == 0);
    assert_eq!(stats(&server).timed_out, 4, "all but the idle one");
    assert_serves(&server);
    server.stop().unwrap();
}

#[test]
fn a_websocket_may_be_silent() {
    let server = serve(SHORT);
    let mut quiet = ws(server.addr());
    std::thread::sleep(Duration::from_millis(1000)); // longer than any of the deadlines
    quiet.send(Message::text("hello")).unwrap();
    assert_eq!(quiet.read().unwrap(), Message::text("hello"));
    server.stop().unwrap();
}

#[test]
fn who_does_not_read_is_closed_and_others_are_served_meanwhile() {
    let limits = Limits { max_unsent_bytes: 256 << 10, ..SHORT };
    let server = serve(limits);
    let mut deaf = ws(server.addr());
    let mut other = ws(server.addr());
    let flood = "f".repeat(64 << 10);
    let mut sent = 0;
    while stats(&server).too_slow == 0 && sent < 1000 {
        // It writes as long as the server reads, and never reads itself.
        if deaf.send(Message::text(flood.as_str())).is_err() {
            break;
        }
        sent += 1;
        other.send(Message::text("x")).unwrap();
        assert_eq!(other.read().unwrap(), Message::text("x"));
    }
    until("it is closed", || stats(&server).too_slow == 1 && stats(&server).open == 1);

    // The same with HTTP: the answer is not taken.
    let mut deaf = client(server.addr());
    deaf.write_all(post("/info", "16 MiB").as_bytes()).unwrap();
    until("it is closed", || stats(&server).timed_out == 1);
    assert_serves(&server);
    server.stop().unwrap();
}

#[test]
fn more_connections_than_there_is_room_for_are_turned_away() {
    let server = serve(Limits { max_open: 8, ..Limits::LOOPBACK });
    let mut kept: Vec<TcpStream> = (0..8).map(|_| client(server.addr())).collect();
    until("all are in", || stats(&server).open == 8);
    assert!(read_to_end(&mut client(server.addr())).starts_with("HTTP/1.1 503 "));
    assert_eq!(stats(&server).refused, 1);
    kept.pop();
    until("there is room", || stats(&server).open == 7);
    assert_serves(&server);
    server.stop().unwrap();
}

#[test]
fn ten_thousand_attempts_of_all_sorts_leave_it_serving() {
    let server = serve(SHORT);
    let mut good = ws(server.addr());
    let mut half_open = Vec::new();
    let upgrade = upgrade_request("/ws");
    let sorts: [&[u8]; 6] = [
        b"",
        b"\x00\xff garbage \r\n\r\n",
        b"POST /info HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
        b"POST /info HTTP/1.1\r\nContent-Length: 2\r\n\r\nok",
        upgrade.as_bytes(),
        b"POST /info HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    ];
    for attempt in 0..10_000_usize {
        let mut stream = client(server.addr());
        let _ = stream.write_all(sorts[attempt % sorts.len()]); // it may be turned away already
        match attempt % 7 {
            0 => half_open.push(stream),
            1 => drop(stream.shutdown(Shutdown::Both)),
            _ => drop(stream),
        }
        half_open.truncate(200);
        if attempt % 500 == 0 {
            good.send(Message::text(format!("{attempt}"))).unwrap();
            assert_eq!(good.read().unwrap(), Message::text(format!("{attempt}")));
        }
    }
    drop(half_open);
    until("only the good one is left", || stats(&server).open == 1);
    let after = stats(&server);
    assert_eq!(after.accepted + after.refused, 10_001);
    good.send(Message::text("last")).unwrap();
    assert_eq!(good.read().unwrap(), Message::text("last"));
    assert_serves(&server);
    let host = server.stop().unwrap();
    assert_eq!(host.opened, host.closed);
}

#[test]
fn the_second_port_answers_at_once_and_has_its_own_room() {
    fn handler(
        host: &mut Echo,
        _: Nanos,
        request: &HttpRequest<'_>,
        stats: &botmm::exchange::server::ServerStats,
    ) -> HttpReply {
        let text = format!("{} {} {}", request.method, host.opened, stats.snapshot().refused);
        HttpReply { status: 200, content_type: "text/plain", body: text.into_bytes() }
    }
    let limits = Limits { max_open: 1, ..Limits::LOOPBACK };
    let server = Server::bind(ANY, Echo::default(), WallClock::default(), limits).unwrap();
    let server = server.with_admin(ANY, handler).unwrap().spawn().unwrap();
    let _full = ws(server.addr());
    read_to_end(&mut client(server.addr()));
    let mut stream = client(server.admin_addr().unwrap());
    for method in ["GET", "DELETE"] {
        stream.write_all(format!("{method} /stats HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(read_reply(&mut stream), format!("{method} 1 1"));
    }
    server.stop().unwrap();
}

#[test]
fn an_idle_server_sleeps() {
    let server = serve(Limits::LOOPBACK);
    let _open = ws(server.addr());
    std::thread::sleep(Duration::from_millis(300));
    let before = server.stats().snapshot();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(before, server.stats().snapshot());
    let polls = server.stop().unwrap().polls;
    assert!(polls < 200, "{polls} turns in a second of nothing to do");
}

#[test]
fn a_client_that_resets_is_noticed_while_it_waits() {
    let server = serve(Limits::LOOPBACK);
    let mut stream = client(server.addr());
    // What the server sends back is left unread: closing the socket is then a reset.
    stream.write_all((post("/info", "x") + &post("/info", "never")).as_bytes()).unwrap();
    until("both requests are in", || stats(&server).requests == 2);
    std::thread::sleep(Duration::from_millis(50)); // the first answer is on its way
    drop(stream);
    until("it is gone", || stats(&server).open == 0);
    server.stop().unwrap();
}

#[test]
fn faults_come_by_the_second_port_and_go_through_the_sockets() {
    let clock = WallClock::default();
    let host = Faulty::new(Echo::default(), clock.now(), &Schedule::default());
    let server = Server::bind(ANY, host, clock, Limits::LOOPBACK).unwrap();
    let server = server.with_admin(ANY, admin).unwrap().spawn().unwrap();
    let mut control = client(server.admin_addr().unwrap());
    let mut tell = |method: &str, body: &str| {
        let (length, json) = (body.len(), "Content-Type: application/json");
        let head = format!("{method} /faults HTTP/1.1\r\n{json}\r\nContent-Length: {length}");
        control.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        read_reply(&mut control)
    };
    let mut socket = ws(server.addr());
    assert_eq!(tell("POST", r#"{"kind":"server_error","duration":"1h"}"#), r#"{"id":1}"#);
    let mut asking = client(server.addr());
    asking.write_all(post("/info", "x").as_bytes()).unwrap();
    assert_eq!(read_reply(&mut asking), "null");
    assert!(tell("DELETE", "").contains(r#""quiet":true"#));
    asking.write_all(post("/info", "x").as_bytes()).unwrap();
    assert_eq!(read_reply(&mut asking), "POST /info x");
    socket.send(Message::text("still here")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("still here"));
    assert!(tell("POST", r#"{"kind":"drop","who":"public"}"#).contains("id"));
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
    let host = server.stop().unwrap();
    assert_eq!((host.inner().opened, host.inner().closed), (1, 1));
}
