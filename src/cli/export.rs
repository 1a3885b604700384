//! `brokerbeat export …`: what the agent has inside, for those who want to read or keep it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::assets::setup::roles;
use crate::assets::{self, Lifecycle, Product, Server};
use crate::catalogue::Catalogue;
use crate::config::{Config, to_yaml};
use crate::kibana;

/// What to export.
#[derive(Debug, Subcommand)]
pub(super) enum Export {
    /// The settings in force with their defaults; secrets are hidden
    Config,
    /// The component and index templates
    Template(For),
    /// The lifecycle policies
    Ilm(For),
    /// The ingest pipelines
    Pipeline(For),
    /// The least roles for setting up and for shipping
    Role(For),
    /// All of these, for those who install them by themselves
    Assets(For),
    /// The dashboards and data views, as a file that Kibana imports
    Dashboard,
    /// The alerting rules, one a line: `body` is what Kibana's alerting API takes
    Rules,
    /// The page of all fields, as Markdown
    Fields,
}

/// For which server, and where to.
#[derive(Debug, Args)]
pub(super) struct For {
    /// Write a file each below this folder instead of one JSON object to stdout
    #[arg(long)]
    dir: Option<PathBuf>,
    /// As this version takes it; the newest that is known if not given
    #[arg(long, value_name = "MAJOR.MINOR", value_parser = version)]
    es_version: Option<(u64, u64)>,
    /// As this product takes it
    #[arg(long, value_enum, default_value = "elasticsearch")]
    product: ProductName,
    /// What takes care of the age of documents; `auto` is what suits the product
    #[arg(long, value_enum, default_value = "auto")]
    lifecycle: LifecycleName,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ProductName {
    Elasticsearch,
    Serverless,
    Opensearch,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LifecycleName {
    Auto,
    Policies,
    #[value(name = "data_stream")]
    DataStream,
    None,
}

/// One file, or one member of the object on stdout.
struct Exported {
    path: String,
    file: String,
    body: Value,
}

impl Export {
    /// Exports what needs no configuration; nothing if one is needed.
    pub(super) fn without_config(&self) -> Option<anyhow::Result<()>> {
        let catalogue = Catalogue::get();
        Some(match self {
            Self::Config => return None,
            Self::Dashboard => super::say(kibana::objects::DASHBOARDS.trim_end()),
            Self::Rules => super::say(kibana::rules::RULES.trim_end()),
            Self::Fields => super::say(assets::fields_page(catalogue).trim_end()),
            Self::Template(wanted) => wanted.export(|server, lifecycle| {
                of_assets(assets::templates(catalogue, server, lifecycle))
            }),
            Self::Ilm(wanted) => {
                wanted.export(|server, lifecycle| of_assets(assets::policies(server, lifecycle)))
            }
            Self::Pipeline(wanted) => {
                wanted.export(|server, _| of_assets(assets::pipelines(catalogue, server)))
            }
            Self::Role(wanted) => wanted.export(|server, _| of_roles(server)),
            Self::Assets(wanted) => wanted.export(|server, lifecycle| {
                let mut all = of_assets(assets::all(catalogue, server, lifecycle));
                all.extend(of_roles(server));
                all
            }),
        })
    }

    /// Exports what the configuration decides.
    pub(super) fn with_config(&self, config: &Config) -> anyhow::Result<()> {
        super::say(to_yaml(&config.effective).trim_end())
    }
}

impl For {
    fn export(&self, of: impl Fn(&Server, Lifecycle) -> Vec<Exported>) -> anyhow::Result<()> {
        let server = self.server();
        super::setup::supported(&server)?;
        let lifecycle = match self.lifecycle {
            LifecycleName::Auto => Lifecycle::of(&server),
            LifecycleName::Policies => Lifecycle::Policies,
            LifecycleName::DataStream => Lifecycle::DataStream,
            LifecycleName::None => Lifecycle::None,
        };
        for sentence in assets::skipped(&server, lifecycle) {
            super::remark(&sentence);
        }
        let all = of(&server, lifecycle);
        match &self.dir {
            None => to_stdout(all),
            Some(dir) => to_files(all, dir),
        }
    }

    fn server(&self) -> Server {
        let newest = Server::newest_of(match self.product {
            ProductName::Elasticsearch => Product::Elasticsearch,
            ProductName::Serverless => Product::Serverless,
            ProductName::Opensearch => Product::OpenSearch,
        });
        Server {
            version: self.es_version.unwrap_or(newest.version),
            ..newest
        }
    }
}

fn of_assets(assets: Vec<assets::Asset>) -> Vec<Exported> {
    let exported = assets.into_iter().map(|asset| Exported {
        path: asset.path(),
        file: asset.file_name(),
        body: asset.body,
    });
    exported.collect()
}

/// OpenSearch has roles of another kind.
fn of_roles(server: &Server) -> Vec<Exported> {
    if server.product == Product::OpenSearch {
        return Vec::new();
    }
    let exported = roles::roles(server).into_iter().map(|role| Exported {
        path: role.path(),
        file: role.file_name(),
        body: role.body,
    });
    exported.collect()
}

/// `8.15`, or `8.15.3`.
fn version(text: &str) -> Result<(u64, u64), String> {
    let mut parts = text.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err("is no version; write it as 8.15".to_owned()),
    }
}

fn to_stdout(all: Vec<Exported>) -> anyhow::Result<()> {
    let all: serde_json::Map<_, _> = all.into_iter().map(|one| (one.path, one.body)).collect();
    super::say(&serde_json::to_string_pretty(&all)?)
}

fn to_files(all: Vec<Exported>, dir: &Path) -> anyhow::Result<()> {
    for one in all {
        let file = dir.join(one.file);
        let text = serde_json::to_string_pretty(&one.body)? + "\n";
        let written = file
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&file, text));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
