//! A guard on another host: the run pushes its beats over one connection that it opens, and hears in each
//! answer whether the guard has latched. Both ends sign what they say, the run with its key and the guard with
//! its own, over words that both have drawn for this connection: nobody else can beat for a bot that is dead,
//! nor say a beat again. Nothing that is said is secret.
//!
//! | the run says | |
//! |---|---|
//! | `card {…}` | what the guard must know of the run ([`super::card`]) |
//! | `run S beat N trades` | its newest beat ([`super::beat`]) |
//! | `rearm` | a person has re-armed here |
//!
//! The guard answers each with `heard`, or `latched WHY`.

mod ears;
mod mouth;

pub use ears::Ears;
pub use mouth::{FarGuard, Mouth};

use botmm_pipeline::venue::hl::sign::{Address, Recoverer, Signature, Signer, hex, keccak256};
use std::io::{BufRead, ErrorKind, Read as _, Write};
use std::sync::Arc;
use std::time::Duration;

/// What a connection begins with: a change of the protocol is another word.
const HELLO: &str = "botmm-guard-1";
/// No line is longer.
const MAX_LINE: u64 = 64 << 10;
/// A word takes no longer than this.
const WORD: Duration = Duration::from_secs(2);

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Run = 1,
    Guard = 2,
}

/// One end of a connection on which both have drawn their words.
struct Sealed {
    signer: Arc<Signer>,
    other: Address,
    who: Who,
    /// Of both ends' words.
    drawn: [u8; 32],
    said: u64,
    heard: u64,
    recoverer: Recoverer,
}

impl Sealed {
    fn new(signer: Arc<Signer>, other: Address, who: Who, words: [[u8; 32]; 2]) -> Self {
        let drawn = keccak256(&words.concat());
        Self { signer, other, who, drawn, said: 0, heard: 0, recoverer: Recoverer::default() }
    }

    /// What is signed: who says it, as which of his lines, on this connection.
    fn digest(&self, who: Who, count: u64, words: &str) -> [u8; 32] {
        let number = count.to_be_bytes();
        let parts = [HELLO.as_bytes(), &self.drawn, &[who as u8], &number, words.as_bytes()];
        keccak256(&parts.concat())
    }

    /// A line that says this.
    fn seal(&mut self, words: &str) -> String {
        self.said += 1;
        let Signature { r, s, v } = self.signer.sign(&self.digest(self.who, self.said, words));
        let bytes = [&r[..], &s[..], &[v]].concat();
        format!("{} {words}\n", hex::text(&bytes))
    }

    /// What a line says; [`None`] = it is not the other's next one.
    fn open<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let (signature, words) = line.trim_end_matches('\n').split_once(' ')?;
        let bytes: [u8; 65] = hex::parse(signature)?;
        let mut of = Signature { r: [0; 32], s: [0; 32], v: bytes[64] };
        of.r.copy_from_slice(&bytes[..32]);
        of.s.copy_from_slice(&bytes[32..64]);
        let who = if self.who == Who::Run { Who::Guard } else { Who::Run };
        let digest = self.digest(who, self.heard + 1, words);
        let is_theirs = self.recoverer.recover(&digest, &of) == Some(self.other);
        is_theirs.then(|| {
            self.heard += 1;
            words
        })
    }
}

/// What went wrong on a connection, in words.
fn in_words(e: &std::io::Error) -> String {
    match e.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("nothing came for {} s", WORD.as_secs())
        }
        ErrorKind::UnexpectedEof => "it was hung up".to_owned(),
        _ => e.to_string(),
    }
}

/// The next line, of bounded length.
fn line(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    stream.by_ref().take(MAX_LINE).read_line(&mut text)?;
    match text.ends_with('\n') {
        true => Ok(text),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// Says one's own word at the beginning of a connection.
fn greet(stream: &mut impl Write) -> std::io::Result<[u8; 32]> {
    let word: [u8; 32] = rand::random();
    stream.write_all(format!("{HELLO} {}\n", hex::text(&word)).as_bytes())?;
    Ok(word)
}

/// The other's.
fn greeted(stream: &mut impl BufRead) -> std::io::Result<[u8; 32]> {
    let text = line(stream)?;
    let word = text.trim_end().strip_prefix(HELLO).and_then(|rest| hex::parse(rest.trim_start()));
    word.ok_or_else(|| ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests;
