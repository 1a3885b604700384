import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Many members of many groups in one JVM, each with a thread of its own, and the administration around them.
 *
 * Argument: bootstrap. On stdin, each answered by "ok" or "error …":
 * "topic NAME PARTITIONS [key=value …]", "delete-topic NAME", "delete-group GROUP", "send TOPIC COUNT";
 * "add NAME KIND TOPIC key=value …" makes a member and waits until it has its partitions, "join …" does not wait. KIND:
 * subscribe, assign (all partitions, without joining the group), share. Then, by name: "drain" (read and commit up to the
 * ends), "commit" (the ends it has read up to, whatever the logs are now), "hang" (no poll until "wake": a rebalance waits for it),
 * "leave".
 */
public class StackMembers {
    private static final Duration POLL = Duration.ofMillis(100);

    private final String bootstrap;
    private final Admin admin;
    private final Map<String, Member> members = new HashMap<>();

    StackMembers(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(client());
    }

    public static void main(String[] args) throws Exception {
        StackMembers self = new StackMembers(args[0]);
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) System.out.println(self.obey(line));
        System.exit(0);
    }

    private Properties client() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        return properties;
    }

    private String obey(String line) {
        try {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "topic" -> {
                    NewTopic topic = new NewTopic(words[1], Integer.parseInt(words[2]), (short) 1);
                    admin.createTopics(List.of(topic.configs(pairs(words, 3)))).all().get();
                    while (partitions(words[1]) != topic.numPartitions()) Thread.sleep(50);
                }
                case "delete-topic" -> admin.deleteTopics(List.of(words[1])).all().get();
                case "delete-group" -> admin.deleteConsumerGroups(List.of(words[1])).all().get();
                case "send" -> send(words[1], Integer.parseInt(words[2]));
                case "add", "join" -> add(words);
                default -> members.get(words[1]).tell(words[0]);
            }
            return "ok";
        } catch (Exception e) {
            return "error " + e;
        }
    }

    private static Map<String, String> pairs(String[] words, int first) {
        Map<String, String> pairs = new HashMap<>();
        for (int i = first; i < words.length; i++) {
            String[] pair = words[i].split("=", 2);
            pairs.put(pair[0], pair[1]);
        }
        return pairs;
    }

    /** 0 where the broker has not heard of the topic yet. */
    private int partitions(String topic) throws Exception {
        try {
            return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) return 0;
            throw e;
        }
    }

    /** Evenly over the partitions. */
    private void send(String topic, int count) throws Exception {
        int partitions = partitions(topic);
        // A new one: it would remember the topic that had this name before, and the sequence of its records there.
        StringSerializer text = new StringSerializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(client(), text, text)) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            for (int i = 0; i < count; i++)
                answers.add(producer.send(new ProducerRecord<>(topic, i % partitions, "key " + i, "record " + i)));
            producer.flush();
            for (Future<RecordMetadata> answer : answers) answer.get();
        }
    }

    private void add(String[] words) throws Exception {
        Properties properties = client();
        properties.putAll(pairs(words, 4));
        properties.putIfAbsent("group.id", words[1]);
        properties.putIfAbsent("client.id", words[1]);
        Member member;
        if (words[2].equals("share")) {
            member = new Sharer(words[3], properties);
        } else {
            properties.putIfAbsent("auto.offset.reset", "earliest");
            properties.put("enable.auto.commit", "false");
            member = new Reader(words[3], properties, words[2].equals("assign"));
        }
        members.put(words[1], member);
        member.setDaemon(true);
        member.start();
        if (words[0].equals("add")) member.joined.get();
    }

    /** A member's thread: polls but while it hangs, and does what it is told in between. */
    private abstract static class Member extends Thread {
        final CompletableFuture<Void> joined = new CompletableFuture<>();
        private final BlockingQueue<Map.Entry<String, CompletableFuture<Void>>> orders = new LinkedBlockingQueue<>();
        private boolean hangs;

        abstract void begin();

        abstract void poll();

        abstract void obey(String order);

        abstract void leave();

        void tell(String order) throws Exception {
            CompletableFuture<Void> done = new CompletableFuture<>();
            orders.add(Map.entry(order, done));
            done.get();
        }

        @Override
        public void run() {
            try {
                begin();
                while (true) {
                    var order = hangs ? orders.take() : orders.poll();
                    if (order == null) {
                        poll();
                    } else if (take(order.getKey(), order.getValue())) {
                        return;
                    }
                }
            } catch (Throwable e) {
                e.printStackTrace();
                joined.completeExceptionally(e);
            }
        }

        private boolean take(String order, CompletableFuture<Void> done) {
            try {
                switch (order) {
                    case "hang" -> hangs = true;
                    case "wake" -> hangs = false;
                    case "leave" -> leave();
                    default -> obey(order);
                }
                done.complete(null);
            } catch (Throwable e) {
                done.completeExceptionally(e);
            }
            return order.equals("leave");
        }
    }

    private static class Reader extends Member implements ConsumerRebalanceListener {
        private final KafkaConsumer<String, String> consumer;
        private final String topic;
        private final boolean assigns;
        private Map<TopicPartition, Long> ends = Map.of();

        Reader(String topic, Properties properties, boolean assigns) {
            this.consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
            this.topic = topic;
            this.assigns = assigns;
        }

        @Override
        void begin() {
            if (!assigns) {
                consumer.subscribe(List.of(topic), this);
                return;
            }
            List<PartitionInfo> all = consumer.partitionsFor(topic);
            consumer.assign(all.stream().map(p -> new TopicPartition(topic, p.partition())).collect(Collectors.toList()));
            joined.complete(null);
        }

        /** Keeps its place: what it reads and does not drain it would have to read again. */
        @Override
        void poll() {
            consumer.pause(consumer.assignment());
            consumer.poll(POLL);
        }

        @Override
        void obey(String order) {
            switch (order) {
                case "drain" -> drain();
                case "commit" -> commit();
                default -> throw new IllegalArgumentException(order);
            }
        }

        /** A consumer that noticed another log would correct its positions: these are the old ones. */
        private void commit() {
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (PartitionInfo partition : consumer.listTopics().get(topic)) {
                TopicPartition there = new TopicPartition(topic, partition.partition());
                if (ends.containsKey(there)) offsets.put(there, new OffsetAndMetadata(ends.get(there)));
            }
            consumer.commitSync(offsets);
        }

        private void drain() {
            ends = consumer.endOffsets(consumer.assignment());
            consumer.resume(consumer.assignment());
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue()))
                consumer.poll(POLL);
            consumer.commitSync();
        }

        @Override
        void leave() {
            consumer.close();
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            joined.complete(null);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}
    }

    private static class Sharer extends Member {
        private final KafkaShareConsumer<String, String> consumer;
        private final String topic;

        Sharer(String topic, Properties properties) {
            this.consumer = new KafkaShareConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
            this.topic = topic;
        }

        @Override
        void begin() {
            consumer.subscribe(List.of(topic));
        }

        @Override
        void poll() {
            consumer.poll(POLL);
            joined.complete(null);
        }

        @Override
        void obey(String order) {
            throw new IllegalArgumentException(order);
        }

        @Override
        void leave() {
            consumer.close();
        }
    }
}
