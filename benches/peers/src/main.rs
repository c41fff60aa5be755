//! The standard engine at the grid job, and whether it and the naive simulator say the same.
//!
//! - `peers feed OUT.npy [--seed S --rows N --thick T]`: writes the made feed.
//! - `peers grid FEED.npy [--depth hash|vector] [--queue M] [--half H] [--lots Q] [--fills FILE]`: the job.
//! - `peers prove [--seed S …] [--queue M] [--half H] [--lots Q]`: both, fill by fill; exit code 1 when they differ.
//!
//! Queue models: `risk_averse`, `power:N`, `power2:N`, `power3:N`, `log`, `log2`.

#[path = "../../harness/feed.rs"]
mod feed;
mod grid;
#[path = "../../../tests/grid/naive.rs"]
mod naive;

use grid::Depth;
use naive::{COLUMNS, Fill, Job, Queue};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

const LATENCY_NS: i64 = 60_000_000;

fn main() -> ExitCode {
    match Asked::read(std::env::args().skip(1).collect()).and_then(|asked| asked.run()) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("peers: {why}");
            ExitCode::from(2)
        }
    }
}

/// What was typed.
struct Asked {
    verb: String,
    file: Option<String>,
    spec: feed::Spec,
    depth: Depth,
    job: Job,
    fills: Option<String>,
}

impl Asked {
    fn read(words: Vec<String>) -> Result<Self, Box<dyn Error>> {
        let mut words = words.into_iter();
        let verb = words.next().ok_or("feed, grid or prove?")?;
        let job = Job {
            queue: Queue::RiskAverse,
            half: 16,
            lots: 1000,
            latency_ns: LATENCY_NS,
        };
        let (spec, depth) = (feed::FULL, Depth::Hash);
        let mut asked = Self { verb, file: None, spec, depth, job, fills: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} what?"));
            match word.as_str() {
                "--seed" => asked.spec.seed = value()?.parse()?,
                "--rows" => asked.spec.rows = value()?.parse()?,
                "--thick" => asked.spec.thick = value()?.parse()?,
                "--half" => asked.job.half = value()?.parse()?,
                "--lots" => asked.job.lots = value()?.parse()?,
                "--queue" => asked.job.queue = queue(&value()?)?,
                "--fills" => asked.fills = Some(value()?),
                "--depth" => asked.depth = Depth::read(&value()?)?,
                flag if flag.starts_with("--") => return Err(format!("{flag}?").into()),
                _ => asked.file = Some(word),
            }
        }
        Ok(asked)
    }

    fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        match self.verb.as_str() {
            "feed" => {
                let out = self.file.as_ref().ok_or("which file?")?;
                let rows = feed::write_npy(Path::new(out), self.spec)?;
                println!("rows {rows}");
                Ok(ExitCode::SUCCESS)
            }
            "grid" => {
                let file = self.file.as_ref().ok_or("which file?")?;
                let done = grid::run(grid::data_of(file)?, self.depth, self.job)?;
                println!(
                    "rows {} seconds {:.3} rows_per_s {:.0} fills {} peak_mib {}",
                    done.rows,
                    done.seconds,
                    done.rows as f64 / done.seconds,
                    done.fills.len(),
                    peak_mib()
                );
                if let Some(out) = &self.fills {
                    let lines: String = done.fills.iter().map(|f| format!("{f}\n")).collect();
                    std::fs::write(out, format!("{COLUMNS}\n{lines}"))?;
                }
                Ok(ExitCode::SUCCESS)
            }
            "prove" => self.prove(),
            other => Err(format!("{other}? feed, grid or prove").into()),
        }
    }

    fn prove(&self) -> Result<ExitCode, Box<dyn Error>> {
        let naive = naive::run(feed::rows(self.spec), feed::rows(self.spec), self.job);
        let mut same = true;
        for depth in [Depth::Hash, Depth::Vector] {
            let theirs = grid::run(grid::made(self.spec), depth, self.job)?.fills;
            let of_both = (&naive, &theirs);
            let differs = (0..naive.len().max(theirs.len()))
                .find(|&i| of_both.0.get(i) != of_both.1.get(i));
            println!(
                "{:?} {depth:?}: naive {} fills, theirs {}: {}",
                self.job.queue,
                naive.len(),
                theirs.len(),
                match differs {
                    None => "the same".to_owned(),
                    Some(i) => format!("{i}: {} / {}", at(&naive, i), at(&theirs, i)),
                }
            );
            same &= differs.is_none();
        }
        Ok(ExitCode::from(u8::from(!same)))
    }
}

fn at(fills: &[Fill], i: usize) -> String {
    fills.get(i).map_or("none".to_owned(), Fill::to_string)
}

fn queue(text: &str) -> Result<Queue, Box<dyn Error>> {
    let (name, n) = text.split_once(':').unwrap_or((text, "3"));
    let n: f64 = n.parse()?;
    Ok(match name {
        "risk_averse" => Queue::RiskAverse,
        "power" => Queue::Power(n),
        "power2" => Queue::Power2(n),
        "power3" => Queue::Power3(n),
        "log" => Queue::Log,
        "log2" => Queue::Log2,
        _ => return Err(format!("{text}: no queue model").into()),
    })
}

/// The most memory that this process had at once.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
