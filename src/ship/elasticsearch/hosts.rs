//! Which host the next request goes to. Pure: a state machine over what became of the requests before.
//!
//! Hosts take turns. One that failed is left alone while others work: documents would wait for it as long as a request may
//! take. Now and then, less often each time, it is to be asked something cheap. When none works, the one whose pause ends
//! first is tried: how often is for the caller to say.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;

/// A host that is back answers what is cheap within this time; until it is over nothing else finds out about it.
pub(super) const FIND_OUT: Duration = Duration::from_secs(5);

/// The health of the hosts of one output.
#[derive(Debug)]
pub(super) struct Hosts {
    health: Vec<Health>,
    /// Whose turn it is.
    next: usize,
}

#[derive(Debug, Default)]
struct Health {
    backoff: Backoff,
    /// Rises with every failure that counts and every recovery, so that requests that were on their way at the same
    /// time count once.
    epoch: u64,
    /// It failed: left alone until then, and until it has answered if others are fine.
    until: Option<Instant>,
}

/// A host that was chosen for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Index of the host.
    pub(super) host: usize,
    epoch: u64,
}

impl Hosts {
    /// All of them fine, as far as is known. Many agents that start together do not begin with the same host.
    pub(super) fn new(count: usize) -> Self {
        Self {
            health: (0..count).map(|_| Health::default()).collect(),
            next: fastrand::usize(..count.max(1)),
        }
    }

    /// The host for a request: the next one that is fine, or else the one whose pause ends first.
    pub(super) fn first(&mut self, now: Instant) -> Turn {
        let any = |hosts: &Self| {
            let all = hosts.health.iter().enumerate();
            let first = all.min_by_key(|(_, health)| health.until);
            first.map_or(0, |(index, _)| index)
        };
        let host = self.fine(&[]).unwrap_or_else(|| any(self));
        self.take(host, now)
    }

    /// Another host for a request that has not left: one that was not `tried` and is fine, or else may be.
    pub(super) fn another(&mut self, tried: &[usize], now: Instant) -> Option<Turn> {
        let host = self.fine(tried).or_else(|| self.rested(tried, now))?;
        Some(self.take(host, now))
    }

    /// A host that failed and is to be asked now whether it is back, while requests go to others.
    pub(super) fn find_out(&mut self, now: Instant) -> Option<Turn> {
        self.fine(&[])?;
        let host = self.rested(&[], now)?;
        let health = self.health.get_mut(host)?;
        health.until = Some(now + FIND_OUT);
        let epoch = health.epoch;
        Some(Turn { host, epoch })
    }

    fn fine(&self, tried: &[usize]) -> Option<usize> {
        let mut in_turn = self.in_turn(tried);
        in_turn.find(|host| self.health[*host].until.is_none())
    }

    /// One whose pause is over.
    fn rested(&self, tried: &[usize], now: Instant) -> Option<usize> {
        let is_over = |health: &Health| health.until.is_some_and(|until| until <= now);
        let mut in_turn = self.in_turn(tried);
        in_turn.find(|host| is_over(&self.health[*host]))
    }

    fn in_turn(&self, tried: &[usize]) -> impl Iterator<Item = usize> {
        let count = self.health.len();
        let all = (self.next..self.next + count).map(move |index| index % count);
        all.filter(|host| !tried.contains(host))
    }

    fn take(&mut self, host: usize, now: Instant) -> Turn {
        self.next = (host + 1) % self.health.len().max(1);
        let Some(health) = self.health.get_mut(host) else {
            return Turn { host, epoch: 0 };
        };
        // One request finds out whether a host is back; the others go elsewhere.
        if health.until.is_some() {
            health.until = Some(now + health.backoff.shortest());
        }
        Turn {
            host,
            epoch: health.epoch,
        }
    }

    /// The host answered. Whether it had been left alone.
    pub(super) fn succeeded(&mut self, turn: Turn) -> bool {
        let Some(health) = self.health.get_mut(turn.host) else {
            return false;
        };
        let was_left = health.until.take().is_some();
        if was_left {
            health.epoch += 1;
            health.backoff.succeeded();
        }
        was_left
    }

    /// The host did not answer, or said that it cannot. Whether it is left alone from now on and was not before.
    pub(super) fn failed(&mut self, turn: Turn, now: Instant) -> bool {
        let Some(health) = self.health.get_mut(turn.host) else {
            return false;
        };
        if health.epoch != turn.epoch {
            return false;
        }
        health.epoch += 1;
        let pause = health.backoff.failed(None);
        health.until.replace(now + pause).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a known host on.
    fn hosts(count: usize) -> (Hosts, Instant) {
        let mut hosts = Hosts::new(count);
        hosts.next = 0;
        (hosts, Instant::now())
    }

    /// Longer than the longest pause.
    const LATER: Duration = Duration::from_secs(61);

    #[test]
    fn hosts_take_turns() {
        let (mut hosts, now) = hosts(3);
        let turns: Vec<usize> = (0..7).map(|_| hosts.first(now).host).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn one_that_failed_is_left_alone_until_it_has_answered_something_cheap() {
        let (mut hosts, now) = hosts(2);
        let turn = hosts.first(now);
        assert!(hosts.failed(turn, now), "said once");
        for _ in 0..5 {
            assert_eq!(hosts.first(now).host, 1);
        }
        let later = now + LATER;
        assert_eq!(hosts.find_out(now), None, "not yet");
        let asked = hosts.find_out(later).unwrap();
        assert_eq!(asked.host, 0);
        assert_eq!(hosts.find_out(later), None, "once at a time");
        let turns: Vec<usize> = (0..4).map(|_| hosts.first(later).host).collect();
        assert_eq!(turns, [1, 1, 1, 1]);
        assert!(hosts.succeeded(asked));
        let turns: Vec<usize> = (0..4).map(|_| hosts.first(later).host).collect();
        assert_eq!(turns, [0, 1, 0, 1]);
        // Without another that is fine a request finds out.
        for host in [0, 1] {
            let epoch = hosts.health[host].epoch;
            assert!(hosts.failed(Turn { host, epoch }, later));
        }
        assert_eq!(hosts.find_out(later + LATER), None);
    }

    #[test]
    fn what_was_never_sent_goes_to_another_host_once_each() {
        let (mut hosts, now) = hosts(3);
        let first = hosts.first(now);
        hosts.failed(first, now);
        let second = hosts.another(&[0], now).unwrap();
        assert_eq!(second.host, 1);
        hosts.failed(second, now);
        assert_eq!(hosts.another(&[0, 1], now).unwrap().host, 2);
        assert_eq!(hosts.another(&[0, 1, 2], now), None);
        let (mut alone, now) = self::hosts(1);
        let turn = alone.first(now);
        alone.failed(turn, now);
        assert_eq!(alone.another(&[0], now), None);
    }

    #[test]
    fn pauses_grow_and_a_recovery_is_said_once() {
        let (mut hosts, mut now) = hosts(2);
        let mut pauses = Vec::new();
        for round in 0..12 {
            let turn = Turn {
                host: 0,
                epoch: hosts.health[0].epoch,
            };
            assert_eq!(hosts.failed(turn, now), round == 0);
            pauses.push(hosts.health[0].until.unwrap() - now);
            now += LATER;
        }
        assert!(pauses[0] <= Duration::from_secs(1) && pauses[11] >= Duration::from_secs(30));
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(60)));
        let turn = hosts.find_out(now).unwrap();
        assert_eq!(turn.host, 0);
        assert!(hosts.succeeded(turn), "back");
        assert!(!hosts.succeeded(turn), "said once");
        hosts.next = 0;
        let again = hosts.first(now);
        assert!(hosts.failed(again, now), "a new failure is said again");
    }

    #[test]
    fn requests_that_were_on_their_way_together_count_once() {
        let (mut hosts, now) = hosts(1);
        let turns: Vec<Turn> = (0..8).map(|_| hosts.first(now)).collect();
        let said = turns.iter().filter(|turn| hosts.failed(**turn, now));
        assert_eq!(said.count(), 1);
        let pause = hosts.health[0].until.unwrap() - now;
        assert!(pause <= Duration::from_secs(1), "{pause:?}");
    }

    #[test]
    fn when_all_are_down_the_one_whose_pause_ends_first_is_tried() {
        let (mut hosts, now) = hosts(3);
        for host in [2, 0, 1] {
            let moment = now + Duration::from_millis(600) * u32::try_from(host).unwrap();
            let turn = Turn { host, epoch: 0 };
            hosts.failed(turn, moment);
        }
        let ends: Vec<Instant> = hosts.health.iter().map(|h| h.until.unwrap()).collect();
        let earliest = (0..3).min_by_key(|host| ends[*host]).unwrap();
        assert_eq!(hosts.first(now).host, earliest);
        // None of them is forgotten while all stay down.
        let mut tried = [0; 3];
        for second in 0..300 {
            let moment = now + Duration::from_secs(second);
            let turn = hosts.first(moment);
            tried[turn.host] += 1;
            hosts.failed(turn, moment);
        }
        assert!(tried.iter().all(|times| *times >= 50), "{tried:?}");
    }
}
