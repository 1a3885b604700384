//! Where log lines go: stderr, as text or JSON.

use tracing_subscriber::EnvFilter;

use crate::config::Logging;

/// Libraries that say much at `debug`; they stay at `warn` unless `trace` is asked for.
const QUIET: &str = "hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,h2=warn";

/// Starts logging. `text`: whatever the configuration says.
pub fn start(logging: &Logging, text: bool) {
    let quiet = if logging.level == "trace" { "" } else { QUIET };
    let filter = EnvFilter::new(format!("{},{quiet}", logging.level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would complain on stderr that stderr cannot be written, and panic.
        .log_internal_errors(false)
        .with_target(false);
    // A second start is a test's; the first subscriber stays.
    if logging.json && !text {
        subscriber.json().try_init().ok();
    } else {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
        subscriber.with_ansi(colours).try_init().ok();
    }
}
