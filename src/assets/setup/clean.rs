//! Removing what `setup` has made, and nothing else.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::installed::{self, Installed};
use super::{SetupError, conflicts, roles};
use crate::assets::{self, AssetKind, Feature, Owner, Server, owner_of};
use crate::catalogue::Catalogue;
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
    /// Whether one of its indices bears our mark: a stream may be older than the template that would make its next one.
    is_ours: bool,
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

impl Stream {
    /// Whether it is removed with its data where that is wished.
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }
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
    if server.has(Feature::Policies) {
        kinds.push(AssetKind::Policy);
    }
    let pipelines = assets::pipelines(Catalogue::get(), server);
    let installed = Installed::read(elastic, &kinds, &pipelines).await?;
    let there = streams(elastic, &installed).await?;
    let goes = |stream: &&Stream| with_data && stream.is_ours;
    let kept: Vec<&Stream> = there.iter().filter(|stream| !goes(stream)).collect();
    let components = installed::components(elastic).await?;
    let sight = Sight {
        installed: &installed,
        components: &components,
    };
    let mut cleaning = sight.sort_out(&kept);
    let paths = there.iter().filter(goes);
    let paths = paths.map(|stream| format!("/_data_stream/{}", stream.name));
    cleaning.remove.splice(0..0, paths);
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

type Needed = BTreeSet<(AssetKind, String)>;

/// What there is, for sorting it out.
struct Sight<'a> {
    installed: &'a Installed,
    /// Also those of others, with what they name.
    components: &'a [Value],
}

impl Sight<'_> {
    /// Everything that is ours goes, but for what is needed by what stays.
    fn sort_out(&self, kept: &[&Stream]) -> Cleaning {
        let needed = self.needed(kept);
        let mut cleaning = Cleaning::default();
        for kind in [
            AssetKind::Index,
            AssetKind::Component,
            AssetKind::Policy,
            AssetKind::Pipeline,
        ] {
            for (name, _) in self.installed.ours(kind) {
                let path = format!("/{}/{name}", kind.endpoint());
                match needed.contains(&(kind, name.to_owned())) {
                    true => cleaning.keep.push(path),
                    false => cleaning.remove.push(path),
                }
            }
        }
        cleaning
    }

    /// The templates of streams that stay, those of others, and what all of these name.
    fn needed(&self, kept: &[&Stream]) -> Needed {
        let mut needed = Needed::new();
        let stays = |name: &str| {
            let mut ours = self.installed.ours(AssetKind::Index);
            !ours.any(|(ours, _)| ours == name) || kept.iter().any(|stream| stream.template == name)
        };
        for template in &self.installed.index_templates {
            if stays(&template.name) {
                needed.insert((AssetKind::Index, template.name.clone()));
                let components = template.components().into_iter();
                needed.extend(components.map(|name| (AssetKind::Component, name)));
                named_by(&template.body, &mut needed);
            }
        }
        for (name, body) in self.installed.of(AssetKind::Component) {
            if needed.contains(&(AssetKind::Component, name.to_owned())) {
                named_by(body, &mut needed);
            }
        }
        // The users' components are nobody's to remove, whoever needs them.
        for body in self.components {
            if owner_of(Some(body)) == Owner::Foreign {
                named_by(body, &mut needed);
            }
        }
        add_called(self.installed, &mut needed);
        needed
    }
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

/// The data streams that templates of ours make.
async fn streams(elastic: &Elastic, installed: &Installed) -> Result<Vec<Stream>, SetupError> {
    let answer = elastic.json(Method::GET, STREAMS, None).await;
    let answer = answer.map_err(|source| SetupError::new("read", STREAMS, source))?;
    let mut streams = streams_of(&answer.unwrap_or_default(), installed);
    for stream in &mut streams {
        stream.is_ours = is_ours(elastic, &stream.name).await?;
        stream.holds = holds(elastic, &stream.name).await?;
    }
    Ok(streams)
}

fn streams_of(answer: &Value, installed: &Installed) -> Vec<Stream> {
    let ours: BTreeSet<&str> = installed
        .ours(AssetKind::Index)
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
                is_ours: false,
                holds: None,
            })
        })
        .collect()
}

/// Whether one of its indices was made by a template of ours.
async fn is_ours(elastic: &Elastic, stream: &str) -> Result<bool, SetupError> {
    let path = format!("/{stream}?filter_path=*.mappings._meta");
    let answer = elastic.json(Method::GET, &path, None).await;
    let answer = answer.map_err(|source| SetupError::new("read", &path, source))?;
    let answer = answer.unwrap_or_default();
    let mut indices = answer.as_object().into_iter().flatten();
    Ok(indices.any(|(_, index)| owner_of(index.get("mappings")) != Owner::Foreign))
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

/// Removes it all, keys first: who ships with one makes no stream anew. What is gone already is no failure, and what is refused,
/// as a policy is that an index still uses, is handed back.
pub async fn clean(elastic: &Elastic, cleaning: &Cleaning) -> Result<Vec<SetupError>, SetupError> {
    if !cleaning.keys.is_empty() {
        roles::invalidate_keys(elastic, &cleaning.keys).await?;
    }
    let mut refused = Vec::new();
    for path in &cleaning.remove {
        let answer = elastic.json(Method::DELETE, path, None).await;
        match answer.map_err(|source| SetupError::new("remove", path, source)) {
            Ok(_) => {}
            Err(error) if matches!(error.source, ElasticError::Refused { .. }) => {
                refused.push(error)
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}
