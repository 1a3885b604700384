//! Gets servers from Maven Central with the `mvn` command, which knows the user's mirrors and proxies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::cache::{self, cache_folder};
use crate::error::{Error, Result};
use crate::process::{Launch, Process};
use crate::wait;
use crate::workdir::WorkDir;

const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
const SAY_EVERY: Duration = Duration::from_secs(5);
/// Not a limit for the whole download: a slow line may take as long as it takes.
const STALLED: Duration = Duration::from_secs(180);

static DOWNLOADED: AtomicU64 = AtomicU64::new(0);

/// A server's jars or its unpacked folder, pinned by a `pom.xml`.
pub(crate) struct Package {
    /// For people: "Kafka 4.2.0".
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
    /// For people, before the download.
    pub(crate) megabytes: u32,
    pub(crate) pom: &'static str,
    /// The class path's jars, or what the pom itself does in `process-resources`.
    pub(crate) jars: bool,
}

/// The bytes that this process has downloaded so far.
pub fn downloaded_bytes() -> u64 {
    DOWNLOADED.load(Ordering::Relaxed)
}

impl Package {
    /// The folder with the package, downloaded if need be.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        cache::entry(self.key, &[self.pom], |folder| self.download(folder))
    }

    /// For `java -cp`.
    pub(crate) fn class_path(&self) -> Result<String> {
        Ok(format!("{}/*", self.folder()?.display()))
    }

    fn download(&self, folder: &Path) -> Result<()> {
        eprintln!("downloading {} (about {} MB) …", self.name, self.megabytes);
        let repository = cache_folder().join("maven");
        let before = size(&repository);
        let start = Instant::now();
        let work = WorkDir::new("mvn")?;
        let mvn = self.start_mvn(&work, folder, &repository)?;
        self.watch(&mvn, &repository, before)?;
        let bytes = size(&repository).saturating_sub(before);
        DOWNLOADED.fetch_add(bytes, Ordering::Relaxed);
        let seconds = start.elapsed().as_secs();
        eprintln!(
            "{}: downloaded {} MB in {seconds} s",
            self.name,
            megabytes(bytes)
        );
        Ok(())
    }

    fn start_mvn(&self, work: &WorkDir, folder: &Path, repository: &Path) -> Result<Process> {
        which("mvn", "install the package maven")?;
        work.write("pom.xml", self.pom)?;
        let mut launch = Launch::new("mvn", work.path());
        launch.args = vec![
            "-B".to_owned(),
            "-q".to_owned(),
            "-ntp".to_owned(),
            format!("-Dmaven.repo.local={}", repository.display()),
            format!("-DoutputDirectory={}", folder.display()),
        ];
        launch.args.extend(match self.jars {
            true => vec![COPY.to_owned(), "-DincludeScope=runtime".to_owned()],
            false => vec!["process-resources".to_owned()],
        });
        Process::start(
            &format!("mvn for {}", self.name),
            launch,
            work.join("mvn.log"),
        )
    }

    fn watch(&self, mvn: &Process, repository: &Path, before: u64) -> Result<()> {
        let mut seen = before;
        let mut moved = Instant::now();
        let mut said = Instant::now();
        loop {
            if let Some(status) = mvn.ended() {
                return match status.success() {
                    true => Ok(()),
                    false => Err(mvn.died("the download was done", status)),
                };
            }
            wait::pause(Duration::from_millis(200))?;
            if said.elapsed() < SAY_EVERY {
                continue;
            }
            said = Instant::now();
            let now = size(repository);
            if now != seen {
                (seen, moved) = (now, Instant::now());
            }
            eprintln!("  … {} MB so far", megabytes(now.saturating_sub(before)));
            if moved.elapsed() > STALLED {
                return Err(mvn.timed_out("the next byte", STALLED));
            }
        }
    }
}

/// An error that names the package when a program is not there.
pub(crate) fn which(program: &str, hint: &str) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return Ok(());
    }
    Err(Error::Missing {
        what: program.to_owned(),
        hint: hint.to_owned(),
    })
}

/// Bytes as people read them: "45.9".
pub fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// The bytes in a folder; what vanishes meanwhile counts as nothing.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
