//! Where the bot is installed on behalf of a tenant's project.

mod installation;

pub use installation::{
    Installation, InstallationCommand, InstallationError, InstallationEvent, InstallationStatus,
};
