//! A panel's Lens state: columns, layers, and how they are drawn.

mod chart;
mod column;

use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::ids;
use crate::source::{Chart, Look, Measure, Operation, Panel};

/// Name of the layer that holds the data.
const LAYER: &str = "data";

/// Name of the layer of the line of reference.
const REFERENCE: &str = "reference";

/// Column of time.
const TIME: &str = "time";

/// Column of the values that make lines, stacks or tiles.
const SPLIT: &str = "split";

/// What panels are made with.
pub(crate) struct Maker<'a> {
    pub(crate) look: &'a Look,
    pub(crate) catalogue: &'a Catalogue,
}

/// The columns of a layer, buckets first.
struct Layer {
    order: Vec<String>,
    columns: Map<String, Value>,
}

impl Layer {
    fn push(&mut self, id: &str, column: Value) {
        self.order.push(id.to_owned());
        self.columns.insert(id.to_owned(), column);
    }

    fn into_json(self) -> Value {
        json!({"columns": self.columns, "columnOrder": self.order, "incompleteColumns": {}, "sampling": 1})
    }
}

/// Column that says when a row's series was seen last.
const SEEN: &str = "seen";

/// Column of all, beside the number of those that a condition holds for.
const ALL: &str = "all";

/// Name of a column of numbers.
fn measure_id(index: usize) -> String {
    format!("value{index}")
}

/// Name of a column of rows.
fn row_id(index: usize) -> String {
    format!("row{index}")
}

impl Maker<'_> {
    /// The query of a panel: its dataset and kind, and what it says itself.
    pub(crate) fn query(of: &str, filter: Option<&str>) -> String {
        let own = match of.split_once('/') {
            Some((dataset, kind)) => format!(
                "data_stream.dataset : \"brokerbeat.{dataset}\" and brokerbeat.kind : \"{kind}\""
            ),
            None => format!("data_stream.dataset : \"brokerbeat.{of}\""),
        };
        match filter {
            Some(filter) if !filter.trim().is_empty() => format!("{own} and ({filter})"),
            _ => own,
        }
    }

    /// The `attributes` of a Lens panel by value.
    pub(crate) fn attributes(&self, panel: &Panel) -> Value {
        let data_view = ids::data_view(self.catalogue, &panel.of);
        let mut layers = Map::new();
        layers.insert(LAYER.to_owned(), self.layer(panel).into_json());
        if let Some(threshold) = &panel.threshold {
            layers.insert(REFERENCE.to_owned(), column::reference_layer(threshold));
        }
        let reference = |layer: &String| json!({"type": "index-pattern", "id": data_view, "name": ids::layer_reference(layer)});
        let references: Vec<_> = layers.keys().map(reference).collect();
        json!({
            "title": "",
            "description": "",
            "visualizationType": chart::visualization_type(panel.chart),
            "type": "lens",
            "references": references,
            "state": {
                "visualization": self.visualization(panel),
                "query": {"query": Self::query(&panel.of, panel.filter.as_deref()), "language": "kuery"},
                "filters": [],
                "datasourceStates": {"formBased": {"layers": layers}},
                "internalReferences": [],
                "adHocDataViews": {},
            },
        })
    }

    fn layer(&self, panel: &Panel) -> Layer {
        let mut layer = Layer {
            order: Vec::new(),
            columns: Map::new(),
        };
        self.buckets(panel, &mut layer);
        if panel.chart.has_time() {
            layer.push(TIME, column::time(has_rate(panel)));
        }
        for (index, measure) in panel.show.iter().enumerate() {
            self.measure(panel, &measure_id(index), measure, &mut layer);
        }
        if let Some(of_all) = of_all(panel) {
            layer.push(ALL, column::plain(&of_all, None, true));
        }
        if panel.chart == Chart::Table {
            layer.push(SEEN, column::seen());
        }
        layer
    }

    /// The split stands before time: its values are found once, not anew in every bucket of time.
    fn buckets(&self, panel: &Panel, layer: &mut Layer) {
        if panel.chart == Chart::Table {
            for (index, field) in panel.by.iter().enumerate() {
                let order = self.order(panel);
                let terms = column::terms(
                    self.catalogue,
                    std::slice::from_ref(field),
                    panel.top,
                    &order,
                );
                layer.push(&row_id(index), terms);
            }
        } else if !panel.by.is_empty() {
            let order = self.order(panel);
            let terms = column::terms(self.catalogue, &panel.by, panel.top, &order);
            layer.push(SPLIT, terms);
        }
    }

    /// By what the values of a split are chosen: by the first number, where Lens can order by its column; else by the
    /// maximum of the same field.
    fn order(&self, panel: &Panel) -> column::Order {
        use column::Order;
        let by = |(index, measure): (usize, &Measure)| {
            let (operation, field) = &measure.value;
            match operation {
                Operation::Rate => Some(Order::Maximum(field.clone())),
                Operation::Last if self.is_number(field) => Some(Order::Maximum(field.clone())),
                Operation::Last => None,
                Operation::Min => Some(Order::Lowest(measure_id(index))),
                Operation::Max | Operation::Average | Operation::Unique | Operation::Count => {
                    Some(Order::Column(measure_id(index)))
                }
            }
        };
        let mut found = panel.show.iter().enumerate().filter_map(by);
        found.next().unwrap_or(Order::Alphabetical)
    }

    fn is_number(&self, field: &str) -> bool {
        self.catalogue.field(field).is_some_and(|f| f.is_number())
    }

    fn measure(&self, panel: &Panel, id: &str, measure: &Measure, layer: &mut Layer) {
        let field = self.catalogue.field(&measure.value.1);
        let now = !panel.chart.has_time();
        if measure.value.0 == Operation::Rate {
            let base = format!("{id}counter");
            layer.push(&base, column::maximum(&measure.value.1));
            layer.push(id, column::rate(measure, field, &base));
        } else {
            layer.push(id, column::plain(measure, field, now));
        }
    }

    /// The colour of that name; the validator has seen that it exists.
    pub(crate) fn colour(&self, name: &str) -> &str {
        self.look
            .colours
            .get(name)
            .map_or("#98a2b3", String::as_str)
    }
}

/// 0 in trouble may be 0 of 0: how many there are at all, for a number of different values with a condition.
fn of_all(panel: &Panel) -> Option<Measure> {
    let [only] = panel.show.as_slice() else {
        return None;
    };
    let counts = panel.chart == Chart::Metric && only.value.0 == Operation::Unique;
    (counts && only.filter.is_some()).then(|| Measure {
        value: only.value.clone(),
        label: "of".to_owned(),
        filter: None,
        colour: None,
    })
}

/// The last bucket of time is not complete: the growth in it would look small.
fn has_rate(panel: &Panel) -> bool {
    panel.show.iter().any(|one| one.value.0 == Operation::Rate)
}
