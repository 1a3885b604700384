import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A consumer that commits what it has read at once and is told what to do over stdin: "pause" (stay a member, neither
 * read nor commit), "hang" (do not even poll), "stop" (leave the group), "resume" (after any of them), "commit" (the
 * positions, now). It answers each line with "ok" or "error …" and ends when stdin does.
 *
 * Arguments: topic, client properties as key=value.
 */
public class StackConsumer implements ConsumerRebalanceListener {
    private static final Duration POLL = Duration.ofMillis(200);

    private final String topic;
    private final Properties properties = new Properties();
    private final BlockingQueue<String> commands = new LinkedBlockingQueue<>();
    private KafkaConsumer<String, String> consumer;
    private boolean paused;
    private boolean hung;
    private boolean joined;

    StackConsumer(String[] args) {
        topic = args[0];
        for (int i = 1; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            properties.put(pair[0], pair[1]);
        }
    }

    public static void main(String[] args) throws Exception {
        StackConsumer self = new StackConsumer(args);
        Thread loop = new Thread(self::loop, "loop");
        loop.setDaemon(true);
        loop.start();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) self.commands.add(line);
        System.exit(0);
    }

    private void loop() {
        try {
            join();
            System.out.println("ready");
            while (true) {
                String command = consumer == null || hung ? commands.take() : commands.poll();
                if (command != null) System.out.println(obey(command));
                if (consumer != null && !hung) work();
            }
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private String obey(String command) {
        try {
            switch (command) {
                case "pause":
                    paused = true;
                    consumer.pause(consumer.assignment());
                    break;
                case "hang": hung = true; break;
                case "stop":
                    if (consumer != null) consumer.close();
                    consumer = null;
                    break;
                case "resume":
                    paused = false;
                    hung = false;
                    if (consumer == null) join();
                    consumer.resume(consumer.assignment());
                    break;
                case "commit": consumer.commitSync(); break;
                default: return "error unknown: " + command;
            }
            return "ok";
        } catch (Exception e) {
            return "error " + e;
        }
    }

    /** Polls while paused too: that is what keeps a member in its group. */
    private void work() {
        int count = consumer.poll(POLL).count();
        if (count > 0 && !paused) consumer.commitSync();
    }

    /** Returns once the group has answered with an assignment, which may be empty. */
    private void join() {
        joined = false;
        consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(topic), this);
        while (!joined) work();
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        joined = true;
        if (paused) consumer.pause(partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}
}
