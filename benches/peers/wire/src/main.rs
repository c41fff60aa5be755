//! Other clients and parsers at the works of `botmm-hotpath`: frames of an l2Book to a book, two orders to a signed body, both
//! in a row.
//!
//! - `wire-peers time WORK FRAMES CALLS`: does one so often on the frames of that file (a line each) and says
//!   `p50 N p99 N p999 N` in nanoseconds.
//! - `wire-peers made WORK FRAMES CALLS`: what each call made, a line each: the book and the signed body, by a tab.
//! - `wire-peers recovered`: reads lines of a digest, r, s and v, and says how many of those signatures are the key's.
//! - `wire-peers works`: their names.
//!
//! None of our code is in here (nautilus-hyperliquid is under the LGPL): scripts/peers.sh runs the two programs in turns and
//! compares what they say.

mod made;
#[cfg(feature = "nautilus")]
mod nautilus;
mod parsers;
#[cfg(feature = "sdk")]
mod sdk;
mod signers;

use made::Made;
use quanta::Clock;
use std::process::ExitCode;

/// What is timed, call by call.
pub trait Work {
    /// The work of call `i`, whose result is kept until the next.
    fn call(&mut self, i: usize);
    /// What the last call made.
    fn made(&self) -> Made;
}

/// By name, from frames to a work.
type Maker = fn(&[String]) -> Box<dyn Work>;

const WORKS: &[(&str, Maker)] = &[
    #[cfg(feature = "nautilus")]
    ("decode:nautilus", nautilus::decode),
    #[cfg(feature = "nautilus")]
    ("decode:nautilus_to_order_book", nautilus::decode_to_order_book),
    #[cfg(feature = "sdk")]
    ("decode:hyperliquid_rust_sdk", sdk::decode),
    ("decode:serde_json", parsers::serde_json),
    ("decode:serde_json_owned", parsers::serde_json_owned),
    ("decode:simd_json", parsers::simd_json),
    ("decode:sonic_rs", parsers::sonic_rs),
    #[cfg(feature = "nautilus")]
    ("sign:nautilus", nautilus::sign),
    #[cfg(feature = "sdk")]
    ("sign:hyperliquid_rust_sdk", sdk::sign),
    ("sign:k256_alone", signers::k256_alone),
    #[cfg(feature = "nautilus")]
    ("frame:nautilus", |frames| both(nautilus::decode(frames), nautilus::sign(frames))),
    #[cfg(feature = "sdk")]
    ("frame:hyperliquid_rust_sdk", |frames| both(sdk::decode(frames), sdk::sign(frames))),
];
const WARM_UP: usize = 2_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["works"] => WORKS.iter().for_each(|(name, _)| println!("{name}")),
        ["recovered"] => println!("{}", std::io::stdin().lines().filter(signers::is_ours).count()),
        [how @ ("time" | "made"), name, frames, calls] => {
            let work = WORKS.iter().find(|(work, _)| *work == name);
            let text = std::fs::read_to_string(frames).unwrap_or_default();
            let frames: Vec<String> = text.lines().map(str::to_owned).collect();
            let (Some((_, make)), Ok(calls), false) = (work, calls.parse(), frames.is_empty())
            else {
                return usage();
            };
            if how == "time" { time(make(&frames), calls) } else { make_known(make(&frames), calls) }
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("wire-peers time|made WORK FRAMES CALLS | works | recovered");
    ExitCode::from(2)
}

fn make_known(mut work: Box<dyn Work>, calls: usize) {
    for i in 0..calls {
        work.call(i);
        let Made { book, body } = work.made();
        println!("{book}\t{body}");
    }
}

fn time(mut work: Box<dyn Work>, calls: usize) {
    let clock = Clock::new();
    (0..WARM_UP).for_each(|i| work.call(i));
    let reading = || clock.delta_as_nanos(clock.raw(), clock.raw());
    let mut cost: Vec<u64> = (0..1001).map(|_| reading()).collect();
    cost.sort_unstable();
    let mut span = |i| {
        let begun = clock.raw();
        work.call(i);
        clock.delta_as_nanos(begun, clock.raw()).saturating_sub(cost[500])
    };
    let mut spans: Vec<u64> = (0..calls).map(&mut span).collect();
    spans.sort_unstable();
    let at = |q: f64| spans[((spans.len() - 1) as f64 * q) as usize];
    println!("p50 {} p99 {} p999 {}", at(0.5), at(0.99), at(0.999));
}

/// One after the other, as one call.
#[cfg(any(feature = "nautilus", feature = "sdk"))]
fn both(decode: Box<dyn Work>, sign: Box<dyn Work>) -> Box<dyn Work> {
    Box::new(Both(decode, sign))
}

#[cfg(any(feature = "nautilus", feature = "sdk"))]
struct Both(Box<dyn Work>, Box<dyn Work>);

#[cfg(any(feature = "nautilus", feature = "sdk"))]
impl Work for Both {
    fn call(&mut self, i: usize) {
        self.0.call(i);
        self.1.call(i);
    }
    fn made(&self) -> Made {
        Made { book: self.0.made().book, body: self.1.made().body }
    }
}
