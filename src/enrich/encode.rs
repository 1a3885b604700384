//! The documents of one cycle into JSON, one after the other.

use std::sync::Arc;

use super::template::{Content, Slot, Template};
use super::{Agent, Origin, stream_type};
use crate::catalogue::StreamType;
use crate::document::{Document, Field, text};
use crate::identity::{DocumentId, add_key, begin_series, end_series};

/// Shapes that are kept: those of the documents that come in great numbers, with and without their optional fields.
const SHAPES_KEPT: usize = 32;

/// Encodes documents of one origin.
pub struct Encoder<'a> {
    agent: &'a Agent,
    origin: &'a Origin,
    shapes: Vec<Shape>,
    /// The shape that goes when there is no room for another.
    oldest: usize,
    series: String,
    body: Vec<u8>,
}

/// A document on its way into the queue.
#[derive(Debug)]
pub struct Encoded<'e> {
    /// Data stream: `metrics-brokerbeat.kafka.partition-default`.
    pub stream: &'e Arc<str>,
    /// Hash of series and timestamp.
    pub id: DocumentId,
    /// The final JSON.
    pub body: &'e [u8],
}

impl<'a> Encoder<'a> {
    /// For the documents of one cycle.
    pub fn new(agent: &'a Agent, origin: &'a Origin) -> Self {
        Self {
            agent,
            origin,
            shapes: Vec::new(),
            oldest: 0,
            series: String::new(),
            body: Vec::new(),
        }
    }

    /// Encodes a document, once and for all.
    pub fn encode(&mut self, document: &Document) -> Encoded<'_> {
        let at = self.shape(document);
        let shape = &self.shapes[at];
        shape.series(document.flat(), &mut self.series);
        self.body.clear();
        let template = &shape.template;
        template.fill(&self.series, document.flat(), &mut self.body);
        Encoded {
            stream: &shape.stream,
            id: DocumentId::new(&self.series, self.origin.tick),
            body: &self.body,
        }
    }

    fn shape(&mut self, document: &Document) -> usize {
        let known = self.shapes.iter().position(|shape| shape.fits(document));
        known.unwrap_or_else(|| {
            let shape = Shape::of(document, self.agent, self.origin);
            if self.shapes.len() < SHAPES_KEPT {
                self.shapes.push(shape);
                return self.shapes.len() - 1;
            }
            self.oldest = (self.oldest + 1) % SHAPES_KEPT;
            self.shapes[self.oldest] = shape;
            self.oldest
        })
    }
}

/// What documents of the same dataset, kind and names share.
struct Shape {
    /// A document of this shape, for its names.
    like: Document,
    stream: Arc<str>,
    template: Template,
    /// Beginning of the series.
    series: String,
    /// Names of the keys in order, and where their values are.
    keys: Vec<(String, Key)>,
}

enum Key {
    Field(usize),
    Constant(String),
}

impl Shape {
    fn of(document: &Document, agent: &Agent, origin: &Origin) -> Self {
        let stream_type = stream_type(&document.dataset);
        let (dataset, kind) = (&document.dataset, &document.kind);
        let fields = || document.flat().iter().enumerate();
        let mut keys: Vec<(String, Key)> = fields()
            .filter(|(_, field)| field.is_key)
            .map(|(index, field)| (field.name.to_string(), Key::Field(index)))
            .collect();
        if stream_type == StreamType::Logs {
            // Two agents that see the same change say so twice.
            keys.push(("agent.id".to_owned(), Key::Constant(agent.id.clone())));
        }
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        let mut series = String::new();
        begin_series(&mut series, origin.cluster_id(), dataset, kind);
        let base = agent.base(dataset, kind, stream_type, origin).into_iter();
        let series_field = ("brokerbeat.series".to_owned(), Content::Slot(Slot::Series));
        let own = |(index, field): (usize, &Field)| {
            let content = Content::Slot(Slot::Field(index));
            (field.name.to_string(), content)
        };
        let entries = base
            .filter(|(name, _)| !(document.is_elsewhere && name == "service.address"))
            .map(|(name, json)| (name, Content::Constant(json)))
            .chain([series_field])
            .chain(fields().map(own));
        Self {
            like: document.clone(),
            stream: agent.stream_name(stream_type, dataset).into(),
            template: Template::new(entries.collect()),
            series,
            keys,
        }
    }

    fn fits(&self, document: &Document) -> bool {
        let (own, other) = (self.like.flat(), document.flat());
        let same = |(a, b): (&Field, &Field)| a.name == b.name && a.is_key == b.is_key;
        own.len() == other.len()
            && self.like.dataset == document.dataset
            && self.like.kind == document.kind
            && self.like.is_elsewhere == document.is_elsewhere
            && own.iter().zip(other).all(same)
    }

    fn series(&self, fields: &[Field], into: &mut String) {
        into.clear();
        into.push_str(&self.series);
        for (name, key) in &self.keys {
            match key {
                Key::Field(index) => add_key(into, name, &text(&fields[*index].value)),
                Key::Constant(value) => add_key(into, name, value),
            }
        }
        end_series(into);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::clock::Millis;
    use crate::document::get_nested;
    use crate::identity::series;

    fn agent() -> Agent {
        Agent {
            id: "a1".into(),
            host_name: "h".into(),
            namespace: "default".into(),
            labels: BTreeMap::new(),
        }
    }

    fn origin() -> Origin {
        Origin {
            tick: Millis(10_000),
            read_at: Millis(10_120),
            cluster: Some(("a|b".into(), "orders".into())),
            address: None,
        }
    }

    /// More shapes than are kept, each used again and again: a template never meets a document of another shape.
    #[test]
    fn every_document_carries_its_own_names_values_and_series() {
        let (agent, origin) = (agent(), origin());
        let mut encoder = Encoder::new(&agent, &origin);
        for round in 0..3 {
            for shape in 0..2 * SHAPES_KEPT {
                let document = Document::new("jmx", "bean")
                    .key("jmx.bean", format!("b|{round}"))
                    .with(format!("jmx.gauge.g{shape}"), round)
                    .key("jmx.key.z", shape);
                let expected = series("a|b", "jmx", "bean", &document.keys());
                let encoded = encoder.encode(&document);
                assert_eq!(encoded.id, DocumentId::new(&expected, Millis(10_000)));
                let body = serde_json::from_slice(encoded.body).unwrap();
                let get = |name: &str| get_nested(&body, name).unwrap().clone();
                assert_eq!(get("brokerbeat.series"), expected);
                assert_eq!(get(&format!("jmx.gauge.g{shape}")), round);
                assert_eq!(get("jmx.key.z"), shape);
            }
        }
        assert_eq!(encoder.shapes.len(), SHAPES_KEPT);
    }

    #[test]
    fn agents_say_the_same_change_each_for_itself() {
        let (agent, origin) = (agent(), origin());
        let mut encoder = Encoder::new(&agent, &origin);
        let event = crate::event::event("a", "info", "m");
        let encoded = encoder.encode(&event);
        let body = serde_json::from_slice(encoded.body).unwrap();
        let series = get_nested(&body, "brokerbeat.series").unwrap().clone();
        assert!(
            series.as_str().unwrap().contains("|agent.id=a1|"),
            "{series}"
        );
    }
}
