//! ureq over our own connections: the same opening, deadlines and trust as the WebSocket's.

use super::NetError;
use super::connection::{Connection, Patience, Stopped};
use super::dial::Dialer;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Opens connections for ureq. Whatever fails here is a [`NetError`] inside `ureq::Error::Other`,
/// and by that known to be before anything was sent.
pub(super) struct RestConnector {
    pub(super) dialer: Dialer,
    /// Nobody waits for answers any more.
    pub(super) stopped: Stopped,
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
pub(super) struct NoResolver;

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
pub(super) struct RestConnection {
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
