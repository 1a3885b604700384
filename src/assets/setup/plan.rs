//! What `setup` would do: a look at everything before the first change.

use serde_json::Value;

use super::SetupError;
use super::conflicts::{Conflict, conflicts};
use super::diff::{Difference, differences};
use super::installed::Installed;
use super::normal::normal;
use crate::assets::{Asset, AssetKind, Owner, VERSION};
use crate::ship::elasticsearch::elastic::Elastic;

/// How an asset stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is not there.
    New,
    /// It is there as it should be.
    Same,
    /// It is there and differs.
    Changed(Vec<Difference>),
    /// A policy that somebody has changed since it was put: other times may be the only thing that keeps documents.
    Edited(Vec<Difference>),
    /// It is there, of this higher version.
    Newer(u64),
    /// Somebody else's has its name.
    Foreign,
}

/// One asset and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is wanted.
    pub asset: Asset,
    /// What is there.
    pub state: State,
}

impl Step {
    /// Whether `setup` puts it; a newer one only where that is wished, see [`Plan::obstacles`], and what was edited see
    /// [`Plan::overwrite`].
    pub fn is_put(&self) -> bool {
        !matches!(self.state, State::Same | State::Edited(_))
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// All assets in the order of installation.
    pub steps: Vec<Step>,
    /// What of others stands in the way.
    pub conflicts: Vec<Conflict>,
}

impl Plan {
    /// Puts what was edited, too.
    pub fn overwrite(&mut self) {
        for step in &mut self.steps {
            if let State::Edited(places) = &mut step.state {
                step.state = State::Changed(std::mem::take(places));
            }
        }
    }

    /// Leaves alone what a newer agent has put: what all datasets share is good for this one, too.
    pub fn leave_newer(&mut self) {
        self.steps
            .retain(|step| !matches!(step.state, State::Newer(_)));
    }

    /// What stays as somebody has made it: a sentence each.
    pub fn edited(&self) -> impl Iterator<Item = String> {
        let steps = self.steps.iter();
        let edited = steps.filter(|step| matches!(step.state, State::Edited(_)));
        edited.map(|step| {
            let path = step.asset.path();
            format!("{path} was changed by somebody and stays as it is; `setup --ilm --overwrite` puts the agent's own")
        })
    }

    /// Why nothing may be done: a sentence each, with the choices. With `downgrade` newer assets are no reason.
    pub fn obstacles(&self, downgrade: bool) -> Vec<String> {
        let mut said: Vec<String> = self
            .steps
            .iter()
            .filter(|step| step.state == State::Foreign)
            .map(|step| {
                let path = step.asset.path();
                format!("{path} is there and is not the agent's (it has no `_meta.managed_by: brokerbeat`): save it under another name and delete it")
            })
            .collect();
        said.extend(self.conflicts.iter().map(ToString::to_string));
        let newer = self.steps.iter().filter_map(|step| match step.state {
            State::Newer(version) => Some((version, step.asset.path())),
            _ => None,
        });
        let newer: Vec<_> = newer.collect();
        if let Some((version, path)) = newer.iter().max()
            && !downgrade
        {
            said.push(format!(
                "{} of the installed assets are newer ({path}: version {version}, this agent has {VERSION}): run `setup` of the newer agent, or `setup --downgrade` to put the older ones",
                newer.len()
            ));
        }
        said
    }
}

/// Looks at everything these assets may meet.
pub async fn plan(
    elastic: &Elastic,
    assets: Vec<Asset>,
    namespace: &str,
) -> Result<Plan, SetupError> {
    let mut kinds: Vec<AssetKind> = assets.iter().map(|asset| asset.kind).collect();
    kinds.sort();
    kinds.dedup();
    let installed = Installed::read(elastic, &kinds, &assets).await?;
    Ok(compare(assets, &installed, namespace))
}

fn compare(assets: Vec<Asset>, installed: &Installed, namespace: &str) -> Plan {
    let ours: Vec<&Asset> = assets
        .iter()
        .filter(|asset| asset.kind == AssetKind::Index)
        .collect();
    let conflicts = conflicts(&ours, &installed.index_templates, namespace);
    let steps = assets.into_iter().map(|asset| Step {
        state: state(&asset, installed),
        asset,
    });
    Plan {
        steps: steps.collect(),
        conflicts,
    }
}

fn state(asset: &Asset, installed: &Installed) -> State {
    if asset.kind == AssetKind::Custom {
        return match installed.has_custom(&asset.name) {
            true => State::Same,
            false => State::New,
        };
    }
    let Some(there) = installed.get(asset) else {
        return State::New;
    };
    match installed.owner(asset.kind, &asset.name, there) {
        Owner::Foreign => return State::Foreign,
        Owner::Ours(version) if version > VERSION => return State::Newer(version),
        Owner::Ours(_) => {}
    }
    let there = normal(asset.kind, there);
    let differences = differences(&there, &normal(asset.kind, &asset.body));
    match differences.is_empty() {
        true => State::Same,
        false if is_edited(&there) => State::Edited(differences),
        false => State::Changed(differences),
    }
}

/// Whether a policy, in its normal form, is not what was put.
fn is_edited(policy: &Value) -> bool {
    let put = policy.pointer("/policy/_meta/phases");
    put.is_some() && put != policy.pointer("/policy/phases")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::setup::installed::IndexTemplate;
    use serde_json::json;

    fn pipeline(name: &str, version: u64) -> Asset {
        Asset {
            kind: AssetKind::Pipeline,
            name: name.to_owned(),
            body: json!({"version": version, "_meta": {"managed_by": "brokerbeat", "version": version}, "processors": []}),
        }
    }

    /// How what is wanted stands where this is installed.
    fn planned(there: Option<Value>) -> Plan {
        let wanted = pipeline("brokerbeat-x", VERSION);
        let mut installed = Installed::default();
        if let Some(body) = there {
            installed.insert(AssetKind::Pipeline, "brokerbeat-x", body);
        }
        compare(vec![wanted], &installed, "default")
    }

    #[test]
    fn an_asset_is_new_the_same_changed_newer_or_foreign() {
        assert_eq!(planned(None).steps[0].state, State::New);
        let same = pipeline("", VERSION).body;
        let plan = planned(Some(same.clone()));
        assert_eq!(plan.steps[0].state, State::Same);
        assert!(!plan.steps[0].is_put() && plan.obstacles(false).is_empty());

        let plan = planned(Some(pipeline("", VERSION - 1).body));
        let State::Changed(differences) = &plan.steps[0].state else {
            panic!("{plan:?}")
        };
        assert!(differences.iter().all(Difference::is_version));
        assert!(plan.steps[0].is_put() && plan.obstacles(false).is_empty());

        let plan = planned(Some(
            json!({"processors": [], "_meta": {"managed_by": "me"}}),
        ));
        assert_eq!(plan.steps[0].state, State::Foreign);
        let said = plan.obstacles(true);
        assert!(
            said[0].contains("/_ingest/pipeline/brokerbeat-x is there"),
            "{said:?}"
        );
    }

    #[test]
    fn a_newer_one_is_put_only_where_that_is_wished() {
        let plan = planned(Some(pipeline("", VERSION + 1).body));
        assert_eq!(plan.steps[0].state, State::Newer(VERSION + 1));
        let said = plan.obstacles(false);
        assert!(said[0].contains("--downgrade"), "{said:?}");
        assert!(
            said[0].contains(&format!("version {}", VERSION + 1)),
            "{said:?}"
        );
        assert!(plan.obstacles(true).is_empty());
        let mut plan = plan;
        plan.leave_newer();
        assert!(plan.steps.is_empty() && plan.obstacles(false).is_empty());
    }

    #[test]
    fn a_policy_that_somebody_has_changed_stays_unless_it_is_wished_away() {
        let policy = |version: u64, put: &str, now: &str| {
            let phases = |age: &str| json!({"delete": {"min_age": age, "actions": {"delete": {}}}});
            json!({"policy": {
                "_meta": {"managed_by": "brokerbeat", "version": version, "phases": phases(put)},
                "phases": phases(now),
            }})
        };
        let planned = |there: Value| {
            let wanted = Asset {
                kind: AssetKind::Policy,
                name: "brokerbeat-x".to_owned(),
                body: policy(VERSION, "90d", "90d"),
            };
            let mut installed = Installed::default();
            installed.insert(AssetKind::Policy, "brokerbeat-x", there);
            compare(vec![wanted], &installed, "default")
        };
        let mut plan = planned(policy(VERSION - 1, "30d", "365d"));
        assert!(matches!(plan.steps[0].state, State::Edited(_)), "{plan:?}");
        assert!(!plan.steps[0].is_put() && plan.obstacles(false).is_empty());
        assert_eq!(plan.edited().count(), 1);
        plan.overwrite();
        assert!(plan.steps[0].is_put() && plan.edited().count() == 0);
        for untouched in [
            policy(VERSION - 1, "30d", "30d"),
            // Before it was noted what was put.
            json!({"policy": {"_meta": {"managed_by": "brokerbeat", "version": 1}, "phases": {}}}),
        ] {
            let plan = planned(untouched);
            assert!(matches!(plan.steps[0].state, State::Changed(_)), "{plan:?}");
        }
    }

    #[test]
    fn a_users_own_component_is_made_once_and_never_compared() {
        let custom = Asset {
            kind: AssetKind::Custom,
            name: "x@custom".to_owned(),
            body: json!({"template": {}}),
        };
        let mut installed = Installed::default();
        let plan = compare(vec![custom.clone()], &installed, "default");
        assert_eq!(plan.steps[0].state, State::New);
        installed.insert_custom("x@custom");
        let plan = compare(vec![custom], &installed, "default");
        assert_eq!(plan.steps[0].state, State::Same);
    }

    #[test]
    fn a_server_without_marks_is_believed_by_name() {
        let planned = |there: Value| {
            let mut wanted = pipeline("brokerbeat-x", VERSION);
            wanted.body.as_object_mut().unwrap().remove("_meta");
            let assets = vec![wanted];
            let mut installed = Installed::beside(&assets);
            installed.insert(AssetKind::Pipeline, "brokerbeat-x", there);
            compare(assets, &installed, "default").steps[0]
                .state
                .clone()
        };
        let older = planned(json!({"version": VERSION - 1, "processors": []}));
        assert!(matches!(older, State::Changed(_)), "{older:?}");
        for foreign in [
            json!({"processors": []}),
            json!({"version": VERSION, "_meta": {"managed_by": "me"}, "processors": []}),
        ] {
            assert_eq!(planned(foreign), State::Foreign, "ours have a version");
        }
    }

    #[test]
    fn a_conflict_is_an_obstacle_even_where_nothing_of_ours_is_there() {
        let ours = Asset {
            kind: AssetKind::Index,
            name: "brokerbeat-jvm".to_owned(),
            body: json!({"index_patterns": ["metrics-brokerbeat.jvm-*"], "priority": 501}),
        };
        let mut installed = Installed::default();
        let mine = IndexTemplate::new("mine", "metrics-*", 501, Owner::Foreign);
        installed.index_templates.push(mine);
        let plan = compare(vec![ours], &installed, "default");
        assert_eq!(plan.obstacles(true).len(), 1);
    }
}
