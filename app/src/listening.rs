//! The address of the API.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::config::Config;

/// Takes the port before anything else is done, so that nothing happens when it is taken.
pub(crate) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(&config.listen).await;
    listener.with_context(|| {
        format!("{} cannot be listened on; choose another with --listen", config.listen)
    })
}

/// An address that a client on this machine can use.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(it) if it.ip().is_unspecified() => ([127, 0, 0, 1], it.port()).into(),
        SocketAddr::V6(it) if it.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, it.port()).into()
        }
        other => other,
    }
}
