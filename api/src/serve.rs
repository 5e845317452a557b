//! Serves the endpoints on a socket until told to stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{IntoEndpoint, Server};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Answers on this socket. When told to stop it takes no more connections, ends the requests it
/// has, and after the grace time leaves the rest.
pub async fn serve<E>(
    listener: TcpListener,
    endpoint: E,
    stop: CancellationToken,
    grace: Duration,
) -> io::Result<()>
where
    E: IntoEndpoint<Endpoint: 'static>,
{
    let local = listener.local_addr()?;
    let acceptor = Prompt { listener: Arc::new(listener), local: LocalAddr(local.into()) };
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(endpoint, stop.cancelled_owned(), Some(grace))
        .await
}

/// Accepts connections whose small answers leave at once.
struct Prompt {
    listener: Arc<TcpListener>,
    local: LocalAddr,
}

impl Acceptor for Prompt {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local.clone()]
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, address) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, self.local.clone(), RemoteAddr(address.into()), Scheme::HTTP))
    }
}
