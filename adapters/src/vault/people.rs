//! The keys of people: one for each, made when it is first needed, gone when it is destroyed.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use domain::kernel::{CryptError, Key, KeyId, Keys, Person, Sealer as _};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, Set, TransactionTrait as _,
};
use zeroize::Zeroizing;

use self::rows::{ActiveModel, Column, Entity, Model};
use super::SealedVault;
use crate::ChaCha20Poly1305;

/// How many rows one statement reads or writes; SQLite takes 32,766 values in one.
const ROWS: usize = 5_000;

/// Names a person without showing who it is.
type Index = [u8; 32];

mod rows {
    //! The wrapped keys.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "vault_keys")]
    pub(super) struct Model {
        /// The bits of the key's id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        #[sea_orm(unique)]
        pub person: Vec<u8>,
        pub wrapped: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[async_trait]
impl Keys for SealedVault {
    async fn current(&self, of: &[Person]) -> Result<Vec<(KeyId, Key)>, CryptError> {
        let people: Vec<Index> = of.iter().map(|person| self.index_of(person)).collect();
        // In one order, so that two processes that make the same keys do not wait for each other
        // in a circle.
        let mut missing: BTreeSet<Index> = people.iter().copied().collect();
        let mut found = HashMap::with_capacity(missing.len());
        loop {
            for row in self.rows_of(&missing).await.map_err(vault)? {
                let (person, key) = self.unwrap(&row)?;
                missing.remove(&person);
                found.insert(person, key);
            }
            if missing.is_empty() {
                break;
            }
            // Whoever comes first makes the key; what counts is what is read afterwards.
            self.make(&missing).await?;
        }
        Ok(people.iter().filter_map(|person| found.get(person).cloned()).collect())
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<Option<Key>>, CryptError> {
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(ROWS) {
            let ids = ids.iter().map(|id| id.0.cast_signed());
            let rows = Entity::find().filter(Column::Id.is_in(ids)).all(&self.db).await;
            for row in rows.map_err(vault)? {
                let (_, (id, key)) = self.unwrap(&row)?;
                found.insert(id, key);
            }
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn destroy(&self, of: &Person) -> Result<usize, CryptError> {
        let person = Column::Person.eq(self.index_of(of).to_vec());
        let deleted = Entity::delete_many().filter(person).exec(&self.db).await.map_err(vault)?;
        self.wipe().await.map_err(vault)?;
        Ok(usize::try_from(deleted.rows_affected).unwrap_or(usize::MAX))
    }
}

impl SealedVault {
    fn index_of(&self, person: &Person) -> Index {
        let mut index = [0; 32];
        index.copy_from_slice(hmac::sign(&self.people, person.as_str().as_bytes()).as_ref());
        index
    }

    async fn rows_of(&self, people: &BTreeSet<Index>) -> Result<Vec<Model>, DbErr> {
        let people: Vec<Vec<u8>> = people.iter().map(|person| person.to_vec()).collect();
        let mut rows = Vec::with_capacity(people.len());
        for people in people.chunks(ROWS) {
            let these = Column::Person.is_in(people.iter().cloned());
            rows.extend(Entity::find().filter(these).all(&self.db).await?);
        }
        Ok(rows)
    }

    /// Makes all keys or none, durably, but those that somebody else made meanwhile.
    async fn make(&self, people: &BTreeSet<Index>) -> Result<(), CryptError> {
        let rows = people.iter().map(|person| self.new_row(person));
        let rows = rows.collect::<Result<Vec<_>, CryptError>>()?;
        let transaction = self.db.begin().await.map_err(vault)?;
        for rows in rows.chunks(ROWS) {
            let first = OnConflict::new().do_nothing().to_owned();
            Entity::insert_many(rows.iter().cloned())
                .on_conflict(first)
                .exec_without_returning(&transaction)
                .await
                .map_err(vault)?;
        }
        transaction.commit().await.map_err(vault)
    }

    fn new_row(&self, person: &Index) -> Result<ActiveModel, CryptError> {
        let mut random = Zeroizing::new([0; 40]);
        let filled = aws_lc_rs::rand::fill(random.as_mut_slice());
        filled.map_err(|_| CryptError::Vault("no randomness".into()))?;
        let (id, key) = random.split_at(8);
        let id = id.iter().fold(0, |id, byte| id << 8 | i64::from(*byte));
        let wrapped = ChaCha20Poly1305.seal(&self.wrap, &place(id, person), key)?;
        Ok(ActiveModel { id: Set(id), person: Set(person.to_vec()), wrapped: Set(wrapped) })
    }

    fn unwrap(&self, row: &Model) -> Result<(Index, (KeyId, Key)), CryptError> {
        let person = Index::try_from(row.person.as_slice()).map_err(|_| CryptError::Forged)?;
        let key = ChaCha20Poly1305.open(&self.wrap, &place(row.id, &person), &row.wrapped)?;
        let key = Zeroizing::new(key);
        let bytes = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| CryptError::Forged)?;
        Ok((person, (KeyId(row.id.cast_unsigned()), Key::new(bytes))))
    }
}

/// What a wrapped key is bound to: it cannot be moved to another row or another person.
fn place(id: i64, person: &Index) -> [u8; 50] {
    let mut place = [0; 50];
    place[..10].copy_from_slice(b"person key");
    place[10..18].copy_from_slice(&id.to_be_bytes());
    place[18..].copy_from_slice(person);
    place
}

fn vault(error: DbErr) -> CryptError {
    CryptError::Vault(Box::new(error))
}
