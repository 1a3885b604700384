//! Whether a topic is still the one that it was: one that was deleted and made anew has another id.
//!
//! A log that is shorter than before is another one; one that has grown beyond the old end between two cycles is told by
//! this alone. Ids are asked for after everything else: if one is the same as in the last cycle, then all that was read in
//! between is of the same topic. If it is another one, what was found in this cycle may be of both. Kafka before 2.8 has none.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::super::client::Client;
use super::super::rdkafka::{Answered, Request, TopicId};

/// Topics in one request: its answer names all their partitions.
const TOPICS_PER_CALL: usize = 200;

/// Asks a broker that answers, if there is one, for the ids of topics; those that it does not tell are left out.
pub(super) async fn ask(
    client: &mut Client,
    alive: Option<i32>,
    topics: &[&str],
    deadline: Instant,
) -> Vec<(String, TopicId)> {
    let mut found = Vec::new();
    let Some(broker) = alive else {
        return found;
    };
    let mut flight = client.flight(deadline);
    for topics in topics.chunks(TOPICS_PER_CALL) {
        flight.ask(&Request::TopicIds { broker, topics }, ());
    }
    while let Some((_, answer)) = flight.next().await {
        if let Ok(Answered::TopicIds(ids)) = answer {
            found.extend(ids);
        }
    }
    found
}

/// The last known ids.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeMap<String, TopicId>);

impl Ids {
    /// Topics whose id is not known yet.
    pub(super) fn unknown<'t>(&self, topics: &[&'t str]) -> Vec<&'t str> {
        let unknown = |topic: &&&str| !self.0.contains_key(**topic);
        topics.iter().filter(unknown).copied().collect()
    }

    /// Takes the ids of topics that were not known.
    pub(super) fn meet(&mut self, told: Vec<(String, TopicId)>) {
        self.0.extend(told);
    }

    /// Takes what was told and gives the topics that were made anew. Of a topic that is not among `topics` nothing is kept.
    pub(super) fn take(&mut self, told: Vec<(String, TopicId)>, topics: &[&str]) -> Vec<String> {
        self.0
            .retain(|name, _| topics.binary_search(&name.as_str()).is_ok());
        let mut renewed = Vec::new();
        for (name, id) in told {
            if self.0.insert(name.clone(), id).is_some_and(|old| old != id) {
                renewed.push(name);
            }
        }
        renewed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_made_anew_where_its_id_is_another() {
        let mut ids = Ids::default();
        let told = |all: &[(&str, i64)]| {
            let all = all.iter();
            all.map(|(name, id)| ((*name).to_owned(), (*id, 0)))
                .collect()
        };
        let none: [String; 0] = [];
        assert_eq!(ids.take(told(&[("a", 1), ("b", 2)]), &["a", "b"]), none);
        // Nobody told: nothing is concluded, and nothing forgotten.
        assert_eq!(ids.take(told(&[("a", 1)]), &["a", "b"]), none);
        assert_eq!(ids.take(told(&[("a", 1), ("b", 3)]), &["a", "b"]), ["b"]);
        assert_eq!(ids.take(told(&[("a", 1)]), &["a"]), none);
        assert_eq!(ids.take(told(&[("b", 4)]), &["a", "b"]), none);
    }
}
