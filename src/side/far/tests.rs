use super::*;
use crate::side::beat::{At, Beat};
use crate::side::card::Card;
use crate::side::latch::Latch;
use crate::venue_api::account::Principal;
use botmm_pipeline::types::Nanos;
use std::io::BufReader;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

fn signer(digit: &str) -> Arc<Signer> {
    Arc::new(Signer::from_hex(&digit.repeat(64)).unwrap())
}

fn ears(dir: &Path) -> SocketAddr {
    let (state_dir, key) = (dir.to_owned(), signer("1").address());
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Ears { state_dir, key, signer: signer("2") }.open(any).unwrap()
}

/// A connection to a guard, as by the holder of this key.
struct Line {
    reader: BufReader<TcpStream>,
    sealed: Sealed,
}

impl Line {
    fn to(at: SocketAddr, key: &str) -> Self {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let theirs = greeted(&mut reader).unwrap();
        let words = [theirs, greet(&mut stream).unwrap()];
        Self { reader, sealed: Sealed::new(signer(key), signer("2").address(), Who::Run, words) }
    }

    fn write(&mut self, text: &str) {
        self.reader.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The answer; [`None`] = it hung up.
    fn answer(&mut self) -> Option<String> {
        let text = line(&mut self.reader).ok()?;
        Some(self.sealed.open(&text).expect("signed by the guard").to_owned())
    }

    fn say(&mut self, words: &str) -> Option<String> {
        let text = self.sealed.seal(words);
        self.write(&text);
        self.answer()
    }
}

#[test]
fn what_a_run_says_is_where_the_guard_looks_and_its_latch_is_told_until_a_person_re_arms() {
    let dir = tempfile::tempdir().unwrap();
    let (key, mut run) = (signer("1").address(), Line::to(ears(dir.path()), "1"));
    let account = Principal { address: key, vault: None, is_own_key: true };
    let mut card = Card::new("https://x".to_owned(), 5, &account, Duration::from_secs(6));
    card.ca = Some("/etc/there.pem".into());
    let json = serde_json::to_string(&card).unwrap();
    assert_eq!(run.say(&format!("card {json}")).unwrap(), "heard");
    let kept = Card::read(dir.path(), key).unwrap().unwrap();
    card.ca = None; // A file of that host is none of this one's.
    assert_eq!(kept, card);
    let beat = Beat { session: 5, count: 7, at: At::Trades };
    assert_eq!(run.say(&beat.to_string()).unwrap(), "heard");
    assert_eq!(Beat::read(dir.path(), key).unwrap(), Some(beat));
    let latch = Latch::new(dir.path(), key);
    latch.set(Nanos::secs(9), "by the guard").unwrap();
    let answer = run.say(&Beat { count: 8, ..beat }.to_string()).unwrap();
    assert!(
        answer.starts_with("latched killed at ") && answer.ends_with("by the guard"),
        "{answer}"
    );
    assert_eq!(run.say("rearm").unwrap(), "heard");
    assert_eq!(latch.read().unwrap(), None);
    assert_eq!(run.say("run 5 beat x trades"), None, "what is none of the protocol ends it");
}

#[test]
fn nobody_else_beats_and_nothing_is_said_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (key, at) = (signer("1").address(), ears(dir.path()));
    let beat = Beat { session: 5, count: 7, at: At::Trades }.to_string();
    assert_eq!(Line::to(at, "3").say(&beat), None, "signed by another key");
    let mut run = Line::to(at, "1");
    let sealed = run.sealed.seal(&beat);
    run.write(&sealed);
    assert!(run.answer().is_some());
    run.write(&sealed);
    assert_eq!(run.answer(), None, "a line again");
    let mut later = Line::to(at, "1");
    later.write(&sealed);
    assert_eq!(later.answer(), None, "a line of another connection");
    let mut changed = Line::to(at, "1");
    let text = changed.sealed.seal(&beat).replace("beat 7", "beat 9");
    changed.write(&text);
    assert_eq!(changed.answer(), None);
    assert_eq!(Beat::read(dir.path(), key).unwrap().unwrap().count, 7);
    for rubbish in ["\n", "0x12 run 1 beat 1 trades\n", "GET / HTTP/1.1\n\n"] {
        let mut run = Line::to(at, "1");
        run.write(rubbish);
        assert_eq!(run.answer(), None, "{rubbish:?}");
    }
    assert!(Line::to(at, "1").say(&beat).is_some(), "it hears the bot all the same");
}

/// A caller that says nothing is hung up; one more than there may be waits outside.
#[test]
fn silent_callers_keep_nobody_out_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let at = ears(dir.path());
    let silent: Vec<_> = (0..9).map(|_| TcpStream::connect(at).unwrap()).collect();
    let begun = std::time::Instant::now();
    let beat = Beat { session: 5, count: 7, at: At::Trades }.to_string();
    while std::panic::catch_unwind(|| Line::to(at, "1").say(&beat)).ok().flatten().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "they keep the bot out");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(silent);
}

#[test]
fn only_loopback_is_listened_at() {
    let state_dir = std::path::PathBuf::from("nowhere");
    let ears = Ears { state_dir, key: signer("1").address(), signer: signer("2") };
    let error = ears.open(SocketAddr::from(([0, 0, 0, 0], 0))).unwrap_err().to_string();
    assert!(error.contains("not loopback") && error.contains("tunnel"), "{error}");
}
