import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.util.Base64;

/** Prints a private key as PKCS#8 in PEM, which keytool cannot. Arguments: PKCS#12 file, password, alias. */
public class ExportKey {
    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        char[] password = args[1].toCharArray();
        try (InputStream in = new FileInputStream(args[0])) {
            store.load(in, password);
        }
        Base64.Encoder encoder = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));
        System.out.println("-----BEGIN PRIVATE KEY-----");
        System.out.println(encoder.encodeToString(store.getKey(args[2], password).getEncoded()));
        System.out.println("-----END PRIVATE KEY-----");
    }
}
