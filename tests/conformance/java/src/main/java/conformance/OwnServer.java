package conformance;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;

/** A server of the cases' own, which they may kill, on the standard ports of an address where nobody else is. Its CA
 * is that of the hub under test, which the JVM trusts. */
final class OwnServer {
    static final String HOST = System.getenv("HUB_SPARE_HOST");
    private final Path data;
    private Process process;

    OwnServer() throws Exception {
        data = Files.createTempDirectory("azimuth-own-");
        Path authority = Path.of(System.getenv("HUB_CA")).getParent();
        for (String file : new String[] {"ca.pem", "ca.key"}) {
            Files.copy(authority.resolve(file), data.resolve(file));
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::end));
        start();
    }

    private void start() throws Exception {
        process = new ProcessBuilder(System.getenv("AZIMUTH"), "serve", "--data", data.toString(), "--hostname", HOST,
            "--bind", System.getenv("HUB_SPARE_ADDRESS"), "--console", "off")
            .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        if (process.inputReader().readLine() == null) {
            throw new AssertionError("the server ended before it was ready");
        }
    }

    /** Kills it and starts it again. */
    void restart() throws Exception {
        process.destroyForcibly().waitFor();
        start();
    }

    String owner() throws Exception {
        return Program.azimuthAt(data.toString(), "connection-string", "--policy", "iothubowner");
    }

    void end() {
        process.destroyForcibly();
        File[] files = data.toFile().listFiles();
        for (File one : files == null ? new File[0] : files) {
            one.delete();
        }
        data.toFile().delete();
    }
}
