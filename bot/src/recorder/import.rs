//! Records a page of messages that were said while nobody listened.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::discord::{ChannelEvent, happened_at};
use domain::kernel::{Actor, Cause, MessageId, Source};
use serde_json::Value;
use uuid::Uuid;

use super::lane::Lane;
use super::tools::{count, seen_live};
use crate::gateway::{edited, json, said};

impl Lane {
    /// Records the page, oldest first, and moves the cursor to its end. Answers where that is;
    /// none when it could not be recorded.
    pub(super) async fn import(&self, page: &[Value]) -> Option<MessageId> {
        let end = page.iter().filter_map(|data| json::message(&data["id"])).max()?;
        let answered = self.answered_in(page);
        let mut history = Vec::new();
        for data in page {
            let Some(message) = said(data, self.guild, self.me) else {
                tracing::debug!(channel.id = %self.channel, "a message cannot be read");
                count("unreadable");
                continue;
            };
            let (author, waits) = (message.author, self.waits_for_an_answer(message.id));
            let speaks = message.to_bot && !message.bot && !answered.contains(&message.id);
            let mut facts = vec![ChannelEvent::MessageCreated(message)];
            facts.extend(edited(data).map(|(_, edited)| edited));
            if speaks && waits {
                // Reactors answer what comes from Discord, and leave imports alone.
                self.commit(&imported(), std::mem::take(&mut history), None).await?;
                self.commit(&seen_live(Some(author)), facts, None).await?;
            } else {
                history.append(&mut facts);
            }
        }
        self.commit(&imported(), history, Some(end)).await?;
        Some(end)
    }

    /// What we answered already, though the log may not know of it: an earlier one was put back.
    fn answered_in(&self, page: &[Value]) -> BTreeSet<MessageId> {
        let messages = page.iter().filter_map(|data| said(data, self.guild, self.me));
        messages.filter(|it| it.author == self.me).filter_map(|it| it.reply_to).collect()
    }

    /// Whether whoever said this may still expect an answer.
    fn waits_for_an_answer(&self, id: MessageId) -> bool {
        let age = self.tools.observations.journal.clock().now() - happened_at(id);
        age < TimeDelta::from_std(self.tools.answer_within).unwrap_or(TimeDelta::MAX)
    }

    /// Records history, up to a message or without a word on the cursor.
    pub(super) async fn observe(&self, facts: Vec<ChannelEvent>, to: MessageId) -> bool {
        self.commit(&imported(), facts, Some(to)).await.is_some()
    }

    async fn commit(
        &self,
        cause: &Cause,
        facts: Vec<ChannelEvent>,
        to: Option<MessageId>,
    ) -> Option<()> {
        if facts.is_empty() && to.is_none() {
            return Some(());
        }
        self.tools.backfill_channel(cause, self.channel, facts, to).await.map(drop)
    }
}

fn imported() -> Cause {
    Cause::asked(Actor::system("backfill"), Uuid::now_v7(), Source::Import)
}
