//! Faults by hand, while the exchange runs: `GET`, `POST` and `DELETE /faults`, `GET /stats`.

use super::{Fault, FaultSpec, FaultTarget, Faulty};
use crate::exchange::server::ServerStats;
use crate::exchange::{Host, HttpReply, HttpRequest};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::types::duration::format_duration;
use serde::Serialize;

/// What `GET /faults` says.
#[derive(Serialize)]
struct FaultList {
    /// Time since the start of the exchange, which `start` of each fault counts from.
    now: String,
    quiet: bool,
    held_messages: usize,
    active: Vec<Listed>,
    scheduled: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    id: u64,
    #[serde(flatten)]
    fault: FaultSpec,
}

#[derive(Serialize)]
struct Added {
    id: u64,
}

#[derive(Serialize)]
struct Refusal {
    error: String,
}

/// Answers a request to the exchange's second port; a [`crate::exchange::server::AdminHandler`].
/// `POST /faults` counts `start` from now.
pub fn admin<H: Host + FaultTarget>(
    host: &mut Faulty<H>,
    now: Nanos,
    request: &HttpRequest<'_>,
    stats: &ServerStats,
) -> HttpReply {
    match (request.method, request.path) {
        ("GET" | "HEAD", "/faults") => json(200, &list(host, now)),
        ("POST", "/faults") => match add(host, now, request) {
            Ok(id) => json(200, &Added { id }),
            Err((status, error)) => json(status, &Refusal { error }),
        },
        ("DELETE", "/faults") => {
            host.clear(now);
            json(200, &list(host, now))
        }
        ("GET" | "HEAD", "/stats") => json(200, &stats.snapshot()),
        (_, "/faults" | "/stats") => refuse(405, "GET, POST, DELETE /faults; GET /stats"),
        _ => refuse(404, "what there is: GET, POST, DELETE /faults; GET /stats"),
    }
}

fn list<H: Host + FaultTarget>(host: &Faulty<H>, now: Nanos) -> FaultList {
    let of = |begun: bool| {
        let planned = host.planned.iter().filter(|p| p.begun == begun);
        let since_start = |p: &super::Planned| Fault { start: p.begin - host.start, ..p.fault };
        planned.map(|p| Listed { id: p.id, fault: FaultSpec::of(&since_start(p)) }).collect()
    };
    FaultList {
        now: format_duration(Nanos::millis((now - host.start).as_millis())),
        quiet: host.is_quiet(now),
        held_messages: host.held.len(),
        active: of(true),
        scheduled: of(false),
    }
}

fn add<H: Host + FaultTarget>(
    host: &mut Faulty<H>,
    now: Nanos,
    request: &HttpRequest<'_>,
) -> Result<u64, (u16, String)> {
    // A web page can post anywhere, but not as JSON without asking first, which is refused here.
    let is_json = |t: &str| t.split(';').next().is_some_and(|t| t.trim() == "application/json");
    if !request.content_type.is_some_and(is_json) {
        return Err((415, "say Content-Type: application/json".to_owned()));
    }
    let spec: FaultSpec = serde_json::from_slice(request.body)
        .map_err(|e| (422, format!("{e}; for example {{\"kind\":\"drop\",\"who\":\"user\"}}")))?;
    let fault = spec.check().map_err(|e| (422, e))?;
    let id = host.add(now, fault).map_err(|e| (422, e))?;
    host.turn(now);
    Ok(id)
}

fn json(status: u16, what: &impl Serialize) -> HttpReply {
    match serde_json::to_vec(what) {
        Ok(body) => HttpReply { status, content_type: "application/json", body },
        Err(e) => refuse(500, &format!("cannot write the answer: {e}")),
    }
}

fn refuse(status: u16, error: &str) -> HttpReply {
    let body = serde_json::json!({ "error": error }).to_string().into_bytes();
    HttpReply { status, content_type: "application/json", body }
}
