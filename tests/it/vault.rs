//! The vault: what it keeps, what it forgets, and whom it refuses.

use std::sync::Arc;

use adapters::{Care, ChaCha20Poly1305, MasterKey, SealedVault, VaultError};
use commands::ports::Vault as _;
use domain::kernel::{CryptError, Key, KeyId, Keys as _, Person, Sealer as _};
use sea_orm::{ConnectionTrait as _, Statement};
use tests::databases::TestDatabase;

const MASTER: [u8; 32] = [42; 32];

/// What was derived from that to seal the vault, before there were roots: HKDF-SHA-256 with the salt
/// `palimpsest`, for `vault: wrap`.
const OLD_WRAP: [u8; 32] = [
    0xa0, 0xc0, 0x0a, 0xca, 0xf7, 0xd2, 0xe0, 0x94, 0x01, 0x17, 0xd1, 0xff, 0xe5, 0xb3, 0x16, 0xdf,
    0x90, 0x80, 0x22, 0x42, 0x51, 0xde, 0x92, 0xc6, 0xce, 0x60, 0xc8, 0x24, 0x8e, 0x9d, 0xa1, 0xa7,
];

tests::on_each_database! { Secret;
    a_change_of_the_master_key_that_was_cut_off_leaves_both_good,
    a_destroyed_key_is_gone_and_its_person_gets_another_one_later,
    a_person_keeps_one_key_in_every_process_and_after_a_restart,
    a_vault_of_before_there_were_roots_is_taken_over,
    a_vault_opens_only_with_its_own_master_key,
    keys_come_in_the_order_that_was_asked,
    processes_that_make_keys_at_once_agree_on_them,
    rows_of_keys_cannot_be_swapped,
    secrets_are_kept_by_name_until_they_are_deleted,
    signatures_are_those_of_one_key_for_ever,
    the_master_key_is_changed_while_processes_run,
    the_tables_show_no_person_key_or_secret,
    values_are_named_the_same_in_one_vault_only,
    what_is_sealed_for_one_place_opens_nowhere_else,
}

async fn a_person_keeps_one_key_in_every_process_and_after_a_restart(database: TestDatabase) {
    let vault = open(&database).await;
    let made = vault.current(&people(3)).await.unwrap();
    assert_eq!(vault.current(&people(3)).await.unwrap(), made);
    assert_eq!(open(&database).await.current(&people(3)).await.unwrap(), made);

    drop(vault);
    let again = open(&database).await;
    assert_eq!(again.current(&people(3)).await.unwrap(), made);
    let ids: Vec<_> = made.iter().map(|(id, _)| *id).collect();
    let keys: Vec<_> = made.into_iter().map(|(_, key)| Some(key)).collect();
    assert_eq!(again.find(&ids).await.unwrap(), keys);
}

async fn keys_come_in_the_order_that_was_asked(database: TestDatabase) {
    let vault = open(&database).await;
    let [ana, ben] = [Person::discord(1), Person::discord(2)];
    let made = vault.current(&[ben.clone(), ana.clone(), ben.clone()]).await.unwrap();
    assert_eq!(made.len(), 3);
    assert_eq!(made[0], made[2]);
    assert_ne!(made[0], made[1]);
    assert_eq!(vault.current(&[ana, ben]).await.unwrap(), [made[1].clone(), made[0].clone()]);

    let unknown = KeyId(u64::MAX);
    let found = vault.find(&[made[1].0, unknown, made[0].0, made[1].0]).await.unwrap();
    let [first, second] = [Some(made[0].1.clone()), Some(made[1].1.clone())];
    assert_eq!(found, [second.clone(), None, first, second]);
    assert_eq!(vault.current(&[]).await.unwrap(), []);
    assert_eq!(vault.find(&[]).await.unwrap(), []);
}

async fn processes_that_make_keys_at_once_agree_on_them(database: TestDatabase) {
    let vaults = [open(&database).await, open(&database).await, open(&database).await];
    let vaults = vaults.map(Arc::new);
    // Each begins at another place, so that they get in each other's way.
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let (vault, mut people) = (Arc::clone(&vaults[n % 3]), people(60));
            people.rotate_left(n * 5);
            tokio::spawn(async move {
                let mut keys = vault.current(&people).await.unwrap();
                keys.rotate_right(n * 5);
                keys
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|keys| *keys == answers[0]));
    assert_eq!(vaults[0].current(&people(60)).await.unwrap(), answers[0]);
}

async fn a_destroyed_key_is_gone_and_its_person_gets_another_one_later(database: TestDatabase) {
    let (vault, other) = (open(&database).await, open(&database).await);
    let crowd = people(500);
    let (ana, ben) = (crowd[7].clone(), crowd[8].clone());
    let keys = vault.current(&crowd).await.unwrap();
    let wrapped = wrapped_key(&database, keys[7].0).await;
    if !database.files().is_empty() {
        assert!(stands_in_files(&database, &wrapped), "or this test would show nothing below");
    }

    assert_eq!(vault.destroy(&ana).await.unwrap(), 1);
    assert_eq!(vault.destroy(&ana).await.unwrap(), 0);
    assert!(!stands_in_files(&database, &wrapped));
    let ids = [keys[7].0, keys[8].0];
    for vault in [&vault, &other] {
        assert_eq!(vault.find(&ids).await.unwrap(), [None, Some(keys[8].1.clone())]);
    }

    let later = other.current(&[ana.clone(), ben]).await.unwrap();
    assert_ne!(later[0].0, keys[7].0);
    assert_ne!(later[0].1, keys[7].1);
    assert_eq!(later[1], keys[8]);
    assert_eq!(vault.current(&[ana]).await.unwrap(), later[..1]);
    assert_eq!(vault.find(&ids[..1]).await.unwrap(), [None]);
}

async fn a_vault_opens_only_with_its_own_master_key(database: TestDatabase) {
    let vault = open(&database).await;
    let made = vault.current(&people(1)).await.unwrap();
    let other = MasterKey::new([43; 32]);
    let error = SealedVault::open(database.open().await, &other).await.unwrap_err();
    assert!(matches!(error, VaultError::OtherMasterKey), "{error}");
    assert!(error.to_string().contains("Start with the master key file that belongs to"));
    assert_eq!(open(&database).await.current(&people(1)).await.unwrap(), made);
}

async fn rows_of_keys_cannot_be_swapped(database: TestDatabase) {
    let vault = open(&database).await;
    let ids = vault.current(&people(2)).await.unwrap().into_iter().map(|(id, _)| id);
    let ids: Vec<_> = ids.collect();
    let [first, second] = [ids[0].0.cast_signed(), ids[1].0.cast_signed()];
    let db = database.open().await;
    for sql in [
        format!(
            "UPDATE vault_keys SET wrapped = (SELECT wrapped FROM vault_keys WHERE id = {first})
             WHERE id = {second}"
        ),
        format!("DELETE FROM vault_keys WHERE id = {second}"),
        format!("UPDATE vault_keys SET id = {second} WHERE id = {first}"),
    ] {
        db.execute_unprepared(&sql).await.unwrap();
        let found = vault.find(&ids[1..]).await;
        let gone = matches!(found.as_deref(), Ok([None]));
        assert!(gone || matches!(found, Err(CryptError::Forged)), "{sql}: {found:?}");
        assert_eq!(gone, sql.starts_with("DELETE"));
    }
}

async fn secrets_are_kept_by_name_until_they_are_deleted(database: TestDatabase) {
    let vault = open(&database).await;
    assert_eq!(vault.secret("api-key/1").await.unwrap(), None);
    for (name, secret) in
        [("api-key/2", "two"), ("api-key/1", "one"), ("api_key/3", "no"), ("API-key/4", "no")]
    {
        vault.put_secret(name, secret.as_bytes()).await.unwrap();
    }
    vault.put_secret("api-key/1", b"one, renewed").await.unwrap();

    let again = open(&database).await;
    assert_eq!(again.secret("api-key/1").await.unwrap().unwrap(), b"one, renewed");
    assert_eq!(again.secrets("api-key/").await.unwrap(), ["api-key/1", "api-key/2"]);
    assert_eq!(again.secrets("%").await.unwrap(), [""; 0]);
    assert_eq!(again.secrets("").await.unwrap().len(), 4);

    again.delete_secret("api-key/1").await.unwrap();
    again.delete_secret("api-key/1").await.unwrap();
    assert_eq!(vault.secret("api-key/1").await.unwrap(), None);
    assert_eq!(vault.secrets("api-key/").await.unwrap(), ["api-key/2"]);

    let moved = "UPDATE vault_secrets SET name = 'api-key/1' WHERE name = 'api-key/2'";
    database.open().await.execute_unprepared(moved).await.unwrap();
    assert!(vault.secret("api-key/1").await.is_err());
}

async fn what_is_sealed_for_one_place_opens_nowhere_else(database: TestDatabase) {
    let vault = open(&database).await;
    let sealed = vault.seal("answer/1", b"in confidence").unwrap();
    assert_eq!(open(&database).await.open("answer/1", &sealed).unwrap(), b"in confidence");
    assert!(vault.open("answer/2", &sealed).is_err());
    assert!(vault.open("answer/1", &sealed[1..]).is_err());
}

async fn values_are_named_the_same_in_one_vault_only(database: TestDatabase) {
    let vault = open(&database).await;
    let name = vault.index("email", "ana@example.org");
    assert_eq!(name.len(), 64);
    assert_eq!(open(&database).await.index("email", "ana@example.org"), name);
    assert_ne!(vault.index("emai", "lana@example.org"), name);
    assert_ne!(vault.index("email", "ana@example.com"), name);
    let other = open(&TestDatabase::sqlite(Care::Secret)).await;
    assert_ne!(other.index("email", "ana@example.org"), name, "its root is another");
}

/// As it was when everything came from the master key itself.
async fn a_vault_of_before_there_were_roots_is_taken_over(database: TestDatabase) {
    let db = database.open().await;
    migrations::migrate::<migrations::Vault>(&db).await.unwrap();
    let sealed = ChaCha20Poly1305.seal(&Key::new(OLD_WRAP), b"signing", &[9; 32]).unwrap();
    let row = "INSERT INTO vault_roots (name, sealed) VALUES ('signing', $1)";
    let backend = db.get_database_backend();
    db.execute_raw(Statement::from_sql_and_values(backend, row, [sealed.into()])).await.unwrap();

    let other = SealedVault::open(database.open().await, &MasterKey::new([43; 32])).await;
    assert!(matches!(other, Err(VaultError::OtherMasterKey)), "{other:?}");
    // What was derived once must be derived for ever: names of streams are made of it.
    let name = "d5f8c4b72fd9bfae196f236579b62ce22b408316d3cb828ab7dd3cf4d7704b08";
    let vault = open(&database).await;
    assert_eq!(vault.index("email", "ana@example.org"), name);
    let made = vault.current(&people(3)).await.unwrap();
    let key = vault.public_key();

    let next = MasterKey::new([44; 32]);
    vault.add_master_key(&next).await.unwrap();
    vault.keep_only_master_key(&next).await.unwrap();
    let vault = SealedVault::open(database.open().await, &next).await.unwrap();
    assert_eq!(vault.index("email", "ana@example.org"), name);
    assert_eq!(vault.current(&people(3)).await.unwrap(), made);
    assert_eq!(vault.public_key(), key);
    let old = SealedVault::open(database.open().await, &MasterKey::new(MASTER)).await;
    assert!(matches!(old, Err(VaultError::OtherMasterKey)), "{old:?}");
}

async fn the_master_key_is_changed_while_processes_run(database: TestDatabase) {
    let running = open(&database).await;
    let made = running.current(&people(3)).await.unwrap();
    running.put_secret("api-key/1", b"before").await.unwrap();
    let (next, stranger) = (MasterKey::new([44; 32]), MasterKey::new([45; 32]));

    let other = open(&database).await;
    assert!(other.keep_only_master_key(&next).await.is_err(), "nobody added it");
    other.add_master_key(&next).await.unwrap();
    other.add_master_key(&next).await.unwrap();
    assert_eq!(other.master_keys().await.unwrap(), 2);
    let new = SealedVault::open(database.open().await, &next).await.unwrap();
    assert_eq!(new.keep_only_master_key(&next).await.unwrap(), 1);
    assert_eq!(new.keep_only_master_key(&next).await.unwrap(), 0);
    for refused in [&MasterKey::new(MASTER), &stranger] {
        let refused = SealedVault::open(database.open().await, refused).await;
        assert!(matches!(refused, Err(VaultError::OtherMasterKey)), "{refused:?}");
    }

    // Whoever ran all the time goes on, and is understood.
    assert_eq!(running.current(&people(4)).await.unwrap()[..3], made);
    running.put_secret("api-key/2", b"after").await.unwrap();
    assert_eq!(new.current(&people(4)).await.unwrap()[..3], made);
    assert_eq!(new.secret("api-key/1").await.unwrap().unwrap(), b"before");
    assert_eq!(new.secret("api-key/2").await.unwrap().unwrap(), b"after");
    assert_eq!(new.index("a", "b"), running.index("a", "b"));
    assert_eq!(new.public_key(), running.public_key());
    let sealed = running.seal("answer/1", b"in confidence").unwrap();
    assert_eq!(new.open("answer/1", &sealed).unwrap(), b"in confidence");
}

async fn a_change_of_the_master_key_that_was_cut_off_leaves_both_good(database: TestDatabase) {
    let made = open(&database).await.current(&people(1)).await.unwrap();
    let next = MasterKey::new([44; 32]);
    // Killed after the next key was added: either one opens the vault, and the change can go on.
    open(&database).await.add_master_key(&next).await.unwrap();
    for key in [&MasterKey::new(MASTER), &next] {
        let vault = SealedVault::open(database.open().await, key).await.unwrap();
        assert_eq!(vault.current(&people(1)).await.unwrap(), made);
    }
    let vault = open(&database).await;
    vault.add_master_key(&next).await.unwrap();
    assert_eq!(vault.keep_only_master_key(&next).await.unwrap(), 1);
    assert_eq!(vault.master_keys().await.unwrap(), 1);
}

async fn signatures_are_those_of_one_key_for_ever(database: TestDatabase) {
    let vault = open(&database).await;
    let (key, signature) = vault.sign("the head");
    let again = open(&database).await;
    assert_eq!(again.sign("another head").0, key);
    assert!(again.verifies(&key, "the head", &signature));
    assert!(!again.verifies(&key, "the hea", &signature));
    let (other, _) = open(&TestDatabase::sqlite(Care::Secret)).await.sign("the head");
    assert_ne!(other, key);
    assert!(!again.verifies(&other, "the head", &signature));
    for bad in ["", "00", &signature[2..], &signature.replace(|it: char| it.is_ascii_digit(), "g")]
    {
        assert!(!again.verifies(&key, "the head", bad));
        assert!(!again.verifies(bad, "the head", &signature));
    }
}

async fn the_tables_show_no_person_key_or_secret(database: TestDatabase) {
    let vault = open(&database).await;
    let person = Person::discord("112233445566778899");
    let keys = vault.current(std::slice::from_ref(&person)).await.unwrap();
    vault.put_secret("installation/1", b"hunter2-hunter2").await.unwrap();
    for secret in [
        person.as_str().as_bytes(),
        b"112233445566778899",
        keys[0].1.bytes(),
        b"hunter2-hunter2",
        &MASTER,
    ] {
        assert!(!stands_in_files(&database, secret));
    }
    assert_eq!(format!("{vault:?} {:?}", keys[0].1), "SealedVault(…) Key(…)");

    let db = database.open().await;
    let asked = Statement::from_string(db.get_database_backend(), "SELECT person FROM vault_keys");
    let row = db.query_one_raw(asked).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<Vec<u8>>(0).unwrap().len(), 32);
}

async fn open(database: &TestDatabase) -> SealedVault {
    let opened = SealedVault::open(database.open().await, &MasterKey::new(MASTER)).await;
    opened.expect("a vault that opens")
}

fn people(count: u64) -> Vec<Person> {
    (0..count).map(Person::discord).collect()
}

async fn wrapped_key(database: &TestDatabase, id: KeyId) -> Vec<u8> {
    let db = database.open().await;
    let sql = format!("SELECT wrapped FROM vault_keys WHERE id = {}", id.0.cast_signed());
    let asked = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(asked).await.expect("an answer").expect("a row");
    row.try_get_by_index(0).expect("bytes")
}

/// Whether the bytes can be found in the database or its journal. PostgreSQL's are not ours to read.
fn stands_in_files(database: &TestDatabase, bytes: &[u8]) -> bool {
    let texts = database.files().into_iter().map(|file| std::fs::read(file).expect("a file"));
    texts.into_iter().any(|text| text.windows(bytes.len()).any(|window| window == bytes))
}
