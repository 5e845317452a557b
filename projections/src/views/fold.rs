//! A projection is a fold: which rows an event touches, and what they look like after it.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

use async_trait::async_trait;
use domain::kernel::{Person, Recorded};
use sea_orm::{DbErr, Value};

use super::compare::{self, Difference};
use super::rows::{Row, Table, Verb, push};
use super::{Snapshot, Tx, tallies};

/// A row that an event touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch<Key> {
    /// It may be there already, and what is in it counts.
    Changes(Key),
    /// The event makes it, so it is not looked for.
    Creates(Key),
}

/// What a row counts as; none when it is not counted.
pub type CountsAs<Row> = fn(&Row) -> Option<&'static str>;

/// The pure half of a projection whose rows change, tested without a database.
pub trait Fold: Send + Sync + 'static {
    /// Names the table; unchanged once released.
    const NAME: &'static str;
    /// Raised when the same events make other rows than before; leads to a rebuild.
    const VERSION: u32;
    /// Its primary key.
    type Key: Clone + Eq + Hash + Send + Sync;
    /// One row of it.
    type Row: Row + Clone;

    /// The rows an event touches.
    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Self::Key>>;

    /// One of these rows after the event; none when there is no such row.
    fn fold(key: &Self::Key, row: Option<Self::Row>, recorded: &Recorded) -> Option<Self::Row>;

    /// The key as values, in the order of the primary key.
    fn values(key: &Self::Key) -> Vec<Value>;

    /// The key of a row.
    fn key(row: &Self::Row) -> Self::Key;

    /// What a row counts as, of a list whose numbers are asked for; see the table `tallies`.
    const COUNTED: Option<CountsAs<Self::Row>> = None;

    /// Makes what the table holds about a person unreadable.
    fn forget(_: &Person, _: &Tx) -> impl Future<Output = Result<(), DbErr>> + Send {
        async { Ok(()) }
    }
}

/// The pure half of a projection that only ever adds rows.
pub trait Append: Send + Sync + 'static {
    /// Names the table; unchanged once released.
    const NAME: &'static str;
    /// Raised when the same events make other rows than before; leads to a rebuild.
    const VERSION: u32;
    /// One row of it.
    type Row: Row + Clone;

    /// The rows an event adds.
    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Self::Row>;

    /// Makes what the table holds about a person unreadable.
    fn forget(_: &Person, _: &Tx) -> impl Future<Output = Result<(), DbErr>> + Send {
        async { Ok(()) }
    }
}

/// The half that writes, the same for all; what [`all`](crate::all) lists.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Names the table.
    fn name(&self) -> &'static str;

    /// See [`Fold::VERSION`].
    fn version(&self) -> u32;

    /// Folds a batch in memory and writes each touched row once.
    async fn project(&self, batch: &[Recorded], tx: &Tx) -> Result<(), DbErr>;

    /// Makes what the table holds about a person unreadable.
    async fn forget(&self, person: &Person, tx: &Tx) -> Result<(), DbErr>;

    /// The first row in which two generations differ.
    async fn compare(&self, a: &Snapshot, b: &Snapshot) -> Result<Option<Difference>, DbErr>;
}

/// A [`Fold`] that writes.
struct Folded<F> {
    table: Table,
    fold: PhantomData<F>,
}

/// An [`Append`] that writes.
struct Appended<A> {
    table: Table,
    append: PhantomData<A>,
}

/// The fold as a projection.
pub(crate) fn folded<F: Fold>() -> Box<dyn Projection> {
    Box::new(Folded::<F> { table: Table::of::<F::Row>(), fold: PhantomData })
}

/// The list of additions as a projection.
pub(crate) fn appended<A: Append>() -> Box<dyn Projection> {
    Box::new(Appended::<A> { table: Table::of::<A::Row>(), append: PhantomData })
}

/// Rows in the order in which they were first touched, and the events that touch them.
struct Touched<F: Fold> {
    index: HashMap<F::Key, usize>,
    rows: Vec<(F::Key, Option<F::Row>)>,
    /// Event by row.
    steps: Vec<(usize, usize)>,
    /// Rows to look for before anything is folded.
    sought: Vec<usize>,
}

impl<F: Fold> Touched<F> {
    fn by(batch: &[Recorded]) -> Self {
        let mut touched =
            Self { index: HashMap::new(), rows: Vec::new(), steps: Vec::new(), sought: Vec::new() };
        for (event, recorded) in batch.iter().enumerate() {
            for touch in F::touches(recorded) {
                let (key, sought) = match touch {
                    Touch::Changes(key) => (key, true),
                    Touch::Creates(key) => (key, false),
                };
                let row = if let Some(row) = touched.index.get(&key) {
                    *row
                } else {
                    let row = touched.rows.len();
                    touched.index.insert(key.clone(), row);
                    touched.rows.push((key, None));
                    if sought {
                        touched.sought.push(row);
                    }
                    row
                };
                touched.steps.push((event, row));
            }
        }
        touched
    }

    fn fold(&mut self, batch: &[Recorded]) {
        for (event, row) in &self.steps {
            let (key, row) = &mut self.rows[*row];
            *row = F::fold(key, row.take(), &batch[*event]);
        }
    }

    /// Each row as often as this says.
    fn count(&self, changes: &mut tallies::Changes, number: i64) {
        let Some(counts_as) = F::COUNTED else { return };
        for row in self.rows.iter().filter_map(|(_, row)| row.as_ref()) {
            changes.add(counts_as(row), number);
        }
    }
}

#[async_trait]
impl<F: Fold> Projection for Folded<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn version(&self) -> u32 {
        F::VERSION
    }

    async fn project(&self, batch: &[Recorded], tx: &Tx) -> Result<(), DbErr> {
        let mut touched = Touched::<F>::by(batch);
        let mut loaded = Vec::new();
        if !touched.sought.is_empty() {
            let keys = touched.sought.iter().flat_map(|row| F::values(&touched.rows[*row].0));
            for row in self.table.find::<F::Row>(keys.collect(), tx).await? {
                if let Some(at) = touched.index.get(&F::key(&row)).copied() {
                    loaded.push(at);
                    touched.rows[at].1 = Some(row);
                }
            }
        }
        let mut changes = tallies::Changes::default();
        touched.count(&mut changes, -1);
        touched.fold(batch);
        touched.count(&mut changes, 1);
        changes.write(F::NAME, tx).await?;

        let gone = loaded.iter().filter(|row| touched.rows[**row].1.is_none());
        let gone = gone.flat_map(|row| F::values(&touched.rows[*row].0)).collect();
        self.table.delete(gone, tx).await?;

        let mut values = Vec::new();
        for row in touched.rows.into_iter().filter_map(|(_, row)| row) {
            push(row, &mut values);
        }
        self.table.write(Verb::Put, values, tx).await
    }

    async fn forget(&self, person: &Person, tx: &Tx) -> Result<(), DbErr> {
        F::forget(person, tx).await
    }

    async fn compare(&self, a: &Snapshot, b: &Snapshot) -> Result<Option<Difference>, DbErr> {
        let rows = compare::tables::<F::Row>(F::NAME, a, b).await?;
        if rows.is_some() || F::COUNTED.is_none() { Ok(rows) } else { tallies::differ(a, b).await }
    }
}

#[async_trait]
impl<A: Append> Projection for Appended<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn version(&self) -> u32 {
        A::VERSION
    }

    async fn project(&self, batch: &[Recorded], tx: &Tx) -> Result<(), DbErr> {
        let mut values = Vec::new();
        for row in batch.iter().flat_map(A::rows) {
            push(row, &mut values);
        }
        self.table.write(Verb::Insert, values, tx).await
    }

    async fn forget(&self, person: &Person, tx: &Tx) -> Result<(), DbErr> {
        A::forget(person, tx).await
    }

    async fn compare(&self, a: &Snapshot, b: &Snapshot) -> Result<Option<Difference>, DbErr> {
        compare::tables::<A::Row>(A::NAME, a, b).await
    }
}
