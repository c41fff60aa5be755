//! Frames over a plain WebSocket, and every way in which a connection fails or ends.

use crate::server::{HANG, Heard, IMPATIENT, Lane, Wire, echo, http, serve, serve_ws, wait};
use botmm::net::{Endpoint, MAX_MESSAGE_BYTES, Timeouts, Tls, WsState};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::{Received, Transport};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

/// Reads what a client asks for, up to the empty line.
fn read_head(wire: &mut dyn Wire) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && wire.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
}

#[test]
fn frames_come_back_as_they_were_sent_and_may_be_changed_in_place() {
    let mut lane = Lane::open(serve_ws(None, |_, socket| echo(socket)));
    assert_eq!(lane.status.state(), WsState::Open);
    // Lengths around the three forms of a frame's length, around the read buffer, and beyond it.
    let mut bytes = 0;
    let lengths = [0, 1, 125, 126, 1500, 16_383, 16_384, 16_385, 65_535, 65_536, 800_000];
    for length in lengths {
        let text = "{\"é\":1}".chars().cycle().take(length).collect::<String>();
        bytes += text.len() as u64;
        wait("room", || lane.send(&text).then_some(()));
        let got = wait("the echo", || match lane.transport.recv(Nanos::ZERO) {
            Some(Received::Frame(frame)) => {
                let copy = frame.to_vec();
                frame.fill(b'x');
                Some(copy)
            }
            other => {
                assert_eq!(other, None);
                None
            }
        });
        assert!(got == text.as_bytes(), "{length} characters changed on their way");
    }
    let counts = lane.status.counts();
    assert_eq!((counts.attempts, counts.opened, counts.failed, counts.closed), (1, 1, 0, 0));
    assert_eq!((counts.frames, counts.frame_bytes), (lengths.len() as u64, bytes));
    assert_eq!((counts.sent, counts.sent_bytes), (lengths.len() as u64, bytes));
    assert_eq!(lane.status.last_error(), None);
}

#[test]
fn many_frames_at_once_arrive_in_order() {
    let port = serve_ws(None, |_, mut socket| {
        for n in 0..5000 {
            socket.write(Message::text(format!("frame {n}"))).unwrap();
        }
        socket.flush().unwrap();
        echo(socket);
    });
    let mut lane = Lane::open(port);
    for n in 0..5000 {
        assert_eq!(lane.next(), Heard::text(&format!("frame {n}")));
    }
    assert_eq!(lane.poll(), None);
}

#[test]
fn nothing_is_taken_or_heard_while_it_is_not_open() {
    let port = serve_ws(None, |_, socket| echo(socket));
    let mut lane = Lane::plain(port);
    lane.assert_silent();
    assert!(!lane.send("x"));
    assert_eq!(lane.status.state(), WsState::Down);
    lane.connect();
    assert!(!lane.send("x"), "it opens by the lane's own hearing of it, never behind its back");
    assert_eq!(lane.next(), Heard::Opened);
    assert!(lane.send("y"));
    assert_eq!(lane.next(), Heard::text("y"));
    assert_eq!(lane.status.counts().send_refused, 2);
}

#[test]
fn pings_are_answered_and_binary_is_thrown_away() {
    let port = serve_ws(None, |_, mut socket| {
        socket.send(Message::Ping(b"are you there".as_slice().into())).unwrap();
        socket.send(Message::binary(b"\x00\x01".as_slice())).unwrap();
        let answer = socket.read().unwrap();
        socket.send(Message::text(format!("{answer:?}"))).unwrap();
        echo(socket);
    });
    let mut lane = Lane::open(port);
    let heard = lane.next();
    assert_eq!(heard, Heard::text("Pong(b\"are you there\")"));
    let counts = lane.status.counts();
    assert_eq!((counts.pings, counts.binary_ignored, counts.frames), (1, 1, 1));
}

#[test]
fn a_flood_of_pings_neither_holds_the_lane_nor_ends_the_connection() {
    let port = serve_ws(None, |_, mut socket| {
        for _ in 0..2000 {
            socket.write(Message::Ping(b"x".as_slice().into())).unwrap();
        }
        socket.send(Message::text("after")).unwrap();
        echo(socket);
    });
    let mut lane = Lane::open(port);
    assert_eq!(lane.next(), Heard::text("after"));
    assert_eq!(lane.status.counts().pings, 2000);
}

#[test]
fn a_close_is_said_once_with_its_reason_and_one_may_connect_again() {
    let port = serve_ws(None, |n, mut socket| {
        if n == 0 {
            socket.send(Message::text("last words")).unwrap();
            let frame = CloseFrame { code: 1012.into(), reason: "upgrade of the network".into() };
            socket.close(Some(frame)).unwrap();
            while socket.read().is_ok() {}
        } else {
            echo(socket);
        }
    });
    let mut lane = Lane::open(port);
    assert_eq!(lane.next(), Heard::text("last words"));
    assert_eq!(lane.next(), Heard::Closed);
    lane.assert_silent();
    assert!(!lane.send("x"));
    let reason = lane.reason();
    assert!(reason.contains("code 1012 \"upgrade of the network\""), "{reason}");
    assert_eq!((lane.status.state(), lane.status.counts().closed), (WsState::Down, 1));
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
    assert!(lane.send("again"));
    assert_eq!(lane.next(), Heard::text("again"));
}

#[test]
fn a_goodbye_is_answered_with_its_own_code() {
    let (ended, end) = channel();
    let port = serve_ws(None, move |_, mut socket| {
        let frame = CloseFrame { code: 1012.into(), reason: "upgrade".into() };
        socket.close(Some(frame)).unwrap();
        ended.send(format!("{:?}", socket.read())).unwrap();
    });
    let mut lane = Lane::open(port);
    assert_eq!(lane.next(), Heard::Closed);
    let answer = end.recv_timeout(HANG).unwrap();
    assert!(answer.contains("Restart") && answer.contains("upgrade"), "{answer}");
}

/// Holds back what is written first, and sends it together with what comes next.
struct Together {
    wire: Box<dyn Wire>,
    held: Option<Vec<u8>>,
}

impl Read for Together {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.wire.read(into)
    }
}

impl Write for Together {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.held.take() {
            Some(held) if held.is_empty() => self.held = Some(bytes.to_vec()),
            Some(held) => self.wire.write_all(&[&held, bytes].concat())?,
            None => self.wire.write_all(bytes)?,
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.wire.flush()
    }
}

#[test]
fn frames_that_come_with_the_head_of_the_answer_are_heard() {
    let port = serve(None, |_, wire| {
        let wire = Together { wire, held: Some(Vec::new()) };
        let mut socket = tungstenite::accept(wire).unwrap();
        socket.write(Message::text("at once")).unwrap();
        socket.send(Message::text("after it")).unwrap();
        while socket.read().is_ok() {}
    });
    let mut lane = Lane::open(port);
    assert_eq!(lane.next(), Heard::text("at once"));
    assert_eq!(lane.next(), Heard::text("after it"));
}

#[test]
fn an_end_without_goodbye_is_a_close_after_the_last_frame() {
    let port = serve_ws(None, |_, mut socket| {
        socket.send(Message::text("last words")).unwrap();
    });
    let mut lane = Lane::open(port);
    assert_eq!(lane.next(), Heard::text("last words"));
    assert_eq!(lane.next(), Heard::Closed);
    let reason = lane.reason();
    assert!(reason.contains("without a goodbye"), "{reason}");
}

#[test]
fn refused() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let reason = Lane::plain(port).fails();
    assert!(reason.contains("connection refused"), "{reason}");
    assert!(reason.starts_with(&format!("ws://127.0.0.1:{port}/ws: ")), "{reason}");
}

#[test]
fn a_server_that_accepts_and_says_nothing() {
    let port = serve(None, |_, mut wire| while wire.read(&mut [0; 64]).unwrap_or(0) > 0 {});
    let mut lane = Lane::new(&http(port), &Tls::default(), IMPATIENT);
    let reason = lane.fails();
    assert!(reason.contains("no answer within 0.4 s (WebSocket upgrade)"), "{reason}");
}

#[test]
fn a_server_that_drips_its_answer_does_not_stretch_the_deadline() {
    let port = serve(None, |_, mut wire| {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nX: ".iter().chain([&b'y'; 1000]);
        for byte in head {
            if wire.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut lane = Lane::new(&http(port), &Tls::default(), IMPATIENT);
    let reason = lane.fails();
    assert!(reason.contains("no answer within 0.4 s (WebSocket upgrade)"), "{reason}");
}

#[test]
fn a_server_that_answers_with_something_else() {
    for (answer, expected) in [
        (
            "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 9\r\n\r\nslow\ndown",
            "HTTP 429 at upgrade",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            "HTTP 503 at upgrade; the venue has a problem",
        ),
        ("HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404 at upgrade; check the address"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "lost during the WebSocket upgrade"),
        ("", "lost during the WebSocket upgrade"),
    ] {
        let port = serve(None, move |_, mut wire| {
            read_head(&mut wire);
            let _ = wire.write_all(answer.as_bytes());
        });
        let reason = Lane::plain(port).fails();
        assert!(reason.contains(expected) && !reason.contains('\n'), "{answer:?}: {reason}");
    }
}

#[test]
fn a_message_beyond_the_limit_is_refused_before_it_is_read() {
    let port = serve_ws(None, |_, mut socket| {
        let mut head = vec![0x81, 127];
        head.extend_from_slice(&(MAX_MESSAGE_BYTES as u64 + 1).to_be_bytes());
        socket.get_mut().write_all(&head).unwrap();
        while socket.read().is_ok() {}
    });
    let mut lane = Lane::open(port);
    assert_eq!(lane.next(), Heard::Closed);
    let reason = lane.reason();
    assert!(reason.contains("the limit is 16777216 bytes"), "{reason}");
}

#[test]
fn a_newer_attempt_takes_the_place_of_one_that_hangs() {
    let (accepted, seen) = channel();
    let port = serve(None, move |n, wire| {
        accepted.send(n).unwrap();
        // The first is kept, in silence, by a thread of its own.
        thread::spawn(move || match n {
            0 => {
                let mut wire = wire;
                while wire.read(&mut [0; 64]).unwrap_or(0) > 0 {}
            }
            _ => echo(tungstenite::accept(wire).unwrap()),
        });
    });
    let mut lane = Lane::plain(port);
    lane.connect();
    assert_eq!(seen.recv_timeout(HANG).unwrap(), 0);
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened, "and nothing is said of the one that was given up");
    assert!(lane.send("x"));
    assert_eq!(lane.next(), Heard::text("x"));
    let counts = lane.status.counts();
    assert_eq!((counts.attempts, counts.opened, counts.failed), (2, 1, 0));
}

#[test]
fn asking_often_without_listening_leaves_one_connection() {
    let port = serve_ws(None, |_, socket| {
        thread::spawn(move || echo(socket));
    });
    let mut lane = Lane::plain(port);
    for n in 0..200 {
        lane.connect();
        if n % 20 == 0 {
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(lane.next(), Heard::Opened);
    assert!(lane.send("x"));
    assert_eq!(lane.next(), Heard::text("x"));
    lane.assert_silent();
}

#[test]
fn an_open_connection_that_is_replaced_says_goodbye_and_is_not_heard_of_again() {
    let (ended, end) = channel();
    let port = serve_ws(None, move |n, mut socket| {
        if n > 0 {
            return echo(socket);
        }
        socket.send(Message::text("never read")).unwrap();
        ended.send(format!("{:?}", socket.read())).unwrap();
    });
    let mut lane = Lane::open(port);
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
    assert_eq!(end.recv_timeout(HANG).unwrap(), "Ok(Close(None))");
    assert!(lane.send("x"));
    assert_eq!(lane.next(), Heard::text("x"));
    assert_eq!(lane.status.counts().closed, 0);
}

#[test]
fn a_frame_that_is_refused_is_never_sent_and_those_taken_arrive_whole() {
    let (go, gate) = channel::<()>();
    let (counted, count) = channel();
    let port = serve_ws(None, move |_, mut socket| {
        gate.recv_timeout(HANG).unwrap();
        let mut numbers = Vec::new();
        while let Ok(Message::Text(text)) = socket.read() {
            match text.split_once(' ') {
                Some((n, rest)) => {
                    assert!(rest.len() == 20_000 && rest.bytes().all(|b| b == b'.'));
                    numbers.push(n.parse::<u64>().unwrap());
                }
                None => break,
            }
        }
        counted.send(numbers).unwrap();
    });
    let mut lane = Lane::open(port);
    let filler = ".".repeat(20_000);
    let mut taken = Vec::new();
    let start = Instant::now();
    let mut refused = 0;
    let mut n = 0;
    // The server does not read: the system's buffers fill, then ours, then frames are refused.
    while refused < 50 {
        assert!(start.elapsed() < HANG, "the buffer never filled");
        if lane.send(&format!("{n} {filler}")) {
            taken.push(n)
        } else {
            refused += 1
        }
        n += 1;
    }
    assert_eq!(lane.poll(), None, "a full buffer is no reason to close, or to block");
    go.send(()).unwrap();
    // Polling alone sends what waits.
    wait("room for the last frame", || {
        assert_eq!(lane.poll(), None);
        lane.send("end").then_some(())
    });
    let arrived = wait("the count", || {
        lane.poll();
        count.try_recv().ok()
    });
    assert_eq!(arrived, taken);
}

#[test]
fn what_waited_on_a_connection_that_is_replaced_is_not_sent_any_more() {
    let (go, gate) = channel::<()>();
    let (counted, count) = channel();
    let port = serve_ws(None, move |n, mut socket| {
        if n > 0 {
            return echo(socket);
        }
        gate.recv_timeout(HANG).unwrap();
        let mut arrived = 0;
        while socket.read().is_ok() {
            arrived += 1;
        }
        counted.send(arrived).unwrap();
    });
    let mut lane = Lane::open(port);
    let stale = "an order at a price of yesterday ".repeat(1000);
    let mut taken = 0;
    while lane.send(&stale) {
        taken += 1;
    }
    go.send(()).unwrap();
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
    let arrived = count.recv_timeout(HANG).unwrap();
    assert!(arrived < taken, "all {taken} frames arrived: the backlog was sent after all");
}

#[test]
fn garbage_ends_the_connection_and_nothing_else() {
    const SEEDS: usize = 200;
    let port = serve_ws(None, |seed, mut socket| {
        // splitmix64, one byte a step; every second connection starts with a sound frame's head.
        let mut state = seed as u64;
        let mut byte = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb).to_le_bytes()[7]
        };
        let mut bytes = if seed % 2 == 0 { vec![0x81, byte() & 0x7f] } else { vec![] };
        bytes.extend((0..2000).map(|_| byte()));
        let _ = socket.get_mut().write_all(&bytes);
    });
    let mut lane = Lane::plain(port);
    for seed in 0..SEEDS {
        lane.connect();
        assert_eq!(lane.next(), Heard::Opened, "seed {seed}");
        while lane.next() != Heard::Closed {}
        assert_eq!(lane.poll(), None, "seed {seed}");
    }
    assert_eq!(lane.status.counts().closed, SEEDS as u64);
}

#[test]
fn a_write_that_fails_is_a_close() {
    let port = serve_ws(None, |_, mut socket| {
        socket.send(Message::text("last words")).unwrap();
        // What comes now is not read: the system answers it with a reset.
    });
    let mut lane = Lane::open(port);
    let mut heard = Vec::new();
    wait("the close", || {
        lane.send("anybody there?");
        heard.extend(lane.poll());
        (heard.last() == Some(&Heard::Closed)).then_some(())
    });
    assert!(!lane.send("x"));
    lane.assert_silent();
    assert_eq!(lane.status.counts().closed, 1);
    assert!(lane.reason().contains("connection lost"), "{}", lane.reason());
}

#[test]
fn a_name_is_looked_up_and_one_that_is_none_says_so() {
    let port = serve_ws(None, |_, socket| echo(socket));
    let localhost = Endpoint::parse(&format!("http://localhost:{port}")).unwrap();
    let mut lane = Lane::new(&localhost, &Tls::default(), Timeouts::default());
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
    let nowhere = Endpoint::parse("https://no-such-host.invalid").unwrap();
    let reason = Lane::new(&nowhere, &Tls::default(), IMPATIENT).fails();
    // Without any DNS the system's resolver may take its time.
    let expected = ["the name cannot be looked up", "no answer within 0.4 s (name lookup)"];
    assert!(expected.iter().any(|e| reason.contains(e)), "{reason}");
}

#[test]
fn text_that_is_not_utf8_ends_the_connection() {
    let port = serve_ws(None, |_, mut socket| {
        socket.get_mut().write_all(&[0x81, 2, 0xff, 0xfe]).unwrap();
        while socket.read().is_ok() {}
    });
    let mut lane = Lane::open(port);
    assert_eq!(lane.next(), Heard::Closed);
    let reason = lane.reason();
    assert!(reason.contains("broke the protocol"), "{reason}");
}
