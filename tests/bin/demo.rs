//! The whole platform on a stand-in for Discord, with a conversation to watch: `just demo`.
//!
//! Shows what happens on Discord and what the log makes of it, then goes on until Ctrl-C, so that
//! a newcomer can look around. `--once` ends after the conversation; the exit code is not 0 when
//! something expected did not happen.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use commands::self_editing::Moment;
use domain::kernel::{ChainHash, Recorded};
use futures_util::StreamExt;
use palimpsest::cli::{Place, ServeArgs};
use palimpsest::config::{Config, Secret};
use palimpsest::data_dir::{DataDir, bootstrap_key};
use palimpsest::platform::Platform;
use serde_json::{Value, json};
use tests::simulators::discord::{DiscordSimulator, Interaction, Message};
use tokio::time::timeout;

/// How long something expected may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A behavior, as somebody would write it.
const GREET: &str = r#"/*
kind = "prefix_command"
name = "greet"
description = "Greet somebody"
powers = ["reply"]
*/

fn run(event) {
    reply(`Hello ${event.args}, says ${event.user.name}`)
}
"#;

/// What one needs to manage a server.
const MANAGE_GUILD: u64 = 1 << 5;

/// Plays a conversation between people and the bot on a stand-in for Discord.
#[derive(Parser)]
struct Args {
    /// End after the conversation.
    #[arg(long)]
    once: bool,
    /// Where the API listens; a free port unless said.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    palimpsest::choose_tls();
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let discord = DiscordSimulator::start().await;

    // Settings of its own: what else is configured on this machine does not matter here.
    let settings = folder.path().join("demo.toml");
    std::fs::write(&settings, "environment = \"demo\"\n")?;
    let place = Place {
        config: Some(settings),
        data_dir: Some(folder.path().join("data")),
        ..Place::default()
    };
    let serve = ServeArgs { listen: Some(args.listen), ..ServeArgs::default() };
    let mut config = Config::read(&place, &serve)?;
    config.discord.token = Secret::from(discord.token());
    config.discord.api_url = discord.url();
    config.conversation.rate_limits.enabled = false;
    let data_dir = DataDir::take_alone(&config.data_dir)?;
    let platform = Platform::start(&config, config.roles()?, None, None, data_dir).await?;

    let names = names(&discord);
    let directory = config.data_dir.clone();
    let mut stage = Stage { names, discord, platform, seen: 0, before: 0, data_dir: directory };
    stage.play().await?;
    if !args.once {
        let key = bootstrap_key(&config.data_dir).context("there is no first key")?;
        let url = stage.platform.url.clone().unwrap_or_default();
        title("Look around; Ctrl-C ends it and removes everything")?;
        tell(format!(
            "  API and documents   {url}/docs\n  \
             everything said     curl -H 'Authorization: Bearer {key}' '{url}/api/v1/history'\n  \
             all edits           curl -H 'Authorization: Bearer {key}' \
             '{url}/api/v1/self-editing/history'\n  \
             speak as ana        curl '{}/_sim/say' -H 'content-type: application/json' -d \
             '{{\"channel\":\"general\",\"user\":\"ana\",\"text\":\"<@{}> hello\"}}'",
            stage.discord.url(),
            stage.discord.bot(),
        ))?;
        tokio::signal::ctrl_c().await?;
    }
    let Stage { platform, discord, .. } = stage;
    platform.shut_down("the demo has ended").await;
    let broken = discord.violations();
    ensure!(broken.is_empty(), "the bot broke Discord's document: {broken:?}");
    Ok(())
}

/// Where the conversation is played.
struct Stage {
    discord: DiscordSimulator,
    platform: Platform,
    /// Who is who on Discord.
    names: HashMap<String, String>,
    /// The newest commit that was shown.
    seen: u64,
    /// The head of the log before the first edit went live.
    before: u64,
    data_dir: PathBuf,
}

impl Stage {
    async fn play(&mut self) -> anyhow::Result<()> {
        title("The bot comes online")?;
        self.log_until("bot.connected").await?;

        title("People chat, and everything is recorded")?;
        self.say("ana", "good morning, everybody")?;
        let asked = self.say("ben", "has anybody seen the tide tables?")?;
        self.discord.react("general", asked, "cleo", "👀");
        tell("  #general  (cleo reacts with 👀)")?;
        self.log_until("channel.reaction_added").await?;

        title("Somebody speaks to the bot")?;
        self.converse("Hello! I am Palimpsest").await?;

        title("Slash commands: a question, and the search in what was said")?;
        let options = json!({ "text": "what can you do" });
        let answer = self.slash("ben", "ask", options).await?;
        self.expect(answer, "I keep a record").await?;
        let seen = self.platform.generations.wait_for(self.seen, PATIENCE).await;
        ensure!(seen, "the read models do not follow the log");
        let found = self.slash("cleo", "history", json!({ "search": "tide" })).await?;
        self.expect(found, "**ben** has anybody seen").await?;
        self.log_until("channel.interaction_answered").await?;

        self.behaviors().await?;
        self.harm().await?;

        title("All read models are built anew from the log, and compared")?;
        let done = self.platform.generations.replay(true, &|_| ()).await?;
        ensure!(done.switched && done.differences.is_empty(), "{:?}", done.differences);
        tell(format!("  rebuilt up to commit {}: equal to what was live", done.position))
    }

    /// A behavior is proposed, checked, rehearsed, approved by a second person and live at once.
    async fn behaviors(&mut self) -> anyhow::Result<()> {
        title("cleo tries a command that nobody has written yet")?;
        self.say("cleo", "!greet ben")?;
        self.log_until("channel.message_created").await?;

        title("ana proposes a behavior for it, which its checks look at")?;
        let id = self.propose("ana", "Greet people", GREET).await?;

        title("She rehearses it: what would have been answered otherwise lately?")?;
        let seen = self.platform.generations.wait_for(self.seen, PATIENCE).await;
        ensure!(seen, "the read models do not follow the log");
        let rehearsed = self.slash("ana", "edit rehearse", json!({ "id": id })).await?;
        self.expect(rehearsed, "otherwise (`greet` 1)").await?;
        self.log_until("rehearsal.ended").await?;

        title("Nobody approves their own edit; ben may, as he manages the server")?;
        let own = self.slash("ana", "edit approve", json!({ "id": id })).await?;
        self.expect(own, "cannot approve their own").await?;
        let chiefs = self.discord.create_role("Scriptorium", "chiefs", MANAGE_GUILD);
        for who in ["ben", "cleo"] {
            self.discord.grant("Scriptorium", who, chiefs);
        }
        self.before = self.platform.stores.journal.log().head().await?;
        let other = self.slash("ben", "edit approve", json!({ "id": id })).await?;
        self.expect(other, "live as revision").await?;
        self.log_until("edit.applied").await?;

        title("The bot behaves differently at once, without a restart")?;
        self.greeted("Hello ben, says cleo").await?;
        self.log_until("behavior.action_settled").await
    }

    /// It is broken on purpose; the watch notices, and everything is put back.
    async fn harm(&mut self) -> anyhow::Result<()> {
        title("ben breaks it on purpose, and cleo approves without looking")?;
        let broken = GREET.replace("Hello ${", "Hello ${event.nobody.name} ${");
        let id = self.propose("ben", "Greet better", &broken).await?;
        let other = self.slash("cleo", "edit approve", json!({ "id": id })).await?;
        self.expect(other, "live as revision").await?;
        let mut answer = None;
        for _ in 0..3 {
            answer = Some(self.greeted("I am sorry").await?);
        }

        title("The bot takes the edit back by itself, and tells those who are behind it")?;
        self.log_until("watch.alarmed").await?;
        self.log_until("edit.rolled_back").await?;
        let told = |it: &Message| it.content.contains(&id);
        let told = self.discord.wait_for_direct_message("cleo", told).await;
        tell(format!("  to cleo   <palimpsest> {}", told.content))?;
        self.greeted("Hello ben, says cleo").await?;

        title("cleo asks why: the message command “Why?” on the answer that failed")?;
        let answer = answer.context("nothing was answered")?;
        let seen = self.platform.stores.journal.log().head().await?;
        self.platform.generations.wait_for(seen, PATIENCE).await;
        let why = self.discord.use_on(&answer, "cleo", "Why?").await;
        self.expect(why, "greet").await?;

        title("ben goes back to how everything was before, after he has seen what that does")?;
        let to = json!({ "to": self.before.to_string() });
        let preview = self.slash("ben", "edit rollback", to).await?.response().await;
        tell(format!("  #general  <palimpsest> {}", preview.text.replace('\n', "\n            ")))?;
        let button = &preview.message.components[0]["components"][0];
        let button = button["custom_id"].as_str().context("the preview has no button")?;
        let form = self.discord.press("ben", &preview.message, button).modal().await;
        let form = form["custom_id"].as_str().context("the form has no id")?.to_owned();
        let fields = [("reason", "enough greeting for today")];
        let sent = self.discord.submit_on("ben", &preview.message, &form, &fields);
        self.expect(sent, "as they were then").await?;
        self.log_until("edit.applied").await?;
        self.mirror().await
    }

    /// What `git log` shows of it, where git is installed.
    async fn mirror(&self) -> anyhow::Result<()> {
        title("Every revision is a commit in the git repository of the workspace")?;
        let folder = self.data_dir.join("workspace");
        let newest = self.platform.use_cases.self_editing.workspace_at(Moment::Now).await?.0;
        let shows = async {
            loop {
                let log = std::process::Command::new("git")
                    .args(["log", "--format=%h %an: %s (revision %(trailers:key=Revision,valueonly,separator=))"])
                    .current_dir(&folder)
                    .output();
                let Ok(log) = log else { return None };
                let log = String::from_utf8_lossy(&log.stdout).into_owned();
                if log.contains(&format!("(revision {})", newest.revision())) {
                    return Some(log);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match timeout(PATIENCE, shows).await.context("the mirror does not follow")? {
            Some(log) => tell(format!("  {}", log.trim_end().replace('\n', "\n  "))),
            None => tell(format!("  (git is not installed here; it is in {})", folder.display())),
        }
    }

    /// Proposes the content of the behavior by the form; answers the edit's id.
    async fn propose(&mut self, who: &str, what: &str, content: &str) -> anyhow::Result<String> {
        let file = "behaviors/greet.rhai";
        let wish = json!({ "file": file, "description": what });
        self.slash(who, "edit propose", wish).await?.modal().await;
        let fields = [("file", file), ("description", what), ("content", content)];
        let sent = self.discord.submit("general", who, "edit propose", &fields);
        let shown = self.expect(sent, "is checked").await?;
        self.log_until("edit.checks_passed").await?;
        Ok(shown.split('`').nth(1).context("the proposal shows no id")?.to_owned())
    }

    /// Cleo greets ben by the behavior, and this is what comes of it.
    async fn greeted(&mut self, expected: &str) -> anyhow::Result<Message> {
        let asked = self.say("cleo", "!greet ben")?;
        let answers = |it: &Message| it.reply_to == Some(asked);
        let answer = self.discord.wait_for_message("general", answers).await;
        tell(format!("  #general  <palimpsest> {}", answer.content))?;
        ensure!(answer.content.contains(expected), "the answer should be “{expected}”");
        Ok(answer)
    }

    /// Ana greets the bot, and it answers with this.
    async fn converse(&mut self, expected: &str) -> anyhow::Result<()> {
        let text = format!("<@{}> hello", self.discord.bot());
        let asked = self.say("ana", &text)?;
        let answers = |it: &Message| it.reply_to == Some(asked);
        let answer = self.discord.wait_for_message("general", answers).await;
        tell(format!("  #general  <palimpsest> {}", answer.content))?;
        ensure!(answer.content.contains(expected), "the answer should be “{expected}”");
        self.log_until("conversation.answer_settled").await
    }

    fn say(&self, who: &str, text: &str) -> anyhow::Result<tests::simulators::discord::Snowflake> {
        let bot = format!("<@{}>", self.discord.bot());
        tell(format!("  #general  <{who}> {}", text.replace(&bot, "@palimpsest")))?;
        Ok(self.discord.say("general", who, text))
    }

    async fn slash(&self, who: &str, path: &str, options: Value) -> anyhow::Result<Interaction> {
        tell(format!("  #general  <{who}> /{path} {options}"))?;
        Ok(self.discord.slash("general", who, path, options).await)
    }

    async fn expect(&self, asked: Interaction, expected: &str) -> anyhow::Result<String> {
        let response = asked.response().await;
        let private = if response.ephemeral { " (to one alone)" } else { "" };
        for line in response.text.lines() {
            tell(format!("  #general  <palimpsest>{private} {line}"))?;
        }
        ensure!(response.text.contains(expected), "the answer should hold “{expected}”");
        Ok(response.text)
    }

    /// Shows what the log got, until an event of this type.
    async fn log_until(&mut self, wanted: &str) -> anyhow::Result<()> {
        let mut pages = self.platform.stores.journal.follow(self.seen, ChainHash::default());
        loop {
            let page = timeout(PATIENCE, pages.next()).await;
            let page = page.with_context(|| format!("{wanted} did not happen"))?;
            let page = page.context("the log ended")??;
            for recorded in &page.events {
                tell(self.line(recorded))?;
                self.seen = recorded.position;
            }
            if page.events.iter().any(|it| it.event.type_name() == wanted) {
                return Ok(());
            }
        }
    }

    fn line(&self, Recorded { position, event, actor, .. }: &Recorded) -> String {
        let who = self.names.get(&actor.id).unwrap_or(&actor.id);
        format!("  log {position:>4}  {:<32} by {} {who}", event.type_name(), actor.kind.as_ref())
    }
}

fn names(discord: &DiscordSimulator) -> HashMap<String, String> {
    let people = ["ana", "ben", "cleo", "palimpsest"];
    people.map(|name| (discord.user(name).id.to_string(), name.to_owned())).into()
}

fn title(text: &str) -> anyhow::Result<()> {
    tell(format!("\n== {text}"))
}

fn tell(text: impl Display) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
