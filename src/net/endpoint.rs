//! Which venue to talk to: one address, from which those of REST and WebSocket follow.

use super::NetError;
use botmm_pipeline::venue::hl::sign::Network;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The venue's public addresses by the names that a person uses.
const NAMED: [(&str, &str); 2] =
    [("mainnet", "api.hyperliquid.xyz"), ("testnet", "api.hyperliquid-testnet.xyz")];
const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

/// Where a venue is, and whether it is spoken to over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Lower case; an IPv6 address stands without brackets.
    host: String,
    port: u16,
    tls: bool,
}

impl Endpoint {
    /// Reads `mainnet`, `testnet`, `https://HOST[:PORT]` or, for this machine only,
    /// `http://HOST[:PORT]`.
    ///
    /// # Errors
    /// [`NetError::Url`] for anything else: another scheme, a path, a user, no host, a port that is
    /// none, or plain http to another machine (whoever listens could read what is signed).
    pub fn parse(url: &str) -> Result<Self, NetError> {
        let text = url.trim();
        if let Some((_, host)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(Self { host: (*host).to_owned(), port: HTTPS_PORT, tls: true });
        }
        // What stands before an `@` may be a password: it is not repeated.
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
        Self::from_url(text).map_err(|why| NetError::Url { url: shown.to_owned(), why })
    }

    fn from_url(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(
            "expected `mainnet`, `testnet`, https://HOST[:PORT], or http://127.0.0.1:PORT",
        )?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            other => return Err(format!("scheme {other:?}; expected https, or http on localhost")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err("a user name has no place here; the venue knows none".to_owned());
        }
        if authority.contains(['/', '?', '#']) {
            return Err("give scheme, host and port only; the paths are known".to_owned());
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => port,
            None if tls => HTTPS_PORT,
            None => HTTP_PORT,
        };
        let endpoint = Self { host: checked_host(host)?, port, tls };
        if !tls && !endpoint.is_loopback() {
            return Err("plain http is for this machine only (localhost, 127.0.0.1, [::1]), \
                 because signed requests would travel unprotected; use https"
                .to_owned());
        }
        Ok(endpoint)
    }

    /// For which chain requests are signed. Everything but the mainnet's own address is signed for
    /// the testnet, as the venue's own clients do: what is meant for a test can never trade there.
    pub fn network(&self) -> Network {
        let is_mainnet = NAMED.iter().any(|(name, host)| *name == "mainnet" && *host == self.host);
        if is_mainnet { Network::Mainnet } else { Network::Testnet }
    }

    /// Where to send `POST`s: `https://HOST[:PORT]`, without a slash at its end.
    pub fn rest_url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }

    /// Where the WebSocket is: `wss://HOST[:PORT]/ws`.
    pub fn ws_url(&self) -> String {
        format!("{}://{}/ws", if self.tls { "wss" } else { "ws" }, self.authority())
    }

    /// Host name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Spoken to over TLS? If not, it is on this machine.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Is it by its name on this machine?
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => self.host == "localhost",
        }
    }

    /// `HOST` or `HOST:PORT` as it stands in a URL and in the `Host` header.
    fn authority(&self) -> String {
        let v6 = self.host.parse::<Ipv6Addr>().is_ok();
        let host = if v6 { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, HTTPS_PORT) | (false, HTTP_PORT) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rest_url())
    }
}

/// Host, and the port if there is one.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']').ok_or("`[` without `]`")?;
            host.parse::<Ipv6Addr>().map_err(|_| format!("[{host}] is not an IPv6 address"))?;
            match rest.strip_prefix(':') {
                None if rest.is_empty() => return Ok((host, None)),
                Some(port) => (host, port),
                None => return Err(format!("{rest:?} after the address; expected :PORT")),
            }
        }
        None => match authority.split_once(':') {
            None => return Ok((authority, None)),
            Some(parts) => parts,
        },
    };
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(n) if n > 0 && digits => Ok((host, Some(n))),
        _ => Err(format!("port {port:?}; expected 1 to 65535")),
    }
}

fn checked_host(host: &str) -> Result<String, String> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host.to_ascii_lowercase());
    }
    let sound = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    let label = |l: &str| !l.is_empty() && l.len() <= 63;
    if host.len() > 253 || !host.bytes().all(sound) || !host.split('.').all(label) {
        return Err(format!("host {host:?}; expected a name like api.hyperliquid.xyz"));
    }
    Ok(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_lead_to_both_urls() {
        for (text, rest, ws) in [
            ("mainnet", "https://api.hyperliquid.xyz", "wss://api.hyperliquid.xyz/ws"),
            (
                "testnet",
                "https://api.hyperliquid-testnet.xyz",
                "wss://api.hyperliquid-testnet.xyz/ws",
            ),
            (
                "https://Venue.example:8443/",
                "https://venue.example:8443",
                "wss://venue.example:8443/ws",
            ),
            ("https://venue.example:443", "https://venue.example", "wss://venue.example/ws"),
            ("http://localhost:3001", "http://localhost:3001", "ws://localhost:3001/ws"),
            (" http://127.0.0.1 ", "http://127.0.0.1", "ws://127.0.0.1/ws"),
            ("http://[::1]:3001", "http://[::1]:3001", "ws://[::1]:3001/ws"),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.rest_url().as_str(), endpoint.ws_url().as_str()), (rest, ws));
            assert_eq!(Endpoint::parse(&endpoint.to_string()).unwrap(), endpoint);
        }
    }

    #[test]
    fn what_is_refused_says_why() {
        for (text, why) in [
            ("", "mainnet"),
            ("main", "expected `mainnet`"),
            ("ws://localhost:3001", "scheme \"ws\""),
            ("http://api.hyperliquid.xyz", "plain http is for this machine only"),
            ("http://192.168.1.7:3001", "plain http is for this machine only"),
            ("http://127.0.0.1.evil.example", "plain http is for this machine only"),
            ("http://localhost.evil.example", "plain http is for this machine only"),
            ("http://127.0.0.1@evil.example", "user name"),
            ("https://user:secret@venue.example", "user name"),
            ("https://venue.example/info", "paths are known"),
            ("https://venue.example?x", "paths are known"),
            ("https://", "host \"\""),
            ("https://:443", "host \"\""),
            ("https://a..b", "host"),
            ("https://ven ue", "host"),
            ("https://venue.example:0", "port \"0\""),
            ("https://venue.example:+80", "port \"+80\""),
            ("https://venue.example:65536", "port"),
            ("https://venue.example:", "port"),
            ("https://[::1", "without"),
            ("https://[::1]x", "after the address"),
            ("https://[zz]", "IPv6"),
            ("https://::1", "port"),
        ] {
            let error = Endpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }
}
