//! The vault: keys of people and secrets by name, in a database, sealed by keys that come from one root,
//! which the master key seals.

mod people;
mod roots;
mod secrets;

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use domain::kernel::{CryptError, Key, Sealer as _};
use migrations::migrate;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, EntityTrait as _, Set};
use zeroize::Zeroizing;

use self::roots::{Root, rows};
use crate::{ChaCha20Poly1305, MasterKey};

/// What the signing key is bound to. A vault of before there were roots knows its master key by it.
const SIGNING: &str = "signing";

/// See the module. Holds the sub-keys of its root and no key of any person.
pub struct SealedVault {
    db: DatabaseConnection,
    /// Seals what the caller keeps elsewhere: answers, tickets.
    answers: Key,
    /// Names values that are stored elsewhere.
    index: hmac::Key,
    /// Names people in the vault.
    people: hmac::Key,
    /// To be sealed under another master key.
    root: Root,
    signing: Ed25519KeyPair,
    /// Seals what the vault holds.
    wrap: Key,
}

/// Why a vault was not opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the database of the vault: {0}")]
    Database(#[from] DbErr),
    #[error(
        "this vault was sealed with another master key, and nothing in it can be read with this \
         one. Start with the master key file that belongs to this vault, or put back the vault \
         that belongs to this master key (the two belong in one backup, in two places). Nothing \
         was changed; a master key file that was made at this start can be deleted"
    )]
    OtherMasterKey,
    #[error("the vault cannot seal: {0}")]
    Sealing(#[source] CryptError),
}

impl SealedVault {
    /// Opens a vault, or lays out an empty one. The database should be opened with
    /// [`Care::Secret`](crate::Care::Secret).
    pub async fn open(db: DatabaseConnection, master: &MasterKey) -> Result<Self, VaultError> {
        migrate::<migrations::Vault>(&db).await?;
        let root = Root::open(&db, master).await?;
        let wrap = root.derive("vault: wrap");
        let signing = signing_key(&db, &wrap).await?;
        let mac = |name| hmac::Key::new(hmac::HMAC_SHA256, root.derive(name).bytes());
        Ok(Self {
            answers: root.derive("vault: answers"),
            index: mac("vault: index"),
            people: mac("vault: people"),
            root,
            signing,
            wrap,
            db,
        })
    }

    /// After something was deleted: takes it out of SQLite's journal too, where it would stand
    /// until the journal is written over. PostgreSQL keeps deleted rows until it vacuums, and
    /// its own journal as long as it was told to; both hold nothing but sealed keys.
    async fn wipe(&self) -> Result<(), DbErr> {
        if self.db.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        let asked = "PRAGMA wal_checkpoint(TRUNCATE)";
        let asked = sea_orm::Statement::from_string(DbBackend::Sqlite, asked);
        let answer = self.db.query_one_raw(asked).await?;
        let busy = answer.map_or(Ok(0), |row| row.try_get_by_index::<i32>(0))?;
        if busy != 0 {
            tracing::warn!("another process reads the vault; its journal is wiped later");
        }
        Ok(())
    }
}

/// The installation's signing key: made at the first start, the same for every process.
async fn signing_key(db: &DatabaseConnection, wrap: &Key) -> Result<Ed25519KeyPair, VaultError> {
    let cannot = || VaultError::Sealing(CryptError::Vault("no signing key can be made".into()));
    let find = || rows::Entity::find_by_id(SIGNING).one(db);
    let sealed = if let Some(row) = find().await? {
        row.sealed
    } else {
        let mut seed = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(seed.as_mut_slice()).map_err(|_| cannot())?;
        let sealed = ChaCha20Poly1305.seal(wrap, SIGNING.as_bytes(), seed.as_slice());
        let sealed = sealed.map_err(VaultError::Sealing)?;
        let row = rows::ActiveModel { name: Set(SIGNING.to_owned()), sealed: Set(sealed) };
        let first = OnConflict::new().do_nothing().to_owned();
        rows::Entity::insert(row).on_conflict(first).exec_without_returning(db).await?;
        let missing = || DbErr::RecordNotFound("vault_roots".to_owned());
        find().await?.ok_or_else(missing)?.sealed
    };
    let seed = ChaCha20Poly1305.open(wrap, SIGNING.as_bytes(), &sealed);
    let seed = Zeroizing::new(seed.map_err(|_| VaultError::OtherMasterKey)?);
    Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| cannot())
}

impl fmt::Debug for SealedVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedVault(…)")
    }
}
