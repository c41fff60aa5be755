//! scripts/counts.sh: what it makes of an instruction counter's numbers. Counter, compiler and works are the test's own.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A machine on which one work, `tick`, takes so many instructions a call.
struct Machine(TempDir);

impl Machine {
    fn new(with_valgrind: bool) -> Self {
        let machine = Self(TempDir::new().unwrap());
        machine.script("bin/cargo", "exit 0");
        machine.script("bin/rustc", "echo 'rustc 1.99.0 (abc 2026-01-01)'");
        machine.script(
            "target/release/botmm-hotpath",
            "[ $1 = works ] && echo tick || echo tested+simd",
        );
        if with_valgrind {
            // As callgrind says it, of 10 calls; or just the program.
            let taken = machine.at("taken");
            let says = format!(
                "[ $1 = -q ] && exec $2 $3\necho \"==1== Collected : $(cat {taken})0\" >&2"
            );
            machine.script("bin/valgrind", &says);
        }
        machine
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn script(&self, name: &str, does: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{does}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The exit code and what is said, when a call takes so many.
    fn count(&self, taken: u64, args: &[&str]) -> (i32, String) {
        fs::write(self.at("taken"), taken.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/counts.sh");
        let mut command = Command::new(script);
        // Nothing but the tools of a shell beside the test's own.
        command.args(args).env("PATH", format!("{}:{}", self.at("bin"), self.at("tools")));
        command.env("CARGO_TARGET_DIR", self.at("target")).env("COUNTS_CALLS", "10");
        let output = command.env("COUNTS_FILE", self.at("kept")).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// The shell's tools, and no valgrind of this machine.
    fn with_tools(self) -> Self {
        fs::create_dir(self.0.path().join("tools")).unwrap();
        for tool in
            ["bash", "sh", "dirname", "mktemp", "rm", "awk", "grep", "sort", "cat", "cp", "sed"]
        {
            let found = ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(tool));
            let found = found.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, self.0.path().join("tools").join(tool)).unwrap();
        }
        self
    }
}

#[test]
fn more_instructions_fail_and_fewer_are_to_be_kept() {
    let machine = Machine::new(true).with_tools();
    let (code, said) = machine.count(1000, &[]);
    assert!(code == 0 && said.contains("nothing to compare"), "{code} {said}");
    let (code, said) = machine.count(1000, &["--bless"]);
    assert_eq!(code, 0, "{said}");
    let kept = fs::read_to_string(machine.at("kept")).unwrap();
    assert!(kept.ends_with("\n1.99.0+cc-none tested+simd tick 1000\n"), "{kept}");
    for (taken, fails, part) in [
        (1000, false, "+0.0 % of 1000"),
        (1030, false, "+3.0 % of 1000"),
        (1031, true, "tick takes +3.1 %"),
        (969, false, "takes less: keep it so"),
    ] {
        let (code, said) = machine.count(taken, &[]);
        assert!((code != 0) == fails && said.contains(part), "{taken}: {code} {said}");
    }
    // A number of another compiler stays when one is renewed.
    fs::write(machine.at("kept"), format!("{kept}1.98.0+cc12 tested+simd tick 900\n")).unwrap();
    machine.count(1500, &["--bless"]);
    let kept = fs::read_to_string(machine.at("kept")).unwrap();
    assert!(
        kept.contains("1.98.0+cc12 tested+simd tick 900\n1.99.0+cc-none tested+simd tick 1500\n"),
        "{kept}"
    );
    let (code, said) = machine.count(0, &[]);
    assert!(code == 1 && said.contains("nothing was counted"), "{said}");
}

#[test]
fn without_a_counter_nothing_is_counted_and_that_is_said() {
    let (code, said) = Machine::new(false).with_tools().count(1, &[]);
    assert!(code == 77 && said.contains("no valgrind"), "{code} {said}");
    assert_eq!(Machine::new(true).with_tools().count(1, &["--what"]).0, 2);
}
