//! `brokerbeat lag` where Kafka's own tool gives no answer, where there is nothing to show, and as it is looked at for
//! long.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use brokerbeat::collect::kafka::memory::hash_partition;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use stack::{GroupRow, Kafka, Options, Process, Signal, wait_until};

use crate::agent::{PATIENCE, Setting, field, of_dataset, search, text};
use crate::servers;

const NAMESPACE: &str = "lag_command";
const TOPIC: &str = "orders";
const GROUPS: usize = 12;
/// Where it does not matter who coordinates them.
const FEW: usize = 4;
const RECORDS: i64 = 7;
/// Of the commands: their cycles end well within it.
const INTERVAL: Duration = Duration::from_secs(10);
/// For a command to start and to say good-bye on a busy machine.
const AROUND: Duration = Duration::from_secs(10);
/// What Kafka's tool is given, in milliseconds.
const TOOL_TIMEOUT: &str = "5000";

fn client(kafka: &Kafka, group: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", group);
    client
}

/// The log is to be there when the other broker is not.
fn create_topic_on(kafka: &Kafka) {
    let (bootstrap, id) = (kafka.bootstrap(), kafka.id().to_string());
    let args = [
        "--bootstrap-server",
        &bootstrap,
        "--create",
        "--topic",
        TOPIC,
    ];
    let args = [&args[..], &["--replica-assignment", &id]].concat();
    let tool = "org.apache.kafka.tools.TopicCommand";
    kafka.run_tool(tool, &args).expect("a topic");
}

fn send(kafka: &Kafka, count: i64) {
    let producer: BaseProducer = client(kafka, "").create().expect("a producer");
    for _ in 0..count {
        let record = BaseRecord::<(), str>::to(TOPIC).partition(0).payload("x");
        producer.send(record).expect("room");
    }
    producer.flush(PATIENCE).expect("the records arrive");
}

fn commit(kafka: &Kafka, group: &str, offset: i64) {
    let consumer: BaseConsumer = client(kafka, group).create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::Offset(offset))
        .unwrap();
    // The first one makes `__consumer_offsets`, which takes its time.
    wait_until("a commit", PATIENCE, || {
        consumer.commit(&list, CommitMode::Sync).ok()
    })
    .expect("a commit");
}

fn names() -> impl Iterator<Item = String> {
    (0..GROUPS).map(|number| format!("group-{number}"))
}

/// Groups by the broker that coordinates them.
fn coordinators(kafka: &Kafka) -> BTreeMap<i32, BTreeSet<String>> {
    let consumer: BaseConsumer = client(kafka, "looking").create().expect("a consumer");
    let metadata = consumer
        .fetch_metadata(Some("__consumer_offsets"), PATIENCE)
        .expect("metadata");
    let partitions = metadata.topics()[0].partitions();
    let count = i32::try_from(partitions.len()).unwrap();
    let mut found = BTreeMap::<i32, BTreeSet<String>>::new();
    for name in names() {
        let wanted = hash_partition(&name, count);
        let partition = partitions.iter().find(|one| Some(one.id()) == wanted);
        let leader = partition.expect("the partition").leader();
        found.entry(leader).or_default().insert(name);
    }
    found
}

fn setting(kafka: &Kafka) -> Setting {
    let text = format!(
        "clusters: [{{name: orders, kafka: {{bootstrap: [\"{}\"]}}}}]\n\
         namespace: {NAMESPACE}\noutput.elasticsearch: {{hosts: [\"{}\"]}}\n",
        kafka.bootstrap(),
        servers::elasticsearch().url(),
    );
    Setting::every(INTERVAL, &text)
}

/// What a command printed, said, and how it ended.
struct Shown {
    code: Option<i32>,
    printed: String,
    said: String,
    took: Duration,
}

fn lag(setting: &Setting, arguments: &[&str]) -> Shown {
    let began = Instant::now();
    let output = setting.command(&[&["lag"], arguments].concat());
    let [printed, said] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    println!("{printed}{said}");
    Shown {
        code: output.status.code(),
        printed,
        said,
        took: began.elapsed(),
    }
}

/// The words of a group's first row behind its name: topic, partition, offsets, lag, seconds, status, reason …
fn row<'a>(printed: &'a str, group: &str) -> Option<Vec<&'a str>> {
    let mut rows = printed.lines().map(str::split_whitespace);
    rows.find_map(|mut words| (words.next() == Some(group)).then(|| words.collect()))
}

fn assert_known(shown: &Shown, group: &str) {
    let row = row(&shown.printed, group).unwrap_or_else(|| panic!("{group} has no row"));
    let lag = RECORDS.to_string();
    let wanted = [TOPIC, "0", "0", &lag, &lag];
    assert_eq!(row[..5], wanted, "{group}");
}

/// The partition and its log end are known, the commit is not, and the reason says why.
fn assert_unknown(shown: &Shown, group: &str, reasons: &[&str]) {
    let row = row(&shown.printed, group).unwrap_or_else(|| panic!("{group} has no row"));
    let end = RECORDS.to_string();
    assert_eq!(row[..5], [TOPIC, "0", "-", &end, "-"], "{group}");
    assert_eq!(row[6], "UNKNOWN", "{group}");
    assert!(reasons.contains(&row[7]), "{group}: {row:?}");
}

/// Kafka's tool, with its own time-out: whatever it does within it, it has no row of these groups. Gives whether it
/// failed.
fn assert_tool_knows_nothing(kafka: &Kafka, arguments: &[&str], groups: &BTreeSet<String>) -> bool {
    let bootstrap = kafka.bootstrap();
    let always = ["--bootstrap-server", &bootstrap, "--describe", "--timeout"];
    let all = [&always[..], &[TOOL_TIMEOUT], arguments].concat();
    let tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let began = Instant::now();
    let printed = match kafka.run_tool(tool, &all) {
        Ok(printed) => printed,
        Err(error) => error.to_string(),
    };
    // Its exit code may be 0 even then.
    let failed = printed.contains("Exception");
    let last = printed.lines().rev().find(|line| !line.trim().is_empty());
    println!(
        "Kafka's tool {arguments:?} after {:?}: {last:?}",
        began.elapsed()
    );
    for group in groups {
        assert_eq!(row(&printed, group), None, "{printed}");
    }
    failed
}

/// A cluster in which nobody ever had a group: nothing is missing, and no number is made up.
fn assert_nothing_to_show(setting: &Setting) {
    let shown = lag(setting, &[]);
    assert_eq!(shown.code, Some(0), "{}", shown.said);
    assert_eq!(shown.printed.lines().count(), 1, "the headings alone");
    assert_eq!(shown.said, "There is no consumer group.\n");
    let shown = lag(setting, &["--group", "billing"]);
    assert_eq!(shown.code, Some(3), "what was asked for is not there");
    assert_eq!(shown.said, "Consumer group 'billing' does not exist.\n");
    let (code, documents, said) = setting.once();
    assert_eq!(code, 0, "{said}");
    let target = of_dataset(&documents, "target")[0];
    assert_eq!(field(target, "brokerbeat.target.faults"), Some(&0.into()));
    for dataset in ["kafka.group", "kafka.group_topic", "kafka.consumergroup"] {
        assert_eq!(of_dataset(&documents, dataset).len(), 0, "{documents:#?}");
    }
    let cluster = of_dataset(&documents, "kafka.cluster")[0];
    assert_eq!(field(cluster, "kafka.cluster.groups"), Some(&0.into()));
    assert_eq!(field(cluster, "kafka.cluster.lag"), None, "{cluster}");
}

/// An agent that sees the groups once and stores what it knows of them.
fn remember(setting: Setting) -> Setting {
    let agent = setting.run();
    wait_until("documents of all groups", PATIENCE, || {
        let stream = format!("metrics-brokerbeat.kafka.group-{NAMESPACE}");
        (search(servers::elasticsearch(), &stream).len() >= GROUPS).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
    agent.stop_clean();
    agent.setting
}

/// The last look of a `lag --json --watch` in which that holds.
fn await_look(watch: &Process, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let read = || {
        let log = std::fs::read_to_string(watch.log()).ok()?;
        let last = log.lines().rev().find(|line| line.starts_with('{'))?;
        let look: Value = serde_json::from_str(last).ok()?;
        holds(&look).then_some(look)
    };
    wait_until(what, PATIENCE, read).unwrap_or_else(|error| {
        let log = std::fs::read_to_string(watch.log()).unwrap_or_default();
        panic!("{error}\n{}", log.lines().last().unwrap_or_default())
    })
}

/// Lag by group in a look; none where it is not known.
fn lags(look: &Value) -> BTreeMap<String, Option<i64>> {
    let documents = look["documents"].as_array().expect("documents").iter();
    let rows = documents.filter(|one| field(one, "kafka.partition.id").is_some());
    let lag = |row: &Value| {
        let lag = field(row, "kafka.consumergroup.consumer_lag").and_then(Value::as_i64);
        (text(row, "kafka.consumergroup.id").to_owned(), lag)
    };
    rows.map(lag).collect()
}

fn missing(look: &Value) -> usize {
    look["missing"].as_array().expect("a list").len()
}

fn await_leaderless(kafka: &Kafka) {
    let consumer: BaseConsumer = client(kafka, "looking").create().expect("a consumer");
    wait_until("partitions without a leader", PATIENCE, || {
        let metadata = consumer.fetch_metadata(Some("__consumer_offsets"), PATIENCE);
        let metadata = metadata.ok()?;
        let mut partitions = metadata.topics().first()?.partitions().iter();
        partitions.any(|one| one.leader() < 0).then_some(())
    })
    .expect("the controller notices");
}

fn stop(watch: &Process) -> String {
    watch.signal(Signal::Int);
    let status = watch.wait(PATIENCE).expect("it ends");
    let log = std::fs::read_to_string(watch.log()).unwrap();
    assert_eq!(status.code(), Some(0), "{log}");
    log
}

#[test]
fn groups_without_a_coordinator_are_named_where_kafkas_tool_gives_up() {
    let options = Options::new().without_jmx();
    let one = Kafka::start_kraft_with(&options).expect("Kafka starts");
    let two = Kafka::join_kraft_with(&one, 2, &options).expect("Kafka starts");
    let setting = setting(&one);
    create_topic_on(&one);
    assert_nothing_to_show(&setting);
    send(&one, RECORDS);
    names().for_each(|name| commit(&one, &name, 0));
    let coordinators = coordinators(&one);
    let (alive, dead) = (&coordinators[&1], &coordinators[&2]);
    let setting = remember(setting);
    let watch = setting.start(&["-E", "interval=2s", "lag", "--json", "--watch"]);
    let look = await_look(&watch, "a look", |look| lags(look).len() == GROUPS);
    assert_eq!(missing(&look), 0, "{look}");
    assert!(lags(&look).values().all(|lag| *lag == Some(RECORDS)));

    // It hangs: Kafka believes in it for some seconds more, in which both ask.
    two.signal(Signal::Stop);
    let shown = std::thread::scope(|scope| {
        scope.spawn(|| assert_tool_knows_nothing(&one, &["--all-groups"], dead));
        lag(&setting, &[])
    });
    assert_parts(
        &shown,
        (alive, dead),
        &["timeout", "coordinator_unavailable"],
    );

    two.kill();
    await_leaderless(&one);
    let shown = lag(&setting, &[]);
    assert_parts(&shown, (alive, dead), &["coordinator_unavailable"]);
    assert!(shown.said.contains("__consumer_offsets"), "{}", shown.said);
    let first = dead.first().expect("a group");
    assert!(assert_tool_knows_nothing(&one, &["--group", first], dead));
    // Here it says nothing of what it leaves out.
    assert_tool_knows_nothing(&one, &["--all-groups"], dead);

    // Where nothing was remembered a group is known if it is asked for by its name, else that groups are missing.
    let elsewhere = self::setting(&one);
    let shown = lag(&elsewhere, &["--group", first]);
    assert_eq!(shown.code, Some(3), "{}", shown.said);
    let row = row(&shown.printed, first).expect("a row");
    assert_eq!(row[6..8], ["UNKNOWN", "coordinator_unavailable"]);
    let shown = lag(&elsewhere, &[]);
    assert_eq!(shown.code, Some(3), "{}", shown.said);
    assert!(shown.said.contains("have no leader"), "{}", shown.said);
    alive.iter().for_each(|group| assert_known(&shown, group));

    let look = await_look(&watch, "a look without the dead broker", |look| {
        let unknown = lags(look).into_iter().filter(|(_, lag)| lag.is_none());
        unknown.map(|(group, _)| group).collect::<BTreeSet<_>>() == *dead
    });
    assert_eq!(lags(&look).len(), GROUPS, "none has vanished");
    assert!(missing(&look) > 0, "{look}");
    let log = stop(&watch);
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}

/// Every group has its row, and the command ends in time.
fn assert_parts(
    shown: &Shown,
    (alive, dead): (&BTreeSet<String>, &BTreeSet<String>),
    reasons: &[&str],
) {
    assert_eq!(shown.code, Some(3), "{}", shown.said);
    assert!(shown.took < INTERVAL + AROUND, "{:?}", shown.took);
    alive.iter().for_each(|group| assert_known(shown, group));
    dead.iter()
        .for_each(|group| assert_unknown(shown, group, reasons));
    assert!(shown.said.contains("Missing: "), "{}", shown.said);
}

#[test]
fn below_the_least_isr_what_was_committed_is_shown() {
    let options = Options::new()
        .set("offsets.topic.replication.factor", "2")
        .set("min.insync.replicas", "2")
        .without_jmx();
    let one = Kafka::start_kraft_with(&options).expect("Kafka starts");
    let two = Kafka::join_kraft_with(&one, 2, &options).expect("Kafka starts");
    one.create_topic(TOPIC, 1, 2).expect("a topic");
    send(&one, RECORDS);
    names().take(FEW).for_each(|name| commit(&one, &name, 0));
    two.kill();
    wait_until("the survivor coordinates all groups", PATIENCE, || {
        (coordinators(&one).keys().collect::<Vec<_>>() == [&1]).then_some(())
    })
    .expect("it takes over");
    // A coordinator that has just taken over reads its partitions first, and lists nothing of them meanwhile.
    let setting = setting(&one);
    wait_until("the tool's rows", PATIENCE, || {
        let tool = one.describe_groups(None).ok()?;
        let shown = lag(&setting, &[]);
        let same = GroupRow::of_table(&shown.printed) == tool;
        (shown.code == Some(0) && same && tool.len() > FEW / 2).then_some(())
    })
    .expect("what was committed can be read");

    // It is what it seems: nothing can be committed.
    let consumer: BaseConsumer = client(&one, "group-0")
        .set("socket.timeout.ms", "3000")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::Offset(1))
        .unwrap();
    let refused = consumer.commit(&list, CommitMode::Sync);
    assert!(refused.is_err(), "below the least ISR");
}

#[test]
fn a_watched_table_follows_the_lag_and_ends_quietly() {
    let kafka = Kafka::start_kraft_with(&Options::new().without_jmx()).expect("Kafka starts");
    kafka.create_topic(TOPIC, 1, 1).expect("a topic");
    let long = "a-group-with-quite-a-long-name-as-frameworks-make-them";
    let groups = [long, "größe-Ω-グループ"];
    groups.iter().for_each(|group| commit(&kafka, group, 0));
    let setting = setting(&kafka);
    // Long enough that nothing is missing on a machine that is very busy.
    let watch = setting.start(&["-E", "interval=3s", "lag", "--watch"]);
    let shows = |lag: &str| {
        let step = format!("a table with lag {lag}");
        let found = wait_until(&step, PATIENCE, || {
            let log = std::fs::read_to_string(watch.log()).ok()?;
            let tables = log.split("GROUP ").skip(1);
            let row = row(tables.last()?, long)?;
            (row.get(4) == Some(&lag)).then_some(())
        });
        found.unwrap_or_else(|error| panic!("{error}\n{}", watch.log_tail(20)));
    };
    shows("0");
    send(&kafka, RECORDS);
    shows(&RECORDS.to_string());
    commit(&kafka, long, 4);
    shows("3");
    let log = stop(&watch);
    assert!(
        !log.contains("panicked") && !log.contains("Missing"),
        "{log}"
    );
    assert_headings_once_a_look(&log);
    assert_closed_pipe_ends_it(&setting);
    assert_fits_the_terminal(&setting, long);
}

/// Each table has its moment and its headings.
fn assert_headings_once_a_look(log: &str) {
    let count = |begin: &str| log.lines().filter(|line| line.starts_with(begin)).count();
    assert!(count("GROUP ") >= 3, "{log}");
    assert_eq!(count("GROUP "), count("20"), "{log}");
}

/// As with `| head`, for what is printed and for what is said: no panic, no noise, code 0.
fn assert_closed_pipe_ends_it(setting: &Setting) {
    for arguments in [&["lag", "--watch"][..], &["lag", "--watch", "--json"]] {
        let arguments = [&["-E", "interval=1s"], arguments].concat();
        let mut watch = setting
            .prepared(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent's binary starts");
        let mut first = String::new();
        let out = watch.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut first).expect("a line");
        let status = wait_until("it ends", PATIENCE, || watch.try_wait().ok()?);
        let mut said = String::new();
        let err = watch.stderr.take().expect("a pipe");
        BufReader::new(err).read_to_string(&mut said).unwrap();
        assert_eq!(status.expect("it ends").code(), Some(0), "{said}");
        let is_quiet = said
            .lines()
            .all(|line| line.starts_with("Consumer group '"));
        assert!(is_quiet, "{said}");
        // Neither does it where people no longer listen.
        let mut deaf = setting
            .prepared(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent's binary starts");
        drop(deaf.stderr.take());
        drop(deaf.stdout.take());
        let status = wait_until("it ends", PATIENCE, || deaf.try_wait().ok()?);
        assert_eq!(status.expect("it ends").code(), Some(0), "{arguments:?}");
    }
}

/// On a terminal of 80 columns no line is wrapped, Ctrl-C ends it, and what found no room is named.
fn assert_fits_the_terminal(setting: &Setting, long: &str) {
    let command = setting.prepared(&["-E", "interval=1s", "lag", "--watch"]);
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
    let line = format!("stty rows 24 cols 150 && exec {}", words.join(" "));
    let mut terminal = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &line,
            "/dev/null",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("util-linux has `script`");
    let mut lines = BufReader::new(terminal.stdout.take().expect("a pipe")).lines();
    let mut screens = 0;
    let mut shown = Vec::new();
    while screens < 3 {
        let line = lines.next().expect("it goes on").expect("a line");
        screens += usize::from(line.contains("\x1b[2J"));
        shown.push(line);
    }
    let mut keyboard = terminal.stdin.take().expect("a pipe");
    keyboard.write_all(b"\x03").expect("Ctrl-C");
    keyboard.flush().expect("Ctrl-C");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let status = wait_until("it ends", PATIENCE, || terminal.try_wait().ok()?);
    assert_eq!(status.expect("it ends").code(), Some(0), "{rest:?}");
    let table = shown
        .iter()
        .filter(|line| line.starts_with(long) || line.starts_with("GROUP"));
    let widest = table.map(|line| line.trim_end().chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 150), "{shown:#?}");
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("No room for: CONSUMER-ID")),
        "{shown:#?}"
    );
}
