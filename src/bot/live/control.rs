//! What the running bot answers when it is asked over its socket.

use crate::side::control::{Control, Request, Serve};
use crate::side::killer::Killer;
use crate::side::state::RunState;
use crate::stop::Stop;
use crate::terminal;
use crate::ui::view::Newest;
use botmm_pipeline::venue::hl::sign::Address;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long who has killed waits for what came of it, beside the time that what is on its way may take.
const PATIENCE: Duration = Duration::from_secs(15);
const TURN: Duration = Duration::from_millis(20);

/// What the answers are made of.
pub(super) struct Served {
    session: u32,
    killer: Killer,
    stop: Arc<Stop>,
    newest: Newest,
}

impl Served {
    /// Of a run.
    pub(super) fn new(state: &RunState, killer: &Killer, stop: &Arc<Stop>, newest: Newest) -> Self {
        Self { session: state.session(), killer: killer.clone(), stop: stop.clone(), newest }
    }

    fn answer(&self, request: &Request) -> Value {
        match request {
            Request::Hello => json!({
                "pid": std::process::id(),
                "session": self.session,
                "killed": self.killer.why(),
            }),
            Request::Status => match self.newest.get().map(|view| serde_json::to_value(&*view)) {
                Some(Ok(view)) => view,
                Some(Err(e)) => json!({ "error": format!("a defect: {e}") }),
                None => json!({ "error": "it has just begun: ask again" }),
            },
            Request::Kill { latch: true, flatten_within_bps } => self.kill(*flatten_within_bps),
            Request::Kill { latch: false, .. } => {
                self.stop.ask();
                json!({ "pid": std::process::id(), "ending": true })
            }
        }
    }

    /// Waits until none of our orders can rest any more, and until it is flat where that is asked for.
    fn kill(&self, flatten_within_bps: Option<u32>) -> Value {
        let begun = Instant::now();
        self.killer.kill("by `botmm kill`");
        while begun.elapsed() < PATIENCE + self.killer.quiet() {
            match self.killer.cleared() {
                Some(Ok(cancelled)) => {
                    let flat = flatten_within_bps.map(|bps| self.killer.flatten(bps));
                    return match flat {
                        Some(Err(e)) => json!({ "cancelled": cancelled, "left": e.to_string() }),
                        _ => json!({ "cancelled": cancelled }),
                    };
                }
                Some(Err(left)) => return json!({ "error": left }),
                None => thread::sleep(TURN),
            }
        }
        json!({ "error": "halted, but its orders are not known to be cancelled yet" })
    }
}

/// Listens; a run that cannot goes on without.
pub(super) fn listen(dir: &Path, signer: Address, served: Served) -> Option<Control> {
    let serve: Serve = Arc::new(move |request| served.answer(&request));
    Control::listen(dir, signer, serve)
        .inspect_err(|e| terminal::complain(format_args!("warning: no control socket: {e}")))
        .ok()
}
