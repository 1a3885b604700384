//! Kafka's own command-line tools, as second opinion and for the little administration that tests need.

use std::time::Duration;

use super::{GroupRow, GroupState, Kafka, KafkaVersion, groups};
use crate::error::Result;
use crate::java;
use crate::jmx::jmx_dump_with;
use crate::wait;

const LIMIT: Duration = Duration::from_secs(60);
/// For a few thousand partitions, each of which is a folder with some files.
const MANY: Duration = Duration::from_secs(180);

impl Kafka {
    /// Makes a topic.
    pub fn create_topic(&self, name: &str, partitions: u32, replicas: u16) -> Result<()> {
        let (partitions, replicas) = (partitions.to_string(), replicas.to_string());
        let size = [
            "--partitions",
            &partitions,
            "--replication-factor",
            &replicas,
        ];
        self.topic_tool(&[&["--create", "--topic", name], &size[..]].concat())
    }

    /// Makes a topic of many partitions and waits until this broker leads them all: it must be the only one. The admin
    /// tool itself gives up earlier than a broker needs for thousands of files.
    pub fn create_large_topic(&self, name: &str, partitions: u32) -> Result<()> {
        self.create_topic(name, partitions, 1)?;
        let pattern = format!("kafka.cluster:type=Partition,name=ReplicasCount,topic={name},*");
        wait::wait_until(&format!("{partitions} partitions of {name}"), MANY, || {
            let found = jmx_dump_with(self.jmx_access(), &[&pattern]).ok()?;
            let led = found
                .iter()
                .filter(|read| read.value == Ok(1.into()))
                .count();
            (led == partitions as usize).then_some(())
        })
    }

    /// Makes a topic with settings of its own, `message.timestamp.type=LogAppendTime` …
    pub fn create_topic_with(&self, name: &str, partitions: u32, settings: &[&str]) -> Result<()> {
        let partitions = partitions.to_string();
        let mut args = vec!["--create", "--topic", name, "--partitions", &partitions];
        args.extend(settings.iter().flat_map(|setting| ["--config", setting]));
        self.topic_tool(&args)
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        self.topic_tool(&["--delete", "--topic", name])
    }

    /// What `kafka-consumer-groups.sh --describe` says about a group, or about all of them.
    pub fn describe_groups(&self, group: Option<&str>) -> Result<Vec<GroupRow>> {
        let which = group.map_or(vec!["--all-groups"], |group| vec!["--group", group]);
        Ok(groups::parse(&self.group_tool("--describe", &which)?))
    }

    /// Deletes a group that has no members.
    pub fn delete_group(&self, group: &str) -> Result<()> {
        self.group_tool("--delete", &["--group", group]).map(drop)
    }

    /// What it says with `--state` about all groups.
    pub fn group_states(&self) -> Result<Vec<GroupState>> {
        let printed = self.group_tool("--describe", &["--all-groups", "--state"])?;
        Ok(groups::parse_states(&printed))
    }

    fn group_tool(&self, action: &str, args: &[&str]) -> Result<String> {
        let main = match self.version {
            KafkaVersion::V2_8 => "kafka.admin.ConsumerGroupCommand",
            KafkaVersion::V3_9 | KafkaVersion::V4_2 => {
                "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
            }
        };
        let bootstrap = self.bootstrap();
        let args = [&["--bootstrap-server", &bootstrap, action], args].concat();
        self.run_tool(main, &args)
    }

    /// Runs any main class from this Kafka's class path and gives what it printed.
    pub fn run_tool(&self, main: &str, args: &[&str]) -> Result<String> {
        java::run(&self.version.package().class_path()?, main, args, LIMIT)
    }

    fn topic_tool(&self, args: &[&str]) -> Result<()> {
        let main = match self.version {
            KafkaVersion::V2_8 => "kafka.admin.TopicCommand",
            KafkaVersion::V3_9 | KafkaVersion::V4_2 => "org.apache.kafka.tools.TopicCommand",
        };
        let bootstrap = self.bootstrap();
        self.run_tool(main, &[&["--bootstrap-server", &bootstrap], args].concat())?;
        Ok(())
    }
}
