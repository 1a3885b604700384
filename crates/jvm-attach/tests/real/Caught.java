import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.util.Optional;

/** Ends at a SIGQUIT, as a native library can make it: the handler is the C library's _exit. For Java 22 and newer. */
public class Caught {
    public static void main(String[] args) throws Throwable {
        Class<?> linkers = type("Linker");
        Object linker = linkers.getMethod("nativeLinker").invoke(null);
        Object library = linkers.getMethod("defaultLookup").invoke(linker);
        Object address = type("ValueLayout").getField("ADDRESS").get(null);
        Object number = type("ValueLayout").getField("JAVA_INT").get(null);
        Object arguments = Array.newInstance(type("MemoryLayout"), 2);
        Array.set(arguments, 0, number);
        Array.set(arguments, 1, address);
        Object signature = type("FunctionDescriptor")
                .getMethod("of", type("MemoryLayout"), arguments.getClass())
                .invoke(null, address, arguments);
        Object options = Array.newInstance(type("Linker$Option"), 0);
        Method handle = linkers.getMethod(
                "downcallHandle", type("MemorySegment"), type("FunctionDescriptor"), options.getClass());
        Object signal = handle.invoke(linker, symbol(library, "signal"), signature, options);
        ((java.lang.invoke.MethodHandle) signal).invokeWithArguments(3, symbol(library, "_exit"));
        System.out.println("ready");
        while (System.in.read() >= 0) {}
    }

    private static Class<?> type(String name) throws Exception {
        return Class.forName("java.lang.foreign." + name);
    }

    private static Object symbol(Object library, String name) throws Exception {
        Method find = type("SymbolLookup").getMethod("find", String.class);
        return ((Optional<?>) find.invoke(library, name)).orElseThrow();
    }
}
