//! A Lens panel by value: its layers, their columns, and what the drawing asks of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::objects::text_of;
use super::{Problems, fields};
use crate::catalogue::Catalogue;
use crate::ids;

/// Kinds of charts that are known here.
const CHARTS: [&str; 5] = ["lnsXY", "lnsMetric", "lnsDatatable", "lnsHeatmap", "lnsPie"];

/// Fields beside the first one that Lens puts together to one name.
const MORE_FIELDS: usize = 3;

/// The only field that is none.
const RECORDS: &str = "___records___";

pub(super) fn check(problems: &mut Problems, panel: &Value, place: &str, catalogue: &Catalogue) {
    let attributes = &panel["embeddableConfig"]["attributes"];
    let state = &attributes["state"];
    let chart = text_of(attributes, "visualizationType");
    problems.check(
        CHARTS.contains(&chart),
        place,
        format!("{chart:?} is no kind of chart that is known here"),
    );
    problems.check(
        state["query"]["language"] == "kuery",
        place,
        "the query must be KQL",
    );
    fields::query(
        problems,
        catalogue,
        place,
        text_of(&state["query"], "query"),
    );
    let layers = state["datasourceStates"]["formBased"]["layers"].as_object();
    problems.check(
        layers.is_some_and(|layers| !layers.is_empty()),
        place,
        "there is no layer",
    );
    let references = attributes["references"].as_array().into_iter().flatten();
    let references: BTreeSet<&str> = references.map(|one| text_of(one, "name")).collect();
    for (id, layer) in layers.into_iter().flatten() {
        let wanted = ids::layer_reference(id);
        problems.check(
            references.contains(wanted.as_str()),
            place,
            format!("the panel's own reference {wanted} is missing"),
        );
        Layer::new(problems, place, catalogue, layer).check();
    }
    let known = layers.into_iter().flatten();
    let known: BTreeSet<&str> = known
        .flat_map(|(_, layer)| columns(layer))
        .map(|(id, _)| id.as_str())
        .collect();
    drawing(problems, place, &state["visualization"], layers, &known);
}

fn columns(layer: &Value) -> impl Iterator<Item = (&String, &Value)> {
    layer["columns"].as_object().into_iter().flatten()
}

struct Layer<'a> {
    problems: &'a mut Problems,
    place: &'a str,
    catalogue: &'a Catalogue,
    layer: &'a Value,
    has_time: bool,
}

impl<'a> Layer<'a> {
    fn new(
        problems: &'a mut Problems,
        place: &'a str,
        catalogue: &'a Catalogue,
        layer: &'a Value,
    ) -> Self {
        let has_time =
            columns(layer).any(|(_, column)| column["operationType"] == "date_histogram");
        Self {
            problems,
            place,
            catalogue,
            layer,
            has_time,
        }
    }

    fn add(&mut self, what: impl std::fmt::Display) {
        self.problems.add(self.place, what);
    }

    fn check(&mut self) {
        self.order();
        let layer = self.layer;
        for (id, column) in columns(layer) {
            self.column(id, column);
        }
    }

    fn order(&mut self) {
        let order = self.layer["columnOrder"].as_array().into_iter().flatten();
        let order: Vec<&str> = order.filter_map(Value::as_str).collect();
        let named: BTreeSet<&str> = order.iter().copied().collect();
        let there: BTreeSet<&str> = columns(self.layer).map(|(id, _)| id.as_str()).collect();
        if named != there || named.len() != order.len() {
            self.add("columnOrder and columns do not name the same columns");
        }
        let mut seen_number = false;
        for id in order {
            let is_bucket = self.layer["columns"][id]["isBucketed"] == true;
            if is_bucket && seen_number {
                self.add(format!("the bucket {id} stands after a number"));
            }
            seen_number |= !is_bucket;
        }
    }

    fn column(&mut self, id: &str, column: &Value) {
        let operation = text_of(column, "operationType");
        if let Some(filter) = column["filter"]["query"].as_str() {
            fields::query(self.problems, self.catalogue, self.place, filter);
        }
        match operation {
            "formula" | "math" => {
                self.add("formulas ship columns that only Kibana can make: use plain operations")
            }
            "counter_rate" => self.rate(id, column),
            "static_value" => {}
            "count" => {
                if column["sourceField"] != RECORDS {
                    self.add(format!("{id}: count counts {RECORDS}"));
                }
            }
            "terms" => self.terms(id, column),
            _ => self.plain(id, column, operation),
        }
        self.stickiness(id, column, operation);
    }

    fn plain(&mut self, id: &str, column: &Value, operation: &str) {
        let field = text_of(column, "sourceField");
        if let Err(error) = fields::operation(self.catalogue, operation, field) {
            return self.add(format!("{id}: {error}"));
        }
        let known = self.catalogue.field(field);
        let data_type = known.map_or("", |field| field.kibana_type());
        let wanted = if operation == "unique_count" {
            "number"
        } else {
            data_type
        };
        if column["dataType"] != wanted {
            self.add(format!("{id}: dataType must be {wanted}"));
        }
        let is_base = known.is_some_and(|field| field.is_counter()) && !self.is_referenced(id);
        if is_base {
            self.add(format!(
                "{id}: a counter's value says nothing; take its rate"
            ));
        }
        if operation == "last_value" && column["params"]["sortField"] != "@timestamp" {
            self.add(format!(
                "{id}: the last value by what? sortField is missing"
            ));
        }
    }

    fn is_referenced(&self, id: &str) -> bool {
        columns(self.layer).any(|(_, column)| {
            let references = column["references"].as_array();
            references.is_some_and(|references| references.iter().any(|one| one == id))
        })
    }

    fn rate(&mut self, id: &str, column: &Value) {
        if !self.has_time {
            self.add(format!("{id}: a rate needs an axis of time"));
        }
        if column["timeScale"] != "s" {
            self.add(format!("{id}: timeScale is missing"));
        }
        let base = column["references"][0].as_str().unwrap_or_default();
        let base = &self.layer["columns"][base];
        if base["operationType"] != "max" {
            return self.add(format!("{id}: a rate is made of the max of a counter"));
        }
        if let Err(error) = fields::operation(self.catalogue, "rate", text_of(base, "sourceField"))
        {
            self.add(format!("{id}: {error}"));
        }
    }

    fn terms(&mut self, id: &str, column: &Value) {
        let params = &column["params"];
        let more = params["secondaryFields"].as_array().into_iter().flatten();
        let more: Vec<&str> = more.filter_map(Value::as_str).collect();
        if more.len() > MORE_FIELDS {
            self.add(format!(
                "{id}: more than {} fields together",
                MORE_FIELDS + 1
            ));
        }
        for field in std::iter::once(text_of(column, "sourceField")).chain(more) {
            if let Err(error) = fields::operation(self.catalogue, "terms", field) {
                self.add(format!("{id}: {error}"));
            }
        }
        let by = &params["orderBy"];
        if by["type"] == "column" {
            let ordered = &self.layer["columns"][text_of(by, "columnId")];
            let can = ordered.is_object()
                && ordered["isBucketed"] == false
                && ordered["references"].is_null();
            if !can || self.is_referenced(text_of(by, "columnId")) {
                self.add(format!("{id}: Lens cannot order by {}", by["columnId"]));
            }
        }
        if by["type"] == "custom" {
            let field = text_of(&params["orderAgg"], "sourceField");
            if let Err(error) = fields::operation(self.catalogue, "max", field) {
                self.add(format!("{id}: {error}"));
            }
        }
    }

    /// Over the whole range a maximum, and a number of different values, never fall.
    fn stickiness(&mut self, id: &str, column: &Value, operation: &str) {
        let window = column["reducedTimeRange"].as_str();
        if self.has_time && window.is_some() {
            return self.add(format!(
                "{id}: reducedTimeRange does not go with an axis of time"
            ));
        }
        // The latest of all times is what it says.
        let is_time = column["sourceField"] == "@timestamp";
        let sticks =
            matches!(operation, "max" | "min" | "unique_count" | "count" | "sum") && !is_time;
        // It is the last one that there was: an error that is over would stand there still.
        let stays = sticks || operation == "last_value";
        if stays && !self.has_time && window.is_none() {
            self.add(format!("{id}: {operation} over the whole range sticks at what was once: it needs a reducedTimeRange"));
        }
        let is_bucketed_sum = operation == "sum"
            && self
                .catalogue
                .field(text_of(column, "sourceField"))
                .is_some();
        if is_bucketed_sum {
            self.add(format!("{id}: a sum counts every tick anew"));
        }
    }
}

/// Every accessor of the visualization must name a column, every layer must be there.
fn drawing(
    problems: &mut Problems,
    place: &str,
    drawing: &Value,
    layers: Option<&Map<String, Value>>,
    known: &BTreeSet<&str>,
) {
    let mut accessors = Vec::new();
    collect(drawing, &mut accessors);
    problems.check(!accessors.is_empty(), place, "nothing is drawn");
    for (key, value) in accessors {
        let is_layer = key == "layerId";
        let exists = if is_layer {
            layers.is_some_and(|layers| layers.contains_key(value))
        } else {
            known.contains(value)
        };
        problems.check(
            exists,
            place,
            format!("{key} names {value}, which is missing"),
        );
    }
}

const ACCESSORS: [&str; 12] = [
    "layerId",
    "metricAccessor",
    "secondaryMetricAccessor",
    "breakdownByAccessor",
    "xAccessor",
    "yAccessor",
    "valueAccessor",
    "splitAccessor",
    "accessors",
    "forAccessor",
    "columnId",
    "accessor",
];

fn collect<'a>(value: &'a Value, into: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.as_str();
                match value {
                    Value::String(text) if ACCESSORS.contains(&key) => into.push((key, text)),
                    Value::Array(items) if ACCESSORS.contains(&key) => {
                        into.extend(items.iter().filter_map(|one| Some((key, one.as_str()?))))
                    }
                    other => collect(other, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}
