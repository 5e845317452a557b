//! `/users/me/links`: one's accounts at providers.

use commands::identity::providers::{Providers, Wish};
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::oauth::{AuthorizationStart, CallbackBody};
use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::auth::{May, needs};
use crate::conditional::IfMatch;
use crate::error::ApiError;
use crate::request;

pub(crate) struct LinksApi {
    pub(crate) providers: Providers,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct LinkWish {
    /// Where to come back to, one of `identity.providers.redirect_uris`; our own callback without.
    #[oai(validator(min_length = 1, max_length = 2048))]
    redirect_uri: Option<String>,
    /// Of who has no second factor and signed in longer than ten minutes ago.
    #[oai(validator(min_length = 1, max_length = 1024))]
    current_password: Option<String>,
}

/// An account at a provider.
#[derive(Object)]
struct LinkView {
    provider: String,
    /// How the provider calls it.
    account: String,
    linked_at: String,
}

#[derive(Object)]
struct LinkList {
    links: Vec<LinkView>,
}

#[derive(Object)]
struct LinkChanged {
    provider: String,
    linked: bool,
}

#[OpenApi(prefix_path = "/api/v1/users/me/links", tag = "Tag::Identity")]
impl LinksApi {
    /// List one's accounts at providers
    #[oai(path = "/", method = "get", operation_id = "listLinks")]
    async fn list(&self, may: May<needs::ReadProfile>) -> Result<Found<LinkList>> {
        let linked = self.providers.linked(&may.caller).await?;
        let links = linked.aggregate.into_iter().map(|link| LinkView {
            provider: link.provider,
            account: link.shown.shown().to_owned(),
            linked_at: request::shown(link.linked_at),
        });
        Ok(Found::of(LinkList { links: links.collect() }).seen_at(Some(linked.version)))
    }

    /// Begin to link an account at a provider
    #[oai(path = "/:provider", method = "post", operation_id = "startLink")]
    async fn start(
        &self,
        may: May<needs::WriteProfile>,
        #[oai(validator(min_length = 1, max_length = 64))] provider: Path<String>,
        body: Json<LinkWish>,
    ) -> Result<Written<AuthorizationStart>> {
        let LinkWish { redirect_uri, current_password } = body.0;
        let wish = Wish { provider: provider.0, redirect_uri, ..Wish::default() };
        let begun = self.providers.link_start(&may.caller, wish, current_password.as_deref());
        Ok(Written::nothing(begun.await?.into()))
    }

    /// Link the account that a provider sent along
    #[oai(path = "/:provider/callback", method = "post", operation_id = "finishLink")]
    async fn finish(
        &self,
        may: May<needs::WriteProfile>,
        #[oai(validator(min_length = 1, max_length = 64))] provider: Path<String>,
        body: Json<CallbackBody>,
    ) -> Result<Written<LinkChanged>> {
        let brought = body.0.brought(provider.0.clone());
        let linked = self.providers.link(&may.caller, &brought).await?;
        let stale = "is unknown, used, older than ten minutes, or of another session; begin again";
        let position = linked.ok_or_else(|| ApiError::field("state", stale))?;
        Ok(Written::at(position, LinkChanged { provider: provider.0, linked: true }))
    }

    /// Unlink an account at a provider
    ///
    /// The last way into one's account stays.
    #[oai(path = "/:provider", method = "delete", operation_id = "unlink")]
    async fn unlink(
        &self,
        may: May<needs::WriteProfile>,
        if_match: IfMatch,
        #[oai(validator(min_length = 1, max_length = 64))] provider: Path<String>,
    ) -> Result<Written<LinkChanged>> {
        let version = if_match.of(self.providers.linked(&may.caller).await?.version)?;
        let position = self.providers.unlink(&may.caller, &provider.0, version).await?;
        Ok(Written::at(position, LinkChanged { provider: provider.0, linked: false }))
    }
}
