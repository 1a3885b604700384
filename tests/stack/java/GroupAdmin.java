import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Makes many consumer groups quickly, and reads all their offsets as fast as Java's admin client can: every request of
 * a kind in one batch, one client that stays.
 *
 * Argument: bootstrap. On stdin, each answered by a line:
 * "topics T P R" makes topics t-0 … of P partitions with R records each;
 * "commit F N T P" commits offsets of groups g-F … g-(F+N-1), each on one of the T topics: nobody ever joins them;
 * "join F N T P" the same through a static member each, which goes away without leaving: the groups stay stable for
 * half an hour; "read" reads everything and says "nanoseconds offsets nanoseconds-of-processor-time".
 */
public class GroupAdmin {
    /** Commits on their way together. */
    private static final int WINDOW = 200;
    /** The longest that a broker allows by default. */
    private static final String SESSION = "1800000";

    private final String bootstrap;
    private final Admin admin;

    GroupAdmin(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(client());
    }

    public static void main(String[] args) throws Exception {
        GroupAdmin self = new GroupAdmin(args[0]);
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            int[] n = new int[words.length - 1];
            for (int i = 0; i < n.length; i++) n[i] = Integer.parseInt(words[i + 1]);
            System.out.println(switch (words[0]) {
                case "topics" -> self.topics(n[0], n[1], n[2]);
                case "commit" -> self.commit(n[0], n[1], n[2], n[3]);
                case "join" -> self.join(n[0], n[1], n[2], n[3]);
                case "read" -> self.read();
                default -> throw new IllegalArgumentException(line);
            });
        }
        System.exit(0);
    }

    private Properties client() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("request.timeout.ms", "120000");
        properties.put("default.api.timeout.ms", "180000");
        return properties;
    }

    private String topics(int topics, int partitions, int records) throws Exception {
        List<NewTopic> wanted = new ArrayList<>();
        for (int t = 0; t < topics; t++) wanted.add(new NewTopic("t-" + t, partitions, (short) 1));
        admin.createTopics(wanted).all().get();
        Properties properties = client();
        properties.put("delivery.timeout.ms", "300000");
        properties.put("linger.ms", "50");
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties, bytes, bytes)) {
            for (NewTopic topic : wanted)
                for (int p = 0; p < partitions; p++)
                    for (int r = 0; r < records; r++)
                        producer.send(new ProducerRecord<>(topic.name(), p, null, new byte[10]));
            producer.flush();
        }
        return "ok";
    }

    private static Map<TopicPartition, OffsetAndMetadata> offsets(int group, int topics, int partitions) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (int p = 0; p < partitions; p++)
            offsets.put(new TopicPartition("t-" + group % topics, p), new OffsetAndMetadata((group + p) % 3));
        return offsets;
    }

    private String commit(int first, int count, int topics, int partitions) throws Exception {
        List<KafkaFuture<Void>> sent = new ArrayList<>();
        for (int g = first; g < first + count; g++) {
            sent.add(admin.alterConsumerGroupOffsets("g-" + g, offsets(g, topics, partitions)).all());
            if (sent.size() == WINDOW || g == first + count - 1) {
                for (KafkaFuture<Void> one : sent) one.get();
                sent.clear();
            }
        }
        return "ok";
    }

    private String join(int first, int count, int topics, int partitions) {
        for (int g = first; g < first + count; g++) {
            Properties properties = client();
            properties.put("group.id", "g-" + g);
            properties.put("group.instance.id", "member");
            properties.put("session.timeout.ms", SESSION);
            properties.put("enable.auto.commit", "false");
            ByteArrayDeserializer bytes = new ByteArrayDeserializer();
            try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties, bytes, bytes)) {
                consumer.subscribe(List.of("t-" + g % topics));
                while (consumer.assignment().size() < partitions) consumer.poll(Duration.ofMillis(20));
                consumer.commitSync(offsets(g, topics, partitions));
            }
        }
        return "ok";
    }

    private String read() throws Exception {
        long start = System.nanoTime();
        long cpu = cpu();
        Map<String, ListConsumerGroupOffsetsSpec> groups = new HashMap<>();
        for (GroupListing group : admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get())
            groups.put(group.groupId(), new ListConsumerGroupOffsetsSpec());
        var committed = admin.listConsumerGroupOffsets(groups).all().get();
        Set<TopicPartition> partitions = new HashSet<>();
        long offsets = 0;
        for (Map<TopicPartition, OffsetAndMetadata> group : committed.values()) {
            partitions.addAll(group.keySet());
            offsets += group.size();
        }
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        Map<TopicPartition, OffsetSpec> earliest = new HashMap<>();
        for (TopicPartition partition : partitions) {
            latest.put(partition, OffsetSpec.latest());
            earliest.put(partition, OffsetSpec.earliest());
        }
        var ends = admin.listOffsets(latest).all();
        var starts = admin.listOffsets(earliest).all();
        ends.get();
        starts.get();
        return (System.nanoTime() - start) + " " + offsets + " " + (cpu() - cpu);
    }

    private static long cpu() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime();
    }
}
