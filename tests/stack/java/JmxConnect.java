import java.util.HashMap;
import java.util.Map;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import javax.rmi.ssl.SslRMIClientSocketFactory;

/**
 * Connects to a JMX port at host:port. System properties: jmx.user and jmx.password; jmx.registry.tls=true where the
 * registry speaks TLS, too. Whether the RMI server does is in its stub.
 */
final class JmxConnect {
    private JmxConnect() {}

    static JMXConnector to(String address) throws Exception {
        Map<String, Object> environment = new HashMap<>();
        String user = System.getProperty("jmx.user");
        if (user != null) {
            environment.put(JMXConnector.CREDENTIALS, new String[] {user, System.getProperty("jmx.password")});
        }
        if (Boolean.getBoolean("jmx.registry.tls")) {
            environment.put("com.sun.jndi.rmi.factory.socket", new SslRMIClientSocketFactory());
        }
        String url = "service:jmx:rmi:///jndi/rmi://" + address + "/jmxrmi";
        return JMXConnectorFactory.connect(new JMXServiceURL(url), environment);
    }
}
