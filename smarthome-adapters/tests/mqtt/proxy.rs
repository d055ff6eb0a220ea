//! A wire that can be cut.

use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a broker until it is cut. What the client had written by then still arrives.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    whole: watch::Sender<bool>,
    alive: Arc<watch::Sender<usize>>,
}

impl Proxy {
    pub(crate) async fn to(broker: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (whole, watched) = watch::channel(true);
        let alive = Arc::new(watch::Sender::new(0));
        let counter = alive.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*watched.borrow() {
                    continue;
                }
                counter.send_modify(|alive| *alive += 1);
                let (watched, counter) = (watched.clone(), counter.clone());
                tokio::spawn(async move {
                    pass(client, broker, watched).await;
                    counter.send_modify(|alive| *alive -= 1);
                });
            }
        });
        Proxy { port, whole, alive }
    }

    pub(crate) async fn cut(&self) {
        self.whole.send_replace(false);
        self.alive.subscribe().wait_for(|alive| *alive == 0).await.unwrap();
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn pass(mut client: TcpStream, broker: u16, mut whole: watch::Receiver<bool>) {
    let Ok(mut broker) = TcpStream::connect(("127.0.0.1", broker)).await else { return };
    client.set_nodelay(true).unwrap();
    broker.set_nodelay(true).unwrap();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut broker) => return,
        _ = whole.wait_for(|whole| !whole) => {}
    }
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = client.try_read(&mut buffer) {
        if broker.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    broker.shutdown().await.ok();
}
