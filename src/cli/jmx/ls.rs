//! `brokerbeat jmx ls`: which beans there are, and what they have.

use clap::Args;
use jmx_rmi::info::AttributeInfo;
use jmx_rmi::{ObjectName, RemoteException};
use serde_json::json;

use super::Done;
use super::reach::{Reach, Visit, advised};
use super::show::Rows;
use crate::cli::show::printable;
use crate::collect::jmx::door::Door;

/// Beans described and written at a time: what is known first is seen first, and memory stays small.
const SLICE: usize = 1_000;

/// `jmx ls`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Ls {
    #[command(flatten)]
    pub(super) reach: Reach,
    /// Pattern of names, as in 'kafka.server:type=BrokerTopicMetrics,*'; all beans without it
    pub(super) pattern: Option<String>,
    /// With the attributes and their types
    #[arg(short = 'l', long)]
    long: bool,
}

impl Ls {
    pub(super) async fn run(&self, door: &Door, pattern: &ObjectName) -> anyhow::Result<Done> {
        let mut visit = self.reach.visit(door).await?;
        let names = visit.names(pattern).await?;
        visit.beans = names.len();
        if names.is_empty() {
            visit.end().await;
            anyhow::bail!("{} has no bean that matches {pattern}", door.shown());
        }
        let mut missing = 0;
        for names in names.chunks(SLICE) {
            let text = match self.long {
                true => self.long(&mut visit, names, &mut missing).await?,
                false => names.iter().map(|name| self.line(name)).collect(),
            };
            crate::cli::say(text.trim_end_matches('\n'))?;
        }
        visit.end().await;
        Ok(Done { missing })
    }

    fn line(&self, name: &ObjectName) -> String {
        match self.reach.json {
            true => format!("{}\n", json!({"bean": name.as_str()})),
            false => format!("{}\n", printable(name.as_str())),
        }
    }

    async fn long(
        &self,
        visit: &mut Visit,
        names: &[ObjectName],
        missing: &mut usize,
    ) -> anyhow::Result<String> {
        let found = visit.peer.describe(names).await.map_err(advised)?;
        let mut text = String::new();
        for (name, described) in names.iter().zip(found) {
            match described {
                Ok(mut attributes) => {
                    attributes.sort_by(|one, other| one.name.cmp(&other.name));
                    visit.values += attributes.len();
                    text.push_str(&self.described(name, &attributes));
                }
                Err(exception) => {
                    *missing += usize::from(!exception.is_instance_not_found());
                    text.push_str(&self.undescribed(name, &exception));
                }
            }
        }
        Ok(text)
    }

    fn described(&self, name: &ObjectName, attributes: &[AttributeInfo]) -> String {
        if self.reach.json {
            let attribute = |info: &AttributeInfo| {
                json!({
                    "name": &*info.name,
                    "type": &*info.type_name,
                    "readable": info.readable,
                    "writable": info.writable,
                    "description": &*info.description,
                })
            };
            let attributes: Vec<_> = attributes.iter().map(attribute).collect();
            return format!(
                "{}\n",
                json!({"bean": name.as_str(), "attributes": attributes})
            );
        }
        let mut rows = Rows::default();
        for info in attributes {
            let read = if info.readable { 'r' } else { '-' };
            let write = if info.writable { 'w' } else { '-' };
            rows.add([&info.name, &format!("{read}{write}"), &info.type_name]);
        }
        format!("{}\n{rows}", printable(name.as_str()))
    }

    /// A bean that went away meanwhile is no bean to list.
    fn undescribed(&self, name: &ObjectName, exception: &RemoteException) -> String {
        if exception.is_instance_not_found() {
            return String::new();
        }
        let error = exception.to_string();
        eprintln!(
            "brokerbeat: {} cannot be described: {}",
            printable(name.as_str()),
            printable(&error)
        );
        match self.reach.json {
            true => format!("{}\n", json!({"bean": name.as_str(), "error": error})),
            false => self.line(name),
        }
    }
}
