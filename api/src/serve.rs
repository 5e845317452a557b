//! Serves the endpoints on a socket until told to stop.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{IntoEndpoint, Server};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::metrics::Traffic;

/// Answers on this socket, and counts its connections. When told to stop it takes no more connections, ends the requests it
/// has, and after the grace time leaves the rest.
pub async fn serve<E>(
    listener: TcpListener,
    endpoint: E,
    stop: CancellationToken,
    grace: Duration,
    traffic: Arc<Traffic>,
) -> io::Result<()>
where
    E: IntoEndpoint<Endpoint: 'static>,
{
    let local = listener.local_addr()?;
    let acceptor = Prompt { listener: Arc::new(listener), local: LocalAddr(local.into()), traffic };
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(endpoint, stop.cancelled_owned(), Some(grace))
        .await
}

/// Accepts connections whose small answers leave at once.
struct Prompt {
    listener: Arc<TcpListener>,
    local: LocalAddr,
    traffic: Arc<Traffic>,
}

/// A connection that is counted as long as it is open.
struct Counted {
    stream: TcpStream,
    traffic: Arc<Traffic>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.traffic.closed();
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Acceptor for Prompt {
    type Io = Counted;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local.clone()]
    }

    async fn accept(&mut self) -> io::Result<(Counted, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, address) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        self.traffic.opened();
        let stream = Counted { stream, traffic: self.traffic.clone() };
        Ok((stream, self.local.clone(), RemoteAddr(address.into()), Scheme::HTTP))
    }
}
