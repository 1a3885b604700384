//! What the agent answers to one request of a bulk.

use jmx_rmi::info::AttributeInfo;
use jmx_rmi::{Attributes, ObjectName, RemoteException, Value};
use serde::Deserialize;
use serde_json::Value as Json;

use super::super::Reading;
use super::value::value;

/// What stands in place of a value when an attribute's getter throws `UnsupportedOperationException`.
const UNSUPPORTED: &str = "Unsupported";

/// Begins the text that stands in place of a value for any other exception.
const ERROR: &str = "ERROR: ";

const BAD_REQUEST: u16 = 400;
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;

/// A bean that is not there.
const GONE: &str = "javax.management.InstanceNotFoundException";

/// One answer.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    value: Json,
    error_type: Option<String>,
    error: Option<String>,
}

impl Entry {
    /// The value, or the exception in its place.
    pub(super) fn into_value(self) -> Result<Json, RemoteException> {
        if self.status == 200 {
            return Ok(self.value);
        }
        let class = match (self.status, self.error_type) {
            // A policy's refusal has no class of its own.
            (FORBIDDEN, _) => "java.lang.SecurityException".to_owned(),
            (_, Some(class)) => class,
            // An agent may be told to keep the details to itself.
            (NOT_FOUND, None) => GONE.to_owned(),
            (status, None) => format!("status {status}"),
        };
        let message = self.error.map(|text| without_class(text, &class));
        Err(RemoteException {
            class,
            message: message.filter(|text| !text.is_empty()),
            causes: Vec::new(),
            bean: None,
        })
    }

    /// The attributes of a bean, in the order asked for.
    pub(super) fn into_attributes(self, bean: &ObjectName, wanted: &[String]) -> Reading {
        let json = self.into_value().map_err(|e| about(e, bean))?;
        let Json::Object(mut found) = json else {
            return Ok(Attributes::new());
        };
        let one = |name: &String| Some((name.clone(), value(found.remove(name)?)));
        Ok(wanted.iter().filter_map(one).collect())
    }

    /// What a bean says of its attributes.
    pub(super) fn into_infos(
        self,
        bean: &ObjectName,
    ) -> Result<Vec<AttributeInfo>, RemoteException> {
        let is_gone = self.status == BAD_REQUEST;
        let mut json = self.into_value().map_err(|e| about(e, bean));
        if let (Err(exception), true) = (&mut json, is_gone) {
            // To `list` a bean that is not there is a path that leads nowhere.
            GONE.clone_into(&mut exception.class);
        }
        let Json::Object(found) = json? else {
            return Ok(Vec::new());
        };
        let text = |json: &Json, key| {
            json.get(key)
                .and_then(Json::as_str)
                .unwrap_or_default()
                .into()
        };
        let info = |(name, json): (String, Json)| AttributeInfo {
            name: name.into(),
            type_name: text(&json, "type"),
            description: text(&json, "desc"),
            // The agent does not say; there is hardly an attribute that is not.
            readable: true,
            writable: json.get("rw").and_then(Json::as_bool).unwrap_or_default(),
            ..AttributeInfo::default()
        };
        Ok(found.into_iter().map(info).collect())
    }
}

/// The names that a search found.
pub(super) fn names(found: Json) -> Result<Vec<ObjectName>, String> {
    let Json::Array(found) = found else {
        return Err("to a search without a list of names".to_owned());
    };
    let name = |json: &Json| {
        let text = json.as_str().unwrap_or_default();
        ObjectName::parse(text).map_err(|_| "to a search with what is no name".to_owned())
    };
    found.iter().map(name).collect()
}

/// Whether a value may stand for an exception.
pub(super) fn is_doubtful(value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text,
        _ => return false,
    };
    &**text == UNSUPPORTED || text.starts_with(ERROR)
}

/// Puts the value of a single attribute in its place. One that has none is left out.
pub(super) fn correct(
    attributes: &mut Attributes,
    name: &str,
    single: Entry,
) -> Result<(), RemoteException> {
    match single.into_value() {
        Ok(json) => {
            if let Some((_, old)) = attributes.iter_mut().find(|(known, _)| known == name) {
                *old = value(json);
            }
            Ok(())
        }
        Err(exception) => {
            attributes.retain(|(known, _)| known != name);
            Err(exception)
        }
    }
}

/// A bean of which nothing may be read is refused; one that gives something is not.
pub(super) fn settle(reading: &mut Reading, thrown: Option<RemoteException>, bean: &ObjectName) {
    if let (Ok(attributes), Some(exception)) = (&reading, thrown)
        && attributes.is_empty()
        && exception.is_auth()
    {
        *reading = Err(about(exception, bean));
    }
}

fn about(mut exception: RemoteException, bean: &ObjectName) -> RemoteException {
    exception.bean = Some(bean.clone());
    exception
}

/// The agent writes `class : message`.
fn without_class(text: String, class: &str) -> String {
    let rest = text
        .strip_prefix(class)
        .or_else(|| text.strip_prefix("java.lang.Exception"));
    match rest.and_then(|rest| rest.strip_prefix(" : ")) {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}
