//! What the map needs to know of the field catalogue: the type of every field.

use std::collections::HashMap;

use crate::catalogue::Catalogue;
pub(super) use crate::catalogue::FieldType;

/// The type of every field that a preset may name.
pub(super) fn field_types() -> HashMap<String, FieldType> {
    let catalogue = Catalogue::get();
    let own = catalogue
        .datasets
        .iter()
        .flat_map(|dataset| &dataset.fields);
    let all = catalogue.shared.iter().chain(own);
    all.map(|field| (field.name.clone(), field.field_type))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::catalogue::Field;

    /// All fields that documents of the dataset may carry.
    pub(in super::super) fn known(dataset: &str) -> HashMap<String, &'static Field> {
        let catalogue = Catalogue::get();
        let dataset = catalogue
            .dataset(dataset)
            .unwrap_or_else(|| panic!("dataset {dataset} is not in the catalogue"));
        let fields = catalogue.fields_of(dataset);
        fields.map(|field| (field.name.clone(), field)).collect()
    }
}
