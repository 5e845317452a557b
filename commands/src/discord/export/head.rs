//! Of which channel and which server an export is.

use std::io::{self, Read};

use domain::discord::{ChannelFact, GuildEvent};
use domain::kernel::{ChannelId, GuildId};

use super::facts::{snowflake, without_place};
use super::reader::{ExportReader, Part};
use super::shape::{ExportedChannel, ExportedGuild};

/// How much of a name is kept, in characters.
const MAX_NAME: usize = 200;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    pub channel: ChannelId,
    pub channel_name: String,
    /// `text`, `thread`, `direct` …
    pub kind: String,
    /// None for direct messages.
    pub guild: Option<GuildId>,
    pub guild_name: String,
}

/// Why an export cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It says who is at fault.
    #[error("{0}")]
    Unfit(String),
}

impl Head {
    /// Reads no further than it has to: exports begin with it.
    pub fn read(input: impl Read) -> Result<Self, HeadError> {
        let mut reader = ExportReader::new(input);
        let (mut guild, mut channel, mut damage) = (None, None, None);
        while let Some(part) = reader.next_part()? {
            match part {
                Part::Member { name, json } if name == "guild" => guild = Some(server(json)?),
                Part::Member { name, json } if name == "channel" => channel = Some(room(json)?),
                Part::Damage(found) if damage.is_none() && found.record.is_none() => {
                    damage = Some(format!("line {}: {}", found.place.line, found.reason));
                }
                Part::Damage(_) | Part::Member { .. } | Part::Record { .. } => {}
            }
            if guild.is_some() && channel.is_some() {
                break;
            }
        }
        let Some((channel, channel_name, kind)) = channel else {
            let reason = "the export does not say of which channel it is".to_owned();
            return Err(HeadError::Unfit(damage.unwrap_or(reason)));
        };
        let (guild, guild_name) = guild.flatten().unzip();
        let guild_name = guild_name.unwrap_or_default();
        Ok(Self { channel, channel_name, kind, guild, guild_name })
    }

    /// What the export says of the server.
    pub fn facts(&self) -> Vec<GuildEvent> {
        let name = self.guild_name.clone();
        let named = (!name.is_empty()).then_some(GuildEvent::Observed { name, member_count: 0 });
        let channel = ChannelFact {
            id: self.channel,
            name: self.channel_name.clone(),
            kind: self.kind.clone(),
        };
        named.into_iter().chain([GuildEvent::ChannelObserved(channel)]).collect()
    }
}

/// None where there is no server: exports of direct messages say 0.
fn server(json: &str) -> Result<Option<(GuildId, String)>, HeadError> {
    let unfit = |reason: String| HeadError::Unfit(format!("guild: {reason}"));
    let guild: Option<ExportedGuild<'_>> =
        serde_json::from_str(json).map_err(|error| unfit(without_place(error)))?;
    let Some(guild) = guild.filter(|guild| !matches!(&*guild.id.0, "" | "0")) else {
        return Ok(None);
    };
    let id = snowflake("id", &guild.id).map_err(unfit)?;
    Ok(Some((GuildId(id), shown(guild.name))))
}

fn room(json: &str) -> Result<(ChannelId, String, String), HeadError> {
    let unfit = |reason: String| HeadError::Unfit(format!("channel: {reason}"));
    let channel: ExportedChannel<'_> =
        serde_json::from_str(json).map_err(|error| unfit(without_place(error)))?;
    let id = snowflake("id", &channel.id).map_err(unfit)?;
    let kind = channel.r#type.as_ref().map_or("other", |kind| kind_of(&kind.0));
    Ok((ChannelId(id), shown(channel.name), kind.to_owned()))
}

fn shown(name: Option<String>) -> String {
    name.unwrap_or_default().chars().take(MAX_NAME).collect()
}

/// By its name, or by its number as older exports have it; in the words that the bot has for what
/// it sees.
fn kind_of(exported: &str) -> &'static str {
    match exported {
        "GuildTextChat" | "0" => "text",
        "DirectTextChat" | "1" => "direct",
        "GuildVoiceChat" | "2" => "voice",
        "DirectGroupTextChat" | "3" => "group",
        "GuildCategory" | "4" => "category",
        "GuildNews" | "5" => "announcement",
        "GuildNewsThread" | "GuildPrivateThread" | "GuildPublicThread" | "10" | "11" | "12" => {
            "thread"
        }
        "GuildStageVoice" | "13" => "stage",
        "GuildDirectory" | "14" => "directory",
        "GuildForum" | "15" => "forum",
        "GuildMedia" | "16" => "media",
        _ => "other",
    }
}
