//! What is installed now.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::Value;

use super::SetupError;
use crate::assets::{Asset, AssetKind, Owner, owner_of};
use crate::ship::elasticsearch::elastic::Elastic;

/// All index templates, and of each what decides which one makes an index, and what it names.
const INDEX_TEMPLATES: &str = concat!(
    "/_index_template?filter_path=index_templates.name",
    ",index_templates.index_template.index_patterns",
    ",index_templates.index_template.priority",
    ",index_templates.index_template.composed_of",
    ",index_templates.index_template.template.mappings._meta",
    ",index_templates.index_template.template.settings.index.mode",
    ",index_templates.index_template.template.settings.index.*_pipeline",
    ",index_templates.index_template.template.settings.index.lifecycle",
);
/// The names of all component templates: the users' have names of their own.
const COMPONENTS: &str = "/_component_template?filter_path=component_templates.name";
/// What the components of others name.
const SETTINGS: &str = concat!(
    "/_component_template?filter_path=component_templates.name",
    ",component_templates.component_template._meta",
    ",component_templates.component_template.template.settings.index.*_pipeline",
    ",component_templates.component_template.template.settings.index.lifecycle",
);
/// Not by name: not every version takes a pattern there. Without who uses them.
const POLICIES: &str = "/_ilm/policy?filter_path=brokerbeat*.policy";
const PIPELINES: &str = "/_ingest/pipeline/brokerbeat-*";
const OUR_COMPONENTS: &str = "/_component_template/brokerbeat*";
const OUR_INDEX_TEMPLATES: &str = "/_index_template/brokerbeat-*";

/// What there is of some kinds.
#[derive(Debug, Default)]
pub(super) struct Installed {
    bodies: BTreeMap<(AssetKind, String), Value>,
    customs: BTreeSet<String>,
    /// Names of pipelines that this server keeps without our marks.
    unmarked: BTreeSet<String>,
    /// All index templates, also those of others.
    pub(super) index_templates: Vec<IndexTemplate>,
}

/// What decides whose template makes an index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexTemplate {
    /// Its name.
    pub name: String,
    /// Its patterns.
    pub patterns: Vec<String>,
    /// Its priority; the highest one wins.
    pub priority: u64,
    /// Whose its indices are: its mappings' mark is theirs.
    pub owner: Owner,
    /// The parts of it that were asked for.
    pub(super) body: Value,
}

impl Installed {
    /// Asks for what is there of these kinds, and for nothing else: each kind wants a right of its own. `ours` is what this server
    /// gets of us.
    pub(super) async fn read(
        elastic: &Elastic,
        kinds: &[AssetKind],
        ours: &[Asset],
    ) -> Result<Self, SetupError> {
        let mut installed = Self::beside(ours);
        for kind in kinds {
            match kind {
                AssetKind::Pipeline => installed.take_map(*kind, &get(elastic, PIPELINES).await?),
                AssetKind::Policy => installed.take_map(*kind, &get(elastic, POLICIES).await?),
                AssetKind::Component => {
                    let answer = get(elastic, OUR_COMPONENTS).await?;
                    installed.take_list(*kind, &answer, "component_template");
                }
                AssetKind::Custom => {
                    let answer = get(elastic, COMPONENTS).await?;
                    let all = items(&answer, "component_template");
                    installed.customs = all.filter_map(name_of).collect();
                }
                AssetKind::Index => {
                    let answer = get(elastic, OUR_INDEX_TEMPLATES).await?;
                    installed.take_list(*kind, &answer, "index_template");
                    installed.index_templates = index_templates(elastic).await?;
                }
            }
        }
        Ok(installed)
    }

    /// Nothing is there yet.
    pub(super) fn beside(ours: &[Asset]) -> Self {
        let unmarked = ours
            .iter()
            .filter(|asset| asset.kind == AssetKind::Pipeline && asset.body.get("_meta").is_none());
        Self {
            unmarked: unmarked.map(|asset| asset.name.clone()).collect(),
            ..Self::default()
        }
    }

    /// Who made what has this name. Where a server keeps no marks the name has to do, and a version, which ours have.
    pub(super) fn owner(&self, kind: AssetKind, name: &str, body: &Value) -> Owner {
        let is_unmarked = kind == AssetKind::Pipeline && self.unmarked.contains(name);
        match kind {
            AssetKind::Policy => owner_of(body.get("policy")),
            _ if is_unmarked && body.get("_meta").is_none() => {
                body["version"].as_u64().map_or(Owner::Foreign, Owner::Ours)
            }
            _ => owner_of(Some(body)),
        }
    }

    /// The body that is there.
    pub(super) fn get(&self, asset: &Asset) -> Option<&Value> {
        self.bodies.get(&(asset.kind, asset.name.clone()))
    }

    pub(super) fn has_custom(&self, name: &str) -> bool {
        self.customs.contains(name)
    }

    /// Everything of one kind that is ours.
    pub(super) fn ours(&self, kind: AssetKind) -> impl Iterator<Item = (&str, &Value)> {
        let all = self.of(kind);
        all.filter(move |(name, body)| self.owner(kind, name, body) != Owner::Foreign)
    }

    /// Everything of one kind.
    pub(super) fn of(&self, wanted: AssetKind) -> impl Iterator<Item = (&str, &Value)> {
        let all = self.bodies.iter();
        all.filter_map(move |((kind, name), body)| {
            (*kind == wanted).then_some((name.as_str(), body))
        })
    }

    #[cfg(test)]
    pub(super) fn insert(&mut self, kind: AssetKind, name: &str, body: Value) {
        self.bodies.insert((kind, name.to_owned()), body);
    }

    #[cfg(test)]
    pub(super) fn insert_custom(&mut self, name: &str) {
        self.customs.insert(name.to_owned());
    }

    /// `{name: body}`.
    fn take_map(&mut self, kind: AssetKind, answer: &Value) {
        for (name, body) in answer.as_object().into_iter().flatten() {
            self.bodies.insert((kind, name.clone()), body.clone());
        }
    }

    /// `{"index_templates": [{"name": …, "index_template": body}]}`.
    fn take_list(&mut self, kind: AssetKind, answer: &Value, what: &str) {
        for item in items(answer, what) {
            if let (Some(name), Some(body)) = (name_of(item), item.get(what)) {
                self.bodies.insert((kind, name), body.clone());
            }
        }
    }
}

/// All index templates of the server, which a user may see who may monitor the cluster.
pub async fn index_templates(elastic: &Elastic) -> Result<Vec<IndexTemplate>, SetupError> {
    let answer = get(elastic, INDEX_TEMPLATES).await?;
    Ok(items(&answer, "index_template")
        .filter_map(IndexTemplate::read)
        .collect())
}

/// All component templates, and of each whose it is and what it names.
pub(super) async fn components(elastic: &Elastic) -> Result<Vec<Value>, SetupError> {
    let answer = get(elastic, SETTINGS).await?;
    let bodies =
        items(&answer, "component_template").filter_map(|item| item.get("component_template"));
    Ok(bodies.cloned().collect())
}

impl IndexTemplate {
    /// The components of which it is made.
    pub(super) fn components(&self) -> Vec<String> {
        texts(&self.body["composed_of"])
    }

    /// What it says of the mode, the pipelines and the lifecycle of its indices.
    pub fn settings(&self) -> Option<&Value> {
        self.body.pointer("/template/settings")
    }

    #[cfg(test)]
    pub(crate) fn set_mode(&mut self, mode: &str) {
        self.body = serde_json::json!({"template": {"settings": {"index": {"mode": mode}}}});
    }

    #[cfg(test)]
    pub(crate) fn new(name: &str, pattern: &str, priority: u64, owner: Owner) -> Self {
        Self {
            name: name.to_owned(),
            patterns: vec![pattern.to_owned()],
            priority,
            owner,
            body: Value::Null,
        }
    }

    fn read(item: &Value) -> Option<Self> {
        let body = item.get("index_template")?;
        Some(Self {
            name: name_of(item)?,
            patterns: texts(&body["index_patterns"]),
            priority: body["priority"].as_u64().unwrap_or(0),
            owner: owner_of(body.pointer("/template/mappings")),
            body: body.clone(),
        })
    }
}

/// A list of texts, or one text alone.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

fn items<'a>(answer: &'a Value, what: &str) -> impl Iterator<Item = &'a Value> {
    let all = answer.get(format!("{what}s"));
    all.and_then(Value::as_array).into_iter().flatten()
}

fn name_of(item: &Value) -> Option<String> {
    Some(item.get("name")?.as_str()?.to_owned())
}

/// `GET`; what is not there at all is empty.
async fn get(elastic: &Elastic, path: &str) -> Result<Value, SetupError> {
    let answer = elastic.json(Method::GET, path, None).await;
    match answer {
        Ok(answer) => Ok(answer.unwrap_or_default()),
        Err(source) => Err(SetupError::new("read", path, source)),
    }
}
