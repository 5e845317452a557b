//! What people do here, whether or not the bot is there to see it.

use super::{
    dispatches::Dispatch,
    snowflake::Snowflake,
    world::{Guild, Reaction, Ref, Role, World},
};

/// What everybody may do in a new guild: see, write, react, use commands.
const ORDINARY: u64 = 0x8000_0C40 | 1 << 16;

impl World {
    /// A member writes in a channel of his guild.
    pub(super) fn say(
        &mut self,
        channel: &Ref,
        user: &Ref,
        text: &str,
    ) -> Result<Snowflake, String> {
        self.say_in_reply(channel, user, text, None)
    }

    pub(super) fn say_in_reply(
        &mut self,
        channel: &Ref,
        user: &Ref,
        text: &str,
        reply_to: Option<Snowflake>,
    ) -> Result<Snowflake, String> {
        let (channel, user) = (self.channel(channel)?, self.user(user)?);
        let guild = channel.guild.and_then(|guild| self.guilds.get(&guild));
        if guild.is_some_and(|guild| !guild.members.contains_key(&user.id)) {
            return Err(format!("{} cannot write in #{}: not a member", user.name, channel.name));
        }
        let (channel, user) = (channel.id, user.id);
        let mut message = self.draft(channel, user, text.to_owned());
        let original = reply_to.map(|id| self.message(channel, id).ok_or("that message is gone"));
        let author = original.transpose()?.map(|original| original.author);
        message.pings.extend(author.filter(|author| !message.pings.contains(author)));
        message.reply_to = reply_to;
        Ok(self.post(message))
    }

    /// Somebody writes to the bot alone.
    pub(super) fn say_in_dm(&mut self, user: &Ref, text: &str) -> Result<Snowflake, String> {
        let user = self.user(user)?.id;
        let channel = self.direct_channel(user);
        let message = self.draft(channel, user, text.to_owned());
        Ok(self.post(message))
    }

    /// The author changes what he said.
    pub(super) fn edit(&mut self, channel: &Ref, id: Snowflake, text: &str) -> Result<(), String> {
        let (channel, now) = (self.channel(channel)?.id, self.clock.now());
        let pings = self.mentioned_in(text);
        let message = self.message_mut(channel, id).ok_or("that message is gone")?;
        text.clone_into(&mut message.content);
        message.edited_at = Some(now);
        message.pings = pings;
        self.publish_update(channel, id);
        Ok(())
    }

    pub(super) fn delete(&mut self, channel: &Ref, id: Snowflake) -> Result<(), String> {
        let channel = self.channel(channel)?.id;
        if self.remove_message(channel, id) { Ok(()) } else { Err("that message is gone".into()) }
    }

    /// Whether it was there.
    pub(super) fn remove_message(&mut self, channel: Snowflake, id: Snowflake) -> bool {
        let message = self.channels.get_mut(&channel).and_then(|it| it.messages.remove(&id));
        let dispatch = message.as_ref().and_then(|message| Dispatch::message_delete(self, message));
        self.publish(dispatch);
        message.is_some()
    }

    /// React, once: a second time changes nothing.
    pub(super) fn react(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
        user: Snowflake,
        emoji: &str,
    ) {
        let Some(message) = self.message_mut(channel, id) else { return };
        let place = message.reactions.iter().position(|it| it.emoji == emoji);
        let place = place.unwrap_or_else(|| {
            message.reactions.push(Reaction { emoji: emoji.to_owned(), users: Vec::new() });
            message.reactions.len() - 1
        });
        let users = &mut message.reactions[place].users;
        if users.contains(&user) {
            return;
        }
        users.push(user);
        self.publish_reaction("MESSAGE_REACTION_ADD", (channel, id), user, emoji);
    }

    pub(super) fn unreact(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
        user: Snowflake,
        emoji: &str,
    ) {
        let Some(message) = self.message_mut(channel, id) else { return };
        let reaction = message.reactions.iter_mut().find(|it| it.emoji == emoji);
        let Some(users) = reaction.map(|it| &mut it.users).filter(|it| it.contains(&user)) else {
            return;
        };
        users.retain(|it| *it != user);
        message.reactions.retain(|it| !it.users.is_empty());
        self.publish_reaction("MESSAGE_REACTION_REMOVE", (channel, id), user, emoji);
    }

    /// A moderator takes all reactions of a message away, or all with this emoji.
    pub(super) fn unreact_all(&mut self, channel: Snowflake, id: Snowflake, emoji: Option<&str>) {
        let Some(message) = self.message_mut(channel, id) else { return };
        message.reactions.retain(|it| emoji.is_some_and(|emoji| it.emoji != emoji));
        let message = self.message(channel, id);
        let dispatch = message.and_then(|it| Dispatch::reactions_gone(self, it, emoji));
        self.publish(dispatch);
    }

    fn publish_reaction(
        &mut self,
        name: &'static str,
        (channel, id): (Snowflake, Snowflake),
        user: Snowflake,
        emoji: &str,
    ) {
        let message = self.message(channel, id);
        let dispatch = message.and_then(|it| Dispatch::reaction(name, self, it, user, emoji));
        self.publish(dispatch);
    }

    /// Somebody joins, for the first time on this Discord or not.
    pub(super) fn join(&mut self, guild: &Ref, name: &str) -> Result<Snowflake, String> {
        let guild = self.guild(guild)?.id;
        let known = self.user(&Ref::from(name)).map(|user| user.id);
        let user = known.unwrap_or_else(|_| self.add_user(name));
        if self.guilds[&guild].members.contains_key(&user) {
            return Err(format!("{name} is a member already"));
        }
        self.add_member(guild, user);
        if self.bot_is_in(guild) {
            let member = &self.guilds[&guild].members[&user];
            let dispatch = Dispatch::member_add(self, guild, member);
            self.publish([dispatch]);
        }
        Ok(user)
    }

    pub(super) fn leave(&mut self, guild: &Ref, user: &Ref) -> Result<(), String> {
        let (guild, user) = (self.guild(guild)?.id, self.user(user)?.id);
        if user == self.bot() {
            self.remove_bot(guild);
            return Ok(());
        }
        let left = self.guilds.get_mut(&guild).and_then(|guild| guild.members.remove(&user));
        left.ok_or_else(|| format!("{user} is not a member"))?;
        if self.bot_is_in(guild) {
            let dispatch = Dispatch::member_remove(self, guild, user);
            self.publish([dispatch]);
        }
        Ok(())
    }

    /// A guild is made, with one channel, and the bot is invited.
    pub(super) fn create_guild(&mut self, name: &str, owner: &Ref) -> Result<Snowflake, String> {
        let owner = self.user(owner)?.id;
        let id = self.found_guild(name, owner);
        self.add_channel(Some(id), "general".to_owned(), None);
        self.add_member(id, self.bot());
        let dispatch = Dispatch::guild_create(self, &self.guilds[&id], 0);
        self.publish([dispatch]);
        Ok(id)
    }

    pub(super) fn found_guild(&mut self, name: &str, owner: Snowflake) -> Snowflake {
        let id = self.clock.next_id();
        let everyone =
            Role { id, name: "@everyone".to_owned(), permissions: ORDINARY, position: 0 };
        let guild = Guild {
            id,
            name: name.to_owned(),
            owner,
            roles: [(id, everyone)].into(),
            members: [].into(),
        };
        self.guilds.insert(id, guild);
        self.add_member(id, owner);
        id
    }

    pub(super) fn remove_bot(&mut self, guild: Snowflake) {
        let bot = self.bot();
        let left = self.guilds.get_mut(&guild).and_then(|guild| guild.members.remove(&bot));
        self.publish(left.map(|_| Dispatch::guild_delete(guild)));
    }

    pub(super) fn create_role(
        &mut self,
        guild: &Ref,
        name: &str,
        permissions: u64,
    ) -> Result<Snowflake, String> {
        let guild = self.guild(guild)?.id;
        let id = self.clock.next_id();
        let roles = self.guilds.get_mut(&guild).map(|guild| &mut guild.roles);
        let roles = roles.ok_or("the guild is gone")?;
        let position = roles.len();
        roles.insert(id, Role { id, name: name.to_owned(), permissions, position });
        Ok(id)
    }

    /// An administrator gives a role by hand.
    pub(super) fn grant(&mut self, guild: &Ref, user: &Ref, role: Snowflake) -> Result<(), String> {
        let (guild, user) = (self.guild(guild)?.id, self.user(user)?.id);
        let guild_of = self.guilds.get_mut(&guild);
        let member = guild_of.and_then(|guild| guild.members.get_mut(&user));
        let member = member.ok_or_else(|| format!("{user} is not a member"))?;
        member.roles.push(role);
        let member = member.clone();
        let dispatch = Dispatch::member_update(self, guild, &member);
        self.publish([dispatch]);
        Ok(())
    }
}
