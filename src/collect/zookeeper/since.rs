//! Since when the counters of a server grow: at that moment they began anew. Pure.
//!
//! A server that tells its uptime says it itself. Packets tell it of those that do not (up to 3.5), and of `srst`, which sets
//! back everything but the uptime: they grow with every word that is asked, so less of them is a new beginning.

use std::time::Duration;

use super::said::{Part, Said};
use crate::clock::Millis;

/// Figures that only fall when counters begin anew; the words that say them are not of one moment, so each is compared with
/// itself.
const FIGURES: [Figure; 5] = [
    (|said| said.monitor.as_ref(), "uptime"),
    (|said| said.monitor.as_ref(), "packets_received"),
    (|said| said.monitor.as_ref(), "packets_sent"),
    (|said| said.server.as_ref(), "packets_received"),
    (|said| said.server.as_ref(), "packets_sent"),
];

type Figure = (
    for<'a, 'b> fn(&'a Said<'b>) -> Option<&'a Part<'b>>,
    &'static str,
);

/// What one server has said so far.
#[derive(Debug, Default)]
pub(super) struct Since {
    last: [Option<f64>; FIGURES.len()],
    /// The last tick at which it told its uptime.
    seen: Option<Millis>,
    at: Option<Millis>,
}

impl Since {
    /// The moment, after what was said at this tick; `None` as long as nobody knows it.
    pub(super) fn take(&mut self, said: &Said<'_>, tick: Millis) -> Option<Millis> {
        let now = FIGURES.map(|(part, name)| part(said)?.get(name)?.parse::<f64>().ok());
        let mut fell = [false; FIGURES.len()];
        for ((last, now), fell) in self.last.iter_mut().zip(now).zip(&mut fell) {
            *fell = matches!((*last, now), (Some(last), Some(now)) if now < last);
            *last = now.or(*last);
        }
        let [uptime, ..] = now;
        let [is_less, ..] = fell;
        // A server that is away for longer than it had run before may tell more than the last time.
        let is_later = |start: Millis| self.seen.is_none_or(|seen| start > seen);
        let start = uptime.and_then(|uptime| before(tick, uptime));
        let is_new = start.is_some_and(|start| is_less || is_later(start));
        self.seen = start.map(|_| tick).or(self.seen);
        match start {
            Some(start) if is_new => self.at = Some(start),
            _ if fell.contains(&true) => self.at = Some(tick),
            _ => {}
        }
        self.at
    }
}

/// So many milliseconds before a tick.
fn before(tick: Millis, uptime: f64) -> Option<Millis> {
    let uptime = Duration::try_from_secs_f64(uptime / 1e3).ok()?;
    let uptime = u64::try_from(uptime.as_millis()).ok()?;
    tick.0.checked_sub(uptime).map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::zookeeper::answer::{Answer, Answers, Door, Question};

    /// What comes of these answers to `mntr`, a tick of ten seconds each, in seconds.
    fn moments(monitors: &[&str]) -> Vec<Option<u64>> {
        let mut since = Since::default();
        let take = |(index, text): (u64, &&str)| {
            let replies = match text.is_empty() {
                true => Vec::new(),
                false => vec![(Question::Monitor, Ok(Answer::whole(*text)))],
            };
            let answers = Answers {
                door: Door::Words,
                replies,
                closed: Vec::new(),
            };
            let tick = Millis(1_000_000 + 10_000 * index);
            let moment = since.take(&Said::read(&answers), tick);
            moment.map(|moment| moment.0 / 1_000)
        };
        (0..).zip(monitors).map(take).collect()
    }

    #[test]
    fn the_uptime_says_it_once_and_again_after_a_restart() {
        let all = [
            "zk_uptime\t60000\nzk_packets_received\t500\n",
            "zk_uptime\t70003\nzk_packets_received\t510\n",
            "",
            "zk_uptime\t4000.0\nzk_packets_received\t2\n",
            "zk_uptime\t13999\nzk_packets_received\t9\n",
        ];
        let moments = moments(&all);
        assert_eq!(
            moments,
            [Some(940), Some(940), Some(940), Some(1_026), Some(1_026)]
        );
    }

    #[test]
    fn a_restart_is_one_although_the_server_has_run_for_longer_than_it_had_when_it_was_seen_last() {
        let all = [
            "zk_uptime\t2000\nzk_packets_received\t2\n",
            "",
            "",
            "zk_uptime\t5000\nzk_packets_received\t9\n",
        ];
        let moments = moments(&all);
        assert_eq!(moments, [Some(998), Some(998), Some(998), Some(1_025)]);
    }

    #[test]
    fn less_packets_are_a_new_beginning_with_and_without_an_uptime() {
        let old = ["zk_packets_received\t500\n", "zk_packets_received\t9\n"];
        assert_eq!(moments(&old), [None, Some(1_010)]);
        let reset = [
            "zk_uptime\t60000\nzk_packets_sent\t500\n",
            "zk_uptime\t70000\nzk_packets_sent\t9\n",
        ];
        assert_eq!(moments(&reset), [Some(940), Some(1_010)]);
    }

    #[test]
    fn nonsense_says_nothing() {
        let strange = ["zk_uptime\t-5\n", "zk_uptime\t1e300\n", "zk_uptime\tlong\n"];
        assert_eq!(moments(&strange), [None; 3]);
    }
}
