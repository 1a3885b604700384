//! `brokerbeat setup`: installs the pipelines and the templates.

use std::process::ExitCode;

use crate::assets::{self, Lifecycle, Server};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::ship::OutputConfig;
use crate::ship::elasticsearch::ElasticsearchConfig;
use crate::ship::elasticsearch::elastic::Elastic;

/// Installs all of them and says so.
pub(super) fn setup(config: &Config) -> ExitCode {
    match super::output(config) {
        Ok(OutputConfig::Elasticsearch(output)) => super::finish(install(output)),
        Ok(other) => super::wrong(anyhow::anyhow!(
            "setup installs pipelines and templates in Elasticsearch, and documents go to output.{}; run it with a configuration whose output is the Elasticsearch in which they end, or take the files of `export pipeline --dir DIR` and `export template --dir DIR`",
            other.name()
        )),
        Err(error) => super::wrong(error),
    }
}

fn install(output: &ElasticsearchConfig) -> anyhow::Result<()> {
    let elastic = Elastic::new(output)?;
    let server = super::block_on(Server::ask(&elastic))??;
    let lifecycle = Lifecycle::of(&server);
    let wanted = assets::all(Catalogue::get(), &server, lifecycle);
    let installed = super::block_on(assets::install(&elastic, &wanted))??;
    for sentence in assets::skipped(&server, lifecycle) {
        super::say(&sentence)?;
    }
    super::say(&format!(
        "installed {} pipelines, {} lifecycle policies and {} templates, version {}",
        installed.pipelines,
        installed.policies,
        installed.templates,
        assets::VERSION
    ))
}
