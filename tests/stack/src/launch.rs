//! How a process is started: its program, arguments, surroundings, user.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How to start a process.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// Options for Java in our own environment are not meant for a server: it gets `PATH`, `LANG` and `env` only.
    pub(crate) clear_env: bool,
    pub(crate) dir: PathBuf,
    /// Run as this user and group; possible for root only.
    pub(crate) user: Option<u32>,
    /// Talk to it over stdin and stdout; otherwise stdin is empty and stdout goes to the log.
    pub(crate) talk: bool,
}

impl Launch {
    pub(crate) fn new(program: impl Into<PathBuf>, dir: &Path) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            clear_env: false,
            dir: dir.to_owned(),
            user: None,
            talk: false,
        }
    }

    pub(crate) fn command(&self, log: File) -> std::io::Result<Command> {
        let mut command = Command::new("setpriv");
        if let Some(user) = self.user {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={user}"));
            command.arg("--clear-groups");
        }
        command.args(["--pdeathsig", "KILL", "--"]);
        // Who was started in the background of a shell passes SIGQUIT on as ignored: a server would then survive a
        // signal that ends it everywhere else.
        command.args(["env", "--default-signal=QUIT", "--"]);
        command.arg(&self.program).args(&self.args);
        if self.clear_env {
            let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
            command.env_clear().env("PATH", path).env("LANG", "C.UTF-8");
        }
        command.envs(self.env.iter().cloned());
        command.current_dir(&self.dir).process_group(0);
        command.stdin(if self.talk {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        command.stderr(log.try_clone()?);
        command.stdout(if self.talk {
            Stdio::piped()
        } else {
            Stdio::from(log)
        });
        Ok(command)
    }
}
