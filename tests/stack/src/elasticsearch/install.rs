//! Unpacks the server and adds our plug-in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::cache;
use crate::error::{At, Result};
use crate::java::{self, Source};
use crate::packages::ELASTICSEARCH;

const VERSION: &str = "9.4.3";
/// The oldest Java that this Elasticsearch runs on.
const RELEASE: u32 = 21;
/// How a server finds a plug-in's features.
const FEATURES: (&str, &str) = (
    "META-INF/services/org.elasticsearch.features.FeatureSpecification",
    "brokerbeat.shim.Features\n",
);
const SHIM: &[Source] = &[
    (
        "ShimPlugin.java",
        include_str!("../../java/shim/ShimPlugin.java"),
    ),
    (
        "EmailAnalysis.java",
        include_str!("../../java/shim/EmailAnalysis.java"),
    ),
    (
        "Policies.java",
        include_str!("../../java/shim/Policies.java"),
    ),
    ("Streams.java", include_str!("../../java/shim/Streams.java")),
    ("Root.java", include_str!("../../java/shim/Root.java")),
    (
        "Features.java",
        include_str!("../../java/shim/Features.java"),
    ),
];

/// The server's folder, ready to be started from.
pub(super) fn home() -> Result<PathBuf> {
    let dist = ELASTICSEARCH
        .folder()?
        .join(format!("elasticsearch-{VERSION}"));
    let mut inputs = vec![ELASTICSEARCH.pom, FEATURES.0, FEATURES.1];
    inputs.extend(SHIM.iter().map(|&(_, text)| text));
    cache::entry("elasticsearch-home", &inputs, |folder| build(&dist, folder))
}

/// A folder of links to the unpacked server, so that a changed plug-in does not mean another 136 MB.
fn build(dist: &Path, folder: &Path) -> Result<()> {
    for name in ["config", "lib", "modules"] {
        link(&dist.join(name), &folder.join(name))?;
    }
    copy_programs(&dist.join("bin"), &folder.join("bin"))?;
    let plugin = folder.join("plugins/shim");
    let classes = plugin.join("classes");
    fs::create_dir_all(&classes).at("create", &classes)?;
    let class_path = format!("{0}/lib/*:{0}/modules/x-pack-core/*", dist.display());
    java::compile(RELEASE, &class_path, SHIM, &classes)?;
    let services = classes.join("META-INF/services");
    fs::create_dir_all(&services).at("create", &services)?;
    let file = classes.join(FEATURES.0);
    fs::write(&file, FEATURES.1).at("write", &file)?;
    java::jar(&classes, &plugin.join("shim.jar"))?;
    fs::remove_dir_all(&classes).at("remove", &classes)?;
    let file = plugin.join("plugin-descriptor.properties");
    fs::write(&file, descriptor()).at("write", &file)
}

fn link(from: &Path, to: &Path) -> Result<()> {
    symlink(from, to).at("link", to)
}

/// Copies, since the start script finds its home by where it really is; a zip file's modes are lost in unpacking.
fn copy_programs(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(from).at("list", from)?.flatten() {
        let path = to.join(entry.file_name());
        fs::copy(entry.path(), &path).at("copy to", &path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755)).at("open up", &path)?;
    }
    Ok(())
}

fn descriptor() -> String {
    [
        "description=test-only: lifecycle policies are kept, data streams are listed",
        "version=1",
        "name=shim",
        "classname=brokerbeat.shim.ShimPlugin",
        "extended.plugins=x-pack-core",
        "java.version=21",
        &format!("elasticsearch.version={VERSION}"),
    ]
    .map(|line| format!("{line}\n"))
    .concat()
}
