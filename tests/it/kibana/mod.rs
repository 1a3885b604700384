//! `setup --dashboards --rules` in front of a server that enforces Kibana's rules.

mod http;
mod import;
mod rules;
mod server;

use brokerbeat::kibana::rules::RULES;
use serde_json::{Value, json};

use crate::agent::Setting;
use crate::said::Said;
use http::self_signed;
use server::{Contract, Server};

/// All rules.
fn how_many() -> usize {
    RULES.lines().count()
}

/// A configuration that sends documents elsewhere: a Kibana is all that is needed.
fn config(kibana: &str, more: &str) -> String {
    format!(
        "clusters: [{{kafka: {{bootstrap: [\"localhost:9\"]}}}}]\noutput.console: {{}}\n\
         setup.kibana: {{host: \"{kibana}\"{more}}}\n"
    )
}

const ADMIN: &str = ", username: admin, password: secret";

fn run(config: &str, args: &[&str]) -> Said {
    let setting = Setting::new(config);
    let output = setting.command(&[&["setup"], args].concat());
    Said::of(&output)
}

fn of_server(server: &Server, args: &[&str]) -> Said {
    run(&config(&server.url, ADMIN), args)
}

const ALL: [&str; 2] = ["--dashboards", "--rules"];

/// A rule by the name that its tag has.
fn rule(server: &Server, name: &str) -> ((String, String), Value) {
    let store = server.store();
    let tag = json!(format!("rule:{name}"));
    let found = store.rules.iter().find(|(_, rule)| {
        rule["tags"]
            .as_array()
            .is_some_and(|tags| tags.contains(&tag))
    });
    let (place, rule) = found.unwrap_or_else(|| panic!("no rule {name}"));
    (place.clone(), rule.clone())
}

#[test]
fn dashboards_and_rules_are_installed_disabled_and_a_second_time_changes_no_rule() {
    let server = Server::start(Contract::default());
    let dry = of_server(&server, &["--dashboards", "--rules", "--dry-run"]).ended(0);
    assert_eq!(
        (dry.lines("new"), server.changes()),
        (14 + how_many(), Vec::new()),
        "{}",
        dry.out
    );

    of_server(&server, &ALL).ended(0).tells(&format!(
        "{0} rules: {0} new, 0 replaced, 0 switched on",
        how_many()
    ));
    assert_eq!(server.changes().len(), 1 + how_many());
    let (_, stopped) = rule(&server, "group-stopped");
    assert_eq!(stopped["enabled"], false);
    // Three intervals of this agent's two seconds.
    assert_eq!(stopped["params"]["timeWindowSize"], 6);
    assert_eq!(
        stopped["artifacts"]["dashboards"][0]["id"],
        "brokerbeat-lag"
    );

    let dry = of_server(&server, &["--dashboards", "--rules", "--dry-run"]).ended(0);
    assert_eq!(
        (dry.lines("replaced"), dry.lines("unchanged")),
        (14, how_many()),
        "{}",
        dry.out
    );
    of_server(&server, &ALL).ended(0);
    assert_eq!(server.changes(), ["POST /api/saved_objects/_import"]);

    of_server(&server, &["--rules", "--enable"])
        .ended(0)
        .tells(&format!("{} switched on", how_many()));
    assert_eq!(rule(&server, "group-stopped").1["enabled"], true);
    server.changes();
    of_server(&server, &["--rules", "--enable"])
        .ended(0)
        .tells("0 switched on");
    assert_eq!(server.changes(), [""; 0]);
}

#[test]
fn a_rule_that_was_changed_is_kept_unless_its_loss_is_wished_and_its_actions_always() {
    let server = Server::start(Contract::default());
    of_server(&server, &["--rules", "--enable"]).ended(0);
    let (place, _) = rule(&server, "group-stopped");
    let actions = json!([{"id": "mail", "group": "query matched", "params": {}, "connector_type_id": ".email"}]);
    {
        let mut store = server.store();
        let rule = store.rules.get_mut(&place).unwrap();
        rule["params"]["threshold"] = json!([9]);
        rule["actions"] = actions.clone();
    }
    server.changes();
    let dry = of_server(&server, &["--rules", "--dry-run"]).ended(0);
    assert!(
        dry.out.contains("kept       rule group-stopped"),
        "{}",
        dry.out
    );
    assert!(
        dry.out.contains("params.threshold[0] differs"),
        "{}",
        dry.out
    );
    of_server(&server, &["--rules"])
        .ended(0)
        .tells("kept: group-stopped; --overwrite");
    assert_eq!(server.changes(), [""; 0]);
    of_server(&server, &["--rules", "--overwrite"])
        .ended(0)
        .tells("1 replaced");
    let (_, after) = rule(&server, "group-stopped");
    assert_eq!(after["params"]["threshold"], json!([0]));
    assert_eq!(
        (&after["actions"], &after["enabled"]),
        (&actions, &json!(true))
    );
}

#[test]
fn a_second_space_gets_its_own_ids_and_its_rules_look_through_its_own_views() {
    let server = Server::start(Contract::default());
    of_server(&server, &ALL).ended(0);
    of_server(&server, &["--dashboards", "--rules", "--space", "ops"]).ended(0);
    assert_eq!(server.store().rules.len(), 2 * how_many());
    let index = |space: &str| {
        let store = server.store();
        let rules = store.rules.iter().filter(|((of, _), _)| of == space);
        rules
            .map(|(_, rule)| rule["params"]["searchConfiguration"]["index"].clone())
            .next()
    };
    assert_eq!(index("default").unwrap(), "brokerbeat-metrics");
    assert_ne!(index("ops").unwrap(), "brokerbeat-metrics");
    server.changes();
    of_server(&server, &["--rules", "--space", "ops"])
        .ended(0)
        .tells("0 new, 0 replaced");
    assert_eq!(server.changes(), [""; 0]);
}

#[test]
fn rules_alone_bring_the_views_that_they_need() {
    let server = Server::start(Contract::default());
    of_server(&server, &["--rules"])
        .ended(0)
        .tells("2 dashboards and data views");
    assert_eq!(server.store().views("default").len(), 2);
}

#[test]
fn an_older_kibana_gets_what_it_takes_and_one_that_is_too_old_nothing() {
    let server = Server::start(Contract {
        version: "8.13.4",
        ..Contract::default()
    });
    of_server(&server, &ALL).ended(0);
    assert!(rule(&server, "group-stopped").1.get("artifacts").is_none());

    let server = Server::start(Contract {
        version: "8.12.2",
        ..Contract::default()
    });
    of_server(&server, &ALL)
        .ended(1)
        .tells("is 8.12, and the dashboards and rules need 8.13 or later");
    assert_eq!(server.changes(), [""; 0]);
}

#[test]
fn what_stands_in_the_way_is_said_with_what_to_do() {
    let server = Server::start(Contract::default());
    for (login, args, said) in [
        (
            ADMIN,
            &["--dashboards", "--space", "sales"][..],
            "has no space `sales`; make it in Stack Management",
        ),
        (
            ", username: reader, password: secret",
            &ALL[..],
            "answers 403 to POST /api/saved_objects/_import",
        ),
        (
            ", username: reader, password: secret",
            &ALL[..],
            "lacks a privilege in this space: Dashboard",
        ),
        (
            ", username: admin, password: wrong",
            &ALL[..],
            "check setup.kibana.username and password, or api_key",
        ),
        ("", &ALL[..], "it wants to know who asks"),
    ] {
        let answer = run(&config(&server.url, login), args).ended(1);
        answer.tells(said);
        assert!(
            !answer.err.contains("secret") && !answer.err.contains("wrong"),
            "{}",
            answer.err
        );
    }
    let broken = Server::start(Contract {
        breaks: Some("brokerbeat-lag"),
        ..Contract::default()
    });
    of_server(&broken, &ALL).ended(1).tells(
        "Kibana took 13 of 14 dashboards and data views: dashboard brokerbeat-lag: disk full",
    );
    assert!(
        broken.store().rules.is_empty(),
        "rules after a failed import"
    );
}

#[test]
fn a_self_signed_certificate_is_refused_by_name_and_taken_once_it_is_known() {
    let (tls, pem) = self_signed();
    let server = Server::start_with(Contract::default(), Some(tls));
    of_server(&server, &["--dashboards"])
        .ended(1)
        .tells("self-signed or of an authority that is not trusted; name that in setup.kibana.ssl.certificate_authorities");
    let folder = Setting::new("");
    let file = folder.file("kibana.pem", &pem);
    let known = format!("{ADMIN}, ssl: {{certificate_authorities: [\"{file}\"]}}");
    run(&config(&server.url, &known), &["--dashboards"]).ended(0);
}

#[test]
fn what_is_no_kibana_is_told_from_one_and_a_missing_host_is_a_mistake() {
    let elasticsearch = crate::servers::elasticsearch();
    run(&config(&elasticsearch.url(), ""), &["--dashboards"])
        .ended(1)
        .tells("is not Kibana");
    run(&config("localhost:1", ADMIN), &["--dashboards"])
        .ended(1)
        .tells("no answer from Kibana at http://localhost:1");
    let without = "clusters: [{kafka: {bootstrap: [\"localhost:9\"]}}]\noutput.console: {}\n";
    run(without, &["--dashboards"])
        .ended(2)
        .tells("setup.kibana is missing");
    run(&config("localhost:1", ADMIN), &["--space", "ops"])
        .ended(2)
        .tells("--space is for --dashboards and --rules");
    let wrong = config("localhost:5601", ", space: \"My Space\"");
    run(&wrong, &["--dashboards"])
        .ended(2)
        .tells("is no space's identifier");
}
