//! What has changed since the last tick → lines of the event stream. Pure.
//!
//! Changes are told against what was seen last; what is seen for the first time is no change, so that a start of the agent
//! tells nothing. Unknown in between is no change either.

use super::digest::Digest;
use super::member::Member;
use super::sight::Sight;
use crate::document::Document;
use crate::event::event;

/// In so many ticks in a row members must disagree: what they say at one moment may be from before and after a change.
const SPLIT_TICKS: u8 = 2;

/// What was seen last.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    leader: Option<Leader>,
    /// Whether a member answered.
    answered: Vec<(Who, bool)>,
    margin: Option<i64>,
    /// For how many ticks members have disagreed, up to the number that counts.
    split: u8,
}

/// A member in the memory.
#[derive(Debug, Clone)]
struct Who {
    id: Option<u64>,
    address: Option<String>,
}

/// Who led, in which epoch.
#[derive(Debug, Clone)]
struct Leader {
    who: Who,
    name: String,
    epoch: Option<u64>,
}

impl Who {
    fn of(member: &Member) -> Self {
        Self {
            id: member.id,
            address: member.address.clone(),
        }
    }

    /// By the id; a member that had not told it then, or does not know it now, by its address.
    fn is(&self, member: &Member) -> bool {
        match (self.id, member.id) {
            (Some(id), Some(other)) => id == other,
            _ => self.address.is_some() && self.address == member.address,
        }
    }
}

/// An event without the name of its ensemble.
struct Line {
    action: &'static str,
    level: &'static str,
    message: String,
    /// The member that it is about.
    id: Option<String>,
}

impl Memory {
    /// Everything that has changed.
    pub(super) fn events(&mut self, name: &str, sight: &Sight<'_>) -> Vec<Document> {
        let mut lines = self.members(sight);
        lines.extend(self.leader(sight));
        lines.extend(self.quorum(sight));
        lines.extend(self.split(sight));
        let margin = sight.quorum.margin();
        let documents = lines.into_iter().map(|line| {
            let message = format!("ensemble {name}: {}", line.message);
            event(line.action, line.level, &message)
                .with("zookeeper.ensemble.name", name)
                .with_some("zookeeper.server.id", line.id)
                .with_some("zookeeper.ensemble.quorum.margin", margin)
        });
        documents.collect()
    }

    fn members(&mut self, sight: &Sight<'_>) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut before = std::mem::take(&mut self.answered);
        for member in sight.members {
            let known = before.iter().position(|(who, _)| who.is(member));
            let last = known.map(|index| before.swap_remove(index).1);
            let (now, why) = match &member.digest {
                Some(Digest::Silent(why)) => (Some(false), why.as_str()),
                Some(_) => (Some(true), ""),
                None => (last, ""),
            };
            let (action, level, message) = match (last, now) {
                (Some(true), Some(false)) => {
                    let message = format!("server {} does not answer: {why}", member.name());
                    ("zookeeper-member-lost", "warning", message)
                }
                (Some(false), Some(true)) => {
                    let message = format!("server {} answers again", member.name());
                    ("zookeeper-member-back", "info", message)
                }
                _ => ("", "", String::new()),
            };
            if let Some(now) = now {
                self.answered.push((Who::of(member), now));
            }
            if !action.is_empty() {
                let id = Some(member.key());
                lines.push(Line {
                    action,
                    level,
                    message,
                    id,
                });
            }
        }
        lines
    }

    fn leader(&mut self, sight: &Sight<'_>) -> Option<Line> {
        let (member, report) = sight.leader?;
        let (name, epoch) = (member.name(), report.epoch());
        let now = Leader {
            who: Who::of(member),
            name: name.clone(),
            epoch,
        };
        let before = self.leader.replace(now)?;
        let epochs = match (before.epoch, epoch) {
            (Some(before), Some(now)) => format!(" (epoch {before} → {now})"),
            _ => String::new(),
        };
        let message = match before.who.is(member) {
            true if before.epoch.is_some() && epoch > before.epoch => {
                format!("server {name} was elected leader anew{epochs}")
            }
            true => return None,
            false => format!(
                "the leader is server {name}, until now {}{epochs}",
                before.name
            ),
        };
        Some(Line {
            action: "zookeeper-leader-changed",
            level: "warning",
            message,
            id: Some(member.key()),
        })
    }

    fn quorum(&mut self, sight: &Sight<'_>) -> Option<Line> {
        let quorum = sight.quorum;
        let now = quorum.margin()?;
        let before = self.margin.replace(now)?;
        if before.signum() == now.signum() {
            return None;
        }
        let (serving, size) = (quorum.serving?, quorum.size?);
        let numbers = format!(
            "{serving} of {size} voters serve, {} are needed",
            quorum.majority?
        );
        let (action, level, message) = match now {
            ..0 => (
                "zookeeper-quorum-lost",
                "error",
                format!("there is no quorum: {numbers}"),
            ),
            0 => {
                let message = format!("the quorum has no margin: {numbers}");
                ("zookeeper-quorum-margin-zero", "warning", message)
            }
            1.. => {
                let message = format!("the quorum has a margin of {now} again: {numbers}");
                ("zookeeper-quorum-margin-back", "info", message)
            }
        };
        let id = None;
        Some(Line {
            action,
            level,
            message,
            id,
        })
    }

    fn split(&mut self, sight: &Sight<'_>) -> Option<Line> {
        let was_told = self.split == SPLIT_TICKS;
        let found = &sight.disagreements;
        self.split = match found.is_empty() {
            true => 0,
            false => (self.split + 1).min(SPLIT_TICKS),
        };
        let id = None;
        match (was_told, self.split) {
            (false, SPLIT_TICKS) => {
                let sentences: Vec<&str> = found.iter().map(|one| one.sentence.as_str()).collect();
                Some(Line {
                    action: "zookeeper-split-view-begun",
                    level: "error",
                    message: format!("members disagree: {}", sentences.join("; ")),
                    id,
                })
            }
            (true, 0) => Some(Line {
                action: "zookeeper-split-view-ended",
                level: "info",
                message: "members agree again".to_owned(),
                id,
            }),
            _ => None,
        }
    }
}
