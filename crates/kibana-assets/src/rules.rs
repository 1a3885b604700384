//! Alerting rules as bodies for Kibana's API, and objectives.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::ids;
use crate::kql;
use crate::lens::Maker;
use crate::source::{INTERVAL, Rule, RuleKind, Slo, Source, Variable};

/// How often Kibana looks. Below a minute it warns.
const CHECK: &str = "1m";

/// Seconds that a rule looks back at least where one document tells what happened: in a shorter window Kibana, which looks once in
/// [`CHECK`], would miss it.
const LEAST_FOR_EVENTS: f64 = 90.0;

/// Groups that one rule tells apart; Kibana's own limit is 1,000.
const GROUPS: u64 = 1000;

/// Name of the variable that every rule has.
const WINDOW: &str = "window";

/// Runbook, body and question of every rule, one an entry.
pub fn rules(source: &Source, catalogue: &Catalogue) -> Result<Vec<Value>, String> {
    source
        .rules
        .iter()
        .map(|rule| entry(rule, catalogue))
        .collect()
}

fn entry(rule: &Rule, catalogue: &Catalogue) -> Result<Value, String> {
    let template = template(rule, catalogue);
    let variables = variables(rule);
    let values = values(&variables);
    let body = resolve(&template, &values);
    let mut entry = json!({
        "id": ids::uuid(&rule.id),
        "rule": rule.id,
        "severity": rule.severity.as_str(),
        "variables": variables_json(&variables),
        "template": template,
        "body": body,
        // Kibana takes it as artifacts.investigation_guide from 9.1 on, and refuses the key before.
        "guide": guide(rule),
        "dashboards": [ids::dashboard(&rule.dashboard)],
        "stated": {"fires": rule.fires_within(), "clears": rule.clears_within()},
        "question": question(rule, catalogue, &values)?,
    });
    if let Some(esql) = &rule.esql {
        entry["esql_untested"] = resolve(&json!(esql), &values);
    }
    Ok(entry)
}

fn variables(rule: &Rule) -> BTreeMap<String, Variable> {
    let mut all = rule.variables.clone();
    let window = Variable {
        value: (rule.intervals * INTERVAL) as f64,
        unit: "s".to_owned(),
        meaning: format!(
            "How far back the rule looks: {} intervals of the agent",
            rule.intervals
        ),
        least: (rule.kind == RuleKind::Event).then_some(LEAST_FOR_EVENTS),
    };
    all.insert(WINDOW.to_owned(), window);
    all
}

fn variables_json(variables: &BTreeMap<String, Variable>) -> Value {
    let one = |(name, variable): (&String, &Variable)| {
        let value = number(variable.value);
        let mut entry = json!({"value": value, "unit": variable.unit, "meaning": variable.meaning});
        if let Some(least) = variable.least {
            entry["least"] = number(least);
        }
        (name.clone(), entry)
    };
    variables.iter().map(one).collect::<Map<_, _>>().into()
}

fn values(variables: &BTreeMap<String, Variable>) -> BTreeMap<String, f64> {
    variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable.value))
        .collect()
}

/// A whole number without a fraction.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

/// Puts values for `${names}`: a text that is nothing but one becomes a number.
pub fn resolve(template: &Value, values: &BTreeMap<String, f64>) -> Value {
    match template {
        Value::String(text) => resolved_text(text, values),
        Value::Array(items) => items.iter().map(|item| resolve(item, values)).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), resolve(value, values)));
            fields.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn resolved_text(text: &str, values: &BTreeMap<String, f64>) -> Value {
    let mut text = text.to_owned();
    for (name, value) in values {
        let placeholder = format!("${{{name}}}");
        if text == placeholder {
            return number(*value);
        }
        text = text.replace(&placeholder, &number(*value).to_string());
    }
    text.into()
}

fn query(rule: &Rule) -> String {
    Maker::query(&rule.of, Some(&rule.problem()))
}

/// The body of `POST /api/alerting/rule/<id>`, with `${variables}`.
fn template(rule: &Rule, catalogue: &Catalogue) -> Value {
    let is_metric = rule.kind == RuleKind::Gone;
    let (rule_type, params) = if is_metric {
        (
            "observability.rules.custom_threshold",
            threshold(rule, catalogue),
        )
    } else {
        (".es-query", es_query(rule, catalogue))
    };
    json!({
        "name": format!("[brokerbeat] {}", rule.name),
        "tags": ["brokerbeat", format!("severity:{}", rule.severity.as_str()), format!("rule:{}", rule.id)],
        "enabled": false,
        "schedule": {"interval": CHECK},
        "rule_type_id": rule_type,
        "consumer": "stackAlerts",
        "params": params,
        "actions": [],
    })
}

fn es_query(rule: &Rule, catalogue: &Catalogue) -> Value {
    let (comparator, threshold) = match rule.kind {
        RuleKind::Silence => ("<", 1),
        _ => (">", rule.ticks - 1),
    };
    let mut params = json!({
        "searchType": "searchSource",
        "searchConfiguration": {
            "query": {"language": "kuery", "query": query(rule)},
            "index": ids::data_view(catalogue, &rule.of),
            "filter": [],
        },
        "timeField": "@timestamp",
        "timeWindowSize": format!("${{{WINDOW}}}"),
        "timeWindowUnit": "s",
        "aggType": "count",
        "groupBy": if rule.by.is_empty() { "all" } else { "top" },
        "thresholdComparator": comparator,
        "threshold": [threshold],
        "size": 0,
        // Else an alert would clear while its condition lasts.
        "excludeHitsFromPreviousRun": false,
    });
    if let [only] = rule.by.as_slice() {
        params["termField"] = only.as_str().into();
    } else if !rule.by.is_empty() {
        params["termField"] = rule.by.as_slice().into();
    }
    if !rule.by.is_empty() {
        params["termSize"] = GROUPS.into();
    }
    params
}

fn threshold(rule: &Rule, catalogue: &Catalogue) -> Value {
    json!({
        "criteria": [{
            "metrics": [{"name": "A", "aggType": "count"}], "equation": "A", "comparator": "<", "threshold": [1],
            "timeSize": format!("${{{WINDOW}}}"), "timeUnit": "s",
        }],
        "groupBy": rule.by,
        "alertOnNoData": false,
        "alertOnGroupDisappear": true,
        "searchConfiguration": {
            "index": ids::data_view(catalogue, &rule.of),
            "query": {"language": "kuery", "query": query(rule)},
        },
    })
}

fn guide(rule: &Rule) -> String {
    let numbered = rule.first.iter().enumerate();
    let commands: String = numbered
        .map(|(n, one)| format!("{}. `{one}`\n", n + 1))
        .collect();
    let fields: String = rule
        .look_at
        .iter()
        .map(|field| format!("- `{field}`\n"))
        .collect();
    format!(
        "**What it means.** {}\n\n**First.**\n{commands}\n**Look at.**\n{fields}",
        rule.meaning.trim()
    )
}

/// What the rule asks Elasticsearch, for tests without a Kibana: it fires for a bucket when `fires` says so.
fn question(
    rule: &Rule,
    catalogue: &Catalogue,
    values: &BTreeMap<String, f64>,
) -> Result<Value, String> {
    let text = resolve(&json!(query(rule)), values);
    let query = kql::parse(text.as_str().unwrap_or_default())?.to_dsl();
    let window = values.get(WINDOW).copied().unwrap_or_default();
    let range = json!({"range": {"@timestamp": {"gte": format!("now-{window}s"), "lte": "now"}}});
    let mut aggregations = json!({});
    for field in rule.by.iter().rev() {
        let terms = json!({"terms": {"field": field, "size": GROUPS}, "aggs": aggregations});
        aggregations = json!({field: terms});
    }
    let fires = match rule.kind {
        RuleKind::Match | RuleKind::Event => {
            format!("a bucket, or all, has {} or more", rule.ticks)
        }
        RuleKind::Silence => "there is nothing".to_owned(),
        RuleKind::Gone => "a bucket of before is missing".to_owned(),
    };
    let data_view = ids::data_view(catalogue, &rule.of);
    let pattern = ids::DATA_VIEWS.iter().find(|(id, ..)| *id == data_view);
    Ok(json!({
        "index": pattern.map(|(_, pattern, _)| pattern),
        "window": format!("{window}s"),
        "fires": fires,
        "equivalent": if rule.by.len() > 1 { json!(["nested terms for multi_terms"]) } else { json!([]) },
        "body": {"size": 0, "track_total_hits": true, "query": {"bool": {"filter": [range, query]}}, "aggs": aggregations},
    }))
}

/// Bodies of `POST /api/observability/slos`, which needs a platinum licence.
pub fn slos(source: &Source) -> Vec<Value> {
    source.slos.iter().map(slo).collect()
}

fn slo(slo: &Slo) -> Value {
    let filter = Maker::query(&slo.of, None);
    json!({
        "id": format!("brokerbeat-{}", slo.id),
        "name": format!("[brokerbeat] {}", slo.name),
        "description": slo.description,
        "indicator": {"type": "sli.kql.custom", "params": {
            "index": ids::DATA_VIEWS[0].1, "filter": filter, "good": slo.good, "total": slo.total, "timestampField": "@timestamp",
        }},
        "timeWindow": {"duration": format!("{}d", slo.days), "type": "rolling"},
        "budgetingMethod": "occurrences",
        "objective": {"target": slo.target},
        "groupBy": slo.by,
        "tags": ["brokerbeat"],
    })
}
