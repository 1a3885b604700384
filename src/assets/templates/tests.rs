use super::super::server::tests::server;
use super::*;
use crate::assets::Product;

fn templates(server: &Server) -> Vec<Asset> {
    let plan = Plan {
        catalogue: Catalogue::get(),
        server,
        lifecycle: Lifecycle::of(server),
    };
    plan.templates()
}

#[test]
fn every_dataset_has_its_templates_and_components_come_first() {
    let all = templates(&Server::newest());
    let first_index = all.iter().position(|a| a.kind == AssetKind::Index).unwrap();
    assert!(
        all[first_index..]
            .iter()
            .all(|a| a.kind == AssetKind::Index)
    );
    assert_eq!(all.len() - first_index, Catalogue::get().datasets.len());
}

#[test]
fn time_series_streams_route_by_series_and_nothing_is_dynamic_but_labels_and_own_beans() {
    for asset in templates(&Server::newest()) {
        let text = asset.body.to_string();
        if asset.name == COMPONENT_BASE {
            assert_eq!(asset.body["template"]["mappings"]["dynamic"], false);
            assert_eq!(text.matches("\"dynamic\":true").count(), 1, "labels alone");
        } else {
            let dynamic = text.matches("\"dynamic\":true").count();
            let is_own_beans = asset.kind == AssetKind::Component && asset.name == "brokerbeat-jmx";
            assert_eq!(dynamic > 0, is_own_beans, "{}", asset.name);
        }
        let index = &asset.body["template"]["settings"]["index"];
        if text.contains("metrics-brokerbeat.import-") {
            assert_eq!(index["final_pipeline"], "brokerbeat-final");
            assert_eq!(
                index["mode"],
                Value::Null,
                "a neighbour's document has no series"
            );
        } else if text.contains("metrics-brokerbeat") {
            assert_eq!(index["mode"], "time_series");
            assert_eq!(index["routing_path"], json!(["brokerbeat.series"]));
        }
    }
}

#[test]
fn the_owner_is_read_from_meta() {
    assert_eq!(
        owner_of(Some(&json!({"_meta": meta()}))),
        Owner::Ours(VERSION)
    );
    assert_eq!(owner_of(Some(&json!({"properties": {}}))), Owner::Foreign);
    assert_eq!(owner_of(None), Owner::Foreign);
}

/// Elasticsearch's limit of dimensions: 16 up to 8.7, 21 up to 8.12 (#95340), 32,768 after (#109091).
const DIMENSIONS: usize = 16;
/// `index.mapping.total_fields.limit` is 1,000: a third of it is left for labels and fields of the users' own.
const FIELDS: usize = 700;

/// Fields, objects among them, and dimensions of a mapping.
fn count(properties: &Value) -> (usize, usize) {
    let mut found = (0, 0);
    for mapping in properties
        .as_object()
        .into_iter()
        .flat_map(|all| all.values())
    {
        let below = count(&mapping["properties"]);
        let dimension = usize::from(mapping["time_series_dimension"] == true);
        found = (found.0 + 1 + below.0, found.1 + dimension + below.1);
    }
    found
}

#[test]
fn the_limits_of_fields_and_dimensions_are_far_away() {
    let all = templates(&Server::newest());
    let of = |name: &str| {
        let component = all
            .iter()
            .find(|asset| asset.kind == AssetKind::Component && asset.name == name);
        count(&component.unwrap().body["template"]["mappings"]["properties"])
    };
    let (base, stream) = (of(COMPONENT_BASE), of(COMPONENT_DATA_STREAM));
    for dataset in &Catalogue::get().datasets {
        let own = of(&name(dataset));
        // An object that stands in two of them is counted twice.
        let (fields, dimensions) = (base.0 + stream.0 + own.0, base.1 + stream.1 + own.1);
        assert!(fields <= FIELDS, "{}: {fields} fields", dataset.name);
        assert!(dimensions <= DIMENSIONS, "{}: {dimensions}", dataset.name);
    }
}

#[test]
fn the_users_components_come_last_and_may_be_missing_or_are_made() {
    for (server, may_be_missing) in [
        (Server::newest(), true),
        (server(Product::Elasticsearch, 7, 17), false),
        (server(Product::OpenSearch, 3, 8), false),
    ] {
        let all = templates(&server);
        let names: Vec<&str> = all.iter().map(|asset| asset.name.as_str()).collect();
        for asset in all.iter().filter(|asset| asset.kind == AssetKind::Index) {
            let customs = [
                COMPONENT_CUSTOM.to_owned(),
                format!("{}@custom", asset.name),
            ];
            let parts = asset.body["composed_of"].as_array().unwrap();
            assert_eq!(parts[parts.len() - 2..], customs.clone().map(Value::from));
            let optional = &asset.body["ignore_missing_component_templates"];
            match may_be_missing {
                true => assert_eq!(*optional, json!(customs)),
                false => assert_eq!(*optional, Value::Null),
            }
            let made = customs.iter().all(|name| names.contains(&name.as_str()));
            assert_eq!(made, !may_be_missing, "{server}");
        }
    }
}

#[test]
fn values_of_another_type_are_kept_without_a_setting_that_the_server_refuses() {
    for (server, by_index) in [
        (Server::newest(), true),
        (server(Product::Elasticsearch, 8, 10), false),
        (server(Product::OpenSearch, 3, 8), false),
    ] {
        let all = templates(&server);
        let named = |name: &str| all.iter().find(|asset| asset.name == name).unwrap();
        let text = named("brokerbeat-import").body["template"].clone();
        let setting = &text["settings"]["index"]["mapping"]["ignore_malformed"];
        assert_eq!(*setting == true, by_index, "{server}");
        let field = &text["mappings"]["properties"]["kafka"]["properties"]["partition"];
        let field = &field["properties"]["id"]["ignore_malformed"];
        assert_eq!(*field == true, !by_index, "{server}");
        let base = named("brokerbeat-base").body.to_string();
        assert!(!base.contains("ignore_malformed"), "{server}");
    }
}

#[test]
fn a_server_gets_nothing_that_it_does_not_know() {
    for (server, has, words) in [
        (server(Product::OpenSearch, 3, 8), false, "time_series"),
        (server(Product::OpenSearch, 3, 8), false, "constant_keyword"),
        (server(Product::OpenSearch, 3, 8), false, "\"lifecycle\""),
        (server(Product::Elasticsearch, 7, 17), false, "time_series"),
        (
            server(Product::Elasticsearch, 7, 17),
            true,
            "\"lifecycle\":{\"name\"",
        ),
        (
            server(Product::Elasticsearch, 8, 10),
            false,
            "look_back_time",
        ),
        (
            server(Product::Elasticsearch, 8, 18),
            false,
            "failure_store",
        ),
        (server(Product::Elasticsearch, 8, 19), true, "failure_store"),
        (server(Product::Serverless, 8, 11), true, "data_retention"),
        (
            server(Product::Serverless, 8, 11),
            false,
            "\"lifecycle\":{\"name\"",
        ),
    ] {
        let text = format!(
            "{:?}",
            templates(&server)
                .iter()
                .map(|a| a.body.to_string())
                .collect::<Vec<_>>()
        );
        let text = text.replace('\\', "");
        assert_eq!(text.contains(words), has, "{server}: {words}");
    }
}
