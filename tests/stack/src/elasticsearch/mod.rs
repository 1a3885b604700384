//! Elasticsearch 9.4.3, a real server.
//!
//! It is Elastic's own build for integration tests with `x-pack-core` and security, 124 MB. What the full server has
//! beyond it is missing here:
//! - mapper types `scaled_float`, `unsigned_long`, `wildcard`; and `constant_keyword` and `match_only_text`, of which our
//!   plug-in has the names: templates load as they are and the mapping says `keyword` and `text`;
//! - ES|QL, reindex, the aggregations `date_histogram`, `rate`, `top_metrics`
//!   and other ones that live in modules (terms, max, sum, cardinality … are there);
//! - lifecycle execution, roll-over by policy, `PUT _data_stream`.
//!
//! Pipelines are Elasticsearch's own; the processors in them, their conditions and scripts (ingest-common, Painless, Mustache)
//! are OpenSearch's 3.1, which publishes these modules of a common origin. `foreach` is missing.
//!
//! The plug-in (`java/shim`) adds `GET` and `DELETE _data_stream` (the latter with its rights), `_ilm/policy` (parsed by the real classes and kept, never
//! executed, and free for all), `GET /`, what API keys need, and accepts `index.look_back_time` and `index.look_ahead_time`. Time-series streams have no
//! time window unless `index.time_series.start_time` and `end_time` are set.

mod install;
mod opensearch;
mod secure;

use secure::Security;

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::error::{At, Error, Result};
use crate::http::Http;
use crate::jdk::Jdk;
use crate::options::Options;
use crate::ports;
use crate::process::{Launch, Process, process_methods};
use crate::tls::{self, TlsFiles};
use crate::wait;
use crate::workdir::WorkDir;

/// 13 s on an idle machine; more than a minute on one that compiles at the same time.
const READY: Duration = Duration::from_secs(240);
/// Elasticsearch refuses to run as root; this is `nobody` everywhere.
const NOBODY: u32 = 65_534;
const HEAP_MEGABYTES: u32 = 512;

/// A single Elasticsearch node.
pub struct Elasticsearch {
    port: u16,
    security: Option<Security>,
    http: Http,
    process: Process,
    _work: WorkDir,
}

impl Elasticsearch {
    /// Starts it without security and waits until its cluster is healthy.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::new())
    }

    /// As [`start`](Self::start), with changes to `elasticsearch.yml` and the JVM.
    pub fn start_with(options: &Options) -> Result<Self> {
        Self::start_as(None, options)
    }

    /// With security on: users, roles, API keys. The user is `elastic`.
    pub fn start_secured(password: &str) -> Result<Self> {
        Self::start_secured_with(password, &Options::new())
    }

    /// As [`start_secured`](Self::start_secured), with changes to `elasticsearch.yml` and the JVM.
    pub fn start_secured_with(password: &str, options: &Options) -> Result<Self> {
        let security = Security {
            password: password.to_owned(),
            tls: None,
        };
        Self::start_as(Some(&security), options)
    }

    /// As [`start_secured`](Self::start_secured), over TLS, for clients with a certificate only. The server shows the
    /// certificate of its authority, too.
    pub fn start_with_tls(password: &str) -> Result<Self> {
        let security = Security {
            password: password.to_owned(),
            tls: Some(tls::files()?),
        };
        Self::start_as(Some(&security), &Options::new())
    }

    fn start_as(security: Option<&Security>, options: &Options) -> Result<Self> {
        wait::on_free_ports(|| Self::start_once(security, options))
    }

    fn start_once(security: Option<&Security>, options: &Options) -> Result<Self> {
        let home = install::home()?;
        let (port, transport) = (ports::free(), ports::free());
        let work = WorkDir::new("elasticsearch")?;
        let text = config(&work, port, transport, security, options);
        if let Some(files) = security.and_then(|security| security.tls.as_ref()) {
            secure::write_certificates(&work, files)?;
        }
        prepare(&home, &work, &text)?;
        let launch = launch(&home, &work, options)?;
        if let Some(security) = security {
            secure::set_password(&launch, &home, &work, &security.password)?;
        }
        let server = Self {
            port,
            security: security.cloned(),
            http: secure::client(security, port)?,
            process: Process::start("Elasticsearch 9.4.3", launch, work.join("server.log"))?,
            _work: work,
        };
        server.wait_ready()?;
        Ok(server)
    }

    fn wait_ready(&self) -> Result<()> {
        let health = "_cluster/health?wait_for_status=yellow&timeout=1s";
        wait::until(&self.process, "a healthy cluster", READY, || {
            // Asked only once the port is open: an HTTP client's errors are slower than a refused connection.
            if !wait::listens(self.port) {
                return None;
            }
            self.get(health).ok()
        })?;
        Ok(())
    }

    /// Kills it if it runs and starts it again with its data and ports.
    pub fn restart(&self) -> Result<()> {
        self.process.again()?;
        self.wait_ready()
    }

    /// "http://127.0.0.1:<port>", or https with TLS.
    pub fn url(&self) -> String {
        let security = self.security.as_ref();
        format!("{}://127.0.0.1:{}", secure::scheme(security), self.port)
    }

    /// The certificates, where TLS is on.
    pub fn tls_files(&self) -> Option<&TlsFiles> {
        self.security.as_ref()?.tls.as_ref()
    }

    /// The password of the user `elastic`, where security is on.
    pub fn password(&self) -> Option<&str> {
        let security = self.security.as_ref()?;
        Some(&security.password)
    }

    /// `GET`, for an answer of 2xx.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.good("GET", path, None)
    }

    /// `PUT` of a JSON body, for an answer of 2xx.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.good("PUT", path, Some(body.to_string()))
    }

    /// `POST` of a JSON body, for an answer of 2xx.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.good("POST", path, Some(body.to_string()))
    }

    /// `DELETE`, for an answer of 2xx.
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.good("DELETE", path, None)
    }

    /// Any request, with the status of its answer, whatever that is.
    pub fn request(&self, method: &str, path: &str, body: Option<String>) -> Result<(u16, Value)> {
        self.http.send(method, path, body)
    }

    /// As [`request`](Self::request), with that `Authorization` instead of the user `elastic`; not over TLS.
    pub fn request_as(
        &self,
        authorization: &str,
        method: &str,
        path: &str,
        body: Option<String>,
    ) -> Result<(u16, Value)> {
        let http = Http::new(&self.url()).authorized(authorization);
        http.send(method, path, body)
    }

    /// What is to be found in a stream or a pattern of streams, the last second included; 0 if there is no such stream.
    pub fn count(&self, stream: &str) -> Result<u64> {
        self.request("POST", &format!("{stream}/_refresh"), None)?;
        let (status, answer) = self.request("GET", &format!("{stream}/_count"), None)?;
        match (status, answer["count"].as_u64()) {
            (200, Some(count)) => Ok(count),
            (404, _) => Ok(0),
            _ => Err(Error::refused(
                format!("GET {stream}/_count"),
                format!("{status} {answer}"),
            )),
        }
    }

    /// The names of the data streams that match a pattern.
    pub fn data_streams(&self, pattern: &str) -> Result<Vec<String>> {
        let answer = self.get(&format!("_data_stream/{pattern}"))?;
        let streams = answer["data_streams"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let names = streams.iter().filter_map(|stream| stream["name"].as_str());
        Ok(names.map(str::to_owned).collect())
    }

    fn good(&self, method: &str, path: &str, body: Option<String>) -> Result<Value> {
        let (status, answer) = self.http.send(method, path, body)?;
        match status {
            200..300 => Ok(answer),
            _ => Err(Error::refused(
                format!("{method} {path}"),
                format!("{status} {answer}"),
            )),
        }
    }

    process_methods!();
}

fn config(
    work: &WorkDir,
    port: u16,
    transport: u16,
    security: Option<&Security>,
    options: &Options,
) -> String {
    let mut lines = vec![
        "cluster.name: stack".to_owned(),
        "node.name: node-1".to_owned(),
        "discovery.type: single-node".to_owned(),
        "http.host: 127.0.0.1".to_owned(),
        "transport.host: 127.0.0.1".to_owned(),
        format!("http.port: {port}"),
        format!("transport.port: {transport}"),
        format!("path.data: {}", work.join("data").display()),
        format!("path.logs: {}", work.join("logs").display()),
        // A developer's disk is often fuller than Elasticsearch likes.
        "cluster.routing.allocation.disk.threshold_enabled: false".to_owned(),
        format!("xpack.security.enabled: {}", security.is_some()),
    ];
    lines.extend(security.into_iter().flat_map(Security::settings));
    lines.extend(
        options
            .settings
            .iter()
            .map(|(key, value)| format!("{key}: {value}")),
    );
    lines.join("\n") + "\n"
}

/// Makes the folders that the server writes to and gives them to the user it runs as.
fn prepare(home: &Path, work: &WorkDir, config: &str) -> Result<()> {
    let conf = work.folder("conf")?;
    for name in ["data", "logs", "tmp"] {
        work.folder(name)?;
    }
    for name in ["log4j2.properties", "jvm.options"] {
        let from = home.join("config").join(name);
        let text = fs::read_to_string(&from).at("read", &from)?;
        work.write(&format!("conf/{name}"), &without_gc_log(&text))?;
    }
    work.write("conf/elasticsearch.yml", config)?;
    let Some(user) = user() else { return Ok(()) };
    for path in [conf, work.join("data"), work.join("logs"), work.join("tmp")] {
        chown(&path, Some(user), Some(user)).at("give away", &path)?;
        for entry in fs::read_dir(&path).at("list", &path)?.flatten() {
            chown(entry.path(), Some(user), Some(user)).at("give away", entry.path())?;
        }
    }
    Ok(())
}

/// The log of the garbage collector goes to a path relative to the server's own folder, which is shared here.
fn without_gc_log(text: &str) -> String {
    let kept = text.lines().filter(|line| !line.contains("-Xlog:gc"));
    kept.map(|line| format!("{line}\n")).collect()
}

fn launch(home: &Path, work: &WorkDir, options: &Options) -> Result<Launch> {
    let tmp = work.join("tmp").display().to_string();
    let mut java = vec![
        format!("-Xms{HEAP_MEGABYTES}m"),
        format!("-Xmx{HEAP_MEGABYTES}m"),
        "-XX:TieredStopAtLevel=1".to_owned(),
    ];
    java.extend(options.jvm.iter().cloned());
    let mut launch = Launch::new(home.join("bin/elasticsearch"), work.path());
    launch.clear_env = true;
    launch.user = user();
    launch.env = vec![
        ("HOME".to_owned(), tmp.clone()),
        (
            "ES_JAVA_HOME".to_owned(),
            Jdk::find()?.home().display().to_string(),
        ),
        (
            "ES_PATH_CONF".to_owned(),
            work.join("conf").display().to_string(),
        ),
        ("ES_TMPDIR".to_owned(), tmp.clone()),
        ("ES_JAVA_OPTS".to_owned(), java.join(" ")),
        // For the launcher, a JVM of its own.
        (
            "CLI_JAVA_OPTS".to_owned(),
            format!("-XX:TieredStopAtLevel=1 -Xmx64m -Djava.io.tmpdir={tmp}"),
        ),
    ];
    Ok(launch)
}

fn user() -> Option<u32> {
    nix::unistd::geteuid().is_root().then_some(NOBODY)
}
