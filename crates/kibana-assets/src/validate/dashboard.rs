//! A dashboard: its attributes, its grid, and the references of its panels and controls, both ways.

use std::collections::BTreeSet;

use serde_json::Value;

use super::objects::{Object, reference_names, text_of};
use super::{Problems, fields, lens};
use crate::catalogue::Catalogue;
use crate::ids;
use crate::query::embedded;

/// What a dashboard of 8.9 may have; `sections` and others came later.
const ATTRIBUTES: [&str; 11] = [
    "title",
    "description",
    "kibanaSavedObjectMeta",
    "timeRestore",
    "timeFrom",
    "timeTo",
    "refreshInterval",
    "controlGroupInput",
    "panelsJSON",
    "optionsJSON",
    "version",
];

/// Columns of the grid.
const COLUMNS: u64 = 48;

pub(super) fn check(problems: &mut Problems, object: &Object, catalogue: &Catalogue) {
    let Object { place, value } = object;
    let attributes = &value["attributes"];
    for key in attributes
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        problems.check(
            ATTRIBUTES.contains(&key.as_str()),
            place,
            format!("{key} is no attribute of a dashboard"),
        );
    }
    for (name, text) in [
        (
            "searchSourceJSON",
            &attributes["kibanaSavedObjectMeta"]["searchSourceJSON"],
        ),
        ("optionsJSON", &attributes["optionsJSON"]),
    ] {
        problems.check(
            embedded(text).is_ok(),
            place,
            format!("{name} must be JSON in a text"),
        );
    }
    let mut wanted = BTreeSet::new();
    controls(problems, object, catalogue, &mut wanted);
    match embedded(&attributes["panelsJSON"]) {
        Ok(panels) => all_panels(problems, object, &panels, catalogue, &mut wanted),
        Err(error) => problems.add(place, error),
    }
    let named = reference_names(value);
    for name in &wanted {
        problems.check(
            named.contains_key(name.as_str()),
            place,
            format!("the reference {name} is missing"),
        );
    }
    for name in named.keys() {
        problems.check(
            wanted.contains(*name),
            place,
            format!("nothing uses the reference {name}"),
        );
    }
}

fn controls(
    problems: &mut Problems,
    object: &Object,
    catalogue: &Catalogue,
    wanted: &mut BTreeSet<String>,
) {
    let group = &object.value["attributes"]["controlGroupInput"];
    if group.is_null() {
        return;
    }
    problems.check(
        embedded(&group["ignoreParentSettingsJSON"]).is_ok(),
        &object.place,
        "ignoreParentSettingsJSON must be JSON in a text",
    );
    let panels = match embedded(&group["panelsJSON"]) {
        Ok(panels) => panels,
        Err(error) => return problems.add(&object.place, error),
    };
    for (id, control) in panels.as_object().into_iter().flatten() {
        let place = format!("{} control {id}", object.place);
        wanted.insert(format!("controlGroup_{id}:optionsListDataView"));
        problems.check(
            control["type"] == "optionsListControl",
            &place,
            "only lists of options are known here",
        );
        problems.check(
            control["explicitInput"]["id"] == id.as_str(),
            &place,
            "the id within differs",
        );
        let field = text_of(&control["explicitInput"], "fieldName");
        if let Err(error) = fields::operation(catalogue, "terms", field) {
            problems.add(&place, error);
        }
    }
}

fn all_panels(
    problems: &mut Problems,
    object: &Object,
    panels: &Value,
    catalogue: &Catalogue,
    wanted: &mut BTreeSet<String>,
) {
    let panels = panels.as_array().map_or(&[][..], Vec::as_slice);
    problems.check(!panels.is_empty(), &object.place, "there are no panels");
    let mut indices = BTreeSet::new();
    let mut boxes: Vec<Place> = Vec::new();
    for panel in panels {
        let index = text_of(panel, "panelIndex");
        let place = format!(
            "{} panel {index} {:?}",
            object.place,
            text_of(panel, "title")
        );
        problems.check(
            !index.is_empty() && indices.insert(index),
            &place,
            "the panelIndex is missing or stands twice",
        );
        problems.check(
            panel["gridData"]["i"] == index,
            &place,
            "gridData.i is not the panelIndex",
        );
        grid(problems, panel, &place, &mut boxes);
        panel_references(problems, object, panel, &place, wanted);
        match text_of(panel, "type") {
            "lens" => lens::check(problems, panel, &place, catalogue),
            "visualization" => markdown(problems, panel, &place),
            "links" => {}
            other => problems.add(
                &place,
                format!("a panel of type {other:?} is not known here"),
            ),
        }
    }
}

/// A panel's place in the grid, among those before it.
fn grid(problems: &mut Problems, panel: &Value, place: &str, boxes: &mut Vec<Place>) {
    let Some(one) = Place::of(&panel["gridData"]) else {
        return problems.add(place, "gridData needs x, y, and w and h above 0");
    };
    let fits = one.x + one.w <= COLUMNS;
    problems.check(fits, place, format!("reaches beyond column {COLUMNS}"));
    let meets = boxes.iter().any(|other| other.overlaps(&one));
    problems.check(!meets, place, "overlaps another panel");
    boxes.push(one);
}

/// References that a panel needs in the dashboard, under its own name.
fn panel_references(
    problems: &mut Problems,
    object: &Object,
    panel: &Value,
    place: &str,
    wanted: &mut BTreeSet<String>,
) {
    let index = text_of(panel, "panelIndex");
    let config = &panel["embeddableConfig"];
    let mut want = |name: String| wanted.insert(format!("{index}:{name}"));
    for reference in config["attributes"]["references"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let name = text_of(reference, "name");
        want(name.to_owned());
        let above = reference_names(&object.value);
        let target = above.get(format!("{index}:{name}").as_str()).copied();
        let same = target.is_none_or(|id| id == text_of(reference, "id"));
        problems.check(
            same,
            place,
            format!("{name} leads elsewhere in the dashboard than in the panel"),
        );
    }
    for link in config["attributes"]["links"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let name = text_of(link, "destinationRefName");
        problems.check(
            name == ids::link_reference(text_of(link, "id")),
            place,
            "a link's destinationRefName is not made of its id",
        );
        want(name.to_owned());
    }
    for event in config["enhancements"]["dynamicActions"]["events"]
        .as_array()
        .into_iter()
        .flatten()
    {
        problems.check(
            event["action"]["factoryId"] == ids::DRILL,
            place,
            "only drill-downs to dashboards need no licence",
        );
        want(ids::drill_reference(text_of(event, "eventId")));
    }
}

fn markdown(problems: &mut Problems, panel: &Value, place: &str) {
    let visualization = &panel["embeddableConfig"]["savedVis"];
    problems.check(
        visualization["type"] == "markdown",
        place,
        "only markdown is known here",
    );
    problems.check(
        visualization["params"]["markdown"].is_string(),
        place,
        "the text is missing",
    );
}

struct Place {
    x: u64,
    y: u64,
    w: u64,
    h: u64,
}

impl Place {
    fn of(grid: &Value) -> Option<Self> {
        let number = |key: &str| grid[key].as_u64();
        let (x, y) = (number("x")?, number("y")?);
        let (w, h) = (number("w")?, number("h")?);
        (w > 0 && h > 0).then_some(Self { x, y, w, h })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }
}
