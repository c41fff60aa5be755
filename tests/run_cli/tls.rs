//! The exchange behind TLS, with an authority of one's own.

use crate::bot::Home;
use crate::server::Authority;
use crate::trading::check;
use crate::venue::Market;
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const FAR: i32 = 2090;

/// Ends TLS, and hands the bytes on to a port that speaks none. Returns its own port.
fn proxy(config: Arc<ServerConfig>, to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, config) = (client.unwrap(), config.clone());
            let Ok(upstream) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            // A client that refuses our certificate ends its connection, and no more.
            std::thread::spawn(move || drop(forward(config, client, upstream)));
        }
    });
    port
}

fn forward(config: Arc<ServerConfig>, mut client: TcpStream, mut to: TcpStream) -> io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    for stream in [&client, &to] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
    }
    let nothing = |e: &io::Error| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    let mut bytes = vec![0; 16 << 10];
    loop {
        match tls.read_tls(&mut client) {
            Ok(0) => return Ok(()),
            Err(e) if !nothing(&e) => return Err(e),
            _ => {}
        }
        let state = tls.process_new_packets();
        while tls.wants_write() {
            tls.write_tls(&mut client)?;
        }
        let mut waiting = state.map_err(io::Error::other)?.plaintext_bytes_to_read();
        while waiting > 0 {
            let count = tls.reader().read(&mut bytes)?;
            to.write_all(&bytes[..count])?;
            waiting -= count;
        }
        match to.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => tls.writer().write_all(&bytes[..count])?,
            Err(e) if !nothing(&e) => return Err(e),
            Err(_) => {}
        }
    }
}

#[test]
fn it_trades_over_tls_with_whom_it_trusts_and_nobody_else() {
    let home = Home::new("tls");
    let market = Market::open(&[(&home.key, 10_000)]);
    let (ours, other) = (Authority::new(), Authority::new());
    let port = proxy(ours.server("127.0.0.1", FAR), market.port());
    let url = format!("https://127.0.0.1:{port}");
    let ca = ours.trusted().extra_ca.unwrap();
    let others_ca = other.trusted().extra_ca.unwrap();
    let (ca, others_ca) = (ca.to_str().unwrap(), others_ca.to_str().unwrap());

    let ended = home.run(&url, &["--ca", ca, "--for", "2s", "--json"]);
    check(&ended, &market.seen, home.key.address());

    let refused = |args: &[&str], url: &str, why: &str| {
        let (line, code) = home.refused(home.command(url, args));
        assert!(line.contains(url) && line.contains("certificate not trusted"), "{line}");
        assert!(line.contains(why), "{line}");
        assert!(!line.contains("send it again"), "that would not help: {line}");
        assert_eq!(code, 5);
    };
    refused(&[], &url, "--ca FILE");
    refused(&["--ca", others_ca], &url, "certificate not trusted");
    let wrong = proxy(ours.server("venue.example", FAR), market.port());
    refused(&["--ca", ca], &format!("https://127.0.0.1:{wrong}"), "it is for another host");
    let old = proxy(ours.server("127.0.0.1", 2021), market.port());
    refused(&["--ca", ca], &format!("https://127.0.0.1:{old}"), "check this machine's clock");
}
