//! A way to a server that can be cut, and mended again.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

/// Passes on what comes to a port of its own.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    open: watch::Sender<bool>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// To an address such as `127.0.0.1:4222`, with or without a scheme.
    pub async fn to(address: &str) -> Self {
        let target = address.rsplit('/').next().unwrap_or(address).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its own address");
        let (open, is_open) = watch::channel(true);
        let connections = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&connections);
        let listener = tokio::spawn(async move {
            while let Ok((inner, _)) = listener.accept().await {
                if *is_open.borrow() {
                    let task = tokio::spawn(pass(inner, target.clone()));
                    kept.lock().expect("nobody panicked").push(task.abort_handle());
                }
            }
        });
        Self { address, open, connections, listener }
    }

    pub fn nats_url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Drops every connection, and each new one until it is mended.
    pub fn cut(&self) {
        self.open.send_replace(false);
        for connection in self.connections.lock().expect("nobody panicked").drain(..) {
            connection.abort();
        }
    }

    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

async fn pass(mut inner: TcpStream, target: String) {
    if let Ok(mut outer) = TcpStream::connect(target).await {
        // Who hangs up does so for both.
        let _ = copy_bidirectional(&mut inner, &mut outer).await;
    }
}
