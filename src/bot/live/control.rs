//! What the running bot answers when it is asked over its socket.

use crate::side::control::{Control, Request, Serve};
use crate::terminal;
use crate::ui::view::Newest;
use botmm_pipeline::venue::hl::sign::Address;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Listens; a run that cannot goes on without.
pub(super) fn listen(dir: &Path, signer: Address, session: u32, newest: Newest) -> Option<Control> {
    let serve: Serve = Arc::new(move |request| match request {
        Request::Hello => json!({ "pid": std::process::id(), "session": session }),
        Request::Status => match newest.get().map(|view| serde_json::to_value(&*view)) {
            Some(Ok(view)) => view,
            Some(Err(e)) => json!({ "error": format!("a defect: {e}") }),
            None => json!({ "error": "it has just begun: ask again" }),
        },
    });
    Control::listen(dir, signer, serve)
        .inspect_err(|e| terminal::complain(format_args!("warning: no control socket: {e}")))
        .ok()
}
