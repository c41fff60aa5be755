use super::*;

const LIMITS: Limits = Limits { max_head_bytes: 512, max_body_bytes: 64, ..Limits::LOOPBACK };

/// All steps of these bytes, given in pieces of `piece` bytes.
fn steps(bytes: &[u8], piece: usize) -> Vec<Step> {
    let mut reader = Reader::default();
    let mut steps = Vec::new();
    for part in bytes.chunks(piece) {
        reader.push(part);
        loop {
            match reader.next(&LIMITS) {
                Step::More => break,
                Step::Refused(reply) => {
                    steps.push(Step::Refused(reply));
                    return steps;
                }
                step => steps.push(step),
            }
        }
    }
    steps
}

fn requests(bytes: &[u8]) -> Vec<Request> {
    let whole = steps(bytes, bytes.len());
    for piece in [1, 2, 3, 7] {
        let same = steps(bytes, piece);
        let only = |s: Vec<Step>| -> Vec<Step> {
            s.into_iter().filter(|s| *s != Step::Continue).collect()
        };
        assert_eq!(only(same), only(steps(bytes, bytes.len())), "in pieces of {piece}");
    }
    let request = |s| match s {
        Step::Request(r) => *r,
        other => panic!("{other:?}"),
    };
    whole.into_iter().map(request).collect()
}

fn refusal(bytes: &[u8]) -> u16 {
    let mut seen = Vec::new();
    for piece in [bytes.len(), 1, 5] {
        match steps(bytes, piece).pop() {
            Some(Step::Refused(reply)) => seen.push(reply.status),
            other => panic!("{other:?} for {:?}", String::from_utf8_lossy(bytes)),
        }
    }
    assert!(seen.iter().all(|s| *s == seen[0]), "{seen:?}");
    seen[0]
}

#[test]
fn requests_follow_each_other_in_any_pieces() {
    let all = requests(
        b"POST /info?x=1 HTTP/1.1\r\nHost: localhost:3001\r\nContent-Type: application/json\r\n\
          content-length: 5\r\n\r\nhello\
          POST http://localhost:3001/exchange HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
          3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n\
          GET / HTTP/1.0\nConnection: x, Keep-Alive\n\n\
          GET /ws HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: k\r\n\r\n\
          GET /last HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    let paths: Vec<_> = all.iter().map(|r| (&*r.method, &*r.path, r.keep_alive)).collect();
    let expected = [
        ("POST", "/info", true),
        ("POST", "/exchange", true),
        ("GET", "/", true),
        ("GET", "/ws", true),
        ("GET", "/last", false),
    ];
    assert_eq!(paths, expected);
    assert_eq!(
        (&*all[0].body, all[0].content_type.as_deref()),
        (&b"hello"[..], Some("application/json"))
    );
    assert_eq!(all[1].body, b"abcde");
    let upgrade = Upgrade { version: "13".into(), key: "k".into() };
    assert_eq!((&all[3].upgrade, &all[4].upgrade), (&Some(upgrade), &None));
}

#[test]
fn who_waits_for_a_word_gets_it_once() {
    let head = b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    let mut reader = Reader::default();
    reader.push(head);
    assert_eq!(reader.next(&LIMITS), Step::Continue);
    assert_eq!(reader.next(&LIMITS), Step::More);
    reader.push(b"ok");
    assert!(matches!(reader.next(&LIMITS), Step::Request(r) if r.body == b"ok"));
    assert!(reader.is_idle());
    reader.push(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok");
    assert!(matches!(reader.next(&LIMITS), Step::Request(_)), "it did not wait");
}

#[test]
fn what_is_no_request_is_refused_early() {
    assert_eq!(refusal(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400);
    assert_eq!(refusal(b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), 400);
    assert_eq!(refusal(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
    assert_eq!(
        refusal(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        400
    );
    assert_eq!(refusal(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
    assert_eq!(refusal(b"POST / HTTP/1.1\r\nContent-Length: 65\r\n\r\n"), 413);
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refusal(format!("{chunked}41\r\n").as_bytes()), 413);
    assert_eq!(refusal(format!("{chunked}ffffffffffffffff\r\n").as_bytes()), 413);
    assert_eq!(refusal(format!("{chunked}zz\r\n").as_bytes()), 400);
    assert_eq!(refusal(format!("{chunked}1\r\nabc\r\n").as_bytes()), 400);
    assert_eq!(refusal(format!("{chunked}0\r\n{}", "a: b\r\n".repeat(100)).as_bytes()), 431);
    assert_eq!(refusal(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(600)).as_bytes()), 431);
    assert_eq!(refusal(format!("GET / HTTP/1.1\r\n{}\r\n", "a:b\r\n".repeat(65)).as_bytes()), 431);
    let endless = vec![b'A'; 10_000];
    assert!(matches!(steps(&endless, 10_000).pop(), Some(Step::Refused(_))));
}

#[test]
fn only_this_machine_may_ask() {
    let passes = |head: &str| {
        let bytes = format!("{head}\r\n\r\n").into_bytes();
        matches!(steps(&bytes, bytes.len())[..], [Step::Request(_)])
    };
    for head in [
        "GET / HTTP/1.0",
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:3001",
        "GET / HTTP/1.1\r\nhost: localhost",
        "GET / HTTP/1.1\r\nHost: [::1]:3001\r\nOrigin: http://localhost:8080",
        "GET http://127.0.0.1:3001/x HTTP/1.1\r\nHost: localhost",
    ] {
        assert!(passes(head), "{head}");
    }
    for head in [
        "GET / HTTP/1.1\r\nHost: evil.example:3001",
        "GET / HTTP/1.0\r\nHost: evil.example",
        "GET / HTTP/1.1\r\nHost:",
        "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example",
        "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: null",
        "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nOrigin: http://e.example",
        "POST /info HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 99999999",
        "GET http://evil.example/info HTTP/1.1\r\nHost: localhost",
        "GET /ws HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket",
    ] {
        assert_eq!(refusal(format!("{head}\r\n\r\n").as_bytes()), 403, "{head}");
    }
    let two = b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n";
    assert_eq!(refusal(two), 400);
}

#[test]
fn an_answer_says_how_long_it_is() {
    let reply = refuse(405, "no");
    let text = String::from_utf8(encode(&reply, true, true)).unwrap();
    assert!(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{text}");
    assert!(text.contains("\r\nContent-Length: 2\r\nConnection: keep-alive\r\nAllow: POST\r\n"));
    assert!(text.ends_with("\r\n\r\nno"));
    let head = String::from_utf8(encode(&reply, false, false)).unwrap();
    assert!(head.contains("Content-Length: 2\r\nConnection: close") && head.ends_with("\r\n\r\n"));
}
