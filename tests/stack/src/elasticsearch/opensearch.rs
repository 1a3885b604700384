//! OpenSearch 3.8.0, as the same kind of server: its API is the one that Elasticsearch had, too.
//!
//! The core with its modules; what OpenSearch calls plug-ins (security, Index State Management) is missing.

use std::path::PathBuf;

use super::Elasticsearch;
use crate::cache;
use crate::error::Result;
use crate::http::Http;
use crate::java::{self, Jvm, Source};
use crate::packages::OPENSEARCH;
use crate::ports;
use crate::wait;
use crate::workdir::WorkDir;

const SOURCE: Source = (
    "StackOpenSearch.java",
    include_str!("../../java/StackOpenSearch.java"),
);
/// The oldest Java that it runs on.
const RELEASE: u32 = 21;
const HEAP_MEGABYTES: u32 = 512;

impl Elasticsearch {
    /// Starts OpenSearch and waits until its cluster is healthy.
    pub fn start_opensearch() -> Result<Self> {
        wait::on_free_ports(start_once)
    }
}

fn start_once() -> Result<Elasticsearch> {
    let libraries = OPENSEARCH.class_path()?;
    let classes = classes(&libraries)?;
    let (port, transport) = (ports::free(), ports::free());
    let work = WorkDir::new("opensearch")?;
    let jvm = Jvm {
        class_path: format!("{}:{libraries}", classes.display()),
        main: "StackOpenSearch",
        args: vec![
            work.join("node").display().to_string(),
            port.to_string(),
            transport.to_string(),
        ],
        heap_megabytes: HEAP_MEGABYTES,
        jdk: None,
        extra: Vec::new(),
        talk: false,
    };
    let server = Elasticsearch {
        port,
        security: None,
        http: Http::new(&format!("http://127.0.0.1:{port}")),
        process: jvm.start(OPENSEARCH.name, &work)?,
        _work: work,
    };
    server.wait_ready()?;
    Ok(server)
}

fn classes(libraries: &str) -> Result<PathBuf> {
    cache::entry("opensearch-main", &[libraries, SOURCE.1], |folder| {
        java::compile(RELEASE, libraries, &[SOURCE], folder)
    })
}
