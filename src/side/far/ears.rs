//! The guard's end: what a run on another host says is put where a run on this one would have written it.

use super::{Sealed, WORD, Who, greet, greeted, in_words, line};
use crate::exit::AppError;
use crate::net::Places;
use crate::side::beat::Beat;
use crate::side::card::Card;
use crate::side::latch::Latch;
use crate::terminal;
use crate::when::utc;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// A run that lost its connection opens another beside it; who else calls waits outside.
const MAX_CALLERS: usize = 4;

/// See the module.
pub struct Ears {
    /// Where the guard keeps what it knows.
    pub state_dir: PathBuf,
    /// The bot's key, by its address.
    pub key: Address,
    /// The guard's own.
    pub signer: Arc<Signer>,
}

impl Ears {
    /// Hears from now on, on a thread of its own, for as long as the process lives. Where.
    ///
    /// # Errors
    /// The address is taken, or no loopback address: between hosts a tunnel carries the connection.
    pub fn open(self, at: SocketAddr) -> Result<SocketAddr, AppError> {
        if !at.ip().is_loopback() {
            let remedy =
                "listen on 127.0.0.1, and let a tunnel carry the connection (docs/stop.md)";
            return Err(AppError::Usage(format!("--listen {at}: not loopback; {remedy}")));
        }
        let listener = TcpListener::bind(at).map_err(AppError::io(at.to_string(), "listen at"))?;
        let own = listener.local_addr().map_err(AppError::io(at.to_string(), "listen at"))?;
        let (ears, callers) = (Arc::new(self), Places::new(MAX_CALLERS));
        let hear = move || {
            for stream in listener.incoming().flatten() {
                let Some(place) = callers.take() else { continue }; // Which closes it.
                let ears = ears.clone();
                let caller = thread::Builder::new().name("ears".to_owned());
                // Without a thread it is closed, too: the run calls again.
                let _ = caller.spawn(move || {
                    if let Err(e) = ears.attend(&stream) {
                        terminal::complain(format_args!(
                            "{} a connection is over: {}",
                            now(),
                            in_words(&e)
                        ));
                    }
                    drop(place);
                });
            }
        };
        let thread = thread::Builder::new().name("ears".to_owned());
        thread.spawn(hear).map_err(AppError::io("ears", "start"))?;
        Ok(own)
    }

    /// Until it is hung up, or says what is not the run's.
    fn attend(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WORD))?;
        stream.set_write_timeout(Some(WORD))?;
        let (mut reader, mut writer) = (BufReader::new(stream), stream);
        let own = greet(&mut writer)?;
        let words = [own, greeted(&mut reader)?];
        let mut sealed = Sealed::new(self.signer.clone(), self.key, Who::Guard, words);
        loop {
            let text = line(&mut reader)?;
            let Some(said) = sealed.open(&text) else {
                let problem = format!("not signed by {}", self.key);
                return Err(std::io::Error::other(problem));
            };
            self.take(said).map_err(|e| std::io::Error::other(e.to_string()))?;
            let latch = self.latch().read();
            let answer = match latch.map_err(|e| std::io::Error::other(e.to_string()))? {
                Some(why) => format!("latched {why}"),
                None => "heard".to_owned(),
            };
            writer.write_all(sealed.seal(&answer).as_bytes())?;
        }
    }

    fn take(&self, said: &str) -> Result<(), AppError> {
        let odd =
            || AppError::data("a run", format!("says {said:.60?}"), "run one version of botmm");
        if said == "rearm" {
            if self.latch().clear()? {
                terminal::complain(format_args!("{} re-armed by a person at the bot", now()));
            }
        } else if let Some(json) = said.strip_prefix("card ") {
            let mut card: Card = serde_json::from_str(json).map_err(|_| odd())?;
            card.ca = None; // A file of that host is none of this one's.
            card.write(&self.state_dir, self.key)?;
        } else {
            Beat::parse(said).ok_or_else(odd)?.write(&self.state_dir, self.key)?;
        }
        Ok(())
    }

    fn latch(&self) -> Latch {
        Latch::new(&self.state_dir, self.key)
    }
}

fn now() -> String {
    utc(WallClock::default().now())
}
