//! Kafka Connect 4.2.0 and MirrorMaker 2.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::doors::{Doors, door_methods};
use crate::error::{Error, Result};
use crate::http::Http;
use crate::java::Jvm;
use crate::kafka::Kafka;
use crate::options::Options;
use crate::packages::CONNECT;
use crate::ports;
use crate::process::{Process, process_methods};
use crate::wait;
use crate::workdir::WorkDir;

/// Its web server and its class loaders take their time.
const READY: Duration = Duration::from_secs(120);
const HEAP_MEGABYTES: u32 = 256;

/// A worker of a Connect cluster of one (distributed mode).
pub struct Connect {
    http: Http,
    doors: Doors,
    process: Process,
    work: WorkDir,
}

impl Connect {
    /// Starts a worker and waits until it answers.
    pub fn start(kafka: &Kafka) -> Result<Self> {
        Self::start_with(kafka, &Options::new())
    }

    /// As [`start`](Self::start), with changes to the worker's properties and the JVM.
    pub fn start_with(kafka: &Kafka, options: &Options) -> Result<Self> {
        wait::on_free_ports(|| {
            let port = ports::free();
            let work = WorkDir::new("connect")?;
            let main = "org.apache.kafka.connect.cli.ConnectDistributed";
            let settings = worker(kafka, port);
            let (doors, process) = launch("Kafka Connect 4.2.0", main, &settings, &work, options)?;
            let connect = Self {
                http: Http::new(&format!("http://127.0.0.1:{port}")),
                doors,
                process,
                work,
            };
            wait::until(&connect.process, "the list of connectors", READY, || {
                wait::listens(port).then(|| connect.get("connectors"))?.ok()
            })?;
            connect.doors.wait_ready(&connect.process)?;
            Ok(connect)
        })
    }

    /// A connector that reads lines from a file of its own into a topic, with one task; waits until both run.
    pub fn add_file_source(&self, name: &str, topic: &str) -> Result<()> {
        let file = self
            .work
            .write(&format!("{name}.txt"), "one\ntwo\nthree\n")?;
        let class = "org.apache.kafka.connect.file.FileStreamSourceConnector";
        self.add(
            name,
            &[
                ("connector.class", class),
                ("file", &file.display().to_string()),
                ("topic", topic),
            ],
        )
    }

    /// A connector that writes a topic to a file of its own, with one task; waits until both run.
    pub fn add_file_sink(&self, name: &str, topic: &str) -> Result<()> {
        let file = self.work.join(&format!("{name}.txt"));
        let class = "org.apache.kafka.connect.file.FileStreamSinkConnector";
        self.add(
            name,
            &[
                ("connector.class", class),
                ("file", &file.display().to_string()),
                ("topics", topic),
            ],
        )
    }

    /// Any connector; waits until it and its first task run.
    pub fn add(&self, name: &str, settings: &[(&str, &str)]) -> Result<()> {
        self.configure(name, settings)?;
        wait::until(&self.process, &format!("{name} runs"), READY, || {
            let status = self.get(&format!("connectors/{name}/status")).ok()?;
            let runs = |part: &Value| part["state"] == "RUNNING";
            (runs(&status["connector"]) && runs(&status["tasks"][0])).then_some(())
        })
    }

    /// Makes a connector, or gives it other settings; whether it runs then is not waited for.
    pub fn configure(&self, name: &str, settings: &[(&str, &str)]) -> Result<()> {
        let mut config: Map<String, Value> = settings
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.into()))
            .collect();
        config.insert("tasks.max".to_owned(), "1".into());
        let path = format!("connectors/{name}/config");
        let body = Value::Object(config).to_string();
        // The worker refuses while its group forms.
        wait::until(&self.process, "a new connector", READY, || {
            let (status, _) = self.http.send("PUT", &path, Some(body.clone())).ok()?;
            (status / 100 == 2).then_some(())
        })
    }

    /// Takes a connector away.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = format!("connectors/{name}");
        wait::until(&self.process, "a connector less", READY, || {
            let (status, _) = self.http.send("DELETE", &path, None).ok()?;
            matches!(status, 204 | 404).then_some(())
        })
    }

    fn get(&self, path: &str) -> Result<Value> {
        match self.http.send("GET", path, None)? {
            (200, answer) => Ok(answer),
            (status, answer) => Err(Error::refused(path, format!("{status} {answer}"))),
        }
    }

    door_methods!();
    process_methods!();
}

/// MirrorMaker 2 in a JVM of its own.
pub struct MirrorMaker {
    doors: Doors,
    process: Process,
    _work: WorkDir,
}

impl MirrorMaker {
    /// Copies a topic from one cluster, which it calls `east`, to another, `west`, where it becomes `east.<topic>`. Both
    /// may be the same cluster. Waits until its source task runs.
    pub fn start(east: &Kafka, west: &Kafka, topic: &str, options: &Options) -> Result<Self> {
        wait::on_free_ports(|| {
            let work = WorkDir::new("mirror-maker")?;
            let main = "org.apache.kafka.connect.mirror.MirrorMaker";
            let settings = mirror(east, west, topic);
            let (doors, process) = launch("MirrorMaker 4.2.0", main, &settings, &work, options)?;
            let sign =
                "WorkerSourceTask{id=MirrorSourceConnector-0} Source task finished initialization";
            wait::until(&process, "a source task", READY, || {
                let log = std::fs::read_to_string(process.log()).ok()?;
                log.contains(sign).then_some(())
            })?;
            doors.wait_ready(&process)?;
            Ok(Self {
                doors,
                process,
                _work: work,
            })
        })
    }

    door_methods!();
    process_methods!();
}

type Settings = Vec<(String, String)>;

fn launch(
    name: &str,
    main: &str,
    settings: &Settings,
    work: &WorkDir,
    options: &Options,
) -> Result<(Doors, Process)> {
    let doors = Doors::plan(options, work)?;
    let lines: String = settings
        .iter()
        .chain(&options.settings)
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    let file = work.write("connect.properties", &lines)?;
    let jvm = Jvm {
        class_path: CONNECT.class_path()?,
        main,
        args: vec![file.display().to_string()],
        heap_megabytes: HEAP_MEGABYTES,
        jdk: options.jdk,
        extra: [doors.arguments.clone(), options.jvm.clone()].concat(),
        talk: false,
    };
    let process = jvm.start(name, work)?;
    Ok((doors, process))
}

fn worker(kafka: &Kafka, port: u16) -> Settings {
    let text = "org.apache.kafka.connect.storage.StringConverter";
    let mut all = owned(&[
        ("bootstrap.servers", &kafka.bootstrap()),
        ("listeners", &format!("http://127.0.0.1:{port}")),
        ("group.id", "connect"),
        ("key.converter", text),
        ("value.converter", text),
        ("offset.flush.interval.ms", "1000"),
        ("scheduled.rebalance.max.delay.ms", "0"),
    ]);
    for kind in ["offset", "config", "status"] {
        all.push((format!("{kind}.storage.topic"), format!("connect-{kind}")));
        all.push((format!("{kind}.storage.replication.factor"), "1".to_owned()));
    }
    // 25 by default.
    all.push(("offset.storage.partitions".to_owned(), "1".to_owned()));
    all
}

fn mirror(east: &Kafka, west: &Kafka, topic: &str) -> Settings {
    let mut all = owned(&[
        ("clusters", "east, west"),
        ("east.bootstrap.servers", &east.bootstrap()),
        ("west.bootstrap.servers", &west.bootstrap()),
        ("east->west.enabled", "true"),
        ("west->east.enabled", "false"),
        ("east->west.topics", topic),
        ("east->west.groups", ".*"),
        ("replication.factor", "1"),
        ("tasks.max", "1"),
        // Within one cluster a heartbeat's copy would be copied again, and again.
        ("heartbeats.replication.enabled", "false"),
        ("emit.checkpoints.interval.seconds", "1"),
        ("sync.group.offsets.enabled", "true"),
        ("sync.group.offsets.interval.seconds", "1"),
        ("refresh.topics.interval.seconds", "5"),
        ("refresh.groups.interval.seconds", "5"),
    ]);
    for kind in ["checkpoints", "heartbeats", "offset-syncs"] {
        let key = format!("{kind}.topic.replication.factor");
        all.push((key, "1".to_owned()));
    }
    for kind in ["offset", "config", "status"] {
        all.push((format!("{kind}.storage.replication.factor"), "1".to_owned()));
    }
    all
}

fn owned(pairs: &[(&str, &str)]) -> Settings {
    pairs
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
