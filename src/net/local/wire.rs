//! Bytes: a request read with a deadline and told from what is none, an answer's head, and who may ask.

use super::{Answer, Asked, Body};
use crate::http_status::reason;
use crate::origin::is_loopback;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// No request is longer, nor has more headers.
const MAX_HEAD_BYTES: usize = 8 << 10;
const MAX_HEADERS: usize = 48;
/// What a closed connection may still have to say: read and thrown away, so that our answer is not lost to it.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 64 << 10;

/// Of every answer: nothing is kept by a browser, guessed from its bytes, or built into a page elsewhere.
const ALWAYS: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
                      Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n\
                      Connection: close\r\n";

/// What is asked, or what is answered instead.
pub(super) fn read_request(
    stream: &mut TcpStream,
    patience: Duration,
) -> std::io::Result<Result<Asked, Answer>> {
    let begun = Instant::now();
    let (mut bytes, mut chunk) = (Vec::with_capacity(1 << 10), [0; 1 << 10]);
    loop {
        if let Some(asked) = parsed(&bytes) {
            return Ok(asked);
        }
        let left = patience.saturating_sub(begun.elapsed());
        if left.is_zero() {
            let why = format!("no whole request within {} s", patience.as_secs());
            return Ok(Err(Answer::refused(408, &why)));
        }
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(e) if is_short(&e) => {}
            Err(e) => return Err(e),
        }
    }
}

/// [`None`] = more has to come.
fn parsed(bytes: &[u8]) -> Option<Result<Asked, Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let refused = |status, why: &str| Some(Err(Answer::refused(status, why)));
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD_BYTES => {}
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD_BYTES => return None,
        Ok(_) => return refused(431, "the request is too long"),
        Err(httparse::Error::TooManyHeaders) => return refused(431, "too many headers"),
        Err(e) => return refused(400, &format!("not an HTTP request: {e}")),
    }
    let target = request.path.unwrap_or_default();
    if !target.starts_with('/') {
        return refused(400, "ask for a path: /");
    }
    let owned = |h: &httparse::Header<'_>| (h.name.to_owned(), h.value.to_vec());
    let asked = Asked {
        method: request.method.unwrap_or_default().to_owned(),
        path: target.split(['?', '#']).next().unwrap_or_default().to_owned(),
        headers: request.headers.iter().map(owned).collect(),
    };
    Some(match refusal(&asked) {
        Some((status, why)) => Err(Answer::refused(status, why)),
        None => Ok(asked),
    })
}

/// Why it gets no answer, whatever it asks for.
fn refusal(asked: &Asked) -> Option<(u16, &'static str)> {
    let has = |name: &str| asked.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let text = |name| asked.header(name).and_then(|value| std::str::from_utf8(value).ok());
    let Some(host) = text("host").filter(|host| is_loopback(host)) else {
        return Some((403, "only by a name of this machine: http://127.0.0.1:PORT/"));
    };
    if has("origin") && text("origin") != Some(&format!("http://{host}")) {
        return Some((403, "only by the page that is served here"));
    }
    let is_ours = matches!(text("sec-fetch-site"), Some("same-origin" | "none"));
    let is_link = asked.method == "GET" && text("sec-fetch-mode") == Some("navigate");
    if has("sec-fetch-site") && !is_ours && !is_link {
        return Some((403, "no other page may ask"));
    }
    let has_length = has("content-length") && text("content-length") != Some("0");
    if has("transfer-encoding") || has_length {
        return Some((413, "no request has a body here"));
    }
    None
}

/// Status line and headers, with the empty line.
pub(super) fn head_of(answer: &Answer) -> Vec<u8> {
    let Answer { status, kind, headers, body } = answer;
    let length = match body {
        Body::Whole(body) => format!("Content-Length: {}\r\n", body.len()),
        Body::Events(_) => String::new(),
    };
    let reason = reason(*status);
    let head = format!("HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\n");
    format!("{head}{length}{ALWAYS}{headers}\r\n").into_bytes()
}

/// Writes all of it, or gives up on who does not take it in time.
pub(super) fn write_within(
    stream: &mut TcpStream,
    mut bytes: &[u8],
    patience: Duration,
) -> std::io::Result<()> {
    let begun = Instant::now();
    while !bytes.is_empty() {
        let left = patience.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(e) if is_short(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Closes our side, and reads on for a moment: bytes that nobody reads would take our answer with them.
pub(super) fn linger(stream: &mut TcpStream) {
    let (begun, mut read, mut chunk) = (Instant::now(), 0, [0; 1 << 10]);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(LINGER));
    while read < LINGER_BYTES && begun.elapsed() < LINGER {
        match stream.read(&mut chunk) {
            Ok(n) if n > 0 => read += n,
            _ => return,
        }
    }
}

fn is_short(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
