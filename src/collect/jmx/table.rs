//! The presets of one target made ready: which beans to ask for, which attributes, what becomes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jmx_rmi::{ObjectName, ObjectNameError};
use thiserror::Error;

use super::budget::{Member, Selection};
use super::catalogue::{FieldType, field_types};
use super::own;
use super::preset::{self, Group, Keyed, Kind, Line, PRESETS, PresetError};

/// Types of all fields.
type Types = HashMap<String, FieldType>;

/// All presets and own tables of a target.
#[derive(Debug)]
pub(super) struct Table {
    beans: Vec<Bean>,
    /// Places in `beans` by domain and `type`; a pattern whose `type` is open or absent has none.
    index: HashMap<(String, Option<String>), Vec<usize>>,
    /// Places in `beans` of patterns that leave the domain open.
    of_any_domain: Vec<usize>,
    /// Names of the presets and own tables, each with the part that says whether the JVM has it.
    wanted: Vec<(String, String)>,
    sorts: Vec<Sort>,
    max_members: usize,
}

/// Documents of one dataset and kind whose number is bounded by the budget.
#[derive(Debug)]
pub(super) struct Sort {
    pub(super) dataset: String,
    pub(super) kind: String,
    pub(super) keyed: Keyed,
    /// Fields whose sum ranks the members.
    pub(super) rank: Vec<String>,
    /// Whether they are counters.
    pub(super) is_counter: bool,
}

/// One pattern and what to read of the beans that match it.
#[derive(Debug)]
pub(super) struct Bean {
    pub(super) pattern: ObjectName,
    pub(super) source: Arc<Source>,
    pub(super) entries: Vec<Entry>,
    /// Place of its sort in the table, where the budget counts its members.
    pub(super) sort: Option<usize>,
}

/// The group that a pattern stands in.
#[derive(Debug)]
pub(super) struct Source {
    /// Name of the part; `table <name>` for the user's own table.
    pub(super) part: String,
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
    /// The same of the attribute that is 0 while this one is unknown.
    pub(super) measured: Option<Vec<String>>,
    pub(super) line: Line,
    pub(super) field_type: FieldType,
    /// Whether the field ranks the members of its sort.
    pub(super) is_rank: bool,
}

/// Why presets make no table.
#[derive(Debug, Error)]
pub(super) enum TableError {
    #[error("preset {0} cannot be read")]
    Preset(&'static str, #[source] PresetError),
    #[error("{0} has a wrong bean pattern")]
    Pattern(String, #[source] ObjectNameError),
    #[error("field {0} is not in the field catalogue")]
    Field(String),
}

impl Table {
    /// The table of these presets with the usual budget.
    #[cfg(test)]
    pub(super) fn new(names: &[String]) -> Result<Self, TableError> {
        Self::with(names, Vec::new(), super::budget::MEMBERS)
    }

    /// The table of these presets and of the user's own tables. Names that are no presets are passed over (the
    /// configuration refuses them). `max_members`: the budget of each sort.
    pub(super) fn with(
        names: &[String],
        own: Vec<Group>,
        max_members: usize,
    ) -> Result<Self, TableError> {
        let mut types = field_types();
        let mut table = Self {
            beans: Vec::new(),
            index: HashMap::new(),
            of_any_domain: Vec::new(),
            wanted: Vec::new(),
            sorts: Vec::new(),
            max_members,
        };
        table.add_presets(names, &types)?;
        for group in own {
            types.extend(own::field_types(&group));
            // No preset's part is called so, whatever the name of the table.
            let part = format!("table {}", group.kind);
            table.wanted.push((part.clone(), part.clone()));
            table.add(&part, Keyed::Address, group, &types)?;
        }
        table.assign_sorts();
        Ok(table)
    }

    fn add_presets(&mut self, names: &[String], types: &Types) -> Result<(), TableError> {
        let mut added = BTreeSet::new();
        for (name, parts) in PRESETS {
            let [main, ..] = parts else { continue };
            if !names.iter().any(|wanted| wanted == name) {
                continue;
            }
            let shown = format!("preset {name}");
            self.wanted.push((shown, main.name.to_owned()));
            for part in parts.iter().filter(|part| added.insert(part.name)) {
                let preset = preset::parse(part.text)
                    .map_err(|error| TableError::Preset(part.name, error))?;
                for group in preset.groups {
                    self.add(part.name, preset.identity, group, types)?;
                }
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        part: &str,
        keyed: Keyed,
        group: Group,
        types: &Types,
    ) -> Result<(), TableError> {
        let source = Arc::new(Source::new(part, keyed, group, types)?);
        self.add_sort(keyed, &source.group);
        let first = self.beans.len();
        for line in &source.group.lines {
            let entry = Entry::new(line, &source.group, types)?;
            for pattern in source.group.patterns(line) {
                let pattern = ObjectName::parse(&pattern)
                    .map_err(|error| TableError::Pattern(part.to_owned(), error))?;
                let mut own = self.beans.iter_mut().skip(first);
                match own.find(|bean| bean.pattern == pattern) {
                    Some(bean) => bean.entries.push(entry.clone()),
                    None => self.push(Bean {
                        pattern,
                        source: Arc::clone(&source),
                        entries: vec![entry.clone()],
                        sort: None,
                    }),
                }
            }
        }
        Ok(())
    }

    fn add_sort(&mut self, keyed: Keyed, group: &Group) {
        let Some(rank) = &group.rank else { return };
        let ranks = |line: &&Line| rank.contains(&line.field);
        let is_counter = |line: &Line| line.kind == Kind::Counter;
        self.sorts.push(Sort {
            dataset: group.dataset.clone(),
            kind: group.kind.clone(),
            keyed,
            rank: rank.clone(),
            is_counter: group.lines.iter().filter(ranks).any(is_counter),
        });
    }

    /// A sort counts for all groups of its dataset and kind, whichever of them names it.
    fn assign_sorts(&mut self) {
        for bean in &mut self.beans {
            let group = &bean.source.group;
            let mut sorts = self.sorts.iter();
            bean.sort =
                sorts.position(|sort| sort.dataset == group.dataset && sort.kind == group.kind);
        }
    }

    fn push(&mut self, bean: Bean) {
        let domain = bean.pattern.domain().to_owned();
        let places = match domain.contains(['*', '?']) {
            true => &mut self.of_any_domain,
            false => {
                let place = (domain, literal_type(&bean.pattern));
                self.index.entry(place).or_default()
            }
        };
        places.push(self.beans.len());
        self.beans.push(bean);
    }

    /// Names of the presets and own tables in it, each with the part that says whether the JVM has it.
    pub(super) fn wanted(&self) -> &[(String, String)] {
        &self.wanted
    }

    /// The sort at this place.
    pub(super) fn sort(&self, place: usize) -> &Sort {
        &self.sorts[place]
    }

    /// Members of each sort that may have documents.
    pub(super) fn max_members(&self) -> usize {
        self.max_members
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

    /// All that a bean is read for. Patterns of a group may overlap: the bean is read for the first of them alone, or
    /// else it would be added to a sum twice.
    pub(super) fn matching(&self, name: &ObjectName) -> impl Iterator<Item = &Bean> {
        let domain = name.domain().to_owned();
        let typed = name
            .key("type")
            .and_then(|kind| self.index.get(&(domain.clone(), Some(kind.to_owned()))));
        let untyped = self.index.get(&(domain, None));
        let places = typed.into_iter().chain(untyped).flatten();
        let places = places.chain(&self.of_any_domain);
        let beans = places.filter_map(|place| self.beans.get(*place));
        let mut matching: Vec<&Bean> = Vec::new();
        for bean in beans.filter(|bean| bean.pattern.matches(name) && !bean.is_excepted(name)) {
            if !matching.iter().any(|earlier| bean.repeats(earlier)) {
                matching.push(bean);
            }
        }
        matching.into_iter()
    }

    /// Whether any line is about the bean.
    pub(super) fn is_wanted(&self, name: &ObjectName) -> bool {
        self.matching(name).next().is_some()
    }

    /// The attributes to read of a bean, each once; none if the bean is not wanted or left out.
    pub(super) fn attributes(&self, name: &ObjectName, selection: &Selection) -> Vec<String> {
        let mut wanted = BTreeSet::new();
        let taken = self
            .matching(name)
            .filter(|bean| selection.takes(bean, name));
        for entry in taken.flat_map(|bean| &bean.entries) {
            let paths = [Some(&entry.path), entry.measured.as_ref()];
            let names = paths.into_iter().flatten().filter_map(|path| path.first());
            wanted.extend(names.cloned());
        }
        wanted.into_iter().collect()
    }

    #[cfg(test)]
    pub(super) fn beans(&self) -> &[Bean] {
        &self.beans
    }
}

impl Source {
    fn new(part: &str, keyed: Keyed, group: Group, types: &Types) -> Result<Self, TableError> {
        let typed = |field: &String| Ok((field.clone(), type_of(types, field)?));
        let key_types = group
            .keys
            .values()
            .map(typed)
            .collect::<Result<_, TableError>>()?;
        Ok(Self {
            part: part.to_owned(),
            keyed,
            group,
            key_types,
        })
    }
}

impl Entry {
    fn new(line: &Line, group: &Group, types: &Types) -> Result<Self, TableError> {
        let field_type = match line.kind.has_field() {
            false => FieldType::Keyword,
            true => type_of(types, &line.field)?,
        };
        let rank = group.rank.as_deref().unwrap_or_default();
        Ok(Self {
            is_rank: rank.contains(&line.field),
            path: line.path(),
            measured: line.measured(),
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
    /// What tells a bean's document from others of its sort; `None` for what there is once.
    pub(super) fn member(&self, name: &ObjectName) -> Option<Member> {
        let group = &self.source.group;
        if own::is_own(group) {
            return Some(vec![own::bean_name(group, name)]);
        }
        let keys = group.keys.iter();
        let mut member: Member = keys
            .filter_map(|(property, field)| Some(format!("{field}={}", name.key(property)?)))
            .collect();
        // By field: two groups of a sort may have different names for the same key.
        member.sort_unstable();
        (!member.is_empty()).then_some(member)
    }

    /// Whether all that it reads of a bean another pattern of its group reads, too.
    fn repeats(&self, other: &Self) -> bool {
        let same = |a: &Entry, b: &Entry| a.line.field == b.line.field && a.path == b.path;
        let read = |entry: &Entry| other.entries.iter().any(|known| same(entry, known));
        Arc::ptr_eq(&self.source, &other.source) && self.entries.iter().all(read)
    }

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
