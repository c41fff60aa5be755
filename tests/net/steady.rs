//! What a frame costs the lane once everything is warm: allocations, counted.

use crate::counting::allocations;
use crate::server::{Authority, Heard, Lane, http, https, serve_ws};
use botmm::net::{Endpoint, Timeouts, Tls};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::{Received, Transport};
use rustls::ServerConfig;
use std::hint::black_box;
use std::sync::Arc;

use std::thread;
use std::time::Duration;
use tungstenite::Message;

const FRAME: &str = "{\"channel\":\"l2Book\",\"data\":{\"coin\":\"BTC\",\"levels\":[[],[]]}}";
const WARM_UP: usize = 200;
const COUNTED: usize = 2000;

/// A server that sends a book of 1.5 kB for every frame that it gets.
fn books(tls: Option<Arc<ServerConfig>>) -> u16 {
    serve_ws(tls, |_, mut socket| {
        let book = FRAME.repeat(25);
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(Message::text(book.as_str())).is_err() {
                return;
            }
        }
    })
}

/// Allocations of one frame sent and one received, each frame on its own, on the lane's thread.
fn per_frame(endpoint: &Endpoint, tls: &Tls) -> f64 {
    let mut lane = Lane::new(endpoint, tls, Timeouts::default());
    lane.connect();
    assert_eq!(lane.next(), Heard::Opened);
    let mut received = 0;
    let mut round = |lane: &mut Lane| {
        assert!(lane.transport.send(Nanos::ZERO, FRAME.as_bytes()));
        loop {
            match lane.transport.recv(Nanos::ZERO) {
                Some(Received::Frame(frame)) => {
                    black_box(frame);
                    received += 1;
                    return;
                }
                Some(other) => panic!("{other:?}"),
                None => thread::sleep(Duration::from_micros(50)),
            }
        }
    };
    for _ in 0..WARM_UP {
        round(&mut lane);
    }
    let allocated = allocations(|| {
        for _ in 0..COUNTED {
            round(&mut lane);
        }
    });
    assert_eq!(received, WARM_UP + COUNTED);
    allocated as f64 / COUNTED as f64
}

#[test]
fn nothing_is_allocated_for_a_frame_over_plain_tcp() {
    let cost = per_frame(&http(books(None)), &Tls::default());
    assert!(cost == 0.0, "{cost} allocations a frame sent and received");
}

#[test]
fn tls_allocates_once_a_record_and_no_more() {
    let authority = Authority::new();
    let port = books(Some(authority.server("127.0.0.1", 2090)));
    let cost = per_frame(&https(port), &authority.trusted());
    println!("{cost} allocations a frame sent and received over TLS");
    assert!(cost <= 2.1, "{cost} allocations a frame sent and received");
}
