//! Passwords by Argon2id (RFC 9106), as slow as OWASP asks for: 19 MiB, two passes, one lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Passwords, Verified};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// How many may wait for each one that is worked on: about half a second's work. More are sent away at
/// once, instead of keeping everybody waiting.
const WAITING_EACH: usize = 16;

/// See the module. Half of the processors work on it at once, so that the others serve.
pub struct Argon2Passwords {
    turns: Arc<Semaphore>,
    most_waiting: usize,
    waiting: AtomicUsize,
}

impl Default for Argon2Passwords {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let turns = (processors / 2).max(1);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            most_waiting: turns * WAITING_EACH,
            waiting: AtomicUsize::new(0),
        }
    }
}

/// Counts somebody who waits, as long as he does.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Argon2Passwords {
    /// Works in its turn, off the runtime.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
    ) -> Result<T, CommandError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        if before >= self.most_waiting {
            return Err(CommandError::unavailable("too many passwords wait to be hashed"));
        }
        let turn = self.turns.clone().acquire_owned().await.map_err(CommandError::unavailable)?;
        drop(waiting);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        let done = done.await.map_err(CommandError::unavailable)?;
        done.map_err(|error| CommandError::unavailable(error.to_string()))
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: &str) -> Result<String, CommandError> {
        let password = Zeroizing::new(password.to_owned());
        self.work(move || hashed(&password)).await
    }

    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<Verified, CommandError> {
        let (password, hash) = (Zeroizing::new(password.to_owned()), hash.map(ToOwned::to_owned));
        self.work(move || {
            let Some(hash) = hash else {
                // Where there is nothing to compare with, hashing it takes as long as comparing.
                return hashed(&password).map(|_| Verified::No);
            };
            let parsed = PasswordHash::new(&hash)?;
            let right = hasher()?.verify_password(password.as_bytes(), &parsed).is_ok();
            let params = Params::try_from(&parsed)?;
            let now = (params.m_cost(), params.t_cost(), params.p_cost()) == COST;
            Ok(match (right, now) {
                (false, _) => Verified::No,
                (true, true) => Verified::Yes,
                (true, false) => Verified::YesByOld,
            })
        })
        .await
    }
}

fn hashed(password: &str) -> Result<String, argon2::password_hash::Error> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())?;
    hasher()?.hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string())
}

fn hasher() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_are_known_by_their_hashes_only() {
        let passwords = Argon2Passwords::default();
        let hash = passwords.hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |password, hash| passwords.verify(password, hash);
        assert_eq!(verify("correct horse battery", Some(&hash)).await.unwrap(), Verified::Yes);
        assert_eq!(verify("wrong", Some(&hash)).await.unwrap(), Verified::No);
        assert_eq!(verify("anything", None).await.unwrap(), Verified::No);
        let old = "$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg5MDEyMzQ1Ng$";
        let params = Params::new(16, 2, 1, None).unwrap();
        let salt = SaltString::from_b64("MTIzNDU2Nzg5MDEyMzQ1Ng").unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let weak = weak.hash_password(b"correct horse battery", &salt).unwrap().to_string();
        assert!(weak.starts_with(old));
        assert_eq!(verify("correct horse battery", Some(&weak)).await.unwrap(), Verified::YesByOld);
    }

    #[tokio::test]
    async fn a_flood_is_sent_away_instead_of_queued() {
        let turns = Arc::new(Semaphore::new(1));
        let passwords = Argon2Passwords { turns, most_waiting: 3, waiting: AtomicUsize::new(0) };
        let all = (0..20).map(|_| passwords.verify("x", None));
        let results = futures_util::future::join_all(all).await;
        let served = results.iter().filter(|it| matches!(it, Ok(Verified::No))).count();
        let sent_away = results.iter().filter(|it| matches!(it, Err(CommandError::Unavailable(_))));
        assert!((1..=4).contains(&served) && sent_away.count() == 20 - served, "{served}");
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
