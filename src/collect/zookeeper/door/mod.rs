//! The doors of a server, and which of them is taken. The only part of the collector that awaits.
//!
//! With `door: auto` the four-letter words are tried first, then the AdminServer, then the metrics provider for
//! Prometheus, until one tells the figures of `mntr`. That one is asked from then on, as long as it does; the earlier ones are
//! tried again now and then, as somebody may have opened them.

mod error;
mod hello;
mod http;
mod words;

use std::time::Duration;

use tokio::time::Instant;

pub(super) use error::DoorError;
pub(super) use http::Place;
pub(super) use words::NOT_SERVING;

use self::http::Http;
use super::Server;
use super::answer::{Answers, Door, Question};
use crate::collect::{Fault, FaultKind};

/// After this time a door behind the first one is left for the first, to see whether it has been opened.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// The door that was open last, since when, and why others before it were not.
type Settled = (Door, Instant, Vec<Fault>);

/// The doors of one server. Keeps HTTP connections between cycles.
#[derive(Debug, Default)]
pub(super) struct Doors {
    admin: Option<Http>,
    prometheus: Option<Http>,
    settled: Option<Settled>,
}

impl Doors {
    /// Asks through the first door that is open, and where none is, gives what the first one said.
    pub(super) async fn ask(&mut self, server: &Server, deadline: Instant) -> Answers {
        let known = self.settled.take().filter(|(door, since, _)| {
            server.doors.first() == Some(door) || since.elapsed() < LOOK_AGAIN
        });
        let mut doors = server.doors.clone();
        if let Some((door, ..)) = &known {
            // The door that was open; if it is closed now, the others in their order.
            doors.sort_by_key(|other| other != door);
        }
        let mut closed = Vec::new();
        let mut first = None;
        for (index, door) in doors.iter().enumerate() {
            let left = u32::try_from(doors.len() - index).unwrap_or(1);
            let answers = self.through(*door, server, share(deadline, left)).await;
            if answers.is_open() {
                return self.settle(answers, closed, known);
            }
            closed.push(why_closed(&answers));
            first.get_or_insert(answers);
        }
        let mut answers = first.unwrap_or(Answers {
            door: Door::Words,
            replies: Vec::new(),
            closed: Vec::new(),
        });
        // The reasons of the door whose answers these are stand in the replies themselves.
        answers.closed = closed.into_iter().skip(1).collect();
        answers
    }

    fn settle(
        &mut self,
        mut answers: Answers,
        mut closed: Vec<Fault>,
        known: Option<Settled>,
    ) -> Answers {
        let since = match known {
            Some((door, since, before)) if door == answers.door => {
                closed = before;
                since
            }
            _ => {
                tracing::debug!(door = answers.door.as_str(), closed = ?closed, "door taken");
                Instant::now()
            }
        };
        self.settled = Some((answers.door, since, closed.clone()));
        answers.closed = closed;
        answers
    }

    async fn through(&mut self, door: Door, server: &Server, deadline: Instant) -> Answers {
        let (client, place) = match door {
            Door::Words => return words::ask(server, deadline).await,
            Door::Admin => (&mut self.admin, &server.admin),
            Door::Prometheus => (&mut self.prometheus, &server.prometheus),
        };
        let made = match client.take() {
            Some(made) => Ok(made),
            None => Http::new(place),
        };
        match made {
            Ok(made) => client.insert(made).ask(server, door, deadline).await,
            Err(error) => Answers {
                door,
                replies: vec![(Question::Monitor, Err(error))],
                closed: Vec::new(),
            },
        }
    }
}

/// A door that hangs must leave time for those after it: half of what there is.
fn share(deadline: Instant, doors_left: u32) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    match doors_left {
        0 | 1 => deadline,
        _ => Instant::now() + left / 2,
    }
}

/// Why the figures of `mntr` cannot be had through this door, as a sentence.
fn why_closed(answers: &Answers) -> Fault {
    match answers.get(Question::Monitor) {
        Some(Err(DoorError::NotWhitelisted { place })) => Fault::new(
            FaultKind::Refused,
            format!(
                "`mntr` is not in `4lw.commands.whitelist` of {place}; add it there, or open the AdminServer"
            ),
        ),
        Some(Err(error)) => Fault::new(error.kind(), format!("{}: {error}", answers.door)),
        _ => Fault::new(FaultKind::Internal, format!("{}: not asked", answers.door)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_door_leaves_half_of_the_time_to_those_behind_it() {
        let now = Instant::now();
        let deadline = now + Duration::from_secs(8);
        assert_eq!(share(deadline, 3), now + Duration::from_secs(4));
        assert_eq!(share(deadline, 1), deadline);
        assert_eq!(share(now, 2), now, "no time is no time");
    }
}
