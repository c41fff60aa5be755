//! Asks the bot that runs with a key.

use super::{MAX_ANSWER_BYTES, Place, Request};
use crate::exit::AppError;
use botmm_pipeline::venue::hl::sign::Address;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// Asks, and waits so long for the answer. [`None`] = nobody listens: no bot runs with the key, or one that
/// has no socket.
///
/// # Errors
/// It listens and does not answer, or with what is no answer, or says that it cannot.
pub fn ask(
    dir: &Path,
    signer: Address,
    request: &Request,
    patience: Duration,
) -> Result<Option<Value>, AppError> {
    let place = Place::of(dir, signer);
    let path = place.path.clone();
    let line = serde_json::to_string(request).map_err(|e| AppError::io(&path, "ask")(e.into()))?;
    let (tell, told) = mpsc::sync_channel(1);
    // A process that is stopped takes no connections, and then even to connect may hang.
    let call = move || {
        let _ = tell.send(call(&place, &line)); // Nobody may wait any more.
    };
    let thread = std::thread::Builder::new().name("ask".to_owned());
    thread.spawn(call).map_err(AppError::io(&path, "ask"))?;
    let within = format!("no answer within {} s", patience.as_secs_f32());
    let late = || std::io::Error::new(ErrorKind::TimedOut, within);
    let answer = told.recv_timeout(patience).unwrap_or_else(|_| Err(late()));
    let remedy = "does the bot hang? look at its screen or journal";
    let failed = |problem: String| AppError::data(path.display().to_string(), problem, remedy);
    let text = match answer {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(failed(e.to_string())),
    };
    let answer: Value = serde_json::from_slice(&text)
        .map_err(|e| failed(format!("the answer is no line of JSON: {e}")))?;
    match answer["error"].as_str() {
        Some(why) => Err(failed(why.to_owned())),
        None => Ok(Some(answer)),
    }
}

/// The keys whose bots listen in a folder, or did when they were killed.
///
/// # Errors
/// The folder cannot be read.
pub fn listeners(dir: &Path) -> Result<Vec<Address>, AppError> {
    let entries = std::fs::read_dir(dir).map_err(AppError::io(dir, "read"))?;
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let names = entries.flatten().map(name);
    Ok(names.filter_map(|name| Address::parse(name.strip_suffix(".sock")?)).collect())
}

fn call(place: &Place, line: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = place.with(|path| UnixStream::connect(path))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = Vec::new();
    BufReader::new(stream).take(MAX_ANSWER_BYTES as u64).read_until(b'\n', &mut answer)?;
    Ok(answer)
}
