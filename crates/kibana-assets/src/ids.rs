//! Ids and names of references: always the same, so that an import replaces and a diff is small.

use crate::catalogue::Catalogue;

/// Id of the data view of everything that is measured.
pub(crate) const METRICS: &str = "brokerbeat-metrics";

/// Id of the data view of events and logs.
pub(crate) const LOGS: &str = "brokerbeat-logs";

/// Patterns of the two.
pub(crate) const DATA_VIEWS: [(&str, &str, &str); 2] = [
    (METRICS, "metrics-brokerbeat.*", "brokerbeat metrics"),
    (LOGS, "logs-brokerbeat.*", "brokerbeat events and logs"),
];

/// The data view that holds the documents of `dataset/kind`.
pub(crate) fn data_view(catalogue: &Catalogue, of: &str) -> &'static str {
    let dataset = of.split('/').next().unwrap_or(of);
    if catalogue.is_logs(dataset) {
        LOGS
    } else {
        METRICS
    }
}

/// Id of a dashboard.
pub(crate) fn dashboard(id: &str) -> String {
    format!("brokerbeat-{id}")
}

/// Name of a layer's reference within a panel.
pub(crate) fn layer_reference(layer: &str) -> String {
    format!("indexpattern-datasource-layer-{layer}")
}

/// Name of a link's reference within a panel.
pub(crate) fn link_reference(link: &str) -> String {
    format!("link_{link}_dashboard")
}

/// Name of a drill-down's reference within a panel.
pub(crate) fn drill_reference(event: &str) -> String {
    format!("drilldown:{DRILL}:{event}:dashboardId")
}

/// Kibana's name of a drill-down to a dashboard.
pub(crate) const DRILL: &str = "DASHBOARD_TO_DASHBOARD_DRILLDOWN";

/// Kibana takes ids of rules only of versions 1 to 5 (`isRandomId` of its saved objects): this one is made of the rule's name, by
/// FNV-1a over 128 bits, and says that it is made of a name.
pub(crate) fn uuid(name: &str) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = |start: u128, byte: u8| (start ^ u128::from(byte)).wrapping_mul(PRIME);
    let bits = format!("brokerbeat rule {name}").bytes().fold(OFFSET, hash);
    // Version 5, variant 1.
    let bits = (bits & !(0xf << 76)) | (0x5 << 76);
    let bits = (bits & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut rest = hex.as_str();
    let mut parts = Vec::new();
    for length in [8, 4, 4, 4, 12] {
        let (part, after) = rest.split_at(length);
        parts.push(part);
        rest = after;
    }
    parts.join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn uuids_are_well_formed_stable_and_different() {
        let one = super::uuid("a");
        assert_eq!(one, super::uuid("a"));
        assert_ne!(one, super::uuid("b"));
        let lengths: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        let letters: Vec<char> = one.chars().collect();
        assert_eq!(letters[14], '5');
        assert!("89ab".contains(letters[19]));
    }
}
