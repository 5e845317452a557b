//! The form of a commit on disk, and the one place where personal data is sealed and opened.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::event::ReadError;
use super::personal::{Boxed, put_back, take_out};
use super::upcast::{STEPS, current, upcast};
use super::{
    Actor, Cause, CommitId, CryptError, Event, Key, KeyId, Keys, Origin, Person, Personal,
    Recorded, Sealer, Source, StoredCommit, StreamId,
};

/// How many keys are kept in memory; then the table is emptied and fills again.
const CACHED_KEYS: usize = 100_000;

/// One commit as stored for ever: the whole envelope, and the only truth.
#[derive(Debug, Serialize, Deserialize)]
pub struct CommitBody<'a> {
    pub id: Uuid,
    /// `<type>.<id>` of its aggregate.
    pub stream: Cow<'a, str>,
    /// The number of its first event in the stream, from 1.
    pub version: u64,
    pub command: Uuid,
    pub actor: Actor,
    pub correlation: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<(u64, u32)>,
    pub source: Source,
    /// From where the request came: an [`Origin`] as JSON, sealed as personal values are, but
    /// bound to the commit.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<SealedBox<'a>>,
    /// When the writer stamped it.
    pub recorded: DateTime<Utc>,
    #[serde(borrow)]
    pub events: Vec<EventBody<'a>>,
}

/// One event within a commit.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventBody<'a> {
    /// `<aggregate>.<event>`
    pub r#type: Cow<'a, str>,
    /// The version of its form.
    pub v: u32,
    /// When it happened, if that was not when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Its payload; `{"sealed":[p,n]}` stands for the n-th value in the p-th box.
    #[serde(borrow)]
    pub data: Cow<'a, RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<SealedBox<'a>>,
}

/// The personal values of one person in one event.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealedBox<'a> {
    pub of: Person,
    pub key: KeyId,
    /// Nonce, ciphertext and tag of a JSON array, in base64; the event's id is associated data.
    pub r#box: Cow<'a, str>,
}

/// Why a stored commit cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("commit {position}{} cannot be read: {reason}", index.map(|it| format!(", event {it},")).unwrap_or_default())]
pub struct OpenFailure {
    pub position: u64,
    pub index: Option<u32>,
    pub reason: String,
}

/// What decoding came to.
pub(super) enum Decoded {
    Done(Vec<Recorded>),
    /// These keys have to be fetched first.
    Lacks(Vec<KeyId>),
}

/// Turns events into bytes and back.
pub struct Codec {
    pub(super) keys: Arc<dyn Keys>,
    sealer: Arc<dyn Sealer>,
    cache: RwLock<Cache>,
}

#[derive(Default)]
struct Cache {
    /// Raised when keys were destroyed: an answer of the vault to an older question is not kept.
    epoch: u64,
    current: HashMap<Person, (KeyId, Key)>,
    by_id: HashMap<KeyId, Option<Key>>,
}

impl Codec {
    pub fn new(keys: Arc<dyn Keys>, sealer: Arc<dyn Sealer>) -> Self {
        Self { keys, sealer, cache: RwLock::default() }
    }

    /// Forgets every cached key, because a person was erased here or in another process.
    pub fn forget_keys(&self) {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        *cache = Cache { epoch: cache.epoch + 1, ..Cache::default() };
    }

    /// Destroys the keys of a person; what they sealed is unreadable from now on.
    pub async fn erase(&self, person: &Person) -> Result<usize, CryptError> {
        let destroyed = self.keys.destroy(person).await?;
        self.forget_keys();
        Ok(destroyed)
    }

    /// Reads the envelope of a commit, its payloads still sealed.
    pub fn parse(commit: &StoredCommit) -> Result<CommitBody<'_>, OpenFailure> {
        serde_json::from_slice(&commit.body).map_err(|error| OpenFailure {
            position: commit.position,
            index: None,
            reason: error.to_string(),
        })
    }

    /// The bytes of a commit, and the types of its events.
    pub(super) async fn encode(
        &self,
        stream: &StreamId,
        after: u64,
        events: &[Event],
        cause: &Cause,
        recorded: DateTime<Utc>,
    ) -> Result<Encoded, EncodeError> {
        let id = CommitId(Uuid::now_v7());
        let mut types: Vec<String> = Vec::new();
        let mut bodies = Vec::with_capacity(events.len());
        for (index, event) in (0u32..).zip(events) {
            let (data, boxes) = take_out(|| event.payload());
            let name = event.type_name();
            bodies.push(EventBody {
                v: current(STEPS, &name),
                at: event.occurred_at().filter(|at| *at != recorded),
                data: Cow::Owned(data?),
                sealed: self.seal(id.event(index), boxes).await?,
                r#type: Cow::Owned(name.clone()),
            });
            if !types.contains(&name) {
                types.push(name);
            }
        }
        let origin = match cause.origin.as_deref() {
            Some(Personal::Clear { of, value }) => {
                let clear = serde_json::to_vec(value)?;
                Some(self.seal_one(place_of_origin(id.0), of.clone(), &clear).await?)
            }
            Some(Personal::Erased { .. }) | None => None,
        };
        let body = CommitBody {
            id: id.0,
            stream: Cow::Borrowed(stream.as_str()),
            version: after + 1,
            command: cause.command,
            actor: cause.actor.clone(),
            correlation: cause.correlation,
            causation: cause.causation,
            source: cause.source,
            origin,
            recorded,
            events: bodies,
        };
        Ok(Encoded { id, types: types.join(","), body: serde_json::to_vec(&body)? })
    }

    async fn seal(
        &self,
        bound_to: Uuid,
        boxes: Vec<Boxed>,
    ) -> Result<Vec<SealedBox<'static>>, EncodeError> {
        let mut sealed = Vec::with_capacity(boxes.len());
        for Boxed { of, values } in boxes {
            let clear = serde_json::to_vec(&values)?;
            sealed.push(self.seal_one(bound_to, of, &clear).await?);
        }
        Ok(sealed)
    }

    async fn seal_one(
        &self,
        bound_to: Uuid,
        of: Person,
        clear: &[u8],
    ) -> Result<SealedBox<'static>, EncodeError> {
        let (key_id, key) = self.current_key(&of).await?;
        let bytes = self.sealer.seal(&key, bound_to.as_bytes(), clear)?;
        Ok(SealedBox { of, key: key_id, r#box: Cow::Owned(BASE64.encode(bytes)) })
    }

    /// Makes sure of the keys of many people at once, so that sealing for each needs no trip.
    pub async fn prepare(&self, people: &[Person]) -> Result<(), CryptError> {
        let (missing, epoch): (Vec<Person>, u64) = {
            let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
            let missing = people.iter().filter(|it| !cache.current.contains_key(it));
            (missing.cloned().collect(), cache.epoch)
        };
        if missing.is_empty() {
            return Ok(());
        }
        let keys = self.keys.current(&missing).await?;
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if !cache.make_room(epoch) {
            return Ok(());
        }
        for (person, (id, key)) in missing.into_iter().zip(keys) {
            cache.by_id.insert(id, Some(key.clone()));
            cache.current.insert(person, (id, key));
        }
        Ok(())
    }

    async fn current_key(&self, of: &Person) -> Result<(KeyId, Key), CryptError> {
        loop {
            if let Some(found) =
                self.cache.read().unwrap_or_else(PoisonError::into_inner).current.get(of)
            {
                return Ok(found.clone());
            }
            self.prepare(std::slice::from_ref(of)).await?;
        }
    }

    /// Fetches keys to open with.
    pub(super) async fn fetch(&self, ids: &[KeyId]) -> Result<(), CryptError> {
        let epoch = self.cache.read().unwrap_or_else(PoisonError::into_inner).epoch;
        let keys = self.keys.find(ids).await?;
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.make_room(epoch) {
            cache.by_id.extend(ids.iter().copied().zip(keys));
        }
        Ok(())
    }

    /// The events of some commits, or the keys that have to be fetched first.
    pub(super) fn decode(&self, commits: &[StoredCommit]) -> Result<Decoded, OpenFailure> {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        let mut events = Vec::with_capacity(commits.len());
        let mut lacking: Vec<KeyId> = Vec::new();
        for commit in commits {
            let body = Self::parse(commit)?;
            let sealed = body.events.iter().flat_map(|event| &event.sealed);
            let keys = sealed.chain(&body.origin).map(|it| it.key);
            lacking.extend(keys.filter(|key| !cache.by_id.contains_key(key)));
            if lacking.is_empty() {
                self.open(commit.position, &body, &cache, &mut events)?;
            }
        }
        lacking.sort_unstable();
        lacking.dedup();
        Ok(if lacking.is_empty() { Decoded::Done(events) } else { Decoded::Lacks(lacking) })
    }

    fn open(
        &self,
        position: u64,
        body: &CommitBody<'_>,
        cache: &Cache,
        events: &mut Vec<Recorded>,
    ) -> Result<(), OpenFailure> {
        let fail = |index, reason: String| OpenFailure { position, index, reason };
        let stream = StreamId::named(body.stream.as_ref());
        let stream =
            stream.ok_or_else(|| fail(None, format!("“{}” names no stream", body.stream)))?;
        let origin = body.origin.as_ref().map(|it| self.open_origin(body.id, it, cache));
        let origin = origin.transpose().map_err(|reason| fail(None, reason))?;
        for (index, stored) in (0u32..).zip(&body.events) {
            let id = CommitId(body.id).event(index);
            let event = self.open_event(&stream, id, stored, cache);
            let event = event.map_err(|reason| fail(Some(index), reason))?;
            events.push(Recorded {
                id,
                position,
                index,
                recorded_at: body.recorded,
                occurred_at: stored.at.unwrap_or(body.recorded),
                stream: stream.clone(),
                version: body.version + u64::from(index),
                actor: body.actor.clone(),
                command: body.command,
                correlation: body.correlation,
                causation: body.causation,
                source: body.source,
                origin: origin.clone(),
                event,
            });
        }
        Ok(())
    }

    fn open_event(
        &self,
        stream: &StreamId,
        id: Uuid,
        stored: &EventBody<'_>,
        cache: &Cache,
    ) -> Result<Event, String> {
        let boxes = stored.sealed.iter().map(|it| self.unseal(id, it, cache));
        let boxes = boxes.collect::<Result<Vec<_>, String>>()?;

        let name = &*stored.r#type;
        let tree = || serde_json::from_str(stored.data.get());
        let raised = upcast(STEPS, name, stored.v, tree).map_err(|error| error.to_string())?;
        let raised = raised.map(|tree| serde_json::value::to_raw_value(&tree)).transpose();
        let raised = raised.map_err(|error| error.to_string())?;
        let data = raised.as_deref().unwrap_or(&stored.data);

        let unknown = || format!("this program knows no event “{name}”; a newer one wrote it");
        let (kind, variant) = name.split_once('.').ok_or_else(unknown)?;
        if kind != stream.kind() {
            return Err(format!("“{name}” stands in the stream {stream}"));
        }
        let read = put_back(boxes, || Event::read(stream, variant, data));
        read.ok_or_else(unknown)?.map_err(|error: ReadError| format!("{name}: {error}"))
    }

    fn unseal(&self, id: Uuid, sealed: &SealedBox<'_>, cache: &Cache) -> Result<Boxed, String> {
        let clear = self.unseal_one(id, sealed, cache)?;
        let values = clear.map(|clear| serde_json::from_slice(&clear)).transpose();
        Ok(Boxed { of: sealed.of.clone(), values: values.map_err(|error| error.to_string())? })
    }

    fn open_origin(
        &self,
        commit: Uuid,
        sealed: &SealedBox<'_>,
        cache: &Cache,
    ) -> Result<Arc<Personal<Origin>>, String> {
        let of = sealed.of.clone();
        let origin = match self.unseal_one(place_of_origin(commit), sealed, cache)? {
            Some(clear) => {
                let value = serde_json::from_slice(&clear).map_err(|error| error.to_string())?;
                Personal::Clear { of, value }
            }
            None => Personal::Erased { of },
        };
        Ok(Arc::new(origin))
    }

    /// What a box holds; none when its key was destroyed.
    fn unseal_one(
        &self,
        bound_to: Uuid,
        sealed: &SealedBox<'_>,
        cache: &Cache,
    ) -> Result<Option<Vec<u8>>, String> {
        let Some(key) = cache.by_id.get(&sealed.key).and_then(Option::as_ref) else {
            return Ok(None);
        };
        let bytes = BASE64.decode(sealed.r#box.as_bytes()).map_err(|error| error.to_string())?;
        let clear = self.sealer.open(key, bound_to.as_bytes(), &bytes);
        clear.map(Some).map_err(|error| error.to_string())
    }
}

/// What the box of a commit's origin is bound to; no event has this id.
fn place_of_origin(commit: Uuid) -> Uuid {
    Uuid::new_v5(&commit, b"origin")
}

impl Cache {
    /// Whether an answer to a question of this epoch may be kept; makes room for it.
    fn make_room(&mut self, epoch: u64) -> bool {
        if self.by_id.len() >= CACHED_KEYS {
            *self = Self { epoch: self.epoch, ..Self::default() };
        }
        self.epoch == epoch
    }
}

/// A commit in bytes.
pub(super) struct Encoded {
    pub(super) id: CommitId,
    pub(super) types: String,
    pub(super) body: Vec<u8>,
}

/// Why events could not be turned into bytes.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
    #[error(transparent)]
    Crypt(#[from] CryptError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}
