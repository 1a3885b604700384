//! Removing what `setup` has made, and nothing else.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::installed::Installed;
use super::{SetupError, conflicts, roles};
use crate::assets::{AssetKind, Owner, Server, owner_of};
use crate::ship::elasticsearch::elastic::{Elastic, ElasticError};

/// All data streams that may be the agent's.
const STREAMS: &str = "/_data_stream/*-brokerbeat.*";

/// A data stream of one of our templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// The template of ours that made it.
    template: String,
    /// Documents and bytes, where the server says them.
    pub holds: Option<(u64, u64)>,
}

/// What is to be removed and what stays.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Cleaning {
    /// The paths of what goes, in the order in which Elasticsearch lets it go.
    pub remove: Vec<String>,
    /// The data streams that are there.
    pub streams: Vec<Stream>,
    /// The paths of what stays because of data streams, or because others use it.
    pub keep: Vec<String>,
    /// Ids of keys.
    keys: Vec<String>,
}

impl Cleaning {
    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.keys.is_empty()
    }
}

/// Looks at what there is. With `with_data` streams are removed, too, else they keep their templates.
pub async fn plan(
    elastic: &Elastic,
    server: &Server,
    with_data: bool,
) -> Result<Cleaning, SetupError> {
    let mut kinds = vec![AssetKind::Pipeline, AssetKind::Component, AssetKind::Index];
    if server.has(crate::assets::Feature::Policies) {
        kinds.push(AssetKind::Policy);
    }
    let installed = Installed::read(elastic, &kinds).await?;
    let there = streams(elastic, &installed).await?;
    let kept_streams: &[Stream] = if with_data { &[] } else { &there };
    let mut cleaning = sort_out(&installed, kept_streams);
    if with_data {
        let paths = there.iter().map(|s| format!("/_data_stream/{}", s.name));
        cleaning.remove.splice(0..0, paths);
    }
    cleaning.streams = there;
    if roles::access(elastic, server).await?.is_none() {
        let steps = roles::plan_roles(elastic, server).await?;
        let ours = steps
            .iter()
            .filter(|step| !matches!(step.state, super::State::New | super::State::Foreign));
        cleaning.remove.extend(ours.map(|step| step.role.path()));
        cleaning.keys = roles::keys(elastic).await?;
    }
    Ok(cleaning)
}

/// Everything that is ours goes, but for what is needed by what stays.
fn sort_out(installed: &Installed, kept: &[Stream]) -> Cleaning {
    let needed = needed(installed, kept);
    let mut cleaning = Cleaning::default();
    for kind in [
        AssetKind::Index,
        AssetKind::Component,
        AssetKind::Policy,
        AssetKind::Pipeline,
    ] {
        for (name, body) in installed.of(kind) {
            if owner(kind, body) == Owner::Foreign {
                continue;
            }
            let path = format!("/{}/{name}", kind.endpoint());
            match needed.contains(&(kind, name.to_owned())) {
                true => cleaning.keep.push(path),
                false => cleaning.remove.push(path),
            }
        }
    }
    cleaning
}

type Needed = BTreeSet<(AssetKind, String)>;

/// The templates of streams that stay, those of others, and what all of these name.
fn needed(installed: &Installed, kept: &[Stream]) -> Needed {
    let mut needed = Needed::new();
    let stays = |name: &str| {
        let is_ours = installed
            .of(AssetKind::Index)
            .any(|(ours, body)| ours == name && owner(AssetKind::Index, body) != Owner::Foreign);
        !is_ours || kept.iter().any(|stream| stream.template == name)
    };
    for template in &installed.index_templates {
        if stays(&template.name) {
            needed.insert((AssetKind::Index, template.name.clone()));
            let components = template.components().into_iter();
            needed.extend(components.map(|name| (AssetKind::Component, name)));
            named_by(&template.body, &mut needed);
        }
    }
    // The users' components are nobody's to remove, whoever needs them.
    for (name, body) in installed.of(AssetKind::Component) {
        let stays = owner(AssetKind::Component, body) == Owner::Foreign
            || needed.contains(&(AssetKind::Component, name.to_owned()));
        if stays {
            named_by(body, &mut needed);
        }
    }
    add_called(installed, &mut needed);
    needed
}

/// The pipelines and the policy that a template's settings name.
fn named_by(body: &Value, needed: &mut Needed) {
    let index = body.pointer("/template/settings/index");
    let name = |path: &str| index?.pointer(path)?.as_str().map(str::to_owned);
    for path in ["/default_pipeline", "/final_pipeline"] {
        needed.extend(name(path).map(|name| (AssetKind::Pipeline, name)));
    }
    needed.extend(name("/lifecycle/name").map(|name| (AssetKind::Policy, name)));
}

/// The pipelines that needed ones call.
fn add_called(installed: &Installed, needed: &mut Needed) {
    loop {
        let before = needed.len();
        for (name, body) in installed.of(AssetKind::Pipeline) {
            if needed.contains(&(AssetKind::Pipeline, name.to_owned())) {
                let steps = body["processors"].as_array().into_iter().flatten();
                let called = steps.filter_map(|step| step["pipeline"]["name"].as_str());
                needed.extend(called.map(|name| (AssetKind::Pipeline, name.to_owned())));
            }
        }
        if needed.len() == before {
            return;
        }
    }
}

fn owner(kind: AssetKind, body: &Value) -> Owner {
    match kind {
        AssetKind::Policy => owner_of(body.get("policy")),
        _ => owner_of(Some(body)),
    }
}

/// The data streams that templates of ours make.
async fn streams(elastic: &Elastic, installed: &Installed) -> Result<Vec<Stream>, SetupError> {
    let answer = elastic.json(Method::GET, STREAMS, None).await;
    let answer = answer.map_err(|source| SetupError::new("read", STREAMS, source))?;
    let mut streams = streams_of(&answer.unwrap_or_default(), installed);
    for stream in &mut streams {
        stream.holds = holds(elastic, &stream.name).await?;
    }
    Ok(streams)
}

fn streams_of(answer: &Value, installed: &Installed) -> Vec<Stream> {
    let ours: BTreeSet<&str> = installed
        .of(AssetKind::Index)
        .filter(|(_, body)| owner(AssetKind::Index, body) != Owner::Foreign)
        .map(|(name, _)| name)
        .collect();
    let streams = answer["data_streams"].as_array().into_iter().flatten();
    let names = streams.filter_map(|stream| stream["name"].as_str());
    names
        .filter_map(|name| {
            let template = conflicts::winner(&installed.index_templates, name)?;
            ours.contains(template.name.as_str()).then(|| Stream {
                name: name.to_owned(),
                template: template.name.clone(),
                holds: None,
            })
        })
        .collect()
}

/// Documents and bytes; nothing where the server does not tell, as serverless ones do not.
async fn holds(elastic: &Elastic, stream: &str) -> Result<Option<(u64, u64)>, SetupError> {
    let path = format!("/{stream}/_stats/docs,store");
    let answer = match elastic.json(Method::GET, &path, None).await {
        Ok(answer) => answer.unwrap_or_default(),
        Err(ElasticError::Refused { status, .. }) if (400..500).contains(&status) => {
            return Ok(None);
        }
        Err(source) => return Err(SetupError::new("read", &path, source)),
    };
    let number = |path: &str| answer.pointer(path).and_then(Value::as_u64);
    let documents = number("/_all/primaries/docs/count");
    Ok(documents.zip(number("/_all/total/store/size_in_bytes")))
}

/// Removes it all; ends at the first thing that is refused. What is gone already is no failure.
pub async fn clean(elastic: &Elastic, cleaning: &Cleaning) -> Result<(), SetupError> {
    for path in &cleaning.remove {
        let answer = elastic.json(Method::DELETE, path, None).await;
        answer.map_err(|source| SetupError::new("remove", path, source))?;
    }
    match cleaning.keys.is_empty() {
        true => Ok(()),
        false => roles::invalidate_keys(elastic, &cleaning.keys).await,
    }
}
