//! The agent as a process: `run` in the background, every other command to its end.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use brokerbeat::catalogue::Catalogue;
use serde_json::Value;
use stack::{Elasticsearch, Process, Signal, WorkDir, wait_until};

/// Interval of the tests: short, so that several ticks fit.
pub(crate) const INTERVAL: Duration = Duration::from_secs(2);

/// For anything that must come true; long enough for a busy machine, and ended as soon as it is true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The agent that Cargo has built for the tests.
const BUILT: &str = env!("CARGO_BIN_EXE_brokerbeat");

/// A folder with a configuration.
pub(crate) struct Setting {
    work: WorkDir,
    config: PathBuf,
    interval: Duration,
    binary: PathBuf,
}

impl Setting {
    /// Writes the configuration below the common head (own data directory, interval of the tests).
    pub(crate) fn new(text: &str) -> Self {
        Self::every(INTERVAL, text)
    }

    /// As [`new`](Self::new), with another interval: for tests in which a busy machine must not cost a tick.
    pub(crate) fn every(interval: Duration, text: &str) -> Self {
        let work = WorkDir::new("agent").expect("a folder for the agent");
        let setting = Self {
            config: work.join("brokerbeat.yml"),
            work,
            interval,
            binary: BUILT.into(),
        };
        setting.write(text);
        setting
    }

    /// Replaces the configuration by rename, as careful tools do.
    pub(crate) fn write(&self, text: &str) {
        let data = self.work.join("data");
        let head = format!(
            "path.data: {}\ninterval: {}s\n",
            data.display(),
            self.interval.as_secs()
        );
        let beside = self
            .work
            .write("new.yml", &(head + text))
            .expect("the folder is writable");
        std::fs::rename(beside, &self.config).expect("the folder is writable");
    }

    /// Writes the configuration with another interval.
    pub(crate) fn pace(&mut self, interval: Duration, text: &str) {
        self.interval = interval;
        self.write(text);
    }

    /// The same with another agent: an optimised one.
    pub(crate) fn with_binary(self, binary: PathBuf) -> Self {
        Self { binary, ..self }
    }

    /// Adds lines to the end of the configuration.
    pub(crate) fn append(&self, text: &str) {
        let before = std::fs::read_to_string(&self.config).expect("it is there");
        let beside = self.work.write("new.yml", &(before + text));
        std::fs::rename(beside.expect("the folder is writable"), &self.config)
            .expect("the folder is writable");
    }

    /// Writes another file beside the configuration and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.work.write(name, text).expect("the folder is writable");
        path.display().to_string()
    }

    /// Runs a command to its end.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        self.command_with(&self.config.display().to_string(), args)
    }

    /// `queue status --json`.
    pub(crate) fn queue_status(&self) -> Value {
        let output = self.command(&["queue", "status", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    }

    /// Runs a command with another configuration file.
    pub(crate) fn command_with(&self, config: &str, args: &[&str]) -> Output {
        Command::new(&self.binary)
            .args(["-c", config])
            .args(args)
            .output()
            .expect("the agent's binary starts")
    }

    /// `once`, with time enough for the first words of a JVM on a busy machine: exit code, documents, and what was said
    /// on stderr.
    pub(crate) fn once(&self) -> (i32, Vec<Value>, String) {
        self.once_in("60s")
    }

    /// `once` with this interval.
    pub(crate) fn once_in(&self, interval: &str) -> (i32, Vec<Value>, String) {
        let output = self.command(&["-E", &format!("interval={interval}"), "once"]);
        let documents = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).expect("stdout is NDJSON"))
            .collect();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), documents, said)
    }

    /// A command with this configuration, not started yet.
    pub(crate) fn prepared(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("-c").arg(&self.config).args(args);
        command
    }

    /// Its accounts by stream.
    pub(crate) fn accounts(&self) -> BTreeMap<String, Value> {
        let mut status = self.queue_status();
        serde_json::from_value(status["streams"].take()).expect("an object")
    }

    /// Runs a command to its end, below another program: `unshare --user`.
    pub(crate) fn under(&self, wrapper: &[&str], args: &[&str]) -> Output {
        let ours = [
            self.binary.as_os_str(),
            "-c".as_ref(),
            self.config.as_os_str(),
        ];
        let mut words = wrapper.iter().map(AsRef::as_ref).chain(ours);
        let mut command = Command::new(words.next().expect("the agent at least"));
        command.args(words).args(args).output().expect("it starts")
    }

    /// Lets everybody read the configuration and make a data directory.
    pub(crate) fn open_to_all(&self) {
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(self.work.path(), open).expect("it is ours");
    }

    /// Starts `run`.
    pub(crate) fn run(self) -> Agent {
        self.run_under(&[])
    }

    /// Starts `run` below another program, which becomes the agent.
    pub(crate) fn run_under(self, wrapper: &[String]) -> Agent {
        let config = self.config.display().to_string();
        let program = self.binary.display().to_string();
        let words = wrapper.iter().map(String::as_str);
        let words: Vec<&str> = words
            .chain([program.as_str(), "-c", &config, "run"])
            .collect();
        let (first, rest) = words.split_first().expect("the agent at least");
        let process = Process::program("brokerbeat run", Path::new(first), rest, &self.work)
            .expect("the agent's binary starts");
        Agent {
            process,
            setting: self,
        }
    }

    /// Starts a command; all that it says is in the log of the process.
    pub(crate) fn start(&self, args: &[&str]) -> Process {
        let config = self.config.display().to_string();
        let args = [&["-c", config.as_str()], args].concat();
        let name = format!("brokerbeat {}", args.last().copied().unwrap_or_default());
        Process::program(&name, &self.binary, &args, &self.work).expect("the agent's binary starts")
    }
}

/// A running agent; killed when the test ends.
pub(crate) struct Agent {
    process: Process,
    pub(crate) setting: Setting,
}

impl Agent {
    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.process.log()).unwrap_or_default()
    }

    /// Waits until the log has the text.
    pub(crate) fn says(&self, text: &str) {
        let step = format!("the agent says `{text}`");
        if wait_until(&step, PATIENCE, || self.log().contains(text).then_some(())).is_err() {
            panic!("{step}: never, but:\n{}", self.log());
        }
    }

    /// What its queue takes on disk.
    pub(crate) fn queue_bytes(&self) -> u64 {
        let status = self.setting.queue_status();
        status["waiting"]["bytes"].as_u64().expect("a number")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends it without a word, as a power failure does.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    /// Ends it as [`kill`](Self::kill) does, and gives what another one can be started with.
    pub(crate) fn killed(self) -> Setting {
        let Self { process, setting } = self;
        process.kill();
        drop(process);
        setting
    }

    /// Stops it and checks that it went well: code 0, no panic.
    pub(crate) fn stop(&self) {
        self.process.signal(Signal::Term);
        let status = self.process.wait(PATIENCE).expect("the agent ends");
        let log = self.log();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }

    /// The same, and nothing was refused, nothing doubled.
    pub(crate) fn stop_clean(&self) {
        self.stop();
        let log = self.log();
        for word in ["refused for good", "second document"] {
            assert!(!log.contains(word), "`{word}` in\n{log}");
        }
    }
}

/// The documents of one cycle in which nothing is missing, with no field that the catalogue does not know.
pub(crate) fn documents_of(config: &str) -> Vec<Value> {
    let (code, documents, said) = Setting::new(config).once();
    assert_eq!(code, 0, "{said}");
    for document in &documents {
        let dataset = text(document, "data_stream.dataset").trim_start_matches("brokerbeat.");
        let fields = document.as_object().expect("an object");
        let strangers = Catalogue::get().strangers(dataset, fields);
        assert!(strangers.is_empty(), "{strangers:#?}");
    }
    documents
}

/// The value of a dotted field, in nested JSON.
pub(crate) fn field<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    name.split('.')
        .try_fold(document, |value, part| value.get(part))
}

/// A text field, or nothing.
pub(crate) fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    field(document, name).and_then(Value::as_str).unwrap_or("")
}

/// Documents of a dataset.
pub(crate) fn of_dataset<'a>(documents: &'a [Value], dataset: &str) -> Vec<&'a Value> {
    let dataset = format!("brokerbeat.{dataset}");
    documents
        .iter()
        .filter(|d| text(d, "data_stream.dataset") == dataset)
        .collect()
}

/// All documents of a stream in the order of their ticks.
pub(crate) fn search(elasticsearch: &Elasticsearch, stream: &str) -> Vec<Value> {
    let body = serde_json::json!({"size": 10_000, "sort": ["@timestamp"]});
    let path = format!("/{stream}/_refresh");
    let refreshed = elasticsearch
        .request("POST", &path, None)
        .expect("Elasticsearch answers");
    if refreshed.0 == 404 {
        return Vec::new();
    }
    let found = elasticsearch
        .post(&format!("/{stream}/_search"), &body)
        .expect("the search works");
    let hits = found["hits"]["hits"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    hits.into_iter()
        .map(|mut hit| hit["_source"].take())
        .collect()
}

/// Every tick of the interval between the first and the last is there, once.
pub(crate) fn assert_no_gap(ticks: &[String], interval: Duration) {
    let millis: Vec<i64> = ticks
        .iter()
        .map(|tick| {
            tick.parse::<jiff::Timestamp>()
                .expect("a date")
                .as_millisecond()
        })
        .collect();
    assert!(millis.len() > 1, "{ticks:?}");
    let interval = i64::try_from(interval.as_millis()).expect("small");
    for pair in millis.windows(2) {
        assert_eq!(pair[1] - pair[0], interval, "{ticks:?}");
    }
}
