//! What a machine lacks for low latency under a plan, in plain words, with what to do. Pure.

use super::facts::{Core, Cores, Facts};
use botmm_pipeline::rt::{IdleStrategy, Plan};
use std::fmt::Write as _;

/// Of a machine's time, what its host may give to others before it is told.
const TOLERATED_STEAL: f64 = 0.005;
/// What a thread that sleeps is woken late by default.
const DEFAULT_SLACK_NS: u64 = 50_000;

/// Something that a machine lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The name of what was looked at.
    pub of: &'static str,
    /// What is the matter.
    pub found: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What a machine lacks for this plan, the gravest first. What holds for a lane's own core is asked of the cores
/// on which one spins, since the others share theirs.
pub fn lacks(facts: &Facts, plan: &Plan) -> Vec<Lack> {
    let lanes: Cores = plan.lanes.iter().filter_map(|lane| lane.core).collect();
    let spinning: Cores = plan.spinning_cores().into_iter().collect();
    let looked = [
        clocksource(facts),
        stolen(facts),
        not_isolated(facts, &spinning),
        real_time(facts, plan),
        governor(facts, &lanes),
        siblings(facts, &lanes),
        interrupts(facts, &spinning),
        huge_pages(facts),
        swap(facts, plan),
        timer_slack(facts, plan),
    ];
    looked.into_iter().flatten().collect()
}

/// Why lanes that spin may not do so in real time here; [`None`] = they may. On a core that others share they would
/// starve them, and what the kernel then takes from a lane is far more than any priority gives it.
pub fn unfit_for_real_time(facts: &Facts, plan: &Plan) -> Option<String> {
    let spinning: Cores = plan.spinning_cores().into_iter().collect();
    let shared = &spinning - &facts.isolated;
    if !shared.is_empty() {
        return Some(format!("{} not isolated", cores_are(&shared)));
    }
    let limit = facts.real_time_us.filter(|us| *us >= 0 && !spinning.is_empty())?;
    Some(format!(
        "kernel.sched_rt_runtime_us is {limit}: the kernel may stop a lane that spins for the rest of each second"
    ))
}

fn clocksource(facts: &Facts) -> Option<Lack> {
    let source = facts.clocksource.as_deref().filter(|source| *source != "tsc")?;
    Some(Lack {
        of: "clocksource",
        found: format!("the kernel reads the time from {source}, not from the time-stamp counter"),
        remedy: "clocksource=tsc tsc=reliable on the kernel's command line, if the machine's counter is steady",
    })
}

fn stolen(facts: &Facts) -> Option<Lack> {
    let share = facts.stolen.filter(|share| *share > TOLERATED_STEAL)?;
    Some(Lack {
        of: "steal",
        found: format!("its host gave {:.1} % of this machine's time to others", share * 100.0),
        remedy: "a dedicated host or bare metal: no setting in here helps",
    })
}

fn not_isolated(facts: &Facts, spinning: &Cores) -> Option<Lack> {
    let lists = [
        ("isolcpus", &facts.isolated),
        ("nohz_full", &facts.tickless),
        ("rcu_nocbs", &facts.callbacks_elsewhere),
    ];
    let mut found = String::new();
    for (name, has) in lists {
        let without = spinning - has;
        if !without.is_empty() {
            let comma = if found.is_empty() { "" } else { "; " };
            let _ = write!(found, "{comma}{} not in {name}", cores_are(&without));
        }
    }
    (!found.is_empty()).then_some(Lack {
        of: "isolation",
        found,
        remedy: "scripts/isolate_cores.sh CORES --grub says what the kernel's command line needs",
    })
}

fn real_time(facts: &Facts, plan: &Plan) -> Option<Lack> {
    plan.priority?;
    let found = unfit_for_real_time(facts, plan)?;
    Some(Lack {
        of: "real time",
        found: format!("lanes run at normal priority: {found}"),
        remedy: "isolate their cores, then sysctl kernel.sched_rt_runtime_us=-1 (docs/deploy.md)",
    })
}

fn governor(facts: &Facts, lanes: &Cores) -> Option<Lack> {
    let slow = |core: &&Core| core.governor.as_deref().is_some_and(|name| name != "performance");
    let slow: Vec<&Core> = of_lanes(facts, lanes).filter(slow).collect();
    let name = slow.first()?.governor.as_deref()?;
    let cores: Cores = slow.iter().map(|core| core.id).collect();
    Some(Lack {
        of: "governor",
        found: format!("{} under {name}, which slows an idle core down", cores_are(&cores)),
        remedy: "scripts/isolate_cores.sh CORES --apply sets it to performance",
    })
}

fn siblings(facts: &Facts, lanes: &Cores) -> Option<Lack> {
    // An isolated sibling that no lane is on stays idle.
    let disturbs = |other: &&usize| lanes.contains(other) || !facts.isolated.contains(other);
    let shared = of_lanes(facts, lanes).filter(|core| core.siblings.iter().any(|c| disturbs(&c)));
    let cores: Cores = shared.map(|core| core.id).collect();
    (!cores.is_empty()).then(|| Lack {
        of: "siblings",
        found: format!(
            "{} one half of a physical core whose other half is in use",
            cores_are(&cores)
        ),
        remedy: "give lanes whole cores: isolate both halves, or turn SMT off (nosmt)",
    })
}

fn interrupts(facts: &Facts, spinning: &Cores) -> Option<Lack> {
    let hit = of_lanes(facts, spinning).filter(|core| core.interrupts > 0);
    let cores: Cores = hit.clone().map(|core| core.id).collect();
    if cores.is_empty() && (spinning.is_empty() || !facts.irqbalance) {
        return None;
    }
    let count: usize = hit.map(|core| core.interrupts).sum();
    let mut found = match cores.is_empty() {
        true => "none on the lanes' cores now".to_owned(),
        false => format!("{} interrupted by {count} devices", cores_are(&cores)),
    };
    if facts.irqbalance {
        found.push_str("; irqbalance runs and may move them there");
    }
    Some(Lack {
        of: "interrupts",
        found,
        remedy: "scripts/isolate_cores.sh CORES --apply moves them; stop irqbalance, or ban these cores to it",
    })
}

fn huge_pages(facts: &Facts) -> Option<Lack> {
    facts.huge_pages.as_deref().filter(|mode| *mode == "always")?;
    Some(Lack {
        of: "huge pages",
        found: "transparent huge pages are always on: the kernel may stop a thread to join pages"
            .to_owned(),
        remedy: "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    })
}

fn swap(facts: &Facts, plan: &Plan) -> Option<Lack> {
    (facts.swap_kib > 0 && !plan.lock_memory).then(|| Lack {
        of: "swap",
        found: format!("{} MiB of swap, and this plan locks no memory", facts.swap_kib >> 10),
        remedy: "swapoff -a, or MemorySwapMax=0 in the unit",
    })
}

fn timer_slack(facts: &Facts, plan: &Plan) -> Option<Lack> {
    let sleeps = plan.lanes.iter().any(|lane| lane.idle != IdleStrategy::Spin);
    let slack = facts.timer_slack_ns.filter(|ns| sleeps && *ns > DEFAULT_SLACK_NS)?;
    Some(Lack {
        of: "timer slack",
        found: format!("a lane that sleeps is woken up to {} us late", slack / 1_000),
        remedy: "TimerSlackNSec=50us or less in the unit",
    })
}

fn of_lanes<'a>(facts: &'a Facts, lanes: &'a Cores) -> impl Iterator<Item = &'a Core> + Clone {
    facts.cores.iter().filter(|core| lanes.contains(&core.id))
}

/// `core 3 is`, `cores 1-3, 5 are`.
fn cores_are(cores: &Cores) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &core in cores {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == core => *last = core,
            _ => runs.push((core, core)),
        }
    }
    let word = |&(from, to): &(usize, usize)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    };
    let list = runs.iter().map(word).collect::<Vec<_>>().join(", ");
    match cores.len() {
        1 => format!("core {list} is"),
        _ => format!("cores {list} are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::LanePlan;

    fn plan(lanes: &[(Option<usize>, IdleStrategy)]) -> Plan {
        let lane = |&(core, idle): &(Option<usize>, IdleStrategy)| LanePlan {
            stages: Vec::new(),
            core,
            idle,
        };
        Plan { lanes: lanes.iter().map(lane).collect(), ..Plan::default() }
    }

    fn cores(ids: &[usize]) -> Cores {
        ids.iter().copied().collect()
    }

    /// Lanes that spin on 2 and 3, and a machine that has all they want.
    fn best() -> (Plan, Facts) {
        let core = |id| Core { id, governor: Some("performance".to_owned()), ..Core::default() };
        let facts = Facts {
            cores: vec![core(2), core(3)],
            isolated: cores(&[2, 3]),
            tickless: cores(&[2, 3]),
            callbacks_elsewhere: cores(&[2, 3]),
            huge_pages: Some("madvise".to_owned()),
            clocksource: Some("tsc".to_owned()),
            swap_kib: 0,
            stolen: Some(0.0),
            real_time_us: Some(-1),
            timer_slack_ns: Some(50_000),
            irqbalance: false,
        };
        let spin = IdleStrategy::Spin;
        (Plan { priority: Some(10), ..plan(&[(Some(2), spin), (Some(3), spin)]) }, facts)
    }

    fn only(facts: &Facts, plan: &Plan) -> (&'static str, String) {
        let [lack] = &lacks(facts, plan)[..] else { panic!("{:?}", lacks(facts, plan)) };
        assert!(!lack.remedy.is_empty());
        (lack.of, lack.found.clone())
    }

    #[test]
    fn a_machine_that_has_all_lacks_nothing_and_each_lack_is_told_alone() {
        let (plan, facts) = best();
        assert_eq!(lacks(&facts, &plan), []);
        assert_eq!(unfit_for_real_time(&facts, &plan), None);
        type Spoil = fn(&mut Facts);
        let spoilt: [(&str, &str, Spoil); 12] = [
            ("clocksource", "hpet", |f| f.clocksource = Some("hpet".to_owned())),
            ("steal", "2.5 %", |f| f.stolen = Some(0.025)),
            ("isolation", "core 3 is not in nohz_full", |f| f.tickless = cores(&[2])),
            ("isolation", "cores 2-3 are not in rcu_nocbs", |f| f.callbacks_elsewhere = cores(&[])),
            ("real time", "sched_rt_runtime_us is 950000", |f| f.real_time_us = Some(950_000)),
            ("governor", "core 3 is under powersave", |f| {
                f.cores[1].governor = Some("powersave".to_owned());
            }),
            ("siblings", "cores 2-3 are one half", |f| {
                (f.cores[0].siblings, f.cores[1].siblings) = (cores(&[3]), cores(&[2]));
            }),
            ("siblings", "core 2 is one half", |f| f.cores[0].siblings = cores(&[7])),
            ("interrupts", "core 2 is interrupted by 3 devices", |f| f.cores[0].interrupts = 3),
            ("interrupts", "irqbalance runs", |f| f.irqbalance = true),
            ("huge pages", "always on", |f| f.huge_pages = Some("always".to_owned())),
            ("swap", "4 MiB", |f| f.swap_kib = 4096),
        ];
        for (of, part, spoil) in spoilt {
            let mut facts = facts.clone();
            spoil(&mut facts);
            let (told, found) = only(&facts, &plan);
            assert!(told == of && found.contains(part), "{told}: {found}");
        }
        // An isolated core that nobody uses is no neighbour.
        let mut facts = facts;
        facts.isolated.insert(7);
        facts.cores[0].siblings = cores(&[7]);
        assert_eq!(lacks(&facts, &plan), []);
    }

    #[test]
    fn on_a_shared_core_no_lane_spins_in_real_time() {
        let (mut plan, mut facts) = best();
        facts.isolated = cores(&[3]);
        let why = unfit_for_real_time(&facts, &plan).unwrap();
        assert_eq!(why, "core 2 is not isolated");
        let told: Vec<_> = lacks(&facts, &plan).iter().map(|lack| lack.of).collect();
        assert_eq!(told, ["isolation", "real time"]);
        // What is not known is not isolated.
        assert!(unfit_for_real_time(&Facts::default(), &plan).is_some());
        plan.priority = None;
        assert_eq!(only(&facts, &plan).0, "isolation");
    }

    #[test]
    fn lanes_that_sleep_ask_for_less() {
        let (_, mut facts) = best();
        facts.isolated.clear();
        facts.tickless.clear();
        facts.callbacks_elsewhere.clear();
        facts.cores[0].interrupts = 9;
        facts.irqbalance = true;
        let backoff = plan(&[(Some(2), IdleStrategy::Backoff), (None, IdleStrategy::Park)]);
        assert_eq!(lacks(&facts, &backoff), []);
        assert_eq!(unfit_for_real_time(&facts, &backoff), None);
        facts.timer_slack_ns = Some(1_000_000);
        assert_eq!(only(&facts, &backoff).0, "timer slack");
        facts.swap_kib = 1;
        assert_eq!(lacks(&facts, &Plan { lock_memory: true, ..backoff }).len(), 1);
    }
}
