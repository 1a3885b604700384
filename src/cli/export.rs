//! `brokerbeat export …`: what the agent has inside, for those who want to read or keep it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use crate::assets::{self, Asset, Lifecycle, Server};
use crate::catalogue::Catalogue;
use crate::config::{Config, to_yaml};

/// What to export.
#[derive(Debug, Subcommand)]
pub(super) enum Export {
    /// The settings in force with their defaults; secrets are hidden
    Config,
    /// The component and index templates
    Template {
        /// Write a file per template below this folder instead of one JSON object to stdout
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// The ingest pipelines
    Pipeline {
        /// Write a file per pipeline below this folder instead of one JSON object to stdout
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// The page of all fields, as Markdown
    Fields,
}

impl Export {
    /// Exports what needs no configuration; nothing if one is needed.
    pub(super) fn without_config(&self) -> Option<anyhow::Result<()>> {
        match self {
            Self::Config => None,
            Self::Template { dir } => {
                let server = Server::newest();
                let lifecycle = Lifecycle::of(&server);
                let mut all = assets::policies(&server, lifecycle);
                all.extend(assets::templates(Catalogue::get(), &server, lifecycle));
                Some(export(all, dir))
            }
            Self::Pipeline { dir } => {
                let all = assets::pipelines(Catalogue::get(), &Server::newest());
                Some(export(all, dir))
            }
            Self::Fields => Some(super::say(assets::fields_page(Catalogue::get()).trim_end())),
        }
    }

    /// Exports what the configuration decides.
    pub(super) fn with_config(&self, config: &Config) -> anyhow::Result<()> {
        super::say(to_yaml(&config.effective).trim_end())
    }
}

fn export(assets: Vec<Asset>, dir: &Option<PathBuf>) -> anyhow::Result<()> {
    match dir {
        None => to_stdout(assets),
        Some(dir) => to_files(assets, dir),
    }
}

fn to_stdout(assets: Vec<Asset>) -> anyhow::Result<()> {
    let all: serde_json::Map<_, _> = assets
        .into_iter()
        .map(|asset| (asset.path(), asset.body))
        .collect();
    super::say(&serde_json::to_string_pretty(&all)?)
}

fn to_files(assets: Vec<Asset>, dir: &Path) -> anyhow::Result<()> {
    for asset in assets {
        let file = dir.join(asset.file_name());
        let text = serde_json::to_string_pretty(&asset.body)? + "\n";
        let written = file
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&file, text));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
