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
