//! What somebody on Discord may do: the same policies decide as at every other door.

use domain::identity::Permissions;
use domain::kernel::{Actor, DiscordUserId, GuildId};

use crate::CommandError;
use crate::identity::accounts::Accounts;
use crate::ports::{Principal, PrincipalKind};

impl Accounts {
    /// As whom a Discord account acts, and what he may do. One that is linked with a user acts as that user, so
    /// nobody is two people when it comes to approving one's own edits; he holds what his roles give him
    /// and what his server does.
    pub async fn on_discord(
        &self,
        account: DiscordUserId,
        guild: Option<GuildId>,
        holds: Permissions,
    ) -> Result<(Actor, Permissions), CommandError> {
        let (actor, principal) = match self.linked_to("discord", &account.to_string()).await? {
            Some(id) => {
                let user = self.users.load(&id).await?.aggregate;
                let mut principal = self.principal(id, &user).await?;
                principal.jwt_valid = false;
                principal.holds = principal.holds.and(&holds);
                (Actor::user(id), principal)
            }
            None => {
                let kind = PrincipalKind::DiscordAccount;
                let mut principal = Principal::holding(kind, account.to_string(), holds);
                principal.guild = guild;
                (Actor::discord(account), principal)
            }
        };
        let granted = self.authority.decisions.granted(&principal).await?;
        Ok((actor, granted))
    }
}
