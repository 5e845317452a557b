//! Where addresses are, from a database file (`.mmdb`).

use std::net::IpAddr;
use std::path::Path;

use commands::ports::{Coordinates, Places};
use maxminddb::{MaxMindDbError, Reader, geoip2};

/// A file with the cities of addresses, in memory.
pub struct GeoDatabase(Reader<Vec<u8>>);

impl GeoDatabase {
    pub fn open(path: &Path) -> Result<Self, MaxMindDbError> {
        Reader::open_readfile(path).map(Self)
    }
}

impl Places for GeoDatabase {
    fn find(&self, address: &str) -> Option<Coordinates> {
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        // An address that is not in it, and one of the other family, are nowhere.
        let city = self.0.lookup(address).ok()?.decode::<geoip2::City<'_>>().ok()??;
        let (latitude, longitude) = city.location.latitude.zip(city.location.longitude)?;
        Some(Coordinates { latitude, longitude })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn addresses_are_found_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cities.mmdb");
        let london = place(&[("latitude", 51.5), ("longitude", -0.12)]);
        let tokyo = place(&[("latitude", 35.68), ("longitude", 139.69)]);
        let file = database(&[
            ("::203.0.113.0".parse().unwrap(), 120, london),
            ("2001:db8::".parse().unwrap(), 32, tokyo),
            ("::198.51.100.0".parse().unwrap(), 120, place(&[("latitude", 1.0)])),
            ("::198.18.0.0".parse().unwrap(), 111, map(&[])),
        ]);
        std::fs::write(&path, &file).unwrap();
        let database = GeoDatabase::open(&path).unwrap();
        for (address, expected) in [
            ("203.0.113.9", Some((51.5, -0.12))),
            ("::ffff:203.0.113.9", Some((51.5, -0.12))),
            ("2001:db8:7::1", Some((35.68, 139.69))),
            // Nowhere: not in it, without a longitude, without anything.
            ("203.0.114.9", None),
            ("2001:db9::1", None),
            ("198.51.100.7", None),
            ("198.18.0.1", None),
            ("unknown", None),
        ] {
            let found = database.find(address).map(|it| (it.latitude, it.longitude));
            assert_eq!(found, expected, "{address}");
        }
        std::fs::write(&path, &file[..file.len() / 2]).unwrap();
        assert!(GeoDatabase::open(&path).is_err(), "half a file");
    }

    #[derive(Clone, Copy)]
    enum Leads {
        Data(usize),
        Node(usize),
        Nowhere,
    }

    /// A file as the specification has it (`MaxMind` DB 2.0): a tree of the bits of networks, what stands there,
    /// and what the file is about.
    fn database(networks: &[(Ipv6Addr, usize, Vec<u8>)]) -> Vec<u8> {
        let (mut nodes, mut data) = (vec![[Leads::Nowhere; 2]], Vec::<u8>::new());
        for (network, length, value) in networks {
            let bit = |nth: usize| usize::from(u128::from(*network) >> (127 - nth) & 1 == 1);
            let mut at = 0;
            for nth in 0..length - 1 {
                at = match nodes[at][bit(nth)] {
                    Leads::Node(next) => next,
                    _ => {
                        nodes.push([Leads::Nowhere; 2]);
                        nodes[at][bit(nth)] = Leads::Node(nodes.len() - 1);
                        nodes.len() - 1
                    }
                };
            }
            nodes[at][bit(length - 1)] = Leads::Data(data.len());
            data.extend(value);
        }
        let mut file = Vec::new();
        for side in nodes.iter().flatten() {
            let to = match side {
                Leads::Nowhere => nodes.len(),
                Leads::Node(next) => *next,
                Leads::Data(at) => nodes.len() + 16 + at,
            };
            file.extend(&u32::try_from(to).unwrap().to_be_bytes()[1..]);
        }
        file.extend([0; 16]);
        file.extend(data);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        let number = |kind: u8, value: u32| [&[kind << 5 | 4], &value.to_be_bytes()[..]].concat();
        file.extend(map(&[
            ("binary_format_major_version", vec![5 << 5 | 1, 2]),
            ("binary_format_minor_version", vec![5 << 5]),
            // An extended type: 64 bits.
            ("build_epoch", vec![1, 2, 7]),
            ("database_type", text("GeoLite2-City")),
            ("description", map(&[])),
            ("ip_version", vec![5 << 5 | 1, 6]),
            ("languages", vec![0, 4]),
            ("node_count", number(6, u32::try_from(nodes.len()).unwrap())),
            ("record_size", vec![5 << 5 | 1, 24]),
        ]));
        file
    }

    fn place(location: &[(&str, f64)]) -> Vec<u8> {
        let double = |it: f64| [&[3 << 5 | 8], &it.to_be_bytes()[..]].concat();
        let location: Vec<_> = location.iter().map(|(name, it)| (*name, double(*it))).collect();
        map(&[("location", map(&location))])
    }

    fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![7 << 5 | u8::try_from(fields.len()).unwrap()];
        for (name, value) in fields {
            bytes.extend(text(name));
            bytes.extend(value);
        }
        bytes
    }

    fn text(it: &str) -> Vec<u8> {
        [&[2 << 5 | u8::try_from(it.len()).unwrap()], it.as_bytes()].concat()
    }
}
