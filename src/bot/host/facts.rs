//! What this machine says of itself that matters to latency, read from `/sys` and `/proc`. Nothing is changed;
//! what cannot be read is not known, and what is not known is not held against it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Cores, by the operating system's numbers.
pub type Cores = BTreeSet<usize>;

/// What is known of a machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The cores that were asked about.
    pub cores: Vec<Core>,
    /// Cores on which the scheduler places nothing by itself (`isolcpus`).
    pub isolated: Cores,
    /// Cores without a timer tick while one thread runs there (`nohz_full`).
    pub tickless: Cores,
    /// Cores whose RCU callbacks run elsewhere (`rcu_nocbs`, and all of `nohz_full`).
    pub callbacks_elsewhere: Cores,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub huge_pages: Option<String>,
    /// What the kernel reads the time from.
    pub clocksource: Option<String>,
    /// KiB of swap.
    pub swap_kib: u64,
    /// Of all time since the machine started, the share that its host gave to others; 0 to 1.
    pub stolen: Option<f64>,
    /// Of each period, what real-time threads may take, microseconds; -1 = all.
    pub real_time_us: Option<i64>,
    /// How much later than asked for a sleeping thread may be woken, nanoseconds.
    pub timer_slack_ns: Option<u64>,
    /// Whether `irqbalance` runs, which moves interrupts about.
    pub irqbalance: bool,
}

/// One core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Core {
    /// Its number.
    pub id: usize,
    /// Its frequency governor; [`None`] = the machine has none, as most guests.
    pub governor: Option<String>,
    /// Other cores that are in truth the same one (SMT).
    pub siblings: Cores,
    /// Interrupts that are delivered to it.
    pub interrupts: usize,
}

impl Facts {
    /// Of these cores of the machine whose `/sys` and `/proc` lie below `root`.
    pub fn read(root: &Path, cores: &[usize]) -> Self {
        let text = |path: &str| read(&root.join(path));
        let list = |path: &str| text(path).map(|t| parse_cores(&t)).unwrap_or_default();
        let cmdline = text("proc/cmdline").unwrap_or_default();
        let cpu = "sys/devices/system/cpu";
        let tickless = list(&format!("{cpu}/nohz_full"));
        let offloaded = cmdline.split_whitespace().find_map(|word| word.strip_prefix("rcu_nocbs="));
        let offloaded = match offloaded {
            Some("all") => list(&format!("{cpu}/present")),
            Some(cores) => parse_cores(cores),
            None => Cores::new(),
        };
        let interrupts = interrupts(&root.join("proc/irq"));
        let core = |&id: &usize| Core {
            id,
            governor: text(&format!("{cpu}/cpu{id}/cpufreq/scaling_governor")),
            siblings: {
                let mut all = list(&format!("{cpu}/cpu{id}/topology/thread_siblings_list"));
                all.remove(&id);
                all
            },
            interrupts: interrupts.iter().filter(|cores| cores.contains(&id)).count(),
        };
        Self {
            cores: cores.iter().map(core).collect(),
            callbacks_elsewhere: &offloaded | &tickless,
            isolated: isolated(root),
            tickless,
            huge_pages: text("sys/kernel/mm/transparent_hugepage/enabled")
                .as_deref()
                .and_then(chosen),
            clocksource: text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            swap_kib: text("proc/meminfo").as_deref().and_then(swap_kib).unwrap_or(0),
            stolen: text("proc/stat").as_deref().and_then(stolen),
            real_time_us: text("proc/sys/kernel/sched_rt_runtime_us").and_then(|t| t.parse().ok()),
            timer_slack_ns: text("proc/self/timerslack_ns").and_then(|t| t.parse().ok()),
            irqbalance: runs(&root.join("proc"), "irqbalance"),
        }
    }
}

/// Cores on which the scheduler places nothing by itself.
pub fn isolated(root: &Path) -> Cores {
    let list = read(&root.join("sys/devices/system/cpu/isolated"));
    list.map(|list| parse_cores(&list)).unwrap_or_default()
}

/// What a file says, without the space around it.
fn read(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// `0-2,5` as the kernel writes it; what is none of it is left out (`isolcpus` has words before its numbers).
fn parse_cores(text: &str) -> Cores {
    let mut cores = Cores::new();
    for part in text.trim().split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(from), Ok(to)) = (from.parse::<usize>(), to.parse::<usize>()) {
            cores.extend(from..=to);
        }
    }
    cores
}

/// The word in brackets.
fn chosen(text: &str) -> Option<String> {
    Some(text.split_once('[')?.1.split_once(']')?.0.to_owned())
}

fn swap_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("SwapTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Of the first line of `/proc/stat`: user nice system idle iowait irq softirq steal (the guests' two are in user).
fn stolen(stat: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|t| t.parse().ok()).collect();
    let (all, steal) = (ticks.iter().sum::<u64>(), *ticks.get(7)?);
    (all > 0).then(|| steal as f64 / all as f64)
}

/// Where each interrupt is delivered.
fn interrupts(dir: &Path) -> Vec<Cores> {
    let Ok(all) = fs::read_dir(dir) else { return Vec::new() };
    let of_one = |entry: fs::DirEntry| {
        let effective = read(&entry.path().join("effective_affinity_list"));
        let said = effective.filter(|cores| !cores.is_empty());
        said.or_else(|| read(&entry.path().join("smp_affinity_list")))
    };
    all.flatten().filter_map(of_one).map(|cores| parse_cores(&cores)).collect()
}

/// Whether a process of that name can be seen.
fn runs(proc: &Path, name: &str) -> bool {
    let Ok(all) = fs::read_dir(proc) else { return false };
    let is_process = |entry: &fs::DirEntry| {
        entry.file_name().to_string_lossy().bytes().all(|digit| digit.is_ascii_digit())
    };
    let mut processes = all.flatten().filter(is_process);
    processes.any(|entry| read(&entry.path().join("comm")).is_some_and(|comm| comm == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    #[test]
    fn a_machine_is_read_from_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let cpu = "sys/devices/system/cpu";
        put(root, &format!("{cpu}/isolated"), "2-3");
        put(root, &format!("{cpu}/nohz_full"), "2");
        put(root, &format!("{cpu}/cpu2/cpufreq/scaling_governor"), "powersave");
        put(root, &format!("{cpu}/cpu2/topology/thread_siblings_list"), "2,6");
        put(root, "proc/cmdline", "quiet isolcpus=managed_irq,domain,2-3 rcu_nocbs=3 ro");
        put(root, "sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never");
        put(root, "sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet");
        put(root, "proc/meminfo", "MemTotal: 5 kB\nSwapTotal:     2048 kB");
        put(root, "proc/stat", "cpu  10 0 20 60 0 0 5 5 7 0\ncpu0 1 1 1 1 1 1 1 1 0 0");
        put(root, "proc/sys/kernel/sched_rt_runtime_us", "950000");
        put(root, "proc/self/timerslack_ns", "50000");
        put(root, "proc/irq/24/effective_affinity_list", "2");
        put(root, "proc/irq/25/effective_affinity_list", "");
        put(root, "proc/irq/25/smp_affinity_list", "0-2");
        put(root, "proc/irq/26/smp_affinity_list", "0-1");
        put(root, "proc/irq/default_smp_affinity", "ff");
        put(root, "proc/81/comm", "irqbalance");
        let facts = Facts::read(root, &[2]);
        let cores = |ids: &[usize]| ids.iter().copied().collect::<Cores>();
        let core = Core {
            id: 2,
            governor: Some("powersave".to_owned()),
            siblings: cores(&[6]),
            interrupts: 2,
        };
        let expected = Facts {
            cores: vec![core],
            isolated: cores(&[2, 3]),
            tickless: cores(&[2]),
            callbacks_elsewhere: cores(&[2, 3]),
            huge_pages: Some("always".to_owned()),
            clocksource: Some("hpet".to_owned()),
            swap_kib: 2048,
            stolen: Some(0.05),
            real_time_us: Some(950_000),
            timer_slack_ns: Some(50_000),
            irqbalance: true,
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let expected = Facts { cores: vec![Core::default()], ..Facts::default() };
        assert_eq!(Facts::read(dir.path(), &[0]), expected);
        put(dir.path(), "proc/stat", "cpu  1 2 x");
        put(dir.path(), "proc/meminfo", "SwapTotal: many kB");
        put(dir.path(), "sys/kernel/mm/transparent_hugepage/enabled", "always");
        put(dir.path(), "sys/devices/system/cpu/isolated", "a-b,,3-x");
        assert_eq!(Facts::read(dir.path(), &[0]), expected);
    }

    /// Nothing of a real machine's files is a fault.
    #[test]
    fn this_machine_can_be_read() {
        let facts = Facts::read(Path::new("/"), &[0]);
        assert!(facts.cores[0].id == 0 && !facts.cores[0].siblings.contains(&0), "{facts:?}");
        assert!(facts.stolen.is_none_or(|share| (0.0..=1.0).contains(&share)), "{facts:?}");
    }
}
