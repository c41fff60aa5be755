//! [`Scraped`]: one text that others on this machine read over HTTP, `GET /metrics`. It is made now and then
//! by whoever has it; readers get the newest, however many come, and keep nobody waiting but each other.

use crate::exit::AppError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use tiny_http::{Header, Method, Request, Response, Server};

/// Readers at a time; the others wait.
const THREADS: usize = 2;

/// See the module. Dropped, it answers no more.
pub struct Scraped {
    server: Arc<Server>,
    newest: Arc<Mutex<Arc<str>>>,
}

impl Scraped {
    /// Listens on this port of 127.0.0.1.
    ///
    /// # Errors
    /// The port is taken, or the system refuses a thread.
    pub fn on(port: u16) -> Result<Self, AppError> {
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let server = Server::http(at).map_err(|e| {
            let remedy = "name another one as metrics.port, or stop who has it";
            AppError::data(format!("http://{at}/metrics"), format!("cannot listen: {e}"), remedy)
        })?;
        let this = Self { server: Arc::new(server), newest: Arc::new(Mutex::new("".into())) };
        for _ in 0..THREADS {
            let (server, newest) = (this.server.clone(), this.newest.clone());
            let answer = move || {
                while let Ok(request) = server.recv() {
                    let text = newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let answer = answer_to(&request, &text);
                    let _ = request.respond(answer); // Who asked may have left.
                }
            };
            let thread = std::thread::Builder::new().name("metrics".to_owned());
            thread.spawn(answer).map_err(AppError::io("metrics thread", "start"))?;
        }
        Ok(this)
    }

    /// From now on readers get this.
    pub fn show(&self, text: String) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }
}

impl Drop for Scraped {
    fn drop(&mut self) {
        (0..THREADS).for_each(|_| self.server.unblock());
    }
}

fn answer_to(request: &Request, text: &str) -> Response<std::io::Cursor<Vec<u8>>> {
    let of = |status: u16, text: &str| Response::from_string(text).with_status_code(status);
    let host = request.headers().iter().find(|h| h.field.equiv("Host")).map(|h| h.value.as_str());
    // A page of the web that calls this machine by a name of its own reads nothing.
    if !host.is_some_and(is_this_machine) {
        return of(403, "only by the name of this machine: http://127.0.0.1:PORT/metrics\n");
    }
    if !matches!(request.method(), Method::Get | Method::Head) {
        return of(405, "only GET\n");
    }
    match request.url().split('?').next() {
        Some("/metrics") => match Header::from_str("Content-Type: text/plain; version=0.0.4") {
            Ok(kind) => of(200, text).with_header(kind),
            Err(()) => of(200, text),
        },
        _ => of(404, "see /metrics\n"),
    }
}

/// Whether a `Host` names loopback.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let ip = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_this_machines_names_are_answered() {
        for ours in ["localhost", "LOCALHOST:9101", "127.0.0.1:9101", "[::1]:9101", "127.0.0.1"] {
            assert!(is_this_machine(ours), "{ours}");
        }
        for theirs in
            ["", "evil.example", "evil.example:9101", "127.0.0.1.evil.example", "10.0.0.1"]
        {
            assert!(!is_this_machine(theirs), "{theirs}");
        }
    }
}
