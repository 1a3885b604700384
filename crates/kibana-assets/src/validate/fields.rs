//! Fields in queries and in operations.

use crate::catalogue::Catalogue;
use crate::kql;

use super::Problems;

/// What an operation of Lens takes; the names are Lens's.
pub(super) fn operation(catalogue: &Catalogue, operation: &str, field: &str) -> Result<(), String> {
    let Some(known) = catalogue.field(field) else {
        return Err(format!("{field} is not in fields.yml"));
    };
    let takes = match operation {
        "sum" | "average" | "median" | "percentile" | "standard_deviation" => {
            known.is_number() && !known.is_counter()
        }
        "max" | "min" => known.is_number() || known.field_type == "date",
        "unique_count" | "terms" => known.is_aggregatable() && !known.is_counter(),
        "last_value" => known.is_aggregatable() && !known.is_counter(),
        "date_histogram" => known.field_type == "date",
        "rate" => known.is_counter(),
        other => return Err(format!("{other} is no operation that is known here")),
    };
    let sort = if known.is_counter() { " counter" } else { "" };
    if takes {
        Ok(())
    } else {
        Err(format!(
            "{operation} does not take {field}, a {}{sort}",
            known.field_type
        ))
    }
}

/// Whether a query can be read, and its fields exist and are asked for what they hold.
pub(super) fn query(problems: &mut Problems, catalogue: &Catalogue, place: &str, text: &str) {
    let query = match kql::parse(text) {
        Ok(query) => query,
        Err(error) => return problems.add(place, error),
    };
    for used in query.uses() {
        let Some(field) = catalogue.field(used.field) else {
            problems.add(place, format!("{} is not in fields.yml", used.field));
            continue;
        };
        let is_sized = field.is_number() || field.field_type == "date";
        problems.check(
            !used.is_compared || is_sized,
            place,
            format!("{} is a {}: it has no size", used.field, field.field_type),
        );
        let number = used.value.is_none_or(|value| value.parse::<f64>().is_ok());
        problems.check(
            !field.is_number() || number,
            place,
            format!(
                "{} is a number, not {:?}",
                used.field,
                used.value.unwrap_or_default()
            ),
        );
        let truth = used
            .value
            .is_none_or(|value| matches!(value, "true" | "false"));
        problems.check(
            field.field_type != "boolean" || truth,
            place,
            format!("{} is true or false", used.field),
        );
    }
}
