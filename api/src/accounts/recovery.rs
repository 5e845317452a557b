//! `/auth/password` and `/auth/email`: new passwords and addresses.

use commands::identity::accounts::Accounts;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::visitor::Visitor;
use crate::Tag;
use crate::answer::{Accepted, Found, Result, Written};
use crate::auth::{May, needs};
use crate::request;

pub(crate) struct RecoveryApi {
    pub(crate) accounts: Accounts,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PasswordChange {
    #[oai(validator(min_length = 1, max_length = 1024))]
    old_password: String,
    #[oai(validator(min_length = 1, max_length = 1024))]
    new_password: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct Forgotten {
    #[oai(validator(min_length = 1, max_length = 320))]
    email: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PasswordReset {
    /// What the mailed link ends with.
    #[oai(validator(min_length = 1, max_length = 256))]
    token: String,
    #[oai(validator(min_length = 1, max_length = 1024))]
    new_password: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct EmailChange {
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: String,
    #[oai(validator(min_length = 1, max_length = 320))]
    email: String,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct Verification {
    /// What the mailed link ends with.
    #[oai(validator(min_length = 1, max_length = 256))]
    token: String,
}

#[derive(Object)]
struct PasswordChanged {
    changed: bool,
}

/// A link is on its way, if there is somebody to get it.
#[derive(Object)]
struct LinkSent {
    /// How long it is good, in seconds.
    expires_in: u64,
}

#[derive(Object)]
struct EmailVerified {
    verified: bool,
}

/// A link that nobody could mail.
#[derive(Object)]
struct PendingLinkView {
    user_id: Uuid,
    /// `reset-password` or `verify-email`.
    purpose: String,
    url: String,
    /// What the link ends with, for `POST /auth/password/reset` or `/auth/email/verify`.
    token: String,
    expires_at: String,
}

#[derive(Object)]
struct PendingLinks {
    links: Vec<PendingLinkView>,
}

const LINK_LASTS: u64 = 1_800;

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Identity")]
impl RecoveryApi {
    /// Change one's password
    ///
    /// All other sessions end.
    #[oai(path = "/password/change", method = "post", operation_id = "changePassword")]
    async fn change(
        &self,
        may: May<needs::WriteProfile>,
        body: Json<PasswordChange>,
    ) -> Result<Written<PasswordChanged>> {
        let PasswordChange { old_password, new_password } = body.0;
        let changed = self.accounts.change_password(&may.caller, &old_password, &new_password);
        let position = changed.await?;
        let answer = Written::at(position, PasswordChanged { changed: true });
        Ok(answer.saying("the password is changed; all other sessions have ended"))
    }

    /// Ask for a link to a new password
    ///
    /// The answer is the same whether there is such an account.
    #[oai(path = "/password/forgot", method = "post", operation_id = "forgotPassword")]
    async fn forgot(&self, visitor: Visitor, body: Json<Forgotten>) -> Result<Accepted<LinkSent>> {
        self.accounts.forget_password(&visitor.cause, &body.0.email).await?;
        let answer = Accepted::begun(LinkSent { expires_in: LINK_LASTS });
        Ok(answer.saying("if there is such an account, a link is on its way"))
    }

    /// Set a new password by a link
    ///
    /// All sessions end; it lets nobody in.
    #[oai(path = "/password/reset", method = "post", operation_id = "resetPassword")]
    async fn reset(
        &self,
        visitor: Visitor,
        body: Json<PasswordReset>,
    ) -> Result<Written<PasswordChanged>> {
        let PasswordReset { token, new_password } = body.0;
        let reset = self.accounts.reset_password(&visitor.cause, &token, &new_password);
        let position = reset.await?;
        let answer = Written::at(position, PasswordChanged { changed: true });
        Ok(answer.saying("the password is set; sign in with it"))
    }

    /// Change one's address
    ///
    /// It changes once the link that is mailed there was followed.
    #[oai(path = "/email/change", method = "post", operation_id = "changeEmail")]
    async fn change_email(
        &self,
        may: May<needs::WriteProfile>,
        body: Json<EmailChange>,
    ) -> Result<Accepted<LinkSent>> {
        let EmailChange { password, email } = body.0;
        self.accounts.change_email(&may.caller, &password, &email).await?;
        let answer = Accepted::begun(LinkSent { expires_in: LINK_LASTS });
        Ok(answer.saying("a link is on its way to the new address"))
    }

    /// Ask for a link that verifies one's address
    #[oai(path = "/email/send-verification", method = "post", operation_id = "sendVerification")]
    async fn send(&self, may: May<needs::WriteProfile>) -> Result<Accepted<LinkSent>> {
        self.accounts.send_verification(&may.caller).await?;
        let answer = Accepted::begun(LinkSent { expires_in: LINK_LASTS });
        Ok(answer.saying("a link is on its way, unless the address is verified already"))
    }

    /// Verify an address by a link
    #[oai(path = "/email/verify", method = "post", operation_id = "verifyEmail")]
    async fn verify(
        &self,
        visitor: Visitor,
        body: Json<Verification>,
    ) -> Result<Written<EmailVerified>> {
        let position = self.accounts.verify_email(&visitor.cause, &body.0.token).await?;
        Ok(Written::at(position, EmailVerified { verified: true }))
    }

    /// List the links that nobody could mail
    ///
    /// Without a mail server, an administrator tells them to their readers.
    #[oai(path = "/pending-links", method = "get", operation_id = "listPendingLinks")]
    async fn pending(&self, may: May<needs::ManageUser>) -> Result<Found<PendingLinks>> {
        let links = self.accounts.pending_links(&may.caller).await?;
        let links = links.into_iter().map(|link| PendingLinkView {
            user_id: link.user.0,
            purpose: link.purpose,
            url: link.url,
            token: link.token,
            expires_at: request::shown(link.expires_at),
        });
        Ok(Found::of(PendingLinks { links: links.collect() }))
    }
}
