//! The password of the user `elastic`.

use std::path::Path;
use std::time::Duration;

use crate::error::Result;
use crate::process::{Launch, Process};
use crate::workdir::WorkDir;

const LIMIT: Duration = Duration::from_secs(60);

/// Puts the password into the server's keystore, as the user that the server runs as.
pub(super) fn set_password(
    server: &Launch,
    home: &Path,
    work: &WorkDir,
    password: &str,
) -> Result<()> {
    let tool = home
        .join("bin/elasticsearch-keystore")
        .display()
        .to_string();
    // The tool takes a secret from a pipe only; a shell has one at hand, and the password is a test's own.
    let script = r#""$0" create && printf %s "$1" | "$0" add --stdin --force bootstrap.password"#;
    let mut launch = server.clone();
    launch.program = "sh".into();
    launch.args = vec![
        "-c".to_owned(),
        script.to_owned(),
        tool,
        password.to_owned(),
    ];
    let keystore = Process::start("elasticsearch-keystore", launch, work.join("keystore.log"))?;
    let status = keystore.wait(LIMIT)?;
    match status.success() {
        true => Ok(()),
        false => Err(keystore.died("the password was set", status)),
    }
}
