import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import javax.management.ObjectName;
import javax.management.StandardMBean;

/** A JVM with a bean of values that are easily got wrong, until its stdin ends. */
public class Odd {
    public interface OddMBean {
        double getNotANumber();
        double getInfinite();
        double getLargeDouble();
        double getTinyDouble();
        double getZero();
        long getMax();
        long getMin();
        long getBeyondDoubles();
        int getInt();
        short getShort();
        byte getByte();
        char getChar();
        boolean isTrue();
        String getText();
        String getControl();
        String getLong();
        String getNothing();
        String getErrorLike();
        String getUnsupportedLike();
        BigInteger getBigInteger();
        TimeUnit getUnit();
        Date getDate();
        ObjectName getName();
        long[] getLongs();
        List<String> getList();
        Map<String, Long> getMap();
        BigDecimal getDecimal();
        Object getThrows();
        Object getUnsupported();
    }

    /** Its field keeps it from being sent over RMI. */
    public static class Unsendable {
        public int getAnswer() {
            return 42;
        }
    }

    public interface StubbornMBean {
        Unsendable getUnsendable();
        int getFine();
    }

    public static class Values implements OddMBean {
        public double getNotANumber() { return Double.NaN; }
        public double getInfinite() { return Double.POSITIVE_INFINITY; }
        public double getLargeDouble() { return 1e300; }
        public double getTinyDouble() { return 5e-324; }
        public double getZero() { return 0.0; }
        public long getMax() { return Long.MAX_VALUE; }
        public long getMin() { return Long.MIN_VALUE; }
        public long getBeyondDoubles() { return (1L << 53) + 1; }
        public int getInt() { return 5; }
        public short getShort() { return 3; }
        public byte getByte() { return -1; }
        public char getChar() { return 'x'; }
        public boolean isTrue() { return true; }
        public String getText() { return "h\u00e9llo \"q\" \uD83D\uDE00"; }
        public String getControl() { return "a\u001b[31mb\nc"; }
        public String getLong() { return "x".repeat(5000); }
        public String getNothing() { return null; }
        public String getErrorLike() { return "ERROR: this is what it holds"; }
        public String getUnsupportedLike() { return "Unsupported"; }
        public BigInteger getBigInteger() { return new BigInteger("123456789012345678901234567890"); }
        public TimeUnit getUnit() { return TimeUnit.SECONDS; }
        public Date getDate() { return new Date(1700000000123L); }
        public ObjectName getName() { return named("b:z=1,a=2"); }
        public long[] getLongs() { return new long[] {1, Long.MAX_VALUE}; }
        public List<String> getList() { return List.of("a", "b"); }
        public Map<String, Long> getMap() { return Map.of("k", 1L); }
        public BigDecimal getDecimal() { return new BigDecimal("1.5"); }
        public Object getThrows() { throw new IllegalStateException("no value today"); }
        public Object getUnsupported() { throw new UnsupportedOperationException("not here"); }
    }

    public static class Stubborn implements StubbornMBean {
        public Unsendable getUnsendable() { return new Unsendable(); }
        public int getFine() { return 7; }
    }

    static ObjectName named(String name) {
        try {
            return new ObjectName(name);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    public static void main(String[] args) throws Exception {
        var server = ManagementFactory.getPlatformMBeanServer();
        server.registerMBean(
            new StandardMBean(new Values(), OddMBean.class), named("odd:type=Odd,z=1,a=\"q,x\\*\\\"\""));
        server.registerMBean(new StandardMBean(new Stubborn(), StubbornMBean.class), named("odd:type=Stubborn"));
        System.out.println("ready");
        while (System.in.read() >= 0) {}
    }
}
