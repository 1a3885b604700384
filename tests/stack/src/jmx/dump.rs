//! What Java's own client reads.

use std::time::Duration;

use serde_json::Value;

use super::JmxAccess;
use crate::error::{Error, Result};
use crate::java::{self, Source, Tool};

const SOURCES: &[Source] = &[
    (
        "JmxConnect.java",
        include_str!("../../java/JmxConnect.java"),
    ),
    ("JmxDump.java", include_str!("../../java/JmxDump.java")),
];
const LIMIT: Duration = Duration::from_secs(60);

/// An attribute of an MBean as Java reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct JmxValue {
    /// The object name.
    pub bean: String,
    /// The attribute.
    pub attribute: String,
    /// The value's Java class, or the declared type where there is no value.
    pub java_type: String,
    /// The value. Composite data are objects, tables and arrays are lists; "NaN" and "Infinity" are strings.
    pub value: std::result::Result<Value, String>,
}

/// Reads all attributes of the beans that match one of the patterns at "host:port".
pub fn jmx_dump(endpoint: &str, patterns: &[&str]) -> Result<Vec<JmxValue>> {
    jmx_dump_with(&JmxAccess::open(endpoint), patterns)
}

/// As [`jmx_dump`], through a port that asks for a password or speaks TLS.
pub fn jmx_dump_with(access: &JmxAccess, patterns: &[&str]) -> Result<Vec<JmxValue>> {
    let classes = java::classes("jmx-dump", ".", SOURCES)?;
    let class_path = classes.display().to_string();
    let mut tool = Tool::new(&class_path, "JmxDump");
    tool.jvm = access.java_arguments();
    let printed = tool.run(&[&[access.endpoint.as_str()], patterns].concat(), LIMIT)?;
    // A JVM may print warnings of its own.
    printed
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(parse)
        .collect()
}

/// Reads one attribute.
pub fn jmx_attribute(endpoint: &str, bean: &str, attribute: &str) -> Result<Value> {
    let found = jmx_dump(endpoint, &[bean])?
        .into_iter()
        .find(|value| value.attribute == attribute);
    let what = || format!("{attribute} of {bean} at {endpoint}");
    match found.map(|found| found.value) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(Error::refused(what(), error)),
        None => Err(Error::refused(what(), "there is no such attribute")),
    }
}

fn parse(line: &str) -> Result<JmxValue> {
    let mut json: Value = serde_json::from_str(line)
        .map_err(|error| Error::refused(format!("reading {line}"), error.to_string()))?;
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let (bean, attribute, java_type) = (text("bean"), text("attribute"), text("type"));
    let value = match json["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(json["value"].take()),
    };
    Ok(JmxValue {
        bean,
        attribute,
        java_type,
        value,
    })
}
