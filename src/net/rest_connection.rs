//! ureq over our own connections: the same opening, deadlines and trust as the WebSocket's.

use super::connection::{Connection, Patience, Stopped};
use super::dial::Dialer;
use super::{Endpoint, NetError, Timeouts, Tls};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// A client of one endpoint.
///
/// # Errors
/// [`NetError::Authorities`] when the extra authorities cannot be used.
pub(super) fn agent(
    endpoint: &Endpoint,
    tls: &Tls,
    timeouts: Timeouts,
    stopped: Stopped,
) -> Result<Agent, NetError> {
    let config = Agent::config_builder()
        .timeout_global(Some(timeouts.total))
        // The status is part of the answer, and no redirect gets to see what we send.
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("botmm/", env!("CARGO_PKG_VERSION")))
        .build();
    let dialer = Dialer::new(endpoint, tls, timeouts)?;
    let connector = RestConnector { dialer, stopped };
    Ok(Agent::with_parts(config, connector, NoResolver))
}

/// Opens connections for ureq. Whatever fails here is a [`NetError`] inside `ureq::Error::Other`,
/// and by that known to be before anything was sent.
struct RestConnector {
    dialer: Dialer,
    /// Nobody waits for answers any more.
    stopped: Stopped,
}

impl fmt::Debug for RestConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestConnector").field("dialer", &self.dialer).finish_non_exhaustive()
    }
}

impl Connector for RestConnector {
    type Out = RestConnection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<RestConnection>, ureq::Error> {
        let Self { dialer, stopped } = self;
        let limit = dialer.timeouts.total;
        let patience = patience(&details.timeout, limit, stopped);
        let url = dialer.endpoint.rest_url();
        let connection =
            dialer.dial(&url, &patience).map_err(|e| ureq::Error::Other(Box::new(e)))?;
        let buffers = LazyBuffers::new(
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        let tls = dialer.endpoint.is_tls();
        Ok(Some(RestConnection { connection, buffers, tls, limit, stopped: stopped.clone() }))
    }
}

/// Looks nothing up: the dialer does, with its own deadline and its own words.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        Ok(addresses)
    }
}

/// A connection with the buffers that ureq works on.
struct RestConnection {
    connection: Connection,
    buffers: LazyBuffers,
    tls: bool,
    /// The longest that one step may take, should ureq name no time.
    limit: Duration,
    stopped: Stopped,
}

impl fmt::Debug for RestConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestConnection")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl Transport for RestConnection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, next: NextTimeout) -> Result<(), ureq::Error> {
        self.connection.set_patience(patience(&next, self.limit, &self.stopped));
        let output = &self.buffers.output()[..amount];
        self.connection
            .write_all(output)
            .and_then(|()| self.connection.flush())
            .map_err(|e| failed(e, &next))
    }

    fn await_input(&mut self, next: NextTimeout) -> Result<bool, ureq::Error> {
        self.connection.set_patience(patience(&next, self.limit, &self.stopped));
        let amount =
            self.connection.read(self.buffers.input_append_buf()).map_err(|e| failed(e, &next))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.connection.is_quiet()
    }

    fn is_tls(&self) -> bool {
        self.tls
    }
}

/// What failed before anything was sent.
pub(super) fn never_sent(e: &ureq::Error) -> Option<&NetError> {
    match e {
        ureq::Error::Other(inner) => inner.downcast_ref(),
        _ => None,
    }
}

fn patience(next: &NextTimeout, limit: Duration, stopped: &Stopped) -> Patience {
    Patience::shared((*next.after).min(limit), stopped.clone())
}

fn failed(e: io::Error, next: &NextTimeout) -> ureq::Error {
    match e.kind() {
        io::ErrorKind::TimedOut => ureq::Error::Timeout(next.reason),
        _ => ureq::Error::Io(e),
    }
}
