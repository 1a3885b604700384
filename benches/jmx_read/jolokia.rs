//! A Jolokia client that asks for a whole list at once: the best that Jolokia can do.

use serde_json::{Value, json};

/// One bulk request, ready to be sent again and again over one connection.
pub(crate) struct Jolokia {
    http: reqwest::Client,
    url: String,
    body: String,
    beans: usize,
}

impl Jolokia {
    pub(crate) fn new(url: String, list: &str) -> Self {
        let requests: Vec<Value> = list
            .lines()
            .map(|line| {
                let mut cells = line.split('\t');
                json!({"type": "read", "mbean": cells.next(), "attribute": cells.collect::<Vec<_>>()})
            })
            .collect();
        Self {
            http: reqwest::Client::new(),
            url,
            beans: requests.len(),
            body: Value::Array(requests).to_string(),
        }
    }

    /// Reads the list and gives the number of values.
    pub(crate) async fn read(&self) -> usize {
        let request = self.http.post(&self.url).body(self.body.clone());
        let text = request.send().await.unwrap().text().await.unwrap();
        let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(answers.len(), self.beans);
        let count = |answer: &Value| answer["value"].as_object().map_or(0, |values| values.len());
        answers.iter().map(count).sum()
    }
}
