package conformance;

import static conformance.Check.equal;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;

/** Files of Capture, in each codec, read by Avro's own library. */
public final class Captured {
    private static final int EVENTS = 3;
    private static final int SECONDS = 60;

    private Captured() {}

    /** A server on free ports, whose minute of Capture has 1.2 s. */
    private static Process serve(Path data) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(System.getenv("AZIMUTH"), "serve", "--data", data.toString(), "--hostname",
            "localhost", "--bind", "127.0.0.1", "--mqtt-port", "0", "--amqp-port", "0", "--https-port", "0", "--console", "off",
            "--log-level", "warn");
        builder.environment().put("AZIMUTH_CAPTURE_SECOND_US", "20000");
        Process server = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        equal("that the server is ready", server.inputReader().readLine() != null, true);
        return server;
    }

    private static List<File> files(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(path -> path.toString().endsWith(".avro")).map(Path::toFile).toList();
        }
    }

    /** Records of the files of that codec. */
    private static List<GenericRecord> records(Path folder, String codec) throws IOException {
        List<GenericRecord> found = new ArrayList<>();
        for (File file : files(folder)) {
            try (DataFileReader<GenericRecord> reader = new DataFileReader<>(file, new GenericDatumReader<>())) {
                equal("the schema", reader.getSchema().getFullName(), "Microsoft.ServiceBus.Messaging.EventData");
                equal("the codec", reader.getMetaString("avro.codec"), codec);
                reader.forEach(found::add);
            }
        }
        return found;
    }

    private static void look(GenericRecord record, long number, String body) {
        Map<?, ?> system = (Map<?, ?>) record.get("SystemProperties");
        Map<?, ?> properties = (Map<?, ?>) record.get("Properties");
        equal("the number", record.get("SequenceNumber"), number);
        equal("the offset", record.get("Offset").toString(), Long.toString(number));
        equal("the device", system.get(new Utf8("iothub-connection-device-id")).toString(), "d1");
        equal("the content type", system.get(new Utf8("content-type")).toString(), "text/plain");
        equal("a property", properties.get(new Utf8("a")).toString(), "b");
        equal("the body", StandardCharsets.UTF_8.decode((ByteBuffer) record.get("Body")).toString(), body);
    }

    private static void capture(Path data, String encoding, String codec, int first) throws Exception {
        Path folder = data.resolve("capture").resolve(codec);
        Program.azimuthAt(data.toString(), "hub", "capture", "create", "--folder", codec, "--capture-interval", "60",
            "--skip-empty-archives", "--encoding", encoding);
        for (int n = 0; n < EVENTS; n++) {
            Program.azimuthAt(data.toString(), "device", "send-d2c-message", "-d", "d1", "--da", "hello " + (first + n), "--props",
                "$.ct=text/plain;a=b");
        }
        long end = System.nanoTime() + SECONDS * 1_000_000_000L;
        List<GenericRecord> found = records(folder, codec);
        while (found.size() < EVENTS) {
            equal("that files come within " + SECONDS + " s", System.nanoTime() < end, true);
            Thread.sleep(50);
            found = records(folder, codec);
        }
        equal("the events", found.size(), EVENTS);
        found.sort(Comparator.comparingLong(one -> (long) one.get("SequenceNumber")));
        for (int n = 0; n < EVENTS; n++) {
            look(found.get(n), first + n, "hello " + (first + n));
        }
    }

    private static void remove(Path data) throws IOException {
        try (Stream<Path> all = Files.walk(data)) {
            all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        }
    }

    public static void main(String[] words) throws Exception {
        Path data = Files.createTempDirectory("azimuth-captured-");
        Process server = serve(data);
        boolean good;
        try {
            Program.azimuthAt(data.toString(), "hub", "device-identity", "create", "-d", "d1");
            good = new Check()
                .add("files without a codec", () -> capture(data, "Avro", "null", 0))
                .add("files in deflate", () -> capture(data, "AvroDeflate", "deflate", EVENTS))
                .add("files in snappy", () -> capture(data, "AvroSnappy", "snappy", 2 * EVENTS))
                .runAll("java capture");
        } finally {
            server.destroyForcibly().waitFor();
            remove(data);
        }
        System.exit(good ? 0 : 1);
    }
}
