//! Pages that draw dashboards from the answers of Elasticsearch, for pictures without a Kibana.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::query::embedded;

/// The page; it draws `DATA`.
const PAGE: &str = include_str!("../../../kibana/pictures/page.html");

/// Where the data goes.
const PLACE: &str = "/*DATA*/null";

/// Answers by dashboard and panel, out of lines of `{"dashboard", "panel", "answer"}`.
pub type Answers = BTreeMap<String, Map<String, Value>>;

/// Reads the answers.
pub fn answers(ndjson: &str) -> Result<Answers, String> {
    let mut all = Answers::new();
    for (number, line) in ndjson.lines().enumerate() {
        let mut line: Value = serde_json::from_str(line)
            .map_err(|error| format!("line {} of the answers: {error}", number + 1))?;
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let (dashboard, panel) = (text("dashboard"), text("panel"));
        all.entry(dashboard)
            .or_default()
            .insert(panel, line["answer"].take());
    }
    Ok(all)
}

/// A page for each dashboard, by id.
pub fn pages(objects: &[Value], answers: &Answers) -> Result<Vec<(String, String)>, String> {
    let dashboards = objects.iter().filter(|one| one["type"] == "dashboard");
    dashboards
        .map(|dashboard| {
            let id = dashboard["id"].as_str().unwrap_or_default().to_owned();
            let data = json!({
                "title": dashboard["attributes"]["title"],
                "panels": embedded(&dashboard["attributes"]["panelsJSON"])?,
                "answers": answers.get(&id).cloned().unwrap_or_default(),
            });
            // `<` ends no script within a text.
            let data = data.to_string().replace('<', "\\u003c");
            Ok((id, PAGE.replace(PLACE, &data)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_panels_and_their_answers_and_no_end_of_script_in_them() {
        let panels = json!([{"panelIndex": "p1", "title": "</script>"}]).to_string();
        let dashboard = json!({"type": "dashboard", "id": "d", "attributes": {"title": "T", "panelsJSON": panels}});
        let line = json!({"dashboard": "d", "panel": "p1", "answer": {"aggregations": 7}});
        let answers = answers(&line.to_string()).unwrap();
        let pages = pages(&[dashboard], &answers).unwrap();
        let (id, page) = pages.first().unwrap();
        assert_eq!(id, "d");
        assert!(page.contains(r#""answers":{"p1":{"aggregations":7}}"#));
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(!page.contains(PLACE));
    }
}
