//! wss and https with an authority of one's own; every certificate that must be refused is.

use crate::server::{Authority, Heard, IMPATIENT, Lane, echo, https, serve, serve_ws};
use botmm::net::{Endpoint, Rest, RestFailure, Timeouts, Tls};
use std::io::{Read, Write};
use tungstenite::Message;

const FAR: i32 = 2090;

#[test]
fn frames_travel_under_a_certificate_of_a_trusted_authority() {
    let authority = Authority::new();
    let port = serve_ws(Some(authority.server("127.0.0.1", FAR)), |_, socket| echo(socket));
    let mut lane = Lane::new(&https(port), &authority.trusted(), Timeouts::default());
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
    // Longer than a TLS record, and than the buffers of either side.
    for length in [1, 1500, 16_384, 40_000, 700_000] {
        let text = "0123456789".chars().cycle().take(length).collect::<String>();
        assert!(lane.send(&text));
        assert!(lane.next() == Heard::text(&text), "{length} bytes changed on their way");
    }
}

#[test]
fn a_certificate_may_name_the_host_instead_of_its_address() {
    let authority = Authority::new();
    let port = serve_ws(Some(authority.server("localhost", FAR)), |_, socket| echo(socket));
    let endpoint = Endpoint::parse(&format!("https://localhost:{port}")).unwrap();
    let mut lane = Lane::new(&endpoint, &authority.trusted(), Timeouts::default());
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
}

#[test]
fn the_end_of_a_tls_connection_is_heard() {
    let authority = Authority::new();
    let port = serve_ws(Some(authority.server("127.0.0.1", FAR)), |_, mut socket| {
        socket.send(Message::text("last words")).unwrap();
    });
    let mut lane = Lane::new(&https(port), &authority.trusted(), Timeouts::default());
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
    assert_eq!(lane.next(), Heard::text("last words"));
    assert_eq!(lane.next(), Heard::Closed);
    let reason = lane.reason();
    assert!(reason.contains("hung up without a goodbye"), "{reason}");
}

/// Why a client with `tls` refuses a server with a certificate of `authority`, over both protocols.
fn refusal(authority: &Authority, host: &str, year: i32, tls: &Tls) -> String {
    let port = serve_ws(Some(authority.server(host, year)), |_, socket| echo(socket));
    let reason = Lane::new(&https(port), tls, Timeouts::default()).fails();
    let rest = Rest::new(&https(port), tls).unwrap();
    let error = rest.info(&serde_json::json!({"type": "meta"})).unwrap_err();
    let why = reason.split_once("/ws: ").unwrap().1;
    assert!(matches!(error.failure, RestFailure::Distrusted(_)) && error.is_answer(), "{error}");
    assert!(error.to_string().contains(why), "{error}\n{reason}");
    reason
}

#[test]
fn certificates_that_are_refused() {
    let (ours, other) = (Authority::new(), Authority::new());
    for (reason, expected) in [
        (refusal(&ours, "127.0.0.1", FAR, &Tls::default()), "not trusted: its issuer is not"),
        // The same name as ours, another key.
        (refusal(&other, "127.0.0.1", FAR, &ours.trusted()), "certificate not trusted: "),
        (refusal(&ours, "venue.example", FAR, &ours.trusted()), "it is for another host"),
        (refusal(&ours, "127.0.0.1", 2021, &ours.trusted()), "not trusted: expired"),
    ] {
        assert!(reason.contains(expected) && !reason.contains('\n'), "{reason}");
    }
}

#[test]
fn a_server_without_tls_and_one_that_says_nothing() {
    let port = serve(None, |_, mut wire| {
        let _ = wire.read(&mut [0; 16]);
        let _ = wire.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let reason = Lane::new(&https(port), &Tls::default(), Timeouts::default()).fails();
    assert!(reason.contains("does not speak TLS here"), "{reason}");
    let port = serve(None, |_, mut wire| while wire.read(&mut [0; 64]).unwrap_or(0) > 0 {});
    let reason = Lane::new(&https(port), &Tls::default(), IMPATIENT).fails();
    assert!(reason.contains("no answer within 0.4 s (TLS handshake)"), "{reason}");
}
