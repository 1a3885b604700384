//! What cannot be known of an ensemble's members, for people. Pure.

use super::roster::{Member, Roster};
use super::view::MAX_MEMBERS;

impl Roster {
    /// What cannot be known of the members, a sentence each.
    pub(super) fn gaps(&self, members: &[Member]) -> Vec<String> {
        let mut gaps = Vec::new();
        let unasked = members
            .iter()
            .filter(|member| member.address.is_none() && member.digest.is_none());
        let ids: Vec<String> = unasked.map(Member::key).collect();
        if !ids.is_empty() {
            gaps.push(format!(
                "the configuration of the ensemble has no client port or only a loopback address of its server(s) {}; list \
                 them in `zookeeper.hosts`",
                ids.join(", ")
            ));
        }
        gaps.extend(self.gap_of_names());
        let view = self.view.as_ref();
        if let Some(more) = view.map(|view| view.left_out).filter(|more| *more > 0) {
            gaps.push(format!(
                "the ensemble has {more} more members than the {MAX_MEMBERS} that are looked at"
            ));
        }
        if view.is_some_and(|view| view.is_weighted) {
            let what = "the votes of the ensemble have groups or weights: how many servers are needed is not told";
            gaps.push(what.to_owned());
        }
        gaps
    }

    fn gap_of_names(&self) -> Option<String> {
        let nameless = self.nameless();
        let addresses: Vec<&str> = nameless.iter().map(|host| &*host.address).collect();
        (!addresses.is_empty()).then(|| {
            format!(
                "which members {} are is not known: they tell no server id, and the configuration of the ensemble has other \
                 addresses; write them in `zookeeper.hosts` as there, or open `conf`",
                addresses.join(", ")
            )
        })
    }
}
