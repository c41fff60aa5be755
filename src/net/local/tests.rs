//! A port as its callers meet it, hostile ones too.

use super::*;
use std::io::Read as _;
use std::sync::Mutex;

/// A hang guard, no measure.
const HANG: Duration = Duration::from_secs(60);

/// Answers what was asked; `/events` streams what is put into the box.
fn echo() -> (LocalHttp, Arc<Mutex<Option<Vec<u8>>>>) {
    let next = Arc::new(Mutex::new(None));
    let from = next.clone();
    let answering: Answering = Arc::new(move |asked| {
        let from = from.clone();
        match asked.path.as_str() {
            "/events" => Answer::events(Box::new(move || from.lock().unwrap().take())),
            "/flood" => Answer::events(Box::new(|| Some(vec![b'x'; 1 << 20]))),
            path => Answer::whole("text/plain", format!("{} {path}", asked.method)),
        }
    });
    (LocalHttp::bind(0).unwrap().serve(answering).unwrap(), next)
}

fn connect(at: &LocalHttp) -> TcpStream {
    let stream = TcpStream::connect(at.at()).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream
}

/// The whole answer to bytes as they are.
fn raw(at: &LocalHttp, bytes: &[u8]) -> String {
    let mut stream = connect(at);
    let _ = stream.write_all(bytes); // It may have had enough before.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// A request with further header lines.
fn ask(at: &LocalHttp, line: &str, headers: &[String]) -> String {
    let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    raw(at, format!("{line} HTTP/1.1\r\n{headers}\r\n").as_bytes())
}

/// Opens a stream, and waits for its head.
fn stream(at: &LocalHttp) -> (TcpStream, String) {
    let mut stream = connect(at);
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap())
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < HANG, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn this_machine_is_answered_and_what_a_browser_may_do_with_it_is_said() {
    let (at, _) = echo();
    let port = at.at().port();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        for host in [host.to_owned(), format!("{host}:{port}"), format!("{host}:8080")] {
            let same = [format!("Host: {host}"), format!("Origin: http://{host}")];
            for headers in [&same[..1], &same] {
                let answer = ask(&at, "GET /x?y=1", headers);
                assert_eq!(status(&answer), 200, "{headers:?}");
                assert!(answer.ends_with("\r\n\r\nGET /x"), "{answer}");
            }
        }
    }
    let answer = ask(&at, "HEAD /x", &["Host: localhost".to_owned()]);
    assert!(answer.contains("Content-Length: 7\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    for line in ["no-store", "nosniff", "no-referrer", "same-origin"] {
        assert!(answer.contains(line), "{line}: {answer}");
    }
}

/// By another name (DNS rebinding), from another page, from another site's frame or image.
#[test]
fn other_sites_are_refused_whatever_they_ask() {
    let (at, _) = echo();
    let host = format!("Host: {}", at.at());
    let with = |header: &str| vec![host.clone(), header.to_owned()];
    let mut refused = vec![
        vec![],
        vec!["Host: evil.example".to_owned()],
        vec![format!("Host: evil.example:{}", at.at().port())],
        vec![format!("Host: {}.evil.example", at.at().ip())],
        vec!["Host: 10.0.0.1".to_owned()],
        vec![host.clone(), host.clone()],
        vec![host.clone(), "Host: evil.example".to_owned()],
    ];
    for origin in [
        "null",
        "http://evil.example",
        "http://127.0.0.1:1",
        &format!("http://localhost:{}", at.at().port()),
        &format!("https://{}", at.at()),
        "",
    ] {
        refused.push(with(&format!("Origin: {origin}")));
    }
    let own = format!("Origin: http://{}", at.at());
    refused.push(vec![host.clone(), own.clone(), own.clone()]);
    refused.push(with("Sec-Fetch-Site: cross-site"));
    refused.push(with("Sec-Fetch-Site: same-site"));
    for headers in refused {
        for line in ["GET /", "POST /kill", "OPTIONS /kill"] {
            assert_eq!(status(&ask(&at, line, &headers)), 403, "{line} {headers:?}");
        }
    }
    let link = vec![
        host.clone(),
        "Sec-Fetch-Site: cross-site".to_owned(),
        "Sec-Fetch-Mode: navigate".to_owned(),
    ];
    assert_eq!(status(&ask(&at, "GET /", &link)), 200, "a link may be followed");
    assert_eq!(status(&ask(&at, "POST /kill", &link)), 403, "a form of another site");
    assert_eq!(status(&ask(&at, "POST /kill", &[host, own])), 200);
}

#[test]
fn what_is_no_request_is_told_so_and_what_is_too_much_is_refused() {
    let (at, _) = echo();
    let host = "Host: localhost\r\n";
    for (bytes, wanted) in [
        ("\x16\x03\x01\x02\x00\x01\r\n\r\n".to_owned(), 400),
        (format!("GET http://localhost/ HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}a: {}\r\n\r\n", "x".repeat(20_000)), 431),
        (format!("GET / HTTP/1.1\r\n{host}{}\r\n", "a: b\r\n".repeat(100)), 431),
        (format!("POST /kill HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"), 413),
        (format!("POST /kill HTTP/1.1\r\n{host}Content-Length: 99999999999999999999\r\n\r\n"), 413),
        (
            format!(
                "POST /kill HTTP/1.1\r\n{host}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"
            ),
            413,
        ),
        (format!("POST /kill HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 413),
    ] {
        assert_eq!(status(&raw(&at, bytes.as_bytes())), wanted, "{bytes:.80}");
    }
    let mut hangs_up = connect(&at);
    hangs_up.write_all(b"GET /").unwrap();
    drop(hangs_up);
    assert_eq!(status(&ask(&at, "GET /", &["Host: localhost".to_owned()])), 200);
}

/// So many that say nothing; one more is told to come again, and all are let go in time.
#[test]
fn callers_who_say_nothing_are_let_go_and_keep_nobody_out_for_long() {
    let (at, _) = echo();
    let silent: Vec<_> = (0..AT_A_TIME).map(|_| connect(&at)).collect();
    let host = ["Host: localhost".to_owned()];
    until("none is refused", || status(&ask(&at, "GET /", &host)) == 503);
    until("they are let go", || status(&ask(&at, "GET /", &host)) == 200);
    let mut said = String::new();
    let _ = (&silent[0]).read_to_string(&mut said);
    assert_eq!(status(&said), 408, "{said}");
}

#[test]
fn streams_tell_what_is_new_and_there_are_only_so_many() {
    let (at, next) = echo();
    let (mut first, head) = stream(&at);
    assert!(status(&head) == 200 && head.contains("text/event-stream"), "{head}");
    *next.lock().unwrap() = Some(b"data: 1\n\n".to_vec());
    let mut told = [0; 9];
    first.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"data: 1\n\n");
    let others: Vec<_> = (1..STREAMS).map(|_| stream(&at)).collect();
    assert_eq!(status(&stream(&at).1), 503);
    assert_eq!(status(&ask(&at, "GET /", &["Host: localhost".to_owned()])), 200, "others go on");
    // One that is closed makes room, once there was something to tell it.
    drop(others);
    until("there is room again", || {
        *next.lock().unwrap() = Some(b"data: 2\n\n".to_vec());
        status(&stream(&at).1) == 200
    });
    drop(at);
    let begun = Instant::now();
    while first.read(&mut told).is_ok_and(|n| n > 0) {
        assert!(begun.elapsed() < HANG, "a stream ends with the run");
    }
}

/// One that takes nothing is given up, and keeps no memory meanwhile but what the system holds for it.
#[test]
fn readers_that_stand_still_are_given_up() {
    let (at, _) = echo();
    let stuck: Vec<_> = (0..STREAMS)
        .map(|_| {
            let mut stream = connect(&at);
            stream.write_all(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            stream
        })
        .collect();
    until("all places are taken", || status(&stream(&at).1) == 503);
    until("they are free again", || status(&stream(&at).1) == 200);
    drop(stuck);
}

#[test]
fn a_port_that_is_taken_is_said_with_what_to_do() {
    let (at, _) = echo();
    let said = LocalHttp::bind(at.at().port()).err().unwrap().to_string();
    assert!(said.contains(&at.at().to_string()) && said.contains("http.port"), "{said}");
}
