//! Use cases and reactions around alerts about security.

mod mail_alerts;
mod place;
mod raise_alerts;
mod recent_failures;

use std::sync::Arc;

use domain::identity::{Alert, AlertCommand, Permission};
use domain::kernel::AlertId;

pub use mail_alerts::MailAlerts;
pub use raise_alerts::RaiseAlerts;

use crate::CommandError;
use crate::ports::{Caller, Execute};

/// The door to alerts.
#[derive(Clone)]
pub struct Alerts {
    pub alerts: Arc<dyn Execute<Alert>>,
}

impl Alerts {
    /// Say that somebody looked at an alert.
    pub async fn acknowledge(&self, caller: &Caller, id: AlertId) -> Result<u64, CommandError> {
        caller.require(Permission::ManageUser)?;
        let command = AlertCommand::Acknowledge { by: caller.actor().clone() };
        Ok(self.alerts.execute(&id, command, &caller.cause).await?.position)
    }
}
