//! How the address of a server or a database is shown: without what only its owner should know.

use std::fmt;

/// An address on its way to a person or a log: user name, password and parameters are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Several servers stand with commas between, and a password may hold one: what follows
        // an `@` and begins no address of its own belongs to the host before it.
        for (index, one) in split(self.0).into_iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write_one(one, f)?;
        }
        Ok(())
    }
}

/// The addresses of a list; a comma separates only where another address with a scheme follows,
/// or where nothing secret stands on either side.
fn split(text: &str) -> Vec<&str> {
    if !text.contains('@') {
        return text.split(',').collect();
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(',') {
        let rest = text[at + 1..].trim_start();
        let scheme = rest.split("://").next().unwrap_or_default();
        let named = rest.contains("://")
            && !scheme.is_empty()
            && scheme.chars().all(|it| it.is_ascii_alphanumeric() || it == '+');
        if named {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

fn write_one(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = text.trim();
    // A file has no password, and may have any name.
    if text.starts_with("sqlite:") || (!text.contains("://") && !text.contains('@')) {
        return f.write_str(text);
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) => {
            write!(f, "{scheme}://")?;
            rest
        }
        None => text,
    };
    // A password that was not encoded may hold any of the signs that divide an address.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    f.write_str(host.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_is_secret() {
        for (text, shown) in [
            ("sqlite", "sqlite"),
            ("sqlite://data/a@b.db", "sqlite://data/a@b.db"),
            ("postgres://ana:s3cret@db:6000/views", "postgres://db:6000/views"),
            ("postgres://ana:s3/c@ret@db/views?sslmode=require", "postgres://db/views"),
            ("postgres://db/views?user=ana&password=s3cret", "postgres://db/views"),
            ("nats://ana:s3cret@one:4222,nats://s3cret@two", "nats://one:4222,nats://two"),
            ("nats://ana:s3,cret@one:4222, tls://b:s3cret@two", "nats://one:4222,tls://two"),
            ("one:4222,two:4222", "one:4222,two:4222"),
            ("ana:s3cret@host", "host"),
        ] {
            assert_eq!(Shown(text).to_string(), shown, "{text}");
        }
    }
}
