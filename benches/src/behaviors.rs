//! Behaviors: an event on its way through a hundred of them, a new revision going live, and
//! rehearsals beside reading the same log.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::sqlite_log::SqliteLog;
use adapters::{CedarPolicies, RhaiScripts};
use anyhow::{Context, Result, ensure};
use commands::behaviors::{Registries, Registry, Seen};
use commands::ports::{Caller, Occasion};
use commands::self_editing::{
    Ending, Past, Proposal, Rehearsals, RehearsedRange, SelfEditing, Suggesting, WATCH_FOR, Wanted,
    Word,
};
use commands::{Blobs, Executors};
use domain::behaviors::Power;
use domain::discord::ChannelEvent;
use domain::identity::Permissions;
use domain::kernel::{
    Actor, Cause, ChainHash, EditId, Event, Journal, Personal, Recorded, Scope, Source,
};
use domain::self_editing::Change;
use futures_util::StreamExt;
use uuid::Uuid;

use crate::desk::Desk;
use crate::figure::{Figure, Unit};
use crate::measure::Bench;
use crate::table::{Goal, Row};
use crate::workload;

const EVENTS: usize = 200_000;
const REVISIONS: usize = 30;
/// How many events are sent on their way through the behaviors.
const SENT: usize = 50_000;

/// A platform with a hundred behaviors, as far as this needs one.
struct Stage {
    journal: Journal,
    registries: Registries,
    rehearsals: Rehearsals,
    self_editing: SelfEditing,
}

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let stage = Stage::open(folder.path(), behaviors()).await?;
    workload::fill(&stage.journal, EVENTS).await?;
    let events = some_events(&stage.journal).await?;
    let registry = stage.registries.now().await?;
    ensure!(registry.all().len() == 100, "{} behaviors", registry.all().len());

    let sent = send(&registry, &events);
    let mut rows = vec![
        Row::new("an event through 100 behaviors", sent),
        Row::new("… its p99", p99(sent)).reaching(Goal::AtMost(1_000.0)),
    ];
    let live = stage.revise().await?;
    rows.push(Row::new("1 of 100 behaviors changed, until live", live));
    rows.push(Row::new("… its p99", p99(live)).reaching(Goal::AtMost(100_000.0)));

    let edit = stage.propose(vec![file("behaviors/every-00.rhai", &every("!!!"))]).await?;
    let (fed, _, by_core) = stage.rehearse(edit).await?;
    let row =
        Row::new("rehearsal of what sees every message, events a second of one core", by_core);
    rows.push(row.reaching(Goal::AtLeast(20_000.0)));
    let ours = async || Ok(stage.rehearse(edit).await?.1);
    let theirs = async || read(&stage.journal, fed).await;
    let pair = bench.in_turns(false, ours, theirs).await?;
    rows.push(Row::new("… on the clock", pair.ours).beside("reading alone", pair.theirs));
    let setting = file("settings/bot.toml", "prefix = \"?\"\n");
    let edit = stage.propose(vec![setting, file("behaviors/every-00.rhai", &every("!!!"))]).await?;
    let by_core = stage.rehearse(edit).await?.2;
    let row = Row::new("rehearsal of an edit of settings, events a second of one core", by_core);
    rows.push(row.reaching(Goal::AtLeast(20_000.0)));

    let folder = tempfile::tempdir()?;
    let stage = Stage::open(folder.path(), palimpsest::starting_workspace()).await?;
    workload::fill(&stage.journal, EVENTS).await?;
    let edit = stage.propose(vec![file("behaviors/every-00.rhai", &every("!!!"))]).await?;
    let by_core = stage.rehearse(edit).await?.2;
    let row =
        Row::new("rehearsal of the workspace that ships, events a second of one core", by_core);
    rows.push(row.reaching(Goal::AtLeast(20_000.0)));
    Ok(rows)
}

impl Stage {
    async fn open(folder: &Path, files: Vec<Change>) -> Result<Self> {
        let log = Arc::new(SqliteLog::open(folder.join("log.db"))?);
        let desk = Desk::open(log, folder).await?;
        let executors = Executors::new(&desk.journal, &desk.snapshots);
        let self_editing = SelfEditing {
            access: Arc::new(tests::stand_ins::Nobody),
            blobs: Blobs::new(executors.blobs.clone(), desk.journal.clone()),
            edits: executors.edits.clone(),
            journal: desk.journal.clone(),
            past: Past::default(),
            policies: Arc::new(CedarPolicies),
            scripts: Arc::new(RhaiScripts::default()),
            settings: executors.settings.clone(),
            suggesting: Suggesting::default(),
            watch_for: WATCH_FOR,
            watches: executors.watches.clone(),
            workspace: executors.workspaces.clone(),
        };
        let cause = Cause::asked(Actor::system("bench"), Uuid::now_v7(), Source::Cli);
        self_editing.seed(&cause, files).await?;
        let registries = Registries::new(self_editing.clone());
        let rehearsals = Rehearsals::new(
            desk.leases.clone(),
            registries.clone(),
            executors.rehearsals.clone(),
            self_editing.clone(),
            Arc::new(palimpsest::surroundings::Views::default()),
        );
        Ok(Self { journal: desk.journal, registries, rehearsals, self_editing })
    }

    async fn propose(&self, files: Vec<Change>) -> Result<EditId> {
        let proposal = Proposal {
            scope: Scope::Features,
            kind: None,
            description: "Another word".to_owned(),
            wanted: Wanted::Files(files),
            base_revision: None,
        };
        Ok(self.self_editing.propose(&somebody("ana"), proposal).await?.0)
    }

    /// How long it takes until a revision that was just made is what events are handled by.
    async fn revise(&self) -> Result<Figure> {
        let mut times = Vec::new();
        for number in 0..REVISIONS {
            let changed = command(7, &number.to_string());
            let edit = self.propose(vec![file("behaviors/command-07.rhai", &changed)]).await?;
            self.self_editing.approve(&somebody("ben"), edit, Word::default()).await?;
            let before = self.registries.now().await?.revision();
            self.self_editing.apply(&somebody("ben"), edit).await?;
            let begun = Instant::now();
            let registry = self.registries.now().await?;
            times.push(begun.elapsed());
            ensure!(registry.revision() == before + 1, "revision {}", registry.revision());
        }
        Ok(Figure::time_of(times))
    }

    /// How many events were fed in, how fast that was, and how fast by the time of one core.
    async fn rehearse(&self, edit: EditId) -> Result<(usize, Figure, Figure)> {
        let range = RehearsedRange { last: Some(1_000_000), ..RehearsedRange::default() };
        let (begun, core) = (Instant::now(), core_time()?);
        let (id, _) = self.rehearsals.start(&somebody("ana"), edit, range).await?;
        let ending = self.rehearsals.ending(id).await?;
        let (took, core) = (begun.elapsed(), core_time()?.saturating_sub(core));
        let Some(Ending::Ended(report)) = ending else { anyhow::bail!("{ending:?}") };
        ensure!(report.differing > 0 && report.errors_after == 0, "{report:?}");
        let fed = usize::try_from(report.events)?;
        Ok((fed, Figure::rate(fed, took), Figure::rate(fed, core)))
    }
}

/// The same events, read and opened, and nothing else.
async fn read(journal: &Journal, fed: usize) -> Result<Figure> {
    let head = journal.log().head().await?;
    let begun = Instant::now();
    let mut pages = journal.follow(0, ChainHash::default());
    while pages.next().await.context("a follower has no end")??.position < head {}
    Ok(Figure::rate(fed, begun.elapsed()))
}

fn send(registry: &Registry, events: &[Recorded]) -> Figure {
    let mut times = Vec::with_capacity(events.len());
    for recorded in events {
        let begun = Instant::now();
        let seen = Seen::of(recorded);
        for called in seen.iter().flat_map(|seen| seen.matches(registry).into_iter()) {
            let Some(seen) = &seen else { continue };
            let (what, args) = (called.what.to_owned(), called.args);
            let occasion = Occasion { what, args, ..seen.occasion.clone() };
            std::hint::black_box(registry.run(&called.live, &occasion).operations);
        }
        times.push(begun.elapsed());
    }
    Figure::time_of(times)
}

/// What was seen on Discord; in some messages people want something of the bot.
async fn some_events(journal: &Journal) -> Result<Vec<Recorded>> {
    let (mut events, mut position) = (Vec::new(), 0);
    while events.len() < SENT {
        let (page, last) = journal.read_all(position, 1_000).await?;
        ensure!(last > position, "the log is too short");
        position = last;
        events.extend(page.into_iter().filter(|it| Seen::of(it).is_some()));
    }
    for (number, recorded) in events.iter_mut().enumerate() {
        let Event::Channel(_, ChannelEvent::MessageCreated(message)) = &mut recorded.event else {
            continue;
        };
        let text = match number % 20 {
            0 => format!("!command-{:02} with some words", number % 60),
            1 | 2 => format!("does somebody know the answer-{:02} and answer-03?", number % 30),
            _ => continue,
        };
        message.content = Personal::of(message.content.person().clone(), text);
    }
    Ok(events)
}

fn behaviors() -> Vec<Change> {
    let behavior = |name: String, source: String| file(&format!("behaviors/{name}.rhai"), &source);
    let commands = (0..60).map(|it| behavior(format!("command-{it:02}"), command(it, "once")));
    let answers = (0..30).map(|it| behavior(format!("answer-{it:02}"), answer(it)));
    let each = (0..10).map(|it| behavior(format!("every-{it:02}"), every(&"!".repeat(it + 10))));
    commands.chain(answers).chain(each).collect()
}

fn file(path: &str, text: &str) -> Change {
    Change { path: path.to_owned(), content: Some(text.to_owned()) }
}

fn command(number: usize, word: &str) -> String {
    let head = format!("kind = \"prefix_command\"\nname = \"command-{number:02}\"");
    script(&head, &format!("reply(`${{event.user.name}} said {word} ${{event.args}}`)"))
}

fn answer(number: usize) -> String {
    let head = format!("kind = \"responder\"\nphrases = [\"answer-{number:02}\"]");
    script(&head, &format!("reply(\"The answer is {number}\")"))
}

/// Looks at every message, and nearly always says nothing.
fn every(sign: &str) -> String {
    let head = "kind = \"reaction\"\non = \"message_created\"";
    let how = format!(
        "if event.text.contains(\"{sign}\") || event.at_s % 97 == {} {{ reply(\"Calm down\") }}",
        sign.len()
    );
    script(head, &how)
}

fn script(head: &str, how: &str) -> String {
    format!(
        "/*\n{head}\ndescription = \"Something\"\npowers = [\"reply\"]\n*/\n\n\
         fn run(event) {{\n    {how}\n}}\n"
    )
}

fn somebody(name: &str) -> Caller {
    let cause = Cause::asked(Actor::api_key(name), Uuid::now_v7(), Source::Api);
    let powers = Power::ALL.iter().copied().collect();
    Caller::new(cause, Permissions::all(), powers)
}

fn p99(figure: Figure) -> Figure {
    let value = figure.p99_us.unwrap_or(f64::NAN);
    Figure { value, unit: Unit::Microseconds, p50_us: None, p99_us: None }
}

/// How long all threads of this process kept a core busy, in ticks of ten milliseconds.
fn core_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').context("Linux tells the time")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
