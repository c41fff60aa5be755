//! What puts the bot on a host and looks after it there: units, scripts, the health check. Against folders
//! and a `systemctl` of the test's own; nothing of this machine is touched.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Every file below a folder with its content, and when it was written.
fn tree(dir: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => {
                let written = fs::metadata(&path).unwrap().modified().unwrap();
                found.push((path.clone(), fs::read(&path).unwrap(), written));
            }
        }
    }
    found.sort();
    found
}

fn install(into: &Path, extra: &[&str]) -> Output {
    // The script takes the binary from where cargo puts it: any file will do.
    let built = into.join("built");
    fs::create_dir_all(built.join("release")).unwrap();
    if !built.join("release/botmm").exists() {
        script(&built.join("release/botmm"), "#!/bin/sh\n");
    }
    let mut command = Command::new(root().join("scripts/install.sh"));
    command.args(["--root", into.join("host").to_str().unwrap()]).args(extra);
    command.env("CARGO_TARGET_DIR", &built).output().unwrap()
}

#[test]
fn installing_twice_is_installing_once_and_a_dry_run_does_nothing() {
    let dir = TempDir::new().unwrap();
    let dry = install(dir.path(), &["--dry-run"]);
    assert!(dry.status.success(), "{}", said(&dry));
    assert!(said(&dry).contains("botmm.service") && said(&dry).contains("nothing was done"));
    assert!(!dir.path().join("host").exists());
    let first = install(dir.path(), &[]);
    assert!(first.status.success(), "{}", said(&first));
    let host = dir.path().join("host");
    let configuration = host.join("etc/botmm/botmm.toml");
    fs::write(&configuration, "# mine\n").unwrap();
    let before = tree(&host);
    let units =
        ["botmm", "botmm-guard", "botmm-health", "botmm-recorder"].map(|n| format!("{n}.service"));
    for unit in units.iter().map(String::as_str).chain(["botmm-health.timer"]) {
        let there = fs::read(host.join("etc/systemd/system").join(unit)).unwrap();
        assert_eq!(there, fs::read(root().join("deploy").join(unit)).unwrap(), "{unit}");
    }
    let second = install(dir.path(), &[]);
    assert!(said(&second).contains("all is there already"), "{}", said(&second));
    assert_eq!(tree(&host), before);
    // Another binary replaces the old one, and nothing else.
    script(&dir.path().join("built/release/botmm"), "#!/bin/sh\n# newer\n");
    assert!(install(dir.path(), &[]).status.success());
    let changed: Vec<_> = tree(&host).into_iter().filter(|file| !before.contains(file)).collect();
    assert_eq!(
        changed.iter().map(|f| &f.0).collect::<Vec<_>>(),
        [&host.join("usr/local/bin/botmm")]
    );
}

/// A machine of four cores, of which 1 and 3 are one physical core, as 0 and 2 are.
fn cores(sys: &Path) {
    fs::create_dir_all(sys.join("devices/system/cpu")).unwrap();
    fs::write(sys.join("devices/system/cpu/online"), "0-3\n").unwrap();
    for (core, pair) in [(0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")] {
        let topology = sys.join(format!("devices/system/cpu/cpu{core}/topology"));
        fs::create_dir_all(&topology).unwrap();
        fs::write(topology.join("thread_siblings_list"), format!("{pair}\n")).unwrap();
    }
}

/// The script for a machine whose `/sys` and `/proc` are this folder.
fn isolate(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(root().join("scripts/isolate_cores.sh"));
    command.args(args).env("BOTMM_SYS", dir).env("BOTMM_PROC", dir);
    command.output().unwrap()
}

#[test]
fn cores_are_isolated_in_pairs_and_never_the_first() {
    let dir = TempDir::new().unwrap();
    cores(dir.path());
    fs::write(dir.path().join("cmdline"), "quiet isolcpus=3 ro\n").unwrap();
    let of = |cores: &str| isolate(dir.path(), &[cores]);
    let both = of("1,3");
    let text = said(&both);
    assert!(both.status.success() && !text.contains("warning"), "{text}");
    for part in
        ["isolcpus=managed_irq,domain,1,3", "irqaffinity=0,2", "CPUAffinity=1 2 3", "isolcpus=3"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(said(&of("1")).contains("core 3 shares a physical core with 1"));
    for (wrong, code, why) in [("0-1", 1, "core 0"), ("4", 1, "no core 4"), ("two", 2, "Usage")] {
        let refused = of(wrong);
        assert_eq!(refused.status.code(), Some(code), "{wrong}");
        assert!(said(&refused).contains(why), "{wrong}: {}", said(&refused));
    }
    let words = isolate(dir.path(), &["1,3", "--grub"]);
    let expected = "isolcpus=managed_irq,domain,1,3 nohz_full=1,3 rcu_nocbs=1,3 irqaffinity=0,2\n";
    assert_eq!(String::from_utf8_lossy(&words.stdout), expected);
    assert_eq!(isolate(dir.path(), &["1,3", "--now"]).status.code(), Some(2));
}

#[test]
fn the_state_of_cores_is_told_and_nothing_changes() {
    let dir = TempDir::new().unwrap();
    cores(dir.path());
    let put = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("cmdline", "quiet isolcpus=3 ro\n");
    put("devices/system/cpu/isolated", "3\n");
    put("devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n");
    put("irq/24/effective_affinity_list", "1\n");
    put("irq/25/smp_affinity_list", "1-3\n");
    put("irq/default_smp_affinity", "f\n");
    let before = tree(dir.path());
    let told = isolate(dir.path(), &[]);
    let text = said(&told);
    assert!(told.status.success(), "{text}");
    let words: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(words.contains(&vec!["1", "no", "none", "1,3", "2"]), "{text}");
    assert!(words.contains(&vec!["3", "yes", "powersave", "1,3", "1"]), "{text}");
    assert!(text.contains("command line: isolcpus=3"), "{text}");
    assert_eq!(tree(dir.path()), before);
}

/// A host with a `systemctl` that says what it is told to and notes what it is asked to do, and a `botmm`
/// that notes alerts.
struct Host(TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(TempDir::new().unwrap());
        fs::create_dir_all(host.at("data/runs/one")).unwrap();
        let systemctl = format!(
            "#!/bin/sh\ncd {}\ncase $1 in\n\
             is-enabled) cat enabled ;;\n\
             show) cat \"${{2#--property=}}\" ;;\n\
             *) echo \"$@\" >>asked ;;\nesac\n",
            host.0.path().display()
        );
        script(&host.at("systemctl"), &systemctl);
        let botmm = format!("#!/bin/sh\necho \"$@\" >>{}\n", host.at("told").display());
        script(&host.at("botmm"), &botmm);
        host.is("enabled", "enabled");
        host.unit("active", "success", 0);
        host.is("ActiveEnterTimestampMonotonic", "0");
        host
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn is(&self, name: &str, value: &str) {
        fs::write(self.at(name), format!("{value}\n")).unwrap();
    }

    fn unit(&self, state: &str, result: &str, code: u8) {
        self.is("ActiveState", state);
        self.is("Result", result);
        self.is("ExecMainStatus", &code.to_string());
    }

    /// What a check asks systemd for, and what it tells a person.
    fn check(&self, setting: (&str, &str)) -> (bool, String, String) {
        let (asked, told) = (self.at("asked"), self.at("told"));
        for file in [&asked, &told] {
            fs::write(file, "").unwrap();
        }
        let mut command = Command::new(root().join("deploy/botmm-health"));
        command.env("SYSTEMCTL", self.at("systemctl")).env("BOTMM_BIN", self.at("botmm"));
        command.env("BOTMM_DATA", self.at("data")).env("RUNTIME_DIRECTORY", self.at("remembers"));
        command.env("BOTMM_MIN_FREE_KIB", "0").env("BOTMM_MIN_FREE_PCT", "0");
        let output = command.env(setting.0, setting.1).output().unwrap();
        (
            output.status.success(),
            fs::read_to_string(asked).unwrap(),
            fs::read_to_string(told).unwrap(),
        )
    }
}

/// Nothing of the settings.
const AS_IS: (&str, &str) = ("BOTMM_UNITS", "botmm.service");

#[test]
fn a_dead_bot_is_started_again_unless_a_person_must_look() {
    let host = Host::new();
    fs::write(host.at("data/runs/one/journal.jsonl"), "{}\n").unwrap();
    let nothing = (true, String::new(), String::new());
    assert_eq!(host.check(AS_IS), nothing);
    // Stopped by a person, or never wanted.
    host.unit("inactive", "success", 0);
    assert_eq!(host.check(AS_IS), nothing);
    host.unit("failed", "signal", 9);
    host.is("enabled", "disabled");
    assert_eq!(host.check(AS_IS), nothing);
    host.is("enabled", "enabled");
    let (well, asked, told) = host.check(AS_IS);
    assert!(!well && asked.contains("--no-block start botmm.service"), "{asked}");
    assert!(
        told.contains("--level critical") && told.contains("is dead (signal, code 9)"),
        "{told}"
    );
    // Told once, tried each time.
    let (_, asked, told) = host.check(AS_IS);
    assert!(asked.contains("start botmm.service") && told.is_empty(), "{asked} {told}");
    host.unit("active", "success", 0);
    let (well, _, told) = host.check(AS_IS);
    assert!(well && told.contains("--level info") && told.contains("over: "), "{told}");
    for code in [2, 3, 6] {
        host.unit("failed", "exit-code", code);
        let (well, asked, told) = host.check(AS_IS);
        assert!(!well && asked.is_empty(), "{code}: {asked}");
        assert!(told.contains("until a person has looked"), "{code}: {told}");
        host.unit("active", "success", 0);
        host.check(AS_IS);
    }
}

#[test]
fn a_journal_that_does_not_grow_and_a_disk_that_fills_are_seen() {
    let host = Host::new();
    let journal = host.at("data/runs/one/journal.jsonl");
    fs::write(&journal, "{}\n").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&journal).unwrap().set_modified(long_ago).unwrap();
    let (well, asked, told) = host.check(AS_IS);
    assert!(!well && asked.contains("--no-block restart botmm.service"), "{asked}");
    assert!(told.contains("has not grown"), "{told}");
    // It was started a moment ago: its journal may be new.
    let up = fs::read_to_string("/proc/uptime").unwrap();
    let up: f64 = up.split_whitespace().next().unwrap().parse().unwrap();
    host.is("ActiveEnterTimestampMonotonic", &format!("{}", (up * 1e6) as u64));
    assert_eq!(host.check(AS_IS).1, "");
    fs::write(&journal, "{}\n{}\n").unwrap();
    host.is("ActiveEnterTimestampMonotonic", "0");
    assert!(host.check(AS_IS).2.contains("over: "));
    let (well, asked, told) = host.check(("BOTMM_MIN_FREE_KIB", "99999999999999"));
    assert!(!well && asked.is_empty() && told.contains("free on its disk"), "{asked} {told}");
}

#[test]
fn a_recorder_that_is_dead_or_writes_nothing_is_seen() {
    let host = Host::new();
    fs::write(host.at("data/runs/one/journal.jsonl"), "{}\n").unwrap();
    let day = host.at("captures/capture/2026-11-29");
    fs::create_dir_all(&day).unwrap();
    let segment = day.join("20-00-00.000.frames.zst");
    fs::write(&segment, "x").unwrap();
    let captures = host.at("captures").display().to_string();
    let at = ("BOTMM_CAPTURES", captures.as_str());
    assert_eq!(host.check(at), (true, String::new(), String::new()));
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&segment).unwrap().set_modified(long_ago).unwrap();
    let (well, asked, told) = host.check(at);
    assert!(
        !well && asked.is_empty() && told.contains("nothing was recorded for 5 minutes"),
        "{told}"
    );
    fs::write(&segment, "xy").unwrap();
    assert!(host.check(at).2.contains("over: "));
    host.unit("failed", "signal", 9);
    let (well, asked, _) = host.check(("BOTMM_UNITS", "botmm-recorder.service"));
    assert!(!well && asked.contains("--no-block start botmm-recorder.service"), "{asked}");
}

#[test]
fn finished_segments_are_copied_once_and_no_other() {
    use botmm::data::capture::{Folder, segments};
    use botmm_pipeline::types::Nanos;
    let dir = TempDir::new().unwrap();
    let capture = dir.path().join("capture");
    let folder = Folder::take(&capture).unwrap();
    let start = Nanos(1_795_369_510_000_000_000);
    for hour in 0..3 {
        let at = start + Nanos::secs(3600 * hour);
        let mut writer = folder.begin(at, "botmm test").unwrap();
        writer.append(b"1 {}\n", 1, (at, at)).unwrap();
        if hour < 2 {
            writer.close().unwrap(); // The third is being written.
        }
    }
    let all = segments(&capture).unwrap();
    // The second has rotted where it counts.
    let mut bytes = fs::read(&all[1].path).unwrap();
    let place = bytes.len() - 20;
    bytes[place] ^= 1;
    fs::write(&all[1].path, bytes).unwrap();
    let manifest = all[0].path.with_file_name("manifest.json");
    fs::write(&manifest, "{}\n").unwrap();
    let told = dir.path().join("told");
    script(
        &dir.path().join("aws"),
        &format!(
            "#!/bin/sh\necho \"$@\" >>{}\n[ ! -e {}/down ]\n",
            told.display(),
            dir.path().display()
        ),
    );
    let sync = |more: &[&str]| {
        fs::write(&told, "").unwrap();
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(root().join("scripts/sync_captures.sh"));
        command.args(more).arg(&capture).arg("s3://bucket/some/").env("PATH", path);
        let output = command.output().unwrap();
        (output.status.code(), said(&output), fs::read_to_string(&told).unwrap())
    };
    let (code, text, asked) = sync(&["--dry-run"]);
    assert_eq!((code, asked.as_str()), (Some(0), ""), "{text}");
    fs::write(dir.path().join("down"), "").unwrap();
    let (code, text, _) = sync(&[]);
    assert!(code == Some(1) && text.contains("tried again next time"), "{text}");
    fs::remove_file(dir.path().join("down")).unwrap();
    let (code, text, asked) = sync(&[]);
    assert!(code == Some(0) && text.contains("2 copied, 2 not finished yet"), "{text}");
    let name = format!("s3://bucket/some/2026-11-22/{}", all[0].name);
    assert!(asked.lines().count() == 2 && asked.contains(&name), "{asked}");
    assert!(asked.contains("s3://bucket/some/2026-11-22/manifest.json"), "{asked}");
    assert_eq!(sync(&[]).2, "", "once");
    fs::write(&manifest, "{ }\n").unwrap();
    assert_eq!(sync(&[]).2.lines().count(), 1, "a manifest that has changed");
}

#[test]
fn runs_that_are_over_are_repeated_once_and_what_cannot_be_read_again() {
    let dir = TempDir::new().unwrap();
    let runs = dir.path().join("runs");
    let asked = dir.path().join("asked");
    // Answers with the code that a run is named after.
    let botmm = dir.path().join("botmm");
    let answers = format!(
        "#!/bin/sh\necho \"$@\" >>{}\nrun=${{2##*/}}\nprintf '{{\\n  \"of\": \"%s\"\\n}}\\n' \"$run\"\n\
         echo why >&2\nexit ${{run#ends-}}\n",
        asked.display()
    );
    script(&botmm, &answers);
    let repeat = |args: &[&Path]| {
        fs::write(&asked, "").unwrap();
        let mut command = Command::new(root().join("scripts/parity.sh"));
        let output = command.args(args).env("BOTMM", &botmm).output().unwrap();
        let asked = fs::read_to_string(&asked).unwrap();
        let asked: Vec<String> =
            asked.lines().map(|line| line.rsplit('/').next().unwrap().to_owned()).collect();
        (output.status.code(), said(&output), asked)
    };
    let (code, text, _) = repeat(&[&runs]);
    assert!(code == Some(2) && text.contains("runs: no such folder"), "{text}");
    let (code, text, _) = repeat(&[&runs, &runs]);
    assert!(code == Some(2) && text.contains("Usage: scripts/parity.sh"), "{text}");
    for name in ["ends-0", "ends-1", "ends-5", "ends-7", "goes-on", "no-capture"] {
        let run = runs.join(name);
        fs::create_dir_all(run.join("capture")).unwrap();
        fs::write(run.join("summary.json"), "{}").unwrap();
    }
    fs::remove_file(runs.join("goes-on/summary.json")).unwrap();
    fs::remove_dir(runs.join("no-capture/capture")).unwrap();
    let (code, text, asked) = repeat(&[&runs]);
    assert_eq!(asked, ["ends-0", "ends-1", "ends-5", "ends-7"].map(|run| format!("{run} --json")));
    assert!(code == Some(7) && text.contains("3 repeated"), "{text}");
    assert!(text.contains("ends-5: exit code 5, see"), "{text}");
    let kept = || fs::read_to_string(runs.join("parity.jsonl")).unwrap();
    let line = |code: u8| {
        format!(
            "{{\"run\":\"ends-{code}\",\"code\":{code},\"said\":{{  \"of\": \"ends-{code}\"}}}}\n"
        )
    };
    assert_eq!(kept(), [0, 1, 7].map(line).concat());
    assert_eq!(fs::read_to_string(runs.join("parity.log")).unwrap(), "why\n".repeat(4));
    // Again: only the one that could not be read, and then none.
    let (code, text, asked) = repeat(&[&runs]);
    assert_eq!(asked, ["ends-5 --json"]);
    assert!(code == Some(1) && text.contains("0 repeated"), "{text}");
    assert_eq!(kept(), [0, 1, 7].map(line).concat());
    fs::rename(runs.join("ends-5"), runs.join("ends-0-now")).unwrap();
    fs::remove_dir_all(runs.join("ends-0-now/capture")).unwrap();
    assert_eq!(repeat(&[&runs]).0, Some(0));
}

/// systemd's own word on the units, where there is systemd. What is not installed on this machine is no fault.
#[test]
fn systemd_takes_the_units() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        println!("no systemd-analyze here: the units were not looked at");
        return;
    };
    let dir = TempDir::new().unwrap();
    let mut units = Vec::new();
    for entry in fs::read_dir(root().join("deploy")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "service" || e == "timer") {
            let text = fs::read_to_string(&path).unwrap();
            let unit = dir.path().join(path.file_name().unwrap());
            // Programs that are there, so that only the unit is judged.
            let lines = text.lines().map(|line| match line.split_once('=') {
                Some((key, _)) if key.starts_with("Exec") => format!("{key}=/bin/true"),
                _ => line.to_owned(),
            });
            fs::write(&unit, lines.collect::<Vec<_>>().join("\n")).unwrap();
            units.push(unit);
        }
    }
    assert!(units.len() >= 4, "{units:?}");
    let verified = Command::new("systemd-analyze").arg("verify").args(&units).output().unwrap();
    assert!(verified.status.success() && said(&verified).is_empty(), "{}", said(&verified));
    let services = units.iter().filter(|u| u.extension().is_some_and(|e| e == "service"));
    for unit in services {
        let mut command = Command::new("systemd-analyze");
        let judged =
            command.args(["security", "--offline=true", "--threshold=20"]).arg(unit).output();
        let judged = judged.unwrap();
        let last = said(&judged).lines().last().unwrap_or_default().to_owned();
        assert!(judged.status.success(), "{} ({}): {last}", unit.display(), said(&version));
    }
}
