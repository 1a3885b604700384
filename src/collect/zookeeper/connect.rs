//! Servers as Kafka's `zookeeper.connect` has them: `zk1:2181,zk2:2181/kafka`. Pure.

/// The servers, and the path behind the last of them, the chroot, if there is one.
pub fn split(text: &str) -> (Vec<&str>, Option<&str>) {
    let (hosts, chroot) = text.split_at(text.find('/').unwrap_or(text.len()));
    let hosts = hosts.split(',').map(str::trim).collect();
    (hosts, Some(chroot).filter(|chroot| chroot.len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_parted_by_commas_and_the_path_stands_behind_the_last() {
        for (text, hosts, chroot) in [
            ("zk1", vec!["zk1"], None),
            (
                "zk1:2181, zk2/kafka",
                vec!["zk1:2181", "zk2"],
                Some("/kafka"),
            ),
            (
                "[::1]:2181,zk2/a/b",
                vec!["[::1]:2181", "zk2"],
                Some("/a/b"),
            ),
            ("zk1/", vec!["zk1"], None),
            ("zk1,,zk2", vec!["zk1", "", "zk2"], None),
            ("/kafka", vec![""], Some("/kafka")),
        ] {
            assert_eq!(split(text), (hosts, chroot), "{text}");
        }
    }
}
