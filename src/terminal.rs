//! Writing to stdout and stderr without falling over when the reader has left.

use crate::exit::AppError;
use crate::masked::masked;
use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::io::{BufRead, ErrorKind, IsTerminal as _, Write as _};

/// Prints `text` as it is. A closed pipe (`botmm check | head`) is not an error: the reader has
/// what it wanted.
pub fn print(text: &str) -> Result<(), AppError> {
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
    let _ = writeln!(std::io::stderr().lock(), "botmm: {}", one_line(&masked(&line.to_string())));
}

/// The keys of the terminal, told as they are pressed and not shown. Ctrl-C and Ctrl-Z stay signals: they
/// must work even when nobody looks at the keys. Given back as it was when dropped.
pub struct Keyboard {
    before: Termios,
}

impl Keyboard {
    /// The terminal on stdin; [`None`] when there is none, or when it is another program's (ours runs in
    /// the background).
    pub fn open() -> Option<Self> {
        if tcgetpgrp(stdin()).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        let mut keys = before.clone();
        keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        // A read returns at once, with what there is.
        keys.special_codes[SpecialCodeIndex::VMIN] = 0;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin(), OptionalActions::Now, &keys).ok()?;
        Some(Self { before })
    }

    /// Whether a key was pressed since the last look. Never waits.
    pub fn has_pressed(&self, key: u8) -> bool {
        let mut typed = [0; 64];
        let count = rustix::io::read(stdin(), &mut typed).unwrap_or(0);
        typed[..count].contains(&key)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
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
