import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A producer that is told what to do over stdin: "rate N" (records per second from now on), "send N" (now, and wait
 * until they are acknowledged), "stamped P T T …" (to partition P, a record for each timestamp T in milliseconds),
 * "transaction N" (now, in one transaction; wants transactional.id), "commit G T P O" (offset O of partition P of topic T
 * for group G, which must have no members). It answers each line with "ok" or "error …" and
 * ends when stdin does.
 *
 * Arguments: topic, records per second, client properties as key=value.
 */
public class StackProducer {
    private static final long TICK_MILLIS = 100;

    private final KafkaProducer<String, String> producer;
    private final String topic;
    private volatile double rate;
    private long sent;
    private boolean initialised;
    private final String bootstrap;
    private Admin admin;

    StackProducer(String[] args) {
        topic = args[0];
        rate = Double.parseDouble(args[1]);
        Properties properties = new Properties();
        for (int i = 2; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            properties.put(pair[0], pair[1]);
        }
        bootstrap = properties.getProperty("bootstrap.servers");
        producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    public static void main(String[] args) throws Exception {
        StackProducer self = new StackProducer(args);
        self.producer.partitionsFor(self.topic); // waits for the first metadata
        System.out.println("ready");
        Thread steady = new Thread(self::steady, "steady");
        steady.setDaemon(true);
        steady.start();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(self.obey(line));
        }
        System.exit(0);
    }

    private String obey(String line) {
        try {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "rate": rate = Double.parseDouble(words[1]); break;
                case "send": sendNow(Integer.parseInt(words[1])); break;
                case "stamped": sendStamped(words); break;
                case "transaction": sendTransaction(Integer.parseInt(words[1])); break;
                case "commit": commit(words); break;
                default: return "error unknown: " + line;
            }
            return "ok";
        } catch (Exception e) {
            return "error " + e;
        }
    }

    private void sendNow(int count) throws Exception {
        List<Future<RecordMetadata>> answers = new ArrayList<>();
        for (int i = 0; i < count; i++) answers.add(send());
        producer.flush();
        for (Future<RecordMetadata> answer : answers) answer.get();
    }

    private void sendStamped(String[] words) throws Exception {
        int partition = Integer.parseInt(words[1]);
        List<Future<RecordMetadata>> answers = new ArrayList<>();
        for (int i = 2; i < words.length; i++) {
            long timestamp = Long.parseLong(words[i]);
            answers.add(producer.send(new ProducerRecord<>(topic, partition, timestamp, null, "stamped " + timestamp)));
        }
        producer.flush();
        for (Future<RecordMetadata> answer : answers) answer.get();
    }

    private void sendTransaction(int count) throws Exception {
        if (!initialised) producer.initTransactions();
        initialised = true;
        producer.beginTransaction();
        sendNow(count);
        producer.commitTransaction();
    }

    private void commit(String[] words) throws Exception {
        if (admin == null) admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        TopicPartition partition = new TopicPartition(words[2], Integer.parseInt(words[3]));
        OffsetAndMetadata offset = new OffsetAndMetadata(Long.parseLong(words[4]));
        admin.alterConsumerGroupOffsets(words[1], Map.of(partition, offset)).all().get();
    }

    /** The keys spread the records evenly over the partitions. */
    private synchronized Future<RecordMetadata> send() {
        String key = "key-" + sent++;
        return producer.send(new ProducerRecord<>(topic, key, "a record of the test stack with the " + key));
    }

    private void steady() {
        double due = 0;
        while (true) {
            due += rate * TICK_MILLIS / 1000;
            for (; due >= 1; due--) send();
            try {
                Thread.sleep(TICK_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }
}
