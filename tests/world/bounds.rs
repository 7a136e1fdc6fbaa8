//! Bounds: what must hold at every step of a supervisor, whatever happens.

use launcher::supervise::batch::Charges;
use launcher::supervise::machine::{Probe, RunState};

use super::life::{Life, Wrong};

/// So many that are sent ahead and hear nothing cost nobody an attempt.
const FREE: u32 = 8;

/// What must hold at every step.
pub(crate) fn check(life: &Life<'_>) -> Result<(), Wrong> {
    let machine = &life.machine;
    let most = life.scenario.rules.max_concurrent.get();
    if machine.running() > most {
        return Err(Wrong(format!("{} workers where {most} may run", machine.running())));
    }
    if machine.running() as usize != life.running.len() {
        let (said, real) = (machine.running(), life.running.len());
        return Err(Wrong(format!("the machine believes in {said} workers, {real} run")));
    }
    bounds(life)
}

/// What every attempt and every pause costs is bounded, and who has trouble of its own keeps nobody
/// else waiting.
fn bounds(life: &Life<'_>) -> Result<(), Wrong> {
    let (machine, scenario) = (&life.machine, life.scenario);
    let retries = scenario.rules.retries;
    for (id, batch) in machine.batches() {
        for ticker in batch.left() {
            let Charges { transient, crash, memory } = batch.charges(ticker).unwrap_or_default();
            if transient.max(crash).max(memory) > retries {
                return Err(Wrong(format!(
                    "{ticker} of {id} is tried more often than {retries} retries allow"
                )));
            }
        }
    }
    let RunState::Paused { probe: Probe::Canary { failed, .. }, why, .. } = machine.run() else {
        return Ok(());
    };
    let securities = u32::try_from(scenario.securities.len()).expect("few") + 1;
    let most = FREE + 2 * securities + 3 * securities * (retries + 1);
    if *failed > most {
        return Err(Wrong(format!("{failed} were sent ahead in vain, where {most} are enough")));
    }
    if scenario.has_only_own_trouble() {
        return Err(Wrong(format!("the run waits although nobody has trouble but its own: {why}")));
    }
    Ok(())
}
