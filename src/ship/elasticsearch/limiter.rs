//! How many requests may be in flight. Pure: by how long answers took, and which were refusals.
//!
//! It begins with one and doubles while answers take as long as the fastest one did lately. What a server cannot do at
//! once waits inside it, and then answers take longer: in between the limit stays as it is, and above it falls a little.
//! A refusal (429, 503) or an answer that never came halves it; from then on it rises by one a round. Now and then it is
//! halved without a reason and the fastest answer forgotten: what a server can do changes, and is seen where few
//! requests wait for each other.

use std::time::Duration;

/// Answers up to this many times the fastest take as long as it.
const NEAR: f64 = 1.5;
/// Answers beyond this many times the fastest wait in the server.
const FAR: f64 = 3.0;
/// What is left of the limit when answers take long.
const EASE: f64 = 0.8;
/// What is left of it after a refusal.
const HALVE: f64 = 0.5;
/// Weight of the newest answer in the smoothed time.
const NEWEST: f64 = 0.25;
/// After so many answers the fastest is forgotten: seldom enough to cost next to nothing.
const REMEMBERED: u32 = 256;

/// The limit.
#[derive(Debug)]
pub(super) struct Limiter {
    most: f64,
    limit: f64,
    /// Whether nothing was refused or slow so far.
    is_new: bool,
    /// Rises when the limit falls: what was sent before says nothing about the limit since.
    round: u64,
    /// Time of the answers of this round, in seconds.
    smoothed: Option<f64>,
    /// The fastest answer that is remembered, in seconds.
    fastest: Option<f64>,
    /// Answers since the last time it was forgotten.
    answers: u32,
}

/// A request as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    round: u64,
    /// Whether as many were in flight as may be.
    is_last: bool,
}

impl Limiter {
    /// One request at first, and never more than `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: u32::try_from(most.max(1)).map_or(f64::MAX, f64::from),
            limit: 1.0,
            is_new: true,
            round: 0,
            smoothed: None,
            fastest: None,
            answers: 0,
        }
    }

    /// How many requests may be in flight.
    pub(super) fn limit(&self) -> usize {
        // Between 1 and what was a `usize`.
        self.limit as usize
    }

    /// A request is sent; `in_flight`: with it.
    pub(super) fn ticket(&self, in_flight: usize) -> Ticket {
        Ticket {
            round: self.round,
            is_last: in_flight >= self.limit(),
        }
    }

    /// An answer to a request of the usual size.
    pub(super) fn answered(&mut self, ticket: Ticket, took: Duration) {
        if ticket.round != self.round {
            return;
        }
        let took = took.as_secs_f64();
        let fastest = self.fastest.map_or(took, |fastest| fastest.min(took));
        self.fastest = Some(fastest);
        let smoothed = match self.smoothed {
            Some(before) => before + NEWEST * (took - before),
            None => took,
        };
        self.smoothed = Some(smoothed);
        self.answers += 1;
        if self.answers == REMEMBERED {
            self.fastest = None;
            self.answers = 0;
            self.shrink(HALVE);
        } else if smoothed > fastest * FAR {
            self.shrink(EASE);
        } else if smoothed <= fastest * NEAR && ticket.is_last {
            let step = if self.is_new { 1.0 } else { 1.0 / self.limit };
            self.limit = (self.limit + step).min(self.most);
        }
    }

    /// A refusal for want of room, or no answer. Those that were on their way together count once.
    pub(super) fn overloaded(&mut self, ticket: Ticket) {
        if ticket.round == self.round {
            self.shrink(HALVE);
        }
    }

    fn shrink(&mut self, factor: f64) {
        self.limit = (self.limit * factor).max(1.0);
        self.is_new = false;
        self.round += 1;
        self.smoothed = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 8;

    /// Full rounds of requests to a server that takes `took` with so many in flight; the limit after each.
    fn rounds(limiter: &mut Limiter, count: usize, took: impl Fn(usize) -> Duration) -> Vec<usize> {
        let round = |limiter: &mut Limiter| {
            let in_flight = limiter.limit();
            // When one lands the next one leaves.
            let tickets: Vec<Ticket> = (0..in_flight).map(|_| limiter.ticket(in_flight)).collect();
            for ticket in tickets {
                limiter.answered(ticket, took(in_flight));
            }
            limiter.limit()
        };
        (0..count).map(|_| round(limiter)).collect()
    }

    fn millis(millis: usize) -> Duration {
        Duration::from_millis(millis as u64)
    }

    #[test]
    fn it_rises_to_its_bound_while_answers_stay_fast() {
        let mut limiter = Limiter::new(MOST);
        assert_eq!(limiter.limit(), 1);
        let limits = rounds(&mut limiter, 20, |_| millis(50));
        assert_eq!(limits.last(), Some(&MOST), "{limits:?}");
        assert!(limits.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn it_stays_low_where_more_requests_only_wait() {
        let mut limiter = Limiter::new(32);
        let limits = rounds(&mut limiter, 200, |in_flight| millis(50 * in_flight));
        assert!(limits.iter().all(|limit| *limit <= 4), "{limits:?}");
    }

    #[test]
    fn it_uses_what_a_server_does_at_once() {
        let mut limiter = Limiter::new(32);
        // Five at once; the others wait.
        let limits = rounds(&mut limiter, 200, |in_flight| millis(10 * in_flight.max(5)));
        assert!(limits.iter().all(|limit| *limit <= 16), "{limits:?}");
        let enough = limits[10..].iter().filter(|limit| **limit >= 5);
        assert!(enough.count() > 150, "{limits:?}");
    }

    #[test]
    fn refusals_halve_it_once_a_round() {
        let mut limiter = Limiter::new(MOST);
        rounds(&mut limiter, 20, |_| millis(50));
        let tickets: Vec<Ticket> = (1..=MOST).map(|n| limiter.ticket(n)).collect();
        for ticket in tickets {
            limiter.overloaded(ticket);
        }
        assert_eq!(limiter.limit(), MOST / 2);
        for expected in [2, 1, 1] {
            limiter.overloaded(limiter.ticket(1));
            assert_eq!(limiter.limit(), expected);
        }
        let limits = rounds(&mut limiter, 6, |_| millis(50));
        assert!(
            limits.windows(2).all(|pair| pair[1] <= pair[0] + 1),
            "{limits:?}"
        );
        assert!(limits[2] < MOST / 2 && limits[5] >= MOST / 2, "{limits:?}");
    }

    #[test]
    fn answers_that_take_long_lower_it_and_a_new_level_is_learnt() {
        let mut limiter = Limiter::new(MOST);
        rounds(&mut limiter, 20, |_| millis(50));
        let slow = rounds(&mut limiter, 8, |_| millis(500));
        assert!(slow.last() < Some(&4), "{slow:?}");
        let learnt = rounds(&mut limiter, 400, |_| millis(500));
        assert!(learnt.contains(&MOST), "as fast as it gets: {learnt:?}");
    }

    #[test]
    fn what_is_not_used_does_not_rise() {
        let mut limiter = Limiter::new(MOST);
        rounds(&mut limiter, 1, |_| millis(50));
        assert_eq!(limiter.limit(), 2);
        for _ in 0..100 {
            limiter.answered(limiter.ticket(1), millis(50));
        }
        assert_eq!(limiter.limit(), 2);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            most in 1..40_usize,
            answers in prop::collection::vec((0..3_u8, 0..10_000_u64, 0..4_u64), 0..400),
        ) {
            let mut limiter = Limiter::new(most);
            let mut tickets = vec![limiter.ticket(1)];
            for (kind, took, age) in answers {
                let index = tickets.len().saturating_sub(1 + usize::try_from(age).unwrap());
                let ticket = tickets[index];
                let before = limiter.limit();
                match kind {
                    0 => limiter.overloaded(ticket),
                    _ => limiter.answered(ticket, Duration::from_millis(took)),
                }
                let now = limiter.limit();
                prop_assert!((1..=most).contains(&now));
                prop_assert!(now <= before + 1 && now >= before / 2);
                tickets.push(limiter.ticket(now));
            }
        }
    }
}
