//! [`Hook`]: posts JSON to a webhook. Blocks, with deadlines. Its address is a secret: no message has more
//! of it than the host.

use super::rest_connection::{agent, never_sent};
use super::{Endpoint, NetError, Timeouts, Tls, excerpt};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Uri};

/// No answer of use is longer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// One webhook. Connections are kept and used again.
#[derive(Clone)]
pub struct Hook {
    agent: Agent,
    url: String,
    /// What messages call it.
    host: String,
    timeouts: Timeouts,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({})", self.host)
    }
}

/// Why a post was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HookError {
    /// HTTP 429: too many. When the next may come, if that was told.
    #[error("HTTP 429: too many messages")]
    Limited(Option<Duration>),
    /// Somebody answered, and does not take this one; another may do.
    #[error("HTTP {status}: {said}")]
    BadMessage {
        /// HTTP's number.
        status: u16,
        /// The beginning of the answer's body.
        said: String,
    },
    /// Somebody answered, and takes nothing at this address.
    #[error("HTTP {status}: {said}; was the webhook deleted?")]
    Refused {
        /// HTTP's number.
        status: u16,
        /// The beginning of the answer's body.
        said: String,
    },
    /// No sound answer: the post may have arrived or not.
    #[error("{0}")]
    Trouble(String),
}

impl Hook {
    /// Makes a client of `https://HOST[:PORT]/PATH`, or of `http` on this machine; connects to nothing yet.
    ///
    /// # Errors
    /// It is no such address (which is not repeated), or the extra authorities cannot be used.
    pub fn new(url: &str, tls: &Tls, timeouts: Timeouts) -> Result<Self, NetError> {
        let bad = || NetError::NoHook;
        let url = url.trim();
        let begin = url.find("://").map(|at| at + 3).ok_or_else(bad)?;
        let host_end = url[begin..].find(['/', '?', '#']).map_or(url.len(), |at| begin + at);
        let endpoint = Endpoint::parse(&url[..host_end]).map_err(|_| bad())?;
        let path = &url[host_end..];
        if path.contains('#') || url.parse::<Uri>().is_err() {
            return Err(bad());
        }
        let agent = agent(&endpoint, tls, timeouts, Arc::new(|| false))?;
        let host = endpoint.rest_url();
        Ok(Self { agent, url: format!("{host}{path}"), host, timeouts })
    }

    /// Posts a JSON text.
    ///
    /// # Errors
    /// [`HookError`]; of [`HookError::Trouble`] nobody knows whether it arrived.
    pub fn post(&self, body: &[u8]) -> Result<(), HookError> {
        let sent = self.agent.post(&self.url).content_type("application/json").send(body);
        let mut answer = sent.map_err(|e| HookError::Trouble(self.words(&e)))?;
        let status = answer.status().as_u16();
        let wait = retry_after(answer.headers());
        if (200..300).contains(&status) {
            return Ok(()); // What else is said does not matter.
        }
        let read = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        let read = read.unwrap_or_default();
        let said = self.without_path(&excerpt(&read));
        Err(match status {
            429 => HookError::Limited(wait.into_iter().chain(retry_after_of(&read)).max()),
            400 | 411..=415 | 422 => HookError::BadMessage { status, said },
            408 | 425 | 500.. => HookError::Trouble(format!("HTTP {status}: {said}")),
            _ => HookError::Refused { status, said },
        })
    }

    /// What messages call it.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn words(&self, e: &ureq::Error) -> String {
        let why = match (never_sent(e), e) {
            (Some(e), _) => e.to_string(),
            (None, ureq::Error::Timeout(step)) => {
                format!("no answer within {} s ({step})", self.timeouts.total.as_secs_f32())
            }
            (None, other) => format!("no sound HTTP answer: {other}"),
        };
        self.without_path(&why)
    }

    /// Whatever is quoted, the secret part of the address is not.
    fn without_path(&self, text: &str) -> String {
        let path = &self.url[self.host.len()..];
        let parts = path.split(['/', '?', '&', '=']).filter(|part| part.len() >= 8);
        parts.fold(text.replace(path, "…"), |text, part| text.replace(part, "…"))
    }
}

/// Seconds, with a fraction or without; a date is none that we would wait for.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    seconds(text.trim().parse().ok()?)
}

/// As Discord says it in the body, which is finer than the header.
fn retry_after_of(body: &[u8]) -> Option<Duration> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    seconds(body.get("retry_after")?.as_f64()?)
}

fn seconds(s: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(s).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_on_this_machine_and_never_repeated() {
        for good in [
            "https://discord.com/api/webhooks/1/SECRET",
            " http://127.0.0.1:8080/SECRET?a=b\n",
            "http://[::1]:8080/SECRET",
        ] {
            let hook = Hook::new(good, &Tls::default(), Timeouts::default()).unwrap();
            assert_eq!(hook.url, good.trim());
            assert!(!format!("{hook:?} {}", hook.host()).contains("SECRET"), "{hook:?}");
        }
        for bad in [
            "",
            "SECRET",
            "discord.com/api/webhooks/1/SECRET",
            "http://discord.com/api/webhooks/1/SECRET",
            "ftp://127.0.0.1/SECRET",
            "https://user:SECRET@discord.com/x",
            "https://discord.com/SEC RET",
            "https://discord.com/x#SECRET",
            "https://",
        ] {
            let said = Hook::new(bad, &Tls::default(), Timeouts::default()).unwrap_err();
            assert!(!said.to_string().contains("SECRET"), "{said}");
            assert!(said.to_string().contains("https://HOST/PATH"), "{said}");
        }
    }

    #[test]
    fn how_long_to_wait_is_read_from_header_and_body() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let header = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(
            ["2", " 0.65 ", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "inf", "1e300"].map(header),
            [ms(2_000), ms(650), None, None, None, None]
        );
        assert_eq!(retry_after(&HeaderMap::new()), None);
        assert_eq!(
            retry_after_of(br#"{"message":"x","retry_after":64.57,"global":false}"#),
            ms(64_570)
        );
        for garbage in [&b""[..], b"<html>", b"{\"retry_after\":\"soon\"}", b"{\"retry_after\":-4}"]
        {
            assert_eq!(retry_after_of(garbage), None);
        }
    }
}
