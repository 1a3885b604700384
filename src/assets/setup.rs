//! Installing pipelines and templates.

use reqwest::Method;
use thiserror::Error;

use super::templates::Asset;
use crate::ship::elasticsearch::elastic::{Elastic, ElasticError};

/// What `install` did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// Pipelines that were put.
    pub pipelines: usize,
    /// Templates that were put.
    pub templates: usize,
}

/// Why an asset is not there now.
#[derive(Debug, Error)]
#[error("cannot install {path}")]
pub struct SetupError {
    /// Which.
    pub path: String,
    /// Why.
    #[source]
    pub source: ElasticError,
}

/// Puts the assets in their order; ends at the first one that is refused.
pub async fn install(elastic: &Elastic, assets: &[Asset]) -> Result<Installed, SetupError> {
    let mut installed = Installed::default();
    for asset in assets {
        let path = asset.path();
        let answer = elastic.json(Method::PUT, &path, Some(&asset.body)).await;
        match answer {
            Ok(Some(_)) if asset.is_pipeline() => installed.pipelines += 1,
            Ok(Some(_)) => installed.templates += 1,
            Ok(None) => {
                let source = elastic.strange("404 to what is installed".to_owned());
                return Err(SetupError { path, source });
            }
            Err(source) => return Err(SetupError { path, source }),
        }
    }
    Ok(installed)
}
