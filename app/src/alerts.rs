//! Who raises alerts about security, and who mails them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::identity::{MailAlerts, RaiseAlerts};
use commands::ports::{EarlierSignIn, SignInHistory};
use domain::kernel::{Origin, SessionId, UserId};
use projections::Slice;
use projections::identity::sessions;

use crate::config::Config;
use crate::stores::Stores;
use crate::surroundings::Views;
use crate::use_cases::UseCases;

/// How long the read models are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many sign-ins of a person are looked at.
const REMEMBERED: u64 = 500;

#[async_trait]
impl SignInHistory for Views {
    async fn before(
        &self,
        user: UserId,
        session: SessionId,
        position: u64,
    ) -> Result<Vec<EarlierSignIn>, CommandError> {
        if !self.wait_for(position, PATIENCE).await {
            return Err(CommandError::unavailable("the read models are behind"));
        }
        let slice = Slice { limit: REMEMBERED, offset: 0 };
        let found = sessions::of_user(&self.db()?, user, None, slice).await;
        let found = found.map_err(CommandError::unavailable)?.items;
        // What began later is looked at when its turn comes.
        let began = found.iter().find(|it| it.id == session.0).map(|it| it.started_at.0);
        let earlier = found.into_iter().filter(|it| it.id != session.0);
        let earlier = earlier.filter(|it| began.is_none_or(|began| it.started_at.0 <= began));
        let origin = |it: &sessions::Model| {
            let user_agent = it.user_agent.clone();
            it.ip_address.clone().map(|ip_address| Origin { ip_address, user_agent })
        };
        let placed = earlier.filter_map(|it| {
            origin(&it).map(|origin| EarlierSignIn { at: it.started_at.0, origin })
        });
        Ok(placed.collect())
    }
}

/// The reactors that mail and raise.
pub(crate) fn reactors(
    config: &Config,
    stores: &Stores,
    use_cases: &UseCases,
) -> anyhow::Result<(MailAlerts, RaiseAlerts)> {
    let executors = &use_cases.executors;
    let accounts = &use_cases.accounts;
    let mails = MailAlerts {
        alerts: executors.alerts.clone(),
        begun: stores.operational.clone(),
        mailer: accounts.mailer.clone(),
        product: accounts.settings.product.clone(),
        public_url: accounts.settings.public_url.clone(),
        users: executors.users.clone(),
    };
    let raises = RaiseAlerts::new(
        executors.alerts.clone(),
        Arc::new(use_cases.views.clone()),
        stores.journal.clone(),
        config.identity.places()?,
        executors.sessions.clone(),
        stores.vault.clone(),
    );
    Ok((mails, raises))
}
