//! Beans that fail, and what is told of them.

use jmx_rmi::{Attributes, Client, ObjectName, Read, Value};
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

/// `getAttribute` and `getAttributes` are different calls with different replies.
#[tokio::test]
async fn an_attribute_has_the_same_value_alone_and_among_others() {
    let jvm = beans(0, &Options::new());
    let mut client = Client::connect(&endpoint(&jvm), PATIENT).await.unwrap();
    let pattern: ObjectName = "java.lang:*".parse().unwrap();
    let names = client.query_names(Some(&pattern)).await.unwrap();
    // What a JVM says of itself changes from call to call; what it is made of does not.
    let steady = [
        "Name",
        "ObjectName",
        "VmVersion",
        "Type",
        "Valid",
        "SpecVersion",
        "MemoryPoolNames",
        "ClassPath",
    ];
    let mut seen = 0;
    for name in names {
        let infos = client.mbean_info(&name).await.unwrap();
        let attributes: Vec<String> = infos
            .attributes
            .iter()
            .map(|one| one.name.to_string())
            .filter(|attribute| steady.contains(&attribute.as_str()))
            .collect();
        let together = client.get_attributes(&name, &attributes).await.unwrap();
        let single = |attribute: &String| Read {
            name: name.clone(),
            attributes: vec![attribute.clone()],
        };
        let alone: Vec<Read> = attributes.iter().map(single).collect();
        let alone = client.read(&alone).await.unwrap();
        let alone: Attributes = alone.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(alone, together, "{name}");
        seen += alone.len();
    }
    assert!(seen > 20, "{seen}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_attribute_that_a_bean_does_not_have_is_left_out() {
    let jvm = beans(0, &Options::new());
    let mut client = Client::connect(&endpoint(&jvm), PATIENT).await.unwrap();
    let read = |attributes: &[&str]| Read {
        name: "java.lang:type=Runtime".parse().unwrap(),
        attributes: attributes.iter().map(|one| (*one).to_owned()).collect(),
    };
    let requests = [read(&["Uptimes"]), read(&["Uptimes", "Name"]), read(&[])];
    let results = client.read(&requests).await.unwrap();
    let given: Vec<usize> = results
        .iter()
        .map(|one| one.as_ref().unwrap().len())
        .collect();
    assert_eq!(given, [0, 1, 0]);
    client.close().await.unwrap();
}
