//! Login by Kerberos, against a KDC; part of builds with the feature `gssapi`.

use std::process::Output;

use serde_json::Value;
use stack::{Kafka, Kerberos, Listener, Options};

use crate::agent::{Setting, of_dataset, text};
use crate::security::{LAG, lag, lags};

/// `once` of this user with the keys of that file.
fn once(kafka: &Kafka, kerberos: &Kerberos, keys: &str) -> (Output, Vec<Value>) {
    let setting = Setting::new(&format!(
        "clusters:\n- kafka:\n    bootstrap: [\"{}\"]\n    properties: {{security.protocol: SASL_PLAINTEXT, sasl.mechanism: GSSAPI, \
         sasl.kerberos.service.name: kafka, sasl.kerberos.principal: \"{}\", sasl.kerberos.keytab: \"{}\"}}\n",
        kafka.listener(Listener::SaslPlaintext),
        Kerberos::principal("agent"),
        kerberos.keys(keys).display(),
    ));
    let mut command = setting.prepared(&["-E", "interval=20s", "once"]);
    let output = command.envs(kerberos.environment()).output();
    let output = output.expect("the agent's binary starts");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let documents = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (output, documents.collect())
}

#[test]
fn a_principal_with_its_keys_logs_in_and_one_without_is_told_so() {
    let kerberos = Kerberos::start(&["agent", "other"]).expect("a KDC starts");
    let options = Options::new().secured(&["unused"]).without_jmx();
    let kafka = Kafka::start_kraft_with(&kerberos.secure(options)).expect("Kafka starts");
    kafka.create_topic("orders", 1, 1).expect("a topic");
    lag(&kafka.bootstrap());
    let rights = ["--operation", "Describe", "--topic", "*", "--group", "*"];
    kafka.allow(&["agent"], &rights).expect("rights");

    // The keys of another one are none: said before there is any ticket.
    let (output, documents) = once(&kafka, &kerberos, "other");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let target = of_dataset(&documents, "target")[0];
    println!("{}", text(target, "brokerbeat.target.error.message"));
    assert_eq!(
        text(target, "brokerbeat.target.error.kind"),
        "auth",
        "{target}"
    );

    let (output, documents) = once(&kafka, &kerberos, "agent");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}\n{documents:#?}");
    assert_eq!(lags(&documents), [&Value::from(LAG)]);
}
