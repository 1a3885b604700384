//! `setup.*`: what is installed in Elasticsearch, and by whom.

use super::{Section, one_of};
use crate::assets::{Lifecycle, Server};
use crate::kibana::KibanaConfig;

/// Words of `setup.lifecycle`; the first one is the default.
const LIFECYCLES: [&str; 4] = ["auto", "policies", "data_stream", "none"];

/// `setup.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetupConfig {
    /// Whether `run` installs missing templates when it may.
    pub install: bool,
    /// What takes care of the age of streams; nothing: what suits the server.
    lifecycle: Option<Lifecycle>,
}

impl SetupConfig {
    /// Reads the section `setup`, with its Kibana.
    pub(super) fn read(root: &mut Section<'_>) -> (Self, Option<KibanaConfig>) {
        let mut section = root.section_or_empty("setup");
        let install = section
            .section_or_empty("template")
            .flag_or("enabled", true);
        let lifecycle = one_of(&mut section, "lifecycle", &LIFECYCLES);
        let setup = Self {
            install,
            lifecycle: lifecycle_of(&lifecycle),
        };
        (setup, KibanaConfig::read(&mut section))
    }

    /// What takes care of the age of streams there.
    pub fn lifecycle(&self, server: &Server) -> Lifecycle {
        self.lifecycle.unwrap_or_else(|| Lifecycle::of(server))
    }

    /// With the lifecycle that suits the server.
    pub fn installing(install: bool) -> Self {
        Self {
            install,
            lifecycle: None,
        }
    }
}

fn lifecycle_of(word: &str) -> Option<Lifecycle> {
    match word {
        "policies" => Some(Lifecycle::Policies),
        "data_stream" => Some(Lifecycle::DataStream),
        "none" => Some(Lifecycle::None),
        _ => None,
    }
}
