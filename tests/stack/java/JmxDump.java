import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.TabularData;
import javax.management.remote.JMXConnector;

/**
 * Reads MBeans with Java's own client and prints a JSON object per attribute: bean, attribute, type, and value or
 * error. A double that JSON cannot say is a string: "NaN", "Infinity".
 *
 * Arguments: host:port, object-name patterns.
 */
public class JmxDump {
    public static void main(String[] args) throws Exception {
        try (JMXConnector connector = JmxConnect.to(args[0])) {
            MBeanServerConnection server = connector.getMBeanServerConnection();
            Set<ObjectName> names = new TreeSet<>();
            for (int i = 1; i < args.length; i++) names.addAll(server.queryNames(new ObjectName(args[i]), null));
            for (ObjectName name : names) dump(server, name);
        }
        System.exit(0);
    }

    private static void dump(MBeanServerConnection server, ObjectName name) throws Exception {
        MBeanAttributeInfo[] attributes;
        try {
            attributes = server.getMBeanInfo(name).getAttributes();
        } catch (javax.management.InstanceNotFoundException e) {
            return; // gone since the query, as beans of clients and partitions may
        }
        for (MBeanAttributeInfo attribute : attributes) {
            if (!attribute.isReadable()) continue;
            StringBuilder line = new StringBuilder("{\"bean\":").append(quote(name.toString()));
            line.append(",\"attribute\":").append(quote(attribute.getName()));
            try {
                Object value = server.getAttribute(name, attribute.getName());
                String type = value == null ? attribute.getType() : value.getClass().getName();
                line.append(",\"type\":").append(quote(type)).append(",\"value\":").append(json(value));
            } catch (Exception e) {
                line.append(",\"type\":").append(quote(attribute.getType())).append(",\"error\":").append(quote(e.toString()));
            }
            System.out.println(line.append('}'));
        }
    }

    private static String json(Object value) {
        if (value == null || value instanceof Boolean) return String.valueOf(value);
        if (value instanceof Double || value instanceof Float) {
            double number = ((Number) value).doubleValue();
            return Double.isFinite(number) ? value.toString() : quote(value.toString());
        }
        if (value instanceof Number) return value.toString();
        if (value instanceof Date) return Long.toString(((Date) value).getTime());
        if (value instanceof CompositeData) return composite((CompositeData) value);
        if (value instanceof TabularData) return list(((TabularData) value).values());
        if (value instanceof Collection) return list((Collection<?>) value);
        if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) items.add(Array.get(value, i));
            return list(items);
        }
        return quote(value.toString());
    }

    private static String composite(CompositeData data) {
        List<String> fields = new ArrayList<>();
        for (String key : data.getCompositeType().keySet()) fields.add(quote(key) + ":" + json(data.get(key)));
        return "{" + String.join(",", fields) + "}";
    }

    private static String list(Collection<?> values) {
        List<String> items = new ArrayList<>();
        for (Object value : values) items.add(json(value));
        return "[" + String.join(",", items) + "]";
    }

    private static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }
}
