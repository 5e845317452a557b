//! The operational store: leases with fencing, claims, tickets, checkpoints, snapshots.

use std::sync::Arc;
use std::time::Duration;

use adapters::{MasterKey, OperationalStore, SealedVault};
use chrono::DateTime;
use commands::CommandError;
use commands::ports::{
    Bucket, Checkpoints as _, Claim, IdempotencyKeys, Lease, Leases, Parked, Reached, SharedLimits,
    Snapshot, Snapshots, Taken, Tickets,
};
use domain::kernel::StreamId;
use sea_orm::{ConnectionTrait as _, Statement};
use tests::databases::TestDatabase;
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);

tests::on_each_database! { Durable;
    a_bucket_is_shared_by_all_processes,
    a_claim_is_won_by_one,
    a_claim_that_nobody_works_on_passes_on,
    a_claim_that_was_let_go_or_ran_out_can_be_won_again,
    a_former_holder_moves_no_checkpoint,
    a_lease_goes_to_one_of_many,
    a_lease_is_renewed_given_back_and_handed_over,
    a_ticket_is_taken_once,
    answers_are_kept_sealed_and_given_again,
    snapshots_of_a_longer_log_are_dropped,
    snapshots_only_grow_newer,
    sweeping_removes_what_has_run_out,
    the_live_generation_is_switched_by_one,
    what_a_reactor_parked_waits_for_it,
    what_is_stored_outlives_the_process,
    what_the_dead_held_is_free,
}

async fn a_bucket_is_shared_by_all_processes(database: TestDatabase) {
    let stores = several(&database).await;
    let bucket = Bucket { every: DAY, burst: 5 };
    let tasks: Vec<_> = (0..9)
        .map(|n| {
            let store = Arc::clone(&stores[n % 3]);
            tokio::spawn(async move { store.draw("auth", "192.0.2.1", bucket).await.unwrap() })
        })
        .collect();
    let (mut left, mut waits) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            Taken::Left(count) => left.push(count),
            Taken::Wait(wait) => waits.push(wait),
        }
    }
    left.sort_unstable();
    assert_eq!((left, waits.len()), (vec![0, 1, 2, 3, 4], 4));
    assert!(waits.iter().all(|it| *it <= DAY && *it > DAY * 9 / 10), "{waits:?}");

    let store = &stores[0];
    assert_eq!(store.draw("auth", "192.0.2.2", bucket).await.unwrap(), Taken::Left(4));
    assert_eq!(store.draw("other", "192.0.2.1", bucket).await.unwrap(), Taken::Left(4));
    let quick = Bucket { every: Duration::from_millis(1), burst: 1 };
    for n in 0..100 {
        let taken = store.draw("quick", &format!("{n}"), quick).await.unwrap();
        assert_eq!(taken, Taken::Left(0), "it may fill again while the statement runs");
    }
    assert_eq!(store.draw("quick", "192.0.2.1", quick).await.unwrap(), Taken::Left(0));
    for _ in 0..1_000 {
        // It fills again by itself, and then there is nothing of it to keep.
        if store.sweep().await.unwrap() > 0 {
            assert_eq!(store.draw("quick", "192.0.2.1", quick).await.unwrap(), Taken::Left(0));
            let full = store.draw("auth", "192.0.2.1", bucket).await.unwrap();
            assert!(matches!(full, Taken::Wait(_)), "{full:?}");
            return;
        }
    }
    panic!("a full bucket was never swept");
}

async fn a_lease_is_renewed_given_back_and_handed_over(database: TestDatabase) {
    let store = open(&database).await;
    let first = acquire(&store, "one", DAY).await.unwrap();
    assert_eq!(acquire(&store, "two", DAY).await, None);
    assert_eq!(acquire(&store, "one", DAY).await, Some(first.clone()));
    assert!(store.holds(&first).await.unwrap());

    Leases::release(&store, &first).await.unwrap();
    assert!(!store.holds(&first).await.unwrap());
    let second = acquire(&store, "two", DAY).await.unwrap();
    assert!(second.token > first.token);
    Leases::release(&store, &first).await.unwrap();
    assert!(store.holds(&second).await.unwrap());

    Leases::release(&store, &second).await.unwrap();
    let third = acquire(&store, "two", DAY).await.unwrap();
    assert!(third.token > second.token);
    assert!(!store.holds(&second).await.unwrap());
    let other = store.acquire("another lease", "one", DAY).await.unwrap();
    assert!(other.is_some());
}

async fn a_lease_goes_to_one_of_many(database: TestDatabase) {
    let stores = several(&database).await;
    let mut tokens = Vec::new();
    // In each round others come, and nobody's lease outlasts it.
    for round in 0..5 {
        let tasks: Vec<_> = (0..9)
            .map(|n| {
                let store = Arc::clone(&stores[n % 3]);
                tokio::spawn(async move { acquire(&store, &format!("{round}.{n}"), DAY).await })
            })
            .collect();
        let mut won = Vec::new();
        for task in tasks {
            won.extend(task.await.unwrap());
        }
        let [lease] = won.as_slice() else { panic!("{won:?}") };
        tokens.push(lease.token);
        acquire(&stores[0], &lease.holder, Duration::ZERO).await.unwrap();
    }
    assert!(tokens.is_sorted_by(|one, next| one < next), "{tokens:?}");
}

async fn a_former_holder_moves_no_checkpoint(database: TestDatabase) {
    let (store, other) = (open(&database).await, open(&database).await);
    let former = acquire(&store, "one", Duration::ZERO).await.unwrap();
    store.advance("greeter", at(7), &[], &former).await.unwrap();
    // It ran out, but nobody took it: what its holder does is still in order.
    store.advance("greeter", at(8), &[], &former).await.unwrap();

    let lease = acquire(&other, "two", DAY).await.unwrap();
    let parked = [parked("greeter", 9)];
    let refused = store.advance("greeter", at(9), &parked, &former).await;
    assert!(matches!(refused, Err(CommandError::Conflict)), "{refused:?}");
    assert_eq!(store.read("greeter").await.unwrap(), Some(at(8)));
    assert_eq!(store.parked("greeter", 10).await.unwrap(), []);

    other.advance("greeter", at(9), &parked, &lease).await.unwrap();
    assert_eq!(store.read("greeter").await.unwrap(), Some(at(9)));
    let made_up = Lease { token: lease.token + 1, ..lease.clone() };
    assert!(other.advance("greeter", at(10), &[], &made_up).await.is_err());
    let renamed = Lease { name: "nobody's".to_owned(), ..lease };
    assert!(other.advance("greeter", at(10), &[], &renamed).await.is_err());
    assert_eq!(store.read("another").await.unwrap(), None);
}

async fn what_a_reactor_parked_waits_for_it(database: TestDatabase) {
    let store = open(&database).await;
    let lease = acquire(&store, "one", DAY).await.unwrap();
    let crowd: Vec<_> = (1..=2_500).map(|n| parked("greeter", n)).collect();
    store.advance("greeter", at(2_500), &crowd, &lease).await.unwrap();
    // The earliest is that with the highest number: see below.
    assert_eq!(
        store.parked("greeter", 2).await.unwrap(),
        [parked("greeter", 2_500), parked("greeter", 2_499)]
    );

    let again = Parked { attempts: 2, next_at: DateTime::UNIX_EPOCH, ..parked("greeter", 1) };
    store.park_again(&again, &lease).await.unwrap();
    let lost = Lease { token: lease.token + 1, ..lease.clone() };
    assert!(store.park_again(&again, &lost).await.is_err());
    assert!(store.unpark(&again, &lost).await.is_err());
    assert_eq!(store.parked("greeter", 1).await.unwrap(), std::slice::from_ref(&again));
    // The same event once more, after a restart from an older checkpoint.
    store.advance("greeter", at(2_500), &crowd[..1], &lease).await.unwrap();
    assert_eq!(store.parked("greeter", 9_999).await.unwrap().len(), 2_500);

    store.unpark(&parked("greeter", 2_500), &lease).await.unwrap();
    store.unpark(&Parked { index: 0, ..parked("greeter", 2_499) }, &lease).await.unwrap();
    store.unpark(&parked("another", 2_498), &lease).await.unwrap();
    assert_eq!(store.parked("greeter", 1).await.unwrap(), [parked("greeter", 2_499)]);
    assert_eq!(store.parked("another", 9).await.unwrap(), []);
}

async fn a_claim_is_won_by_one(database: TestDatabase) {
    let stores = several(&database).await;
    let tasks: Vec<_> = (0..9)
        .map(|n| {
            let store = Arc::clone(&stores[n % 3]);
            tokio::spawn(async move { claim(&store, "ana", "post a").await })
        })
        .collect();
    let mut claims = Vec::new();
    for task in tasks {
        claims.push(task.await.unwrap());
    }
    assert_eq!(claims.iter().filter(|it| **it == Claim::Mine).count(), 1, "{claims:?}");
    assert_eq!(claims.iter().filter(|it| **it == Claim::Busy).count(), 8, "{claims:?}");
}

async fn answers_are_kept_sealed_and_given_again(database: TestDatabase) {
    let (store, other) = (open(&database).await, open(&database).await);
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Mine);
    store.keep("ana", "key", b"the answer in clear").await.unwrap();
    let answer = Claim::Answered(b"the answer in clear".to_vec());
    assert_eq!(claim(&other, "ana", "post a").await, answer);
    assert_eq!(claim(&other, "ana", "post b").await, Claim::Different);
    assert_eq!(claim(&other, "ben", "post b").await, Claim::Mine);
    // An answer is not let go of.
    IdempotencyKeys::release(&store, "ana", "key").await.unwrap();
    assert_eq!(claim(&store, "ana", "post a").await, answer);

    let db = database.open().await;
    let sql = "SELECT answer FROM operational_idempotency_keys WHERE answer IS NOT NULL";
    let asked = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(asked).await.unwrap().unwrap();
    let stored: Vec<u8> = row.try_get_by_index(0).unwrap();
    assert!(!stored.windows(8).any(|window| window == b"in clear"));
}

async fn a_claim_that_was_let_go_or_ran_out_can_be_won_again(database: TestDatabase) {
    let store = open(&database).await;
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Mine);
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Busy);
    IdempotencyKeys::release(&store, "ana", "key").await.unwrap();
    assert_eq!(claim(&store, "ana", "post b").await, Claim::Different);
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Mine);

    let brief = store.claim("ben", "key", "post a", Duration::ZERO).await.unwrap();
    assert_eq!(brief, Claim::Mine);
    store.keep("ben", "key", b"old").await.unwrap();
    assert_eq!(claim(&store, "ben", "post b").await, Claim::Mine);
    assert_eq!(claim(&store, "ben", "post b").await, Claim::Busy);
}

async fn a_claim_that_nobody_works_on_passes_on(database: TestDatabase) {
    let (store, other) = (open(&database).await, open(&database).await);
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Mine);
    store.renew("ana", "key").await.unwrap();
    assert_eq!(claim(&other, "ana", "post a").await, Claim::Busy);

    let db = database.open().await;
    let died = "UPDATE operational_idempotency_keys SET leased_until = 1";
    db.execute_unprepared(died).await.unwrap();
    assert_eq!(claim(&other, "ana", "post b").await, Claim::Different);
    assert_eq!(claim(&other, "ana", "post a").await, Claim::Mine);
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Busy);
    other.keep("ana", "key", b"answer").await.unwrap();
    db.execute_unprepared(died).await.unwrap();
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Answered(b"answer".to_vec()));
}

async fn a_ticket_is_taken_once(database: TestDatabase) {
    let stores = several(&database).await;
    Tickets::put(&*stores[0], "ticket", "payload", DAY).await.unwrap();
    let tasks: Vec<_> = (0..9)
        .map(|n| {
            let store = Arc::clone(&stores[n % 3]);
            tokio::spawn(async move { store.take("ticket").await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    assert_eq!(taken, ["payload"]);
    Tickets::put(&*stores[0], "late", "payload", Duration::ZERO).await.unwrap();
    assert_eq!(stores[0].take("late").await.unwrap(), None);
    assert_eq!(stores[0].take("unknown").await.unwrap(), None);
}

async fn sweeping_removes_what_has_run_out(database: TestDatabase) {
    let store = open(&database).await;
    Tickets::put(&store, "late", "payload", Duration::ZERO).await.unwrap();
    Tickets::put(&store, "ticket", "payload", DAY).await.unwrap();
    store.claim("ben", "key", "post a", Duration::ZERO).await.unwrap();
    claim(&store, "ana", "post a").await;
    assert_eq!(store.sweep().await.unwrap(), 2);
    assert_eq!(store.sweep().await.unwrap(), 0);
    assert_eq!(store.take("ticket").await.unwrap().unwrap(), "payload");
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Busy);
}

async fn snapshots_of_a_longer_log_are_dropped(database: TestDatabase) {
    let store = open(&database).await;
    let [short, long] = ["edit.1", "edit.2"].map(|name| StreamId::named(name).unwrap());
    Snapshots::put(&store, &short, snapshot(3, "a")).await.unwrap();
    Snapshots::put(&store, &long, snapshot(4, "a")).await.unwrap();

    store.forget_after(6).await.unwrap();
    assert_eq!(store.get(&short).await.unwrap(), Some(snapshot(3, "a")));
    assert_eq!(store.get(&long).await.unwrap(), None);
}

async fn snapshots_only_grow_newer(database: TestDatabase) {
    let (store, stream) = (open(&database).await, StreamId::named("channel.1").unwrap());
    assert_eq!(store.get(&stream).await.unwrap(), None);
    for (version, schema, kept) in
        [(5, "a", (5, "a")), (4, "a", (5, "a")), (6, "a", (6, "a")), (2, "b", (2, "b"))]
    {
        Snapshots::put(&store, &stream, snapshot(version, schema)).await.unwrap();
        let found = store.get(&stream).await.unwrap();
        assert_eq!(found, Some(snapshot(kept.0, kept.1)));
    }
}

async fn the_live_generation_is_switched_by_one(database: TestDatabase) {
    let (store, other) = (open(&database).await, open(&database).await);
    assert_eq!(store.live_generation().await.unwrap(), None);
    store.set_live_generation(None, 1).await.unwrap();
    let late = other.set_live_generation(None, 2).await;
    assert!(matches!(late, Err(CommandError::Conflict)), "{late:?}");
    other.set_live_generation(Some(1), 2).await.unwrap();
    assert!(store.set_live_generation(Some(1), 3).await.is_err());
    assert_eq!(store.live_generation().await.unwrap(), Some(2));
}

async fn what_the_dead_held_is_free(database: TestDatabase) {
    let store = open(&database).await;
    let dead = acquire(&store, "dead", DAY).await.unwrap();
    claim(&store, "ana", "post a").await;
    claim(&store, "ben", "post a").await;
    store.keep("ben", "key", b"answer").await.unwrap();

    store.bury_the_dead().await.unwrap();
    let heir = acquire(&store, "heir", DAY).await.expect("nobody holds it");
    assert!(heir.token > dead.token && !store.holds(&dead).await.unwrap());
    assert_eq!(claim(&store, "ana", "post a").await, Claim::Mine, "it was never answered");
    assert_eq!(claim(&store, "ben", "post a").await, Claim::Answered(b"answer".to_vec()));
}

async fn what_is_stored_outlives_the_process(database: TestDatabase) {
    let store = open(&database).await;
    let (lease, stream) = (acquire(&store, "one", DAY).await.unwrap(), StreamId::named("edit.1"));
    let stream = stream.unwrap();
    store.advance("greeter", at(7), &[parked("greeter", 7)], &lease).await.unwrap();
    Tickets::put(&store, "ticket", "payload", DAY).await.unwrap();
    store.set_live_generation(None, 1).await.unwrap();
    Snapshots::put(&store, &stream, snapshot(3, "a")).await.unwrap();
    claim(&store, "ana", "post a").await;
    store.keep("ana", "key", b"answer").await.unwrap();
    drop(store);

    let again = open(&database).await;
    assert_eq!(again.read("greeter").await.unwrap(), Some(at(7)));
    assert_eq!(again.parked("greeter", 9).await.unwrap(), [parked("greeter", 7)]);
    assert!(again.holds(&lease).await.unwrap());
    assert_eq!(acquire(&again, "two", DAY).await, None);
    assert_eq!(again.take("ticket").await.unwrap().unwrap(), "payload");
    assert_eq!(again.live_generation().await.unwrap(), Some(1));
    assert_eq!(again.get(&stream).await.unwrap(), Some(snapshot(3, "a")));
    assert_eq!(claim(&again, "ana", "post a").await, Claim::Answered(b"answer".to_vec()));
}

/// The store, with a vault in the same database: both must get along there.
async fn open(database: &TestDatabase) -> OperationalStore {
    let master = MasterKey::new([42; 32]);
    let vault = SealedVault::open(database.open().await, &master).await.expect("a vault");
    let opened = OperationalStore::open(database.open().await, Arc::new(vault)).await;
    opened.expect("a store that opens")
}

/// As many processes would open it: at once.
async fn several(database: &TestDatabase) -> [Arc<OperationalStore>; 3] {
    let (one, two, three) = tokio::join!(open(database), open(database), open(database));
    [one, two, three].map(Arc::new)
}

async fn acquire(store: &OperationalStore, holder: &str, lasts: Duration) -> Option<Lease> {
    store.acquire("projector", holder, lasts).await.expect("an answer")
}

async fn claim(store: &OperationalStore, credential: &str, fingerprint: &str) -> Claim {
    store.claim(credential, "key", fingerprint, DAY).await.expect("an answer")
}

fn at(position: u64) -> Reached {
    Reached { position, commit: Some(Uuid::from_u128(position.into())) }
}

fn parked(reactor: &str, position: u64) -> Parked {
    let later = 1_000_000_000_000 - i64::try_from(position).expect("a small number");
    Parked {
        reactor: reactor.to_owned(),
        position,
        index: 1,
        attempts: 1,
        next_at: DateTime::from_timestamp_millis(later).expect("a time"),
        error: "Discord is away".to_owned(),
    }
}

fn snapshot(version: u64, schema: &str) -> Snapshot {
    Snapshot { version, position: version * 2, schema: schema.to_owned(), body: vec![1, 2, 3] }
}
