//! What the ensemble is → documents. Pure.

use serde_json::Value;

use super::digest::{Digest, Mode, Report};
use super::roster::{Member, Roster};
use super::sight::Sight;
use crate::document::Document;

/// `zookeeper.ensemble.servers.*` and `.names.*`: a word, and which members it is about.
type Group = (&'static str, &'static str, fn(&Member) -> bool);

const GROUPS: [Group; 5] = [
    (
        "zookeeper.ensemble.servers.followers",
        "zookeeper.ensemble.names.followers",
        |member| mode(member) == Some(Mode::Follower),
    ),
    (
        "zookeeper.ensemble.servers.observers",
        "zookeeper.ensemble.names.observers",
        |member| mode(member) == Some(Mode::Observer),
    ),
    (
        "zookeeper.ensemble.servers.not_serving",
        "zookeeper.ensemble.names.not_serving",
        |member| state(member) == "not_serving",
    ),
    (
        "zookeeper.ensemble.servers.not_answering",
        "zookeeper.ensemble.names.not_answering",
        |member| state(member) == "not_answering",
    ),
    (
        "zookeeper.ensemble.servers.unknown",
        "zookeeper.ensemble.names.unknown",
        |member| state(member) == "unknown",
    ),
];

fn mode(member: &Member) -> Option<Mode> {
    member.report().map(|report| report.mode)
}

fn state(member: &Member) -> &'static str {
    match &member.digest {
        Some(Digest::Serves(report)) if report.mode == Mode::ReadOnly => "not_serving",
        Some(Digest::Serves(_)) => "serves",
        Some(Digest::NotServing) => "not_serving",
        Some(Digest::Silent(_)) => "not_answering",
        Some(Digest::Untold(_)) | None => "unknown",
    }
}

/// One document for the ensemble, and one for each member. `name`: the hosts by which it is reached.
pub(super) fn documents(name: &str, roster: &Roster, sight: &Sight<'_>) -> Vec<Document> {
    let mut documents = vec![whole(name, roster, sight)];
    let members = sight.members.iter();
    documents.extend(members.map(|member| one(name, member, sight)));
    documents
}

fn whole(name: &str, roster: &Roster, sight: &Sight<'_>) -> Document {
    let quorum = &sight.quorum;
    let version = roster.view.as_ref().and_then(|view| view.version);
    let behind = sight
        .members
        .iter()
        .filter_map(|member| sight.behind(member));
    let document = Document::new("zookeeper.ensemble", "ensemble")
        .key("zookeeper.ensemble.name", name)
        .with("zookeeper.ensemble.servers.total", sight.members.len())
        .with_some("zookeeper.ensemble.quorum.size", quorum.size)
        .with_some("zookeeper.ensemble.quorum.majority", quorum.majority)
        .with_some("zookeeper.ensemble.quorum.serving", quorum.serving)
        .with_some("zookeeper.ensemble.quorum.margin", quorum.margin())
        .with_some("zookeeper.ensemble.behind.max", behind.max())
        .with_some("zookeeper.ensemble.members_from", sight.source.as_str())
        .with_some(
            "zookeeper.ensemble.configuration_version",
            version.map(|version| format!("{version:x}")),
        );
    let mut document = with_leader(document, sight);
    with_groups(&mut document, sight.members);
    with_split(&mut document, sight);
    if !sight.gaps.is_empty() {
        document.set("zookeeper.ensemble.gaps", sight.gaps.to_vec());
    }
    document
}

fn with_leader(document: Document, sight: &Sight<'_>) -> Document {
    let Some((leader, report)) = sight.leader else {
        return document;
    };
    document
        .with_some(
            "zookeeper.ensemble.leader.id",
            leader.id.map(|id| id.to_string()),
        )
        .with_some(
            "zookeeper.ensemble.leader.address",
            leader.address.as_deref(),
        )
        .with_some("zookeeper.ensemble.epoch", report.epoch())
        .with_some("zookeeper.ensemble.zxid", hexadecimal(report.zxid))
        .with_some(
            "zookeeper.ensemble.synced_followers",
            report.synced_followers,
        )
}

fn with_groups(document: &mut Document, members: &[Member]) {
    for (count, names, is) in GROUPS {
        let group = members.iter().filter(|member| is(member));
        let group: Vec<String> = group.map(Member::name).collect();
        document.set(count, group.len());
        if !group.is_empty() {
            document.set(names, group);
        }
    }
}

fn with_split(document: &mut Document, sight: &Sight<'_>) {
    let found = &sight.disagreements;
    document.set("zookeeper.ensemble.split.view", !found.is_empty());
    if !found.is_empty() {
        let about: Vec<Value> = found.iter().map(|one| one.about.into()).collect();
        let sentences: Vec<Value> = found
            .iter()
            .map(|one| one.sentence.clone().into())
            .collect();
        document.set("zookeeper.ensemble.split.about", about);
        document.set("zookeeper.ensemble.split.sentences", sentences);
    }
}

fn one(name: &str, member: &Member, sight: &Sight<'_>) -> Document {
    let report = member.report();
    let why = match &member.digest {
        Some(Digest::Silent(why) | Digest::Untold(why)) => Some(why.as_str()),
        _ => None,
    };
    Document::new("zookeeper.ensemble", "member")
        .elsewhere()
        .key("zookeeper.ensemble.name", name)
        .key("zookeeper.server.id", member.key())
        .with_some("service.address", member.address.as_deref())
        .with("zookeeper.ensemble.member.state", state(member))
        .with("zookeeper.ensemble.member.has_vote", member.has_vote)
        .with_some(
            "zookeeper.ensemble.member.mode",
            mode(member).map(Mode::as_str),
        )
        .with_some(
            "zookeeper.ensemble.member.zxid",
            report.and_then(|report| hexadecimal(report.zxid)),
        )
        .with_some(
            "zookeeper.ensemble.member.epoch",
            report.and_then(Report::epoch),
        )
        .with_some("zookeeper.ensemble.member.behind", sight.behind(member))
        .with_some(
            "zookeeper.ensemble.member.version",
            report.and_then(|report| report.version.as_deref()),
        )
        .with_some("zookeeper.ensemble.member.error", why)
}

/// As `srvr` has it.
fn hexadecimal(zxid: Option<u64>) -> Option<String> {
    zxid.map(|zxid| format!("{zxid:#x}"))
}
