//! Asks a command for the master key: the client of a secret manager, for instance.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use zeroize::Zeroizing;

use crate::MasterKey;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a command gave no key. What it said is not repeated: it may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandError {
    #[error("the command for the master key cannot be run: {0}")]
    CannotRun(#[from] std::io::Error),
    #[error("the command for the master key ended with {0}")]
    Failed(std::process::ExitStatus),
    #[error(
        "the command for the master key did not say one on its standard output: it should be 64 \
         hexadecimal digits, 32 bytes in base64, or the line of a master key file"
    )]
    Malformed,
    #[error("the command for the master key took longer than {} s", PATIENCE.as_secs())]
    TooLong,
}

/// The key that a shell command prints. It reads nothing, and its errors go where ours go.
pub async fn ask(command: &str) -> Result<MasterKey, KeyCommandError> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, shell.spawn()?.wait_with_output()).await;
    let output = output.map_err(|_| KeyCommandError::TooLong)??;
    let said = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(KeyCommandError::Failed(output.status));
    }
    let said = std::str::from_utf8(&said).map_err(|_| KeyCommandError::Malformed)?;
    MasterKey::parse(said).ok_or(KeyCommandError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_command_prints_is_the_key_and_is_never_repeated() {
        let digits = "a5".repeat(32);
        let key = ask(&format!("printf %s {digits} | cat")).await.unwrap();
        assert_eq!(key.name(), MasterKey::new([0xa5; 32]).name());
        for (command, shown) in [
            (format!("echo {digits}; exit 3"), "ended with exit status: 3"),
            (format!("echo {digits} secret"), "did not say one"),
            ("exit 0".to_owned(), "did not say one"),
        ] {
            let error = ask(&command).await.unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains(shown) && !said.contains(&digits[..8]), "{said}");
        }
    }
}
