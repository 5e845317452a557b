//! Addresses, and to which organization they belong.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use domain::kernel::OrganizationId;
use uuid::Uuid;

use crate::CommandError;

/// Domains that everybody can get an address of: nobody belongs together by one of them, and whoever came first
/// would run the others' accounts.
static PUBLIC: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("public_mail_domains.txt").lines().collect());

/// Names that stand for the same in many countries: `yahoo.fr`, `hotmail.co.uk`.
const EVERYWHERE: &[&str] = &[
    "aol",
    "gmx",
    "googlemail",
    "hotmail",
    "live",
    "msn",
    "outlook",
    "rocketmail",
    "yahoo",
    "yandex",
    "ymail",
];

/// What stands before a country.
const BEFORE_COUNTRIES: &[&str] = &["co", "com", "ne", "net", "or", "org"];

/// Under this domain stand users whom a directory made without an address. It never is anybody's (RFC 2606, 2).
const NOBODY: &str = "directory.invalid";

/// Whether everybody can get an address of a domain.
fn is_public(domain: &str) -> bool {
    let (name, under) = domain.split_once('.').unwrap_or((domain, ""));
    let under = match under.split_once('.') {
        Some((before, country)) if BEFORE_COUNTRIES.contains(&before) => country,
        _ => under,
    };
    let of_country = (2..=3).contains(&under.len()) && !under.contains('.');
    PUBLIC.contains(domain) || domain == NOBODY || of_country && EVERYWHERE.contains(&name)
}

/// A mail address, without blanks around it and in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Takes what mail servers take in practice (RFC 5321, 4.5.3.1 for the lengths): no quoted local parts,
    /// no address literals.
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        let text = text.trim().to_lowercase();
        let wrong =
            || CommandError::invalid("email", "must be a mail address such as ana@example.com");
        let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let local_fits = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
        let label = |it: &str| {
            !it.is_empty()
                && it.len() <= 63
                && !it.starts_with('-')
                && !it.ends_with('-')
                && it.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let domain_fits =
            domain.contains('.') && domain.len() <= 253 && domain.split('.').all(label);
        if text.len() <= 254 && local_fits && domain_fits { Ok(Self(text)) } else { Err(wrong()) }
    }

    /// An address that somebody says is his: not one that stands in place of one, or he would be in the way of whom
    /// a directory calls so.
    pub fn claimed(text: &str) -> Result<Self, CommandError> {
        let email = Self::parse(text)?;
        if Self::is_of_nobody(email.as_str()) {
            return Err(CommandError::invalid("email", "must be an address that takes mail"));
        }
        Ok(email)
    }

    /// What stands in place of an address for a user whom a directory calls so, without giving one. No mail reaches
    /// it.
    pub fn of_nobody(user_name: &str) -> Self {
        let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, user_name.trim().to_lowercase().as_bytes());
        Self(format!("{}@{NOBODY}", name.simple()))
    }

    /// Whether an address stands in place of one.
    pub fn is_of_nobody(text: &str) -> bool {
        text.rsplit_once('@').is_some_and(|it| it.1 == NOBODY)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |it| it.0)
    }

    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |it| it.1)
    }

    /// The organization of its domain: the same one for everybody, whoever makes it. None for a domain
    /// that is everybody's.
    pub fn organization(&self) -> Option<OrganizationId> {
        let domain = self.domain();
        (!is_public(domain))
            .then(|| OrganizationId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, domain.as_bytes())))
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for right in ["ana@example.com", " Ana@Example.COM ", "a.b+c@x-y.org", "jürgen@müller.de"]
        {
            assert!(Email::parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "ana",
            "ana@",
            "@x.y",
            "a b@x.y",
            "ana@x",
            "a@-x.y",
            "a@x..y",
            ".a@x.y",
            "a@x.y\n<b@x.y>",
        ] {
            assert!(Email::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn people_of_one_domain_belong_together_but_for_public_ones() {
        let of = |text: &str| Email::parse(text).unwrap().organization();
        assert_eq!(of("ana@acme.com"), of("BEN@ACME.COM"));
        assert_ne!(of("ana@acme.com"), of("ana@globex.com"));
        for public in [
            "gmail.com",
            "comcast.net",
            "hotmail.se",
            "hotmail.co.jp",
            "live.com.au",
            "privaterelay.appleid.com",
            "seznam.cz",
            "users.noreply.github.com",
            "yahoo.com.tr",
            "yahoo.pl",
        ] {
            assert_eq!(of(&format!("ana@{public}")), None, "{public}");
        }
        for own in ["live.acme.com", "yahoo.acme.co.uk", "mail.acme.com", "gmail.acme.com"] {
            assert!(of(&format!("ana@{own}")).is_some(), "{own}");
        }
    }

    #[test]
    fn whoever_has_no_address_has_one_that_is_nobodys() {
        let address = Email::of_nobody("bjensen");
        assert!(Email::is_of_nobody(address.as_str()) && !Email::is_of_nobody("ana@acme.com"));
        assert_eq!(Email::parse(address.as_str()).unwrap(), Email::of_nobody(" BJensen "));
        assert_eq!(address.organization(), None);
        assert!(
            Email::claimed(address.as_str()).is_err() && Email::claimed("ana@acme.com").is_ok()
        );
        assert_ne!(address, Email::of_nobody("ajensen"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,60}(@\\PC{0,20})?") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(!email.local().is_empty() && email.domain().contains('.'));
                prop_assert!(!email.as_str().contains(char::is_whitespace));
            }
        }
    }
}
