//! Beans that fail, and what is told of them.

use jmx_rmi::{Client, ObjectName, Read, Value};
use stack::Options;

use super::{PATIENT, beans, endpoint};

fn read(kind: &str) -> Read {
    let name: ObjectName = format!("test:kind={kind}").parse().unwrap();
    let attributes = vec!["Value".to_owned()];
    Read { name, attributes }
}

#[tokio::test]
async fn a_failing_bean_is_named_with_its_exception_and_costs_no_other() {
    let failing = [
        (
            "nowhere",
            "javax.management.InstanceNotFoundException",
            "test:kind=nowhere",
        ),
        (
            "runtime-exception",
            "javax.management.RuntimeMBeanException",
            "not now",
        ),
        (
            "error",
            "javax.management.RuntimeErrorException",
            "heap, says the bean",
        ),
        (
            "not-serializable",
            "java.io.NotSerializableException",
            "java.lang.Object",
        ),
        (
            "exception-while-writing",
            "java.io.IOException",
            "not to be written",
        ),
    ];
    let jvm = beans(0, &Options::new());
    let mut client = Client::connect(&endpoint(&jvm), PATIENT).await.unwrap();
    let requests: Vec<Read> = failing
        .iter()
        .flat_map(|(kind, ..)| [read(kind), read("healthy")])
        .collect();
    let results = client.read(&requests).await.unwrap();
    for ((kind, class, message), pair) in failing.iter().zip(results.chunks(2)) {
        let exception = pair[0].as_ref().unwrap_err();
        assert_eq!(exception.class, *class, "{kind}");
        let told = exception.to_string();
        assert!(told.contains(message), "{kind}: {told}");
        assert!(told.contains(&format!("(bean test:kind={kind})")), "{told}");
        assert_eq!(
            pair[1].as_ref().unwrap()[0].1,
            Value::String("value".into()),
            "after {kind}"
        );
    }
    client.close().await.unwrap();
}

/// An `Error` while a value is written stops the JVM in the middle of a reply: there is no exception to be had.
#[tokio::test]
async fn an_error_while_a_value_is_written_names_the_bean() {
    let jvm = beans(0, &Options::new());
    let mut client = Client::connect(&endpoint(&jvm), PATIENT).await.unwrap();
    let requests = [
        read("healthy"),
        read("error-while-writing"),
        read("healthy"),
    ];
    let error = client.read(&requests).await.unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    assert_eq!(error.bean(), Some(&requests[1].name));
    assert!(client.is_poisoned());
    let mut another = Client::connect(&endpoint(&jvm), PATIENT).await.unwrap();
    assert!(another.read(&requests[2..]).await.unwrap()[0].is_ok());
}
