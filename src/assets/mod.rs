//! What Elasticsearch needs before the first document: generated from the catalogue or
//! written in `pipelines/`, installed by `setup`.

mod asset;
mod fields_page;
mod lifecycle;
mod mappings;
mod pipelines;
mod server;
pub mod setup;
mod templates;

pub use asset::{Asset, AssetKind};
pub use fields_page::fields_page;
pub use lifecycle::Lifecycle;
pub use pipelines::pipelines;
pub use server::{Feature, NoServer, Product, Server};
pub use templates::{Owner, VERSION, owner_of};

use crate::catalogue::{Catalogue, Dataset};
use templates::Plan;

/// Everything in the order in which it must be installed: a template whose pipeline is missing makes Elasticsearch
/// refuse every document.
pub fn all(catalogue: &Catalogue, server: &Server, lifecycle: Lifecycle) -> Vec<Asset> {
    let mut all = pipelines(catalogue, server);
    all.extend(policies(server, lifecycle));
    all.extend(templates(catalogue, server, lifecycle));
    all
}

/// The lifecycle policies; none where the server has none, or another lifecycle is wanted.
pub fn policies(server: &Server, lifecycle: Lifecycle) -> Vec<Asset> {
    lifecycle.policies(server)
}

/// All templates in the order in which they must be installed.
pub fn templates(catalogue: &Catalogue, server: &Server, lifecycle: Lifecycle) -> Vec<Asset> {
    let plan = Plan {
        catalogue,
        server,
        lifecycle,
    };
    plan.templates()
}

/// What one dataset needs, in that order.
pub fn for_dataset(
    catalogue: &Catalogue,
    dataset: &Dataset,
    server: &Server,
    lifecycle: Lifecycle,
) -> Vec<Asset> {
    let plan = Plan {
        catalogue,
        server,
        lifecycle,
    };
    let mut all = pipelines::of_dataset(catalogue, server, dataset);
    all.extend(policies(server, lifecycle));
    all.extend(plan.templates_of(dataset));
    all
}

/// What is left out on that server, and what follows of it: a sentence each.
pub fn skipped(server: &Server, lifecycle: Lifecycle) -> Vec<String> {
    let has = |feature| server.has(feature);
    let mut sentences = Vec::new();
    let mut say = |what: &str| sentences.push(format!("{server} has no {what}"));
    let forever = |what: &str| {
        format!("{what}: nothing is deleted by age; see Retention in docs/elasticsearch.md")
    };
    if !has(Feature::TimeSeries) {
        say("time-series mode: metrics go to plain data streams and take more room");
    } else if !has(Feature::LookBack) {
        say("index.look_back_time: a new stream takes no metrics older than two hours");
    }
    match lifecycle {
        Lifecycle::Policies if !has(Feature::Policies) => {
            say(&forever("lifecycle policies"));
        }
        Lifecycle::DataStream if !has(Feature::DataStreamLifecycle) => {
            say(&forever("data stream lifecycle"));
        }
        Lifecycle::None if Lifecycle::of(server) == Lifecycle::None => {
            say(&forever("lifecycle that can be set up here"));
        }
        Lifecycle::Policies if !has(Feature::Downsampling) => {
            say("downsampling: metrics are kept as they are until they are deleted");
        }
        _ => {}
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::server::tests::server;
    use super::*;

    #[test]
    fn what_is_left_out_is_said() {
        let said = |server: Server| skipped(&server, Lifecycle::of(&server)).join("\n");
        assert_eq!(said(Server::newest()), "");
        assert_eq!(said(server(Product::Serverless, 8, 11)), "");
        let old = said(server(Product::Elasticsearch, 7, 17));
        assert!(old.contains("no time-series mode") && old.contains("no downsampling"));
        let middle = said(server(Product::Elasticsearch, 8, 10));
        assert!(middle.contains("no index.look_back_time"), "{middle}");
        let open = said(server(Product::OpenSearch, 3, 8));
        assert!(open.contains("nothing is deleted by age"), "{open}");
        let wish = skipped(&server(Product::Serverless, 8, 11), Lifecycle::Policies);
        assert!(wish[0].contains("no lifecycle policies"), "{wish:?}");
        assert!(skipped(&Server::newest(), Lifecycle::None).is_empty());
    }

    #[test]
    fn pipelines_and_policies_come_before_the_templates_that_name_them() {
        let server = Server::newest();
        let all = all(Catalogue::get(), &server, Lifecycle::of(&server));
        assert!(all.is_sorted_by_key(|asset| asset.kind));
        assert_eq!(
            all.iter().filter(|a| a.kind == AssetKind::Policy).count(),
            3
        );
    }
}
