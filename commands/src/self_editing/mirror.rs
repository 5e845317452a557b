//! Keeps the mirror of the workspace up to date: a commit a revision, in the order of the log.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{
    ActorKind, Codec, Event, EventLog, Expected, Person, Recorded, Singleton, StreamId,
};
use domain::self_editing::{Edit, EditEvent, Workspace, WorkspaceEvent};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::SelfEditing;
use crate::ports::{Mirror, MirrorError, Shown, Standing};
use crate::{CommandError, describe};

/// What stands between the reason of an edit that an AI wrote and the person whose words it holds.
/// A mirror has to know: it forgets the words with the person.
pub const WORDS_OF: &str = "\n\nWords-Of: ";

/// The pause before a mirror or a log that failed is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// How many revisions are read at once.
const PAGE: usize = 64;

/// After how many commits that do not concern it, it notes how far it came.
const NOTED: u64 = 1_000;

/// See the module.
#[derive(Clone)]
pub struct FillMirror {
    pub mirror: Arc<dyn Mirror>,
    pub self_editing: SelfEditing,
}

impl FillMirror {
    /// Runs until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let followed = tokio::select! {
                () = stop.cancelled() => return,
                followed = self.follow() => followed,
            };
            if let Err(error) = followed {
                tracing::warn!(error = %describe(&error), "the mirror stands still, trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn follow(&self) -> Result<(), CommandError> {
        let log = self.self_editing.journal.log().clone();
        let mut noted = self.begin(log.as_ref()).await?;
        let mut pages = log.follow(noted);
        while let Some(page) = pages.next().await {
            let (mut reached, mut concerned) = (noted, false);
            for commit in page?.commits {
                reached = commit.position;
                // What cannot be read is the projector's to complain about.
                let Ok(body) = Codec::parse(&commit) else { continue };
                let Some(stream) = StreamId::named(body.stream.as_ref()) else { continue };
                match stream.kind() {
                    "person" => {
                        self.self_editing.journal.codec().forget_keys();
                        if let Ok(person) = stream.id().parse() {
                            self.forget(person, reached).await?;
                        }
                    }
                    "workspace" => {
                        self.catch_up().await?;
                        concerned = true;
                    }
                    _ => {}
                }
            }
            if concerned || reached - noted >= NOTED {
                self.on(move |mirror| mirror.note(reached)).await?;
                noted = reached;
            }
        }
        Ok(())
    }

    /// Takes the mirror up where it is, or begins anew where it cannot be what the log says. Answers
    /// from where the log has to be followed.
    async fn begin(&self, log: &dyn EventLog) -> Result<u64, CommandError> {
        let head = log.head().await?;
        if let Some((standing, considered)) = self.on(|mirror| mirror.look()).await?
            && considered <= head
            && self.is_of_this_log(standing).await?
        {
            self.on(|mirror| mirror.repair()).await?;
            self.catch_up().await?;
            return Ok(considered);
        }
        self.on(|mirror| mirror.clear()).await?;
        self.catch_up().await?;
        self.on(move |mirror| mirror.note(head)).await?;
        Ok(head)
    }

    /// Whether the log holds the commit that the mirror stands at: an earlier one may be in its place.
    async fn is_of_this_log(&self, it: Standing) -> Result<bool, CommandError> {
        let before = it.position.saturating_sub(1);
        let (events, _) = self.self_editing.journal.read_all(before, 1).await?;
        Ok(events.iter().any(|recorded| {
            recorded.position == it.position
                && matches!(
                    &recorded.event,
                    Event::Workspace(_, WorkspaceEvent::Revised { revision, edit, .. })
                        if *revision == it.revision && *edit == it.edit
                )
        }))
    }

    /// A person was erased: where the mirror holds words of his, it is written anew without them.
    async fn forget(&self, person: Person, position: u64) -> Result<(), CommandError> {
        if !self.on(move |mirror| mirror.names(&person)).await? {
            return Ok(());
        }
        self.on(|mirror| mirror.clear()).await?;
        self.catch_up().await?;
        self.on(move |mirror| mirror.note(position)).await
    }

    /// Adds the revisions that it does not show yet.
    async fn catch_up(&self) -> Result<(), CommandError> {
        let stream = StreamId::of::<Workspace>(&Singleton);
        let mut after = match self.on(|mirror| mirror.look()).await? {
            // Each event of the workspace is one revision.
            Some((Standing { revision, position, .. }, _)) => {
                Expected::Exact { version: revision, position }
            }
            None => Expected::New,
        };
        loop {
            let page = self.self_editing.journal.read_stream(&stream, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Expected::Exact { version: last.version, position: last.position };
            for recorded in page {
                if let Some(shown) = self.shown(recorded).await? {
                    self.on(move |mirror| mirror.add(&shown)).await?;
                }
            }
        }
    }

    async fn shown(&self, recorded: Recorded) -> Result<Option<Shown>, CommandError> {
        let Event::Workspace(_, event) = recorded.event else { return Ok(None) };
        let WorkspaceEvent::Revised { revision, kind, edit, by, changes } = event;
        let stream = StreamId::of::<Edit>(&edit);
        let first = self.self_editing.journal.read_stream(&stream, Expected::New, 1).await?;
        let mut shown = Shown {
            standing: Standing { edit, revision, position: recorded.position },
            kind,
            author: by.clone(),
            by,
            at: recorded.recorded_at,
            scope: None,
            of_type: String::new(),
            reason: String::new(),
            changes: self.self_editing.blobs.open(&changes).await?,
        };
        let first = first.into_iter().next().map(|it| it.event);
        if let Some(Event::Edit(_, EditEvent::Proposed { author, scope, kind, description, .. })) =
            first
        {
            description.shown().clone_into(&mut shown.reason);
            // What an AI's edit is good for is in the words of who asked for it. It always says
            // whose, and nobody else's does: else an author could lay his words at another's door.
            if author.kind == ActorKind::Ai {
                shown.reason.push_str(&format!("{WORDS_OF}{}", description.person()));
            }
            (shown.author, shown.scope, shown.of_type) = (author, Some(scope), kind);
        }
        Ok(Some(shown))
    }

    /// Files take a thread for a moment.
    async fn on<T: Send + 'static>(
        &self,
        act: impl FnOnce(&dyn Mirror) -> Result<T, MirrorError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let mirror = self.mirror.clone();
        let done = tokio::task::spawn_blocking(move || act(&*mirror)).await;
        done.map_err(CommandError::unavailable)?.map_err(CommandError::unavailable)
    }
}
