//! Backup codes: for who has lost his device; each is good for once.
//!
//! A code has 55 random bits after its first letter, which is another one for each code of a set and says which one
//! it is: so that a look at one slow hash settles whether it is right.

use domain::identity::FactorCommand;
use domain::kernel::{Cause, Ground, UserId};
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::factors::{SecondFactors, refused};
use crate::CommandError;
use crate::ports::{Caller, Passwords, Verified};

/// How many there are, and how many letters each has, in groups of four.
const COUNT: usize = 10;
const LETTERS: usize = 12;

/// No letter looks like another or like a digit (Crockford's Base32).
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j',
    'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
];

/// A code as the vault keeps it.
#[derive(Serialize, Deserialize)]
pub(super) struct LockedUp {
    first: char,
    hash: String,
}

impl SecondFactors {
    /// Make new backup codes; those before are void.
    pub async fn make_backup_codes(
        &self,
        caller: &Caller,
    ) -> Result<(Vec<String>, u64), CommandError> {
        let user = caller.signed()?.user;
        caller.require_fresh(self.now())?;
        if !self.own(caller).await?.aggregate.factors().enabled() {
            let reason = "backup codes stand in for a second factor, and there is none yet; set one up \
                          with POST /api/v1/auth/mfa/setup";
            return Err(refused(Ground::State, reason, None));
        }
        let codes = made();
        let hashes = locked_up(&*self.accounts.passwords, &codes).await?;
        let position = self.keep_codes(user, &hashes, &caller.cause).await?;
        Ok((codes, position))
    }

    pub(super) async fn keep_codes(
        &self,
        user: UserId,
        hashes: &[LockedUp],
        cause: &Cause,
    ) -> Result<u64, CommandError> {
        let kept = serde_json::to_vec(hashes).map_err(CommandError::unavailable)?;
        self.accounts.vault.put_secret(&codes_name(user), &kept).await?;
        let count = u32::try_from(hashes.len()).map_err(CommandError::unavailable)?;
        let make = FactorCommand::MakeBackupCodes { count };
        Ok(self.tell(user, None, make, &cause.then("backup-codes")).await?.position)
    }

    /// Which of a user's codes this is; used ones count as well.
    pub(super) async fn number_of(
        &self,
        user: UserId,
        code: &str,
    ) -> Result<Option<u32>, CommandError> {
        let code = plain(code);
        let kept = self.accounts.vault.secret(&codes_name(user)).await?;
        let kept: Vec<LockedUp> = match kept {
            Some(kept) => serde_json::from_slice(&kept).map_err(CommandError::unavailable)?,
            None => Vec::new(),
        };
        let at = kept.iter().position(|it| code.starts_with(it.first));
        let hash = at.map(|at| kept[at].hash.as_str());
        // It takes as long where there is nothing to compare with.
        match self.accounts.passwords.verify(&code, hash).await? {
            Verified::No => Ok(None),
            Verified::Yes | Verified::YesByOld => Ok(at.and_then(|at| u32::try_from(at).ok())),
        }
    }
}

/// A new set.
pub(super) fn made() -> Vec<String> {
    let mut firsts = ALPHABET;
    firsts.shuffle(&mut rand::rng());
    let code = |first: &char| {
        let rest: [u8; LETTERS - 1] = rand::random();
        let rest = rest.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]);
        let letters: Vec<char> = [*first].into_iter().chain(rest).collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        groups.join("-")
    };
    firsts.iter().take(COUNT).map(code).collect()
}

/// As the vault keeps them.
pub(super) async fn locked_up(
    passwords: &dyn Passwords,
    codes: &[String],
) -> Result<Vec<LockedUp>, CommandError> {
    let mut hashes = Vec::with_capacity(codes.len());
    for code in codes {
        let code = plain(code);
        let first = code.chars().next().unwrap_or_default();
        hashes.push(LockedUp { first, hash: passwords.hash(&code).await? });
    }
    Ok(hashes)
}

/// As people type it: in capitals, with other signs between, with letters for the digits they look like.
fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric).take(4 * LETTERS);
    letters
        .map(|letter| match letter.to_ascii_lowercase() {
            'i' | 'l' => '1',
            'o' => '0',
            other => other,
        })
        .collect()
}

pub(super) fn codes_name(user: UserId) -> String {
    format!("backup-codes/{user}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_letter_says_which_one_it_is() {
        for _ in 0..100 {
            let codes = made();
            let firsts: BTreeSet<_> = codes.iter().map(|code| code.chars().next()).collect();
            assert_eq!((codes.len(), firsts.len()), (COUNT, COUNT));
            for code in codes {
                assert_eq!(code.len(), 14, "{code}");
                assert_eq!(plain(&code).len(), LETTERS, "{code}");
            }
        }
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(plain(" K7MI-9xoT l0o0 "), "k7m19x0t1000");
        assert_eq!(plain("é—"), "");
    }
}
