//! One-time codes by time (RFC 6238), as authenticator apps show them.

use chrono::{DateTime, Utc};

use crate::CommandError;

/// What an authenticator app needs to know.
#[derive(Clone)]
pub struct Enrollment {
    pub secret: Vec<u8>,
    /// The secret as people type it: Base32.
    pub shown: String,
    /// `otpauth://totp/<product>:<account>?secret=…&issuer=…`
    pub uri: String,
    /// The same as a QR code: a PNG.
    pub qr_code: Vec<u8>,
}

/// Makes secrets for authenticator apps, and knows their codes.
pub trait Totp: Send + Sync {
    /// A new secret; `product` and `account` are what the app calls it.
    fn enroll(&self, product: &str, account: &str) -> Result<Enrollment, CommandError>;

    /// The time step whose code this is, among the present one and its two neighbors.
    fn step(&self, secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<u64>;
}
