//! Why there is no connection, in words for the person who has to do something about it.

use super::excerpt;
use crate::exit::{AppError, Exit};
use rustls::CertificateError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tungstenite::http::StatusCode;

/// What can go wrong before a connection is open. One line each: what, where, what to do.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// An address that is not one of ours to use.
    #[error("{url:?}: not an address of a venue ({why})")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// An address that is no webhook's. It is a secret, or part of one.
    #[error(
        "not a webhook's address (it is not repeated here); allowed: https://HOST/PATH, and \
         http://127.0.0.1:PORT/PATH on this machine"
    )]
    NoHook,
    /// The file of certificate authorities is of no use.
    #[error("{}: cannot be used as a file of certificate authorities ({why}); give a PEM file \
             with at least one CERTIFICATE block", .path.display())]
    Authorities {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A thread could not be started.
    #[error("cannot start the thread `{name}` ({source}); check the limit of processes")]
    Thread {
        /// Its name.
        name: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The host has no address.
    #[error("{endpoint}: the name cannot be looked up ({why}); check the name and the DNS")]
    Lookup {
        /// Where to.
        endpoint: String,
        /// What the resolver said.
        why: String,
    },
    /// Nobody took the call.
    #[error(
        "{endpoint}: cannot connect ({why}); check that the server runs and no firewall is \
             between"
    )]
    Connect {
        /// Where to.
        endpoint: String,
        /// What each address answered.
        why: String,
    },
    /// A step took too long.
    #[error("{endpoint}: no answer within {after_s} s ({step}); the server or the network is slow \
             or silent", after_s = .after.as_secs_f32())]
    Timeout {
        /// Where to.
        endpoint: String,
        /// Which.
        step: &'static str,
        /// The time that it had.
        after: Duration,
    },
    /// The server's certificate is refused, or TLS could not be agreed on.
    #[error("{endpoint}: {why}")]
    Tls {
        /// Where to.
        endpoint: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The server answered, and does not want to speak WebSocket with us.
    #[error("{endpoint}: HTTP {status} at upgrade{said}; {remedy}", remedy = upgrade_remedy(*.status))]
    Upgrade {
        /// Where to.
        endpoint: String,
        /// What it answered.
        status: u16,
        /// The beginning of the answer's body with `: ` before it; may be empty.
        said: String,
    },
    /// The connection broke off before it was open.
    #[error("{endpoint}: lost during the {step} ({why})")]
    Lost {
        /// Where to.
        endpoint: String,
        /// Which.
        step: &'static str,
        /// What was seen.
        why: String,
    },
    /// Nobody waits for this connection any more.
    #[error("{endpoint}: given up, a newer attempt took its place")]
    Superseded {
        /// Where to.
        endpoint: String,
    },
}

impl From<NetError> for AppError {
    fn from(error: NetError) -> Self {
        // An address was typed just now.
        let exit = if matches!(error, NetError::Url { .. }) { Exit::Usage } else { Exit::Data };
        Self::of(exit, error)
    }
}

/// Marks the I/O error that ends a step for which nobody waits any more.
#[derive(Debug, thiserror::Error)]
#[error("superseded")]
pub(super) struct Superseded;

impl NetError {
    /// A failed read or write during `step`, which had `after`.
    pub(super) fn during(
        step: &'static str,
        endpoint: String,
        after: Duration,
        e: &io::Error,
    ) -> Self {
        let inner = e.get_ref();
        if let Some(tls) = inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
            return Self::Tls { endpoint, why: tls_words(tls) };
        }
        if inner.is_some_and(|e| e.is::<Superseded>()) {
            return Self::Superseded { endpoint };
        }
        match e.kind() {
            io::ErrorKind::TimedOut => Self::Timeout { endpoint, step, after },
            _ => Self::Lost { endpoint, step, why: io_words(e) },
        }
    }

    /// A server that does not switch to WebSocket.
    pub(super) fn upgrade(endpoint: String, status: StatusCode, body: &[u8]) -> Self {
        let body = excerpt(body);
        let said = if body.is_empty() { body } else { format!(": {body}") };
        Self::Upgrade { endpoint, status: status.as_u16(), said }
    }
}

/// What TLS found wrong.
pub(super) fn tls_words(e: &rustls::Error) -> String {
    use CertificateError as C;
    match e {
        rustls::Error::InvalidCertificate(found) => match found {
            C::UnknownIssuer => "certificate not trusted: its issuer is not among the certificate \
                 authorities; for a server of your own, give its authority's PEM file (--ca FILE)"
                .to_owned(),
            C::Expired | C::ExpiredContext { .. } => {
                format!("certificate not trusted: expired ({found}); check this machine's clock")
            }
            C::NotValidYet | C::NotValidYetContext { .. } => format!(
                "certificate not trusted: not valid yet ({found}); check this machine's clock"
            ),
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                format!("certificate not trusted: it is for another host ({found})")
            }
            other => format!(
                "certificate not trusted: {other}; check the server's certificate, and that --ca \
                 names the authority that signed it"
            ),
        },
        rustls::Error::InvalidMessage(e) => {
            format!("the server does not speak TLS here ({e:?}); check address and port")
        }
        other => format!("TLS failed: {other}"),
    }
}

/// What the system said about a connection, in plain words where the kind is well known.
pub(super) fn io_words(e: &io::Error) -> String {
    if let Some(tls) = e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        return tls_words(tls);
    }
    match e.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "reset by the server".to_owned(),
        io::ErrorKind::BrokenPipe => "broken pipe: the server is gone".to_owned(),
        io::ErrorKind::UnexpectedEof => "the server hung up without a goodbye".to_owned(),
        io::ErrorKind::TimedOut => "timed out".to_owned(),
        _ => e.to_string(),
    }
}

fn upgrade_remedy(status: u16) -> &'static str {
    match status {
        429 => "too many connections or requests from this address, wait before trying again",
        500..=599 => "the venue has a problem, try again later",
        300..=399 => "the server points elsewhere, check the address",
        _ => "check the address and that this machine may use the venue",
    }
}
