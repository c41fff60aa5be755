//! [`Rest`]: questions and orders over HTTPS, for the side thread. Blocks, with deadlines.

use super::connection::Stopped;
use super::error::io_words;
use super::rest_connection::{agent, never_sent};
use super::{Endpoint, MAX_MESSAGE_BYTES, NetError, Timeouts, Tls, excerpt};
use crate::exit::{AppError, Exit};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use ureq::Agent;

/// A client of one venue's REST interface. Connections are kept and used again.
#[derive(Clone, Debug)]
pub struct Rest {
    agent: Agent,
    base: String,
    timeouts: Timeouts,
}

/// A request that brought no answer of use. One line: to whom, what, what happened, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.words())]
pub struct RestError {
    /// The address that was asked, with its path.
    pub endpoint: String,
    /// The request's `type`: `clearinghouseState`, `order`…
    pub request: String,
    /// Is it an action that may have changed something?
    pub is_action: bool,
    /// What happened.
    pub failure: RestFailure,
}

impl From<RestError> for AppError {
    fn from(error: RestError) -> Self {
        Self::of(Exit::Data, error)
    }
}

/// What happened to a request.
#[derive(Debug, thiserror::Error)]
pub enum RestFailure {
    /// There was no connection: nothing was sent, for certain.
    #[error("never sent: {0}")]
    NeverSent(String),
    /// The server is not who it says, or speaks no TLS that we do: nothing was sent.
    #[error("never sent: {0}")]
    Distrusted(String),
    /// It was sent, or may have been, and whether it was executed is not known.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// HTTP 429: the weight that the venue grants an address is spent.
    #[error("HTTP 429: rate limit spent")]
    RateLimited,
    /// HTTP 422: the venue cannot make sense of what we wrote.
    #[error("HTTP 422: the venue cannot read the request: {0}")]
    Malformed(String),
    /// Any other answer than success: refused, not executed.
    #[error("HTTP {status}: {said}")]
    Refused {
        /// HTTP's number.
        status: u16,
        /// The beginning of the answer's body.
        said: String,
    },
    /// Success, but the answer is no JSON.
    #[error("HTTP 200 without JSON: {0:?}")]
    NotJson(String),
}

impl RestError {
    /// Is it certain that nothing was executed, so that the same may be sent again?
    pub fn is_certainly_not_done(&self) -> bool {
        !matches!(self.failure, RestFailure::Unknown(_) | RestFailure::NotJson(_))
    }

    /// Whether asking the same again would bring the same: somebody has answered, or is not who was
    /// meant.
    pub fn is_answer(&self) -> bool {
        use RestFailure::{Distrusted, Malformed, Refused};
        matches!(self.failure, Distrusted(_) | Malformed(_) | Refused { .. })
    }

    fn words(&self) -> String {
        match &self.failure {
            // A question is asked again or not; what has to be done is about the connection.
            RestFailure::NeverSent(why) | RestFailure::Distrusted(why) if !self.is_action => {
                why.clone()
            }
            failure => {
                format!("{} {}: {failure}; {}", self.endpoint, self.request, self.remedy())
            }
        }
    }

    fn remedy(&self) -> &'static str {
        match self.failure {
            RestFailure::NeverSent(_) | RestFailure::Distrusted(_) => "it is safe to send it again",
            RestFailure::Unknown(_) | RestFailure::NotJson(_) if self.is_action => {
                "ask for open orders, fills and position before sending it again"
            }
            RestFailure::Unknown(_) => "a question changes nothing: ask again",
            RestFailure::RateLimited => "wait a minute before the next request",
            RestFailure::Malformed(_) => "this is a defect of botmm: report it with the request",
            RestFailure::Refused { .. } => "check the address and that this machine may use it",
            RestFailure::NotJson(_) => "check that the address is a venue's and no proxy between",
        }
    }
}

impl Rest {
    /// Makes a client; connects to nothing yet.
    ///
    /// # Errors
    /// [`NetError::Authorities`] when the extra authorities cannot be used.
    pub fn new(endpoint: &Endpoint, tls: &Tls) -> Result<Self, NetError> {
        Self::with_timeouts(endpoint, tls, Timeouts::default())
    }

    /// The same; what is being asked when `stopped` says true is given up at once.
    ///
    /// # Errors
    /// As [`Rest::new`].
    pub fn until(endpoint: &Endpoint, tls: &Tls, stopped: Stopped) -> Result<Self, NetError> {
        Self::make(endpoint, tls, Timeouts::default(), stopped)
    }

    /// The same with other deadlines.
    ///
    /// # Errors
    /// As [`Rest::new`].
    pub fn with_timeouts(
        endpoint: &Endpoint,
        tls: &Tls,
        timeouts: Timeouts,
    ) -> Result<Self, NetError> {
        Self::make(endpoint, tls, timeouts, Arc::new(|| false))
    }

    fn make(
        endpoint: &Endpoint,
        tls: &Tls,
        timeouts: Timeouts,
        stopped: Stopped,
    ) -> Result<Self, NetError> {
        let agent = agent(endpoint, tls, timeouts, stopped)?;
        Ok(Self { agent, base: endpoint.rest_url(), timeouts })
    }

    /// Asks `/info`. The question is an object with a `type`.
    ///
    /// # Errors
    /// [`RestError`]; since nothing is changed by a question, it may always be asked again.
    pub fn info(&self, question: &Value) -> Result<Value, RestError> {
        let request = question.get("type").and_then(Value::as_str).unwrap_or("(no type)");
        self.post("/info", question.to_string().as_bytes(), request, false)
    }

    /// Sends a signed body to `/exchange`, byte for byte.
    ///
    /// # Errors
    /// [`RestError`]; see [`RestError::is_certainly_not_done`] before sending anything again. That
    /// the venue refuses an order is no error here: it is in the answer.
    pub fn exchange(&self, body: &[u8]) -> Result<Value, RestError> {
        let envelope = serde_json::from_slice::<Envelope>(body);
        let request = envelope.as_ref().map_or("(no type)", |e| &e.action.kind);
        self.post("/exchange", body, request, true)
    }

    fn post(
        &self,
        path: &str,
        body: &[u8],
        request: &str,
        is_action: bool,
    ) -> Result<Value, RestError> {
        let endpoint = format!("{}{path}", self.base);
        self.answer(&endpoint, body).map_err(|failure| RestError {
            endpoint,
            request: request.to_owned(),
            is_action,
            failure,
        })
    }

    fn answer(&self, url: &str, body: &[u8]) -> Result<Value, RestFailure> {
        let mut answer = self
            .agent
            .post(url)
            .content_type("application/json")
            .send(body)
            .map_err(|e| self.failure(&e))?;
        let status = answer.status().as_u16();
        let read = answer.body_mut().with_config().limit(MAX_MESSAGE_BYTES as u64).read_to_vec();
        // Without a success, the status says more than a body that did not arrive.
        let said = || excerpt(read.as_deref().unwrap_or_default());
        match status {
            200 => {}
            429 => return Err(RestFailure::RateLimited),
            422 => return Err(RestFailure::Malformed(said())),
            500.. => return Err(RestFailure::Unknown(format!("HTTP {status}: {}", said()))),
            _ => return Err(RestFailure::Refused { status, said: said() }),
        }
        let body = read.map_err(|e| self.failure(&e))?;
        serde_json::from_slice(&body).map_err(|_| RestFailure::NotJson(excerpt(&body)))
    }

    fn failure(&self, e: &ureq::Error) -> RestFailure {
        if let Some(e) = never_sent(e) {
            return match e {
                NetError::Tls { .. } => RestFailure::Distrusted(e.to_string()),
                e => RestFailure::NeverSent(e.to_string()),
            };
        }
        RestFailure::Unknown(match e {
            ureq::Error::Timeout(step) => {
                format!("no answer within {} s ({step})", self.timeouts.total.as_secs_f32())
            }
            ureq::Error::Io(e) => format!("connection lost: {}", io_words(e)),
            ureq::Error::BodyExceedsLimit(_) => {
                format!("the answer is longer than {MAX_MESSAGE_BYTES} bytes")
            }
            other => format!("no sound HTTP answer: {other}"),
        })
    }
}

/// As much of a signed body as an error message needs.
#[derive(Deserialize)]
struct Envelope {
    action: Kind,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}
