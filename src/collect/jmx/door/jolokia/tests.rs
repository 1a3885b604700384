//! What agents answer (captured from Jolokia 2.3.0) and what becomes of it.

use jmx_rmi::{ObjectName, Read, Value};
use serde_json::Value as Json;

use super::reply::{self, Entry};
use super::value::value;
use super::{doubtful, request};

fn entry(text: &str) -> Entry {
    serde_json::from_str(text).unwrap()
}

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

#[test]
fn values_are_exact_or_absent() {
    let parsed = |text: &str| value(serde_json::from_str(text).unwrap());
    for (written, expected) in [
        ("9223372036854775807", Value::Long(i64::MAX)),
        ("-9223372036854775808", Value::Long(i64::MIN)),
        ("9007199254740993", Value::Long((1 << 53) + 1)),
        (
            "9223372036854775808",
            Value::BigInteger("9223372036854775808".into()),
        ),
        ("4.9E-324", Value::Double(5e-324)),
        ("1.0E300", Value::Double(1e300)),
        ("0.0", Value::Double(0.0)),
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        (r#""NaN""#, Value::String("NaN".into())),
        (r#""😀\u0001""#, Value::String("😀\u{1}".into())),
        (
            r#"{"objectName":"b:a=2,z=1"}"#,
            Value::ObjectName(name("b:z=1,a=2")),
        ),
        (
            r#"{"bigint":"123456789012345678901234567890"}"#,
            Value::BigInteger("123456789012345678901234567890".into()),
        ),
    ] {
        assert_eq!(parsed(written), expected, "{written}");
    }
    let usage = parsed(r#"{"init":0,"used":8121272,"max":-1}"#);
    assert_eq!(usage.get("max"), Some(&Value::Long(-1)));
    let list = parsed(r#"["a",null]"#);
    assert_eq!(list.elements().unwrap().len(), 2);
}

#[test]
fn an_answer_says_what_became_of_the_bean() {
    let bean = name("a:b=1");
    let wanted = ["Max".to_owned(), "Nope".to_owned(), "Min".to_owned()];
    let read = |text: &str| entry(text).into_attributes(&bean, &wanted);
    let good = r#"{"value":{"Min":1,"Max":2},"status":200,"timestamp":1795323933}"#;
    let expected = [
        ("Max".to_owned(), Value::Long(2)),
        ("Min".to_owned(), Value::Long(1)),
    ];
    assert_eq!(read(good).unwrap(), expected);

    let gone = r#"{"error_type":"javax.management.InstanceNotFoundException","error":"javax.management.InstanceNotFoundException : a:b=1","status":404}"#;
    let gone = read(gone).unwrap_err();
    assert!(gone.is_instance_not_found());
    assert_eq!(
        (gone.message.as_deref(), gone.bean),
        (Some("a:b=1"), Some(bean.clone()))
    );
    assert!(
        read(r#"{"status":404}"#)
            .unwrap_err()
            .is_instance_not_found()
    );

    let forbidden = r#"{"error_type":"java.lang.Exception","error":"java.lang.Exception : Command type SEARCH not allowed due to policy used","status":403}"#;
    let forbidden = read(forbidden).unwrap_err();
    assert!(forbidden.is_auth());
    assert_eq!(
        forbidden.message.as_deref(),
        Some("Command type SEARCH not allowed due to policy used")
    );
    assert!(read(r#"{"error":"x","status":500}"#).is_err());
    assert!(
        read("{}").is_err(),
        "an answer without a status is no value"
    );
}

#[test]
fn an_error_that_looks_like_a_value_is_looked_at_again() {
    let bean = name("a:b=1");
    let wanted = ["A", "B", "C", "D"].map(str::to_owned);
    let first = r#"{"value":{"A":"Unsupported","B":"ERROR: nope (class java.lang.IllegalStateException)","C":"fine","D":"ERROR: is what it holds"},"status":200}"#;
    let mut readings = vec![entry(first).into_attributes(&bean, &wanted)];
    let found = doubtful(&readings);
    assert_eq!(
        found,
        [
            (0, "A".to_owned()),
            (0, "B".to_owned()),
            (0, "D".to_owned())
        ]
    );
    let attributes = readings[0].as_mut().unwrap();
    let unsupported =
        r#"{"error_type":"java.lang.UnsupportedOperationException","error":"x","status":500}"#;
    assert!(reply::correct(attributes, "A", entry(unsupported)).is_err());
    assert!(reply::correct(attributes, "B", entry(r#"{"status":500}"#)).is_err());
    reply::correct(
        attributes,
        "D",
        entry(r#"{"value":"ERROR: is what it holds","status":200}"#),
    )
    .unwrap();
    let left: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left, ["C", "D"]);
}

#[test]
fn a_bean_that_may_not_be_read_at_all_is_refused() {
    let bean = name("a:b=1");
    let thrown = || {
        entry(r#"{"error":"no","status":403}"#)
            .into_value()
            .unwrap_err()
    };
    let mut nothing = Ok(Vec::new());
    reply::settle(&mut nothing, Some(thrown()), &bean);
    assert!(nothing.unwrap_err().is_auth());
    let mut something = Ok(vec![("A".to_owned(), Value::Long(1))]);
    reply::settle(&mut something, Some(thrown()), &bean);
    assert!(something.is_ok());
}

#[test]
fn names_that_are_none_end_the_search() {
    let parsed = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    assert_eq!(
        reply::names(parsed(r#"["b:z=1,a=2"]"#)).unwrap(),
        [name("b:a=2,z=1")]
    );
    assert!(reply::names(parsed(r#"["nonsense"]"#)).is_err());
    assert!(reply::names(parsed("{}")).is_err());
}

#[test]
fn requests_are_as_the_protocol_has_them() {
    let read = Read {
        name: name(r#"odd:z=1,a="q,x\*""#),
        attributes: vec!["A".to_owned()],
    };
    assert_eq!(
        request::read(&read).to_string(),
        r#"{"type":"read","mbean":"odd:z=1,a=\"q,x\\*\"","attribute":["A"]}"#
    );
    let listed = request::list(&name("a:z=x/y!,b=\"q\""));
    assert_eq!(listed["path"], "a/b=!\"q!\",z=x!/y!!/attr");
}
