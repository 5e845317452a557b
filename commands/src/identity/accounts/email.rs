//! Addresses, and to which organization they belong.

use std::fmt;

use domain::kernel::OrganizationId;
use uuid::Uuid;

use crate::CommandError;

/// Domains that everybody can get an address of; nobody belongs together by one of them.
const PUBLIC: &[&str] = &[
    "aol.com",
    "atomicmail.io",
    "fastmail.com",
    "free.fr",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hey.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "hushmail.com",
    "icloud.com",
    "inbox.com",
    "laposte.net",
    "libero.it",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "naver.com",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.es",
    "outlook.fr",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rediffmail.com",
    "rocketmail.com",
    "sfr.fr",
    "t-online.de",
    "tuta.com",
    "tutanota.com",
    "web.de",
    "yahoo.ca",
    "yahoo.co.in",
    "yahoo.co.jp",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.com.br",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.it",
    "yandex.com",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
    "126.com",
    "163.com",
];

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
        let public = PUBLIC.contains(&domain);
        (!public).then(|| OrganizationId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, domain.as_bytes())))
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
        let of = |text| Email::parse(text).unwrap().organization();
        assert_eq!(of("ana@acme.com"), of("BEN@ACME.COM"));
        assert_ne!(of("ana@acme.com"), of("ana@globex.com"));
        assert_eq!(of("ana@gmail.com"), None);
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
