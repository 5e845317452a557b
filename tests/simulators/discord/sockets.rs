//! Connections that can be cut in the middle of an answer, as a broken network does.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use poem::{
    Addr,
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The connections that are open now, by the address of the other end.
#[derive(Debug, Clone, Default)]
pub(super) struct Sockets(Arc<Mutex<HashMap<SocketAddr, CancellationToken>>>);

impl Sockets {
    /// Cut one connection: nothing more is read or written.
    pub(super) fn cut(&self, peer: SocketAddr) {
        if let Some(token) = self.open().get(&peer) {
            token.cancel();
        }
    }

    pub(super) fn cut_all(&self) {
        self.open().values().for_each(CancellationToken::cancel);
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections and remembers how to cut them.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) sockets: Sockets,
}

impl Acceptor for Door {
    type Io = Socket;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener
            .local_addr()
            .map(|addr| LocalAddr(Addr::SocketAddr(addr)))
            .into_iter()
            .collect()
    }

    async fn accept(&mut self) -> io::Result<(Socket, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, peer) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        let local = LocalAddr(Addr::SocketAddr(stream.local_addr()?));
        let token = CancellationToken::new();
        self.sockets.open().insert(peer, token.clone());
        let cut = Box::pin(token.clone().cancelled_owned());
        let socket = Socket { stream, peer, token, cut, sockets: self.sockets.clone() };
        Ok((socket, local, RemoteAddr(Addr::SocketAddr(peer)), Scheme::HTTP))
    }
}

/// One connection.
pub(super) struct Socket {
    stream: TcpStream,
    peer: SocketAddr,
    token: CancellationToken,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    sockets: Sockets,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.sockets.open().remove(&self.peer);
    }
}

impl Socket {
    fn still_whole(&self) -> io::Result<()> {
        if self.token.is_cancelled() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(self.still_whole());
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.still_whole()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.still_whole()?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
