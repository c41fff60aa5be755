//! Requests over HTTP: what each kind of answer, and of failure, is called.

use crate::http::request;
use crate::server::{Authority, IMPATIENT, Wire, http, https, serve};
use botmm::net::{MAX_MESSAGE_BYTES, Rest, RestError, RestFailure, Tls};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const ORDER: &[u8] = br#"{"action":{"type":"order","orders":[]},"nonce":1}"#;

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A client of a server that answers every request with the same bytes.
fn client(reply: String) -> Rest {
    let port = serve(None, move |_, mut wire| {
        while request(&mut wire).is_some() && wire.write_all(reply.as_bytes()).is_ok() {}
    });
    Rest::with_timeouts(&http(port), &Tls::default(), IMPATIENT).unwrap()
}

fn meta(rest: &Rest) -> Result<Value, RestError> {
    rest.info(&json!({"type": "meta"}))
}

#[test]
fn questions_and_orders_arrive_as_they_were_written_over_one_connection() {
    let (heard, requests) = channel();
    let port = serve(None, move |n, mut wire| {
        while let Some((head, body)) = request(&mut wire) {
            heard.send((n, head, body)).unwrap();
            wire.write_all(answer("200 OK", r#"{"status":"ok","px":"65012.0"}"#).as_bytes())
                .unwrap();
        }
    });
    let rest = Rest::new(&http(port), &Tls::default()).unwrap();
    for _ in 0..3 {
        let got = rest.info(&json!({"type": "l2Book", "coin": "BTC"})).unwrap();
        assert_eq!(got["px"], "65012.0");
        let (connection, head, body) = requests.recv().unwrap();
        assert_eq!(connection, 0, "the connection is used again");
        assert!(head.starts_with("post /info http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json\r\n"), "{head}");
        assert!(head.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{head}");
        assert_eq!(body, br#"{"coin":"BTC","type":"l2Book"}"#);
        assert_eq!(rest.exchange(ORDER).unwrap()["status"], "ok");
        let (_, head, body) = requests.recv().unwrap();
        assert!(head.starts_with("post /exchange http/1.1\r\n"), "{head}");
        assert_eq!(body, ORDER);
    }
}

#[test]
fn every_status_has_its_meaning() {
    type Is = fn(&RestFailure) -> bool;
    let parse = "Failed to deserialize the JSON body into the target type";
    let cases: [(String, Is, bool, &str); 8] = [
        (
            answer("422 Unprocessable Entity", parse),
            |f| matches!(f, RestFailure::Malformed(_)),
            true,
            parse,
        ),
        (
            answer("429 Too Many Requests", "null"),
            |f| matches!(f, RestFailure::RateLimited),
            true,
            "wait a minute",
        ),
        (
            answer("500 Internal Server Error", "null"),
            |f| matches!(f, RestFailure::Unknown(_)),
            false,
            "HTTP 500: null",
        ),
        (
            answer("502 Bad Gateway", "<html>\r\nno"),
            |f| matches!(f, RestFailure::Unknown(_)),
            false,
            "HTTP 502",
        ),
        (
            answer("403 Forbidden", "not here"),
            |f| matches!(f, RestFailure::Refused { status: 403, .. }),
            true,
            "not here",
        ),
        (
            answer("200 OK", "<html>captive</html>"),
            |f| matches!(f, RestFailure::NotJson(_)),
            false,
            "captive",
        ),
        (answer("200 OK", ""), |f| matches!(f, RestFailure::NotJson(_)), false, "without JSON"),
        (
            "garbage\r\n\r\n".to_owned(),
            |f| matches!(f, RestFailure::Unknown(_)),
            false,
            "no sound HTTP",
        ),
    ];
    for (reply, is, not_done, text) in cases {
        let rest = client(reply.clone());
        let question = meta(&rest).unwrap_err();
        let order = rest.exchange(ORDER).unwrap_err();
        for (error, kind, path) in [(&question, "meta", "/info"), (&order, "order", "/exchange")] {
            let said = error.to_string();
            assert!(is(&error.failure) && said.contains(text), "{reply:?}: {said}");
            assert!(said.contains(&format!("{path} {kind}: ")) && !said.contains('\n'), "{said}");
            assert_eq!(error.is_certainly_not_done(), not_done, "{said}");
        }
        assert_eq!(order.to_string().contains("before sending it again"), !not_done, "{order}");
    }
}

#[test]
fn an_order_is_never_carried_elsewhere() {
    let (heard, elsewhere) = channel();
    let thief = serve(None, move |_, mut wire| {
        let _ = heard.send(request(&mut wire));
    });
    for status in ["301 Moved Permanently", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let reply = format!(
            "HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:{thief}/exchange\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let error = client(reply).exchange(ORDER).unwrap_err();
        let number = status[..3].parse::<u16>().unwrap();
        assert!(
            matches!(error.failure, RestFailure::Refused { status, .. } if status == number),
            "{error}"
        );
    }
    assert!(elsewhere.try_recv().is_err());
}

#[test]
fn without_a_connection_it_was_never_sent() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rest = Rest::new(&http(port), &Tls::default()).unwrap();
    let error = rest.exchange(ORDER).unwrap_err();
    assert!(matches!(error.failure, RestFailure::NeverSent(_)), "{error}");
    assert!(error.to_string().contains("connection refused"), "{error}");
    assert!(error.is_certainly_not_done());
}

#[test]
fn silence_dripping_and_a_cut_leave_the_outcome_unknown() {
    let silent: fn(Box<dyn Wire>) = |mut wire| while wire.read(&mut [0; 64]).unwrap_or(0) > 0 {};
    let dripping: fn(Box<dyn Wire>) = |mut wire| {
        request(&mut wire);
        for byte in answer("200 OK", &" ".repeat(1000)).bytes() {
            if wire.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    };
    let cut: fn(Box<dyn Wire>) = |mut wire| {
        request(&mut wire);
        let _ = wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\"");
    };
    let gone: fn(Box<dyn Wire>) = |mut wire| drop(request(&mut wire));
    let times = "no answer within 0.4 s";
    for (serving, text) in [(silent, times), (dripping, times), (cut, "lost"), (gone, "lost")] {
        let port = serve(None, move |_, wire| serving(wire));
        let rest = Rest::with_timeouts(&http(port), &Tls::default(), IMPATIENT).unwrap();
        let error = rest.exchange(ORDER).unwrap_err();
        assert!(matches!(error.failure, RestFailure::Unknown(_)), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_is_not_used_again() {
    let port = serve(None, |_, mut wire| {
        request(&mut wire);
        let _ = wire.write_all(answer("200 OK", "[]").as_bytes());
    });
    let rest = Rest::new(&http(port), &Tls::default()).unwrap();
    for _ in 0..3 {
        assert_eq!(meta(&rest).unwrap(), json!([]));
        // The server's goodbye has to arrive first.
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let port = serve(None, |_, mut wire| {
        request(&mut wire);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40);
        let _ = wire.write_all(head.as_bytes());
        while wire.write_all(&[b' '; 65_536]).is_ok() {}
    });
    let rest = Rest::new(&http(port), &Tls::default()).unwrap();
    let error = meta(&rest).unwrap_err();
    assert!(error.to_string().contains(&format!("longer than {MAX_MESSAGE_BYTES}")), "{error}");
}

#[test]
fn https_with_an_authority_of_ones_own() {
    let authority = Authority::new();
    let port = serve(Some(authority.server("127.0.0.1", 2090)), |_, mut wire| {
        while request(&mut wire).is_some() {
            let long = format!("[{}0]", "0,".repeat(100_000));
            if wire.write_all(answer("200 OK", &long).as_bytes()).is_err() {
                return;
            }
        }
    });
    let rest = Rest::new(&https(port), &authority.trusted()).unwrap();
    for _ in 0..3 {
        assert_eq!(meta(&rest).unwrap().as_array().unwrap().len(), 100_001);
    }
}
