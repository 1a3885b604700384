use std::io::Read;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::java::Jvm;
use crate::options::Options;
use crate::packages::ZOOKEEPER;
use crate::ports;
use crate::process::{Process, process_methods};
use crate::wait;
use crate::workdir::WorkDir;

const READY: Duration = Duration::from_secs(60);

/// A stand-alone ZooKeeper 3.9.4: all four-letter words allowed, JMX open, AdminServer on.
pub struct ZooKeeper {
    port: u16,
    jmx_port: u16,
    admin_port: u16,
    process: Process,
    _work: WorkDir,
}

impl ZooKeeper {
    /// Starts it and waits until it serves.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::new())
    }

    /// As [`start`](Self::start), with changes to `zoo.cfg` and the JVM.
    pub fn start_with(options: &Options) -> Result<Self> {
        wait::on_free_ports(|| Self::start_once(options))
    }

    fn start_once(options: &Options) -> Result<Self> {
        let (port, jmx_port, admin_port) = (ports::free(), ports::free(), ports::free());
        let class_path = ZOOKEEPER.class_path()?;
        let work = WorkDir::new("zookeeper")?;
        let config = work.write("zoo.cfg", &config(&work, port, admin_port, options))?;
        let jvm = Jvm {
            class_path,
            main: "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            args: vec![config.display().to_string()],
            heap_megabytes: 128,
            jmx_port: Some(jmx_port),
            // Its logger beans are log4j's, which is not on the class path.
            extra: &[
                vec!["-Dzookeeper.jmx.log4j.disable=true".to_owned()],
                options.jvm.clone(),
            ]
            .concat(),
            talk: false,
        };
        let server = Self {
            port,
            jmx_port,
            admin_port,
            process: jvm.start("ZooKeeper 3.9.4", &work)?,
            _work: work,
        };
        server.wait_ready()?;
        Ok(server)
    }

    fn wait_ready(&self) -> Result<()> {
        // `ruok` is answered as soon as the port is open; every other word then still says "not currently serving".
        wait::until(&self.process, "the mode in srvr", READY, || {
            self.four_letter_word("srvr")
                .ok()
                .filter(|answer| answer.contains("Mode: "))
        })?;
        // The agent that listens for JMX is up before `main` runs, so there is nothing more to wait for.
        Ok(())
    }

    /// Kills it if it runs and starts it again with its data and ports.
    pub fn restart(&self) -> Result<()> {
        self.process.again()?;
        self.wait_ready()
    }

    /// "127.0.0.1:<client port>"
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// "127.0.0.1:<JMX port>"
    pub fn jmx(&self) -> String {
        format!("127.0.0.1:{}", self.jmx_port)
    }

    /// "http://127.0.0.1:<port>": the AdminServer, whose commands are under `/commands`.
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin_port)
    }

    /// What it answers to `mntr`, `srvr` …
    pub fn four_letter_word(&self, word: &str) -> Result<String> {
        four_letter_word(self.port, word)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    process_methods!();
}

pub(crate) fn four_letter_word(port: u16, word: &str) -> Result<String> {
    let mut answer = String::new();
    let read = wait::exchange(port, word.as_bytes())
        .and_then(|mut stream| stream.read_to_string(&mut answer));
    match read {
        Ok(_) => Ok(answer),
        Err(error) => Err(Error::refused(word, error.to_string())),
    }
}

fn config(work: &WorkDir, port: u16, admin_port: u16, options: &Options) -> String {
    let mut lines = vec![
        "tickTime=1000".to_owned(),
        format!("dataDir={}", work.join("data").display()),
        "clientPortAddress=127.0.0.1".to_owned(),
        format!("clientPort={port}"),
        "maxClientCnxns=0".to_owned(),
        "4lw.commands.whitelist=*".to_owned(),
        "admin.serverAddress=127.0.0.1".to_owned(),
        format!("admin.serverPort={admin_port}"),
    ];
    lines.extend(
        options
            .settings
            .iter()
            .map(|(key, value)| format!("{key}={value}")),
    );
    lines.join("\n") + "\n"
}
