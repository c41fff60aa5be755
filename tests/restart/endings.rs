//! Every way in which a bot can end, one after the other in an order that is drawn: each leaves no order
//! at the venue. After `kill -9` that holds from the next start on: the next bot cancels what is left
//! before it quotes (and the venue takes nothing more of the killed one than was on its way for
//! `expires_after`).
//!
//! `BOTMM_ENDINGS` endings (default: each once); `BOTMM_SEED` draws them.

use super::Sequence;
use std::process::{Child, Command};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Signal(&'static str),
    TwoCtrlC,
    /// While it is stopped by Ctrl-Z, its end is asked for.
    WhileStopped,
    FullDisk,
    /// Towards the venue, towards the bot.
    HalfOpen([bool; 2]),
    Kill,
}

const ENDINGS: [Ending; 10] = [
    Ending::Signal("-TERM"),
    Ending::Signal("-HUP"),
    Ending::Signal("-QUIT"),
    Ending::TwoCtrlC,
    Ending::WhileStopped,
    Ending::FullDisk,
    Ending::HalfOpen([true, false]),
    Ending::HalfOpen([false, true]),
    Ending::HalfOpen([true, true]),
    Ending::Kill,
];

#[test]
fn however_it_ends_no_order_is_left() {
    let env = |name, or| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let (count, seed) = (env("BOTMM_ENDINGS", ENDINGS.len() as u64), env("BOTMM_SEED", 1));
    println!("{count} endings, BOTMM_SEED={seed}");
    let mut sequence = Sequence::new(seed);
    let mut drawn: Vec<Ending> = Vec::new();
    for n in 0..count {
        if drawn.is_empty() {
            drawn = ENDINGS.to_vec();
        }
        let at = sequence.draw(0..drawn.len() as u64) as usize;
        let ending = drawn.swap_remove(at);
        let left = end(&mut sequence, ending);
        println!("{n}: {ending:?}: {left} orders left");
        assert!(left == 0 || ending == Ending::Kill, "{ending:?} left {left} orders");
    }
    sequence.ends_well();
}

/// Starts a bot and ends it; how many orders rest by then.
fn end(sequence: &mut Sequence, ending: Ending) -> usize {
    let limited = (ending == Ending::FullDisk).then_some("ulimit -f 32; exec \"$0\" \"$@\"");
    let mut bot = sequence.start_by(limited, &["--json"]);
    sequence.wait_until_it_quotes(&mut bot);
    std::thread::sleep(Duration::from_millis(sequence.draw(0..1_000)));
    let expected = match ending {
        Ending::Signal(name) => {
            signal(&bot, name);
            0
        }
        Ending::TwoCtrlC => {
            signal(&bot, "-INT");
            std::thread::sleep(Duration::from_millis(200));
            signal(&bot, "-INT");
            0
        }
        Ending::WhileStopped => {
            signal(&bot, "-TSTP");
            sequence.until("a stop", || is_stopped(&bot));
            assert_eq!(sequence.look(), 0, "stopped with orders at the venue");
            signal(&bot, "-TERM");
            signal(&bot, "-CONT");
            0
        }
        Ending::FullDisk => {
            let said = sequence.stderr();
            sequence.until("the word of a full disk", || {
                std::fs::read_to_string(&said).is_ok_and(|text| text.contains("cannot write"))
            });
            signal(&bot, "-TERM");
            5
        }
        Ending::HalfOpen(directions) => {
            sequence.stall(directions);
            std::thread::sleep(Duration::from_millis(sequence.draw(0..3_000)));
            signal(&bot, "-TERM");
            0
        }
        Ending::Kill => {
            bot.kill().unwrap();
            -1
        }
    };
    let output = bot.wait_with_output().unwrap();
    let said = std::fs::read_to_string(sequence.stderr()).unwrap();
    assert_eq!(output.status.code().unwrap_or(-1), expected, "{ending:?}: {said}");
    let left = sequence.look();
    if let Ending::HalfOpen(_) = ending {
        // What was held back arrives now, too late.
        sequence.stall([false; 2]);
        std::thread::sleep(Duration::from_millis(500));
        return left + sequence.look();
    }
    left
}

pub fn signal(bot: &Child, name: &str) {
    let status = Command::new("kill").args([name, &bot.id().to_string()]).status();
    assert!(status.unwrap().success());
}

fn is_stopped(bot: &Child) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", bot.id())).unwrap();
    stat.rsplit_once(')').unwrap().1.trim_start().starts_with('T')
}
