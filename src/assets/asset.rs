//! One thing to install.

use serde_json::Value;

/// One thing to install.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// What it is.
    pub kind: AssetKind,
    /// Its name.
    pub name: String,
    /// Its body.
    pub body: Value,
}

/// What an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetKind {
    /// An ingest pipeline.
    Pipeline,
    /// A lifecycle policy.
    Policy,
    /// An empty component template which is the user's: made where it is missing, and never touched again.
    Custom,
    /// A component template.
    Component,
    /// An index template.
    Index,
}

impl AssetKind {
    /// Path of the requests that are about all of them.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::Pipeline => "_ingest/pipeline",
            Self::Policy => "_ilm/policy",
            Self::Custom | Self::Component => "_component_template",
            Self::Index => "_index_template",
        }
    }
}

impl Asset {
    /// Path of the request that installs it.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.kind.endpoint(), self.name)
    }

    /// Name of its file in a folder of exported assets.
    pub fn file_name(&self) -> String {
        let folder = self.kind.endpoint().trim_start_matches('_');
        format!("{}/{}.json", folder.replace(['_', '/'], "-"), self.name)
    }
}
