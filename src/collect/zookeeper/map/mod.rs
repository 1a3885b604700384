//! What a server said → documents and faults. Pure.

mod connections;
mod lines;
mod metrics;
#[cfg(test)]
mod page;
mod server;
mod table;
#[cfg(test)]
mod tests;

use self::lines::Leftover;
use super::Server;
use super::answer::{Answers, Door, Question};
use super::door::DoorError;
use super::said::Said;
use crate::clock::Millis;
use crate::collect::{Collected, Fault, FaultKind};
use crate::document::Document;

/// Questions without which a server is not seen; closed words beside them are named in the document.
const ESSENTIAL: [Question; 3] = [Question::Server, Question::Monitor, Question::Alive];

/// Of one answer, this many values of a wrong kind are named.
const MAX_UNFIT: usize = 5;

/// Who the server is: its id in the ensemble, or its address where it has none (0 is what every standalone server says) or
/// does not tell. `None`: it may tell later, so nothing is written under another name until then.
pub(super) fn server_id(server: &Server, answers: &Answers, said: &Said<'_>) -> Option<Told> {
    let address = || Told::Address(server.address.clone());
    if let Some(part) = &said.configuration {
        let number = part.get("server_id").and_then(|id| id.parse::<u64>().ok());
        let is_cut = |(question, _): &(Question, String)| *question == Question::Configuration;
        if number.is_none() && said.damaged.iter().any(is_cut) {
            return None;
        }
        let id = number
            .filter(|id| *id > 0)
            .map(|id| Told::Id(id.to_string()));
        return Some(id.unwrap_or_else(address));
    }
    match answers.get(Question::Configuration) {
        None if answers.door == Door::Prometheus => Some(address()),
        Some(Err(
            DoorError::NotWhitelisted { .. }
            | DoorError::Strange { .. }
            | DoorError::Status {
                status: 401 | 403 | 404,
                ..
            },
        )) => Some(address()),
        _ => None,
    }
}

/// A server's name for itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    Id(String),
    Address(String),
}

impl Told {
    /// An address, of a server that may not tell its id now, does not replace the id that it has told.
    pub(super) fn after(self, known: Option<Self>) -> Self {
        match (self, known) {
            (Self::Address(_), Some(known @ Self::Id(_))) => known,
            (told, _) => told,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Id(text) | Self::Address(text) => text,
        }
    }
}

/// Documents of one server, and what is missing.
pub(super) fn collected(
    server: &Server,
    id: &str,
    answers: &Answers,
    said: &Said<'_>,
) -> Collected {
    let mut collected = Collected::default();
    let mut unknown = 0;
    let monitor = said
        .monitor
        .as_ref()
        .map(|part| metrics::documents(part, id));
    let (families, leftover) = monitor.unwrap_or_default();
    unknown += note(&mut collected.faults, server, "mntr", leftover);
    let mut state = Document::new("zookeeper.server", "srvr").key("zookeeper.server.id", id);
    for (word, leftover) in server::put_all(said, &mut state) {
        unknown += note(&mut collected.faults, server, word, leftover);
    }
    // Alive, but `srvr` is not to be had: still worth a document.
    if said.server.is_some() || said.is_alive == Some(true) || !families.is_empty() {
        unknown += said.connections.as_ref().map_or(0, |all| all.strange);
        collected
            .documents
            .push(about_doors(state, answers, unknown));
    }
    collected.documents.extend(families);
    collected.documents.extend(sessions(server, id, said));
    faults(&mut collected, server, answers, said);
    collected
}

/// Puts into the server's document since when its counters grow.
pub(super) fn mark(collected: &mut Collected, since: Option<Millis>) {
    let mut documents = collected.documents.iter_mut();
    let server = documents.find(|document| document.dataset == "zookeeper.server");
    if let (Some(server), Some(since)) = (server, since) {
        server.set("zookeeper.server.since", since.to_rfc3339());
    }
}

fn sessions(server: &Server, id: &str, said: &Said<'_>) -> Vec<Document> {
    let Some(connections) = &said.connections else {
        return Vec::new();
    };
    let mut damaged = said.damaged.iter();
    let is_whole = !damaged.any(|(question, _)| *question == Question::Connections);
    connections::documents(connections, id, server.connections, is_whole)
}

fn about_doors(document: Document, answers: &Answers, unknown: usize) -> Document {
    let closed_words: Vec<&str> = closed_words(answers)
        .filter(|question| !ESSENTIAL.contains(question))
        .map(Question::word)
        .collect();
    let closed: Vec<&str> = answers.closed.iter().map(|why| &*why.message).collect();
    document
        .with("zookeeper.server.door.name", answers.door.as_str())
        .with_some(
            "zookeeper.server.door.closed",
            Some(closed).filter(|closed| !closed.is_empty()),
        )
        .with_some(
            "zookeeper.server.door.closed_words",
            Some(closed_words).filter(|words| !words.is_empty()),
        )
        .with("zookeeper.server.unknown_lines", unknown)
}

fn closed_words(answers: &Answers) -> impl Iterator<Item = Question> {
    let closed = answers
        .replies
        .iter()
        .filter(|(_, reply)| matches!(reply, Err(DoorError::NotWhitelisted { .. })));
    closed.map(|(question, _)| *question)
}

/// Names what is of another kind than the table says; how much is not in the table at all.
fn note(faults: &mut Vec<Fault>, server: &Server, word: &str, leftover: Leftover) -> usize {
    let named = leftover.unfit.into_iter().take(MAX_UNFIT);
    faults.extend(named.map(|(name, value)| {
        let value: String = value.chars().take(MAX_UNFIT * 8).collect();
        let message = format!(
            "{word}: {}: {name} is `{}`, which is not a number of the expected kind",
            server.address,
            value.escape_debug()
        );
        Fault::new(FaultKind::Partial, message)
    }));
    leftover.unknown
}

/// What is missing. A whole server that is away is one thing to say, not ten.
fn faults(collected: &mut Collected, server: &Server, answers: &Answers, said: &Said<'_>) {
    told(&mut collected.faults, server, answers.door, said);
    refusals(collected, answers);
    for (question, reply) in &answers.replies {
        match reply {
            Ok(_) | Err(DoorError::NotWhitelisted { .. }) => collected.up = true,
            // Words that this version does not have yet.
            Err(DoorError::Nothing { .. }) if is_young(*question, said) => {}
            // The AdminServer fails at what a server would have to say that is not there.
            Err(DoorError::Status { status: 500, .. }) if answers.says_not_serving() => {}
            Err(error) => {
                let word = answers.door.name_of(*question);
                let message = format!("{word}: {error}");
                collected.faults.push(Fault::new(error.kind(), message));
            }
        }
    }
    if !collected.up {
        collected.faults.truncate(1);
    }
    // Where one of them is open, the document says why the others are not used.
    if !answers.is_open() {
        collected.faults.extend(answers.closed.iter().cloned());
    }
}

/// What the answers themselves say is missing.
fn told(faults: &mut Vec<Fault>, server: &Server, door: Door, said: &Said<'_>) {
    let address = &server.address;
    for question in &said.not_serving {
        let word = door.name_of(*question);
        let message =
            format!("{word}: {address} is not serving requests (no quorum, or still starting)");
        faults.push(Fault::new(FaultKind::Refused, message));
    }
    for (question, why) in &said.damaged {
        let message = format!("{}: {address}: {why}", door.name_of(*question));
        faults.push(Fault::new(FaultKind::Partial, message));
    }
}

/// One sentence for all words that are closed, if an essential one is among them.
fn refusals(collected: &mut Collected, answers: &Answers) {
    let words: Vec<Question> = closed_words(answers).collect();
    let has_statistics = matches!(answers.get(Question::Statistics), Some(Ok(_)));
    let is_missed = |word: &Question| {
        ESSENTIAL.contains(word) && !(*word == Question::Server && has_statistics)
    };
    let Some(Err(DoorError::NotWhitelisted { place })) = words
        .iter()
        .find(|word| is_missed(word))
        .and_then(|word| answers.get(*word))
    else {
        return;
    };
    let named: Vec<String> = words
        .iter()
        .map(|word| format!("`{}`", word.word()))
        .collect();
    let verb = if named.len() == 1 { "is" } else { "are" };
    let message = format!(
        "{} {verb} not in `4lw.commands.whitelist` of {place}; add {} there, or open the AdminServer",
        named.join(", "),
        if named.len() == 1 { "it" } else { "them" },
    );
    collected
        .faults
        .push(Fault::new(FaultKind::Refused, message));
}

/// `dirs` came with 3.5.
fn is_young(question: Question, said: &Said<'_>) -> bool {
    let version = said.server.as_ref().and_then(|part| part.get("version"));
    question == Question::Directories && version.is_some_and(|version| version.starts_with("3.4."))
}
