//! `disks:` of a cluster.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Disks;
use super::fetch::Directories;
use super::map::Owners;
use crate::collect::{Common, Sharing, TargetPlan};
use crate::config::Section;

/// A broker has as many disks as its machine has slots.
const MOST_DIRECTORIES: usize = 100;

/// Reads `disks: {directories: [...], interval: ...}`: one target for all of this machine.
pub(super) fn read(cluster: &mut Section<'_>, common: &Common) -> Vec<TargetPlan> {
    let Some(mut section) = cluster.section("disks") else {
        return Vec::new();
    };
    let interval = section.duration(
        "interval",
        Duration::from_secs(1)..=Duration::from_secs(3600),
    );
    let directories = Arc::new(directories(&mut section));
    if directories.is_empty() {
        return Vec::new();
    }
    vec![TargetPlan {
        name: format!("disks {}", common.host_name),
        address: common.host_name.clone(),
        interval,
        phase: None,
        sharing: Sharing::Own,
        build: Arc::new(move || {
            Box::new(Disks {
                directories: Directories::new(&directories),
                owners: Owners::default(),
            })
        }),
    }]
}

fn directories(section: &mut Section<'_>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let written = section.texts("directories");
    if written.is_empty() {
        section.problem(
            "directories",
            "is empty; write what stands in `log.dirs` of the broker on this machine",
        );
    }
    for text in written {
        let path = PathBuf::from(&text);
        if !path.is_absolute() {
            section.problem(
                "directories",
                format!(
                    "`{text}` is no absolute path; write it as it stands in the broker's `log.dirs`"
                ),
            );
        } else if !paths.contains(&path) {
            paths.push(path);
        }
    }
    if paths.len() > MOST_DIRECTORIES {
        section.problem(
            "directories",
            format!(
                "are {}; more than {MOST_DIRECTORIES} are not looked at",
                paths.len()
            ),
        );
        paths.truncate(MOST_DIRECTORIES);
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Findings;

    /// The directories of a section, and what is wrong with it.
    fn read_of(text: &str) -> (Vec<PathBuf>, Vec<String>) {
        let findings = Findings::default();
        let node = crate::yaml::parse(text).unwrap();
        let tree = crate::config::build(&node, &|_| None, &findings.problems);
        let mut section = Section::new(&tree, "disks", &findings);
        let paths = directories(&mut section);
        drop(section);
        let problems = findings.problems.into_sorted();
        (paths, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn directories_are_absolute_and_looked_at_once() {
        let (paths, problems) = read_of("directories: [/kafka/a, /kafka/b/, /kafka/b]");
        assert_eq!(
            paths,
            [PathBuf::from("/kafka/a"), PathBuf::from("/kafka/b")]
        );
        assert_eq!(problems, [""; 0]);
        let (paths, problems) = read_of("directories: kafka/a");
        assert!(paths.is_empty());
        assert!(
            problems[0].contains("`kafka/a` is no absolute path"),
            "{problems:?}"
        );
        let (_, problems) = read_of("directories: []");
        assert!(problems[0].contains("log.dirs"), "{problems:?}");
    }
}
