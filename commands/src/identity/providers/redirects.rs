//! Where providers may send people back to: addresses that were named before, to the letter (RFC 9700, 4.1).

use std::collections::BTreeSet;

/// The addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedirectUris {
    listed: BTreeSet<String>,
    /// Where the platform itself is reached.
    public_url: String,
}

/// An address that nobody may be sent back to.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{0}” is no address to send people back to: https://…, http://… on this very machine, or a scheme of an app's \
     own such as com.example.app:/back; without a # in it"
)]
pub struct WrongRedirect(String);

impl RedirectUris {
    /// Those that are listed, and our own below the public address.
    pub fn new(listed: &[String], public_url: &str) -> Result<Self, WrongRedirect> {
        if let Some(wrong) = listed.iter().find(|it| !may_be_listed(it)) {
            return Err(WrongRedirect(wrong.clone()));
        }
        let public_url = public_url.trim_end_matches('/').to_owned();
        Ok(Self { listed: listed.iter().cloned().collect(), public_url })
    }

    /// Our own callback for a provider.
    pub fn own(&self, provider: &str) -> String {
        format!("{}/api/v1/auth/oauth/{provider}/callback", self.public_url)
    }

    /// Our other callback for Discord, as `POST /auth/discord` uses it.
    pub fn discord(&self) -> String {
        format!("{}/api/v1/auth/discord/callback", self.public_url)
    }

    /// Whether people of this provider may be sent back there. Nothing is made alike before: an address with
    /// another case, a port that goes without saying, or one sign more is another address.
    pub fn allow(&self, provider: &str, uri: &str) -> bool {
        let ours = uri == self.own(provider) || provider == "discord" && uri == self.discord();
        ours || self.listed.contains(uri)
    }
}

/// A scheme that leads to a place and runs nothing, and no fragment (RFC 6749, 3.1.2; RFC 8252, 7).
fn may_be_listed(uri: &str) -> bool {
    let plain = uri.chars().all(|it| it.is_ascii_graphic() && !"#\\\"<>".contains(it));
    let Some((scheme, rest)) = uri.split_once(':').filter(|_| plain) else { return false };
    let Some(authority) = rest.strip_prefix("//").map(|it| it.split(['/', '?']).next()) else {
        // The scheme of an app has the name of its maker in it.
        return is_of_an_app(scheme) && rest.starts_with('/');
    };
    let authority = authority.unwrap_or_default();
    // Whoever reads `https://us@them` sees us, and it leads to them.
    if authority.is_empty() || authority.contains('@') {
        return false;
    }
    match scheme {
        "https" => true,
        "http" => {
            let host = match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
                _ => authority,
            };
            ["127.0.0.1", "[::1]", "localhost"].contains(&host)
        }
        scheme => is_of_an_app(scheme),
    }
}

fn is_of_an_app(scheme: &str) -> bool {
    let signs = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"+-.".contains(&it);
    scheme.starts_with(|it: char| it.is_ascii_lowercase())
        && scheme.contains('.')
        && scheme.bytes().all(signs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PUBLIC: &str = "https://bot.example/";

    fn listed(uris: &[&str]) -> Result<RedirectUris, WrongRedirect> {
        let uris: Vec<_> = uris.iter().map(|it| (*it).to_owned()).collect();
        RedirectUris::new(&uris, PUBLIC)
    }

    #[test]
    fn our_own_callbacks_are_always_there() {
        let uris = listed(&[]).unwrap();
        assert!(uris.allow("google", "https://bot.example/api/v1/auth/oauth/google/callback"));
        assert!(!uris.allow("github", "https://bot.example/api/v1/auth/oauth/google/callback"));
        assert!(uris.allow("discord", "https://bot.example/api/v1/auth/discord/callback"));
        assert!(!uris.allow("google", "https://bot.example/api/v1/auth/discord/callback"));
    }

    #[test]
    fn what_looks_like_a_listed_address_is_another() {
        let uris = listed(&["https://app.example/back"]).unwrap();
        assert!(uris.allow("google", "https://app.example/back"));
        for other in [
            "",
            "https://app.example/back/",
            "https://app.example/back?next=1",
            "https://app.example/back#x",
            "https://app.example/back/../back",
            "https://app.example/%62ack",
            "https://app.example:443/back",
            "https://APP.example/back",
            "HTTPS://app.example/back",
            "http://app.example/back",
            "https://app.example.evil.example/back",
            "https://app.example@evil.example/back",
            "https://evil.example/?https://app.example/back",
            " https://app.example/back",
            "https://app.example/back\0",
        ] {
            assert!(!uris.allow("google", other), "{other:?}");
        }
    }

    #[test]
    fn what_nobody_may_be_sent_to_cannot_be_listed() {
        for right in [
            "https://app.example/back?x=1",
            "http://localhost/back",
            "http://127.0.0.1:3000/back",
            "http://[::1]:3000/",
            "com.example.app:/back",
            "com.example.app://back",
        ] {
            assert!(listed(&[right]).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "app",
            "/back",
            "//app.example/back",
            "https:",
            "https://",
            "https:///back",
            "https://us@evil.example/",
            "https://app.example/back#x",
            "https://app.example/a b",
            "https://app.example\\@evil.example/",
            "http://app.example/back",
            "http://localhost.evil.example/",
            "http://localhost:80@evil.example/",
            "javascript:alert(1)",
            "javascript://localhost/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "app:/back",
        ] {
            assert_eq!(listed(&[wrong]), Err(WrongRedirect(wrong.to_owned())), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn only_the_very_address_fits(
            path in "[a-zA-Z0-9/_.-]{0,20}",
            other in "\\PC{0,60}",
            at in 0_usize..60,
            sign in "[ -~]",
        ) {
            let uri = format!("https://app.example/{path}");
            let uris = listed(&[&uri]).unwrap();
            prop_assert!(uris.allow("google", &uri));
            prop_assert_eq!(uris.allow("google", &other), other == uri);

            // One sign more, one sign less, one sign for another.
            let at = at.min(uri.len() - 1);
            let mut more = uri.clone();
            more.insert_str(at, &sign);
            prop_assert!(!uris.allow("google", &more));
            let mut less = uri.clone();
            less.remove(at);
            prop_assert!(!uris.allow("google", &less));
            let mut another = uri.clone();
            another.replace_range(at..=at, &sign);
            prop_assert_eq!(uris.allow("google", &another), another == uri);
        }

        #[test]
        fn no_text_breaks_the_list(text in "\\PC{0,80}") {
            if let Ok(uris) = listed(&[&text]) {
                prop_assert!(uris.allow("google", &text));
                prop_assert!(!text.contains(['#', ' ', '\\']));
                prop_assert!(!text.starts_with("javascript:") && !text.starts_with("data:"));
            }
        }
    }
}
