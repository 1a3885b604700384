//! Groups that are no consumer groups: Connect's workers, share groups, groups of Kafka Streams'
//! own protocol, schema registries …
//!
//! librdkafka's typed listing leaves them out without a word. Its untyped one (ListGroups and
//! DescribeGroups in version 0, of all groups at once) has them:
//! - a group of the classic protocol with its state and members, whatever its members speak;
//! - any other one by its name alone, as `Dead` and without protocol. Those of them that the typed
//!   listing has are consumer groups of KIP-848; the rest cannot be read by librdkafka 2.12, and
//!   a group that cannot be read is reported as such.
//!
//! The untyped listing is dear (it carries every member's metadata and assignment) and asks every
//! broker, so it is made rarely; in between the readable ones are asked for by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::memory::no_coordinator;
use super::rdkafka::{AnyGroup, Failure, Handle};
use super::snapshot::{Answer, Description, Group, Listing, Missing, Reason, Store, Topic};

/// How often all groups are listed.
const REFRESH: Duration = Duration::from_secs(60);

/// The most consumer groups beside which all are listed: the answer is made in memory as a whole.
const MOST_GROUPS: usize = 5_000;

/// The most that are kept; the rest is counted. There are a handful where there are any.
const MOST_OTHERS: usize = 1_000;

/// Groups asked for by name at once. Each takes a thread while it waits.
const AT_ONCE: usize = 8;

/// What the untyped listing calls a group that it cannot describe.
const NOT_CLASSIC: &str = "Dead";

/// What Kafka calls the protocol of all groups that are described here.
const CLASSIC: &str = "Classic";

/// What consumers speak.
const CONSUMER: &str = "consumer";

/// What is known of them.
#[derive(Debug, Default)]
pub struct Others {
    known: BTreeMap<String, AnyGroup>,
    /// How many there were when they were last listed, or why that is not known.
    count: Option<Answer<u64>>,
    listed_at: Option<Instant>,
}

/// What the typed listing told in this cycle.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    /// Its groups.
    pub listed: &'a BTreeMap<String, (Listing, i32)>,
    /// Whether every broker answered.
    pub complete: bool,
    /// Topics by the present metadata: one of Kafka's own tells which groups nobody can answer for.
    pub topics: &'a [Topic],
}

impl Others {
    /// Whether a group is one of them.
    pub fn contains(&self, group: &str) -> bool {
        self.known.contains_key(group)
    }

    /// How many there are.
    pub fn count(&self) -> Option<Answer<u64>> {
        self.count.clone()
    }

    /// All of them, as they are now; those that cannot be read say why.
    ///
    /// Nothing is listed while a broker is silent: the listing would wait for it, and make
    /// librdkafka connect to it without a pause.
    ///
    /// # Cancel safety
    /// What is under way ends on its own thread, and nobody hears of it.
    pub async fn read(
        &mut self,
        handle: &Arc<Handle>,
        typed: Typed<'_>,
        deadline: Instant,
    ) -> Vec<Group> {
        self.known.retain(|id, _| !typed.listed.contains_key(id));
        let known = self.known.iter();
        let orphans = known.filter(|(id, _)| no_coordinator(id, typed.topics).is_some());
        let orphans: Vec<AnyGroup> = orphans.map(|(_, one)| one.clone()).collect();
        let mut groups = self.ask(handle, typed, deadline).await;
        groups.retain(|group| orphans.iter().all(|one| one.id != group.id));
        // No answer has them, and they must not vanish.
        let why = "its part of __consumer_offsets has no leader";
        let missing = Missing::new(Reason::CoordinatorUnavailable, why);
        for one in orphans {
            self.known.insert(one.id.clone(), one.clone());
            groups.push(self.unread(&one.id, &missing));
        }
        groups
    }

    async fn ask(
        &mut self,
        handle: &Arc<Handle>,
        typed: Typed<'_>,
        deadline: Instant,
    ) -> Vec<Group> {
        let now = Instant::now();
        let is_due = |at: Instant| now.saturating_duration_since(at) >= REFRESH;
        if typed.complete && self.listed_at.is_none_or(is_due) {
            self.list(handle, typed, deadline).await;
            return self.known.values().map(group).collect();
        }
        let mut groups: Vec<Group> = self
            .known
            .values()
            .filter(|one| !is_readable(one))
            .map(group)
            .collect();
        let readable: Vec<String> = self
            .known
            .values()
            .filter(|one| is_readable(one))
            .map(|one| one.id.clone())
            .collect();
        if typed.complete {
            groups.extend(self.describe(handle, readable, deadline).await);
        } else {
            let why = "not asked for while a broker is silent";
            let missing = Missing::new(Reason::CoordinatorUnavailable, why);
            groups.extend(readable.iter().map(|id| self.unread(id, &missing)));
        }
        groups
    }

    async fn list(&mut self, handle: &Arc<Handle>, typed: Typed<'_>, deadline: Instant) {
        let before: Vec<String> = self.known.keys().cloned().collect();
        let listed = match typed.listed.len() {
            0..=MOST_GROUPS => ask(handle, None, deadline).await,
            _ => Err(Missing::new(
                Reason::Unsupported,
                format!("not listed beside more than {MOST_GROUPS} consumer groups"),
            )),
        };
        match listed {
            Ok(groups) => {
                let mut count = 0;
                self.known.clear();
                for one in groups {
                    if typed.listed.contains_key(&one.id) || !is_other(&one) {
                        continue;
                    }
                    count += 1;
                    if self.known.len() < MOST_OTHERS {
                        self.known.insert(one.id.clone(), one);
                    }
                }
                self.count = Some(Ok(count));
            }
            Err(missing) => self.count = Some(Err(missing)),
        }
        // A group that came or went between the two listings looks like one that cannot be read:
        // a change is looked at once more.
        let unchanged = self.known.keys().eq(&before);
        self.listed_at = unchanged.then(Instant::now);
    }

    /// Asks for each by name. One that is gone is forgotten.
    async fn describe(
        &mut self,
        handle: &Arc<Handle>,
        ids: Vec<String>,
        deadline: Instant,
    ) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut waiting = ids.into_iter();
        let mut asked = JoinSet::new();
        loop {
            while asked.len() < AT_ONCE
                && let Some(id) = waiting.next()
            {
                let handle = Arc::clone(handle);
                asked.spawn(async move {
                    let answer = ask(&handle, Some(id.clone()), deadline).await;
                    (id, answer)
                });
            }
            let Some(ended) = asked.join_next().await else {
                return groups;
            };
            let Ok((id, answer)) = ended else { continue };
            match answer.map(|mut found| found.pop()) {
                Ok(None) => {
                    self.known.remove(&id);
                }
                Ok(Some(one)) => {
                    groups.push(group(&one));
                    self.known.insert(id, one);
                }
                Err(missing) => groups.push(self.unread(&id, &missing)),
            }
        }
    }

    fn unread(&self, id: &str, missing: &Missing) -> Group {
        let broker = self.known.get(id).map(|one| one.broker);
        Group {
            id: id.to_owned(),
            store: Store::Kafka,
            coordinator: broker,
            listing: None,
            description: Err(missing.clone()),
            committed: Err(missing.clone()),
            last_partitions: BTreeMap::new(),
        }
    }
}

async fn ask(
    handle: &Arc<Handle>,
    only: Option<String>,
    deadline: Instant,
) -> Answer<Vec<AnyGroup>> {
    let handle = Arc::clone(handle);
    let rest = deadline.saturating_duration_since(Instant::now());
    let asked = move || handle.any_groups(only.as_deref(), rest);
    match tokio::task::spawn_blocking(asked).await {
        Ok(answer) => answer.map_err(Missing::from),
        Err(error) => Err(Missing::new(Reason::Error, error.to_string())),
    }
}

/// Consumer groups that the typed listing did not have came or went in between: the next one tells.
fn is_other(group: &AnyGroup) -> bool {
    let only_offsets = group.protocol_type.is_empty() && group.state != NOT_CLASSIC;
    group.protocol_type != CONSUMER && !(group.code == 0 && only_offsets)
}

fn is_readable(group: &AnyGroup) -> bool {
    group.code == 0 && group.state != NOT_CLASSIC
}

fn group(one: &AnyGroup) -> Group {
    let unsupported = || {
        let why = "a group of neither the classic nor the consumer protocol: librdkafka 2.12 can \
                   read no more of it than its name";
        Missing::new(Reason::Unsupported, why)
    };
    let missing = match one.code {
        _ if is_readable(one) => None,
        0 => Some(unsupported()),
        code => Some(Failure::of_code(code).into()),
    };
    let described = Description {
        state: one.state.clone(),
        kind: CLASSIC.to_owned(),
        simple: false,
        assignor: one.protocol.clone(),
        members: one.members.clone(),
    };
    // Offsets of a classic group are read like those of any other, later.
    let unread = || Missing::new(Reason::Timeout, "the coordinator did not answer");
    Group {
        id: one.id.clone(),
        store: Store::Kafka,
        coordinator: Some(one.broker),
        listing: Some(Listing {
            state: match &missing {
                None => one.state.clone(),
                Some(_) => String::new(),
            },
            kind: String::new(),
            simple: false,
            protocol: Some(one.protocol_type.clone()).filter(|name| !name.is_empty()),
        }),
        description: match &missing {
            None => Ok(described),
            Some(missing) => Err(missing.clone()),
        },
        committed: Err(missing.unwrap_or_else(unread)),
        last_partitions: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(id: &str, state: &str, protocol_type: &str) -> AnyGroup {
        AnyGroup {
            id: id.into(),
            broker: 1,
            code: 0,
            state: state.into(),
            protocol_type: protocol_type.into(),
            protocol: "sessioned".into(),
            members: vec![],
        }
    }

    #[test]
    fn consumer_groups_are_left_to_the_typed_listing() {
        assert!(!is_other(&any("a", "Stable", "consumer")));
        assert!(!is_other(&any("a", "Empty", "")));
        assert!(is_other(&any("a", "Stable", "connect")));
        assert!(is_other(&any("a", "Dead", "")));
        let refused = AnyGroup {
            code: 30,
            ..any("a", "", "")
        };
        assert!(is_other(&refused));
        assert_eq!(
            group(&refused).description.unwrap_err().reason,
            Reason::NotAuthorized
        );
    }

    #[test]
    fn what_cannot_be_read_says_so_and_the_rest_has_its_state() {
        let connect = group(&any("workers", "Stable", "connect"));
        let description = connect.description.unwrap();
        assert_eq!(description.state, "Stable");
        assert_eq!(description.assignor, "sessioned");
        assert_eq!(connect.listing.unwrap().protocol.unwrap(), "connect");
        let share = group(&any("shared", "Dead", ""));
        assert_eq!(share.description.unwrap_err().reason, Reason::Unsupported);
        assert_eq!(share.committed.unwrap_err().reason, Reason::Unsupported);
        assert_eq!(share.listing.unwrap().state, "");
    }
}
