//! Matching a name against a pattern, as `ObjectName.apply` does.

use super::{Inner, ObjectName};

pub(super) fn matches(pattern: &Inner, name: &ObjectName) -> bool {
    if name.is_pattern() {
        return false;
    }
    let domain = pattern.slice(0..pattern.domain);
    let domain_matches = if pattern.domain_pattern {
        wildcard(domain, name.domain())
    } else {
        domain == name.domain()
    };
    if !domain_matches {
        return false;
    }
    if !pattern.property_list_pattern && pattern.properties.len() != name.0.properties.len() {
        return false;
    }
    pattern.properties.iter().all(|property| {
        let wanted = pattern.slice(property.value.clone());
        match name.key(pattern.slice(property.key.clone())) {
            Some(value) if property.value_pattern => wildcard(wanted, value),
            Some(value) => wanted == value,
            None => false,
        }
    })
}

/// `*` is any run of characters, `?` is one. Linear in practice and never worse than the product of the lengths: on a
/// mismatch only the last `*` is tried again, so a hostile name cannot make it explode.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let before = text.clone();
        match (pattern.next(), text.next()) {
            (Some('*'), _) => {
                text = before.clone();
                retry = Some((pattern.clone(), before));
                continue;
            }
            (None, None) => return true,
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(found)) if wanted == found => continue,
            _ => {}
        }
        // A mismatch: let the last `*` swallow one character more.
        let Some((after_star, mut from)) = retry.take() else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        text = from.clone();
        retry = Some((after_star, from));
    }
}
