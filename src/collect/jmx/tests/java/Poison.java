import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.lang.management.ManagementFactory;
import java.util.Scanner;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.DynamicMBean;
import javax.management.MBeanInfo;
import javax.management.ObjectName;

/**
 * Beans of the kinds that the arguments name, in their order. All give a number but those whose value cannot be read by
 * anybody. Beans of the kind "stuck" do not answer between the lines "stop" and "go" on stdin.
 */
public class Poison {
    private static boolean stopped;

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < args.length; i++) {
            ObjectName name = new ObjectName(String.format("early:type=Bean,name=%03d-%s", i, args[i]));
            ManagementFactory.getPlatformMBeanServer().registerMBean(new Bean(args[i], 1000 - i), name);
        }
        System.out.println("ready");
        Scanner in = new Scanner(System.in);
        while (in.hasNextLine()) {
            set(in.nextLine().equals("stop"));
            System.out.println("ok");
        }
        System.exit(0);
    }

    private static synchronized void set(boolean value) {
        stopped = value;
        Poison.class.notifyAll();
    }

    private static synchronized void await() {
        try {
            while (stopped) Poison.class.wait();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Its fields are announced and not written: nobody without the class can tell where it ends. */
    private static class Unwritten implements Serializable {
        private final String text = "never written";
        private final long number = 5;

        private void writeObject(ObjectOutputStream out) throws IOException {
            out.writeInt(1);
        }
    }

    /** Writing it needs more stack than there is: the JVM ends the connection in the middle of the reply. */
    private static class Overflow implements Serializable {
        private void writeObject(ObjectOutputStream out) throws IOException {
            new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(new Overflow());
        }
    }

    private record Bean(String kind, long number) implements DynamicMBean {
        public Object getAttribute(String name) {
            switch (kind) {
                case "unwritten": return new Unwritten();
                case "overflow": return new Overflow();
                case "stuck": await();
            }
            return number;
        }

        public AttributeList getAttributes(String[] names) {
            AttributeList list = new AttributeList();
            for (String name : names) list.add(new Attribute(name, getAttribute(name)));
            return list;
        }

        public void setAttribute(Attribute attribute) {}

        public AttributeList setAttributes(AttributeList attributes) {
            return attributes;
        }

        public Object invoke(String name, Object[] arguments, String[] signature) {
            return null;
        }

        public MBeanInfo getMBeanInfo() {
            return new MBeanInfo(Bean.class.getName(), "", null, null, null, null);
        }
    }
}
