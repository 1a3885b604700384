//! What clients do: sessions that come and go, nodes, ephemeral ones, watches that fire.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use stack::ZooKeeperSession;

/// Each writes into a node of its own below the root: as many namespaces.
const CLIENTS: usize = 3;
/// Between two rounds of a client.
const PAUSE: Duration = Duration::from_millis(500);
/// Writes of a round, each seen by a watch.
const WRITES: usize = 10;
/// A session that nobody closed is expired by the server: that, too, is counted.
const LASTS: Duration = Duration::from_secs(4);

/// Clients at work.
pub(super) struct Load {
    stop: Vec<Sender<()>>,
    clients: Vec<JoinHandle<u64>>,
}

impl Load {
    pub(super) fn start(addresses: &[String]) -> Self {
        let (mut stop, mut clients) = (Vec::new(), Vec::new());
        for address in addresses {
            for number in 0..CLIENTS {
                let (sender, receiver) = channel();
                let address = address.clone();
                stop.push(sender);
                clients.push(std::thread::spawn(move || {
                    work(&address, number, &receiver)
                }));
            }
        }
        Self { stop, clients }
    }

    /// Ends all; how many requests were answered.
    pub(super) fn stop(self) -> u64 {
        drop(self.stop);
        let ended = self.clients.into_iter().map(JoinHandle::join);
        ended.map(|requests| requests.expect("no panic")).sum()
    }
}

fn work(address: &str, number: usize, stop: &Receiver<()>) -> u64 {
    let mut requests = 0;
    let mut rounds = 0..;
    while stop.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        let node = format!("/load-{number}");
        let round: u64 = rounds.next().unwrap_or_default();
        // A server that is being restarted is there again in a moment.
        requests += play(address, &node, round).unwrap_or(0);
    }
    requests
}

/// A round; how many requests it had.
fn play(address: &str, root: &str, round: u64) -> stack::Result<u64> {
    let mut writer = ZooKeeperSession::open(address, LASTS)?;
    let mut watcher = ZooKeeperSession::open(address, LASTS)?;
    // It may be there from an earlier round.
    writer.create(root, b"", false).ok();
    let node = format!("{root}/{round}");
    let guest = format!("{node}/guest");
    writer.create(&node, b"new", false)?;
    writer.create(&guest, b"", true)?;
    for write in 0..WRITES {
        watcher.watch(&node)?;
        writer.set(&node, format!("{write}").as_bytes())?;
        watcher.exists(&guest)?;
        watcher.ping()?;
    }
    writer.delete(&guest)?;
    writer.delete(&node)?;
    writer.close()?;
    // Every other one goes without a word.
    if round.is_multiple_of(2) {
        watcher.close()?;
    }
    Ok(9 + 4 * WRITES as u64)
}
