//! Installing the assets: everything is looked at first, then put, or nothing is.

pub mod clean;
mod conflicts;
mod diff;
mod installed;
mod normal;
mod patterns;
mod plan;
pub mod roles;

use reqwest::Method;
use thiserror::Error;

pub use conflicts::{Conflict, winner};
pub use diff::Difference;
pub use installed::{IndexTemplate, index_templates};
pub use plan::{Plan, State, Step, plan};

use super::Asset;
use crate::ship::elasticsearch::elastic::{Elastic, ElasticError};

/// Why something could not be read, installed or removed.
#[derive(Debug, Error)]
#[error("cannot {verb} {path}")]
pub struct SetupError {
    verb: &'static str,
    /// What.
    pub path: String,
    /// Why.
    #[source]
    pub source: ElasticError,
}

impl SetupError {
    /// Where something failed, as `cannot <verb> <path>`.
    pub(crate) fn new(verb: &'static str, path: &str, source: ElasticError) -> Self {
        // What is asked for is of interest, how it is narrowed is not.
        let path = path.split('?').next().unwrap_or_default().to_owned();
        Self { verb, path, source }
    }
}

/// Why `install` installed nothing, or not everything.
#[derive(Debug, Error)]
pub enum InstallError {
    /// A request failed.
    #[error(transparent)]
    Failed(#[from] SetupError),
    /// Something stands in the way.
    #[error("{}", .0.join("; "))]
    Blocked(Vec<String>),
}

/// Looks and puts what is missing or older; nothing if something stands in the way.
pub async fn install(
    elastic: &Elastic,
    assets: Vec<Asset>,
    namespace: &str,
) -> Result<(), InstallError> {
    let mut plan = plan(elastic, assets, namespace).await?;
    plan.leave_newer();
    let obstacles = plan.obstacles(false);
    match obstacles.is_empty() {
        true => Ok(apply(elastic, &plan).await?),
        false => Err(InstallError::Blocked(obstacles)),
    }
}

/// Puts what is not there as it should be, in its order; ends at the first one that is refused.
pub async fn apply(elastic: &Elastic, plan: &Plan) -> Result<(), SetupError> {
    for step in plan.steps.iter().filter(|step| step.is_put()) {
        put(elastic, &step.asset.path(), &step.asset.body).await?;
    }
    Ok(())
}

async fn put(elastic: &Elastic, path: &str, body: &serde_json::Value) -> Result<(), SetupError> {
    let answer = elastic.json(Method::PUT, path, Some(body)).await;
    let source = match answer {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => elastic.strange("404 to what is installed".to_owned()),
        Err(source) => source,
    };
    Err(SetupError::new("install", path, source))
}
