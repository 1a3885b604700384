//! What the members' words together say of the ensemble. Pure.

use super::digest::{Digest, Mode, Report};
use super::roster::{Member, Roster, Source};

/// The ensemble at one tick.
#[derive(Debug)]
pub(super) struct Sight<'a> {
    pub(super) members: &'a [Member],
    pub(super) source: Source,
    pub(super) leader: Option<(&'a Member, &'a Report)>,
    pub(super) quorum: Quorum,
    pub(super) disagreements: Vec<Disagreement>,
    pub(super) gaps: &'a [String],
}

/// How far the ensemble is from losing its majority. What is not known is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quorum {
    /// Members with a vote.
    pub(super) size: Option<u64>,
    /// As many of them are needed.
    pub(super) majority: Option<u64>,
    /// As many of them serve.
    pub(super) serving: Option<u64>,
}

impl Quorum {
    /// How many more voters may fail; below 0 there is no quorum.
    pub(super) fn margin(&self) -> Option<i64> {
        let serving = i64::try_from(self.serving?).ok()?;
        Some(serving - i64::try_from(self.majority?).ok()?)
    }
}

/// Something about which members say different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disagreement {
    /// `leader`, `epoch` or `configuration`.
    pub(super) about: &'static str,
    pub(super) sentence: String,
}

impl<'a> Sight<'a> {
    pub(super) fn of(roster: &Roster, members: &'a [Member], gaps: &'a [String]) -> Self {
        let leader = leader(members);
        Self {
            members,
            source: roster.source(),
            leader,
            quorum: quorum(roster, members, leader.map(|(_, report)| report)),
            disagreements: disagreements(members),
            gaps,
        }
    }

    /// By how many transactions a member is behind the leader.
    pub(super) fn behind(&self, member: &Member) -> Option<u64> {
        let (first, leader) = self.leader?;
        member.report().filter(|_| member != first)?.behind(leader)
    }
}

fn reports(members: &[Member]) -> impl Iterator<Item = (&Member, &Report)> + Clone {
    members
        .iter()
        .filter_map(|member| Some((member, member.report()?)))
}

/// Of several that say they lead, the one of the latest epoch.
fn leader(members: &[Member]) -> Option<(&Member, &Report)> {
    let leaders = reports(members).filter(|(_, report)| report.mode.leads());
    leaders.max_by_key(|(member, report)| {
        let id = (member.id.is_some(), std::cmp::Reverse(member.id));
        (report.epoch(), id)
    })
}

fn quorum(roster: &Roster, members: &[Member], leader: Option<&Report>) -> Quorum {
    let voters = members.iter().filter(|member| member.has_vote);
    let count = |is: fn(&Member) -> bool| voters.clone().filter(|member| is(member)).count();
    let told = reports(members).find_map(|(_, report)| report.quorum_size);
    let size = match (&roster.view, roster.source()) {
        (Some(view), _) => Some(view.voters() + view.left_out),
        (None, _) if told.is_some() => told.and_then(|told| usize::try_from(told).ok()),
        (None, Source::Hosts) => Some(count(|_| true)),
        (None, _) => None,
    };
    let is_weighted = roster.view.as_ref().is_some_and(|view| view.is_weighted);
    let serving = count(|member| {
        member
            .report()
            .is_some_and(|report| report.mode.is_in_quorum())
    });
    // A voter that is not asked may serve all the same; its leader knows.
    let has_all = size.is_some_and(|size| count(is_seen) >= size);
    let by_leader = || Some(leader?.synced_followers? + 1);
    let number = |count: usize| u64::try_from(count).ok();
    Quorum {
        size: size.and_then(number),
        majority: size
            .filter(|_| !is_weighted)
            .map(|size| size / 2 + 1)
            .and_then(number),
        serving: match has_all {
            true => number(serving),
            false => by_leader(),
        },
    }
}

/// Whether it is known whether the member serves.
fn is_seen(member: &Member) -> bool {
    !matches!(member.digest, None | Some(Digest::Untold(_)))
}

fn disagreements(members: &[Member]) -> Vec<Disagreement> {
    let all = [
        ("leader", about_leader(members)),
        ("epoch", about_epoch(members)),
        ("configuration", about_configuration(members)),
    ];
    let found = all.into_iter().filter_map(|(about, sentence)| {
        let sentence = sentence?;
        Some(Disagreement { about, sentence })
    });
    found.collect()
}

/// Two that lead, or one that stands alone beside others.
fn about_leader(members: &[Member]) -> Option<String> {
    let leading = reports(members).filter(|(_, report)| report.mode.leads());
    let leaders: Vec<String> = leading
        .filter(|leader| !is_another_address(*leader, members))
        .map(|(member, report)| format!("{} says {}", member.name(), report.mode.as_str()))
        .collect();
    let mut modes = reports(members).map(|(_, report)| report.mode);
    let is_alone = modes.any(|mode| mode == Mode::Standalone);
    let others = reports(members).filter(|(_, report)| !report.mode.leads());
    let others = others.count();
    match leaders.len() > 1 || (is_alone && others > 0) {
        true if others > 0 && leaders.len() == 1 => Some(format!(
            "{}, and {others} other(s) serve in an ensemble",
            leaders[0]
        )),
        true => Some(leaders.join(", ")),
        false => None,
    }
}

/// An epoch has one leader: one without an id that leads in the same epoch as another is that one.
fn is_another_address((member, report): (&Member, &Report), members: &[Member]) -> bool {
    let is_leader = |report: &Report| report.mode == Mode::Leader;
    let mut same =
        reports(members).filter(|(_, one)| is_leader(one) && one.epoch() == report.epoch());
    let first = same.clone().find(|(one, _)| one.id.is_some());
    let counted = first.or_else(|| same.next());
    is_leader(report)
        && member.id.is_none()
        && counted.is_some_and(|(counted, _)| counted != member)
}

/// A member that has seen a later epoch than the leader.
fn about_epoch(members: &[Member]) -> Option<String> {
    let (leader, report) = leader(members)?;
    let epoch = report.epoch()?;
    let later = reports(members).filter_map(|(member, report)| {
        let seen = report.epoch().filter(|seen| *seen > epoch)?;
        Some(format!("{} is in epoch {seen}", member.name()))
    });
    let later: Vec<String> = later.collect();
    let head = format!("the leader {} is in epoch {epoch}", leader.name());
    (!later.is_empty()).then(|| format!("{head}, {}", later.join(", ")))
}

/// The first pair whose configurations are not the same.
fn about_configuration(members: &[Member]) -> Option<String> {
    let mut views = reports(members).filter_map(|(member, report)| {
        let view = report.view.as_ref()?;
        Some((member, view))
    });
    let (first, view) = views.next()?;
    let (other, its) =
        views.find(|(_, its)| its.version != view.version || !its.has_same_members(view))?;
    let version =
        |version: Option<u64>| version.map_or("?".to_owned(), |version| format!("{version:x}"));
    let what = match its.version == view.version {
        true => "different members in their configuration".to_owned(),
        false => format!(
            "the versions {} and {} of the configuration",
            version(view.version),
            version(its.version)
        ),
    };
    Some(format!("{} and {} have {what}", first.name(), other.name()))
}
