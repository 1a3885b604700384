import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

/**
 * Writes nodes with ZooKeeper's own client. Arguments: host:port. Commands, parts separated by tabs, each answered by
 * a line: "set PATH DATA", "ephemeral PATH DATA" (goes with this program), "delete PATH" (with all below),
 * "only USER:PASSWORD PATH" (nobody else may read it), "groups COUNT PARTITIONS PATH" (many at once).
 */
public class ZooKeeperNodes {
    private static ZooKeeper zookeeper;

    public static void main(String[] args) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        zookeeper = new ZooKeeper(args[0], 30_000, event -> {
            if (event.getState() == KeeperState.SyncConnected) connected.countDown();
        });
        connected.await();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(obey(line.split("\t", -1)));
        }
        zookeeper.close();
    }

    private static String obey(String[] command) {
        try {
            switch (command[0]) {
                case "set": set(command[1], command[2], CreateMode.PERSISTENT); return "ok";
                case "ephemeral": set(command[1], command[2], CreateMode.EPHEMERAL); return "ok";
                case "delete": delete(command[1]); return "ok";
                case "only": only(command[1], command[2]); return "ok";
                case "groups":
                    groups(Integer.parseInt(command[1]), Integer.parseInt(command[2]), command[3]);
                    return "ok";
                default: return "unknown command " + command[0];
            }
        } catch (Exception e) {
            return e.toString().replace('\n', ' ');
        }
    }

    /** As ZkUtils.updatePersistentPath: parents are made without data. */
    private static void set(String path, String data, CreateMode mode) throws Exception {
        byte[] bytes = data.getBytes(StandardCharsets.UTF_8);
        parents(path);
        try {
            zookeeper.create(path, bytes, ZooDefs.Ids.OPEN_ACL_UNSAFE, mode);
        } catch (KeeperException.NodeExistsException e) {
            zookeeper.setData(path, bytes, -1);
        }
    }

    private static void parents(String path) throws Exception {
        for (int end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) {
            try {
                zookeeper.create(path.substring(0, end), null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            } catch (KeeperException.NodeExistsException e) {
                // It is there, as wanted.
            }
        }
    }

    private static void delete(String path) throws Exception {
        for (String child : zookeeper.getChildren(path, false)) delete(path + "/" + child);
        zookeeper.delete(path, -1);
    }

    private static void only(String user, String path) throws Exception {
        Id id = new Id("digest", DigestAuthenticationProvider.generateDigest(user));
        List<ACL> all = Collections.singletonList(new ACL(ZooDefs.Perms.ALL, id));
        zookeeper.addAuthInfo("digest", user.getBytes(StandardCharsets.UTF_8));
        zookeeper.setACL(path, all, -1);
    }

    /** Many requests in flight: one after the other they would take minutes. */
    private static void groups(int count, int partitions, String root) throws Exception {
        CountDownLatch left = new CountDownLatch(count * partitions);
        for (int group = 0; group < count; group++) {
            String topic = root + "/many-" + group + "/offsets/orders";
            parents(topic + "/0");
            for (int partition = 0; partition < partitions; partition++) {
                zookeeper.create(topic + "/" + partition, "7".getBytes(StandardCharsets.UTF_8),
                    ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                    (code, path, context, name) -> left.countDown(), null);
            }
        }
        left.await();
    }
}
