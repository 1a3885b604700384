//! Alerting rules: made for this Kibana and this agent, compared with what is there, created or updated.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::client::{Kibana, Sent, Version};
use super::config::DEFAULT_SPACE;
use super::error::KibanaError;

/// The rules, one a line: body, template, variables, guide.
pub const RULES: &str = include_str!("../../kibana/rules.ndjson");

/// The agent's default interval, of which the windows are multiples.
const INTERVAL: f64 = 10.0;

/// The guide and the dashboards of a rule are taken from here on.
const ARTIFACTS: Version = (9, 1);

/// The key of an action that the API gives and does not take.
const NOT_TAKEN: &str = "connector_type_id";

/// What a rule is compared by: the rest is the user's.
const COMPARED: [&str; 3] = ["name", "schedule", "params"];

/// The user's, beside whether the rule is on: an update that leaves one out takes it away.
const USERS: [&str; 6] = [
    "actions",
    "tags",
    "alert_delay",
    "flapping",
    "notify_when",
    "throttle",
];

/// For whom rules are made.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// Kibana's version.
    pub version: Version,
    /// The space.
    pub space: &'a str,
    /// The agent's interval.
    pub interval: Duration,
    /// Ids of our data views and dashboards where this space has other ones.
    pub ids: BTreeMap<String, String>,
}

impl Setting<'_> {
    fn id_of(&self, ours: &Value) -> Value {
        let there = ours.as_str().and_then(|id| self.ids.get(id));
        there.map_or_else(|| ours.clone(), |id| id.as_str().into())
    }

    /// Whether the id here is told: in another space a dashboard may have one of its own, or not be there.
    fn is_known(&self, ours: &Value) -> bool {
        let told = ours.as_str().is_some_and(|id| self.ids.contains_key(id));
        told || self.space == DEFAULT_SPACE
    }
}

/// A rule of ours, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its id in Kibana: one and the same at each time in this space.
    pub id: String,
    /// Its short name.
    pub name: String,
    /// What `POST /api/alerting/rule/<id>` takes.
    pub body: Value,
}

/// How a rule stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It is not there.
    New,
    /// It asks what ours asks.
    Same(There),
    /// It differs in these keys.
    Differs(There, Vec<String>),
}

/// What is kept of a rule that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct There {
    is_enabled: bool,
    /// By key.
    users: Map<String, Value>,
}

/// One rule and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is wanted.
    pub rule: Rule,
    /// What is there.
    pub state: State,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// Made.
    pub created: usize,
    /// Replaced.
    pub updated: usize,
    /// Switched on, those that were made with it among them.
    pub enabled: usize,
    /// Those that Kibana does not take, and why.
    pub refused: Vec<(String, KibanaError)>,
}

/// The rules for this setting.
pub fn rules(setting: &Setting<'_>) -> Vec<Rule> {
    let entries = RULES
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("the generator writes JSON"));
    entries.map(|entry| rule(&entry, setting)).collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn rule(entry: &Value, setting: &Setting<'_>) -> Rule {
    let mut body = resolve(&entry["template"], &values(entry, setting.interval));
    let index = &mut body["params"]["searchConfiguration"]["index"];
    *index = setting.id_of(index);
    if setting.version >= ARTIFACTS {
        let dashboards = entry["dashboards"].as_array().into_iter().flatten();
        let dashboards: Vec<Value> = dashboards
            .filter(|id| setting.is_known(id))
            .map(|id| json!({"id": setting.id_of(id)}))
            .collect();
        body["artifacts"] = json!({
            "dashboards": dashboards,
            "investigation_guide": {"blob": entry["guide"]},
        });
    }
    Rule {
        id: id_in(&word(&entry["id"]), setting.space),
        name: word(&entry["rule"]),
        body,
    }
}

/// Ids of rules are taken once in all spaces: each space has its own ones.
fn id_in(id: &str, space: &str) -> String {
    if space == DEFAULT_SPACE {
        return id.to_owned();
    }
    let hash = Sha256::digest(format!("{id} in {space}"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    // Of version 5: Kibana takes no others than 1 to 5.
    uuid::Builder::from_sha1_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Values of the variables; windows are so many intervals of this agent.
fn values(entry: &Value, interval: Duration) -> Map<String, Value> {
    let variables = entry["variables"].as_object().into_iter().flatten();
    let values = variables.map(|(name, variable)| {
        let value = &variable["value"];
        let value = match (name.as_str(), value.as_f64()) {
            ("window", Some(seconds)) => {
                let window = seconds / INTERVAL * interval.as_secs_f64();
                let least = variable["least"].as_f64().unwrap_or(0.0);
                // A whole number of seconds is all that Kibana takes.
                json!(window.max(least).round() as u64)
            }
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    values.collect()
}

/// The template with its `${variables}`: one that is a whole text becomes a number.
fn resolve(template: &Value, values: &Map<String, Value>) -> Value {
    match template {
        Value::String(text) => {
            let whole = values
                .iter()
                .find(|(name, _)| *text == format!("${{{name}}}"));
            if let Some((_, value)) = whole {
                return value.clone();
            }
            let put = |text: String, (name, value): (&String, &Value)| {
                text.replace(&format!("${{{name}}}"), &value.to_string())
            };
            values.iter().fold(text.clone(), put).into()
        }
        Value::Array(items) => items.iter().map(|item| resolve(item, values)).collect(),
        Value::Object(entries) => {
            let entries = entries.iter();
            let resolved = entries.map(|(key, value)| (key.clone(), resolve(value, values)));
            Value::Object(resolved.collect())
        }
        other => other.clone(),
    }
}

/// Looks how each of them stands.
pub async fn plan(kibana: &Kibana, rules: Vec<Rule>) -> Result<Vec<Step>, KibanaError> {
    let mut steps = Vec::new();
    for rule in rules {
        let path = format!("/api/alerting/rule/{}", rule.id);
        let answer = kibana
            .ask(Method::GET, &path, Sent::Nothing, &[200, 404])
            .await?;
        let state = match answer.status {
            404 => State::New,
            _ => state(&rule.body, &answer.json()),
        };
        steps.push(Step { rule, state });
    }
    Ok(steps)
}

fn state(ours: &Value, theirs: &Value) -> State {
    let users = USERS.iter().filter_map(|key| {
        let value = theirs.get(*key).filter(|value| !value.is_null())?;
        Some(((*key).to_owned(), value.clone()))
    });
    let there = There {
        is_enabled: theirs["enabled"] == true,
        users: users.collect(),
    };
    let mut places = Vec::new();
    for key in COMPARED {
        differences(key, &ours[key], &theirs[key], &mut places);
    }
    match places.is_empty() {
        true => State::Same(there),
        false => State::Differs(there, places),
    }
}

/// Where theirs says something else than ours. What it says beyond that is a default of its Kibana's.
fn differences(place: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in ours {
                let there = theirs.get(key).unwrap_or(&Value::Null);
                differences(&format!("{place}.{key}"), value, there, found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (index, (one, other)) in ours.iter().zip(theirs).enumerate() {
                differences(&format!("{place}[{index}]"), one, other, found);
            }
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        _ if ours == theirs => {}
        _ => found.push(place.to_owned()),
    }
}

/// Makes what is new, replaces what differs where that is wished, and switches on what is to be on. A rule that Kibana refuses costs
/// only itself: all of them are tried.
pub async fn apply(
    kibana: &Kibana,
    steps: &[Step],
    overwrite: bool,
    enable: bool,
) -> Result<Done, KibanaError> {
    let mut done = Done::default();
    for step in steps {
        match apply_one(kibana, step, overwrite, enable, &mut done).await {
            Err(error @ KibanaError::Refused { status: 400, .. }) => {
                done.refused.push((step.rule.name.clone(), error));
            }
            other => other?,
        }
    }
    Ok(done)
}

async fn apply_one(
    kibana: &Kibana,
    Step { rule, state }: &Step,
    overwrite: bool,
    enable: bool,
    done: &mut Done,
) -> Result<(), KibanaError> {
    let path = format!("/api/alerting/rule/{}", rule.id);
    let there = match state {
        State::New => {
            let mut body = rule.body.clone();
            body["enabled"] = enable.into();
            kibana
                .ask(Method::POST, &path, Sent::Json(&body), &[200])
                .await?;
            done.created += 1;
            done.enabled += usize::from(enable);
            return Ok(());
        }
        State::Differs(there, _) if overwrite => {
            let body = update(&rule.body, &there.users);
            kibana
                .ask(Method::PUT, &path, Sent::Json(&body), &[200])
                .await?;
            done.updated += 1;
            there
        }
        State::Same(there) | State::Differs(there, _) => there,
    };
    if enable && !there.is_enabled {
        let path = format!("{path}/_enable");
        kibana
            .ask(Method::POST, &path, Sent::Nothing, &[200, 204])
            .await?;
        done.enabled += 1;
    }
    Ok(())
}

/// Tags whose values are the agent's.
fn is_of_ours(tag: &str) -> bool {
    tag.starts_with("severity:") || tag.starts_with("rule:")
}

/// What an update takes: without what cannot change, with what the user has added. Of the tags both have theirs.
fn update(body: &Value, users: &Map<String, Value>) -> Value {
    let mut body = body.clone();
    let ours = body["tags"].take();
    if let Some(body) = body.as_object_mut() {
        for key in ["rule_type_id", "consumer", "enabled"] {
            body.remove(key);
        }
        body.extend(users.clone());
    }
    let actions = body["actions"].as_array_mut().into_iter().flatten();
    for action in actions.filter_map(Value::as_object_mut) {
        action.remove(NOT_TAKEN);
    }
    let mut tags = body["tags"].as_array().cloned().unwrap_or_default();
    // An older version's severity would stand beside the new one.
    tags.retain(|tag| !tag.as_str().is_some_and(is_of_ours));
    let missing = ours.as_array().into_iter().flatten();
    let missing = missing.filter(|tag| !tags.contains(tag)).cloned();
    body["tags"] = tags.iter().cloned().chain(missing).collect();
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(version: Version, space: &str, seconds: u64) -> Vec<Rule> {
        rules(&Setting {
            version,
            space,
            interval: Duration::from_secs(seconds),
            ids: [("brokerbeat-metrics".to_owned(), "other".to_owned())].into(),
        })
    }

    fn named<'a>(rules: &'a [Rule], name: &str) -> &'a Rule {
        rules.iter().find(|rule| rule.name == name).unwrap()
    }

    #[test]
    fn windows_follow_the_interval_and_ids_the_space() {
        let rules = made((9, 1), "default", 30);
        let stopped = named(&rules, "group-stopped");
        assert_eq!(stopped.body["params"]["timeWindowSize"], 90);
        assert_eq!(
            stopped.body["params"]["searchConfiguration"]["index"],
            "other"
        );
        assert_eq!(
            stopped.body["artifacts"]["dashboards"][0]["id"],
            "brokerbeat-lag"
        );
        assert!(!serde_json::to_string(&stopped.body).unwrap().contains("${"));
        let gone = named(&rules, "agent-gone");
        assert_eq!(gone.body["params"]["criteria"][0]["timeSize"], 90);
        // What one document tells is seen however short the interval is.
        let event = named(&made((9, 1), "default", 2), "isr-shrinks")
            .body
            .clone();
        assert_eq!(event["params"]["timeWindowSize"], 90);

        let other = made((9, 1), "ops", 30);
        let other = named(&other, "group-stopped");
        assert_ne!(other.id, stopped.id);
        assert_eq!(other.id.len(), stopped.id.len());
        assert_eq!(
            other.id,
            named(&made((9, 1), "ops", 10), "group-stopped").id
        );
    }

    #[test]
    fn an_older_kibana_gets_what_it_takes() {
        let rules = made((8, 19), "default", 10);
        let has_one = |rule: &Rule| rule.body.get("artifacts").is_some();
        assert!(!rules.iter().any(has_one));
        // Where another space may have given the dashboards other ids, nothing is said of them.
        let rules = made((9, 1), "ops", 10);
        let dashboards = rules
            .iter()
            .map(|rule| &rule.body["artifacts"]["dashboards"]);
        assert!(dashboards.into_iter().all(|all| *all == json!([])));
        assert!(rules.iter().all(has_one));
    }

    #[test]
    fn what_kibana_adds_is_no_difference_and_a_threshold_is_one() {
        let rules = made((9, 1), "default", 10);
        let ours = &named(&rules, "group-stopped").body;
        let mut theirs = ours.clone();
        theirs["params"]["sourceFields"] = json!([]);
        theirs["tags"] = json!(["mine"]);
        assert!(matches!(state(ours, &theirs), State::Same(_)));
        theirs["params"]["threshold"] = json!([5]);
        theirs["schedule"]["interval"] = json!("5m");
        let State::Differs(_, places) = state(ours, &theirs) else {
            panic!("a threshold is one");
        };
        assert_eq!(places, ["schedule.interval", "params.threshold[0]"]);
    }

    #[test]
    fn an_update_keeps_what_is_the_users_and_sends_nothing_that_cannot_change() {
        let rules = made((9, 1), "default", 10);
        let ours = &rules[0].body;
        let mut theirs = ours.clone();
        theirs["name"] = "other".into();
        theirs["tags"] = json!(["mine", "severity:older"]);
        theirs["alert_delay"] = json!({"active": 3});
        theirs["throttle"] = Value::Null;
        theirs["actions"] = json!([{"id": "mail", "group": "query matched", "params": {}, "connector_type_id": ".email"}]);
        let State::Differs(there, _) = state(ours, &theirs) else {
            panic!("the name is one");
        };
        let body = update(ours, &there.users);
        assert_eq!(
            body["actions"],
            json!([{"id": "mail", "group": "query matched", "params": {}}])
        );
        assert_eq!(body["alert_delay"], json!({"active": 3}));
        let tags = body["tags"].as_array().unwrap();
        assert_eq!(tags[0], "mine");
        assert_eq!(tags.len(), 1 + ours["tags"].as_array().unwrap().len());
        for key in ["rule_type_id", "consumer", "enabled", "throttle"] {
            assert!(body.get(key).is_none(), "{key}");
        }
        assert_eq!(body["name"], ours["name"]);
        assert!(body["params"].is_object());
    }
}
