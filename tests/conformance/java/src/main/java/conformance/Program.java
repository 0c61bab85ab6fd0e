package conformance;

import java.util.ArrayList;
import java.util.List;

/** Programs that the cases call. */
final class Program {
    private Program() {}

    /** What it prints; that it fails is an error. */
    static String run(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes()).trim();
        if (process.waitFor() != 0) {
            throw new AssertionError(String.join(" ", command) + " failed: " + said);
        }
        return said;
    }

    /** `azimuth WORDS` with the directory of the hub under test. */
    static String azimuth(String... words) throws Exception {
        return azimuthAt(System.getenv("HUB_DATA"), words);
    }

    static String azimuthAt(String data, String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getenv("AZIMUTH")));
        command.addAll(List.of(words));
        command.addAll(List.of("--data", data));
        return run(command);
    }
}
