//! Finds JDKs. Elasticsearch needs 21 or newer, and one JDK for all servers is one thing less that differs; a test that
//! is about JDKs asks for a version.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// For what does not ask for a version.
const OLDEST: u32 = 21;
/// What our own classes are compiled for, and Kafka 4's servers.
const OLDEST_OF_ALL: u32 = 17;
const HINT: &str = "run scripts/install.sh, or set BROKERBEAT_JDK to the folder of one";

/// A folder with `bin/java` and `bin/javac`.
#[derive(Clone, Debug)]
pub(crate) struct Jdk {
    home: PathBuf,
}

impl Jdk {
    /// The one in `BROKERBEAT_JDK`, or else the oldest of the installed ones that is new enough: the nearer to what
    /// old servers were made for, the better.
    pub(crate) fn find() -> Result<Self> {
        let chosen = match std::env::var_os("BROKERBEAT_JDK") {
            Some(home) => Some(PathBuf::from(home)).filter(|home| is_new_enough(home)),
            None => candidates()
                .into_iter()
                .filter(|home| is_new_enough(home))
                .min_by_key(|home| major(home)),
        };
        chosen
            .map(|home| Self { home })
            .ok_or_else(|| Error::Missing {
                what: format!("a JDK of version {OLDEST} or newer"),
                hint: HINT.to_owned(),
            })
    }

    /// The one of this version, or with none the one that [`find`](Self::find) finds.
    pub(crate) fn of(version: Option<u32>) -> Result<Self> {
        let Some(version) = version else {
            return Self::find();
        };
        let found = usable().into_iter().find(|(major, _)| *major == version);
        found
            .map(|(_, home)| Self { home })
            .ok_or_else(|| Error::Missing {
                what: format!("a JDK {version}"),
                hint: format!(
                    "install it, for example openjdk-{version}-jdk-headless where the distribution has it"
                ),
            })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::env::var_os("JAVA_HOME")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    let sdkman =
        std::env::var_os("HOME").map(|home| Path::new(&home).join(".sdkman/candidates/java"));
    for folder in [Some(PathBuf::from("/usr/lib/jvm")), sdkman]
        .into_iter()
        .flatten()
    {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        all.extend(entries.map(|entry| entry.path()));
    }
    all
}

/// The versions of the installed JDKs that servers can be started under, in order: 17 and up.
pub fn jdks() -> Vec<u32> {
    let mut versions: Vec<u32> = usable().into_iter().map(|(major, _)| major).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

fn usable() -> Vec<(u32, PathBuf)> {
    let chosen = std::env::var_os("BROKERBEAT_JDK").map(PathBuf::from);
    chosen
        .into_iter()
        .chain(candidates())
        .filter_map(|home| Some((major(&home)?, home)))
        .filter(|(major, home)| *major >= OLDEST_OF_ALL && home.join("bin/javac").exists())
        .collect()
}

fn is_new_enough(home: &Path) -> bool {
    major(home).is_some_and(|major| major >= OLDEST) && home.join("bin/javac").exists()
}

/// Every JDK says its version in a file: `JAVA_VERSION="25.0.1"`.
fn major(home: &Path) -> Option<u32> {
    let release = fs::read_to_string(home.join("release")).ok()?;
    let line = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    line.trim_matches('"')
        .split(['.', '-', '+'])
        .next()?
        .parse()
        .ok()
}
