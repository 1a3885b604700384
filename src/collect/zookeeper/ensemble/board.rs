//! Where the servers' collectors put what they saw, so that nobody is asked twice for one tick.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::digest::Digest;
use crate::clock::Millis;

/// What a server was at the last tick at which it was asked.
#[derive(Debug, Clone, Default)]
struct Slot {
    tick: Option<Millis>,
    /// None while it is being asked.
    digest: Option<Digest>,
}

impl Slot {
    fn is_done(&self, tick: Millis) -> bool {
        self.tick.is_some_and(|at| at > tick) || (self.tick == Some(tick) && self.digest.is_some())
    }
}

/// A slot for each host of the configuration.
#[derive(Debug)]
pub(in crate::collect::zookeeper) struct Board(watch::Sender<Vec<Slot>>);

impl Board {
    pub(in crate::collect::zookeeper) fn new(hosts: usize) -> Self {
        Self(watch::Sender::new(vec![Slot::default(); hosts]))
    }

    /// What the servers were at this tick, as soon as all have said it, or at the deadline. `None`: it was not asked; one
    /// that was asked and has not answered is silent.
    pub(super) async fn wait(&self, tick: Millis, deadline: Instant) -> Vec<Option<Digest>> {
        let mut seen = self.0.subscribe();
        let all = seen.wait_for(|slots| slots.iter().all(|slot| slot.is_done(tick)));
        // The sender is here: the wait ends with an answer or by the time.
        drop(timeout_at(deadline, all).await);
        let slots = self.0.borrow();
        slots.iter().map(|slot| told(slot, tick)).collect()
    }
}

fn told(slot: &Slot, tick: Millis) -> Option<Digest> {
    let late = || Digest::Silent("it has not answered in time".to_owned());
    (slot.tick == Some(tick)).then(|| slot.digest.clone().unwrap_or_else(late))
}

/// The slot of one server.
#[derive(Debug, Clone)]
pub(in crate::collect::zookeeper) struct Place {
    pub(in crate::collect::zookeeper) board: Arc<Board>,
    pub(in crate::collect::zookeeper) index: usize,
}

impl Place {
    /// The server is being asked.
    pub(in crate::collect::zookeeper) fn begin(&self, tick: Millis) {
        self.put(tick, None);
    }

    /// This is what it is.
    pub(in crate::collect::zookeeper) fn post(&self, tick: Millis, digest: Digest) {
        self.put(tick, Some(digest));
    }

    fn put(&self, tick: Millis, digest: Option<Digest>) {
        self.board.0.send_modify(|slots| {
            if let Some(slot) = slots.get_mut(self.index) {
                let tick = Some(tick);
                *slot = Slot { tick, digest };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_with_the_last_answer_or_at_the_deadline() {
        let board = Arc::new(Board::new(3));
        let [first, second, third] = [0, 1, 2].map(|index| Place {
            board: Arc::clone(&board),
            index,
        });
        let tick = Millis(10_000);
        let deadline = Instant::now() + Duration::from_secs(8);
        first.begin(tick);
        second.begin(tick);
        second.post(tick, Digest::NotServing);
        third.post(Millis(0), Digest::NotServing);
        let seen = board.wait(tick, deadline).await;
        assert!(Instant::now() >= deadline);
        assert!(matches!(&seen[0], Some(Digest::Silent(_))), "{seen:?}");
        assert_eq!(seen[1], Some(Digest::NotServing));
        assert_eq!(seen[2], None, "of another tick: it was not asked");

        let deadline = Instant::now() + Duration::from_secs(8);
        let answers = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            first.post(tick, Digest::NotServing);
            third.post(tick, Digest::NotServing);
        };
        let (seen, ()) = tokio::join!(board.wait(tick, deadline), answers);
        assert!(Instant::now() < deadline, "not longer than the last one");
        assert_eq!(seen, vec![Some(Digest::NotServing); 3]);
    }
}
