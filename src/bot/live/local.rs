//! What a run shows on this machine over HTTP, and the one thing that it lets be done there.
//!
//! | asked | answered |
//! |---|---|
//! | `GET /` | the page ([`page`]) |
//! | `GET /events` | each new view, as server-sent events |
//! | `GET /status` | the newest view, as `botmm status --json` says it |
//! | `GET /metrics` | what Prometheus reads |
//! | `POST /kill` with the header `X-Botmm-Token` | kills as `botmm kill` does |
//!
//! All of it is served by threads of the port's own from what the side thread has put down: how many read, and
//! how slowly, is nothing to it.

use crate::exit::AppError;
use crate::masked::masked;
use crate::net::{Answer, Answering, Asked, Bound, LocalHttp};
use crate::side::killer::Killer;
use crate::side::token::{Token, Word};
use crate::terminal;
use crate::ui::page;
use crate::ui::view::{Newest, View};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::Address;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The header that carries the token.
const TOKEN: &str = "X-Botmm-Token";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// As Prometheus calls its format.
const METRICS: &str = "text/plain; version=0.0.4";

/// A port that is taken, and answers nothing yet.
pub(super) struct Door {
    bound: Bound,
    token: Token,
}

/// The port answers and the token is good as long as this is there.
pub(super) struct Shown {
    _http: LocalHttp,
    _token: Token,
}

/// The newest metrics.
#[derive(Clone, Default)]
pub(super) struct NewestText(Arc<Mutex<Arc<str>>>);

impl NewestText {
    /// From now on readers get this.
    pub(super) fn set(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }

    fn get(&self) -> Arc<str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What answers are made of.
struct Served {
    newest: Newest,
    metrics: NewestText,
    killer: Killer,
    word: Word,
    policy: String,
}

impl Door {
    /// Takes the port of 127.0.0.1, if one is named, and makes the token. The key's state must have been taken
    /// (locked) before.
    pub(super) fn open(
        port: Option<u16>,
        state_dir: &Path,
        key: Address,
    ) -> Result<Option<Self>, AppError> {
        let open =
            |port| Ok(Self { bound: LocalHttp::bind(port)?, token: Token::new(state_dir, key)? });
        port.map(open).transpose()
    }

    /// Answers from now on, and tells a person where.
    pub(super) fn serve(
        self,
        newest: Newest,
        metrics: NewestText,
        killer: Killer,
    ) -> Result<Shown, AppError> {
        let (word, policy) = (self.token.word(), page::policy());
        let served = Served { newest, metrics, killer, word, policy };
        let answering: Answering = Arc::new(move |asked| served.answer(asked));
        let http = self.bound.serve(answering)?;
        terminal::complain(format_args!("page: http://{}/  ·  {}", http.at(), self.token.words()));
        Ok(Shown { _http: http, _token: self.token })
    }
}

impl Served {
    fn answer(&self, asked: &Asked) -> Answer {
        let is_read = matches!(asked.method.as_str(), "GET" | "HEAD");
        match asked.path.as_str() {
            "/kill" if asked.method == "POST" => self.kill(asked),
            "/kill" => not_by_this("POST"),
            "/" | "/events" | "/status" | "/metrics" if !is_read => not_by_this("GET, HEAD"),
            "/" => Answer {
                headers: self.policy.clone(),
                ..Answer::whole("text/html; charset=utf-8", page::HTML)
            },
            "/events" => self.events(),
            "/status" => match self.newest.get() {
                Some(view) => Answer::whole(JSON, format!("{}\n", view.to_json(now()))),
                None => Answer::refused(503, "it has just begun: ask again"),
            },
            "/metrics" => Answer::whole(METRICS, self.metrics.get().as_bytes()),
            _ => Answer::refused(404, "see /, /status and /metrics"),
        }
    }

    /// What is shown, whenever there is something new.
    fn events(&self) -> Answer {
        let newest = self.newest.clone();
        let mut told: Option<Arc<View>> = None;
        Answer::events(Box::new(move || {
            let view = newest.get()?;
            let is_new = told.as_ref().is_none_or(|told| !Arc::ptr_eq(told, &view));
            told = Some(view.clone());
            is_new.then(|| page::event(&view, now()))
        }))
    }

    fn kill(&self, asked: &Asked) -> Answer {
        // A browser says where a page is from with every POST.
        if asked.header("Origin").is_none() && asked.header("Sec-Fetch-Site").is_some() {
            return Answer::refused(403, "only by the page that is served here");
        }
        match asked.header(TOKEN) {
            Some(said) if self.word.is(said) => {
                self.killer.kill("by the page");
                let command = masked(self.killer.command());
                let said = format!(
                    "killed: nothing is quoted, orders are cancelled; `{command}` ends that\n"
                );
                Answer::whole(TEXT, said)
            }
            Some(_) => Answer::refused(403, "not the token of this run: it is told at its start"),
            None => Answer::refused(403, "the header X-Botmm-Token is missing"),
        }
    }
}

fn now() -> Nanos {
    WallClock::default().now()
}

fn not_by_this(allowed: &str) -> Answer {
    let refused = Answer::refused(405, &format!("only {allowed}"));
    Answer { headers: format!("Allow: {allowed}\r\n"), ..refused }
}
