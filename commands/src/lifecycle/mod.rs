//! Use cases around the bot's life and the product's configuration.

use std::sync::Arc;

use domain::identity::Permission;
use domain::kernel::{Cause, Clock, ProcessId, Singleton};
use domain::lifecycle::{
    Bot, BotCommand, Process, ProcessCommand, Settings, SettingsCommand, SettingsPatch,
};

use crate::CommandError;
use crate::ports::{Caller, Execute, Executed, Loaded};

/// The door to the bot's life.
#[derive(Clone)]
pub struct Lifecycle {
    pub bots: Arc<dyn Execute<Bot>>,
    pub clock: Arc<dyn Clock>,
    pub processes: Arc<dyn Execute<Process>>,
    pub settings: Arc<dyn Execute<Settings>>,
}

impl Lifecycle {
    /// Change the configuration; what is absent stays. What the bot may do to itself needs its own
    /// permission, by this way as by the other.
    pub async fn change_settings(
        &self,
        caller: &Caller,
        version: Option<u64>,
        patch: SettingsPatch,
    ) -> Result<Executed<Settings>, CommandError> {
        caller.require(Permission::ManageConfig)?;
        if patch.touches_self_editing() {
            caller.require(Permission::ManageSelfEditing)?;
        }
        let by = caller.actor().clone();
        self.change(caller, version, SettingsCommand::Change { patch, by, reason: None }).await
    }

    /// Switch self-editing on or off, and say in which scopes and how carefully.
    pub async fn change_self_editing(
        &self,
        caller: &Caller,
        patch: SettingsPatch,
        reason: Option<String>,
    ) -> Result<Executed<Settings>, CommandError> {
        caller.require(Permission::ManageSelfEditing)?;
        let by = caller.actor().clone();
        self.change(caller, None, SettingsCommand::Change { patch, by, reason }).await
    }

    async fn change(
        &self,
        caller: &Caller,
        version: Option<u64>,
        command: SettingsCommand,
    ) -> Result<Executed<Settings>, CommandError> {
        match version {
            Some(version) => {
                self.settings.execute_at(&Singleton, version, command, &caller.cause).await
            }
            None => self.settings.execute(&Singleton, command, &caller.cause).await,
        }
    }

    /// The configuration as it is now.
    pub async fn settings(&self, caller: &Caller) -> Result<Loaded<Settings>, CommandError> {
        caller.require(Permission::ReadConfig)?;
        self.settings.load(&Singleton).await
    }

    /// Leave Discord and come back; without force, work that was begun is finished first.
    pub async fn restart(
        &self,
        caller: &Caller,
        force: bool,
        reason: String,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageBot)?;
        caller.require_fresh(self.clock.now())?;
        let by = caller.actor().clone();
        self.tell(BotCommand::Restart { by, force, reason }, &caller.cause).await
    }

    /// Leave Discord until a restart; everything else stays up.
    pub async fn shutdown(
        &self,
        caller: &Caller,
        force: bool,
        reason: String,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageBot)?;
        caller.require_fresh(self.clock.now())?;
        let by = caller.actor().clone();
        self.tell(BotCommand::Shutdown { by, force, reason }, &caller.cause).await
    }

    /// The bot as it is now.
    pub async fn bot(&self) -> Result<Loaded<Bot>, CommandError> {
        self.bots.load(&Singleton).await
    }

    /// Record that the gateway let the bot in.
    pub async fn connected(
        &self,
        cause: &Cause,
        user: String,
        guilds: u64,
    ) -> Result<u64, CommandError> {
        self.tell(BotCommand::Connect { user, guilds }, cause).await
    }

    /// Record that the gateway let go of the bot.
    pub async fn disconnected(&self, cause: &Cause, reason: String) -> Result<u64, CommandError> {
        self.tell(BotCommand::Disconnect { reason }, cause).await
    }

    /// Record why the bot cannot be on Discord until somebody does something about it.
    pub async fn gave_up(&self, cause: &Cause, reason: String) -> Result<u64, CommandError> {
        self.tell(BotCommand::GiveUp { reason }, cause).await
    }

    async fn tell(&self, command: BotCommand, cause: &Cause) -> Result<u64, CommandError> {
        Ok(self.bots.execute(&Singleton, command, cause).await?.position)
    }

    /// Record how this process fares.
    pub async fn report(
        &self,
        cause: &Cause,
        process: ProcessId,
        command: ProcessCommand,
    ) -> Result<u64, CommandError> {
        Ok(self.processes.execute(&process, command, cause).await?.position)
    }
}
