//! Thread plans as files: which lane runs which stages, where, and how it idles. Plain data; the
//! pipeline decides whether a plan fits this machine.

use super::error::ConfigError;
use botmm_pipeline::stage::NAMES as STAGES;
use serde::Deserialize;

/// The names `--plan` and `general.plan` know.
pub const PLANS: [&str; 5] = ["auto", "inline", "solo", "paired", "dedicated"];

/// Those of them that run in wall time.
pub const THREADED_PLANS: [&str; 4] = ["auto", "solo", "paired", "dedicated"];

/// How a lane may idle.
const IDLES: [&str; 3] = ["spin", "backoff", "park"];

const SHIPPED: [(&str, &str); 3] = [
    ("dedicated", include_str!("../../config/plans/dedicated.toml")),
    ("paired", include_str!("../../config/plans/paired.toml")),
    ("solo", include_str!("../../config/plans/solo.toml")),
];

/// A plan file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// What it is called.
    pub name: String,
    /// Real-time priority of its threads, where it harms nobody and the system grants it.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Keep memory out of swap, if the system grants it.
    #[serde(default)]
    pub lock_memory: bool,
    /// How often idle lanes go through a tick that is none, microseconds; 0 = never.
    #[serde(default)]
    pub rehearse_us: u32,
    /// Its threads.
    #[serde(rename = "lane")]
    pub lanes: Vec<LaneFile>,
}

/// One thread of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneFile {
    /// What it polls, in order.
    pub stages: Vec<String>,
    /// Index into the cores that the process may use; none = not pinned.
    #[serde(default)]
    pub core: Option<usize>,
    /// `spin`, `backoff` or `park`.
    pub idle: String,
}

impl PlanFile {
    /// A shipped plan. `auto` and `inline` are not files: the first is a choice among these, the
    /// second has no threads.
    pub fn shipped(name: &str) -> Result<Self, ConfigError> {
        let place = format!("config/plans/{name}.toml");
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((_, text)) => Self::parse(&place, text),
            None => {
                let names = SHIPPED.map(|(name, _)| name).join(", ");
                Err(ConfigError::general(place, format!("no such plan; allowed: {names}")))
            }
        }
    }

    /// Reads a plan; `place` is what messages call it. Each stage must be there exactly once.
    pub fn parse(place: &str, text: &str) -> Result<Self, ConfigError> {
        let refuse = |key: &str, problem: String| Err(ConfigError::at(place, key, problem));
        let de = toml::Deserializer::parse(text)
            .map_err(|e| ConfigError::general(place, format!("not valid TOML: {}", e.message())))?;
        let plan: Self = serde_path_to_error::deserialize(de)
            .map_err(|e| ConfigError::at(place, e.path().to_string(), e.inner().message()))?;
        for (i, lane) in plan.lanes.iter().enumerate() {
            if !IDLES.contains(&lane.idle.as_str()) {
                let problem = format!("{:?}; allowed: {}", lane.idle, IDLES.join(", "));
                return refuse(&format!("lane[{i}].idle"), problem);
            }
            for stage in &lane.stages {
                if !STAGES.contains(&stage.as_str()) {
                    let problem = format!("{stage:?}; allowed: {}", STAGES.join(", "));
                    return refuse(&format!("lane[{i}].stages"), problem);
                }
            }
        }
        for stage in STAGES {
            let times = plan.lanes.iter().flat_map(|l| &l.stages).filter(|s| *s == stage).count();
            if times != 1 {
                return refuse("lane", format!("stage {stage} is listed {times} times, not once"));
            }
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_plans_are_sound() {
        for (name, lanes) in [("dedicated", 5), ("paired", 2), ("solo", 1)] {
            let plan = PlanFile::shipped(name).unwrap();
            assert_eq!((plan.name.as_str(), plan.lanes.len()), (name, lanes));
            assert!(PLANS.contains(&name));
            // Only a plan that gives each lane a core of its own asks for more.
            let has_own = name == "dedicated";
            assert_eq!((plan.priority.is_some(), plan.lock_memory), (has_own, has_own));
        }
        assert!(PlanFile::shipped("auto").unwrap_err().to_string().contains("dedicated"));
    }

    #[test]
    fn faults_name_the_place() {
        let all = r#"["feed", "book", "quote", "risk", "dispatch"]"#;
        let parse = |text: String| PlanFile::parse("p.toml", &text).unwrap_err().to_string();
        let e = parse(format!("name = \"x\"\n[[lane]]\nstages = {all}\nidle = \"sleep\""));
        assert_eq!(e, "p.toml: lane[0].idle: \"sleep\"; allowed: spin, backoff, park");
        let e = parse("name = \"x\"\n[[lane]]\nstages = [\"feed\"]\nidle = \"spin\"".to_owned());
        assert!(e.contains("stage book is listed 0 times"), "{e}");
        let e = parse(format!("name = \"x\"\n[[lane]]\nstages = {all}\nidle = \"spin\"\ncpu = 1"));
        assert!(e.contains("lane[0]") && e.contains("cpu"), "{e}");
    }
}
