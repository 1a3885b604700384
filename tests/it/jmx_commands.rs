//! `jmx ls` and `jmx get` against JVMs, over RMI and Jolokia.

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::LazyLock;

use serde_json::{Value, json};
use stack::{JmxAccess, JmxPort, JolokiaPort, Options, PlainJvm};

use crate::agent::Setting;

/// A JVM with values that are easily got wrong. Nobody changes it.
fn odd() -> &'static PlainJvm {
    static JVM: LazyLock<PlainJvm> = LazyLock::new(|| {
        let source = ("Odd.java", include_str!("java/Odd.java"));
        let options = Options::new().jolokia(JolokiaPort::new());
        PlainJvm::start(source, &[], &options).expect("a JVM starts")
    });
    &JVM
}

const ODD: &str = r#"odd:type=Odd,z=1,a="q,x\*\"""#;

/// Runs `jmx …` without a configuration; exit code, stdout, stderr.
pub(crate) fn jmx(args: &[&str]) -> (i32, String, String) {
    let args = [&["jmx"], args].concat();
    let output: Output = Setting::new("").command_with("/there/is/none.yml", &args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap_or(-1), out, err)
}

fn rows(text: &str) -> BTreeMap<&str, &str> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("  "));
    rows.filter_map(|row| {
        row.split_once(' ')
            .map(|(name, value)| (name, value.trim()))
    })
    .collect()
}

#[test]
fn ls_lists_what_java_would_sorted_and_with_types() {
    let jvm = odd();
    for endpoint in [jvm.jmx(), jvm.jolokia_url()] {
        let (code, out, err) = jmx(&["ls", &endpoint, "java.lang:*", "--stats"]);
        assert_eq!(code, 0, "{err}");
        let names: Vec<&str> = out.lines().collect();
        assert!(
            names.contains(&"java.lang:type=Memory") && names.len() > 10,
            "{out}"
        );
        let beans = format!("{} beans, 0 values, ", names.len());
        assert!(
            err.starts_with(&beans) && err.contains(" round trips, "),
            "{err}"
        );
        assert!(
            !err.contains(" 0 bytes") && !err.contains(" 0 round"),
            "{err}"
        );

        let (code, out, _) = jmx(&["ls", "-l", &endpoint, "java.lang:type=Memory"]);
        assert_eq!(code, 0);
        let types = rows(&out);
        assert_eq!(types["Verbose"], "rw  boolean", "{out}");
        assert_eq!(types["ObjectPendingFinalizationCount"], "r-  int");

        let (code, out, _) = jmx(&["ls", &endpoint, "odd:type=Odd,*", "--json", "-l"]);
        let line: Value = serde_json::from_str(out.trim_end()).unwrap();
        assert_eq!(
            (code, line["attributes"][0]["name"].as_str()),
            (0, Some("BeyondDoubles"))
        );
    }
}

#[test]
fn get_gives_every_value_as_java_has_it() {
    let (code, out, _) = jmx(&["get", &odd().jmx(), ODD, "--json"]);
    assert_eq!(code, 3, "two getters throw");
    let line: Value = serde_json::from_str(out.trim_end()).unwrap();
    let expected = json!({
        "BeyondDoubles": 9_007_199_254_740_993_i64, "BigInteger": "123456789012345678901234567890",
        "Byte": -1, "Char": "x", "Control": "a\u{1b}[31mb\nc", "Date": "2023-11-14T22:13:20.123Z",
        "Decimal": "1.5", "ErrorLike": "ERROR: this is what it holds", "Infinite": "Infinity", "Int": 5,
        "LargeDouble": 1e300, "List": ["a", "b"], "Long": "x".repeat(5000), "Longs": [1, i64::MAX],
        "Map": {"k": 1}, "Max": i64::MAX, "Min": i64::MIN, "Name": "b:z=1,a=2", "NotANumber": "NaN",
        "Nothing": null, "Short": 3, "Text": "héllo \"q\" 😀", "TinyDouble": 5e-324, "True": true,
        "Unit": "SECONDS", "UnsupportedLike": "Unsupported", "Zero": 0.0,
    });
    assert_eq!(line["attributes"], expected);
    let failed: Vec<&String> = line["errors"].as_object().unwrap().keys().collect();
    assert_eq!(failed, ["Throws", "Unsupported"]);
}

/// What JSON can hold is the same over Jolokia, texts that look like its errors among it.
#[test]
fn jolokia_gives_the_same_values() {
    let jvm = odd();
    let read = |endpoint: &str| -> Value {
        let (code, out, err) = jmx(&["get", endpoint, ODD, "--json"]);
        assert_eq!(code, 3, "{err}");
        serde_json::from_str(out.trim_end()).unwrap()
    };
    let (rmi, jolokia) = (read(&jvm.jmx()), read(&jvm.jolokia_url()));
    // Their types are lost on the way through JSON.
    let lost = ["Date", "Decimal", "Infinite", "Name", "NotANumber"];
    let attributes = rmi["attributes"].as_object().unwrap();
    for (name, value) in attributes
        .iter()
        .filter(|(name, _)| !lost.contains(&name.as_str()))
    {
        assert_eq!(&jolokia["attributes"][name], value, "{name}");
    }
    assert_eq!(jolokia["attributes"]["NotANumber"], Value::Null);
    let errors = |line: &Value| line["errors"].as_object().unwrap().len();
    assert_eq!((errors(&rmi), errors(&jolokia)), (2, 2));
}

#[test]
fn one_value_that_cannot_be_sent_does_not_cost_the_others() {
    let (code, out, err) = jmx(&["get", &odd().jmx(), "odd:type=Stubborn"]);
    assert_eq!(code, 3, "{err}");
    let rows = rows(&out);
    assert_eq!(rows["Fine"], "7");
    assert!(
        rows["Unsendable"].contains("NotSerializableException"),
        "{out}"
    );
}

#[test]
fn the_table_leads_into_records_and_keeps_the_terminal_safe() {
    let jvm = odd();
    for endpoint in [jvm.jmx(), jvm.jolokia_url()] {
        let (code, out, _) = jmx(&["get", &endpoint, ODD, "Control", "Long", "Map.k", "Zero"]);
        let got = rows(&out);
        assert_eq!((code, got["Control"]), (0, r"a\u{1b}[31mb\nc"), "{out}");
        assert!(got["Long"].ends_with('…') && got["Long"].len() < 200);
        assert_eq!(got["Map.k"], "1");

        let wanted = ["HeapMemoryUsage.max", "Verbose"];
        let (code, out, _) =
            jmx(&[&["get", &endpoint, "java.lang:type=Mem*"], &wanted[..]].concat());
        let got = rows(&out);
        assert_eq!((code, got.len(), got["Verbose"]), (0, 2, "false"), "{out}");
        assert!(got["HeapMemoryUsage.max"].parse::<u64>().unwrap() > 1 << 20);
    }
}

#[test]
fn exit_codes_say_what_happened() {
    let jvm = odd();
    for endpoint in [jvm.jmx(), jvm.jolokia_url()] {
        let cases: &[(&[&str], i32, &str)] = &[
            (&["get", &endpoint, "java.lang:type=Nope"], 1, "has no bean"),
            (&["ls", &endpoint, "nope:*"], 1, "no bean that matches"),
            (
                &["get", &endpoint, "java.lang:type=Memory", "Nope"],
                1,
                "gives Nope",
            ),
            (
                &["get", &endpoint, "java.lang:type=Memory", "Nope", "Verbose"],
                3,
                "",
            ),
            (
                &["get", &endpoint, "nonsense"],
                2,
                "`nonsense` is no name of a bean",
            ),
            (
                &["ls", &endpoint, "--user", "u"],
                2,
                "--user needs --password-env",
            ),
            (&["ls", &endpoint, "--timeout", "soon"], 2, "not a duration"),
            (&["ls", &endpoint, "--ssl", "verify=none"], 2, "verify"),
        ];
        for (args, code, said) in cases {
            let (got, _, err) = jmx(args);
            assert_eq!(got, *code, "{args:?}: {err}");
            assert!(err.contains(said), "{args:?}: {err}");
        }
    }
    for (endpoint, code, said) in [
        ("127.0.0.1:1", 1, "cannot connect to 127.0.0.1:1"),
        (
            "http://127.0.0.1:1/jolokia",
            1,
            "no answer from http://127.0.0.1:1/jolokia",
        ),
        ("nonsense", 2, "`nonsense` has no port"),
        (
            "http://me:hunter2@a:1",
            2,
            "`http://a:1` holds a user; give --user and --password-file",
        ),
        ("me:hunter2@a:1", 2, "`a:1` holds a user; give --user"),
        ("ftp://a:1", 2, "of an unknown kind"),
    ] {
        let (got, _, err) = jmx(&["ls", endpoint]);
        assert_eq!(got, code, "{endpoint}: {err}");
        assert!(err.contains(said), "{endpoint}: {err}");
        assert!(!err.contains("hunter2"), "{err}");
    }
}

#[test]
fn what_does_not_fit_the_endpoint_is_told_before_anything_is_sent() {
    let jmx_port = odd().jmx();
    let mistaken = format!("http://{jmx_port}");
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &[
                "ls",
                "http://127.0.0.1:1",
                "--ssl",
                "verification_mode=none",
            ],
            2,
            "--ssl asks for TLS, which `http://127.0.0.1:1/jolokia` has not; write https://",
        ),
        (
            &["ls", "local:Odd", "--rmi-port", "1"],
            2,
            "--rmi-port has no effect on `local:`",
        ),
        (
            &["ls", &mistaken, "--timeout", "60s"],
            1,
            "; is this the URL of a Jolokia 2 agent?",
        ),
    ];
    for (args, code, said) in cases {
        let (got, _, err) = jmx(args);
        assert_eq!(got, *code, "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
    let tls = ["--ssl", "verification_mode=none", "--timeout", "60s"];
    let (code, _, err) = jmx(&[&["ls", &jmx_port], &tls[..]].concat());
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("TLS") && !err.contains("is this the JMX port"),
        "{err}"
    );
}

#[test]
fn passwords_come_from_files_and_tls_from_its_options() {
    let port = JmxPort::new().password().registry_tls();
    let jvm = PlainJvm::idle(&Options::new().jmx(port)).unwrap();
    let files = jvm.jmx_access().tls.as_ref().unwrap();
    let authority = format!("certificate_authorities={}", files.authority.display());
    let setting = Setting::new("");
    let good = setting.file("good", &format!("{}\n", JmxAccess::PASSWORD));
    let bad = setting.file("bad", "guess");
    let endpoint = jvm.jmx();
    // Long: a new JVM on a busy machine takes its time for a first TLS handshake.
    let ls = ["ls", &endpoint, "java.lang:type=Memory", "--timeout", "60s"];
    let with = |file: &str| {
        let user = [
            "--user",
            JmxAccess::USER,
            "--password-file",
            file,
            "--ssl",
            &authority,
        ];
        jmx(&[&ls[..], &user[..]].concat())
    };
    let (code, out, err) = with(&good);
    assert_eq!(
        (code, out.as_str()),
        (0, "java.lang:type=Memory\n"),
        "{err}"
    );
    let (code, _, err) = with(&bad);
    assert_eq!(code, 1);
    assert!(
        err.contains("--password-file") && !err.contains("guess"),
        "{err}"
    );
    let (code, _, err) = jmx(&ls);
    assert_eq!(code, 1);
    assert!(err.contains("TLS"), "{err}");
}
