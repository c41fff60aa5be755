//! Opens connections, step by step and with a deadline on each: name lookup, TCP, TLS. Blocks; not
//! for a lane.

use super::connection::{Connection, Patience};
use super::error::{io_words, tls_words};
use super::{Endpoint, NetError, Timeouts};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

/// How connections to one endpoint are opened.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    pub(super) endpoint: Endpoint,
    pub(super) timeouts: Timeouts,
    tls: Arc<ClientConfig>,
}

impl Dialer {
    pub(super) fn new(
        endpoint: &Endpoint,
        tls: &super::Tls,
        timeouts: Timeouts,
    ) -> Result<Self, NetError> {
        Ok(Self { endpoint: endpoint.clone(), timeouts, tls: tls.config()? })
    }

    /// A connection that is ready for HTTP, and blocks within `patience`. `url` is what errors
    /// call the endpoint.
    ///
    /// # Errors
    /// Which step failed and why. Nothing of a request has been sent.
    pub(super) fn dial(&self, url: &str, patience: &Patience) -> Result<Connection, NetError> {
        let stream = self.connect(url, self.look_up(url, patience)?, patience)?;
        let mut connection = Connection::new(stream, patience.clone());
        if self.endpoint.is_tls() {
            let wrong = |e| NetError::Tls { endpoint: url.to_owned(), why: tls_words(&e) };
            let name = ServerName::try_from(self.endpoint.host().to_owned()).map_err(|e| {
                NetError::Tls { endpoint: url.to_owned(), why: format!("host name: {e}") }
            })?;
            let tls = ClientConnection::new(self.tls.clone(), name).map_err(wrong)?;
            connection.start_tls(tls).map_err(|e| self.failed("TLS handshake", url, &e))?;
        }
        Ok(connection)
    }

    /// A step of opening that failed with an I/O error.
    pub(super) fn failed(&self, step: &'static str, url: &str, e: &io::Error) -> NetError {
        NetError::during(step, url.to_owned(), self.timeouts.total, e)
    }

    fn look_up(&self, url: &str, patience: &Patience) -> Result<Vec<SocketAddr>, NetError> {
        let (host, port) = (self.endpoint.host(), self.endpoint.port());
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let failed = |why: String| NetError::Lookup { endpoint: url.to_owned(), why };
        let after = self.timeouts.connect;
        let mut found = resolve(host, port, &patience.at_most(after)).map_err(|e| {
            match NetError::during("name lookup", url.to_owned(), after, &e) {
                NetError::Lost { why, .. } => failed(why),
                other => other,
            }
        })?;
        if !self.endpoint.is_tls() {
            // Plain text was allowed because it stays on this machine: a resolver that sends
            // `localhost` elsewhere does not change that.
            found.retain(|address| address.ip().is_loopback());
        }
        if found.is_empty() {
            Err(failed("it has no usable address".to_owned()))
        } else {
            Ok(found)
        }
    }

    /// The first address that answers. Each gets its share of the time.
    fn connect(
        &self,
        url: &str,
        addresses: Vec<SocketAddr>,
        patience: &Patience,
    ) -> Result<TcpStream, NetError> {
        let patience = patience.at_most(self.timeouts.connect);
        let mut refusals = Vec::new();
        let mut timed_out = true;
        for (i, address) in addresses.iter().enumerate() {
            let (step, after) = ("TCP connect", self.timeouts.connect);
            let left =
                patience.left().map_err(|e| NetError::during(step, url.to_owned(), after, &e))?;
            let share = left / (addresses.len() - i) as u32;
            let attempt = TcpStream::connect_timeout(address, share)
                .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
            match attempt {
                Ok(stream) => return Ok(stream),
                Err(e) => {
                    timed_out &= e.kind() == io::ErrorKind::TimedOut;
                    refusals.push(format!("{address}: {}", io_words(&e)));
                }
            }
        }
        let endpoint = url.to_owned();
        if timed_out {
            return Err(NetError::Timeout {
                endpoint,
                step: "TCP connect",
                after: self.timeouts.connect,
            });
        }
        Err(NetError::Connect { endpoint, why: refusals.join(", ") })
    }
}

/// Asks the system's resolver, which knows no deadline: a thread of its own waits for it, and is
/// left behind when it takes too long.
fn resolve(host: &str, port: u16, patience: &Patience) -> io::Result<Vec<SocketAddr>> {
    let (answer, answered) = sync_channel(1);
    let host = host.to_owned();
    thread::Builder::new().name("net-lookup".to_owned()).spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody may be there any more to hear it.
        let _ = answer.send(found);
    })?;
    loop {
        match answered.recv_timeout(patience.slice()?) {
            Ok(found) => return found,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the lookup ended without an answer"));
            }
        }
    }
}
