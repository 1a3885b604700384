//! `brokerbeat jmx ps`: the JVMs of this machine. Only looks: nothing is signalled, connected to or written.

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use jvm_attach::{Jvm, jvms};
use serde_json::{Value, json};

use super::discreet;
use super::role::Role;
use crate::cli::show::{aligned, printable};
use crate::cli::{finish, say};
use crate::collect::jmx::local::Pattern;
use crate::config::units::show_host_port;

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

/// By the attach socket if that works: it needs no password, whatever the port wants. None where no address of ours
/// leads to it: a JVM in another network namespace has another loopback, and its other addresses are not to be seen.
fn endpoint(jvm: &Jvm, all: &[Jvm]) -> Option<String> {
    match (&jvm.obstacle, jvm.jmx_port()) {
        (None, _) => Some(format!("local:{}", pattern(jvm, all))),
        (Some(_), Some(port)) if !jvm.in_other_network => {
            Some(show_host_port(bound_host(jvm), port))
        }
        (Some(_), _) => None,
    }
}

/// The host that the JMX port was bound to.
fn bound_host(jvm: &Jvm) -> &str {
    let host = jvm.property("com.sun.management.jmxremote.host");
    let host = host.map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    match host.unwrap_or_default() {
        "" | "0.0.0.0" | "::" => "127.0.0.1",
        host => host,
    }
}

/// The shortest that fits this JVM alone and is still true after its restart; the pid where there is none.
fn pattern(jvm: &Jvm, all: &[Jvm]) -> Pattern {
    let name = jvm.main_name();
    let arguments = discreet::arguments(&jvm.arguments);
    let plain = arguments.iter().filter(|argument| argument.is_plain);
    let arguments = plain.flat_map(|argument| {
        let argument = &argument.shown;
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
        let is_pid = self
            .endpoint
            .as_deref()
            .is_some_and(|endpoint| endpoint.starts_with("local:pid="));
        let remark = if is_pid { " # until its restart" } else { "" };
        Some(format!(
            "- {{endpoint: {endpoint}, presets: [{presets}]}}{remark}"
        ))
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
            "arguments": shown_arguments(self.jvm),
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
    let cells = rows.iter().map(|row| {
        vec![
            row.jvm.pid.to_string(),
            printable(&row.jvm.user),
            printable(row.jvm.version.as_deref().unwrap_or("?")),
            printable(&row.role.what),
            shortened(&command(row.jvm)),
            row.reach(),
        ]
    });
    let all: Vec<Vec<String>> = std::iter::once(head.to_vec()).chain(cells).collect();
    let mut aligned = aligned(&all).into_iter();
    let mut lines: Vec<String> = aligned.next().into_iter().collect();
    for (row, line) in rows.iter().zip(aligned) {
        lines.push(line);
        lines.extend(row.config().map(|config| format!("    {config}")));
    }
    lines
}

fn shown_arguments(jvm: &Jvm) -> Vec<String> {
    let arguments = discreet::arguments(&jvm.arguments).into_iter();
    arguments.map(|argument| argument.shown).collect()
}

/// Main class and arguments in one line.
fn command(jvm: &Jvm) -> String {
    [vec![jvm.main.clone()], shown_arguments(jvm)]
        .concat()
        .join(" ")
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
