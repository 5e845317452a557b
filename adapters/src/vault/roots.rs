//! What all keys of the vault come from: one root, sealed by each master key that opens the vault.
//!
//! So the master key can be changed without anything else being sealed anew: the root is sealed by
//! the new one as well, and later no more by the old one. Processes hold the root in memory and
//! notice nothing. A new vault draws its root at random. One of before there were roots has its
//! master key itself as the root: what was derived from that stays as it was.

use domain::kernel::{CryptError, Key, Sealer as _};
use migrations::begin_alone;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, Set,
};
use zeroize::Zeroizing;

use self::rows::{ActiveModel, Column, Entity, Model};
use super::{SIGNING, SealedVault, VaultError};
use crate::ChaCha20Poly1305;
use crate::master_key::{MasterKey, derive};

/// How the names of sealed roots begin; the name of the master key follows.
const PREFIX: &str = "root/";

/// What a root is sealed under.
const SEALS: &str = "vault: root";

pub(super) mod rows {
    //! What the installation itself needs.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "vault_roots")]
    pub(in crate::vault) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub sealed: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(in crate::vault) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// See the module.
#[derive(PartialEq)]
pub(super) struct Root(Key);

impl Root {
    /// The root of this vault, as this master key opens it; that of an empty vault is drawn.
    pub(super) async fn open(
        db: &DatabaseConnection,
        master: &MasterKey,
    ) -> Result<Self, VaultError> {
        let name = name_under(master);
        if let Some(row) = Entity::find_by_id(name.as_str()).one(db).await? {
            return Self::unseal(master, &row);
        }
        let alone = begin_alone(db).await?;
        if let Some(row) = Entity::find_by_id(name.as_str()).one(&alone).await? {
            return Self::unseal(master, &row);
        }
        if how_many(&alone).await? > 0 {
            return Err(VaultError::OtherMasterKey);
        }
        let root = match Entity::find_by_id(SIGNING).one(&alone).await? {
            Some(signing) => Self::of_before(master, &signing)?,
            None => Self::draw()?,
        };
        root.seal_under(master, &alone).await?;
        alone.commit().await?;
        Ok(root)
    }

    /// The key for one use. Uses differ in name; the names stay for ever.
    pub(super) fn derive(&self, name: &str) -> Key {
        derive(&self.0, name)
    }

    /// That of a vault without roots: the master key, if it is the one that sealed the vault.
    fn of_before(master: &MasterKey, signing: &Model) -> Result<Self, VaultError> {
        let root = Self(master.key().clone());
        let opened =
            ChaCha20Poly1305.open(&root.derive("vault: wrap"), SIGNING.as_bytes(), &signing.sealed);
        opened.map(Zeroizing::new).map_err(|_| VaultError::OtherMasterKey)?;
        Ok(root)
    }

    fn draw() -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0; 32]);
        let none = |_| VaultError::Sealing(CryptError::Vault("no randomness".into()));
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(none)?;
        Ok(Self(Key::new(*bytes)))
    }

    async fn seal_under(
        &self,
        master: &MasterKey,
        db: &impl ConnectionTrait,
    ) -> Result<(), VaultError> {
        let name = name_under(master);
        let sealed = ChaCha20Poly1305.seal(&master.derive(SEALS), name.as_bytes(), self.0.bytes());
        let sealed = Set(sealed.map_err(VaultError::Sealing)?);
        let row = ActiveModel { name: Set(name), sealed };
        let first = OnConflict::new().do_nothing().to_owned();
        Entity::insert(row).on_conflict(first).exec_without_returning(db).await?;
        Ok(())
    }

    fn unseal(master: &MasterKey, row: &Model) -> Result<Self, VaultError> {
        let key = master.derive(SEALS);
        let bytes = ChaCha20Poly1305.open(&key, row.name.as_bytes(), &row.sealed);
        let bytes = Zeroizing::new(bytes.map_err(|_| VaultError::OtherMasterKey)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice());
        bytes.map(|bytes| Self(Key::new(bytes))).map_err(|_| VaultError::OtherMasterKey)
    }
}

impl SealedVault {
    /// From now on this master key opens the vault as well. Doing it again changes nothing.
    pub async fn add_master_key(&self, new: &MasterKey) -> Result<(), VaultError> {
        self.root.seal_under(new, &self.db).await
    }

    /// From now on no other master key opens the vault; answers how many did. Refused unless this
    /// one does.
    pub async fn keep_only_master_key(&self, kept: &MasterKey) -> Result<u64, VaultError> {
        let name = name_under(kept);
        let alone = begin_alone(&self.db).await?;
        let row = Entity::find_by_id(name.as_str()).one(&alone).await?;
        let row = row.ok_or(VaultError::OtherMasterKey)?;
        if Root::unseal(kept, &row)? != self.root {
            return Err(VaultError::OtherMasterKey);
        }
        let others = Entity::delete_many().filter(Column::Name.starts_with(PREFIX));
        let dropped = others.filter(Column::Name.ne(name)).exec(&alone).await?.rows_affected;
        alone.commit().await?;
        self.wipe().await?;
        Ok(dropped)
    }

    /// How many master keys open the vault: more than one while it changes.
    pub async fn master_keys(&self) -> Result<u64, VaultError> {
        Ok(how_many(&self.db).await?)
    }
}

async fn how_many(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    Entity::find().filter(Column::Name.starts_with(PREFIX)).count(db).await
}

fn name_under(master: &MasterKey) -> String {
    format!("{PREFIX}{}", master.name())
}
