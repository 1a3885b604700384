//! The least roles for setting up and for shipping, and a key for the latter.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use serde_json::{Value, json};

use super::diff::differences;
use super::{SetupError, State, put};
use crate::assets::{Feature, Owner, Product, Server, VERSION, owner_of, templates::meta};
use crate::config::Secret;
use crate::ship::elasticsearch::elastic::{Elastic, ElasticError};

/// Installs the assets; reads and writes no document.
pub const SETUP: &str = "brokerbeat_setup";
/// Ships documents, and the name of the key for it.
pub const SHIP: &str = "brokerbeat_ship";

/// The agent's data streams.
const STREAMS: [&str; 2] = ["metrics-brokerbeat.*", "logs-brokerbeat.*"];
const HAS_PRIVILEGES: &str = "/_security/user/_has_privileges";
const API_KEY: &str = "/_security/api_key";

/// Elasticsearch makes the index of its security with the first role, and answers 503 until the shard of it is there.
const MAKING: (u32, Duration) = (20, Duration::from_millis(500));

/// As [`Elastic::json`], asked again while that index is being made.
async fn ask(
    elastic: &Elastic,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Option<Value>, ElasticError> {
    let (times, pause) = MAKING;
    for _ in 1..times {
        match elastic.json(method.clone(), path, body).await {
            Err(ElasticError::Refused { status: 503, .. }) => tokio::time::sleep(pause).await,
            answer => return answer,
        }
    }
    elastic.json(method, path, body).await
}

/// A role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: &'static str,
    /// Its body.
    pub body: Value,
}

impl Role {
    /// Path of the request that makes it.
    pub fn path(&self) -> String {
        format!("/_security/role/{}", self.name)
    }

    /// Name of its file in a folder of exported assets.
    pub fn file_name(&self) -> String {
        format!("security-role/{}.json", self.name)
    }
}

/// The roles that suit the server.
pub fn roles(server: &Server) -> Vec<Role> {
    let mut cluster = vec![
        "monitor",
        "manage_index_templates",
        "manage_ingest_pipelines",
    ];
    if server.has(Feature::Policies) {
        cluster.push("manage_ilm");
    }
    let setup = json!({
        "cluster": cluster,
        "indices": [{"names": STREAMS, "privileges": ["view_index_metadata", "monitor"]}],
        "metadata": meta(),
    });
    let mut ship = shipping();
    ship["metadata"] = meta();
    vec![
        Role {
            name: SETUP,
            body: setup,
        },
        Role {
            name: SHIP,
            body: ship,
        },
    ]
}

/// What a key or user must be allowed that ships: `monitor` to see which template makes a stream, the rest on the streams alone.
fn shipping() -> Value {
    json!({
        "cluster": ["monitor"],
        "indices": [{"names": STREAMS, "privileges": ["auto_configure", "create_doc", "view_index_metadata"]}],
    })
}

/// Why there is nothing to do about roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoles {
    /// Security is off.
    Off,
    /// OpenSearch has security of its own.
    Other,
    /// The user may not.
    NotAllowed,
}

impl NoRoles {
    /// A sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Off => "no roles: security is off in this Elasticsearch",
            Self::Other => {
                "no roles: OpenSearch has security of its own; see Privileges in docs/operations.md for what they must allow"
            }
            Self::NotAllowed => {
                "no roles: this user may not make any (cluster privilege manage_security); take them from `export role`"
            }
        }
    }
}

/// Whether roles can be made and removed here.
pub async fn access(elastic: &Elastic, server: &Server) -> Result<Option<NoRoles>, SetupError> {
    if server.product == Product::OpenSearch {
        return Ok(Some(NoRoles::Other));
    }
    let wanted = json!({"cluster": ["manage_security"]});
    let answer = ask(elastic, Method::POST, HAS_PRIVILEGES, Some(&wanted)).await;
    match answer {
        Ok(Some(answer)) if answer["has_all_requested"] == true => Ok(None),
        Ok(Some(_)) => Ok(Some(NoRoles::NotAllowed)),
        Ok(None) => Ok(Some(NoRoles::Off)),
        Err(error) if is_off(&error) => Ok(Some(NoRoles::Off)),
        Err(error) => Err(SetupError::new("read", HAS_PRIVILEGES, error)),
    }
}

/// Where security is off, its paths are unknown; Elasticsearch 7 says it in words where it was never switched on.
fn is_off(error: &ElasticError) -> bool {
    match error {
        ElasticError::Refused { status: 405, .. } => true,
        ElasticError::Refused {
            status: 400 | 500,
            reason,
            ..
        } => {
            let words = ["no handler found", "explicitly enabled", "not enabled"];
            words.iter().any(|words| reason.contains(words))
        }
        _ => false,
    }
}

/// How a role stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleStep {
    /// What is wanted.
    pub role: Role,
    /// What is there.
    pub state: State,
}

/// Looks at the roles.
pub async fn plan_roles(elastic: &Elastic, server: &Server) -> Result<Vec<RoleStep>, SetupError> {
    let mut steps = Vec::new();
    for role in roles(server) {
        let path = role.path();
        let there = ask(elastic, Method::GET, &path, None).await;
        let there = there.map_err(|source| SetupError::new("read", &path, source))?;
        let there = there.as_ref().and_then(|there| there.get(role.name));
        steps.push(RoleStep {
            state: there.map_or(State::New, |there| state(&role, there)),
            role,
        });
    }
    Ok(steps)
}

/// Why the roles may not be put: a sentence each.
pub fn obstacles(steps: &[RoleStep], downgrade: bool) -> Vec<String> {
    let sentence = |step: &RoleStep| {
        let name = step.role.name;
        match step.state {
            State::Foreign => Some(format!(
                "the role {name} is there and is not the agent's (it has no `metadata.managed_by: brokerbeat`): save it under another name and delete it"
            )),
            State::Newer(version) if !downgrade => Some(format!(
                "the role {name} is newer (version {version}, this agent has {VERSION}): run `setup` of the newer agent, or `setup --downgrade`"
            )),
            _ => None,
        }
    };
    steps.iter().filter_map(sentence).collect()
}

fn state(role: &Role, there: &Value) -> State {
    match owner_of_role(there) {
        Owner::Foreign => return State::Foreign,
        Owner::Ours(version) if version > VERSION => return State::Newer(version),
        Owner::Ours(_) => {}
    }
    let differences = differences(&normal(there), &normal(&role.body));
    match differences.is_empty() {
        true => State::Same,
        false => State::Changed(differences),
    }
}

/// Whose a role or a key is.
pub(super) fn owner_of_role(there: &Value) -> Owner {
    owner_of(Some(&json!({"_meta": there["metadata"]})))
}

/// Without what Elasticsearch adds; the order of privileges does not matter.
fn normal(role: &Value) -> Value {
    let sorted = |list: &Value| {
        let mut texts: Vec<&str> = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        texts.sort_unstable();
        json!(texts)
    };
    let indices = role["indices"].as_array().into_iter().flatten();
    let indices: Vec<Value> = indices
        .map(|index| json!({"names": sorted(&index["names"]), "privileges": sorted(&index["privileges"])}))
        .collect();
    let mut metadata = role["metadata"].clone();
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.remove("agent_version");
    }
    json!({"cluster": sorted(&role["cluster"]), "indices": indices, "metadata": metadata})
}

/// Puts the roles that are not there as they should be.
pub async fn apply_roles(elastic: &Elastic, steps: &[RoleStep]) -> Result<(), SetupError> {
    for step in steps.iter().filter(|step| step.state != State::Same) {
        put(elastic, &step.role.path(), &step.role.body).await?;
    }
    Ok(())
}

/// The valid keys of ours: their ids.
pub async fn keys(elastic: &Elastic) -> Result<Vec<String>, SetupError> {
    let path = format!("{API_KEY}?name={SHIP}");
    let answer = ask(elastic, Method::GET, &path, None).await;
    match answer {
        Ok(answer) => Ok(valid_keys(&answer.unwrap_or_default())),
        // `xpack.security.authc.api_key.enabled: false`.
        Err(error) if is_off(&error) => Ok(Vec::new()),
        Err(source) => Err(SetupError::new("read", &path, source)),
    }
}

fn valid_keys(answer: &Value) -> Vec<String> {
    let keys = answer["api_keys"].as_array().into_iter().flatten();
    keys.filter(|key| key["invalidated"] != true && owner_of_role(key) != Owner::Foreign)
        .filter_map(|key| Some(key["id"].as_str()?.to_owned()))
        .collect()
}

/// Makes a key that can ship and nothing else, as `api_key` takes it.
pub async fn make_key(elastic: &Elastic) -> Result<Secret, SetupError> {
    let wanted = json!({"name": SHIP, "role_descriptors": {SHIP: shipping()}, "metadata": meta()});
    let failed = |source| SetupError::new("make", API_KEY, source);
    let answer = ask(elastic, Method::POST, API_KEY, Some(&wanted)).await;
    let answer = answer.map_err(failed)?.unwrap_or_default();
    match encoded(&answer) {
        Some(key) => Ok(Secret::new(key)),
        // Not with the answer: a part of the key may be in it.
        None => Err(failed(elastic.strange("no key in the answer".to_owned()))),
    }
}

fn encoded(answer: &Value) -> Option<String> {
    let (id, key) = (answer["id"].as_str()?, answer["api_key"].as_str()?);
    Some(BASE64.encode(format!("{id}:{key}")))
}

/// Makes keys useless.
pub(super) async fn invalidate_keys(elastic: &Elastic, ids: &[String]) -> Result<(), SetupError> {
    let answer = elastic
        .json(Method::DELETE, API_KEY, Some(&json!({"ids": ids})))
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(source) => Err(SetupError::new("remove", API_KEY, source)),
    }
}
