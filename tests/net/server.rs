//! Servers for the tests, certificates for them, and a lane that polls a transport.

use botmm::net::{Endpoint, Timeouts, Tls, WsStatus, WsTransport};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::{Received, Transport};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::WebSocket;

/// When something that must happen has not happened by then, the test hangs.
pub const HANG: Duration = Duration::from_secs(30);

/// A connection as the server sees it.
pub trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// Serves connection after connection; the n-th (from 0) is given to `handle`. Returns the port.
pub fn serve(
    tls: Option<Arc<ServerConfig>>,
    mut handle: impl FnMut(usize, Box<dyn Wire>) + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let stream: TcpStream = stream.unwrap();
            stream.set_read_timeout(Some(HANG)).unwrap();
            stream.set_nodelay(true).unwrap();
            match &tls {
                None => handle(n, Box::new(stream)),
                Some(config) => {
                    let session = ServerConnection::new(config.clone()).unwrap();
                    handle(n, Box::new(StreamOwned::new(session, stream)));
                }
            }
        }
    });
    port
}

/// The same for WebSockets.
pub fn serve_ws(
    tls: Option<Arc<ServerConfig>>,
    mut handle: impl FnMut(usize, WebSocket<Box<dyn Wire>>) + Send + 'static,
) -> u16 {
    serve(tls, move |n, wire| {
        // A client that refuses our certificate is no client.
        if let Ok(socket) = tungstenite::accept(wire) {
            handle(n, socket);
        }
    })
}

/// Sends every text back until the client is gone.
pub fn echo(mut socket: WebSocket<Box<dyn Wire>>) {
    while let Ok(message) = socket.read() {
        if message.is_text() && socket.send(message).is_err() {
            return;
        }
    }
}

pub fn http(port: u16) -> Endpoint {
    Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap()
}

pub fn https(port: u16) -> Endpoint {
    Endpoint::parse(&format!("https://127.0.0.1:{port}")).unwrap()
}

/// A deadline that a test can wait for.
pub const IMPATIENT: Timeouts =
    Timeouts { connect: Duration::from_millis(400), total: Duration::from_millis(400) };

/// What a lane heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Opened,
    Frame(Vec<u8>),
    Closed,
}

impl Heard {
    pub fn text(text: &str) -> Self {
        Self::Frame(text.as_bytes().to_vec())
    }
}

/// A transport that is polled as a lane would, with a pause instead of a spin.
pub struct Lane {
    pub transport: WsTransport,
    pub status: WsStatus,
}

impl Lane {
    pub fn new(endpoint: &Endpoint, tls: &Tls, timeouts: Timeouts) -> Self {
        let (transport, status) = WsTransport::with_timeouts(endpoint, tls, timeouts).unwrap();
        Self { transport, status }
    }

    pub fn plain(port: u16) -> Self {
        Self::new(&http(port), &Tls::default(), Timeouts::default())
    }

    /// A lane whose connection is open.
    pub fn open(port: u16) -> Self {
        let mut lane = Self::plain(port);
        lane.connect();
        assert_eq!(lane.next(), Heard::Opened);
        lane
    }

    pub fn connect(&mut self) {
        self.transport.connect(Nanos::ZERO);
    }

    pub fn send(&mut self, text: &str) -> bool {
        self.transport.send(Nanos::ZERO, text.as_bytes())
    }

    pub fn poll(&mut self) -> Option<Heard> {
        self.transport.recv(Nanos::ZERO).map(|received| match received {
            Received::Opened => Heard::Opened,
            Received::Frame(frame) => Heard::Frame(frame.to_vec()),
            Received::Closed => Heard::Closed,
        })
    }

    /// What is heard next.
    pub fn next(&mut self) -> Heard {
        wait("the transport to say something", || self.poll())
    }

    /// Nothing is said for a while.
    pub fn assert_silent(&mut self) {
        for _ in 0..100 {
            assert_eq!(self.poll(), None);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Connecting fails; the reason.
    pub fn fails(&mut self) -> String {
        self.connect();
        assert_eq!(self.next(), Heard::Closed);
        assert_eq!(self.poll(), None, "closed is said once");
        assert_eq!(self.status.counts().failed, 1);
        self.reason()
    }

    /// Why it ended, as soon as that is put into words.
    pub fn reason(&self) -> String {
        wait("a reason", || self.status.last_error())
    }
}

/// Waits for something that another thread does.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < HANG, "waited too long for {what}");
        thread::sleep(Duration::from_micros(200));
    }
}

/// A certificate authority of one's own, in a file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "a test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, dir }
    }

    /// Settings of a client that trusts it.
    pub fn trusted(&self) -> Tls {
        Tls { extra_ca: Some(self.dir.path().join("ca.pem")) }
    }

    /// A server with a certificate for `host`, good until the first day of `year`.
    pub fn server(&self, host: &str, year: i32) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}
