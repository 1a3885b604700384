//! Installing pipelines and templates.

use reqwest::Method;
use thiserror::Error;

use super::asset::{Asset, AssetKind};
use crate::ship::elasticsearch::elastic::{Elastic, ElasticError};

/// What `install` did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// Pipelines that were put.
    pub pipelines: usize,
    /// Lifecycle policies that were put.
    pub policies: usize,
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
        let put = put(elastic, asset).await.map_err(|source| SetupError {
            path: asset.path(),
            source,
        });
        if !put? {
            continue;
        }
        match asset.kind {
            AssetKind::Pipeline => installed.pipelines += 1,
            AssetKind::Policy => installed.policies += 1,
            AssetKind::Custom | AssetKind::Component | AssetKind::Index => installed.templates += 1,
        }
    }
    Ok(installed)
}

/// Whether there was something to put: what is the user's is left as it is.
async fn put(elastic: &Elastic, asset: &Asset) -> Result<bool, ElasticError> {
    let path = asset.path();
    if asset.kind == AssetKind::Custom && elastic.json(Method::GET, &path, None).await?.is_some() {
        return Ok(false);
    }
    let answer = elastic.json(Method::PUT, &path, Some(&asset.body)).await?;
    match answer {
        Some(_) => Ok(true),
        None => Err(elastic.strange("404 to what is installed".to_owned())),
    }
}
