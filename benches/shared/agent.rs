//! The agent as it runs, in front of a sink that has its templates.

use std::path::Path;
use std::time::Duration;

use stack::{Process, WorkDir};

/// Starts `brokerbeat run` with these `clusters` (and whatever follows them).
pub(crate) fn start(
    agent: &Path,
    interval: Duration,
    sink: &str,
    clusters: &str,
) -> (WorkDir, Process) {
    let work = WorkDir::new("bench-agent").unwrap();
    let config = format!(
        "path.data: {}\ninterval: {}s\noutput.elasticsearch: {{hosts: [\"{sink}\"]}}\nsetup.template.enabled: false\nclusters:\n{clusters}\n",
        work.join("data").display(),
        interval.as_secs(),
    );
    let config = work.write("brokerbeat.yml", &config).unwrap();
    let config = config.display().to_string();
    let args = ["-c", config.as_str(), "run"];
    let process = Process::program("brokerbeat", agent, &args, &work).unwrap();
    (work, process)
}
