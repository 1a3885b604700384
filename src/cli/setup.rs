//! `brokerbeat setup`: installs the templates.

use std::process::ExitCode;

use crate::assets;
use crate::catalogue::Catalogue;
use crate::config::Config;

/// Installs all templates and says so.
pub(super) fn setup(config: &Config) -> ExitCode {
    super::finish(install(config))
}

fn install(config: &Config) -> anyhow::Result<()> {
    let elastic = super::elastic(config)?;
    let templates = assets::templates(Catalogue::get());
    let installed = super::runtime()?.block_on(assets::install(&elastic, &templates))?;
    super::say(&format!(
        "installed {} templates, version {}",
        installed.put,
        assets::VERSION
    ))
}
