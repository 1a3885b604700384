//! `/proc/<pid>/status`, see proc_pid_status(5).

/// The bit of `SIGQUIT` (signal 3) in a signal mask.
const QUIT_BIT: u64 = 1 << 2;

/// What is needed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    /// A zombie is gone for us: nothing of it is left but its number.
    pub(crate) is_zombie: bool,
    /// Effective user, which HotSpot compares.
    pub(crate) uid: u32,
    /// Effective group.
    pub(crate) gid: u32,
    /// The pid that the process has for itself: the last of `NSpid`. Kernels before 4.1 have none: then `Pid`.
    pub(crate) inner_pid: u32,
    /// Whether it has a handler for `SIGQUIT`.
    pub(crate) catches_quit: bool,
}

impl Status {
    /// Nothing of a process that shows no whole status, or whose pid is one of a thread.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let second =
            |name: &str| -> Option<u32> { field(name)?.split_whitespace().nth(1)?.parse().ok() };
        let pid: u32 = field("Pid")?.parse().ok()?;
        if field("Tgid")?.parse() != Ok(pid) {
            return None;
        }
        let inner = field("NSpid").and_then(|pids| pids.split_whitespace().last()?.parse().ok());
        let caught = u64::from_str_radix(field("SigCgt")?, 16).ok()?;
        Some(Self {
            is_zombie: field("State")?.starts_with(['Z', 'X']),
            uid: second("Uid")?,
            gid: second("Gid")?,
            inner_pid: inner.unwrap_or(pid),
            catches_quit: caught & QUIT_BIT != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JVM: &str = "Name:\tjava\nState:\tS (sleeping)\nTgid:\t812\nPid:\t812\nUid:\t1000\t1001\t1000\t1000\n\
        Gid:\t100\t101\t100\t100\nNSpid:\t812\t7\nSigCgt:\t2000000181005ccf\n";

    #[test]
    fn effective_ids_and_the_innermost_pid() {
        let status = Status::parse(JVM).unwrap();
        assert_eq!((status.uid, status.gid, status.inner_pid), (1001, 101, 7));
        assert!(status.catches_quit && !status.is_zombie);
    }

    #[test]
    fn a_mask_without_the_bit_does_not_catch() {
        // A JVM with -Xrs, and one that has just been started.
        for mask in ["2000000181000cc8", "0000000000000000"] {
            let text = JVM.replace("2000000181005ccf", mask);
            let caught = u64::from_str_radix(mask, 16).unwrap() & 4 != 0;
            assert_eq!(Status::parse(&text).unwrap().catches_quit, caught);
            assert!(!caught);
        }
    }

    #[test]
    fn threads_and_rubbish_are_no_process() {
        assert_eq!(
            Status::parse(&JVM.replace("Tgid:\t812", "Tgid:\t811")),
            None
        );
        assert_eq!(
            Status::parse(&JVM.replace("SigCgt:\t2", "SigCgt:\tz")),
            None
        );
        assert_eq!(Status::parse(""), None);
        assert!(
            Status::parse(&JVM.replace("S (sleeping)", "Z (zombie)"))
                .unwrap()
                .is_zombie
        );
    }
}
