//! Events of a member whose id becomes known.

use super::*;

/// It has not told its id yet.
fn without_id(digest: Option<Digest>) -> Option<Digest> {
    let Some(Digest::Serves(report)) = digest else {
        return digest;
    };
    let (id, view) = (None, None);
    Some(Digest::Serves(Report { id, view, ..report }))
}

#[test]
fn a_member_that_tells_its_id_is_the_one_that_had_the_address() {
    let mut watch = Watch::of_three();
    watch.roster.is_untold = true;
    let [first, leader, _] = whole();
    let nameless = [without_id(first), without_id(leader), silent()];
    assert_eq!(watch.events(&nameless), [""; 0]);
    // The leader is the same; the third one was seen to be away.
    assert_eq!(
        watch.events(&whole()),
        ["zookeeper-member-back", "zookeeper-quorum-margin-back"]
    );
    assert_eq!(watch.events(&whole()), [""; 0]);
}

#[test]
fn another_server_at_a_member_s_address_is_another_leader() {
    let mut watch = Watch::new(&["zk1:2181"]);
    watch.tick(&[member(1, Mode::Leader, 1, 9)]);
    let events = watch.events(&[member(2, Mode::Leader, 1, 9)]);
    assert_eq!(events, ["zookeeper-leader-changed"]);
}
