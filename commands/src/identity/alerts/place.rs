//! What is told of a sign-in: its network and its device, coarse enough to stay the same for one person.

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::kernel::Origin;

use crate::ports::Coordinates;

/// Programs by what they say of themselves; the first that fits counts, as most name several.
const PROGRAMS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
];

/// Systems, in the same way.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// How fast somebody travels at most, in km/h, and how far apart two places are that are not one.
const FASTEST: f64 = 900.0;
const NEAR: f64 = 100.0;

/// The radius of the earth, in km.
const EARTH: f64 = 6_371.0;

/// Where and with what somebody signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    network: String,
    program: &'static str,
    system: &'static str,
}

impl Place {
    pub(super) fn of(origin: &Origin) -> Self {
        let agent = origin.user_agent.as_deref().unwrap_or_default();
        let named = |list: &[(&str, &'static str)], unknown| {
            list.iter().find(|(part, _)| agent.contains(part)).map_or(unknown, |(_, name)| *name)
        };
        Self {
            network: network(&origin.ip_address),
            program: named(PROGRAMS, "an unknown program"),
            system: named(SYSTEMS, "an unknown system"),
        }
    }
}

/// For people.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} on {}", self.network, self.program, self.system)
    }
}

/// What providers give to one household or company: 256 addresses of the old kind, a /48 of the new one.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|it| it.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
        Err(_) => address.to_owned(),
    }
}

/// How far and how fast somebody would have travelled; none when he may have.
pub(super) fn impossible(
    (from, left): (Coordinates, DateTime<Utc>),
    (to, came): (Coordinates, DateTime<Utc>),
) -> Option<(f64, f64)> {
    let far = distance(from, to);
    let seconds = (came - left).as_seconds_f64().max(1.0);
    let fast = far / (seconds / 3_600.0);
    (far > NEAR && fast >= FASTEST).then_some((far, fast))
}

/// The way over the ground, in km (haversine).
fn distance(from: Coordinates, to: Coordinates) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let (north, south) = (from.latitude.to_radians(), to.latitude.to_radians());
    let root = half(from.latitude, to.latitude)
        + north.cos() * south.cos() * half(from.longitude, to.longitude);
    2.0 * EARTH * root.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const LONDON: Coordinates = Coordinates { latitude: 51.5, longitude: -0.12 };
    const TOKYO: Coordinates = Coordinates { latitude: 35.68, longitude: 139.69 };

    #[test]
    fn a_place_is_a_network_and_a_kind_of_device() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let newer = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
        let edge =
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
        let shown = |address: &str, agent: &str| place(address, agent).to_string();
        assert_eq!(shown("203.0.113.9", firefox), "203.0.113.0/24 with Firefox on Linux");
        assert_eq!(shown("2001:db8:7:8::1", edge), "2001:db8:7::/48 with Edge on Windows");
        assert_eq!(place("::ffff:203.0.113.9", firefox), place("203.0.113.250", newer));
        assert_ne!(place("203.0.113.9", firefox), place("203.0.113.9", edge));
        assert_eq!(shown("unknown", ""), "unknown with an unknown program on an unknown system");
    }

    #[test]
    fn nobody_travels_faster_than_an_aeroplane() {
        let far = distance(LONDON, TOKYO);
        assert!((9_500.0..9_650.0).contains(&far), "{far}");
        let after = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let travel = |to, hours| impossible((LONDON, after(0)), (to, after(hours)));
        assert!(travel(TOKYO, 1).is_some());
        assert!(travel(TOKYO, 13).is_none());
        let near = Coordinates { latitude: 51.75, longitude: -1.26 };
        assert!(travel(near, 0).is_none(), "two providers of one town");
    }

    fn place(address: &str, agent: &str) -> Place {
        let user_agent = Some(agent.to_owned()).filter(|it| !it.is_empty());
        Place::of(&Origin { ip_address: address.to_owned(), user_agent })
    }
}
