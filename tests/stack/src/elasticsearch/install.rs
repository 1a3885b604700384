//! Unpacks the server and adds our plug-in, with the ingest processors of OpenSearch inside.
//!
//! It stands among the modules, since only a module may load classes that it makes (Painless compiles scripts).

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::cache;
use crate::error::{At, Result};
use crate::java::{self, Source};
use crate::packages::{ELASTICSEARCH, INGEST};

const VERSION: &str = "9.4.3";
/// The oldest Java that this Elasticsearch runs on.
const RELEASE: u32 = 21;
/// How a server finds a plug-in's features.
const FEATURES: (&str, &str) = (
    "META-INF/services/org.elasticsearch.features.FeatureSpecification",
    "brokerbeat.shim.Features\n",
);
/// What Painless does with a script.
const RIGHTS: (&str, &str) = (
    "entitlement-policy.yaml",
    "ALL-UNNAMED:\n  - create_class_loader\n",
);
/// Of the ingest modules: the server itself, which names codecs that our Lucene has not.
const CORE: &str = "opensearch-3.1.0.jar";
const SHIM: &[Source] = &[
    ("Change.java", include_str!("../../java/shim/Change.java")),
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
    (
        "StreamRemoval.java",
        include_str!("../../java/shim/StreamRemoval.java"),
    ),
    ("Root.java", include_str!("../../java/shim/Root.java")),
    ("Ingest.java", include_str!("../../java/shim/Ingest.java")),
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
    let ingest = INGEST.folder()?;
    let mut inputs = vec![
        ELASTICSEARCH.pom,
        INGEST.pom,
        FEATURES.0,
        FEATURES.1,
        RIGHTS.1,
    ];
    inputs.extend(SHIM.iter().map(|&(_, text)| text));
    cache::entry("elasticsearch-home", &inputs, |folder| {
        build(&dist, &ingest, folder)
    })
}

/// A folder of links to the unpacked server, so that a changed plug-in does not mean another 136 MB.
fn build(dist: &Path, ingest: &Path, folder: &Path) -> Result<()> {
    for name in ["config", "lib"] {
        link(&dist.join(name), &folder.join(name))?;
    }
    copy_programs(&dist.join("bin"), &folder.join("bin"))?;
    let modules = folder.join("modules");
    for entry in list(&dist.join("modules"))? {
        share(&entry, &modules.join(file_name(&entry)))?;
    }
    let plugins = folder.join("plugins");
    fs::create_dir_all(&plugins).at("create", &plugins)?;
    let module = modules.join("shim");
    share(ingest, &module)?;
    without_codecs(&module.join(CORE))?;
    compile(dist, ingest, &module)
}

fn compile(dist: &Path, ingest: &Path, module: &Path) -> Result<()> {
    let classes = module.join("classes");
    let services = classes.join("META-INF/services");
    fs::create_dir_all(&services).at("create", &services)?;
    let class_path = format!(
        "{0}/lib/*:{0}/modules/x-pack-core/*:{1}/*",
        dist.display(),
        ingest.display()
    );
    java::compile(RELEASE, &class_path, SHIM, &classes)?;
    write(&classes.join(FEATURES.0), FEATURES.1)?;
    java::jar(&classes, &module.join("shim.jar"))?;
    fs::remove_dir_all(&classes).at("remove", &classes)?;
    write(&module.join(RIGHTS.0), RIGHTS.1)?;
    write(&module.join("plugin-descriptor.properties"), &descriptor())
}

/// Lucene asks every module for its codecs, and those that OpenSearch names are in a Lucene of its own.
fn without_codecs(jar: &Path) -> Result<()> {
    let unpacked = jar.with_extension("unpacked");
    fs::create_dir_all(&unpacked).at("create", &unpacked)?;
    java::unjar(jar, &unpacked)?;
    for service in list(&unpacked.join("META-INF/services"))? {
        if !file_name(&service).starts_with("org.opensearch.") {
            fs::remove_file(&service).at("remove", &service)?;
        }
    }
    fs::remove_file(jar).at("remove", jar)?;
    java::jar(&unpacked, jar)?;
    fs::remove_dir_all(&unpacked).at("remove", &unpacked)
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).at("write", file)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).at("list", folder)?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The same files in another folder. The server may read no module that is a link to somewhere else.
fn share(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).at("create", to)?;
    for file in list(from)? {
        let shared = to.join(file_name(&file));
        fs::hard_link(&file, &shared)
            .or_else(|_| fs::copy(&file, &shared).map(|_| ()))
            .at("link to", &shared)?;
    }
    Ok(())
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
