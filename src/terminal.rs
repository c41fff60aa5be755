//! Writing to stdout and stderr without falling over when the reader has left; and the one screen, which
//! is given back as it was however the process ends.

use crate::exit::AppError;
use crate::masked::masked;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::io::{BufRead, ErrorKind, IsTerminal as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// The alternate screen, without a cursor: what was there before comes back at the end.
const TAKE: &str = "\x1b[?1049h\x1b[?25l";
const GIVE_BACK: &str = "\x1b[?25h\x1b[?1049l";
/// How long the last words of a process wait for a terminal that takes nothing (Ctrl-S).
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);

/// Whether the screen is ours now, and what the keys did before.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Prints `text` as it is. A closed pipe (`botmm check | head`) is not an error: the reader has
/// what it wanted. In the background of a terminal that stops who writes there (`stty tostop`) nothing is
/// said: a bot that stops leaves its orders alone.
pub fn print(text: &str) -> Result<(), AppError> {
    if !may_write(std::io::stdout()) {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(AppError::io("stdout", "write")(e)),
        _ => Ok(()),
    }
}

/// Asks the person at the terminal for a yes. Without one nobody is asked, and that is a no, as is any
/// other answer.
pub fn confirm(question: &str) -> bool {
    std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
        && print(&format!("{question} [y/N] ")).is_ok()
        && is_yes(std::io::stdin().lock())
}

fn is_yes(mut answer: impl BufRead) -> bool {
    let mut line = String::new();
    let read = answer.read_line(&mut line).is_ok();
    read && ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str())
}

/// Says one line on stderr, as best it can: there is nowhere left to report a failure to. Control
/// characters (a file name may hold some) are spelt out, so that one line stays one line; what could be
/// a key is masked.
pub fn complain(line: impl std::fmt::Display) {
    if !may_write(std::io::stderr()) {
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "botmm: {}", one_line(&masked(&line.to_string())));
}

/// How far a long piece of work is, on stderr while a person looks at it; gone when dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of what is being done; `quiet` = nobody is to see it.
    pub fn new(quiet: bool, what: &'static str) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) }; // On a terminal only.
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %  eta {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar.with_message(what))
    }

    /// So much is done, of so much.
    pub fn tell(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows a whole screen, which is taken when it is not ours yet, with the keys. In the background it
/// belongs to somebody else, who gets it back: nothing is shown.
pub fn draw(text: &str) {
    if is_in_background() {
        give_back();
        return;
    }
    if !IS_TAKEN.swap(true, Ordering::AcqRel) {
        *before() = take_keys();
        let _ = print(TAKE);
    }
    // Each line erases the rest of what was there, so that nothing flickers.
    let text = text.replace('\n', "\x1b[K\r\n");
    let _ = print(&format!("\x1b[H{text}\x1b[K\x1b[J"));
}

/// Whether a screen hides what is written to stderr.
pub fn has_screen() -> bool {
    IS_TAKEN.load(Ordering::Acquire)
}

/// Whether a key was pressed since the last look. Never waits; without a screen no key is ours.
pub fn has_pressed(key: u8) -> bool {
    if !has_screen() || before().is_none() || is_in_background() {
        return false;
    }
    let mut typed = [0; 64];
    let count = rustix::io::read(stdin(), &mut typed).unwrap_or(0);
    typed[..count].contains(&key)
}

/// Gives the screen back as it was: its content, the cursor, the keys. Does nothing without a screen.
pub fn give_back() {
    if !IS_TAKEN.swap(false, Ordering::AcqRel) {
        return;
    }
    let _ = print(GIVE_BACK);
    // In the background the keys are the shell's, which has set them as it wants them.
    if let Some(before) = before().take()
        && !is_of_another(stdin())
    {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
}

/// From now on a panic of any thread gives the screen back before it is told of.
pub fn give_back_on_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |what| {
        give_back();
        tell(what);
    }));
}

/// Gives the screen back and says lines on stderr, without waiting for a terminal that takes nothing:
/// for threads on which more depends than on what they say.
pub fn last_words(lines: &[&str]) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let (done, wait) = mpsc::channel();
    let say = move || {
        give_back();
        lines.iter().for_each(complain);
        let _ = done.send(()); // Nobody may be waiting any more.
    };
    if std::thread::Builder::new().name("last words".to_owned()).spawn(say).is_ok() {
        let _ = wait.recv_timeout(LAST_WORDS_WAIT);
    }
}

/// The keys are told as they are pressed, and not shown. Ctrl-C and Ctrl-Z stay signals: they must work
/// even when nobody looks at the keys. How it was before; [`None`] = there are no keys, or they are another
/// program's.
fn take_keys() -> Option<Termios> {
    if is_of_another(stdin()) {
        return None;
    }
    let before = tcgetattr(stdin()).ok()?;
    let mut keys = before.clone();
    keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    // A read returns at once, with what there is.
    keys.special_codes[SpecialCodeIndex::VMIN] = 0;
    keys.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(stdin(), OptionalActions::Now, &keys).ok()?;
    Some(before)
}

fn before() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether another job of the shell has the terminal (`bg`).
fn is_in_background() -> bool {
    is_of_another(std::io::stdout())
}

/// Whether this is a terminal that another job has.
fn is_of_another(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group != getpgrp())
}

/// Whether a write does not stop the process.
fn may_write(to: impl AsFd) -> bool {
    let stops = |to: BorrowedFd<'_>| {
        tcgetattr(to).is_ok_and(|of| of.local_modes.contains(LocalModes::TOSTOP))
    };
    !(is_of_another(to.as_fd()) && stops(to.as_fd()))
}

fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{is_yes, one_line};

    #[test]
    fn only_a_yes_is_one() {
        for (answer, expected) in
            [("y\n", true), ("YES\r\n", true), ("", false), ("\n", false), ("n\ny\n", false)]
        {
            assert_eq!(is_yes(answer.as_bytes()), expected, "{answer:?}");
        }
        assert!(!is_yes(&b"\xff\n"[..]));
    }

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        assert_eq!(one_line("no\nsuch\x1b[2J: größer"), "no\\nsuch\\u{1b}[2J: größer");
    }
}
