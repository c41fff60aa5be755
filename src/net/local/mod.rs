//! [`LocalHttp`]: what a run shows on this machine over HTTP/1.1, on one port of 127.0.0.1. Each connection is
//! one request and has a thread of its own; there are at most so many, each with a deadline for all that it
//! does, so that who is slow, stuck or hostile keeps others of its kind out at worst, and never the run.
//!
//! A web page elsewhere can make a browser call this machine. It gets nothing: `Host` must name loopback,
//! `Origin`, where a browser sends one, must be the page that is served here, and what a browser says is another
//! site's (`Sec-Fetch-Site`) may only be somebody who followed a link.

mod wire;

use super::places::Places;
use crate::exit::AppError;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use wire::{head_of, linger, read_request, write_within};

/// Connections at a time, and those of them that are streams.
const AT_A_TIME: usize = 32;
const STREAMS: usize = 8;
/// How long a request may take to come in, and a piece of an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a stream looks for something new, and after how long without it says that it is still there.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const PING_EVERY: Duration = Duration::from_secs(5);
/// After the system has refused a connection (no descriptors left), the next is not taken at once.
const PAUSE: Duration = Duration::from_millis(100);
/// Of a connection's thread; no answer is built on it.
const STACK_BYTES: usize = 256 << 10;

/// A request; none has a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, …
    pub method: String,
    /// Without what follows a `?`.
    pub path: String,
    /// By name, as they came.
    headers: Vec<(String, Vec<u8>)>,
}

impl Asked {
    /// The one header of this name; [`None`] = there is none, or more than one.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut of_name = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of_name.next().filter(|_| of_name.next().is_none()).map(|(_, value)| value.as_slice())
    }
}

/// What a stream has to tell since it was last asked; [`None`] = nothing.
pub type Events = Box<dyn FnMut() -> Option<Vec<u8>> + Send>;

/// What is answered.
pub enum Body {
    /// This, and that is all.
    Whole(Vec<u8>),
    /// Server-sent events, until the reader leaves.
    Events(Events),
}

/// An answer.
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// `text/plain`, …
    pub kind: &'static str,
    /// Further header lines, each with its line end.
    pub headers: String,
    /// What follows them.
    pub body: Body,
}

impl Answer {
    /// All of it.
    pub fn whole(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, kind, headers: String::new(), body: Body::Whole(body.into()) }
    }

    /// Server-sent events.
    pub fn events(events: Events) -> Self {
        let kind = "text/event-stream; charset=utf-8";
        Self { status: 200, kind, headers: String::new(), body: Body::Events(events) }
    }

    /// Why there is none, for a person.
    pub fn refused(status: u16, why: &str) -> Self {
        Self { status, ..Self::whole("text/plain; charset=utf-8", format!("{why}\n")) }
    }
}

/// Answers a request. May wait: each has a thread of its own.
pub type Answering = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

/// See the module. Dropped, it answers no more, and its streams end.
pub struct LocalHttp {
    at: SocketAddr,
    is_over: Arc<AtomicBool>,
}

/// A port that is ours; who calls waits.
pub struct Bound {
    listener: TcpListener,
    at: SocketAddr,
}

impl LocalHttp {
    /// Takes this port of 127.0.0.1; 0 = one that is free.
    ///
    /// # Errors
    /// It is taken.
    pub fn bind(port: u16) -> Result<Bound, AppError> {
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let failed = |e: std::io::Error| {
            let remedy = "name another one as http.port, or stop who has it";
            AppError::data(format!("http://{at}/"), format!("cannot listen: {e}"), remedy)
        };
        let listener = TcpListener::bind(at).map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        Ok(Bound { listener, at })
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        self.at
    }
}

impl Bound {
    /// Answers from now on.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn serve(self, answering: Answering) -> Result<LocalHttp, AppError> {
        let Self { listener, at } = self;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = thread::Builder::new().name("http".to_owned());
        let accept = move || accept(&listener, &answering, &over);
        thread.spawn(accept).map_err(AppError::io("http thread", "start"))?;
        Ok(LocalHttp { at, is_over })
    }
}

impl Drop for LocalHttp {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.at); // The thread waits for somebody to call.
    }
}

fn accept(listener: &TcpListener, answering: &Answering, over: &Arc<AtomicBool>) {
    let (open, streams) = (Places::new(AT_A_TIME), Places::new(STREAMS));
    for stream in listener.incoming() {
        if over.load(Ordering::Acquire) {
            return;
        }
        let Ok(mut stream) = stream else {
            thread::sleep(PAUSE);
            continue;
        };
        let Some(place) = open.take() else {
            // What fits is sent, and nobody is waited for.
            let busy = head_of(&Answer::refused(503, ""));
            let _ = stream.set_nonblocking(true).and_then(|()| stream.write_all(&busy));
            continue;
        };
        let (answering, over, streams) = (answering.clone(), over.clone(), streams.clone());
        let thread = thread::Builder::new().name("http-answer".to_owned()).stack_size(STACK_BYTES);
        // Without a thread the connection is closed: whoever called comes again.
        let _ = thread.spawn(move || {
            let _ = serve(&mut stream, &answering, &streams, &over); // Who asked may have left.
            drop(place);
        });
    }
}

fn serve(
    stream: &mut TcpStream,
    answering: &Answering,
    streams: &Places,
    over: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut answer, is_head) = match read_request(stream, PATIENCE)? {
        Ok(asked) => (answering(&asked), asked.method == "HEAD"),
        Err(refused) => (refused, false),
    };
    let mut place = None;
    if matches!(answer.body, Body::Events(_)) && !is_head {
        place = streams.take();
        if place.is_none() {
            answer = Answer::refused(503, "too many pages are open: close one");
        }
    }
    write_within(stream, &head_of(&answer), PATIENCE)?;
    match answer.body {
        Body::Whole(body) if !is_head => write_within(stream, &body, PATIENCE)?,
        Body::Events(events) if !is_head => tell(stream, events, over)?,
        _ => {}
    }
    drop(place);
    linger(stream);
    Ok(())
}

/// Tells what is new until the run is over or nobody reads. Nothing is kept for a slow reader: what it had no
/// time for is superseded.
fn tell(stream: &mut TcpStream, mut events: Events, over: &AtomicBool) -> std::io::Result<()> {
    let mut told = Instant::now();
    while !over.load(Ordering::Acquire) {
        let new = events().or_else(|| (told.elapsed() >= PING_EVERY).then(|| b":\n\n".to_vec()));
        if let Some(new) = new {
            write_within(stream, &new, PATIENCE)?;
            told = Instant::now();
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
