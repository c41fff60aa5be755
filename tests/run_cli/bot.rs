//! A `botmm run` that a test watches.

use crate::common::{Ended, journal, journal_so_far, spawnable};
use crate::server::wait;
use crate::venue::Key;
use botmm::journal::line::Line;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Condvar, Mutex};
use tempfile::TempDir;

/// Bots at a time: more would starve each other on a small machine.
const AT_A_TIME: usize = 2;
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to run a bot.
struct Turn;

impl Turn {
    fn take() -> Self {
        let running = RUNNING.lock().unwrap();
        *ENDED.wait_while(running, |n| *n >= AT_A_TIME).unwrap() += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap() -= 1;
        ENDED.notify_one();
    }
}

/// A folder to run in, and the key that must not be found in it.
pub struct Home {
    dir: TempDir,
    pub key: Key,
}

impl Home {
    pub fn new(name: &str) -> Self {
        Self { dir: TempDir::new().unwrap(), key: Key::of(name) }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `botmm run --network URL …` with the key in the environment.
    pub fn command(&self, url: &str, args: &[&str]) -> Command {
        let mut command = self.without_key(url, args);
        command.env("HL_PRIVATE_KEY", format!("0x{}", self.key.hex));
        command
    }

    /// The same without any key.
    pub fn without_key(&self, url: &str, args: &[&str]) -> Command {
        let args = [&["run", "--network", url, "--plan", "solo"], args].concat();
        let mut command = spawnable(self.path(), &args);
        command.env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    /// Starts a bot whose output, journal and summary go to the folder `name`.
    pub fn start(&self, name: &str, mut command: Command) -> Bot<'_> {
        let turn = Turn::take();
        let dir = self.path().join(name);
        fs::create_dir(&dir).unwrap();
        let file = |name: &str| File::create(dir.join(name)).unwrap();
        command.args(["--out", name]).stdout(file("stdout")).stderr(file("stderr"));
        Bot { home: self, child: command.spawn().unwrap(), dir, _turn: turn }
    }

    /// Runs a bot to its end.
    pub fn run(&self, url: &str, args: &[&str]) -> Ended {
        self.start("run", self.command(url, args)).ended()
    }

    /// A bot that must not start: the line that says why, and the exit code.
    pub fn refused(&self, command: Command) -> (String, i32) {
        let ended = self.start("refused", command).ended();
        fs::remove_dir_all(self.path().join("refused")).unwrap();
        assert_eq!(ended.stdout, "");
        assert_eq!(ended.stderr.lines().count(), 1, "one line: {}", ended.stderr);
        assert!(ended.stderr.starts_with("botmm: "), "{}", ended.stderr);
        println!("{}: {}", ended.code, ended.stderr.trim_end());
        (ended.stderr, ended.code)
    }
}

/// A running bot. Killed when dropped.
pub struct Bot<'a> {
    home: &'a Home,
    child: Child,
    dir: PathBuf,
    _turn: Turn,
}

impl Bot<'_> {
    /// One that was started by other means; its files are in the folder `name`.
    pub fn adopt<'a>(home: &'a Home, name: &str, child: Child) -> Bot<'a> {
        Bot { home, child, dir: home.path().join(name), _turn: Turn::take() }
    }

    /// Whether the system has stopped it.
    pub fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit_once(')').unwrap().1.trim_start().starts_with('T')
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap_or_default()
    }

    /// Waits until something shows, as long as the bot runs.
    pub fn until(&mut self, what: &str, look: impl Fn(&Self) -> bool) {
        wait(what, || {
            let status = self.child.try_wait().unwrap();
            assert!(status.is_none(), "no {what}, but {status:?}: {}", self.file("stderr"));
            std::thread::sleep(std::time::Duration::from_millis(20));
            look(self).then_some(())
        });
    }

    /// Lines of its journal so far of which this is true.
    pub fn lines(&self, is_it: impl Fn(&Line) -> bool) -> usize {
        journal_so_far(&self.dir.join("journal.jsonl")).iter().filter(|line| is_it(line)).count()
    }

    pub fn orders(&self) -> usize {
        self.lines(|line| line.kind() == "place")
    }

    pub fn has_said(&self, words: &str) -> bool {
        self.file("stderr").contains(words)
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Tells it to stop, as systemd does.
    pub fn terminated(self) -> Ended {
        self.signal("-TERM");
        self.ended()
    }

    /// Waits for its end. It must not have panicked, nor told its key to anybody.
    pub fn ended(mut self) -> Ended {
        let status = wait("the end of a bot", || {
            std::thread::sleep(std::time::Duration::from_millis(10));
            self.child.try_wait().unwrap()
        });
        let (stdout, stderr) = (self.file("stdout"), self.file("stderr"));
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert_no_trace(&self.home.key, self.home.path());
        if self.dir.join("journal.jsonl").exists() {
            drop(journal(&self.dir.join("journal.jsonl")));
        }
        Ended { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}

impl Drop for Bot<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Files under `dir` that hold the key, in whatever case, with 0x or without.
pub fn traces(key: &Key, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(traces(key, &path));
        } else {
            // A socket has a name and no content.
            let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            let bytes = bytes.to_ascii_lowercase();
            let name = path.to_str().unwrap().to_ascii_lowercase();
            let holds = bytes.windows(64).any(|w| w == key.hex.as_bytes());
            found.extend((holds || name.contains(&key.hex)).then_some(path));
        }
    }
    found
}

pub fn assert_no_trace(key: &Key, dir: &Path) {
    assert_eq!(traces(key, dir), Vec::<PathBuf>::new(), "the key was written down");
}

#[test]
fn a_key_that_was_written_down_is_found() {
    let home = Home::new("found");
    for text in [home.key.hex.to_uppercase(), format!("x 0x{}\n", home.key.hex)] {
        assert_eq!(traces(&home.key, home.path()), Vec::<PathBuf>::new());
        fs::create_dir(home.path().join("a")).unwrap();
        fs::write(home.path().join("a/b"), text).unwrap();
        assert_eq!(traces(&home.key, home.path()).len(), 1);
        fs::remove_dir_all(home.path().join("a")).unwrap();
    }
}
