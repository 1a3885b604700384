//! What a server said, in the same words whichever door it came through. Pure: text in, figures out.
//!
//! Lines may come in any order. A line that is no figure is counted, never an error: the next version has others.

mod admin;
mod connections;
mod prometheus;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

pub(super) use connections::{Connection, Connections};

use super::answer::{Answers, Door, Question};
use super::door::NOT_SERVING;

/// More figures are counted and not kept. `mntr` of 3.9 has 500, and 30 more for each learner and namespace.
const MAX_FIGURES: usize = 10_000;

/// Named figures. The names are the AdminServer's, whichever door they came through.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Part<'a> {
    pub(super) figures: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Lines that are no figure.
    pub(super) strange: usize,
}

impl<'a> Part<'a> {
    fn add(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        match self.figures.len() < MAX_FIGURES {
            true => self.figures.push((name.into(), value.into())),
            false => self.strange += 1,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.figures.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }
}

/// Everything that one server said in a cycle. What it did not say is absent.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) server: Option<Part<'a>>,
    pub(super) monitor: Option<Part<'a>>,
    pub(super) configuration: Option<Part<'a>>,
    pub(super) environment: Option<Part<'a>>,
    pub(super) watches: Option<Part<'a>>,
    pub(super) directories: Option<Part<'a>>,
    pub(super) connections: Option<Connections>,
    pub(super) is_alive: Option<bool>,
    pub(super) is_read_only: Option<bool>,
    /// Questions that a server answers that is up and does not serve.
    pub(super) not_serving: Vec<Question>,
    /// Questions whose answers are not all there or not readable, and why.
    pub(super) damaged: Vec<(Question, String)>,
}

/// Lines as `conf` has them: also those of the node `/zookeeper/config`.
pub(super) fn configuration(text: &str) -> Part<'_> {
    words::configuration(text)
}

impl<'a> Said<'a> {
    /// Reads all answers.
    pub(super) fn read(answers: &'a Answers) -> Self {
        let mut said = Self::default();
        for (question, reply) in &answers.replies {
            let Ok(answer) = reply else { continue };
            if let Some(why) = &answer.cut {
                said.damaged
                    .push((*question, format!("the answer is cut off: {why}")));
            }
            match answers.door {
                Door::Words => said.word(*question, &answer.text, answer.cut.is_none()),
                Door::Admin => said.command(*question, &answer.text),
                Door::Prometheus => said.monitor = Some(prometheus::read(&answer.text)),
            }
        }
        said
    }

    fn word(&mut self, question: Question, text: &'a str, is_whole: bool) {
        if text.contains(NOT_SERVING) {
            self.not_serving.push(question);
            return;
        }
        if is_whole && let Some(why) = words::missing_end(question, text) {
            self.damaged
                .push((question, format!("the answer is cut off: {why}")));
        }
        let text = words::whole_lines(question, text);
        match question {
            Question::Server => self.server = Some(words::server(text)),
            Question::Statistics => {
                self.server = Some(words::server(text));
            }
            Question::Monitor => self.monitor = Some(words::monitor(text)),
            Question::Configuration => self.configuration = Some(words::configuration(text)),
            Question::Environment => self.environment = Some(words::environment(text)),
            Question::Watches => self.watches = Some(words::watches(text)),
            Question::Directories => self.directories = Some(words::directories(text)),
            Question::Connections => self.connected(Connections::of_words(text)),
            Question::Alive => self.is_alive = Some(text.trim() == "imok"),
            Question::ReadOnly => self.is_read_only = words::read_only(text),
        }
    }

    fn connected(&mut self, connections: Connections) {
        if connections.left_out > 0 {
            let more = connections.left_out;
            let why = format!("{more} connections are more than are looked at");
            self.damaged.push((Question::Connections, why));
        }
        self.connections = Some(connections);
    }

    fn command(&mut self, question: Question, text: &'a str) {
        if question == Question::Connections {
            match Connections::of_admin(text) {
                Ok(connections) => self.connected(connections),
                Err(error) => self.damaged.push((question, error.to_string())),
            }
            return;
        }
        let answer = match admin::read(text) {
            Ok(answer) => answer,
            Err(error) => {
                self.damaged.push((question, error.to_string()));
                return;
            }
        };
        match answer.error {
            Some(error) if error.contains(NOT_SERVING) => self.not_serving.push(question),
            Some(error) => self.damaged.push((question, error)),
            None => self.admin_part(question, answer.part),
        }
    }

    fn admin_part(&mut self, question: Question, part: Part<'a>) {
        match question {
            Question::Server | Question::Statistics => self.server = Some(admin::server(part)),
            Question::Monitor => self.monitor = Some(part),
            Question::Configuration => self.configuration = Some(part),
            Question::Environment => self.environment = Some(part),
            Question::Watches => self.watches = Some(part),
            Question::Directories => self.directories = Some(part),
            Question::Alive => self.is_alive = Some(true),
            Question::ReadOnly => {
                self.is_read_only = part.get("read_only").and_then(|text| text.parse().ok());
            }
            Question::Connections => {}
        }
    }
}
