import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.TabularData;
import javax.management.remote.JMXConnector;

/**
 * Says what Java's own client reads, each value as one canonical text in which its kind and every bit of it are seen.
 *
 * Argument: host:port. On stdin: "names PATTERN" is answered by a JSON list of names, "read NAME" by a JSON object:
 * attribute to ["value", text] or ["error", exception], or null for a bean that is gone. Each attribute is read by a call
 * of its own, so one that cannot be sent hides no other.
 */
public class JmxCanon {
    public static void main(String[] args) throws Exception {
        JMXConnector connector = JmxConnect.to(args[0]);
        MBeanServerConnection server = connector.getMBeanServerConnection();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectName name = new ObjectName(line.substring(line.indexOf(' ') + 1));
            System.out.println(line.startsWith("names ") ? names(server, name) : read(server, name));
        }
        connector.close();
        System.exit(0);
    }

    private static String names(MBeanServerConnection server, ObjectName pattern) throws Exception {
        List<String> names = new ArrayList<>();
        for (ObjectName name : server.queryNames(pattern, null)) names.add(quote(name.toString()));
        return "[" + String.join(",", names) + "]";
    }

    private static String read(MBeanServerConnection server, ObjectName name) throws Exception {
        List<String> fields = new ArrayList<>();
        try {
            for (MBeanAttributeInfo attribute : server.getMBeanInfo(name).getAttributes()) {
                if (attribute.isReadable()) fields.add(quote(attribute.getName()) + ":" + one(server, name, attribute.getName()));
            }
        } catch (javax.management.InstanceNotFoundException e) {
            return "null";
        }
        return "{" + String.join(",", fields) + "}";
    }

    private static String one(MBeanServerConnection server, ObjectName name, String attribute) {
        try {
            return "[\"value\"," + quote(canonical(server.getAttribute(name, attribute))) + "]";
        } catch (Exception e) {
            return "[\"error\"," + quote(e.toString()) + "]";
        }
    }

    private static String canonical(Object value) {
        if (value == null) return "null";
        if (value instanceof Boolean) return "bool:" + value;
        if (value instanceof Byte) return "byte:" + value;
        if (value instanceof Short) return "short:" + value;
        if (value instanceof Integer || value instanceof AtomicInteger) return "int:" + value;
        if (value instanceof Long || value instanceof AtomicLong) return "long:" + value;
        if (value instanceof Float f) return String.format("float:%08x", Float.floatToIntBits(f));
        if (value instanceof Double d) return String.format("double:%016x", Double.doubleToLongBits(d));
        if (value instanceof Character c) return String.format("char:%04x", Character.isSurrogate(c) ? 0xfffd : (int) c);
        if (value instanceof String) return "string:" + value;
        if (value instanceof ObjectName name) return "name:" + name.getCanonicalName();
        if (value instanceof Enum<?> e) return "enum:" + e.getDeclaringClass().getName() + "." + e.name();
        if (value instanceof Date date) return "date:" + date.getTime();
        if (value instanceof BigInteger) return "bigint:" + value;
        if (value instanceof BigDecimal number) return "bigdec:" + number.toPlainString();
        return structure(value);
    }

    private static String structure(Object value) {
        if (value instanceof CompositeData data) return composite(data);
        if (value instanceof TabularData table) {
            String index = String.join(",", table.getTabularType().getIndexNames());
            return "table(" + index + ")" + sorted(table.values());
        }
        if (value instanceof List<?> list) return "list" + inOrder(list);
        if (value instanceof Set<?> set) return "set" + sorted(set);
        if (value instanceof Map<?, ?> map) {
            List<String> entries = new ArrayList<>();
            map.forEach((key, item) -> entries.add(canonical(key) + "=>" + canonical(item)));
            Collections.sort(entries);
            return "map[" + String.join(",", entries) + "]";
        }
        if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) items.add(Array.get(value, i));
            return "array" + inOrder(items);
        }
        return "object:" + value.getClass().getName();
    }

    private static String composite(CompositeData data) {
        List<String> fields = new ArrayList<>();
        for (String key : data.getCompositeType().keySet()) fields.add(key + "=" + canonical(data.get(key)));
        Collections.sort(fields);
        return "{" + String.join(",", fields) + "}";
    }

    private static String inOrder(Collection<?> values) {
        List<String> items = new ArrayList<>();
        for (Object value : values) items.add(canonical(value));
        return "[" + String.join(",", items) + "]";
    }

    private static String sorted(Collection<?> values) {
        List<String> items = new ArrayList<>();
        for (Object value : values) items.add(canonical(value));
        Collections.sort(items);
        return "[" + String.join(",", items) + "]";
    }

    private static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ' || c > '~') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }
}
