//! YAML as a tree that remembers its lines.
//!
//! The configuration needs the line of every key for its error messages and
//! must see a key that is written twice, which is why the parser's events are
//! read here instead of handing them to a deserializer. The catalogue and the
//! presets, which are ours and tested, go through [`Node::to_json`] into serde.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;
use thiserror::Error;

/// How deep lists and mappings may nest; a configuration needs about six.
const MAX_DEPTH: usize = 64;

/// A value and the line (from 1) on which it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Line of the first character; 0 for a value that no file holds.
    pub line: usize,
    /// What is written there.
    pub content: Content,
}

/// The three shapes of YAML, and nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Nothing after the colon, `~` or `null`.
    Null,
    /// A scalar as written. `quoted` scalars are always text.
    Scalar {
        /// The text without its quotes.
        text: String,
        /// Whether quotes or a block style say that it is text.
        quoted: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; keys may repeat.
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as written.
    pub key: String,
    /// Line of the key.
    pub line: usize,
    /// What belongs to it.
    pub value: Node,
}

/// Why a text is not the YAML that this program reads.
#[derive(Debug, Error, PartialEq)]
#[error("line {line}: {what}")]
pub struct YamlError {
    /// Line from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl YamlError {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

/// Parses one YAML document; an empty text is [`Content::Null`].
pub fn parse(text: &str) -> Result<Node, YamlError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
    };
    loop {
        let (event, line) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Node::null(line)),
            other => {
                let node = reader.node(other, line, 0)?;
                return reader.end(node);
            }
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(YamlError::new(error.marker().line(), error.info())),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn end(&mut self, node: Node) -> Result<Node, YamlError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(node),
                (Event::DocumentStart(_), line) => {
                    return Err(YamlError::new(
                        line,
                        "a second document begins here; one is read",
                    ));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, YamlError> {
        if depth > MAX_DEPTH {
            return Err(YamlError::new(
                line,
                format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        let content = match event {
            Event::Scalar(text, style, _, _) => scalar(&text, style),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            Event::Alias(_) => {
                return Err(YamlError::new(
                    line,
                    "aliases (`*name`) are not read; write the value out",
                ));
            }
            other => return Err(YamlError::new(line, format!("unexpected {other:?}"))),
        };
        Ok(Node { line, content })
    }

    fn list(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut entries = Vec::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Content::Map(entries)),
                (Event::Scalar(text, ..), line) => (text.into_owned(), line),
                (_, line) => return Err(YamlError::new(line, "a key must be a plain word")),
            };
            let (event, value_line) = self.next()?;
            let value = self.node(event, value_line, depth + 1)?;
            entries.push(Entry { key, line, value });
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Content {
    let quoted = style != ScalarStyle::Plain;
    if !quoted && matches!(text, "" | "~" | "null") {
        return Content::Null;
    }
    Content::Scalar {
        text: text.to_owned(),
        quoted,
    }
}

impl Node {
    /// A value that is not there.
    pub fn null(line: usize) -> Self {
        Self {
            line,
            content: Content::Null,
        }
    }

    /// The same tree as JSON: plain scalars become booleans and numbers where they look so.
    /// A key that repeats keeps its last value (the configuration refuses it before).
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Scalar { text, quoted: true } => Value::from(text.as_str()),
            Content::Scalar { text, .. } => plain_to_json(text),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

fn plain_to_json(text: &str) -> Value {
    match text {
        "true" => return true.into(),
        "false" => return false.into(),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return number.into();
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keeps_lines_types_and_repeated_keys() {
        let node = parse("a: 1\nb:\n  - x\n  - \"2\"\na: ~\n").unwrap();
        let Content::Map(entries) = &node.content else {
            panic!("not a map: {node:?}")
        };
        let lines: Vec<_> = entries.iter().map(|e| (e.key.as_str(), e.line)).collect();
        assert_eq!(lines, [("a", 1), ("b", 2), ("a", 5)]);
        assert_eq!(entries[1].value.to_json(), json!(["x", "2"]));
        assert_eq!(entries[2].value.content, Content::Null);
    }

    #[test]
    fn says_where_a_text_is_broken() {
        assert_eq!(parse("a: [1\nb: 2\n").unwrap_err().line, 2);
        assert_eq!(parse("a: &x 1\nb: *x\n").unwrap_err().line, 2);
        assert_eq!(parse("a: 1\n---\nb: 2\n").unwrap_err().line, 2);
    }

    #[test]
    fn a_deep_nest_is_an_error_and_not_a_stack_overflow() {
        let text = "[".repeat(10_000);
        assert!(parse(&text).is_err());
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(parse("").unwrap().content, Content::Null);
        assert_eq!(parse("# only a remark\n").unwrap().content, Content::Null);
    }
}
