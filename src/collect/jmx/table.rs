//! The presets of one target made ready: which beans to ask for, which attributes, what becomes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jmx_rmi::{ObjectName, ObjectNameError};
use thiserror::Error;

use super::catalogue::{FieldType, field_types};
use super::preset::{self, Group, Keyed, Kind, Line, PRESETS, PresetError};

/// The attribute that says how many samples a histogram has.
pub(super) const SAMPLES: &str = "Count";

/// Types of all fields.
type Types = HashMap<String, FieldType>;

/// All presets of a target.
#[derive(Debug)]
pub(super) struct Table {
    beans: Vec<Bean>,
    /// Places in `beans` by domain and `type`; a pattern whose `type` is open or absent has none.
    index: HashMap<(String, Option<String>), Vec<usize>>,
    presets: Vec<&'static str>,
}

/// One pattern and what to read of the beans that match it.
#[derive(Debug)]
pub(super) struct Bean {
    pub(super) pattern: ObjectName,
    pub(super) source: Arc<Source>,
    pub(super) entries: Vec<Entry>,
}

/// The group that a pattern stands in.
#[derive(Debug)]
pub(super) struct Source {
    /// Name of the preset.
    pub(super) preset: &'static str,
    pub(super) keyed: Keyed,
    pub(super) group: Group,
    /// Types of the group's key fields.
    pub(super) key_types: BTreeMap<String, FieldType>,
}

/// One attribute to read.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The attribute and the way into its composites.
    pub(super) path: Vec<String>,
    pub(super) line: Line,
    pub(super) field_type: FieldType,
}

/// Why presets make no table.
#[derive(Debug, Error)]
pub(super) enum TableError {
    #[error("preset {0} cannot be read")]
    Preset(&'static str, #[source] PresetError),
    #[error("preset {0} has a wrong bean pattern")]
    Pattern(&'static str, #[source] ObjectNameError),
    #[error("field {0} is not in the field catalogue")]
    Field(String),
}

impl Table {
    /// The table of these presets; names that are none are passed over (the configuration refuses them).
    pub(super) fn new(names: &[String]) -> Result<Self, TableError> {
        let types = field_types();
        let mut table = Self {
            beans: Vec::new(),
            index: HashMap::new(),
            presets: Vec::new(),
        };
        for (name, text) in PRESETS {
            if !names.iter().any(|wanted| wanted == name) {
                continue;
            }
            table.presets.push(name);
            let preset = preset::parse(text).map_err(|error| TableError::Preset(name, error))?;
            for group in preset.groups {
                table.add(name, preset.identity, group, &types)?;
            }
        }
        Ok(table)
    }

    fn add(
        &mut self,
        preset: &'static str,
        keyed: Keyed,
        group: Group,
        types: &Types,
    ) -> Result<(), TableError> {
        let source = Arc::new(Source::new(preset, keyed, group, types)?);
        let first = self.beans.len();
        for line in &source.group.lines {
            let entry = Entry::new(line, types)?;
            for pattern in source.group.patterns(line) {
                let pattern = ObjectName::parse(&pattern)
                    .map_err(|error| TableError::Pattern(preset, error))?;
                let mut own = self.beans.iter_mut().skip(first);
                match own.find(|bean| bean.pattern == pattern) {
                    Some(bean) => bean.entries.push(entry.clone()),
                    None => self.push(Bean {
                        pattern,
                        source: Arc::clone(&source),
                        entries: vec![entry.clone()],
                    }),
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, bean: Bean) {
        let place = (
            bean.pattern.domain().to_owned(),
            literal_type(&bean.pattern),
        );
        self.index.entry(place).or_default().push(self.beans.len());
        self.beans.push(bean);
    }

    /// Names of the presets in it.
    pub(super) fn presets(&self) -> &[&'static str] {
        &self.presets
    }

    /// What to ask the server's directory for: one pattern a domain and `type`, and the patterns themselves where
    /// they have no `type`. Never whole domains: a broker has ten beans a partition.
    pub(super) fn queries(&self) -> Vec<ObjectName> {
        let widened = |bean: &Bean| match literal_type(&bean.pattern) {
            Some(kind) => {
                ObjectName::parse(&format!("{}:type={kind},*", bean.pattern.domain())).ok()
            }
            None => None,
        };
        let all: BTreeSet<ObjectName> = self
            .beans
            .iter()
            .map(|bean| widened(bean).unwrap_or_else(|| bean.pattern.clone()))
            .collect();
        all.into_iter().collect()
    }

    /// All that a bean is read for.
    pub(super) fn matching(&self, name: &ObjectName) -> impl Iterator<Item = &Bean> {
        let domain = name.domain().to_owned();
        let typed = name
            .key("type")
            .and_then(|kind| self.index.get(&(domain.clone(), Some(kind.to_owned()))));
        let untyped = self.index.get(&(domain, None));
        typed
            .into_iter()
            .chain(untyped)
            .flatten()
            .filter_map(|place| self.beans.get(*place))
            .filter(|bean| bean.pattern.matches(name) && !bean.is_excepted(name))
    }

    /// The attributes wanted of a bean, each once; none if the bean is not wanted.
    pub(super) fn attributes(&self, name: &ObjectName) -> Vec<String> {
        let mut wanted = BTreeSet::new();
        for entry in self.matching(name).flat_map(|bean| &bean.entries) {
            wanted.extend(entry.path.first().cloned());
            if entry.line.kind == Kind::Sample {
                wanted.insert(SAMPLES.to_owned());
            }
        }
        wanted.into_iter().collect()
    }

    #[cfg(test)]
    pub(super) fn beans(&self) -> &[Bean] {
        &self.beans
    }
}

impl Source {
    fn new(
        preset: &'static str,
        keyed: Keyed,
        group: Group,
        types: &Types,
    ) -> Result<Self, TableError> {
        let typed = |field: &String| Ok((field.clone(), type_of(types, field)?));
        let key_types = group
            .keys
            .values()
            .map(typed)
            .collect::<Result<_, TableError>>()?;
        Ok(Self {
            preset,
            keyed,
            group,
            key_types,
        })
    }
}

impl Entry {
    fn new(line: &Line, types: &Types) -> Result<Self, TableError> {
        let field_type = match line.kind {
            Kind::ClusterId => FieldType::Keyword,
            _ => type_of(types, &line.field)?,
        };
        Ok(Self {
            path: line.path(),
            line: line.clone(),
            field_type,
        })
    }
}

fn type_of(types: &Types, field: &str) -> Result<FieldType, TableError> {
    let known = types.get(field).copied();
    known.ok_or_else(|| TableError::Field(field.to_owned()))
}

impl Bean {
    fn is_excepted(&self, name: &ObjectName) -> bool {
        let mut except = self.source.group.except.iter();
        except.any(|(property, value)| name.key(property) == Some(value))
    }
}

/// The value of `type`, where the pattern does not leave it open.
fn literal_type(pattern: &ObjectName) -> Option<String> {
    let value = pattern.key("type")?;
    (!value.contains(['*', '?'])).then(|| value.to_owned())
}
