package conformance;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** Certificates as the cases see them: made by ../issue, registered through `azimuth hub certificate`. */
final class Certificates {
    private static final char[] PASSWORD = "public".toCharArray();
    private static final Path FOLDER = folder();

    private Certificates() {}

    private static Path folder() {
        try {
            return Files.createTempDirectory("azimuth-x509-");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static Path file(String name) {
        return FOLDER.resolve(name);
    }

    /** Makes a certificate; see ../issue. */
    static void issue(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getenv("CONFORMANCE") + "/issue", FOLDER.toString()));
        command.addAll(List.of(words));
        Program.run(command);
    }

    static String thumbprint(String name) throws Exception {
        try (InputStream pem = Files.newInputStream(file(name + ".pem"))) {
            byte[] der = CertificateFactory.getInstance("X.509").generateCertificate(pem).getEncoded();
            return HexFormat.of().withUpperCase().formatHex(MessageDigest.getInstance("SHA-1").digest(der));
        }
    }

    /** What shows the certificate of that name, and trusts whom the JVM trusts. */
    static SSLContext context(String name) throws Exception {
        Path store = file(name + ".p12");
        Program.run(List.of("openssl", "pkcs12", "-export", "-in", file(name + ".chain.pem").toString(), "-inkey",
            file(name + ".key").toString(), "-passout", "pass:public", "-out", store.toString()));
        KeyStore keys = KeyStore.getInstance(store.toFile(), PASSWORD);
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLSv1.2");
        context.init(managers.getKeyManagers(), null, null);
        return context;
    }

    /** Runs `use` while the hub knows a root, a line below which has issued a certificate for the device. */
    static void withAuthority(String deviceId, Check.Body use) throws Exception {
        String root = deviceId + "-root";
        issue(root, "Matrix Root", "self", "ca");
        issue(deviceId + "-line", "Matrix Line", root, "ca");
        issue(deviceId, deviceId, deviceId + "-line");
        Program.azimuth("hub", "certificate", "create", "-n", root, "-p", file(root + ".pem").toString(), "--verified");
        try {
            use.run();
        } finally {
            Program.azimuth("hub", "certificate", "delete", "-n", root);
        }
    }
}
