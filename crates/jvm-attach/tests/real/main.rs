//! Against real JVMs of every installed version. Other JVMs run on this machine at the same time: each test speaks of
//! its own, by pid.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harm;

use std::time::Duration;

use jvm_attach::{Timeouts, attach, jvm, jvms};
use stack::{Options, PlainJvm, jdks};

/// For a machine that is busy.
const PATIENT: Timeouts = Timeouts {
    socket: Duration::from_secs(60),
    answer: Duration::from_secs(60),
};

/// A JVM without any JMX option.
fn start(source: (&'static str, &'static str), args: &[&str], options: Options) -> PlainJvm {
    PlainJvm::start(source, args, &options.without_jmx()).expect("a JVM starts")
}

fn idle(args: &[&str], options: Options) -> PlainJvm {
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/stack/java/Idle.java"
    );
    let text = std::fs::read_to_string(source).expect("it is part of the repository");
    start(
        ("Idle.java", Box::leak(text.into_boxed_str())),
        args,
        options,
    )
}

#[tokio::test]
async fn a_jvm_is_found_told_and_asked() {
    for jdk in jdks() {
        let started = idle(&["one", "two"], Options::new().jdk(jdk).jvm("-Da.b=c"));
        let pid = started.process().pid();
        let all = jvms().unwrap();
        let found = all.into_iter().find(|jvm| jvm.pid == pid).unwrap();
        assert_eq!(found, jvm(pid).unwrap());
        assert_eq!(found.command(), "Idle one two");
        assert_eq!(found.property("a.b"), Some("c"));
        assert_eq!((found.obstacle.as_ref(), found.inner_pid), (None, pid));
        assert!(
            found
                .version
                .as_ref()
                .unwrap()
                .starts_with(&jdk.to_string())
        );

        let attached = attach(pid, PATIENT).await.unwrap();
        let properties = attached.system_properties().await.unwrap();
        assert_eq!(properties["a.b"], "c");
        let url = attached.connector_address().await.unwrap();
        assert!(
            url.starts_with("service:jmx:rmi://127.0.0.1/stub/"),
            "{url}"
        );
        assert_eq!(
            jvm_attach::connector_address(pid, PATIENT).await.unwrap(),
            url
        );
        started.kill();
        let error = attached.diagnostic("VM.version").await.unwrap_err();
        assert!(error.is_gone(), "{error}");
    }
}

#[test]
fn what_is_no_jvm_is_said_to_be_none() {
    let error = jvm(std::process::id()).unwrap_err();
    assert!(error.is_gone(), "{error}");
    assert!(error.to_string().ends_with("is not a Java virtual machine"));
}

/// People write passwords into arguments.
#[tokio::test]
async fn arguments_are_in_no_debug_output_and_in_no_error() {
    let started = idle(&["--password=hush"], Options::new().jvm("-Dpassword=hush"));
    let attached = attach(started.process().pid(), PATIENT).await.unwrap();
    let shown = format!("{:?} {attached:?}", attached.jvm());
    assert!(shown.contains("Idle") && !shown.contains("hush"), "{shown}");
    assert!(!shown.contains(&attached.jvm().class_path), "{shown}");

    let error = attached
        .diagnostic("No.such password=hush")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("`jcmd No.such`"), "{error}");
    let unknown = attached
        .execute("no-such", &["false", "password=hush"])
        .await;
    let zero = attached.execute("jcmd", &["VM.log password=hush\0"]).await;
    for error in [error, unknown.unwrap_err(), zero.unwrap_err()] {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}
