//! Whether the log still is the one that views were built from.

use domain::kernel::{EventLog, LogError};

use super::{Alarm, Checkpoint};

/// Fails when the log does not hold the last commit that the views took in: that one leads from one
/// value of the chain to the other.
pub(super) async fn prove(log: &dyn EventLog, checkpoint: &Checkpoint) -> Result<(), Alarm> {
    let Checkpoint { position, before, chain, .. } = *checkpoint;
    if position == 0 {
        return Ok(());
    }
    let found = log.read_all(position - 1, 1).await?;
    let Some(commit) = found.first() else {
        let head = log.head().await?;
        if head >= position {
            // A replica of the log that lags behind knows less than the leader.
            let lags = format!("commit {position} of {head} cannot be read yet");
            return Err(Alarm::Log(LogError::unavailable(lags)));
        }
        let differs = format!("it ends at commit {head}, the views are at {position}");
        return Err(Alarm::Differs(differs));
    };
    if commit.position != position || before.next(&commit.body) != chain {
        return Err(Alarm::Differs(format!("commit {position} is another one")));
    }
    Ok(())
}
