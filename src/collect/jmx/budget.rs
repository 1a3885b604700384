//! The cardinality budget: of topics, partitions and clients there may be very many.
//!
//! A *sort* is what groups of one dataset and kind have documents about, a *member* is one of them: the sort `topic` of a
//! broker, the member `orders`. Where a sort has more members than the target's budget, those that matter most have
//! documents, and one more document says how many were left out and how much they make. Nothing is cut off silently.
//!
//! Members are ranked whenever the directory is made anew, by a *census*: the ranking figure of each member, and of
//! nothing else, in one pipelined read. A counter counts by its growth since the census before, a gauge by its value;
//! equal ones go by name. A member that is in stays in until it falls [clearly](slack) behind, so that two of almost
//! equal weight do not take turns.
//!
//! There is no sum of the *counters* of those left out: it would fall whenever a member moves up, and a counter that
//! falls reads as a restart. Instead there is what they grew by in a second between the last two censuses. What all
//! members make together stands in the server's own beans (`kafka.broker.net.in.bytes`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jmx_rmi::{Attributes, ObjectName, Read};

use super::map::attribute;
use super::table::{Bean, Table};

/// Members that have documents, of each sort, unless the configuration says another number.
pub(super) const MEMBERS: usize = 500;

/// Keys as text: what tells members of a sort apart.
pub(super) type Member = Vec<String>;

/// Which members have documents.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selection {
    /// By the sort's place in the table. A sort that is not here has few enough members.
    limited: BTreeMap<usize, Limited>,
}

/// A sort with too many members.
#[derive(Debug, Clone, PartialEq)]
struct Limited {
    /// When the members were ranked.
    at: Instant,
    chosen: BTreeSet<Member>,
    /// The ranking figures as the last census found them; a counter's is its count.
    figures: BTreeMap<Member, f64>,
    rest: Rest,
}

/// What is left out of a sort.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rest {
    /// Members in all.
    pub(super) members: usize,
    /// Members without documents.
    pub(super) left_out: usize,
    /// The ranking figure of all members: of a gauge the sum, of a counter the growth in a second since the census
    /// before; `None` at the first one.
    pub(super) total: Option<f64>,
    /// The same of those left out.
    pub(super) sum: Option<f64>,
}

impl Selection {
    /// Whether the bean is read for that pattern.
    pub(super) fn takes(&self, bean: &Bean, name: &ObjectName) -> bool {
        let Some(limited) = bean.sort.and_then(|sort| self.limited.get(&sort)) else {
            return true;
        };
        bean.member(name)
            .is_none_or(|member| limited.chosen.contains(&member))
    }

    /// Sorts of which members are left out.
    pub(super) fn rests(&self) -> impl Iterator<Item = (usize, &Rest)> {
        self.limited
            .iter()
            .map(|(sort, limited)| (*sort, &limited.rest))
    }
}

/// The members of the sorts that have too many, before they are ranked.
#[derive(Debug)]
pub(super) struct Census {
    at: Instant,
    members: BTreeMap<usize, BTreeSet<Member>>,
    reads: Vec<Read>,
}

impl Census {
    /// Counts the members of all sorts, now.
    pub(super) fn new(table: &Table, names: &[ObjectName]) -> Self {
        Self::at(Instant::now(), table, names)
    }

    /// Counts the members of all sorts.
    pub(super) fn at(at: Instant, table: &Table, names: &[ObjectName]) -> Self {
        let mut members: BTreeMap<usize, BTreeSet<Member>> = BTreeMap::new();
        for name in names {
            for bean in table.matching(name) {
                if let (Some(sort), Some(member)) = (bean.sort, bean.member(name)) {
                    members.entry(sort).or_default().insert(member);
                }
            }
        }
        members.retain(|_, members| members.len() > table.max_members());
        let mut census = Self {
            at,
            members,
            reads: Vec::new(),
        };
        if !census.members.is_empty() {
            let wanted = names.iter().filter_map(|name| census.read(table, name));
            census.reads = wanted.collect();
        }
        census
    }

    fn read(&self, table: &Table, name: &ObjectName) -> Option<Read> {
        let mut attributes = BTreeSet::new();
        for (_, bean) in self.ranked(table, name) {
            let entries = bean.entries.iter().filter(|entry| entry.is_rank);
            attributes.extend(entries.filter_map(|entry| entry.path.first().cloned()));
        }
        (!attributes.is_empty()).then(|| Read {
            name: name.clone(),
            attributes: attributes.into_iter().collect(),
        })
    }

    fn ranked<'a>(
        &'a self,
        table: &'a Table,
        name: &'a ObjectName,
    ) -> impl Iterator<Item = (usize, &'a Bean)> {
        table
            .matching(name)
            .filter_map(|bean| Some((bean.sort?, bean)))
            .filter(|(sort, _)| self.members.contains_key(sort))
    }

    /// What to read before the members can be ranked.
    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Ranks the members. `answers`: what the reads gave, in order; those that gave nothing come last.
    pub(super) fn choose(
        self,
        table: &Table,
        answers: &[Attributes],
        before: &Selection,
    ) -> Selection {
        let mut figures: BTreeMap<usize, BTreeMap<Member, f64>> = BTreeMap::new();
        for (read, attributes) in self.reads.iter().zip(answers) {
            for (sort, bean) in self.ranked(table, &read.name) {
                let Some(member) = bean.member(&read.name) else {
                    continue;
                };
                let sum = figures.entry(sort).or_default().entry(member).or_default();
                *sum += figure(bean, attributes);
            }
        }
        let mut limited = BTreeMap::new();
        for (sort, members) in self.members {
            let figures = figures.remove(&sort).unwrap_or_default();
            let before = before.limited.get(&sort);
            let is_counter = table.sort(sort).is_counter;
            let ranked = rank(members, &figures, before.filter(|_| is_counter));
            let chosen = before.map(|before| &before.chosen);
            let chosen = pick(&ranked, chosen, table.max_members());
            let seconds = match is_counter {
                true => before.map(|before| (self.at - before.at).as_secs_f64()),
                false => Some(1.0),
            };
            let sort_limited = Limited {
                at: self.at,
                rest: rest(&ranked, &chosen, seconds),
                chosen,
                figures,
            };
            limited.insert(sort, sort_limited);
        }
        Selection { limited }
    }
}

/// What a bean adds to its member's ranking figure; nothing known is nothing.
fn figure(bean: &Bean, attributes: &Attributes) -> f64 {
    let ranks = bean.entries.iter().filter(|entry| entry.is_rank);
    ranks
        .filter_map(|entry| attribute(attributes, &entry.path)?.as_f64())
        .filter(|figure| figure.is_finite())
        .sum()
}

/// Members with their weights, the heaviest first.
fn rank(
    members: BTreeSet<Member>,
    figures: &BTreeMap<Member, f64>,
    before: Option<&Limited>,
) -> Vec<(Member, f64)> {
    let weight = |member: &Member| {
        let now = figures.get(member).copied().unwrap_or_default();
        match before.and_then(|before| before.figures.get(member)) {
            // A counter that fell began anew.
            Some(then) if *then <= now => now - then,
            _ => now,
        }
    };
    let mut ranked: Vec<(Member, f64)> = members
        .into_iter()
        .map(|member| {
            let weight = weight(&member);
            (member, weight)
        })
        .collect();
    // The sort is stable and the members came in the order of their names.
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranked
}

/// The places around the limit that those keep who have them.
fn slack(max: usize) -> usize {
    max / 10
}

/// The members that have documents: the heaviest; at the limit first those that had some before.
fn pick(
    ranked: &[(Member, f64)],
    before: Option<&BTreeSet<Member>>,
    max: usize,
) -> BTreeSet<Member> {
    let members = || ranked.iter().map(|(member, _)| member);
    let had_some = |member: &&Member| before.is_some_and(|before| before.contains(*member));
    let heaviest = members().take(max - slack(max));
    let kept = members().take(max + slack(max)).filter(had_some);
    let mut chosen = BTreeSet::new();
    for member in heaviest.chain(kept).chain(members()) {
        if chosen.len() >= max {
            break;
        }
        chosen.insert(member.clone());
    }
    chosen
}

/// `seconds`: what the weights are divided by; none if they are counts since the server's start.
fn rest(ranked: &[(Member, f64)], chosen: &BTreeSet<Member>, seconds: Option<f64>) -> Rest {
    let seconds = seconds.filter(|seconds| *seconds > 0.0);
    let each_second = |weight: f64| seconds.map(|seconds| weight / seconds);
    let left = ranked.iter().filter(|(member, _)| !chosen.contains(member));
    Rest {
        members: ranked.len(),
        left_out: ranked.len() - chosen.len(),
        total: each_second(ranked.iter().map(|(_, weight)| weight).sum()),
        sum: each_second(left.map(|(_, weight)| weight).sum()),
    }
}
