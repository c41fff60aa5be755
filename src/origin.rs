//! Who may ask. What is served here is served on loopback, but a web page can reach loopback too: by a name of
//! its own that resolves to 127.0.0.1 (DNS rebinding), and a WebSocket even without that. So what a
//! request calls us (`Host`, or the authority of its target) and where a page comes from (`Origin`)
//! must be loopback, on any port. A request without them passes: no browser leaves out `Host`, HTTP/1.0
//! and our own tools do.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether this is a name or address of loopback, with or without a port: `localhost:3001`,
/// `127.0.0.1`, `[::1]:3001`, `x.localhost`.
pub fn is_loopback(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let Some((address, rest)) = rest.split_once(']') else { return false };
            let port = rest.strip_prefix(':');
            let is_whole = rest.is_empty() || port.is_some();
            let address: Option<Ipv6Addr> = address.parse().ok();
            let is_ours = address.is_some_and(|a| {
                a.is_loopback() || a.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
            });
            return is_whole && is_ours && port.is_none_or(is_port);
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_name =
        name == "localhost" || name.strip_suffix(".localhost").is_some_and(|left| !left.is_empty());
    let is_address = host.parse::<Ipv4Addr>().is_ok_and(|a| a.is_loopback());
    (is_name || is_address) && port.is_none_or(is_port)
}

/// Whether a page of this origin is one of this machine's: `http://localhost:8080`. `null` (a
/// sandboxed frame, a file) is nobody's.
pub fn is_local_page(origin: &str) -> bool {
    let of = |scheme: &str| origin.strip_prefix(scheme).is_some_and(is_loopback);
    of("http://") || of("https://")
}

/// An empty port is the scheme's own.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_by_any_name_and_port() {
        for ours in [
            "localhost",
            "localhost:3001",
            "LocalHost:1",
            "localhost.",
            "localhost.:80",
            "a.b.localhost:3001",
            "127.0.0.1",
            "127.0.0.1:65535",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:3001",
            "[0:0:0:0:0:0:0:1]:3001",
            "[::ffff:127.0.0.1]:3001",
            "127.0.0.1:",
        ] {
            assert!(is_loopback(ours), "{ours}");
            assert!(is_local_page(&format!("http://{ours}")), "{ours}");
        }
        for other in [
            "",
            "evil.example",
            "evil.example:3001",
            "localhost.evil.example:3001",
            "127.0.0.1.evil.example",
            ".localhost",
            "notlocalhost",
            "10.0.0.1:3001",
            "0.0.0.0:3001",
            "0x7f.0.0.1",
            "2130706433",
            "127.1",
            "[::]:3001",
            "[::1",
            "[::1]x",
            "[fe80::1]:3001",
            "::1",
            "localhost:x",
            "localhost:99999",
            "localhost:80:80",
            "user@localhost",
            "localhost/evil",
            "localhost evil.example",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn pages_of_this_machine_and_no_others() {
        assert!(is_local_page("https://localhost:8443"));
        for other in ["null", "", "localhost", "file://", "http://evil.example", "ws://localhost"] {
            assert!(!is_local_page(other), "{other}");
        }
    }
}
