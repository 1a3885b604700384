//! A status over time: since when it holds, and when its change is worth a line.

use super::rules::Rules;
use super::status::{Cause, Status};

/// What is remembered of a partition's or a group's status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The status that was told last, and since when it holds; nothing before the first one.
    pub told: Option<(Status, u64)>,
    /// Since when it cannot be told.
    pub unknown_since: Option<u64>,
}

impl Standing {
    /// Takes the status of a cycle. Gives the one before where the change is worth a line.
    ///
    /// - The first status of all is a change only if it is an alarm.
    /// - Unknown is told when it lasts for a window; a shorter gap between two equal
    ///   statuses is no change. A window that fills for the first time is never told.
    pub fn update(
        &mut self,
        tick: u64,
        status: Status,
        cause: Cause,
        rules: &Rules,
    ) -> Option<Status> {
        if status == Status::Unknown {
            let since = *self.unknown_since.get_or_insert(tick);
            let lasts = tick.saturating_sub(since) >= rules.window;
            let (before, _) = self.told?;
            let new = before != Status::Unknown && cause != Cause::WindowFilling;
            return (lasts && new).then(|| {
                self.told = Some((Status::Unknown, since));
                before
            });
        }
        self.unknown_since = None;
        match self.told {
            Some((before, _)) if before == status => None,
            Some((before, _)) => {
                self.told = Some((status, tick));
                Some(before)
            }
            None => {
                self.told = Some((status, tick));
                status.is_alarm().then_some(Status::Unknown)
            }
        }
    }

    /// The clock was set back: what holds since then holds since now.
    pub(super) fn set_back(&mut self, tick: u64) {
        let moments = [
            self.told.as_mut().map(|(_, since)| since),
            self.unknown_since.as_mut(),
        ];
        for since in moments.into_iter().flatten() {
            *since = (*since).min(tick);
        }
    }

    /// Since when the present status holds.
    pub fn since(&self, tick: u64) -> u64 {
        let told = self.told.map(|(_, since)| since);
        self.unknown_since.or(told).unwrap_or(tick)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lag::rules::Settings;

    /// A window of 100 s.
    fn rules() -> Rules {
        let settings = Settings {
            window: Duration::from_secs(100),
            allowed: 0,
        };
        Rules::new(&settings, Duration::from_secs(10))
    }

    /// Ticks of 10 s: `told[n]` is what was said to have been before.
    fn told(statuses: &[Status]) -> Vec<Option<Status>> {
        let mut standing = Standing::default();
        let ticks = statuses.iter().enumerate();
        ticks
            .map(|(n, status)| {
                let cause = Cause::Unanswered("timeout");
                standing.update(n as u64 * 10_000, *status, cause, &rules())
            })
            .collect()
    }

    #[test]
    fn a_change_is_told_once_and_a_first_sight_only_if_it_is_an_alarm() {
        use Status::{Ok, Stop};
        assert_eq!(
            told(&[Ok, Ok, Stop, Stop, Ok]),
            [None, None, Some(Ok), None, Some(Stop)]
        );
        assert_eq!(told(&[Stop, Stop]), [Some(Status::Unknown), None]);
    }

    #[test]
    fn a_gap_is_no_change_and_a_lasting_one_is() {
        use Status::{Ok, Stop, Unknown};
        assert_eq!(told(&[Ok, Unknown, Ok]), [None, None, None]);
        assert_eq!(told(&[Ok, Unknown, Stop]), [None, None, Some(Ok)]);
        let mut lasting = vec![Ok];
        lasting.extend([Unknown; 12]);
        lasting.push(Ok);
        let said = told(&lasting);
        assert_eq!(said[11], Some(Ok), "after a window");
        assert_eq!(said[13], Some(Unknown), "and back");
        assert_eq!(said.iter().flatten().count(), 2);
    }

    #[test]
    fn a_gap_does_not_make_a_status_younger() {
        let mut standing = Standing::default();
        let cause = Cause::NoMembers;
        standing.update(1_000, Status::Stop, cause, &rules());
        standing.update(2_000, Status::Unknown, cause, &rules());
        assert_eq!(standing.since(2_000), 2_000);
        standing.update(3_000, Status::Stop, cause, &rules());
        assert_eq!(standing.since(3_000), 1_000);
    }
}
