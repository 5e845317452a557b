//! Secrets by name, and what else the master key is good for.

use async_trait::async_trait;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, KeyPair as _, UnparsedPublicKey};
use commands::CommandError;
use commands::ports::Vault;
use domain::kernel::Sealer as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, OnConflict};
use sea_orm::{EntityTrait as _, QueryFilter as _, QuerySelect as _, Set};

use self::rows::{ActiveModel, Column, Entity};
use super::SealedVault;
use crate::{ChaCha20Poly1305, hex};

mod rows {
    //! The sealed secrets.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "vault_secrets")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub sealed: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[async_trait]
impl Vault for SealedVault {
    async fn put_secret(&self, name: &str, secret: &[u8]) -> Result<(), CommandError> {
        let sealed =
            ChaCha20Poly1305.seal(&self.wrap, bound_to("secret", name).as_slice(), secret)?;
        let row = ActiveModel { name: Set(name.to_owned()), sealed: Set(sealed) };
        let newest = OnConflict::column(Column::Name).update_column(Column::Sealed).to_owned();
        let put = Entity::insert(row).on_conflict(newest).exec_without_returning(&self.db).await;
        put.map(|_| ()).map_err(CommandError::unavailable)
    }

    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, CommandError> {
        let row = Entity::find_by_id(name).one(&self.db).await;
        let Some(row) = row.map_err(CommandError::unavailable)? else { return Ok(None) };
        let place = bound_to("secret", name);
        Ok(Some(ChaCha20Poly1305.open(&self.wrap, &place, &row.sealed)?))
    }

    async fn delete_secret(&self, name: &str) -> Result<(), CommandError> {
        let deleted = Entity::delete_by_id(name).exec(&self.db).await;
        if deleted.map_err(CommandError::unavailable)?.rows_affected > 0 {
            self.wipe().await.map_err(CommandError::unavailable)?;
        }
        Ok(())
    }

    async fn secrets(&self, prefix: &str) -> Result<Vec<String>, CommandError> {
        let length = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
        // Both databases count characters here; LIKE would know jokers, and SQLite's no case.
        let start = Func::cust("substr").arg(Expr::col(Column::Name)).arg(1_i32).arg(length);
        let names = Entity::find().select_only().column(Column::Name);
        let names = names.filter(Expr::expr(start).eq(prefix)).into_tuple().all(&self.db).await;
        let mut names: Vec<String> = names.map_err(CommandError::unavailable)?;
        names.sort_unstable();
        Ok(names)
    }

    fn index(&self, kind: &str, value: &str) -> String {
        let mut mac = hmac::Context::with_key(&self.index);
        mac.update(&bound_to(kind, value));
        hex::write(mac.sign().as_ref())
    }

    fn seal(&self, place: &str, clear: &[u8]) -> Result<Vec<u8>, CommandError> {
        Ok(ChaCha20Poly1305.seal(&self.answers, place.as_bytes(), clear)?)
    }

    fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, CommandError> {
        Ok(ChaCha20Poly1305.open(&self.answers, place.as_bytes(), sealed)?)
    }

    fn sign(&self, text: &str) -> (String, String) {
        let signature = self.signing.sign(text.as_bytes());
        (self.public_key(), hex::write(signature.as_ref()))
    }

    fn public_key(&self) -> String {
        hex::write(self.signing.public_key().as_ref())
    }

    fn verifies(&self, public_key: &str, text: &str, signature: &str) -> bool {
        let (Some(key), Some(signature)) =
            (hex::read::<32>(public_key), hex::read::<64>(signature))
        else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
    }
}

/// Two texts as one, so that no other two give the same.
fn bound_to(kind: &str, value: &str) -> Vec<u8> {
    let length = u64::try_from(kind.len()).unwrap_or(u64::MAX).to_be_bytes();
    [&length, kind.as_bytes(), value.as_bytes()].concat()
}
