//! Component and index templates, one index template a dataset.

use serde_json::{Value, json};

use super::asset::{Asset, AssetKind};
use super::lifecycle::Lifecycle;
use super::mappings;
use super::pipelines::FINAL;
use super::server::{Feature, Server};
use crate::catalogue::{Catalogue, Dataset, Field};
use crate::document::set_nested;

/// Version of everything that is installed. Raise it with every change of `fields.yml`, of `pipelines/` or of this folder that
/// changes what is generated: installed templates of a lower version are replaced.
pub const VERSION: u64 = 9;

/// `_meta.managed_by` of everything that is ours.
const META_OWNER: &str = "brokerbeat";

/// Above Elastic's own `metrics-*-*` (100) and integrations (200), and above the 500 of their advice for one's own.
const PRIORITY: u64 = 501;

/// How far back a time-series stream takes documents: a week of Elasticsearch being away.
pub(super) const LOOK_BACK: &str = "7d";

/// Name of the component with the base fields.
const COMPONENT_BASE: &str = "brokerbeat-base";

/// Name of the component with `data_stream.*`, apart because of its type `constant_keyword`,
/// which a distribution without that mapper replaces by `keyword`.
const COMPONENT_DATA_STREAM: &str = "brokerbeat-data-stream";

/// The user's component of all datasets.
const COMPONENT_CUSTOM: &str = "brokerbeat@custom";

/// What is generated for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) server: &'a Server,
    pub(super) lifecycle: Lifecycle,
}

impl<'a> Plan<'a> {
    /// All templates in the order in which they must be installed: components first.
    pub(super) fn templates(self) -> Vec<Asset> {
        let datasets = &self.catalogue.datasets;
        let mut all = self.common();
        all.extend(datasets.iter().flat_map(|dataset| self.custom(dataset)));
        all.extend(datasets.iter().map(|dataset| self.component(dataset)));
        all.extend(datasets.iter().map(|dataset| self.index(dataset)));
        all
    }

    /// The templates of one dataset, in that order.
    pub(super) fn templates_of(self, dataset: &Dataset) -> Vec<Asset> {
        let mut all = self.common();
        all.extend(self.custom(dataset));
        all.extend([self.component(dataset), self.index(dataset)]);
        all
    }

    fn common(self) -> Vec<Asset> {
        let base = json!({"mappings": self.base()});
        let fields = self.base_fields(true);
        let data_stream = mappings::properties(self.server, fields);
        let data_stream = json!({"mappings": {"properties": data_stream}});
        let mut all = vec![
            component(COMPONENT_BASE, base),
            component(COMPONENT_DATA_STREAM, data_stream),
        ];
        all.extend(self.users(COMPONENT_CUSTOM.to_owned()));
        all
    }

    fn base(self) -> Value {
        let mut properties = mappings::properties(self.server, self.base_fields(false));
        let (labels, template) = mappings::labels();
        set_nested(&mut properties, "labels", labels);
        json!({"dynamic": false, "dynamic_templates": [template], "properties": properties})
    }

    fn base_fields(self, data_stream: bool) -> impl Iterator<Item = &'a Field> {
        let redefined = redefined(self.catalogue);
        let base = self.catalogue.base.iter();
        base.filter(move |field| field.name.starts_with("data_stream.") == data_stream)
            .filter(move |field| !redefined.contains(&field.name.as_str()))
    }

    /// A component of the user's, which has to exist where a template cannot do without it.
    fn users(self, name: String) -> Option<Asset> {
        let must_exist = !self.server.has(Feature::OptionalComponents);
        must_exist.then(|| Asset {
            kind: AssetKind::Custom,
            name,
            body: json!({"template": {}}),
        })
    }

    fn custom(self, dataset: &Dataset) -> Option<Asset> {
        self.users(custom_name(dataset))
    }

    /// Everything about a dataset that its user may change: what stands in an index template itself cannot be.
    fn component(self, dataset: &Dataset) -> Asset {
        let mut template = json!({"mappings": self.mappings(dataset)});
        let mut settings = self.settings(dataset);
        if let Some(policy) = self.lifecycle.policy_of(self.server, dataset) {
            settings["lifecycle"] = json!({"name": policy});
        }
        if settings != json!({}) {
            template["settings"] = json!({"index": settings});
        }
        if let Some(lifecycle) = self.lifecycle.of_stream(self.server, dataset) {
            template["lifecycle"] = lifecycle;
        }
        if self.server.has(Feature::FailureStore) {
            // A document that is put aside there looks like one that was taken.
            template["data_stream_options"] = json!({"failure_store": {"enabled": false}});
        }
        component(&name(dataset), template)
    }

    fn mappings(self, dataset: &Dataset) -> Value {
        let redefined = redefined(self.catalogue);
        let base = self.catalogue.base.iter().filter(|field| {
            redefined.contains(&field.name.as_str()) && !dataset.shared.contains(&field.name)
        });
        let fields = base.chain(self.catalogue.fields_of(dataset));
        let mut properties = mappings::properties(self.server, fields);
        for object in &dataset.dynamic {
            let path = object.name.replace('.', ".properties.");
            let dynamic = json!({"type": "object", "dynamic": true});
            set_nested(&mut properties, &path, dynamic);
        }
        if dataset.pipeline.is_some() && !self.server.has(Feature::LenientIndex) {
            mappings::make_lenient(&mut properties);
        }
        let mut mappings = json!({"properties": properties});
        if !dataset.dynamic.is_empty() {
            let objects = dataset.dynamic.iter();
            let templates = objects.map(|object| mappings::dynamic_template(self.server, object));
            mappings["dynamic_templates"] = templates.collect();
        }
        mappings
    }

    fn settings(self, dataset: &Dataset) -> Value {
        if self.is_time_series(dataset) {
            return match self.server.has(Feature::LookBack) {
                true => json!({"look_back_time": LOOK_BACK}),
                false => json!({}),
            };
        }
        let sort = match dataset.is_time_series() {
            // As time-series mode sorts: neighbours that are alike take little room.
            true => json!({"field": ["brokerbeat.series", "@timestamp"], "order": ["asc", "desc"]}),
            false => json!({"field": ["@timestamp"], "order": ["desc"]}),
        };
        let mut settings = json!({"codec": "best_compression", "sort": sort});
        if dataset.pipeline.is_some() && self.server.has(Feature::LenientIndex) {
            // A neighbour's value of another type is kept and not indexed, rather than the whole document refused.
            settings["mapping"] = json!({"ignore_malformed": true});
        }
        settings
    }

    fn is_time_series(self, dataset: &Dataset) -> bool {
        dataset.is_time_series() && self.server.has(Feature::TimeSeries)
    }

    fn index(self, dataset: &Dataset) -> Asset {
        let name = name(dataset);
        let customs = [COMPONENT_CUSTOM.to_owned(), custom_name(dataset)];
        let ours = [COMPONENT_BASE, COMPONENT_DATA_STREAM, &name].map(str::to_owned);
        let components: Vec<String> = ours.into_iter().chain(customs.clone()).collect();
        let mut template = json!({"mappings": {"_meta": meta()}});
        let settings = self.fixed_settings(dataset);
        if settings != json!({}) {
            template["settings"] = json!({"index": settings});
        }
        let mut body = json!({
            "index_patterns": [format!("{}-brokerbeat.{}-*", dataset.stream_type.as_str(), dataset.name)],
            "priority": PRIORITY,
            "version": VERSION,
            "_meta": meta(),
            "data_stream": {},
            "composed_of": components,
            "template": template,
        });
        if self.server.has(Feature::OptionalComponents) {
            body["ignore_missing_component_templates"] = json!(customs);
        }
        Asset {
            kind: AssetKind::Index,
            name,
            body,
        }
    }

    /// What the agent's promises rest on.
    fn fixed_settings(self, dataset: &Dataset) -> Value {
        if self.is_time_series(dataset) {
            return json!({"mode": "time_series", "routing_path": ["brokerbeat.series"]});
        }
        if dataset.is_time_series() {
            return json!({});
        }
        let mut settings = json!({"final_pipeline": FINAL});
        if let Some(pipeline) = &dataset.pipeline {
            settings["default_pipeline"] = pipeline.as_str().into();
        }
        settings
    }
}

fn name(dataset: &Dataset) -> String {
    format!("brokerbeat-{}", dataset.name)
}

fn custom_name(dataset: &Dataset) -> String {
    name(dataset) + "@custom"
}

/// Base fields that a dataset makes a dimension stand in the datasets' components, not in the base.
fn redefined(catalogue: &Catalogue) -> Vec<&str> {
    let shared = catalogue.shared.iter().map(|field| field.name.as_str());
    shared
        .filter(|name| catalogue.base.iter().any(|field| field.name == *name))
        .collect()
}

fn component(name: &str, template: Value) -> Asset {
    Asset {
        kind: AssetKind::Component,
        name: name.to_owned(),
        body: json!({"version": VERSION, "_meta": meta(), "template": template}),
    }
}

/// What everything of ours says of itself.
pub(super) fn meta() -> Value {
    json!({
        "managed_by": META_OWNER,
        "version": VERSION,
        "agent_version": env!("CARGO_PKG_VERSION"),
    })
}

/// Who made a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This program, templates of that version.
    Ours(u64),
    /// Nobody that we know.
    Foreign,
}

/// Reads `_meta` of an index's or a simulated index's mappings.
pub fn owner_of(mappings: Option<&Value>) -> Owner {
    let meta = mappings.and_then(|mappings| mappings.get("_meta"));
    let owner = meta.and_then(|meta| meta.get("managed_by")?.as_str());
    let version = meta.and_then(|meta| meta.get("version")?.as_u64());
    match (owner, version) {
        (Some(META_OWNER), Some(version)) => Owner::Ours(version),
        _ => Owner::Foreign,
    }
}

#[cfg(test)]
mod tests;
