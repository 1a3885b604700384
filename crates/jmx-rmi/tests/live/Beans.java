import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.lang.management.ManagementFactory;
import java.util.Scanner;
import java.util.function.Supplier;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.DynamicMBean;
import javax.management.MBeanInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/**
 * Beans that fail in every way a bean can, and as many healthy ones as the first argument says. Says how many objects of
 * a class are alive when it is asked for the class.
 */
public class Beans {
    public static void main(String[] args) throws Exception {
        register("healthy", () -> "value");
        register("runtime-exception", () -> { throw new IllegalStateException("not now"); });
        register("error", () -> { throw new OutOfMemoryError("heap, says the bean"); });
        register("not-serializable", () -> new Object());
        register("exception-while-writing", () -> new Failing(false));
        register("error-while-writing", () -> new Failing(true));
        register("large", () -> new byte[8 << 20]);
        for (int i = 0; i < Integer.parseInt(args[0]); i++) {
            int number = i;
            register("gauge-" + i, () -> number);
        }
        System.out.println("ready");
        Scanner in = new Scanner(System.in);
        while (in.hasNextLine()) System.out.println(count(in.nextLine()));
    }

    private static void register(String kind, Supplier<Object> value) throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        server.registerMBean(new Bean(value), new ObjectName("test:kind=" + kind));
    }

    /** The histogram collects garbage first; its lines are "number: instances bytes class (module)". */
    private static long count(String wanted) throws Exception {
        ObjectName commands = new ObjectName("com.sun.management:type=DiagnosticCommand");
        String histogram = (String) ManagementFactory.getPlatformMBeanServer().invoke(
                commands, "gcClassHistogram", new Object[] {new String[0]}, new String[] {String[].class.getName()});
        for (String line : histogram.split("\n")) {
            String[] words = line.trim().split("\\s+");
            if (words.length > 3 && words[3].equals(wanted)) return Long.parseLong(words[1]);
        }
        return 0;
    }

    /** Fails while it is written: what has been sent of the reply then cannot be taken back. */
    private record Failing(boolean badly) implements Serializable {
        private Object writeReplace() {
            return new Written(badly);
        }
    }

    private static class Written implements Serializable {
        private final boolean badly;

        private Written(boolean badly) {
            this.badly = badly;
        }

        private void writeObject(ObjectOutputStream out) throws IOException {
            out.defaultWriteObject();
            if (badly) throw new OutOfMemoryError("heap, says the value");
            throw new IOException("not to be written");
        }
    }

    private record Bean(Supplier<Object> value) implements DynamicMBean {
        public Object getAttribute(String name) {
            return value.get();
        }

        public AttributeList getAttributes(String[] names) {
            AttributeList list = new AttributeList();
            for (String name : names) list.add(new Attribute(name, value.get()));
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
