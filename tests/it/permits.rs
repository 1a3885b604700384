//! Tests that need something of this system that it may not permit.

use std::process::Command;

/// Says that a case is left out. Where `CI` is `true`, that is a failure: a green run there has left out nothing.
pub(crate) fn skip(why: &str) {
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "left out: {why}"
    );
    println!("SKIPPED {why}");
}

/// Whether a program may be started below this command line; if not, that the case is left out.
pub(crate) fn permitted(case: &str, wrapper: &[&str]) -> bool {
    let (first, rest) = wrapper.split_first().expect("a command");
    let probe = Command::new(first).args(rest).arg("true").output();
    let probe = probe.expect("it runs");
    if !probe.status.success() {
        let said = String::from_utf8_lossy(&probe.stderr);
        let wrapper = wrapper.join(" ");
        skip(&format!(
            "{case}: `{wrapper}` is not permitted here: {}",
            said.trim()
        ));
    }
    probe.status.success()
}
