//! Names of beans, and patterns for them: `javax.management.ObjectName` without the JVM.

mod parse;
mod pattern;
mod quote;

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

pub use quote::{quote, unquote};

/// The name of a bean, such as `kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec`, or a pattern for names, such
/// as `kafka.server:type=BrokerTopicMetrics,*`.
///
/// The grammar is the one of the JDK's `javax.management.ObjectName`. Two names are equal when their [canonical
/// forms](Self::canonical) are: the order of keys does not matter. `Display` keeps the order of the original, as Java's
/// `toString` does. Clones share one allocation.
#[derive(Clone)]
pub struct ObjectName(Arc<Inner>);

struct Inner {
    /// Java's `toString`: keys in their original order, the `*` of a property list pattern at the end.
    text: Box<str>,
    /// The canonical name, where it differs from `text`.
    canonical: Option<Box<str>>,
    /// Length of the domain at the start of `text`.
    domain: usize,
    /// Where in `text` the properties are, in their original order.
    properties: Vec<Property>,
    domain_pattern: bool,
    property_list_pattern: bool,
}

struct Property {
    key: Range<usize>,
    value: Range<usize>,
    value_pattern: bool,
}

/// Why a text is not an object name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not an object name: {reason}")]
pub struct ObjectNameError {
    name: String,
    reason: &'static str,
}

impl ObjectName {
    /// Parses a name or a pattern. The empty text means `*:*`, as it does in Java.
    pub fn parse(text: &str) -> Result<Self, ObjectNameError> {
        match parse::parse(text) {
            Ok(inner) => Ok(Self(Arc::new(inner))),
            Err(reason) => Err(ObjectNameError {
                name: text.to_owned(),
                reason,
            }),
        }
    }

    /// The part before the first colon.
    pub fn domain(&self) -> &str {
        self.0.slice(0..self.0.domain)
    }

    /// The value of a key property as written: a quoted value keeps its quotes (see [`unquote`]).
    pub fn key(&self, key: &str) -> Option<&str> {
        self.keys()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Keys and values in their original order, values as written.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.properties.iter().map(|property| {
            (
                self.0.slice(property.key.clone()),
                self.0.slice(property.value.clone()),
            )
        })
    }

    /// The canonical name: keys sorted, so that equal names are equal texts.
    pub fn canonical(&self) -> &str {
        self.0.canonical.as_deref().unwrap_or(&self.0.text)
    }

    /// The name as Java's `toString` prints it: keys in their original order.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether this is a pattern: in its domain, its property list or one of its values.
    pub fn is_pattern(&self) -> bool {
        self.0.domain_pattern
            || self.0.property_list_pattern
            || self
                .0
                .properties
                .iter()
                .any(|property| property.value_pattern)
    }

    /// Whether beans may have more key properties than are written: the property list is `*` or ends in `,*`
    /// (`ObjectName.isPropertyListPattern`).
    pub fn is_property_list_pattern(&self) -> bool {
        self.0.property_list_pattern
    }

    /// Whether this name or pattern matches `name`, by the rules of Java's `ObjectName.apply`: a pattern as argument
    /// never matches.
    pub fn matches(&self, name: &ObjectName) -> bool {
        pattern::matches(&self.0, name)
    }
}

impl Inner {
    /// The ranges are made by the parser at character boundaries; a wrong one would show as an empty text.
    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }
}

impl FromStr for ObjectName {
    type Err = ObjectNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.text)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectName({:?})", &*self.0.text)
    }
}

impl PartialEq for ObjectName {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for ObjectName {}

impl Hash for ObjectName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl PartialOrd for ObjectName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjectName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.canonical().cmp(other.canonical())
    }
}
