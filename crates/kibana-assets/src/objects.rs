//! Saved objects: data views and dashboards, one a line.

use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::ids;
use crate::lens::Maker;
use crate::source::{Chart, Dashboard, Panel, Source};

/// The version of the saved-object migrations that all supported versions of Kibana know.
const CORE_VERSION: &str = "8.8.0";

/// Of dashboards; a newer one would be refused by Kibana 8.9.
const DASHBOARD_VERSION: &str = "8.9.0";

/// Of data views.
const DATA_VIEW_VERSION: &str = "8.0.0";

/// Height of the bar of links.
const LINKS_HEIGHT: u64 = 3;

/// How often a dashboard asks anew, in milliseconds.
const REFRESH: u64 = 30_000;

/// Everything to import, in order: data views first.
pub fn saved_objects(source: &Source, catalogue: &Catalogue) -> Vec<Value> {
    let views = ids::DATA_VIEWS
        .iter()
        .map(|(id, pattern, name)| data_view(id, pattern, name));
    let maker = Maker {
        look: &source.look,
        catalogue,
    };
    let dashboards = source
        .dashboards
        .iter()
        .map(|one| Builder::new(&maker, source, one).build());
    views.chain(dashboards).collect()
}

/// One JSON object a line.
pub fn to_ndjson(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}

fn data_view(id: &str, pattern: &str, name: &str) -> Value {
    json!({
        "id": id, "type": "index-pattern", "coreMigrationVersion": CORE_VERSION, "typeMigrationVersion": DATA_VIEW_VERSION,
        "managed": false, "references": [],
        "attributes": {
            "title": pattern, "name": name, "timeFieldName": "@timestamp", "allowNoIndex": true,
            "sourceFilters": "[]", "fieldFormatMap": "{}", "runtimeFieldMap": "{}", "fieldAttrs": "{}", "fields": "[]",
        },
    })
}

struct Builder<'a> {
    maker: &'a Maker<'a>,
    source: &'a Source,
    dashboard: &'a Dashboard,
    panels: Vec<Value>,
    references: Vec<Value>,
}

impl<'a> Builder<'a> {
    fn new(maker: &'a Maker<'a>, source: &'a Source, dashboard: &'a Dashboard) -> Self {
        Self {
            maker,
            source,
            dashboard,
            panels: Vec::new(),
            references: Vec::new(),
        }
    }

    fn build(mut self) -> Value {
        self.links();
        let mut y = LINKS_HEIGHT;
        let dashboard = self.dashboard;
        for row in &dashboard.rows {
            let mut x = 0;
            for panel in &row.panels {
                let index = format!("p{}", self.panels.len());
                let place = json!({"x": x, "y": y, "w": panel.width, "h": row.height, "i": index});
                self.panel(panel, &index, place);
                x += panel.width;
            }
            y += row.height;
        }
        let controls = self.controls();
        let options = json!({"useMargins": true, "syncColors": true, "syncCursor": true, "syncTooltips": false, "hidePanelTitles": false});
        let search = json!({"query": {"query": "", "language": "kuery"}, "filter": []});
        json!({
            "id": ids::dashboard(&dashboard.id), "type": "dashboard",
            "coreMigrationVersion": CORE_VERSION, "typeMigrationVersion": DASHBOARD_VERSION, "managed": false,
            "references": self.references,
            "attributes": {
                "title": format!("[brokerbeat] {}", dashboard.title),
                "description": dashboard.question,
                "timeRestore": true, "timeFrom": "now-1h", "timeTo": "now",
                "refreshInterval": {"pause": false, "value": REFRESH},
                "version": 1,
                "kibanaSavedObjectMeta": {"searchSourceJSON": search.to_string()},
                "optionsJSON": options.to_string(),
                "controlGroupInput": controls,
                "panelsJSON": Value::from(self.panels).to_string(),
            },
        })
    }

    fn refer(&mut self, panel: &str, name: &str, kind: &str, id: &str) {
        let reference = json!({"type": kind, "id": id, "name": format!("{panel}:{name}")});
        self.references.push(reference);
    }

    /// The bar of links to all the others; it takes filters and time along.
    fn links(&mut self) {
        let index = "p0";
        let mut links = Vec::new();
        let others: Vec<_> = self
            .source
            .dashboards
            .iter()
            .filter(|one| one.id != self.dashboard.id)
            .collect();
        for (order, other) in others.into_iter().enumerate() {
            let name = ids::link_reference(&other.id);
            self.refer(index, &name, "dashboard", &ids::dashboard(&other.id));
            links.push(json!({
                "type": "dashboardLink", "id": other.id, "label": other.title, "order": order, "destinationRefName": name,
                "options": {"openInNewTab": false, "useCurrentDateRange": true, "useCurrentFilters": true},
            }));
        }
        self.panels.push(json!({
            "type": "links", "panelIndex": index,
            "gridData": {"x": 0, "y": 0, "w": 48, "h": LINKS_HEIGHT, "i": index},
            "embeddableConfig": {
                "attributes": {"layout": "horizontal", "links": links}, "enhancements": {}, "hidePanelTitles": true,
            },
        }));
    }

    fn panel(&mut self, panel: &Panel, index: &str, place: Value) {
        let (kind, mut config) = if panel.chart == Chart::Text {
            ("visualization", markdown(panel))
        } else {
            ("lens", self.lens(panel, index))
        };
        config["title"] = panel.title.as_str().into();
        config["hidePanelTitles"] = (panel.chart == Chart::Text).into();
        self.panels.push(json!({
            "type": kind, "panelIndex": index, "gridData": place, "title": panel.title, "embeddableConfig": config,
        }));
    }

    fn lens(&mut self, panel: &Panel, index: &str) -> Value {
        let mut attributes = self.maker.attributes(panel);
        let description = description(panel, &self.source.look.controls);
        attributes["description"] = description.as_str().into();
        let references = attributes["references"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for reference in references {
            let text = |key: &str| reference[key].as_str().unwrap_or_default().to_owned();
            self.refer(index, &text("name"), "index-pattern", &text("id"));
        }
        let enhancements = match &panel.drill {
            Some(target) => self.drill(index, target),
            None => json!({}),
        };
        json!({"attributes": attributes, "enhancements": enhancements, "description": description})
    }

    /// A click on a value opens another dashboard with that value as a filter.
    fn drill(&mut self, index: &str, target: &str) -> Value {
        let event = format!("{}-{index}-{target}", self.dashboard.id);
        self.refer(
            index,
            &ids::drill_reference(&event),
            "dashboard",
            &ids::dashboard(target),
        );
        let title = self
            .source
            .dashboards
            .iter()
            .find(|one| one.id == target)
            .map_or(target, |one| &one.title);
        json!({"dynamicActions": {"events": [{
            "eventId": event, "triggers": ["FILTER_TRIGGER"],
            "action": {
                "factoryId": ids::DRILL, "name": format!("Open {title}"),
                "config": {"useCurrentFilters": true, "useCurrentDateRange": true, "openInNewTab": false},
            },
        }]}})
    }

    fn controls(&mut self) -> Value {
        let mut panels = Map::new();
        for (order, name) in self.dashboard.controls.iter().enumerate() {
            let Some(control) = self.source.look.controls.get(name) else {
                continue;
            };
            self.references.push(json!({
                "type": "index-pattern", "id": ids::METRICS, "name": format!("controlGroup_{name}:optionsListDataView"),
            }));
            panels.insert(name.clone(), json!({
                "type": "optionsListControl", "order": order, "grow": true, "width": "medium",
                "explicitInput": {
                    "id": name, "fieldName": control.field, "title": control.title, "dataViewId": ids::METRICS,
                    "selectedOptions": [], "enhancements": {},
                },
            }));
        }
        let ignore = json!({"ignoreFilters": false, "ignoreQuery": false, "ignoreTimerange": false, "ignoreValidations": false});
        json!({
            "controlStyle": "oneLine", "chainingSystem": "HIERARCHICAL",
            "ignoreParentSettingsJSON": ignore.to_string(), "panelsJSON": Value::from(panels).to_string(),
        })
    }
}

/// The question, and what the panel cannot know.
fn description(
    panel: &Panel,
    controls: &std::collections::BTreeMap<String, crate::source::Control>,
) -> String {
    let titles = panel.blind.iter().filter_map(|name| controls.get(name));
    let titles: Vec<_> = titles.map(|control| control.title.to_lowercase()).collect();
    if titles.is_empty() {
        return panel.question.clone();
    }
    format!(
        "{} (Empty while a filter of {} is set: these documents do not have one.)",
        panel.question,
        titles.join(" or ")
    )
}

fn markdown(panel: &Panel) -> Value {
    let text = panel.text.as_deref().unwrap_or_default();
    json!({
        "enhancements": {},
        "savedVis": {
            "id": "", "title": panel.title, "description": panel.question, "type": "markdown",
            "params": {"markdown": text, "fontSize": 12, "openLinksInNewTab": false},
            "uiState": {},
            "data": {"aggs": [], "searchSource": {"query": {"query": "", "language": "kuery"}, "filter": []}},
        },
    })
}
