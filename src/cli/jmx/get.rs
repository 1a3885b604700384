//! `brokerbeat jmx get`: what attributes hold.

use clap::Args;
use jmx_rmi::{Attributes, ObjectName, Read, RemoteException, Value};
use serde_json::{Map, Value as Json, json};

use super::Done;
use super::reach::{Reach, Visit, advised};
use super::show::{Rows, at_path, json_of, leaves};
use crate::cli::show::printable;
use crate::collect::jmx::door::Door;

/// Beans read and written at a time: what is known first is seen first, and memory stays small.
const SLICE: usize = 1_000;

/// `jmx get`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Get {
    #[command(flatten)]
    pub(super) reach: Reach,
    /// Name of a bean or pattern of names, as in 'java.lang:type=Memory' or 'java.lang:type=MemoryPool,*'
    pub(super) bean: String,
    /// Attributes, or parts of them as in HeapMemoryUsage.used; all that can be read without them
    attributes: Vec<String>,
}

/// One bean's answer: what was asked for, each with its value or why there is none.
type Answers = Vec<(String, Result<Value, String>)>;

impl Get {
    pub(super) async fn run(&self, door: &Door, pattern: &ObjectName) -> anyhow::Result<Done> {
        let mut visit = self.reach.visit(door).await?;
        let names = match pattern.is_pattern() {
            true => visit.names(pattern).await?,
            false => vec![pattern.clone()],
        };
        let mut missing = 0;
        for names in names.chunks(SLICE) {
            let text = self.slice(&mut visit, names, &mut missing).await?;
            if !text.is_empty() {
                crate::cli::say(text.trim_end_matches('\n'))?;
            }
        }
        let (beans, values) = (visit.beans, visit.values);
        visit.end().await;
        let shown = door.shown();
        match (beans, values, self.attributes.is_empty()) {
            (0, _, _) => anyhow::bail!("{shown} has no bean {}", printable(pattern.as_str())),
            (_, 0, false) => anyhow::bail!(
                "no bean {} at {shown} gives {}",
                printable(pattern.as_str()),
                self.attributes.join(" or ")
            ),
            _ => Ok(Done { missing }),
        }
    }

    async fn slice(
        &self,
        visit: &mut Visit,
        names: &[ObjectName],
        missing: &mut usize,
    ) -> anyhow::Result<String> {
        let reads = match self.attributes.is_empty() {
            true => everything(visit, names, missing).await?,
            false => names.iter().map(|name| self.wanted(name)).collect(),
        };
        let readings = visit.read(&reads).await?;
        let mut text = String::new();
        for (read, reading) in reads.iter().zip(readings) {
            let answers = match reading {
                Ok(attributes) => self.answers(read, attributes),
                Err(exception) if exception.is_instance_not_found() => continue,
                // One value that cannot be sent costs a JVM's whole reply, so each is asked for alone.
                Err(_) if read.attributes.len() > 1 => self.one_by_one(visit, read).await?,
                Err(exception) => {
                    let why = |name: &String| (name.clone(), Err(refusal(&exception)));
                    read.attributes.iter().map(why).collect()
                }
            };
            visit.beans += 1;
            visit.values += answers.iter().filter(|(_, answer)| answer.is_ok()).count();
            *missing += answers.iter().filter(|(_, answer)| answer.is_err()).count();
            text.push_str(&self.show(&read.name, answers));
        }
        Ok(text)
    }

    /// The attributes of a bean, each with its own reply.
    async fn one_by_one(&self, visit: &mut Visit, read: &Read) -> anyhow::Result<Answers> {
        let single = |attribute: &String| Read {
            name: read.name.clone(),
            attributes: vec![attribute.clone()],
        };
        let singles: Vec<Read> = read.attributes.iter().map(single).collect();
        let readings = visit.read(&singles).await?;
        let mut found = Attributes::new();
        let mut refused = Vec::new();
        for (attribute, reading) in read.attributes.iter().zip(readings) {
            match reading {
                Ok(attributes) => found.extend(attributes),
                Err(exception) => refused.push((attribute.clone(), refusal(&exception))),
            }
        }
        let mut answers = self.answers(read, found);
        for (attribute, answer) in &mut answers {
            let known = refused.iter().find(|(name, _)| name == attribute);
            if let (Err(why), Some((_, known))) = (answer, known) {
                why.clone_from(known);
            }
        }
        Ok(answers)
    }

    /// A name with dots may be an attribute's or lead into a record: asked for are all attributes that it may mean.
    fn wanted(&self, name: &ObjectName) -> Read {
        let mut attributes: Vec<String> = Vec::new();
        for written in &self.attributes {
            let dots = written
                .match_indices('.')
                .filter_map(|(at, _)| written.get(..at));
            attributes.extend(dots.map(str::to_owned));
            attributes.push(written.clone());
        }
        attributes.retain(|attribute| !attribute.is_empty());
        attributes.sort_unstable();
        attributes.dedup();
        Read {
            name: name.clone(),
            attributes,
        }
    }

    fn answers(&self, read: &Read, attributes: Attributes) -> Answers {
        if self.attributes.is_empty() {
            let find = |name: &String| attributes.iter().find(|(known, _)| known == name);
            let answer = |name: &String| {
                let value = find(name).map(|(_, value)| value.clone());
                (
                    name.clone(),
                    value.ok_or_else(|| "cannot be read: its getter fails".to_owned()),
                )
            };
            return read.attributes.iter().map(answer).collect();
        }
        let answer = |written: &String| {
            let value = at_path(&attributes, written).ok_or_else(|| {
                "cannot be read: there is no such attribute, or its getter fails".to_owned()
            });
            (written.clone(), value)
        };
        let answers: Answers = self.attributes.iter().map(answer).collect();
        let is_pattern = self.bean.contains(['*', '?']);
        match is_pattern && answers.iter().all(|(_, answer)| answer.is_err()) {
            // Of the beans that match a pattern those are meant that have such an attribute.
            true => Vec::new(),
            false => answers,
        }
    }

    fn show(&self, name: &ObjectName, answers: Answers) -> String {
        if answers.is_empty() && !self.attributes.is_empty() {
            return String::new();
        }
        match self.reach.json {
            true => format!("{}\n", object(name, answers)),
            false => table(name, answers),
        }
    }
}

/// All attributes that beans say can be read. A bean that does not say is left out, with a sentence.
async fn everything(
    visit: &mut Visit,
    names: &[ObjectName],
    missing: &mut usize,
) -> anyhow::Result<Vec<Read>> {
    let found = visit.peer.describe(names).await.map_err(advised)?;
    let mut reads = Vec::with_capacity(names.len());
    for (name, described) in names.iter().zip(found) {
        match described {
            Ok(infos) => {
                let readable = infos.iter().filter(|info| info.readable);
                let mut attributes: Vec<String> =
                    readable.map(|info| info.name.to_string()).collect();
                attributes.sort_unstable();
                reads.push(Read {
                    name: name.clone(),
                    attributes,
                });
            }
            Err(exception) if exception.is_instance_not_found() => {}
            Err(exception) => {
                visit.beans += 1;
                *missing += 1;
                complain(name, &exception.to_string());
            }
        }
    }
    Ok(reads)
}

fn refusal(exception: &RemoteException) -> String {
    // The bean is named above.
    let mut exception = exception.clone();
    exception.bean = None;
    format!("cannot be read: {exception}")
}

fn complain(name: &ObjectName, why: &str) {
    eprintln!(
        "brokerbeat: {} cannot be read: {}",
        printable(name.as_str()),
        printable(why)
    );
}

fn object(name: &ObjectName, answers: Answers) -> Json {
    let mut values = Map::new();
    let mut errors = Map::new();
    for (attribute, answer) in answers {
        match answer {
            Ok(value) => values.insert(attribute, json_of(&value)),
            Err(why) => errors.insert(attribute, why.into()),
        };
    }
    let mut object = json!({"bean": name.as_str(), "attributes": values});
    if !errors.is_empty() {
        object["errors"] = errors.into();
    }
    object
}

fn table(name: &ObjectName, answers: Answers) -> String {
    let mut rows = Rows::default();
    for (attribute, answer) in answers {
        match answer {
            Ok(value) => leaves(&attribute, &value, &mut |path, text| rows.add([path, text])),
            Err(why) => rows.add([&attribute, &format!("! {why}")]),
        }
    }
    format!("{}\n{rows}", printable(name.as_str()))
}
