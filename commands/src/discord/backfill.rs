//! Records what was said in a channel while nobody listened.

use domain::discord::{ChannelCommand, ChannelEvent};
use domain::kernel::{Cause, ChannelId, MessageId};

use super::chunks::chunks;
use super::{Observations, Recording};
use crate::CommandError;

/// How often a chunk is tried while others write to the same channel, before its history is read.
const ATTEMPTS: usize = 16;

impl Observations {
    /// Record what was missed, each fact once, however old it is. Up to `complete_to`, nothing is
    /// missing afterwards.
    ///
    /// A channel remembers only its newest messages. What is older than that can be a repeat or
    /// not, because an import may have brought newer ones: then its history is looked at.
    pub async fn backfill_channel(
        &self,
        cause: &Cause,
        channel: ChannelId,
        mut facts: Vec<ChannelEvent>,
        complete_to: Option<MessageId>,
    ) -> Result<Recording, CommandError> {
        self.prepare_keys(&facts).await?;
        facts.extend(complete_to.map(|to| ChannelEvent::CaughtUp { to }));
        let mut recording = Recording::default();
        for (number, facts) in chunks(facts).into_iter().enumerate() {
            let cause = cause.then(&number.to_string());
            if !self.backfill_from_memory(&cause, channel, &facts, &mut recording).await? {
                let mut import = self.begin_import(channel).await?;
                let added = import.record(&cause, facts).await?;
                recording.position = recording.position.max(added.position);
                recording.new += added.messages + added.edits + added.reactions;
            }
        }
        Ok(recording)
    }

    /// Whether it was recorded: not when the channel does not remember enough to do it.
    async fn backfill_from_memory(
        &self,
        cause: &Cause,
        channel: ChannelId,
        facts: &[ChannelEvent],
        recording: &mut Recording,
    ) -> Result<bool, CommandError> {
        for _ in 0..ATTEMPTS {
            let now = self.channels.load(&channel).await?;
            if !facts.iter().all(|fact| now.aggregate.remembers(fact)) {
                return Ok(false);
            }
            let command = ChannelCommand::Observe { facts: facts.to_vec(), complete_to: None };
            match self.channels.execute_at(&channel, now.version, command, cause).await {
                Ok(executed) => {
                    recording.add(&executed);
                    return Ok(true);
                }
                // What it remembers may not be enough any more.
                Err(CommandError::Moved { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
