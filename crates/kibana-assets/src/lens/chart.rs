//! How the columns of a panel are drawn.

use serde_json::{Value, json};

use super::{ALL, LAYER, Maker, REFERENCE, SEEN, SPLIT, TIME, measure_id, of_all, row_id};
use crate::source::{Chart, Panel, Scale, Threshold};

/// Rows of a page of a table.
const PAGE: u64 = 10;

/// Tiles side by side before they go on below.
const TILES: u64 = 6;

/// Lens's name of the kind of chart.
pub(super) fn visualization_type(chart: Chart) -> &'static str {
    match chart {
        Chart::Metric => "lnsMetric",
        Chart::Line | Chart::Area | Chart::Bars => "lnsXY",
        Chart::Table => "lnsDatatable",
        Chart::Heatmap => "lnsHeatmap",
        Chart::Text => "",
    }
}

impl Maker<'_> {
    pub(super) fn visualization(&self, panel: &Panel) -> Value {
        match panel.chart {
            Chart::Metric => self.metric(panel),
            Chart::Line => self.over_time(panel, "line"),
            Chart::Area => self.over_time(panel, "area_stacked"),
            Chart::Bars => self.over_time(panel, "bar_stacked"),
            Chart::Table => self.table(panel),
            Chart::Heatmap => self.heatmap(panel),
            Chart::Text => Value::Null,
        }
    }

    fn scale_of(&self, colour: Option<&str>) -> Option<&Scale> {
        colour.and_then(|name| self.look.scales.get(name))
    }

    fn metric(&self, panel: &Panel) -> Value {
        let mut state =
            json!({"layerId": LAYER, "layerType": "data", "metricAccessor": measure_id(0)});
        if of_all(panel).is_some() {
            state["secondaryMetricAccessor"] = ALL.into();
            state["secondaryPrefix"] = "of".into();
        }
        if !panel.by.is_empty() {
            state["breakdownByAccessor"] = SPLIT.into();
            state["maxCols"] = TILES.into();
        }
        let first = panel.show.first().and_then(|one| one.colour.as_deref());
        if let Some(scale) = self.scale_of(first) {
            state["palette"] = self.palette(scale);
        }
        state
    }

    fn over_time(&self, panel: &Panel, series: &str) -> Value {
        let accessors: Vec<_> = (0..panel.show.len()).map(measure_id).collect();
        let mut data = json!({
            "layerId": LAYER, "layerType": "data", "seriesType": series, "xAccessor": TIME, "accessors": accessors,
        });
        if panel.by.is_empty() {
            data["yConfig"] = self.line_colours(panel);
        } else {
            data["splitAccessor"] = SPLIT.into();
        }
        let mut layers = vec![data];
        layers.extend(panel.threshold.as_ref().map(|one| self.reference(one)));
        let sides = |left: bool| json!({"x": left, "yLeft": left, "yRight": true});
        json!({
            "legend": {"isVisible": true, "position": "bottom", "showSingleSeries": true},
            "valueLabels": "hide",
            // A gap is a gap: what was not seen is not drawn.
            "fittingFunction": "None",
            "preferredSeriesType": series,
            "axisTitlesVisibilitySettings": sides(false),
            "tickLabelsVisibilitySettings": sides(true),
            "gridlinesVisibilitySettings": sides(true),
            "layers": layers,
        })
    }

    fn line_colours(&self, panel: &Panel) -> Value {
        let coloured = panel.show.iter().enumerate();
        let coloured = coloured.filter_map(|(index, one)| {
            let colour = self.colour(one.colour.as_deref()?);
            Some(json!({"forAccessor": measure_id(index), "color": colour, "axisMode": "left"}))
        });
        coloured.collect()
    }

    fn reference(&self, threshold: &Threshold) -> Value {
        json!({
            "layerId": REFERENCE, "layerType": "referenceLine", "accessors": ["line"],
            "yConfig": [{
                "forAccessor": "line", "axisMode": "left", "color": self.colour(&threshold.colour), "lineStyle": "dashed",
                "lineWidth": 1, "fill": "none", "textVisibility": true,
            }],
        })
    }

    fn table(&self, panel: &Panel) -> Value {
        let rows = (0..panel.by.len())
            .map(|index| json!({"columnId": row_id(index), "isTransposed": false}));
        let values = panel.show.iter().enumerate().map(|(index, measure)| {
            let mut column = json!({"columnId": measure_id(index), "isTransposed": false});
            if let Some(scale) = self.scale_of(measure.colour.as_deref()) {
                // Not the cell: a table of green cells hides the red one.
                column["colorMode"] = "text".into();
                column["palette"] = self.palette(scale);
            }
            column
        });
        let seen = json!({"columnId": SEEN, "isTransposed": false});
        let columns: Vec<_> = rows.chain(values).chain([seen]).collect();
        let mut state = json!({
            "layerId": LAYER, "layerType": "data", "columns": columns, "paging": {"enabled": true, "size": PAGE},
        });
        // The worst first, by the first number that has one.
        let numbers = panel.show.iter();
        let first = numbers
            .enumerate()
            .find(|(_, one)| self.is_number(&one.value.1));
        if let Some((index, _)) = first {
            state["sorting"] = json!({"columnId": measure_id(index), "direction": "desc"});
        }
        state
    }

    fn heatmap(&self, panel: &Panel) -> Value {
        let mut state = json!({
            "shape": "heatmap", "layerId": LAYER, "layerType": "data",
            "xAccessor": TIME, "yAccessor": SPLIT, "valueAccessor": measure_id(0),
            "legend": {"isVisible": true, "position": "right", "type": "heatmap_legend"},
            "gridConfig": {
                "type": "heatmap_grid", "isCellLabelVisible": false, "isYAxisLabelVisible": true,
                "isXAxisLabelVisible": true, "isYAxisTitleVisible": false, "isXAxisTitleVisible": false,
            },
        });
        let first = panel.show.first().and_then(|one| one.colour.as_deref());
        if let Some(scale) = self.scale_of(first) {
            let mut palette = self.palette(scale);
            palette["accessor"] = measure_id(0).into();
            state["palette"] = palette;
        }
        state
    }

    /// Colours from the lower bounds of a scale: `colorStops` are lower bounds, `stops` upper ones.
    fn palette(&self, scale: &Scale) -> Value {
        let steps = &scale.steps;
        let colour = |name: &String| self.colour(name);
        let lower: Vec<_> = steps
            .iter()
            .map(|(from, name)| json!({"color": colour(name), "stop": from}))
            .collect();
        let upper = steps.iter().enumerate().map(|(index, (from, name))| {
            let to = steps.get(index + 1).map_or(from + 1.0, |(next, _)| *next);
            json!({"color": colour(name), "stop": to})
        });
        let upper: Vec<_> = upper.collect();
        let least = steps.first().map_or(0.0, |(from, _)| *from);
        json!({"type": "palette", "name": "custom", "params": {
            "name": "custom", "steps": steps.len(), "maxSteps": 5, "reverse": false, "progression": "fixed",
            "rangeType": "number", "rangeMin": least, "rangeMax": null, "continuity": "above",
            "stops": upper, "colorStops": lower,
        }})
    }
}
