//! `brokerbeat jmx ps`: the JVMs of this machine. Only looks: nothing is signalled, connected to or written.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use jvm_attach::{Jvm, jvms};
use serde_json::{Value, json};

use super::role::Role;
use crate::cli::{finish, say};
use crate::collect::jmx::local::Pattern;

/// More of a command line would not be read.
const SHOWN_COMMAND: usize = 60;

/// List the JVMs of this machine, what they are and how each can be reached.
#[derive(Debug, Args)]
pub(in crate::cli) struct Ps {
    /// Write a JSON object a line
    #[arg(long)]
    json: bool,
}

/// A JVM and all that there is to say about it.
struct Row<'a> {
    jvm: &'a Jvm,
    role: Role,
    /// What to write for it in the configuration, if it can be reached.
    endpoint: Option<String>,
}

impl Ps {
    /// Does it and says how it ended.
    pub(super) fn execute(&self) -> ExitCode {
        finish(self.list())
    }

    fn list(&self) -> anyhow::Result<()> {
        let jvms = jvms().context("cannot look for JVMs")?;
        let rows: Vec<Row<'_>> = jvms
            .iter()
            .map(|jvm| Row {
                jvm,
                role: Role::of(jvm),
                endpoint: endpoint(jvm, &jvms),
            })
            .collect();
        if self.json {
            return rows.iter().try_for_each(|row| say(&row.json().to_string()));
        }
        table(&rows).iter().try_for_each(|line| say(line))
    }
}

/// By the attach socket if that works: it needs no password, whatever the port wants.
fn endpoint(jvm: &Jvm, all: &[Jvm]) -> Option<String> {
    match (&jvm.obstacle, jvm.jmx_port()) {
        (None, _) => Some(format!("local:{}", pattern(jvm, all))),
        (Some(_), Some(port)) => Some(format!("127.0.0.1:{port}")),
        (Some(_), None) => None,
    }
}

/// The shortest that fits this JVM alone and is still true after its restart; the pid where there is none.
fn pattern(jvm: &Jvm, all: &[Jvm]) -> Pattern {
    let name = jvm.main_name();
    let arguments = jvm.arguments.iter().flat_map(|argument| {
        let file = argument.rsplit('/').next().unwrap_or(argument);
        [format!("*{name} *{file}*"), format!("*{name} *{argument}*")]
    });
    std::iter::once(name.to_owned())
        .chain(arguments)
        .map(|text| Pattern::parse(&text))
        .find(|pattern| {
            pattern.fits(jvm) && all.iter().filter(|other| pattern.fits(other)).count() == 1
        })
        .unwrap_or(Pattern::Pid(jvm.pid))
}

impl Row<'_> {
    /// "JMX port 9999, local", or why not.
    fn reach(&self) -> String {
        let mut ways = Vec::new();
        if let Some(port) = self.jvm.jmx_port() {
            ways.push(format!("JMX port {port}{}", guard(self.jvm)));
        }
        match &self.jvm.obstacle {
            None => ways.push("local".to_owned()),
            Some(obstacle) => ways.push(format!("not local: it {obstacle}")),
        }
        ways.join(", ")
    }

    /// The line for the configuration.
    fn config(&self) -> Option<String> {
        let presets = self.role.presets.join(", ");
        let endpoint = Value::from(self.endpoint.as_deref()?);
        Some(format!("- {{endpoint: {endpoint}, presets: [{presets}]}}"))
    }

    fn json(&self) -> Value {
        json!({
            "pid": self.jvm.pid,
            "inner_pid": self.jvm.inner_pid,
            "user": self.jvm.user,
            "uid": self.jvm.uid,
            "java": self.jvm.version,
            "what": self.role.what,
            "main": self.jvm.main,
            "arguments": self.jvm.arguments,
            "jmx_port": self.jvm.jmx_port(),
            "local": self.jvm.obstacle.is_none(),
            "obstacle": self.jvm.obstacle.as_ref().map(ToString::to_string),
            "endpoint": self.endpoint,
            "presets": self.role.presets,
            "config": self.config(),
        })
    }
}

/// What the JMX port asks for: both are on unless they were switched off.
fn guard(jvm: &Jvm) -> String {
    let is_on =
        |name: &str| jvm.property(&format!("com.sun.management.jmxremote.{name}")) != Some("false");
    let guards: Vec<&str> = [("authenticate", "password"), ("ssl", "TLS")]
        .into_iter()
        .filter_map(|(name, guard)| is_on(name).then_some(guard))
        .collect();
    match guards.as_slice() {
        [] => String::new(),
        guards => format!(" ({})", guards.join(", ")),
    }
}

/// A line a JVM, and below it the line for the configuration.
fn table(rows: &[Row<'_>]) -> Vec<String> {
    let head = ["PID", "USER", "JAVA", "WHAT", "COMMAND", "REACHED BY"].map(str::to_owned);
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            [
                row.jvm.pid.to_string(),
                printable(&row.jvm.user),
                printable(row.jvm.version.as_deref().unwrap_or("?")),
                printable(&row.role.what),
                shortened(&row.jvm.command()),
                row.reach(),
            ]
        })
        .collect();
    let mut widths = head.each_ref().map(|cell| cell.chars().count());
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 6]| {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&head)];
    for (row, cells) in rows.iter().zip(&cells) {
        lines.push(line(cells));
        lines.extend(row.config().map(|config| format!("    {config}")));
    }
    lines
}

/// Command lines are other people's: what is no visible character must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

fn shortened(command: &str) -> String {
    let command = printable(command);
    if command.chars().count() <= SHOWN_COMMAND {
        return command;
    }
    command
        .chars()
        .take(SHOWN_COMMAND - 1)
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jvm(pid: u32, words: &[&str]) -> Jvm {
        Jvm::from_command_line(pid, words.join("\0").as_bytes())
    }

    #[test]
    fn the_shortest_pattern_that_fits_one() {
        let all = [
            jvm(1, &["java", "kafka.Kafka", "/a/server-1.properties"]),
            jvm(2, &["java", "kafka.Kafka", "/a/server-2.properties"]),
            jvm(3, &["java", "kafka.Kafka", "/b/server-2.properties"]),
            jvm(4, &["java", "-jar", "/opt/orders.jar"]),
            jvm(5, &["java", "a.Twin"]),
            jvm(6, &["java", "a.Twin"]),
        ];
        let patterns = all.each_ref().map(|jvm| pattern(jvm, &all).to_string());
        assert_eq!(
            patterns,
            [
                "*kafka.Kafka *server-1.properties*",
                "*kafka.Kafka */a/server-2.properties*",
                "*kafka.Kafka */b/server-2.properties*",
                "orders.jar",
                "pid=5",
                "pid=6"
            ]
        );
    }

    #[test]
    fn a_line_of_the_table_and_one_for_the_configuration() {
        let port = "-Dcom.sun.management.jmxremote.port=9999";
        let open = "-Dcom.sun.management.jmxremote.authenticate=false";
        let hostile = jvm(7, &["java", port, open, "a.\u{1b}[2J", &"x".repeat(99)]);
        let jvms = [hostile];
        let row = Row {
            jvm: &jvms[0],
            role: Role::of(&jvms[0]),
            endpoint: endpoint(&jvms[0], &jvms),
        };
        assert_eq!(row.reach(), "JMX port 9999 (TLS), local");
        let lines = table(&[row]);
        assert_eq!(lines.len(), 3);
        assert!(
            lines.iter().all(|line| !line.contains(char::is_control)),
            "{lines:?}"
        );
        assert!(
            lines[1].contains("a.?[2J xxx") && lines[1].contains('…'),
            "{lines:?}"
        );
        assert!(lines[2].ends_with("presets: [jvm]}"), "{lines:?}");
    }
}
