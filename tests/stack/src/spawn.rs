//! One thread that starts all processes.
//!
//! The kernel's parent-death signal is sent when the *thread* that made the child ends, not its process. A test's
//! thread ends with the test; this one lives as long as the process does.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

type Job = (Command, Sender<io::Result<Child>>);

static JOBS: OnceLock<Sender<Job>> = OnceLock::new();

pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = channel();
    let jobs = JOBS.get_or_init(start_thread);
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    jobs.send((command, reply)).map_err(|_| gone(()))?;
    answer.recv().map_err(|_| gone(()))?
}

fn start_thread() -> Sender<Job> {
    let (sender, receiver) = channel::<Job>();
    std::thread::Builder::new()
        .name("stack-spawn".to_owned())
        .spawn(move || {
            for (mut command, reply) in receiver {
                // The asker waits for the answer, so somebody is there to take it.
                reply.send(command.spawn()).ok();
            }
        })
        .expect("a process that may not have one more thread cannot run servers");
    sender
}
