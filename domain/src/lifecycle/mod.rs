//! The bot and the processes that carry it: starts, stops, samples and settings.

mod bot;
mod process;
mod settings;

pub use bot::{Bot, BotCommand, BotError, BotEvent, Wanted};
pub use process::{Process, ProcessCommand, ProcessError, ProcessEvent, Sample};
pub use settings::{
    SelfEditingSettings, Settings, SettingsCommand, SettingsError, SettingsEvent, SettingsPatch,
};
