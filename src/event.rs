//! Lines of the event stream.

use crate::document::Document;

/// A change worth a line. Its identity is its text: the same sentence of one tick is one event.
pub fn event(action: &str, level: &str, message: &str) -> Document {
    Document::new("event", action.to_owned())
        .key("message", message)
        .with("event.action", action)
        .with("log.level", level)
}
