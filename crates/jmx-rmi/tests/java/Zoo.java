import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import javax.management.*;
import javax.management.modelmbean.*;
import javax.management.openmbean.*;

/**
 * Beans with one attribute of every type whose bytes the tests want to know. See scripts/captures.sh.
 *
 * Prints "ready" and lives until its input ends.
 */
public class Zoo {
    /** A bean made of a map: the class of a value is what is sent, not what a getter declares. */
    static class Cage implements DynamicMBean {
        private final Map<String, Object> values = new TreeMap<>();

        Cage put(String name, Object value) {
            values.put(name, value);
            return this;
        }

        public Object getAttribute(String name) { return values.get(name); }

        public void setAttribute(Attribute attribute) { }

        public AttributeList getAttributes(String[] names) {
            AttributeList list = new AttributeList();
            for (String name : names) if (values.containsKey(name)) list.add(new Attribute(name, values.get(name)));
            return list;
        }

        public AttributeList setAttributes(AttributeList attributes) { return new AttributeList(); }

        public Object invoke(String action, Object[] params, String[] signature) { return null; }

        public MBeanInfo getMBeanInfo() {
            List<MBeanAttributeInfo> infos = new ArrayList<>();
            values.forEach((name, value) -> infos.add(new MBeanAttributeInfo(name,
                value == null ? "java.lang.Object" : value.getClass().getName(), "a value", true, false, false)));
            return new MBeanInfo("Zoo$Cage", "values of many classes", infos.toArray(new MBeanAttributeInfo[0]), null, null, null);
        }
    }

    enum Colour { RED, GREEN { @Override public String toString() { return "grass"; } } }

    /** Writes by itself: more than 255 bytes at once, objects, and nothing. */
    static class Parent implements Serializable {
        private static final long serialVersionUID = 1;
        int inherited = 5;

        private void writeObject(ObjectOutputStream out) throws IOException {
            out.defaultWriteObject();
            out.write(new byte[700]);
            out.writeObject("in between");
            out.writeInt(7);
        }
    }

    static class Child extends Parent {
        private static final long serialVersionUID = 2;
        String own = "mine";
        Parent other = new Parent();
    }

    static class Grandchild extends Child {
        private static final long serialVersionUID = 3;

        private void writeObject(ObjectOutputStream out) { }
    }

    record Point(int x, int y) implements Serializable { }

    /** Becomes something else on its way. */
    static class Replaced implements Serializable {
        private Object writeReplace() { return "written instead"; }
    }

    static class Handler implements java.lang.reflect.InvocationHandler, Serializable {
        private static final long serialVersionUID = 4;
        int mark = 9;

        public Object invoke(Object proxy, java.lang.reflect.Method method, Object[] args) { return null; }
    }

    static <T extends Collection<String>> T with(T collection) {
        collection.add("b");
        collection.add("a");
        return collection;
    }

    static <T extends Map<String, Integer>> T map(T map) {
        map.put("one", 1);
        return map;
    }

    static Cage arrays() {
        Object[] same = new Object[2];
        same[0] = same[1] = new int[] {1};
        return new Cage().put("Booleans", new boolean[] {true, false}).put("Bytes", new byte[] {1, -1})
            .put("Chars", new char[] {'h', '\u00e9'}).put("Shorts", new short[] {1, -2}).put("Ints", new int[] {1, -2})
            .put("Longs", new long[] {1L, Long.MIN_VALUE}).put("Floats", new float[] {0.5f, Float.NaN})
            .put("Doubles", new double[] {0.25, Double.NEGATIVE_INFINITY}).put("None", new long[0])
            .put("Cube", new int[][][] {{{1}, {2, 3}}, {}, null}).put("Strings", new String[] {"a", null, "a"})
            .put("Objects", new Object[] {1, "b", null, new byte[] {2}}).put("Dates", new Date[] {new Date(0)})
            .put("Colours", Colour.values()).put("Nested", new Object[][] {{"x"}, {}}).put("Boxed", new Long[] {1L, null})
            .put("Same", same).put("Classes", new Class<?>[] {int.class, String[].class, Runnable.class, Colour.class});
    }

    static Cage collections() {
        List<String> list = List.of("b", "a");
        return new Cage().put("ArrayList", new ArrayList<>(list)).put("AsList", Arrays.asList("b", "a"))
            .put("LinkedList", new LinkedList<>(list)).put("Vector", with(new Vector<>(10))).put("Stack", with(new Stack<>()))
            .put("ArrayDeque", new ArrayDeque<>(list)).put("PriorityQueue", new PriorityQueue<>(list))
            .put("ListOf1", List.of("a")).put("ListOf2", list).put("ListOf3", List.of(1, 2, 3)).put("ListOf0", List.of())
            .put("ToList", list.stream().toList()).put("Unmodifiable", Collections.unmodifiableList(new LinkedList<>(list)))
            .put("Synchronized", Collections.synchronizedList(new ArrayList<>(list)))
            .put("Checked", Collections.checkedList(new ArrayList<>(list), String.class))
            .put("Single", Collections.singletonList("a")).put("Empty", Collections.emptyList())
            .put("CopyOnWrite", new CopyOnWriteArrayList<>(list)).put("LinkedQueue", new ConcurrentLinkedQueue<>(list))
            .put("LinkedConcurrentDeque", new ConcurrentLinkedDeque<>(list)).put("BlockingQueue", new LinkedBlockingQueue<>(list))
            .put("BlockingDeque", new LinkedBlockingDeque<>(list)).put("TransferQueue", new LinkedTransferQueue<>(list))
            .put("Copies", Collections.nCopies(3, "a")).put("InAList", List.of(List.of(1), Set.of(2), Map.of(3, 4)));
    }

    static Cage sets() {
        return new Cage().put("HashSet", new HashSet<>(List.of("a"))).put("LinkedHashSet", with(new LinkedHashSet<>()))
            .put("TreeSet", with(new TreeSet<>())).put("Reversed", with(new TreeSet<>(Collections.reverseOrder())))
            .put("SetOf", Set.of("a")).put("SetOf0", Set.of()).put("EnumSet", EnumSet.allOf(Colour.class))
            .put("NoEnum", EnumSet.noneOf(Colour.class)).put("CopyOnWrite", with(new CopyOnWriteArraySet<>()))
            .put("SkipList", with(new ConcurrentSkipListSet<>())).put("KeySet", with(ConcurrentHashMap.newKeySet()))
            .put("FromMap", with(Collections.newSetFromMap(new LinkedHashMap<>()))).put("Single", Collections.singleton("a"))
            .put("Unmodifiable", Collections.unmodifiableSet(with(new LinkedHashSet<>())))
            .put("UnmodifiableSorted", Collections.unmodifiableSortedSet(with(new TreeSet<>())))
            .put("Synchronized", Collections.synchronizedSet(with(new TreeSet<>()))).put("Empty", Collections.emptySet());
    }

    static Cage maps() {
        Properties properties = new Properties(map0());
        properties.setProperty("k", "v");
        return new Cage().put("HashMap", map(new HashMap<>())).put("LinkedHashMap", map(new LinkedHashMap<>()))
            .put("TreeMap", map(new TreeMap<>())).put("Reversed", map(new TreeMap<>(Collections.reverseOrder())))
            .put("Hashtable", map(new Hashtable<>())).put("Properties", properties)
            .put("Concurrent", map(new ConcurrentHashMap<>())).put("SkipList", map(new ConcurrentSkipListMap<>()))
            .put("Identity", map(new IdentityHashMap<>())).put("EnumMap", new EnumMap<>(Map.of(Colour.GREEN, 1)))
            .put("MapOf", Map.of("one", 1)).put("MapOf0", Map.of()).put("Single", Collections.singletonMap("one", 1))
            .put("Empty", Collections.emptyMap()).put("Unmodifiable", Collections.unmodifiableMap(map(new TreeMap<>())))
            .put("Synchronized", Collections.synchronizedMap(map(new HashMap<>())))
            .put("Checked", Collections.checkedMap(map(new HashMap<>()), String.class, Integer.class))
            .put("NullValue", new HashMap<>(Collections.singletonMap(null, null)))
            .put("Entry", Map.entry("a", 1) instanceof Serializable ? null : new AbstractMap.SimpleEntry<>("a", 1))
            .put("Descriptor", new ImmutableDescriptor("units=seconds", "other=1"));
    }

    private static Properties map0() {
        Properties defaults = new Properties();
        defaults.setProperty("default", "d");
        return defaults;
    }

    static Cage numbers() {
        LongAdder adder = new LongAdder();
        adder.add(8);
        DoubleAdder doubles = new DoubleAdder();
        doubles.add(0.5);
        return new Cage().put("Boolean", true).put("Byte", (byte) -8).put("Short", (short) -16).put("Int", -32).put("Long", Long.MIN_VALUE)
            .put("Float", 1.5f).put("Double", 0.1).put("NaN", Double.NaN).put("Infinite", Float.POSITIVE_INFINITY).put("Char", '\u00e9')
            .put("HalfPair", '\ud83d').put("Nothing", null).put("AtomicInteger", new AtomicInteger(3)).put("AtomicLong", new AtomicLong(4))
            .put("AtomicBoolean", new AtomicBoolean(true)).put("LongAdder", adder).put("DoubleAdder", doubles)
            .put("AtomicReference", new AtomicReference<>("inside")).put("AtomicLongArray", new AtomicLongArray(new long[] {1, 2}))
            .put("BigZero", BigInteger.ZERO).put("Big", new BigInteger("-123456789012345678901234567890"))
            .put("Huge", BigInteger.TWO.pow(2000)).put("TooHuge", BigInteger.TWO.pow(20000))
            .put("Decimal", new BigDecimal("-12345678901234567890.00123")).put("SmallDecimal", new BigDecimal("1E-10"))
            .put("WideDecimal", new BigDecimal("12E+20")).put("Unit", TimeUnit.SECONDS).put("Constant", Colour.GREEN);
    }

    static Cage times() {
        LocalDateTime noon = LocalDateTime.of(2024, 2, 29, 12, 0);
        return new Cage().put("Date", new Date(1234567890123L)).put("Timestamp", new java.util.GregorianCalendar(TimeZone.getTimeZone("UTC")).getGregorianChange())
            .put("Duration", Duration.ofMillis(-1500)).put("Instant", Instant.ofEpochSecond(-1, 5)).put("LocalDate", noon.toLocalDate())
            .put("Hour", LocalTime.of(7, 0)).put("Minute", LocalTime.of(7, 5)).put("Second", LocalTime.of(7, 5, 9))
            .put("Nano", LocalTime.of(7, 5, 9, 1)).put("LocalDateTime", noon).put("Zoned", noon.atZone(ZoneId.of("Europe/Berlin")))
            .put("ZonedOffset", noon.atZone(ZoneOffset.ofHours(2))).put("Region", ZoneId.of("Europe/Berlin")).put("Offset", ZoneOffset.ofTotalSeconds(1))
            .put("OffsetTime", OffsetTime.of(LocalTime.NOON, ZoneOffset.ofHours(-2))).put("OffsetDateTime", noon.atOffset(ZoneOffset.UTC))
            .put("Year", Year.of(-44)).put("YearMonth", YearMonth.of(2024, 2)).put("MonthDay", MonthDay.of(2, 29))
            .put("Period", Period.of(1, -2, 3)).put("Day", DayOfWeek.FRIDAY).put("Uuid", new UUID(1, 2));
    }

    static Cage objects() throws Exception {
        ClassLoader loader = Zoo.class.getClassLoader();
        Object proxy = Proxy.newProxyInstance(loader, new Class<?>[] {Runnable.class, Comparable.class}, new Handler());
        Object[] self = new Object[] {null, "end"};
        self[0] = self;
        return new Cage().put("Text", "text").put("Emoji", "grin \ud83d\ude00 \u00e9").put("Nul", "a\0b").put("NoText", "")
            .put("Parent", new Parent()).put("Child", new Child()).put("Grandchild", new Grandchild()).put("Point", new Point(1, -2))
            .put("Replaced", new Replaced()).put("Proxy", proxy).put("Cycle", self).put("Class", String.class).put("Enum", Colour.RED)
            .put("Name", new ObjectName("z:b=2,a=1")).put("Uri", new java.net.URI("http://a/b")).put("Locale", Locale.GERMANY)
            .put("Address", java.net.InetAddress.getByAddress("here", new byte[] {127, 0, 0, 1})).put("Bits", BitSet.valueOf(new long[] {5}))
            .put("Thrown", new IllegalStateException("as a value", new IOException("its cause")))
            .put("Instance", new ObjectInstance("a:b=c", "Some")).put("Attribute", new Attribute("n", 1))
            .put("Info", new MBeanAttributeInfo("n", "int", "d", true, false, false));
    }

    static final String[] ITEMS = {"name", "count"};

    static CompositeType rowType() throws OpenDataException {
        return new CompositeType("Row", "a row", ITEMS, new String[] {"its name", "how many"},
            new OpenType<?>[] {SimpleType.STRING, SimpleType.LONG});
    }

    static Cage open() throws Exception {
        CompositeType row = rowType();
        TabularType type = new TabularType("Rows", "rows", row, new String[] {"name"});
        TabularDataSupport table = new TabularDataSupport(type);
        CompositeData one = new CompositeDataSupport(row, ITEMS, new Object[] {"one", 1L});
        table.put(one);
        table.put(new CompositeDataSupport(row, ITEMS, new Object[] {"two", null}));
        CompositeType nested = new CompositeType("Nested", "composites in composites", new String[] {"row", "rows", "array"},
            new String[] {"r", "t", "a"}, new OpenType<?>[] {row, type, new ArrayType<>(2, SimpleType.DATE)});
        return new Cage().put("Composite", one).put("Table", table).put("NoRows", new TabularDataSupport(type))
            .put("Array", new CompositeData[] {one, null}).put("Type", nested).put("Primitive", ArrayType.getPrimitiveArrayType(long[][].class))
            .put("Nested", new CompositeDataSupport(nested, new String[] {"row", "rows", "array"}, new Object[] {one, table, new Date[][] {{new Date(1)}}}))
            .put("Usage", new MemoryUsage(-1, 2, 3, 4).toString()).put("List", new AttributeList(List.of(new Attribute("n", one))))
            .put("Info", ManagementFactory.getPlatformMBeanServer().getMBeanInfo(new ObjectName("zoo:type=open-info")));
    }

    /** An open bean: its types are in fields of its infos. */
    static class Open extends Cage {
        @Override public MBeanInfo getMBeanInfo() {
            try {
                OpenMBeanParameterInfo parameter = new OpenMBeanParameterInfoSupport("level", "how much", SimpleType.INTEGER, 3, 1, 9);
                return new OpenMBeanInfoSupport("Zoo$Open", "an open bean",
                    new OpenMBeanAttributeInfo[] {
                        new OpenMBeanAttributeInfoSupport("Level", "limited", SimpleType.INTEGER, true, true, false, 3, 1, 9),
                        new OpenMBeanAttributeInfoSupport("Mode", "one of", SimpleType.STRING, true, false, false, "a", new String[] {"a", "b"}),
                        new OpenMBeanAttributeInfoSupport("Row", "composite", rowType(), true, false, false)},
                    new OpenMBeanConstructorInfo[] {new OpenMBeanConstructorInfoSupport("Open", "makes one", new OpenMBeanParameterInfo[] {parameter})},
                    new OpenMBeanOperationInfo[] {new OpenMBeanOperationInfoSupport("reset", "anew", new OpenMBeanParameterInfo[] {parameter}, rowType(), MBeanOperationInfo.ACTION_INFO)},
                    new MBeanNotificationInfo[] {new MBeanNotificationInfo(new String[] {"a.b", "c"}, Notification.class.getName(), "tells", new ImmutableDescriptor("severity=5"))});
            } catch (OpenDataException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    public interface ShelfMXBean {
        long getSize();
        void setSize(long size);
        boolean isOpen();
        MemoryUsage getUsage();
        Map<String, List<Colour>> getColours();
        int[][] getGrid();
        MemoryUsage find(String name, int[] places);
    }

    public static class Shelf implements ShelfMXBean {
        public long getSize() { return 1; }
        public void setSize(long size) { }
        public boolean isOpen() { return true; }
        public MemoryUsage getUsage() { return new MemoryUsage(-1, 2, 3, 4); }
        public Map<String, List<Colour>> getColours() { return Map.of("all", List.of(Colour.values())); }
        public int[][] getGrid() { return new int[][] {{1}, {}}; }
        public MemoryUsage find(String name, int[] places) { return null; }
    }

    /** For the model bean. */
    public static class Plain {
        public String getState() { return "fine"; }
        public void stop() { }
    }

    static RequiredModelMBean model() throws Exception {
        Descriptor attribute = new DescriptorSupport("name=State", "descriptorType=attribute", "getMethod=getState", "units=none", "currencyTimeLimit=-1");
        Descriptor get = new DescriptorSupport("name=getState", "descriptorType=operation", "class=Zoo$Plain", "role=getter");
        Descriptor stop = new DescriptorSupport("name=stop", "descriptorType=operation", "class=Zoo$Plain", "role=operation");
        ModelMBeanInfo info = new ModelMBeanInfoSupport(Plain.class.getName(), "a model bean",
            new ModelMBeanAttributeInfo[] {new ModelMBeanAttributeInfo("State", "java.lang.String", "how it is", true, false, false, attribute)},
            new ModelMBeanConstructorInfo[] {new ModelMBeanConstructorInfo("makes one", Plain.class.getConstructor())},
            new ModelMBeanOperationInfo[] {
                new ModelMBeanOperationInfo("getState", "getter", new MBeanParameterInfo[0], "java.lang.String", MBeanOperationInfo.INFO, get),
                new ModelMBeanOperationInfo("stop", "ends it", new MBeanParameterInfo[0], "void", MBeanOperationInfo.ACTION, stop)},
            new ModelMBeanNotificationInfo[0]);
        RequiredModelMBean bean = new RequiredModelMBean(info);
        bean.setManagedResource(new Plain(), "ObjectReference");
        return bean;
    }

    public static void main(String[] args) throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        Cage open = new Open().put("Level", 3).put("Mode", "a").put("Row", null);
        server.registerMBean(open, new ObjectName("zoo:type=open-info"));
        server.registerMBean(new Shelf(), new ObjectName("zoo:type=mxbean"));
        server.registerMBean(model(), new ObjectName("zoo:type=model"));
        server.registerMBean(arrays(), new ObjectName("zoo:type=arrays"));
        server.registerMBean(collections(), new ObjectName("zoo:type=collections"));
        server.registerMBean(sets(), new ObjectName("zoo:type=sets"));
        server.registerMBean(maps(), new ObjectName("zoo:type=maps"));
        server.registerMBean(numbers(), new ObjectName("zoo:type=numbers"));
        server.registerMBean(times(), new ObjectName("zoo:type=times"));
        server.registerMBean(objects(), new ObjectName("zoo:type=objects"));
        server.registerMBean(open(), new ObjectName("zoo:type=open"));
        server.registerMBean(new Cage().put("Text", "0123456789abcde\n".repeat(4100)), new ObjectName("zoo:type=long"));
        System.out.println("ready");
        while (System.in.read() >= 0) { }
    }
}
