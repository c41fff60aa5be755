//! HTTP/1.1 requests out of bytes, and answers into bytes. Knows no socket and no time.

use super::Limits;
use crate::exchange::HttpReply;
use crate::http_status::reason;
use crate::origin;

/// Header lines of one request.
const MAX_HEADERS: usize = 64;
/// Bytes of one chunk's size line.
const MAX_CHUNK_LINE_BYTES: usize = 1024;

/// A request, read whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub method: String,
    /// Without scheme, authority and query.
    pub path: String,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
    /// Whether the client wants to send more requests on this connection.
    pub keep_alive: bool,
    /// It asks to go on as a WebSocket.
    pub upgrade: Option<Upgrade>,
}

/// What a client says to go on as a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upgrade {
    pub version: String,
    pub key: String,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// More bytes are needed, and the client waits to be told that it may send them.
    Continue,
    /// A request.
    Request(Box<Request>),
    /// No request: answer this and close.
    Refused(HttpReply),
}

/// Collects bytes into requests, one after the other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    /// No end of a head lies before this.
    searched: usize,
    /// A head that is not complete is looked at when it has this length: garbage is found out
    /// early, and a head that comes byte by byte is not parsed at each of them.
    look_at: usize,
    /// The head whose body is being read.
    pending: Option<(Box<Request>, Body)>,
}

#[derive(Debug)]
enum Body {
    Length(usize),
    Chunk(ChunkState),
}

#[derive(Debug)]
enum ChunkState {
    Size,
    Data(usize),
    /// After the last chunk; how many bytes of trailers were skipped.
    Trailers(usize),
}

/// A request's head, and what its headers say of the body.
struct Head {
    request: Box<Request>,
    body: Body,
    expects_continue: bool,
}

impl Reader {
    /// Takes what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes not yet made into a request.
    pub fn buffered(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing of a next request has come.
    pub fn is_idle(&self) -> bool {
        self.bytes.is_empty() && self.pending.is_none()
    }

    /// What came after the last request.
    pub fn into_rest(self) -> Vec<u8> {
        self.bytes
    }

    /// The next request, if it is complete.
    pub fn next(&mut self, limits: &Limits) -> Step {
        match self.advance(limits) {
            Ok(step) => step,
            Err(reply) => Step::Refused(reply),
        }
    }

    fn advance(&mut self, limits: &Limits) -> Result<Step, HttpReply> {
        let mut expects_continue = false;
        if self.pending.is_none() {
            let Some(head) = self.head(limits)? else { return Ok(Step::More) };
            expects_continue = head.expects_continue;
            self.pending = Some((head.request, head.body));
        }
        let Some((mut request, mut body)) = self.pending.take() else { return Ok(Step::More) };
        if self.read_body(&mut request.body, &mut body, limits)? {
            return Ok(Step::Request(request));
        }
        self.pending = Some((request, body));
        Ok(if expects_continue { Step::Continue } else { Step::More })
    }

    /// Takes a head off the front, if one is there.
    fn head(&mut self, limits: &Limits) -> Result<Option<Head>, HttpReply> {
        let whole = self.find_head_end();
        if !whole && self.bytes.len() < self.look_at.max(1) {
            return Ok(None);
        }
        self.look_at = 2 * self.bytes.len();
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&self.bytes) {
            Ok(httparse::Status::Complete(length)) if length <= limits.max_head_bytes => {
                let head = read_head(&parsed, limits)?;
                self.bytes.drain(..length);
                (self.searched, self.look_at) = (0, 0);
                Ok(Some(head))
            }
            Ok(httparse::Status::Partial) if self.bytes.len() < limits.max_head_bytes => Ok(None),
            Ok(_) => Err(refuse(431, "the request's head is too long")),
            Err(httparse::Error::TooManyHeaders) => Err(refuse(431, "too many headers")),
            Err(e) => Err(refuse(400, &format!("not an HTTP request: {e}"))),
        }
    }

    /// Whether a blank line has come.
    fn find_head_end(&mut self) -> bool {
        // A blank line may straddle what was searched before.
        let from = self.searched.saturating_sub(3);
        self.searched = self.bytes.len();
        let tail = &self.bytes[from..];
        tail.windows(2).any(|w| w == b"\n\n") || tail.windows(3).any(|w| w == b"\n\r\n")
    }

    /// Moves what has come of the body; true when it is whole.
    fn read_body(
        &mut self,
        to: &mut Vec<u8>,
        body: &mut Body,
        limits: &Limits,
    ) -> Result<bool, HttpReply> {
        match body {
            Body::Length(length) => {
                let more = (*length - to.len()).min(self.bytes.len());
                to.extend(self.bytes.drain(..more));
                Ok(to.len() == *length)
            }
            Body::Chunk(state) => {
                let (taken, whole) = read_chunks(&self.bytes, to, state, limits)?;
                self.bytes.drain(..taken);
                Ok(whole)
            }
        }
    }
}

/// Moves what has come of a chunked body; how many bytes were taken, and whether that was all.
fn read_chunks(
    bytes: &[u8],
    to: &mut Vec<u8>,
    state: &mut ChunkState,
    limits: &Limits,
) -> Result<(usize, bool), HttpReply> {
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        match state {
            ChunkState::Size => match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete((line, size))) => {
                    let room = limits.max_body_bytes - to.len();
                    let size = usize::try_from(size).ok().filter(|&s| s <= room);
                    let size = size.ok_or_else(|| too_large(limits))?;
                    at += line;
                    *state = match size {
                        0 => ChunkState::Trailers(0),
                        _ => ChunkState::Data(size),
                    };
                }
                Ok(httparse::Status::Partial) if rest.len() < MAX_CHUNK_LINE_BYTES => {
                    return Ok((at, false));
                }
                _ => return Err(refuse(400, "a chunk's size is not a size")),
            },
            ChunkState::Data(0) => match rest {
                [b'\r', b'\n', ..] => {
                    at += 2;
                    *state = ChunkState::Size;
                }
                [] | [b'\r'] => return Ok((at, false)),
                _ => return Err(refuse(400, "a chunk is longer than it says")),
            },
            ChunkState::Data(left) => {
                if rest.is_empty() {
                    return Ok((at, false));
                }
                let more = rest.len().min(*left);
                to.extend_from_slice(&rest[..more]);
                *left -= more;
                at += more;
            }
            ChunkState::Trailers(skipped) => {
                let Some(line) = rest.iter().position(|&b| b == b'\n') else {
                    return match *skipped + rest.len() < limits.max_head_bytes {
                        true => Ok((at, false)),
                        false => Err(refuse(431, "the request's trailers are too long")),
                    };
                };
                at += line + 1;
                *skipped += line + 1;
                if matches!(&rest[..line], [] | [b'\r']) {
                    return Ok((at, true));
                }
                if *skipped >= limits.max_head_bytes {
                    return Err(refuse(431, "the request's trailers are too long"));
                }
            }
        }
    }
}

/// What a head says.
fn read_head(parsed: &httparse::Request<'_, '_>, limits: &Limits) -> Result<Head, HttpReply> {
    let all = |name: &'static str| {
        parsed.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value)
    };
    let text = |name| all(name).next().map(|v| String::from_utf8_lossy(v).trim().to_owned());
    let has_token = |name, token: &str| {
        all(name).any(|v| {
            let tokens = v.split(|&b| b == b',').map(<[u8]>::trim_ascii);
            tokens.into_iter().any(|t| t.eq_ignore_ascii_case(token.as_bytes()))
        })
    };
    check_caller(parsed.path.unwrap_or_default(), all("host"), all("origin"))?;
    let mut length = None;
    for value in all("content-length") {
        let value = decimal(value.trim_ascii()).ok_or_else(|| refuse(400, "bad Content-Length"))?;
        if length.replace(value).is_some_and(|earlier| earlier != value) {
            return Err(refuse(400, "two different Content-Length"));
        }
    }
    let body = match (all("transfer-encoding").next(), length) {
        (Some(_), Some(_)) => {
            return Err(refuse(400, "both Content-Length and Transfer-Encoding"));
        }
        (Some(coding), None) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            Body::Chunk(ChunkState::Size)
        }
        (Some(_), None) => return Err(refuse(501, "the only Transfer-Encoding served is chunked")),
        (None, Some(length)) if length > limits.max_body_bytes => return Err(too_large(limits)),
        (None, length) => Body::Length(length.unwrap_or(0)),
    };
    let is_1_1 = parsed.version == Some(1);
    let keep_alive =
        !has_token("connection", "close") && (is_1_1 || has_token("connection", "keep-alive"));
    let asks = is_1_1 && has_token("connection", "upgrade") && has_token("upgrade", "websocket");
    let upgrade = asks.then(|| Upgrade {
        version: text("sec-websocket-version").unwrap_or_default(),
        key: text("sec-websocket-key").unwrap_or_default(),
    });
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path_of(parsed.path.unwrap_or_default()).to_owned(),
        content_type: text("content-type"),
        body: Vec::new(),
        keep_alive,
        upgrade,
    };
    let expects_continue = is_1_1 && has_token("expect", "100-continue");
    Ok(Head { request: Box::new(request), body, expects_continue })
}

/// Only this machine may ask, by any of its loopback names: see [`origin`].
fn check_caller<'a>(
    target: &str,
    hosts: impl Iterator<Item = &'a [u8]>,
    origins: impl Iterator<Item = &'a [u8]>,
) -> Result<(), HttpReply> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).trim().to_owned();
    let foreign = |what: &str, value: &str| {
        let value: String = value.chars().filter(|c| !c.is_control()).take(80).collect();
        refuse(
            403,
            &format!(
                "this exchange answers this machine only; {what} {value:?} is not loopback (allowed: \
                 localhost, 127.0.0.1, [::1], with any port)"
            ),
        )
    };
    if let Some(authority) = authority_of(target).filter(|a| !origin::is_loopback(a)) {
        return Err(foreign("the target's host", authority));
    }
    let hosts: Vec<_> = hosts.map(text).collect();
    if hosts.len() > 1 {
        return Err(refuse(400, "more than one Host"));
    }
    if let Some(host) = hosts.iter().find(|host| !origin::is_loopback(host)) {
        return Err(foreign("Host", host));
    }
    match origins.map(text).find(|from| !origin::is_local_page(from)) {
        Some(from) => Err(foreign("Origin", &from)),
        None => Ok(()),
    }
}

/// Digits only: neither sign nor space, unlike `str::parse`.
fn decimal(digits: &[u8]) -> Option<usize> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The host of `http://localhost:3001/info`; [`None`] of a mere path.
fn authority_of(target: &str) -> Option<&str> {
    let (_, rest) = target.split_once("://").filter(|_| !target.starts_with('/'))?;
    rest.split(['/', '?', '#']).next()
}

/// The path of `/info?x`, `http://localhost:3001/info`, …
fn path_of(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    };
    path.split(['?', '#']).next().unwrap_or_default()
}

/// An answer in plain text.
pub(super) fn refuse(status: u16, text: &str) -> HttpReply {
    HttpReply { status, content_type: "text/plain", body: text.as_bytes().to_vec() }
}

fn too_large(limits: &Limits) -> HttpReply {
    refuse(413, &format!("a request's body has at most {} bytes", limits.max_body_bytes))
}

/// An answer as bytes. `with_body` is false for the answer to a HEAD.
pub(super) fn encode(reply: &HttpReply, keep_alive: bool, with_body: bool) -> Vec<u8> {
    let (status, content_type) = (reply.status, reply.content_type);
    let (reason, length) = (reason(status), reply.body.len());
    let connection = if keep_alive { "keep-alive" } else { "close" };
    // What a client needs to know to do better.
    let hint = match status {
        405 => "Allow: POST\r\n",
        426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        _ => "",
    };
    let mut bytes = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\nConnection: {connection}\r\n{hint}\r\n"
    )
    .into_bytes();
    if with_body {
        bytes.extend_from_slice(&reply.body);
    }
    bytes
}

/// The answer that makes a connection a WebSocket.
pub(super) fn encode_upgrade(accept_key: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept_key}\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests;
