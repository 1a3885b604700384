//! What Lens asks Elasticsearch for a panel, out of the panel as Kibana gets it, so that a real Elasticsearch can be asked
//! without a Kibana.
//!
//! Where Lens uses an aggregation of a paid-for or unbundled module, the body has one that gives the same numbers, and
//! `equivalent` names the difference.

use serde_json::{Map, Value, json};

use crate::kql;

/// How finely time is cut; Lens chooses by the width of the panel.
const INTERVAL: &str = "30s";

/// The questions of all panels, one an entry.
pub fn queries(objects: &[Value]) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    for dashboard in objects
        .iter()
        .filter(|object| object["type"] == "dashboard")
    {
        let panels = embedded(&dashboard["attributes"]["panelsJSON"])?;
        for panel in panels.as_array().into_iter().flatten() {
            if panel["type"] == "lens" {
                all.push(of_panel(dashboard, panel, objects)?);
            }
        }
    }
    Ok(all)
}

/// The value of a `…JSON` attribute.
pub(crate) fn embedded(text: &Value) -> Result<Value, String> {
    let text = text.as_str().ok_or("a …JSON attribute is no text")?;
    serde_json::from_str(text).map_err(|error| format!("a …JSON attribute is no JSON: {error}"))
}

fn of_panel(dashboard: &Value, panel: &Value, objects: &[Value]) -> Result<Value, String> {
    let attributes = &panel["embeddableConfig"]["attributes"];
    let layer = &attributes["state"]["datasourceStates"]["formBased"]["layers"]["data"];
    let view = attributes["references"][0]["id"]
        .as_str()
        .unwrap_or_default();
    let view = objects.iter().find(|object| object["id"] == view);
    let index = view.map_or(Value::Null, |view| view["attributes"]["title"].clone());
    let filter = attributes["state"]["query"]["query"]
        .as_str()
        .unwrap_or_default();
    let range = json!({"range": {"@timestamp": {"gte": "now-1h", "lte": "now"}}});
    let mut layer = Layer {
        columns: &layer["columns"],
        equivalent: Vec::new(),
    };
    let aggregations = layer.aggregations(&order_of(layer_order(attributes)))?;
    Ok(json!({
        "dashboard": dashboard["id"], "panel": panel["panelIndex"], "title": panel["title"],
        "question": attributes["description"], "chart": attributes["visualizationType"],
        "index": index, "equivalent": layer.equivalent, "rates": layer.rates(),
        "body": {
            "size": 0, "track_total_hits": true,
            "query": {"bool": {"filter": [range, kql::parse(filter)?.to_dsl()]}},
            "aggs": aggregations,
        },
    }))
}

fn layer_order(attributes: &Value) -> &Value {
    &attributes["state"]["datasourceStates"]["formBased"]["layers"]["data"]["columnOrder"]
}

fn order_of(order: &Value) -> Vec<&str> {
    order
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

struct Layer<'a> {
    columns: &'a Value,
    equivalent: Vec<String>,
}

impl Layer<'_> {
    /// Buckets outside in, numbers in the innermost.
    fn aggregations(&mut self, order: &[&str]) -> Result<Map<String, Value>, String> {
        let (buckets, numbers): (Vec<&str>, Vec<&str>) = order
            .iter()
            .partition(|id| self.columns[**id]["isBucketed"] == true);
        let mut inner = Map::new();
        for id in numbers {
            self.number(id, &mut inner)?;
        }
        for id in buckets.into_iter().rev() {
            inner = self.bucket(id, inner)?;
        }
        Ok(inner)
    }

    /// Columns that are the growth in a second of another one.
    fn rates(&self) -> Value {
        let columns = self.columns.as_object().into_iter().flatten();
        let rates = columns.filter(|(_, column)| column["operationType"] == "counter_rate");
        rates
            .map(|(id, column)| (id.clone(), column["references"][0].clone()))
            .collect::<Map<_, _>>()
            .into()
    }

    fn number(&mut self, id: &str, into: &mut Map<String, Value>) -> Result<(), String> {
        let column = &self.columns[id];
        let field = &column["sourceField"];
        let aggregation = match column["operationType"].as_str().unwrap_or_default() {
            "last_value" => {
                self.differs("top_hits for top_metrics");
                let sort = json!([{"@timestamp": "desc"}]);
                json!({"top_hits": {"size": 1, "sort": sort, "_source": [field]}})
            }
            "counter_rate" => {
                // Lens takes the difference of buckets itself; a Kibana that knows the counter may ask for `rate`.
                self.differs("max of each bucket for rate: the growth is to be computed");
                return Ok(());
            }
            "unique_count" => json!({"cardinality": {"field": field}}),
            "count" => json!({"value_count": {"field": "@timestamp"}}),
            "average" => json!({"avg": {"field": field}}),
            operation @ ("max" | "min") => json!({operation: {"field": field}}),
            other => return Err(format!("{id}: no aggregation for {other:?}")),
        };
        into.insert(id.to_owned(), narrowed(column, id, aggregation)?);
        Ok(())
    }

    fn bucket(
        &mut self,
        id: &str,
        inner: Map<String, Value>,
    ) -> Result<Map<String, Value>, String> {
        let column = &self.columns[id];
        let mut outer = Map::new();
        if column["operationType"] == "date_histogram" {
            let histogram =
                json!({"field": "@timestamp", "fixed_interval": INTERVAL, "min_doc_count": 1});
            outer.insert(
                id.to_owned(),
                json!({"date_histogram": histogram, "aggs": inner}),
            );
            return Ok(outer);
        }
        let params = &column["params"];
        let others = params["secondaryFields"].as_array();
        let others: Vec<&Value> = others.into_iter().flatten().collect();
        if !others.is_empty() {
            self.differs("nested terms for multi_terms");
        }
        let order = self.order(params);
        let mut body = inner;
        if let (Some((name, by)), true) = (&order.1, others.is_empty()) {
            body.insert(name.clone(), by.clone());
        }
        let body = within(id, &params["size"], &others, body);
        let mut terms = json!({"field": column["sourceField"], "size": params["size"]});
        if others.is_empty() {
            terms["order"] = order.0;
        }
        outer.insert(id.to_owned(), json!({"terms": terms, "aggs": body}));
        Ok(outer)
    }

    /// The order of the buckets, and the aggregation that it needs beside the numbers.
    fn order(&mut self, params: &Value) -> (Value, Option<(String, Value)>) {
        let by = &params["orderBy"];
        match by["type"].as_str().unwrap_or_default() {
            "custom" => {
                let maximum = json!({"max": {"field": params["orderAgg"]["sourceField"]}});
                (
                    json!({"order": "desc"}),
                    Some(("order".to_owned(), maximum)),
                )
            }
            "column" => {
                let id = by["columnId"].as_str().unwrap_or_default();
                let within = if is_narrowed(&self.columns[id]) {
                    ">order"
                } else {
                    ""
                };
                let path = format!("order{within}");
                let aggregation = self.ordering(id);
                (
                    json!({path: params["orderDirection"]}),
                    aggregation.map(|one| ("order".to_owned(), one)),
                )
            }
            _ => (json!({"_key": "asc"}), None),
        }
    }

    /// The column's aggregation once more, as the terms stand above time.
    fn ordering(&mut self, id: &str) -> Option<Value> {
        let mut one = Map::new();
        self.number(id, &mut one).ok()?;
        let mut aggregation = one.remove(id)?;
        let inner = aggregation.get_mut("aggs").and_then(Value::as_object_mut);
        if let Some(inner) = inner {
            let inside = inner.remove(id)?;
            inner.insert("order".to_owned(), inside);
        }
        Some(aggregation)
    }

    fn differs(&mut self, what: &str) {
        if !self.equivalent.iter().any(|one| one == what) {
            self.equivalent.push(what.to_owned());
        }
    }
}

/// Terms of further fields, one within the other, from the innermost to the first.
fn within(
    id: &str,
    size: &Value,
    fields: &[&Value],
    mut body: Map<String, Value>,
) -> Map<String, Value> {
    for (depth, field) in fields.iter().enumerate().rev() {
        let terms = json!({"field": field, "size": size});
        let mut outer = Map::new();
        outer.insert(
            format!("{id}{}", depth + 1),
            json!({"terms": terms, "aggs": body}),
        );
        body = outer;
    }
    body
}

fn is_narrowed(column: &Value) -> bool {
    column["filter"].is_object() || column["reducedTimeRange"].is_string()
}

/// A number of its own filter or of the latest part of the range stands in a filter aggregation.
fn narrowed(column: &Value, id: &str, aggregation: Value) -> Result<Value, String> {
    if !is_narrowed(column) {
        return Ok(aggregation);
    }
    let mut filters = Vec::new();
    if let Some(query) = column["filter"]["query"].as_str() {
        filters.push(kql::parse(query)?.to_dsl());
    }
    if let Some(window) = column["reducedTimeRange"].as_str() {
        filters
            .push(json!({"range": {"@timestamp": {"gte": format!("now-{window}"), "lte": "now"}}}));
    }
    Ok(json!({"filter": {"bool": {"filter": filters}}, "aggs": {id: aggregation}}))
}
