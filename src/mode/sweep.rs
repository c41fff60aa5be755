//! `botmm sweep`: a backtest in parts, for any number of processes.

use super::backtest::job;
use crate::backtest;
use crate::cli::{SweepArgs, SweepStep};
use crate::exit::AppError;

/// Runs the verb.
pub fn run(args: &SweepArgs) -> Result<(), AppError> {
    match &args.step {
        SweepStep::Plan(plan) => match &plan.next {
            Some(dir) => backtest::plan_next(dir, &plan.out),
            None => backtest::plan(&job(&plan.job, plan.halving)?, &plan.out),
        },
        SweepStep::Run(run) => backtest::run_task(&run.folder, run.task),
        SweepStep::Reduce(reduce) => {
            backtest::reduce_folder(&reduce.folder, reduce.partial, reduce.json)
        }
    }
}
