//! One key in many processes: no nonce point comes twice, whichever of them made it, and however they end.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use botmm::side::presign::fresh;
use botmm::stop::Stop;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::{Recoverer, Signer, hex, pool};
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Set for the processes that this test starts: so many signatures they make, 0 = without end.
const CHILD: &str = "BOTMM_TEST_SIGNS";
const KEY: &str = "0123456789012345678901234567890123456789012345678901234567890123";
const EACH: usize = 200;

/// What each process does: signs by what it made ahead, and says each r.
fn sign(count: usize) {
    let key = Arc::new(Signer::from_hex(KEY).unwrap());
    let (address, recoverer) = (key.address(), Recoverer::default());
    let (mut maker, mut pool) = pool(key, std::process::id);
    pool.tend(Nanos::ZERO);
    let mut out = std::io::stdout().lock();
    for i in 0_u64.. {
        if count > 0 && i == count as u64 {
            return;
        }
        maker.make(Nanos::ZERO, &fresh().unwrap());
        let mut digest = [1; 32];
        digest[24..].copy_from_slice(&i.to_be_bytes());
        let signature = pool.sign(&digest).unwrap();
        assert_eq!(recoverer.recover(&digest, &signature), Some(address));
        // Whoever read it may be gone.
        if writeln!(out, "r={}", hex::text(&signature.r)).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn start(count: usize) -> Child {
    let name = "one_key_in_many_processes_makes_no_point_twice";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(CHILD, count.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// All that one says, or so many of it, after which it is killed.
fn said(child: &mut Child, at_most: usize) -> Vec<String> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let points = lines.map_while(Result::ok).filter_map(|line| {
        let (_, point) = line.split_once("r=")?;
        (point.len() == 66).then(|| point.to_owned())
    });
    let points = points.take(at_most).collect();
    let _ = child.kill();
    child.wait().unwrap();
    points
}

/// A process that goes on after a stop hears it, however short the stop was; here there was none.
#[test]
fn what_was_made_before_a_stop_is_not_used_after_it() {
    let stop = Stop::listen(true).unwrap();
    let key = Arc::new(Signer::from_hex(KEY).unwrap());
    let (mut maker, mut pool) = pool(key, std::process::id);
    pool.tend(Nanos::ZERO);
    for _ in 0..2 {
        maker.make(Nanos::ZERO, &fresh().unwrap());
    }
    let generation = maker.generation().clone();
    let (tell, told) = std::sync::mpsc::channel();
    stop.watch_standstills(Box::new(move || {
        generation.end();
        tell.send(()).unwrap();
    }));
    assert!(pool.sign(&[1; 32]).is_some());
    let pid = std::process::id().to_string();
    assert!(Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(pool.sign(&[2; 32]), None);
    assert!(!stop.is_asked() && !stop.is_suspension_asked(), "and nothing else");
}

#[test]
fn one_key_in_many_processes_makes_no_point_twice() {
    if let Ok(count) = std::env::var(CHILD) {
        return sign(count.parse().unwrap());
    }
    // At once, as a fork and its parent; one after the other, as restarts; and some that are killed.
    let mut at_once: Vec<Child> = (0..4).map(|_| start(EACH)).collect();
    let mut points: Vec<String> = at_once.iter_mut().flat_map(|c| said(c, usize::MAX)).collect();
    points.extend((0..4).flat_map(|_| said(&mut start(EACH), usize::MAX)));
    points.extend((0..4).flat_map(|_| said(&mut start(0), EACH)));
    assert_eq!(points.len(), 12 * EACH, "each was heard out");
    assert_eq!(points.iter().collect::<HashSet<_>>().len(), points.len(), "a point came twice");
}
