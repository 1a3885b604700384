import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;

/**
 * Reads a list of beans and attributes again and again, as fast as Java's own client can: one session, one
 * getAttributes per bean (the API has no call for several beans), names parsed beforehand.
 *
 * Arguments: host:port, file with a line per bean (name, attributes, separated by tabs). On stdin: "read N" reads the
 * list with N threads, which share the session; the answer is "nanoseconds values".
 */
public class JmxRead {
    private record Bean(ObjectName name, String[] attributes) {}

    private final MBeanServerConnection server;
    private final List<Bean> beans = new ArrayList<>();

    JmxRead(MBeanServerConnection server, Path list) throws Exception {
        this.server = server;
        for (String line : Files.readAllLines(list)) {
            String[] cells = line.split("\t");
            String[] attributes = java.util.Arrays.copyOfRange(cells, 1, cells.length);
            beans.add(new Bean(new ObjectName(cells[0]), attributes));
        }
    }

    public static void main(String[] args) throws Exception {
        JMXConnector connector = JmxConnect.to(args[0]);
        JmxRead self = new JmxRead(connector.getMBeanServerConnection(), Path.of(args[1]));
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            int threads = Integer.parseInt(line.split(" ")[1]);
            long start = System.nanoTime();
            long values = threads == 1 ? self.readEvery(0, 1) : self.readTogether(threads);
            System.out.println((System.nanoTime() - start) + " " + values);
        }
        connector.close();
        System.exit(0);
    }

    /** Reads each step-th bean and counts its values. */
    private long readEvery(int first, int step) throws Exception {
        long values = 0;
        for (int i = first; i < beans.size(); i += step) {
            Bean bean = beans.get(i);
            values += server.getAttributes(bean.name, bean.attributes).size();
        }
        return values;
    }

    private long readTogether(int threads) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Callable<Long>> parts = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int first = i;
                parts.add(() -> readEvery(first, threads));
            }
            long values = 0;
            for (Future<Long> part : pool.invokeAll(parts)) values += part.get();
            return values;
        } finally {
            pool.shutdown();
        }
    }
}
