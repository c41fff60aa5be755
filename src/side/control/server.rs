//! Listens and answers, on threads of its own: the side thread may hang, and be asked all the same.

use super::{MAX_REQUEST_BYTES, Place, Request};
use crate::exit::AppError;
use crate::files::Readers;
use crate::masked::masked;
use botmm_pipeline::venue::hl::sign::Address;
use serde_json::{Value, json};
use std::fs::Permissions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Who asks may take so long to say what, and to read the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections at a time; more are told to come again.
const AT_A_TIME: usize = 8;
/// After the system has refused a connection (no descriptors left), the next is not taken at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers a request. May wait: each has a thread of its own.
pub type Serve = Arc<dyn Fn(Request) -> Value + Send + Sync>;

/// The listening socket. Dropped, it is removed.
pub struct Control {
    place: Arc<Place>,
    is_over: Arc<AtomicBool>,
}

impl Control {
    /// Listens from now on. The key's state must have been taken (locked) before: what is left of another
    /// socket is dead.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(dir: &Path, signer: Address, serve: Serve) -> Result<Self, AppError> {
        let place = Arc::new(Place::of(dir, signer));
        let failed = |doing| AppError::io(place.path.as_path(), doing);
        match std::fs::remove_file(&place.path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed("remove")(e)),
            _ => {}
        }
        let listener = place.with(|path| UnixListener::bind(path)).map_err(failed("create"))?;
        let owner_only = Permissions::from_mode(Readers::Owner.file_mode());
        std::fs::set_permissions(&place.path, owner_only).map_err(failed("close to others"))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = thread::Builder::new().name("control".to_owned());
        let accept = move || accept(&listener, &serve, &over);
        thread.spawn(accept).map_err(failed("listen on"))?;
        Ok(Self { place, is_over })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // The thread waits for somebody to call.
        let _ = self.place.with(|path| UnixStream::connect(path));
        let _ = std::fs::remove_file(&self.place.path); // A dead one is removed by the next run.
    }
}

fn accept(listener: &UnixListener, serve: &Serve, over: &AtomicBool) {
    let busy = Arc::new(());
    for stream in listener.incoming() {
        if over.load(Ordering::Acquire) {
            return;
        }
        let Ok(stream) = stream else {
            thread::sleep(PAUSE);
            continue;
        };
        if Arc::strong_count(&busy) > AT_A_TIME {
            let _ = answer(&stream, &json!({ "error": "too many ask at once: ask again" }));
            continue;
        }
        let (serve, token) = (serve.clone(), busy.clone());
        let thread = thread::Builder::new().name("control-answer".to_owned());
        let _ = thread.spawn(move || {
            let said = match read(&stream) {
                Ok(request) => serve(request),
                Err(why) => json!({ "error": why }),
            };
            let _ = answer(&stream, &said); // Who asked may have gone.
            drop(token);
        });
    }
}

/// What is asked, or what is wrong with it.
fn read(mut stream: &UnixStream) -> Result<Request, String> {
    let begun = Instant::now();
    let mut line = Vec::with_capacity(256);
    let mut chunk = [0; 512];
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let patience = stream.set_read_timeout(Some(left.max(Duration::from_millis(1))));
        patience.map_err(|e| e.to_string())?;
        if left.is_zero() {
            return Err(format!("no whole line within {} s", PATIENCE.as_secs()));
        }
        let read = match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e.to_string()),
        };
        line.extend_from_slice(&chunk[..read]);
        if line.contains(&b'\n') {
            break;
        }
        if line.len() > MAX_REQUEST_BYTES {
            return Err(format!("a request has at most {MAX_REQUEST_BYTES} bytes"));
        }
    }
    let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
    serde_json::from_slice(line).map_err(|e| format!("not a request: {}", masked(&e.to_string())))
}

fn answer(mut stream: &UnixStream, said: &Value) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{said}\n").as_bytes())
}
